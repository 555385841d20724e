package canary

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestLeaked(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := strings.Join(Leaked(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for name, secret := range Secrets {
		for _, form := range []string{"%s", "%q", "%x", "password=%s&"} {
			f(fmt.Sprintf("<"+form+">", secret), name)
		}
		f(url.QueryEscape(secret)+url.PathEscape(secret), name)
		f(base64.StdEncoding.EncodeToString([]byte(secret)), name)
	}
	f("Basic "+base64.StdEncoding.EncodeToString([]byte(Secrets["user"]+":"+Secrets["password"])), "user basic") // it begins as the user alone does
	f(Secrets["user"]+Secrets["key"], "key user")
	f("kanarie", "")
}
