package alive

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestSelfLives(t *testing.T) {
	if Dead(Self()) {
		t.Errorf("%q is said to be dead", Self())
	}
	if len(strings.Fields(Self())) != 3 {
		t.Errorf("%q", Self())
	}
}

func TestDead(t *testing.T) {
	if strings.HasPrefix(Self(), unknown) {
		t.Skip("this system does not tell of processes")
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	pid := cmd.Process.Pid
	name := place() + " " + strconv.Itoa(pid) + " " + started(pid)
	if Dead(name) {
		t.Errorf("%q lives, and is said to be dead", name)
	}
	if other := place() + " " + strconv.Itoa(pid) + " 1"; !Dead(other) {
		t.Errorf("%q: another process has its id now", other)
	}
	_ = cmd.Process.Kill()
	for !Dead(name) { // a process that was killed is not buried before Wait
		_ = cmd.Wait()
	}
	if !Dead(name + " more words") {
		t.Error("what follows the name counts")
	}
}

func TestUnknownIsNotDead(t *testing.T) {
	for _, name := range []string{"", "host", "a b c", "other-boot/pid:[1] 1 99", place() + " x 1", place() + " 1 ?", place() + " -1 5"} {
		if Dead(name) {
			t.Errorf("%q: nothing is known of it", name)
		}
	}
}
