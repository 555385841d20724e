package match

import (
	"bytes"
	"runtime"
	"testing"
)

// fileBytes is the set file of s.
func fileBytes(t testing.TB, s *Set) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.write(&b, 42); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// atProcs runs f with so many processors.
func atProcs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}
