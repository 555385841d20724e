//go:build race

package match

// race says that the tests run under the race detector, ten times slower and
// with a sync.Pool that forgets on purpose.
const race = true
