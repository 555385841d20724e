//go:build unix

package local

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// TestKill kills a writer at random moments. IOCHUNT_KILLS is how often.
func TestKill(t *testing.T) {
	rounds := number(t, "IOCHUNT_KILLS", 60)
	dir, total := "", 0
	for round := range rounds {
		if round%10 == 0 {
			dir = t.TempDir()
		}
		c := child(t, "put", dir)
		last, said := acks(t, c, func() {
			time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { _ = c.Process.Kill() })
		})
		if said != "" {
			t.Fatal(said)
		}
		survived(t, dir, last)
		total += last
	}
	t.Logf("%d kills, the last after %d acknowledged batches", rounds, total)
}

// survived opens a store whose writer died, and expects all that was
// acknowledged up to batch last, and no half batch.
func survived(t *testing.T, dir string, last int) {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	cursor, err := s.Cursor(t.Context(), "kill")
	if err != nil {
		t.Fatal(err)
	}
	at, _ := strconv.Atoi(string(cursor))
	if at < last {
		t.Fatalf("batch %d was acknowledged and is lost: the cursor is %d", last, at)
	}
	reports := 0
	err = s.read(t.Context(), func(q *snapshot) error {
		return each(q, "SELECT name, complete, live FROM report", nil, func(row scanner) error {
			var name, complete string
			var live int
			err := row(&name, &complete, &live)
			if live != killMembers || name == "rolling" && complete != string(cursor) {
				t.Errorf("report %s has %d members, revision %s, at cursor %s", name, live, complete, cursor)
			}
			reports++
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := at + min(at, 1); reports != want {
		t.Errorf("%d reports at cursor %d", reports, at)
	}
	judgedOn(t, s)
}

// judgedOn makes the pass anew in which a writer died, and expects each
// observable to be judged by its rules: those of the pass, where it was complete,
// need not be applied again to what they had judged.
func judgedOn(t *testing.T, s *Store) {
	t.Helper()
	rules, pending, err := s.ArmingState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 7
	if _, err := fmt.Sscanf(rules, "rules %d", &n); rules != "" && err != nil {
		t.Fatal(rules, err)
	}
	done, err := s.Judge(t.Context(), fmt.Sprint("rules ", n), killJudge(n))
	if err != nil || rules != "" && !pending && done.Observables != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	for o, err := range s.Observables(t.Context(), ioc.Filter{Disarmed: true}) {
		a, wrong := s.Arming(t.Context(), o)
		if want := killJudge(n)(o, ioc.Facts{}); err != nil || wrong != nil || a.Disarmed != want.Disarmed {
			t.Fatalf("%v by rules %d: %+v, %v, %v", o, n, a, err, wrong)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDiskFull: what was stored before stays, and the error says what is wrong.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	last, said := acks(t, child(t, "full", dir), func() {})
	if last < 3 || !strings.Contains(said, FileName) || !strings.Contains(said, "nothing of this step was stored") {
		t.Errorf("after %d batches: %q", last, said)
	}
	survived(t, dir, last)
	s := open(t, dir)
	if _, err := s.PutBatch(t.Context(), "kill", ioc.Batch{Next: "1000"}); err != nil {
		t.Errorf("there is room again: %v", err)
	}
}

// TestReadOnly: a store that may not be written can be read.
func TestReadOnly(t *testing.T) {
	// Not t.TempDir, which others may not enter.
	dir, err := os.MkdirTemp("", "iochunt-readonly-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Chmod(dir, 0o700) // RemoveAll tells what matters
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir)
	if _, err := s.PutBatch(t.Context(), "kill", killBatch(7)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{filepath.Join(dir, FileName): 0o444, dir: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if _, said := acks(t, child(t, "readonly", dir), func() {}); said != "cursor 7" {
		t.Errorf("it says %q", said)
	}
}
