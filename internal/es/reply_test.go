package es

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestReadReply(t *testing.T) {
	ok, bad := `{"index":{"status":201}}`, `{"delete":{"status":404}}`
	for _, tc := range []struct {
		name, body string
		n          int
		err        error
	}{
		{"plain", `{"errors":false,"items":[` + ok + `,` + bad + `]}`, 2, nil},
		{"spaces and more keys", "{ \"took\" : 3 ,\n\"x\":{\"items\":[1]}, \"items\" : [ " + ok + " , " + bad + " ]\n}", 2, nil},
		{"short", `{"items":[` + ok + `]}`, 0, errReply},
		{"long", `{"items":[` + ok + `,` + bad + `,` + bad + `]}`, 0, errReply},
		{"other operations", `{"items":[` + bad + `,` + ok + `]}`, 0, errReply},
		{"no items", `{"took":1}`, 0, errReply},
		{"items twice", `{"items":[` + ok + `,` + bad + `],"items":[]}`, 2, nil},
		{"a list", `[` + ok + `]`, 0, errReply},
		{"nothing", ``, 0, errCut},
		{"a page", `<html>`, 0, errReply},
		{"cut in the second", `{"items":[` + ok + `,{"delete":{"stat`, 1, errCut},
		{"cut behind the last", `{"items":[` + ok + `,` + bad, 2, errCut},
		{"items of nonsense", `{"items":[1,2]}`, 0, errReply},
		{"status of nonsense", `{"items":[{"index":{"status":"201"}},` + bad + `]}`, 0, errReply},
	} {
		outs := []Outcome{{Item: Item{Op: Index}}, {Item: Item{Op: Delete}}}
		n, err := readReply([]byte(tc.body), outs)
		if n != tc.n || !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
			t.Errorf("%s: %d items, %v", tc.name, n, err)
		}
		if n > 0 && (outs[0].Status != 201 || outs[0].Result != "created") || n > 1 && (outs[1].Status != 404 || outs[1].Result != "not_found") {
			t.Errorf("%s: %+v", tc.name, outs)
		}
	}
}

// FuzzReply compares with encoding/json what is read of an answer: what is
// proven is in the answer, and what encoding/json takes as whole is proven.
func FuzzReply(f *testing.F) {
	f.Add(`{"errors":true,"items":[{"index":{"status":201}},{"delete":{"status":404,"error":{"type":"x","reason":"}]\"","caused_by":{"reason":"y"}}}}]}`)
	f.Add(`{"items":[{"index":{"status":201,"_seq_no":5,"_primary_term":1}}, {"delete":{"result":"deleted","status":200}}]}`)
	f.Add(`{"items":[`)
	f.Add(strings.Repeat("[", 1000))
	f.Fuzz(func(t *testing.T, body string) {
		outs := []Outcome{{Item: Item{Op: Index}}, {Item: Item{Op: Delete}}}
		n, err := readReply([]byte(body), outs)
		if n > len(outs) || err == nil && n != len(outs) {
			t.Fatal(n, err)
		}
		var x struct {
			Items []map[string]struct{ Status int }
		}
		if !json.Valid([]byte(body)) || strings.Count(strings.ToLower(body), `"items"`) != 1 || strings.Contains(body, `\u`) || json.Unmarshal([]byte(body), &x) != nil {
			return
		}
		for i := range outs[:n] {
			if got := x.Items[i][outs[i].Op.String()].Status; err == nil && got != outs[i].Status {
				t.Errorf("item %d: status %d, encoding/json says %d", i, outs[i].Status, got)
			}
		}
	})
}
