package es

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// answers are of kinds that are read without encoding/json, and of kinds that
// must be left to it.
var answers = []string{
	`{"took":3,"timed_out":false,"_shards":{"total":2,"successful":2,"skipped":0,"failed":0},"hits":{"total":{"value":2,"relation":"eq"},"max_score":null,"hits":[` +
		`{"_index":"a","_id":"1","_seq_no":7,"_primary_term":1,"_score":null,"_source":{"x":"\u00e9\"","y":[1,2.5e3,-0,null,true]},"fields":{"f":["a","b"],"g":[1]},"_ignored":["x.y"],"sort":[0,"z"]},` +
		` { "_index" : "a" , "_id":"ü\n", "sort":[4294967298] } ]},"aggregations":{"n":{"value":3}},"pit_id":"p"}`,
	`{"hits":{"hits":[]}}`, `{"hits":{}}`, `{"hits":null}`, `{}`, ` { } `, `{"took":1}x`, `{"took":01}`, `{"hits":{"hits":[{"_seq_no":"7"}]}}`, `{"hits":{"hits":[{"_seq_no":null,"_id":null}]}}`,
	`{"error":{"type":"t","reason":"r"},"status":400}`, `{"hits":{"hits":[{"_source":{"a":tru}}]}}`, `{"hits":{"hits":[{"_source":{"a":"` + "\n" + `"}}]}}`, `{"hits":{"hits":[{"_source":{"a":"\x"}}]}}`,
	`{"hits":{"hits":[{"_id":"1"}`, `{"hits":{"hits":[{"fields":{"a.b":[` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `]}}]}}`, `{"hits":{"hits":[{"_id":"1",}]}}`, ``, `null`, `[]`, `{"hits":{"hits":[{"_seq_no":-2}]}}`,
	`{"hits":{"hits":[{"_seq_no":9223372036854775807}]}}`, `{"hits":{"hits":[{"_seq_no":9223372036854775808}]}}`, `{"hits":{"hits":[{"_seq_no":1.5}]}}`, `{"hits":{"hits":[{"sort":null,"_ignored":null,"fields":null}]}}`,
	`{"hits":{"hits":[{"_source":{"a":1` + strings.Repeat("0", 500) + `}}]}}`,
}

// same compares what read makes of body with what encoding/json does: read may
// leave a body to it, but not take one for something else.
func same[T any](t *testing.T, body string, read func(x *T) bool) (taken bool) {
	t.Helper()
	var got, want T
	err := json.Unmarshal([]byte(body), &want)
	if taken = read(&got); !taken {
		if d := cmp.Diff(*new(T), got, cmp.AllowUnexported(listing{})); d != "" {
			t.Errorf("%.200q is left to encoding/json, but something was kept: %s", body, d)
		}
		return false
	}
	if err != nil {
		t.Errorf("%.200q is read, but no JSON: %v", body, err)
	} else if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%.200q (-encoding/json +got):\n%s", body, d)
	}
	return true
}

func TestAnswersAreRead(t *testing.T) {
	for i, body := range answers {
		taken := same(t, body, func(x *Result) bool { return x.read([]byte(body)) })
		many := `{"took":1,"responses":[` + body + `,{}]}`
		if same(t, many, func(x *results) bool { return x.read([]byte(many)) }) != taken && strings.TrimSpace(body) != "" {
			t.Errorf("%.200q: read alone %v, but not so among several", body, taken)
		}
		if i == 0 && !taken {
			t.Error("the usual answer is left to encoding/json")
		}
	}
	for body, want := range map[string]bool{
		`{"_shards":{"total":1,"successful":1,"failed":0},"terms":["a","b\"ü","\ud83d\ude00",""],"complete":true}`: true,
		`{"terms":["a",1],"complete":true}`: false,
		`{"terms":["a"]`:                    false,
		`{"terms":[],"complete":false}`:     true,
	} {
		if got := same(t, body, func(x *listing) bool { return x.read([]byte(body)) }); got != want {
			t.Errorf("%s: read %v", body, got)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, a := range answers {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var x any
		if json.Unmarshal([]byte(body), &x) == nil && folded(x) || repeated(body) {
			return
		}
		same(t, body, func(x *Result) bool { return x.read([]byte(body)) })
	})
}

// folded reports whether a name is one of ours in other letters, which
// encoding/json takes, and no server sends.
func folded(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if k != strings.ToLower(k) || strings.ContainsFunc(k, func(r rune) bool { return r >= 0x80 }) || folded(x) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if folded(x) {
				return true
			}
		}
	}
	return false
}

// repeated reports whether a name may stand twice in one object, of which
// encoding/json makes one.
func repeated(body string) bool {
	for _, name := range []string{`"hits"`, `"fields"`, `"_ignored"`, `"sort"`, `\u`} {
		most := 1
		if name == `"hits"` {
			most = 2
		}
		if strings.Count(body, name) > most {
			return true
		}
	}
	return false
}
