//go:build !amd64

package match

func bestKernel() (kernel func([]bitmap, []byte), name string) { return classifyPortable, "portable" }
