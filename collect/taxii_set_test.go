package collect_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/internal/config"
)

// taxiiOptions decodes as the config does: by the tags, unknown keys are errors.
type taxiiOptions map[string]any

func (s taxiiOptions) decode(into any) error {
	v := reflect.ValueOf(into).Elem()
	left := len(s)
	for i := range v.NumField() {
		if x, ok := s[v.Type().Field(i).Tag.Get("mapstructure")]; ok {
			v.Field(i).Set(reflect.ValueOf(x).Convert(v.Field(i).Type()))
			left--
		}
	}
	if left > 0 {
		return errors.New("unknown key")
	}
	return nil
}

// with is s with more settings.
func (s taxiiOptions) with(kv ...any) taxiiOptions {
	out := taxiiOptions{}
	for k, v := range s {
		out[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		out[kv[i].(string)] = kv[i+1]
	}
	return out
}

func TestTAXIISettings(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry-secret"
	good := taxiiOptions{"url": "https://taxii.example/taxii/poll", "collection": "c"}
	f := func(s taxiiOptions, want string) {
		t.Helper()
		_, err := collect.New("taxii", collect.Options{Feed: "f1", Decode: s.decode})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", s, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "f1") && want != "unknown key") {
			t.Errorf("an error with a secret, or without the feed: %v", err)
		}
	}
	f(good, "")
	f(good.with("version", "1"), "")
	f(good.with("version", "2"), "")
	f(good.with("version", "2.1", "limit", 100), "")
	f(good.with("collections", "/taxii/collections", "discovery", "/taxii/discovery"), "")
	f(taxiiOptions{"host": "taxii.example", "path": "/taxii/poll", "collection": "c"}, "")
	f(taxiiOptions{"host": "2001:db8::1", "port": 8443, "path": "taxii/poll"}, "")
	f(taxiiOptions{"host": "taxii.example", "discovery": "/taxii/discovery"}, "")
	f(taxiiOptions{"discovery": "https://taxii.example/taxii/discovery"}, "")
	f(taxiiOptions{"host": "taxii.example", "version": "2.1"}, "")
	f(good.with("username", "u", "password", canary, "jwt_auth", "/management/auth"), "")
	f(good.with("headers", map[string]string{"X-Group": "a"}, "header", "X-Api-Key: "+canary+"\n\n"), "")
	f(good.with("verify", false), "")
	f(good.with("lookback", time.Duration(0), "overlap", time.Duration(0), "max_age", time.Hour), "")

	f(good.with("pth", 1), "unknown key")
	f(good.with("version", "3"), "version")
	f(good.with("host", "taxii.example"), "url and host are both set")
	f(taxiiOptions{}, "set url")
	f(taxiiOptions{"host": "taxii.example"}, "path is not set")
	f(taxiiOptions{"port": 443, "url": "https://taxii.example/"}, "belong to host")
	f(good.with("https", false), "https belongs to host")
	f(taxiiOptions{"host": "https://taxii.example", "path": "/x"}, "a name or an address alone")
	f(taxiiOptions{"host": "taxii.example", "path": "/x", "port": 70000}, "port")
	f(good.with("url", "ftp://taxii.example/"), "ftp")
	f(good.with("url", "taxii.example/taxii/poll"), "url: it is not an address")
	f(good.with("url", "https://u:"+canary+"@taxii.example/"), "username and password_file")
	f(good.with("url", "https://taxii.example/%zz"+canary), "url")
	f(good.with("collections", "https://evil.example/taxii/collections"), "https://evil.example")
	f(good.with("discovery", "http://taxii.example/taxii/discovery"), "discovery")
	f(good.with("version", "2.1", "bindings", []string{"x"}), "bindings")
	f(good.with("version", "2.1", "subscription_id", "x"), "subscription_id")
	f(good.with("version", "2.1", "collections", "/x"), "collections")
	f(good.with("bindings", []string{"x"}, "subscription_id", "s"), "bindings")
	f(good.with("limit", 5), "limit")
	f(good.with("version", "2.1", "limit", -5), "limit")
	f(good.with("max_mib", int64(0)), "max_mib")
	f(good.with("lookback", -time.Hour), "negative")
	f(good.with("overlap", -time.Hour), "negative")
	f(good.with("password", canary), "username")
	f(good.with("jwt_auth", "/auth"), "jwt_auth needs username")
	f(good.with("jwt_auth", "https://evil.example/auth", "username", "u"), "https://evil.example")
	f(good.with("username", "a:b"), "colon")
	f(taxiiOptions{"url": "http://taxii.example/taxii/poll", "username": canary}, "https")
	f(good.with("headers", map[string]string{"Authorization": canary}), "header_file")
	f(good.with("headers", map[string]string{"X-Api-Key": canary}), "header_file")
	f(good.with("headers", map[string]string{"X-TAXII-Services": "x"}), "set by the protocol")
	f(good.with("header", canary), "header_file: a line has no colon")
	f(good.with("header", "Bad Name: "+canary), "header_file")
	f(good.with("key", canary), "cert_file and key_file")
	f(good.with("cert_file", "/no/such/file"), "cert_file and key_file")
	f(good.with("cert_file", "/no/such/file", "key", canary), "cert_file")
	f(good.with("key_password", canary), "key_file is not")
	f(good.with("ca_file", "/no/such/file"), "/no/such/file")
	f(good.with("verify", false, "ca_file", "/x"), "verify: false")
	f(good.with("fingerprint", "xyz"), "ingerprint")
	f(good.with("proxy_url", "gopher://u:"+canary+"@p"), "roxy")
}

