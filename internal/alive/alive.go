// Package alive names running processes so that another on the same machine can
// tell that one has died, and need not wait until its lease has run out.
//
// It answers "dead" only where it knows: the same boot of the same machine, the
// same space of process ids, and no process of that id, or one that started at
// another time. Of everything else, another machine or a container beside this
// one, it knows nothing, and a lease decides.
package alive

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// self is made once: none of it changes while the process runs.
var self = sync.OnceValue(func() string {
	place, pid := place(), os.Getpid()
	return strings.Join([]string{place, strconv.Itoa(pid), started(pid)}, " ")
})

// Self names this process.
func Self() string { return self() }

// Dead reports whether the process of that name is known to have ended.
func Dead(name string) bool {
	parts := strings.Fields(name)
	if len(parts) < 3 || parts[0] != place() || parts[0] == "" {
		return false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil || pid <= 0 || parts[2] == unknown {
		return false
	}
	now := started(pid)
	return now != parts[2]
}

// unknown stands for what this system does not tell.
const unknown = "?"

// place identifies a space of process ids: the machine, its boot, and the
// namespace within. "" where that is not known.
func place() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, spaceErr := os.Readlink("/proc/self/ns/pid")
	if err != nil || spaceErr != nil {
		return unknown + "-" + strconv.Itoa(os.Getpid()) // equal to nobody's
	}
	return strings.TrimSpace(string(boot)) + "/" + space
}

// started returns when a process was started, in ticks since the boot; "" if
// there is none, and unknown where that cannot be read.
func started(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if os.IsNotExist(err) {
		return ""
	}
	// The name of the program stands in brackets and may hold anything.
	_, rest, ok := strings.Cut(string(stat[max(0, strings.LastIndexByte(string(stat), ')')):]), ") ")
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 20 {
		return unknown
	}
	if fields[0] == "Z" || fields[0] == "X" { // ended, and only not yet buried
		return ""
	}
	return fields[19] // the 22nd of proc(5), counted from 1
}
