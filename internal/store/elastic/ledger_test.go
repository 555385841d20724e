package elastic

import (
	"slices"
	"testing"

	"github.com/iochunt/iochunt/internal/es/estest"
)

// TestPages: a page is replaced only by who has seen it, and pages are listed by
// kind.
func TestPages(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		write := func(name, body, was string, ok bool) string {
			t.Helper()
			mark, err := s.WritePage(t.Context(), "coverage", name, []byte(body), was)
			if err != nil || (mark != "") != ok {
				t.Fatalf("mark %q, %v; want one: %v", mark, err, ok)
			}
			return mark
		}
		if body, mark, err := s.ReadPage(t.Context(), "coverage", "logs"); body != nil || mark != "" || err != nil {
			t.Fatalf("%s %q %v", body, mark, err)
		}
		one := write("logs", `{"n":1}`, "", true)
		write("logs", `{"n":2}`, "", false)
		two := write("logs", `{"n":2}`, one, true)
		write("logs", `{"n":3}`, one, false)
		if body, mark, err := s.ReadPage(t.Context(), "coverage", "logs"); string(body) != `{"n":2}` || mark != two || err != nil {
			t.Errorf("%s %q %v", body, mark, err)
		}
		if _, err := s.WritePage(t.Context(), "coverage", "logs", nil, "nonsense"); err == nil {
			t.Error("a mark that is none was taken")
		}
		write("dns", `{"n":7}`, "", true)
		if _, err := s.WritePage(t.Context(), "work", "logs", []byte(`{}`), ""); err != nil {
			t.Fatal(err)
		}
		var got []string
		for body, err := range s.Pages(t.Context(), "coverage") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(body))
		}
		if want := []string{`{"n":7}`, `{"n":2}`}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// TestCosts: what one run measured, the next one knows, by the keys of package
// hunt/indices.
func TestCosts(t *testing.T) {
	type cost struct {
		Distinct int64
		Enum     float64
	}
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		ctx := t.Context()
		a, b := NewCosts[cost](s), NewCosts[cost](s)
		if _, ok := a.Load(ctx, "u/x"); ok {
			t.Error("known before it was measured")
		}
		a.Save(ctx, "u/x", cost{1, 0.5})
		b.Save(ctx, "u/y", cost{2, 0})
		b.Save(ctx, "cluster", cost{0, 3})
		a.Flush(ctx)
		b.Flush(ctx)
		c := NewCosts[cost](s)
		for key, want := range map[string]cost{"u/x": {1, 0.5}, "u/y": {2, 0}, "cluster": {0, 3}} {
			if got, ok := c.Load(ctx, key); !ok || got != want {
				t.Errorf("%s: %+v %v, want %+v", key, got, ok, want)
			}
		}
	})
}
