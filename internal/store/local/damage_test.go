package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// sample fills a store with something of everything, and returns its file.
func sample(t *testing.T) []byte {
	t.Helper()
	dir := write(t, sampleOld(t))
	s := open(t, dir)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.PutBatch(t.Context(), "list", listBatch("w", "1", "a list of \xff\x00 hosts", "a.example", "", "b\x00.example"))
	must(err)
	h := hit("4", 4)
	h.Direction, h.Outcome = ioc.Inbound, ioc.Allowed
	_, err = s.PutHits(t.Context(), []ioc.Hit{h})
	must(err)
	known := generated(0, 1, "a").Members[:2]
	must(s.Decide(t.Context(), []ioc.Decision{
		{Observable: known[0].Observable, Source: ioc.SourcePerson, Verdict: ioc.Arm, Why: "bad \x00", By: "me", At: time.Unix(5, 0)},
		{Observable: ioc.Observable{Type: ioc.Domain, Value: "unknown \xff"}, Source: "otx", Verdict: ioc.Disarm},
	}, disarmIPs))
	_, err = s.Judge(t.Context(), "rules", disarmIPs)
	must(err)
	_, _, err = s.MarkHits(t.Context(), store.HitFilter{IDs: []string{"2"}}, ioc.Mark{Verdict: ioc.TruePositive, Why: "seen", By: "me", At: time.Unix(6, 0)}, disarmIPs)
	must(err)
	must(s.PutNote(t.Context(), "lifetimes", "ip: 90d"))
	must(s.Check(t.Context()))
	must(s.Close())
	file, err := os.ReadFile(filepath.Join(dir, FileName))
	must(err)
	return file
}

// listBatch is a batch with a warninglist.
func listBatch(report, revision, name string, entries ...string) ioc.Batch {
	return ioc.Batch{
		Reports: []ioc.ReportList{{Report: ioc.Report{ID: report}, Revision: revision, Start: true, Last: true}},
		Lists:   []ioc.Warninglist{{ID: report, Name: name, Description: "d", Version: "7", Kind: "hostname", Attributes: []string{"domain", "url"}, Entries: entries}},
	}
}

