package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func env(kv ...string) Env {
	m := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return func(k string) string { return m[k] }
}

func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoadNothing(t *testing.T) {
	c, err := Load("", env("HOME", "/nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Path != "/nowhere/.local/share/iochunt" || len(c.Feeds) != 0 || c.File != "" {
		t.Fatalf("%+v", c)
	}
}

func TestKeyAloneMakesAnOTXFeed(t *testing.T) {
	c, err := Load("", env("HOME", "/nowhere", "OTX_API_KEY", "k"))
	if err != nil {
		t.Fatal(err)
	}
	f, ok := c.Feed("otx")
	if !ok || f.Kind != "otx" {
		t.Fatalf("%+v", c.Feeds)
	}
	var s struct {
		Key string `mapstructure:"api_key"`
	}
	if err := f.Decode(&s, env("OTX_API_KEY", "k")); err != nil || s.Key != "k" {
		t.Fatal(s, err)
	}
}

func TestLoadFile(t *testing.T) {
	key := write(t, "key", " secret\n", 0o600)
	p := write(t, "c.yaml", `
store: {path: /srv/iochunt}
feeds:
  - {name: otx, kind: otx, url: "https://otx.alienvault.com", api_key_file: "`+key+`", every: 1h, lookback: 90d}
  - {name: local, kind: file, path: "/etc/iochunt/lists/*.txt", every: 1d12h}
`, 0o600)
	c, err := Load(p, env("HOME", "/nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Path != "/srv/iochunt" || c.StoreWas != p || len(c.Feeds) != 2 || c.Feeds[1].Every != 36*time.Hour {
		t.Fatalf("%+v", c)
	}
	var s struct {
		URL      string        `mapstructure:"url"`
		Key      string        `mapstructure:"api_key"`
		Lookback time.Duration `mapstructure:"lookback"`
	}
	if err := c.Feeds[0].Decode(&s, env()); err != nil {
		t.Fatal(err)
	}
	if s.URL != "https://otx.alienvault.com" || s.Key != "secret" || s.Lookback != 90*24*time.Hour {
		t.Fatalf("%+v", s)
	}
	if c, err = Load(p, env("IOCHUNT_DATA_DIR", "/d")); err != nil || c.Store.Path != "/d" {
		t.Fatal("the environment comes before the file", c, err)
	}
}

func TestLoadErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Load(write(t, "c.yaml", text, 0o600), env("HOME", "/nowhere"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f("stores: {path: x}", "stores")
	f("store: {pth: x}", "pth")
	f("feeds: [{name: a b, kind: otx}]", "name must be")
	f("feeds: [{name: a}]", "kind is missing")
	f("feeds: [{name: a, kind: file}, {name: a, kind: file}]", "second feed")
	f("feeds: [{name: manual, kind: file}]", "by hand")
	f("feeds: [{name: a, kind: file, every: soon}]", "soon")
	f("feeds: [{name: a, kind: otx, api_key: canary}]", "api_key_file")
	f("feeds: [", "yaml")
	if _, err := Load("/no/such/file.yaml", env()); err == nil {
		t.Error("a file that was asked for must be there")
	}
}

func TestSecretFiles(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		var s struct {
			Key string `mapstructure:"api_key"`
		}
		err := Feed{Name: "x", Kind: "otx", Settings: map[string]any{"api_key_file": path}}.Decode(&s, env())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	f(write(t, "k", "secret", 0o644), "chmod 600")
	f(write(t, "k", "\n", 0o600), "is empty")
	f("/no/such/key", "no such file")
	var s struct{}
	err := Feed{Name: "x", Settings: map[string]any{"pth": 1}}.Decode(&s, env())
	if err == nil || !strings.Contains(err.Error(), "pth") {
		t.Errorf("unknown settings must be errors: %v", err)
	}
}

// OTX's TAXII services take the key as the user name; nobody else gets it.
func TestOTXKeyForTAXII(t *testing.T) {
	file := write(t, "user", "from-file\n", 0o600)
	f := func(want string, kv ...any) {
		t.Helper()
		feed := Feed{Name: "x", Kind: "taxii", Settings: map[string]any{}}
		for i := 0; i < len(kv); i += 2 {
			feed.Settings[kv[i].(string)] = kv[i+1]
		}
		var s struct {
			URL       string `mapstructure:"url"`
			Host      string `mapstructure:"host"`
			Discovery string `mapstructure:"discovery"`
			Username  string `mapstructure:"username"`
		}
		if err := feed.Decode(&s, env("OTX_API_KEY", "the-key")); err != nil || s.Username != want {
			t.Errorf("%v: user %q, want %q (%v)", kv, s.Username, want, err)
		}
	}
	f("the-key", "url", "https://otx.alienvault.com/taxii/poll")
	f("the-key", "url", "https://OTX.alienvault.com:443/taxii/root")
	f("the-key", "host", "otx.alienvault.com", "username", "", "username_file", "")
	f("the-key", "discovery", "https://otx.alienvault.com/taxii/discovery")
	f("me", "url", "https://otx.alienvault.com/taxii/poll", "username", "me")
	f("from-file", "url", "https://otx.alienvault.com/taxii/poll", "username_file", file)
	f("", "url", "http://otx.alienvault.com/taxii/poll")
	f("", "url", "https://taxii.example/taxii/poll")
	f("", "url", "https://otx.alienvault.com.evil.example/taxii/poll")
	f("", "url", "https://otx.alienvault.com@evil.example/taxii/poll")
	f("", "host", "evil.example/otx.alienvault.com")
	f("", "url", "https://taxii.example/", "discovery", "https://otx.alienvault.com/taxii/discovery")
	f("")
}

func TestParseDuration(t *testing.T) {
	f := func(s string, want time.Duration, ok bool) {
		t.Helper()
		got, err := ParseDuration(s)
		if got != want && ok || (err == nil) != ok {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	f("30m", 30*time.Minute, true)
	f("7d", 7*24*time.Hour, true)
	f("1d12h", 36*time.Hour, true)
	f("d", 0, false)
	f("-1d", 0, false)
	f("1d1x", 0, false)
	f("99999999d", 0, false)
}

func TestShownMasksSecrets(t *testing.T) {
	f := func(key string, v any, want string) {
		t.Helper()
		if got := Shown(key, v); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	f("api_key", "canary", "***")
	f("password", "canary", "***")
	f("api_key_file", "/etc/k", "/etc/k")
	f("url", "https://u:canary@h.example/x", "https://***@h.example/x")
	f("url", "https://h.example:8443/taxii/poll?k=canary", "https://h.example:8443/taxii/poll?***")
	f("path", "/taxii/poll?k=canary", "/taxii/poll?***")
	f("proxy_url", "u:canary@proxy:3128", "***")
	f("proxy_url", "http://proxy:3128", "http://proxy:3128")
	f("username", "canary", "***")
	f("collection", "what?", "what?")
	f("path", "/etc/x", "/etc/x")
	f("limit", 50, "50")
}
