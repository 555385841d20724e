// Package peers installs the programs that iochunt's matcher is compared with:
// GNU grep, ripgrep, ugrep, and, as small programs of our own round them, the
// libraries Hyperscan (hyperscan/scan.c) and aho-corasick (ahocorasick/).
//
// Nothing is installed system-wide: packages of Debian are unpacked, crates are
// built, into one folder. What is there already is kept. A peer that cannot be
// had says why, so that a table of results can say it too.
package peers
