//! The aho-corasick crate as a program, for the benchmark.
//!
//!     ahocorasick dfa|nfa LIST FILE...
//!
//! prints FILE:OFFSET of every match, and on standard error "setup CPU WALL scan
//! CPU WALL" in seconds; setup is reading the list and building the automaton.
//! Files are read in blocks of 1 MiB that end at a line's end.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::time::Instant;

const BLOCK: usize = 1 << 20;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, out: *mut Timespec) -> i32;
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    const PROCESS: i32 = 2; // CLOCK_PROCESS_CPUTIME_ID of Linux
    let mut t = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the C library writes one timespec of 64-bit Linux to where it is told.
    unsafe { clock_gettime(PROCESS, &mut t) };
    t.seconds as f64 + t.nanoseconds as f64 * 1e-9
}

fn build(kind: &str, list: &str) -> Result<AhoCorasick, Box<dyn Error>> {
    let kind = match kind {
        "dfa" => AhoCorasickKind::DFA,
        "nfa" => AhoCorasickKind::ContiguousNFA,
        other => return Err(format!("no automaton {other:?}; there are dfa and nfa").into()),
    };
    let text = std::fs::read(list)?;
    let literals = text.split(|&c| c == b'\n').filter(|l| !l.is_empty());
    Ok(AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).kind(Some(kind)).build(literals)?)
}

/// Scans whole lines; what is left of the last one goes before the next block.
fn scan(automaton: &AhoCorasick, path: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut file = File::open(path)?;
    let (mut buf, mut have, mut base) = (vec![0; BLOCK], 0, 0);
    loop {
        if have == buf.len() {
            buf.resize(2 * have, 0); // a line longer than a block
        }
        let n = file.read(&mut buf[have..])?;
        have += n;
        let end = buf[..have].iter().rposition(|&c| c == b'\n').map_or(0, |i| i + 1);
        let cut = if n == 0 { have } else { end };
        for m in automaton.find_iter(&buf[..cut]) {
            writeln!(out, "{path}:{}", base + m.start())?;
        }
        if n == 0 {
            return Ok(());
        }
        buf.copy_within(cut..have, 0);
        have -= cut;
        base += cut;
    }
}

fn run(kind: &str, list: &str, files: &[String]) -> Result<(), Box<dyn Error>> {
    let (cpu0, wall0) = (cpu(), Instant::now());
    let automaton = build(kind, list)?;
    let (setup_cpu, setup) = (cpu() - cpu0, wall0.elapsed().as_secs_f64());
    let (cpu1, wall1) = (cpu(), Instant::now());
    let mut out = BufWriter::new(io::stdout().lock());
    for f in files {
        scan(&automaton, f, &mut out)?;
    }
    out.flush()?;
    eprintln!("setup {setup_cpu:.6} {setup:.6} scan {:.6} {:.6}", cpu() - cpu1, wall1.elapsed().as_secs_f64());
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let done = match args.as_slice() {
        [_, kind, list, files @ ..] if !files.is_empty() => run(kind, list, files),
        _ => Err("usage: ahocorasick dfa|nfa LIST FILE...".into()),
    };
    if let Err(e) = done {
        eprintln!("ahocorasick: {e}");
        std::process::exit(2);
    }
}
