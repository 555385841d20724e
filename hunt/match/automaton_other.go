//go:build !amd64

package match

var gramsFast = false

// markFast is never called.
func markFast(marks, t *byte, groups int, p *gramPass) {}
