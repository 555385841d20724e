package collect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// Errors say what mends them.
func TestTAXII1Errors(t *testing.T) {
	t.Parallel()
	server := fake1(blocks(2, 1))
	base := serve(t, server)
	f := func(auth bool, want string, kv ...any) {
		t.Helper()
		_, err := collect.Run(t.Context(), "av", newTAXII(t, taxii1Options(base).with(kv...), nil), memory.New(), collect.RunOptions{})
		if err == nil || errors.Is(err, collect.ErrAuth) != auth || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%v: %v, want %q", kv, err, want)
		}
	}
	f(false, "iochunt feeds check av", "collection", "")
	f(false, "the collections there are: user_AlienVault, user_demo", "collection", "user_AlienVautl")
	f(true, "check username, password_file", "password", "wrong")
	f(true, "no login is configured", "username", "", "password", "")
	f(false, "did you mean /taxii/poll?", "url", base+"/taxi/poll")
}

// More than one way to find the services.
func TestTAXII1Discovery(t *testing.T) {
	t.Parallel()
	server := fake1(blocks(2, 1))
	base := serve(t, server)
	f := func(s taxiiOptions) {
		t.Helper()
		for k, v := range map[string]any{"collection": "user_AlienVault", "username": taxiiUser, "password": taxiiPassword} {
			s[k] = v
		}
		m := memory.New()
		if r := poll(t, newTAXII(t, s, m), m); r.Changes.New != 2 || len(r.Notes) > 0 {
			t.Errorf("%v: %+v", s, r)
		}
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(base, "http://"), ":")
	n := 0
	fmt.Sscan(port, &n)
	f(taxiiOptions{"discovery": base + taxiitest.Discovery1})
	f(taxiiOptions{"host": host, "port": n, "https": false, "discovery": taxiitest.Discovery1})
	f(taxiiOptions{"host": host, "port": n, "https": false, "path": "taxii/poll"})
	f(taxiiOptions{"url": base + taxiitest.Poll1, "jwt_auth": taxiitest.Auth1})
	f(taxiiOptions{"url": base + taxiitest.Poll1, "version": "1.0"})
	server.Change(func(f *taxiitest.TAXII1) { f.Base = "https://evil.example" })
	_, err := collect.Run(t.Context(), "av", newTAXII(t, taxiiOptions{"discovery": base + taxiitest.Discovery1, "collection": "c"}, nil), memory.New(), collect.RunOptions{})
	if err == nil {
		t.Error("a discovery may lead to another host")
	}
}

// Values expire by age where that is configured, and sooner where they say so.
func TestTAXII1MaxAge(t *testing.T) {
	t.Parallel()
	bs := []taxiitest.Block1{{Label: day, Content: stix1("p", day, "a.example")}}
	f := func(want time.Time, kv ...any) {
		t.Helper()
		for b, err := range newTAXII(t, taxii1Options(serve(t, fake1(bs))).with(kv...), nil).Collect(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range b.Members {
				if !m.Expires.Equal(want) {
					t.Errorf("%v: it expires %v, want %v", kv, m.Expires, want)
				}
			}
		}
	}
	f(time.Time{})
	f(day.Add(48*time.Hour), "max_age", 48*time.Hour)
}

func TestTAXII1Check(t *testing.T) {
	t.Parallel()
	server := fake1(blocks(4, 1))
	server.Count = true
	server.Collections = append(server.Collections, taxiitest.Collection1{Name: "off", Offline: true})
	base := serve(t, server)
	f := func(want, wantErr string, kv ...any) {
		t.Helper()
		got, err := newTAXII(t, taxii1Options(base).with(kv...), nil).(collect.Checker).Check(t.Context())
		if wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), wantErr) || strings.Contains(err.Error(), "c4n4ry") {
				t.Errorf("%v: %v, want %q", kv, err, wantErr)
			}
			return
		}
		if want = strings.ReplaceAll(want, "BASE", base); err != nil || got != want {
			t.Errorf("%v: %v\n got %s\nwant %s", kv, err, got, want)
		}
	}
	list := "\n* user_AlienVault (4 blocks, Data feed for user: AlienVault)\n  user_demo (0 blocks, Data feed for user: demo)\n  off (0 blocks) [not available]"
	f("TAXII 1.1 at BASE: 3 collections; user_AlienVault has 4 content blocks since 2023-12-02"+list, "")
	f("TAXII 1.1 at BASE: 3 collections; WARNING: collection is not set; set it to one of these names"+strings.Replace(list, "* ", "  ", 1), "", "collection", "")
	f("", "the collections there are: off, user_AlienVault, user_demo", "collection", "nope")
	f("", "not available", "collection", "off")
	f("", "check username", "password", "wrong")
}
