package local

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

// TestSetState: what is noted of a set stays until the program hunts other
// types, and is nothing that a check or a backup stumbles over.
func TestSetState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	state := func(want SetState) {
		t.Helper()
		got, err := s.SetState(t.Context())
		want.Generation, want.Armed = got.Generation, got.Armed
		if err != nil || got != want {
			t.Errorf("%v, %v", cmp.Diff(want, got), err)
		}
	}
	state(SetState{})
	b := generated(0, 2, "a")
	b.Members = append(b.Members, ioc.Member{Report: b.Members[0].Report, Observable: ioc.Observable{Type: ioc.YARA, Value: "rule"}})
	if _, err := s.PutBatch(t.Context(), "otx", b); err != nil {
		t.Fatal(err)
	}
	if err := s.NoteSet(t.Context(), 1<<63|5, 7); err != nil {
		t.Fatal(err)
	}
	state(SetState{Huntable: 200, Mark: 1<<63 | 5, MarkArmed: 7})
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.write(t.Context(), func(t *tx) error { return t.setMeta(metaHuntable, 1) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	state(SetState{Huntable: 200, MarkArmed: 7})
}
