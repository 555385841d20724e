package taxii2_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

func TestPush(t *testing.T) {
	a, b := `{"id": "x--1", "type": "x"}`, `{"id": "x--2", "type": "x"}`
	f := func(name, body string, want, requests int, wantErr error, set func(*taxiitest.TAXII2)) {
		t.Helper()
		for _, version := range []string{"2.1", "2.0"} {
			s := &taxiitest.TAXII2{Version: version, Collections: []taxiitest.Collection2{{ID: "c", Writes: true}}}
			set(s)
			c, root := connect(t, s, version)
			st, err := c.Push(t.Context(), root, "c", strings.NewReader(body))
			if !errors.Is(err, wantErr) || len(s.Collections[0].Objects) != want || st.Success != want || st.Requests != requests {
				t.Errorf("%s, %s: %+v, %d objects, %v", name, version, st, len(s.Collections[0].Objects), err)
			}
			for _, r := range s.Asked() {
				if version == "2.0" && r.Method == http.MethodPost && !strings.HasPrefix(string(r.Body), `{"type":"bundle","id":"bundle--`) {
					t.Errorf("%s: %s", name, r.Body)
				}
			}
		}
	}
	none := func(*taxiitest.TAXII2) {}
	f("one", a, 1, 1, nil, none)
	f("a list", "["+a+","+b+"]", 2, 1, nil, none)
	f("lines", a+"\n"+b+"\n", 2, 1, nil, none)
	f("a bundle", `{"type": "bundle", "id": "bundle--1", "objects": [`+a+","+b+"]}", 2, 1, nil, none)
	f("an envelope", `{"objects": [`+a+","+b+"]}", 2, 1, nil, none)
	f("a list of bundles", `[{"type": "bundle", "objects": [`+a+`]}, `+b+`]`, 2, 1, nil, none)
	f("pending", a, 1, 1, nil, func(s *taxiitest.TAXII2) { s.Pending = 1 })
	f("split", strings.Repeat(a+"\n", 20), 20, 4, nil, func(s *taxiitest.TAXII2) { s.MaxContent = 420 })
	f("one is too big", a+"\n"+`{"id": "x--3", "x": "`+strings.Repeat("x", 500)+`"}`, 1, 1, taxii2.ErrRejected, func(s *taxiitest.TAXII2) { s.MaxContent = 420 })
	f("one is refused", a+"\n"+`{"type": "x"}`, 1, 1, taxii2.ErrRejected, none)
}

func TestPushThatFails(t *testing.T) {
	f := func(body, says string, want error, set func(*taxiitest.TAXII2)) {
		t.Helper()
		s := &taxiitest.TAXII2{Collections: []taxiitest.Collection2{{ID: "c", Writes: true}}}
		set(s)
		c, root := connect(t, s, "2.1")
		_, err := c.Push(t.Context(), root, "c", strings.NewReader(body))
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: %v", body, err)
		}
		posts := 0
		for _, r := range s.Asked() {
			if r.Method == http.MethodPost {
				posts++
			}
		}
		if posts > 1 {
			t.Errorf("%s: pushed %d times", body, posts)
		}
	}
	none := func(*taxiitest.TAXII2) {}
	f("", "ends in the middle", nil, none)
	f("[]", "no objects", nil, none)
	f(`{"objects": []}`, "no objects", nil, none)
	f("17 ", "not a JSON object", nil, none)
	f(`{"id": "x--1"`, "ends in the middle", nil, none)
	f(`{"id": x}`, "not JSON", nil, none)
	f(`{"id": "x--1"}`, "Forbidden to write", taxii.ErrAuth, func(s *taxiitest.TAXII2) { s.Collections[0].Writes = false })
	f(`{"id": "x--1"}`, "EOF", nil, func(s *taxiitest.TAXII2) {
		s.Faults.Lose = func(r taxiitest.Request2) bool { return r.Method == http.MethodPost }
	})
}

func TestPushStatus(t *testing.T) {
	s := &taxiitest.TAXII2{Collections: []taxiitest.Collection2{{ID: "c", Writes: true}}}
	c, root := connect(t, s, "2.1")
	st, err := c.Push(t.Context(), root, "c", strings.NewReader(`{"id": "x--1"}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.PushStatus(t.Context(), root, st.ID)
	if err != nil || got.State != "complete" || got.Success != 1 || got.Total != 1 || got.Failure != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
