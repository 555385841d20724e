//go:build !race

package match

const race = false