// A key of OTX is missing, not wrong: that is a matter of authorisation.
func TestTAXIIWantsTheOTXKey(t *testing.T) {
	t.Parallel()
	f := func(s taxiiOptions, want string) {
		t.Helper()
		_, err := collect.New("taxii", collect.Options{Feed: "av", Decode: s.decode})
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, collect.ErrAuth) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v, want %q", s, err, want)
		}
	}
	otx := taxiiOptions{"url": "https://otx.alienvault.com/taxii/poll", "collection": "user_AlienVault"}
	f(otx, "OTX_API_KEY")
	f(otx.with("username", "key"), "")
}

// The block of the shipped configuration shows every key at its default.
func TestTAXIIConfigurationAsShipped(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../configs/iochunt.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, feeds, ok := strings.Cut(string(text), "# feeds:\n")
	if !ok {
		t.Fatal("no example feeds")
	}
	var yaml strings.Builder
	yaml.WriteString("feeds:\n")
	for line := range strings.Lines(feeds) {
		text, ok := strings.CutPrefix(line, "#")
		if !ok {
			break // other settings follow
		}
		yaml.WriteString(text)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("the-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(yaml.String(), "/etc/iochunt/otx.key", key)), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(string) string { return "" }
	c, err := config.Load(file, env)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range []string{"av", "partner"} {
		feed, ok := c.Feed(name)
		if !ok {
			t.Fatalf("no feed %s", name)
		}
		for k := range feed.Settings {
			seen[strings.TrimSuffix(k, "_file")] = true
		}
		// Beside what it is about, each value is the default: without it the same comes out.
		var with, without any
		take := func(to *any) func(any) error {
			return func(into any) error {
				err := feed.Decode(into, env)
				*to = reflect.ValueOf(into).Elem().Interface()
				return err
			}
		}
		if name == "partner" {
			feed.Settings["host"] = "taxii.example"
		}
		if _, err := collect.New("taxii", collect.Options{Feed: name, Decode: take(&with)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for k := range feed.Settings {
			if !strings.Contains("url host version collection username_file", k) {
				delete(feed.Settings, k)
			}
		}
		if _, err := collect.New("taxii", collect.Options{Feed: name, Decode: take(&without)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w, wo := reflect.ValueOf(with), reflect.ValueOf(without)
		for i := range w.NumField() {
			tag := w.Type().Field(i).Tag.Get("mapstructure")
			if !seen[strings.TrimSuffix(tag, "_file")] && name == "partner" {
				t.Errorf("the key %s is not shown", tag)
			}
			if tag == "overlap" {
				continue // shown as 1h: its default depends on the version
			}
			a, b := w.Field(i), wo.Field(i)
			if empty := a.Kind() == reflect.Slice || a.Kind() == reflect.Map; empty && a.Len() == 0 && b.Len() == 0 {
				continue
			}
			if !reflect.DeepEqual(a.Interface(), b.Interface()) {
				t.Errorf("%s: %s is shown as %v, and its default is %v", name, tag, a, b)
			}
		}
	}
}