// sampleOld is what a store of schema 1 could hold of sample.
func sampleOld(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	b := generated(0, 8, "a")
	b.Refused = []ioc.Refusal{{Report: b.Reports[0].ID, Type: "IPv4", Value: "999.1.1.1", Reason: "no address"}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.PutBatch(t.Context(), "otx", b)
	must(err)
	b = generated(4, 8, "b")
	for i := range b.Members {
		b.Members[i].Original = fmt.Sprint("original ", i)
	}
	_, err = s.PutBatch(t.Context(), "otx", b)
	must(err)
	_, err = s.PutBatch(t.Context(), "list", ioc.Batch{Members: []ioc.Member{{Report: "r", Observable: ioc.Observable{Type: "unknown", Value: "x"}},
		{Report: "r", Observable: b.Members[0].Observable}, {Report: "q", Observable: b.Members[1].Observable}}})
	must(err)
	_, err = s.PutBatch(t.Context(), "list", ioc.Batch{Gone: []string{"q"}})
	must(err)
	_, err = s.PutHits(t.Context(), []ioc.Hit{hit("1", 1), hit("2", 2), hit("3", 3)})
	must(err)
	must(s.PutRun(t.Context(), store.Run{Verb: "collect", Feed: "otx", Started: time.Unix(1, 0), Counters: map[string]int64{"new": 5}}))
	must(s.Check(t.Context()))
	must(s.Close())
	file, err := os.ReadFile(filepath.Join(dir, FileName))
	must(err)
	return file
}

// dump is all that can be asked of a store, in text.
func dump(t *testing.T, s *Store) (string, error) {
	t.Helper()
	var text strings.Builder
	var err error
	add := func(v any, e error) {
		b, bad := json.Marshal(v)
		text.Write(append(b, '\n'))
		err = errors.Join(err, e, bad)
	}
	for i, err := range s.List(t.Context(), store.ListFilter{}) {
		add(i, err)
		add(i.Arming, nil)
	}
	for _, f := range []ioc.Filter{{}, {Disarmed: true}} {
		for o, err := range s.Observables(t.Context(), f) {
			add(o, err)
		}
	}
	for _, feed := range []string{"otx", "list"} {
		for r, err := range s.Refused(t.Context(), feed) {
			add(r, err)
		}
	}
	for h, err := range s.Hits(t.Context(), store.HitFilter{}) {
		add(h, err)
	}
	for r, err := range s.Runs(t.Context(), store.RunFilter{}) {
		add(r, err)
	}
	for w, err := range s.Warninglists(t.Context()) {
		add(w, err)
	}
	for d, err := range s.Decisions(t.Context()) {
		add(d, err)
	}
	add(s.ListStates(t.Context()))
	add(s.Note(t.Context(), "lifetimes"))
	add(s.Arming(t.Context(), generated(0, 1, "a").Members[0].Observable))
	add(s.Facts(t.Context(), hit("", 0).Observable))
	add(s.Count(t.Context(), time.Unix(0, 0)))
	add(s.Feeds(t.Context()))
	add(s.Generation(t.Context()))
	add(s.Armed(t.Context()))
	return text.String(), err
}

// write puts a file in a directory of its own.
func write(t *testing.T, file []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDamage: a damaged file is an error of Open or Check, or it still says
// what it said. IOCHUNT_FLIPS is how many bits are flipped, one at a time.
func TestDamage(t *testing.T) {
	file := sample(t)
	s := open(t, write(t, file))
	want, err := dump(t, s)
	if err != nil {
		t.Fatal(err)
	}
	found, harmless := 0, 0
	try := func(what string, damaged []byte, repair bool) {
		t.Helper()
		dir := write(t, damaged)
		defer os.RemoveAll(dir)
		if err := sound(t, dir, want); err == nil {
			harmless++
			return
		}
		found++
		if repair {
			repaired(t, what, dir, want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range number(t, "IOCHUNT_FLIPS", 150) {
		at, bit := rng.IntN(len(file)), byte(1)<<rng.IntN(8)
		damaged := append([]byte(nil), file...)
		damaged[at] ^= bit
		try(fmt.Sprintf("byte %d ^ %d", at, bit), damaged, i%8 == 0)
	}
	for i := range 40 {
		at := rng.IntN(len(file) - 600)
		damaged := append([]byte(nil), file...)
		for k := range 600 {
			damaged[at+k] = byte(rng.Int())
		}
		try(fmt.Sprintf("600 bytes at %d", at), damaged, i%4 == 0)
	}
	for at := 1; at < len(file); at += 4096 * 5 {
		try(fmt.Sprintf("cut at %d", at), file[:at], at%5 == 0)
	}
	t.Logf("%d damages found, %d did not matter", found, harmless)
}

// sound returns what is wrong with a store; a store that has nothing wrong has
// to say what it said.
func sound(t *testing.T, dir, want string) error {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "iochunt doctor --repair") {
			t.Errorf("not a clear error: %v", err)
		}
		return err
	}
	got, err := dump(t, s)
	if err == nil && got != want {
		t.Errorf("damage that Check does not see:\n%s", cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
	}
	return err
}

// repaired repairs a store, and expects a sound one with nothing made up.
func repaired(t *testing.T, what, dir, want string) {
	t.Helper()
	done, err := Repair(t.Context(), dir)
	if errors.Is(err, ErrNewer) {
		return
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Errorf("%s: after repair: %v", what, err)
		return
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("%s: after repair: %v", what, err)
	}
	if _, err := os.Stat(done.Aside); err != nil {
		t.Errorf("%s: the damaged file: %v", what, err)
	}
	for o, err := range s.Observables(t.Context(), ioc.Filter{}) {
		if err != nil || !strings.Contains(want, text(o)) {
			t.Errorf("%s: after repair: %v, %v", what, o, err)
		}
	}
	if done.Memberships < 802 && !done.Collect {
		t.Errorf("%s: %+v does not say that members are missing", what, done)
	}
}

func text(o ioc.Observable) string {
	b, _ := json.Marshal(o) // of two strings
	return string(b)
}

func TestRepairSound(t *testing.T) {
	dir := write(t, sample(t))
	done, err := Repair(t.Context(), dir)
	if err != nil || done.Aside != "" {
		t.Errorf("a store without damage: %+v, %v", done, err)
	}
	if _, err := Repair(t.Context(), t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no store: %v", err)
	}
}

// TestRepairKeeps: damage in one place costs no more than that place.
func TestRepairKeeps(t *testing.T) {
	value := generated(1, 2, "").Members[5].Value
	file0 := sample(t)
	file := bytes.ReplaceAll(file0, []byte(value), []byte(value[:len(value)-1]+"!"))
	dir := write(t, file)
	done, err := Repair(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if done.Memberships != 801 || done.Hits != 4 || done.Runs != 1 || done.Refused != 1 || done.Decisions != 2 || done.Marks != 1 || done.Feeds != 2 || done.Reports != 10 || !done.Collect || len(done.Lost) != 1 {
		t.Errorf("%+v", done)
	}
	s := open(t, dir)
	if c, err := s.Cursor(t.Context(), "otx"); err != nil || c != "" {
		t.Errorf("the cursor is %q, %v: the lost member would not be read again", c, err)
	}
	if rules, pending, err := s.ArmingState(t.Context()); rules != "" || !pending || err != nil {
		t.Errorf("%q, %v, %v: nothing is judged yet", rules, pending, err)
	}
	if _, err := s.Judge(t.Context(), "rules", disarmIPs); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(said(t, open(t, write(t, file0))), said(t, s)); d != "" {
		t.Errorf("decisions, marks, lists and notes (-stored +saved):\n%s", d)
	}
}

// said is what was stored beside indicators, without times of storing.
func said(t *testing.T, s *Store) string {
	t.Helper()
	all, err := dump(t, s)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(all, "\n") {
		if strings.Contains(l, `"Entries":[`) || strings.Contains(l, `"Mark":`) || strings.Contains(l, `"source":`) ||
			strings.Contains(l, `"disarmed":`) || strings.HasPrefix(l, `"`) {
			lines = append(lines, l)
		}
	}
	if len(lines) < 10 {
		t.Errorf("only %d lines", len(lines))
	}
	return strings.Join(lines, "\n")
}

func TestOtherFiles(t *testing.T) {
	f := func(what string, file []byte, want error, text string) {
		t.Helper()
		_, err := Open(write(t, file), Options{})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), FileName) {
			t.Errorf("%s: %v", what, err)
		}
	}
	file := sample(t)
	newer := append([]byte(nil), file...)
	newer[63] = schemaVersion + 1 // the last byte of user_version
	f("newer", newer, ErrNewer, "update iochunt")
	other := append([]byte(nil), file...)
	other[68] ^= 1 // of application_id
	f("another program's", other, ErrDamaged, "doctor --repair")
	f("text", []byte(strings.Repeat("no database ", 1000)), ErrDamaged, "doctor --repair")
	if _, err := Open(filepath.Join(t.TempDir(), "none"), Options{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
