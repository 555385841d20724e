package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
)

var hooks = mapstructure.ComposeDecodeHookFunc(durationHook)

// durationHook lets a duration be written as "90d" or "1d12h", which
// time.ParseDuration does not know.
func durationHook(_, to reflect.Type, v any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return v, nil
	}
	switch v := v.(type) {
	case string:
		return ParseDuration(v)
	case time.Duration:
		return v, nil
	}
	if s := fmt.Sprint(v); s != "0" { // it would be nanoseconds
		return nil, fmt.Errorf("%s has no unit: write it as 90d, 1d12h or 30m", s)
	}
	return v, nil
}

// ParseDuration is time.ParseDuration with days: "7d", "1d12h".
func ParseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 0 || n > 36500 {
		return 0, fmt.Errorf("%q is no duration such as 90d, 1d12h or 30m", s)
	}
	if rest == "" {
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(rest)
	return time.Duration(n)*24*time.Hour + d, err
}

// Decode fills into with the feed's own settings; a key that into does not
// have is an error. A setting "x_file" is read and handed over as "x": so a
// kind never opens a secret's file itself. Without one, the OTX key may come
// from the environment.
func (f Feed) Decode(into any, env Env) error {
	m := make(map[string]any, len(f.Settings)+1)
	for k, v := range f.Settings {
		name, isFile := strings.CutSuffix(k, "_file")
		if !isFile || name == "ca" || name == "cert" {
			m[k] = v
			continue
		}
		if v == nil || v == "" {
			continue // as if it were not there
		}
		s, err := ReadSecret(fmt.Sprint(v))
		if err != nil {
			return fmt.Errorf("feed %s: %s: %w", f.Name, k, err)
		}
		m[name] = s
	}
	if setting := f.otxSetting(); setting != "" && (m[setting] == nil || m[setting] == "") && env("OTX_API_KEY") != "" {
		m[setting] = env("OTX_API_KEY")
	}
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: into, DecodeHook: hooks, ErrorUnused: true, WeaklyTypedInput: true,
	})
	if err != nil {
		return err
	}
	if err := plain(d.Decode(m)); err != nil {
		return fmt.Errorf("feed %s: %w", f.Name, err)
	}
	return nil
}

// otxSetting returns the setting that takes the OTX key; "" where a feed has
// none. OTX's TAXII services want the key as the user name. No other server
// gets it, so an address that is not surely theirs does not count.
func (f Feed) otxSetting() string {
	switch f.Kind {
	case "otx":
		return "api_key"
	case "taxii":
		for _, key := range []string{"url", "host", "discovery"} {
			if text, _ := f.Settings[key].(string); text != "" {
				return map[bool]string{true: "username"}[isOTX(text)]
			}
		}
	}
	return ""
}

// isOTX reports whether an address, or a host alone, is that of OTX. A key
// never goes over plain http.
func isOTX(text string) bool {
	const host = "otx.alienvault.com"
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return u.Scheme == "https" && strings.EqualFold(u.Hostname(), host)
	}
	return strings.EqualFold(text, host)
}

var invalidKeys = regexp.MustCompile(`^'(.*)' has invalid keys: (.*)$`)

// plain says in one line what the decoder says in a list of its own form.
func plain(err error) error {
	if err == nil {
		return nil
	}
	var said []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "* ")
		if line == "" || strings.HasPrefix(line, "decoding failed due to") {
			continue
		}
		if m := invalidKeys.FindStringSubmatch(line); m != nil {
			line = "unknown key " + strings.TrimPrefix(m[1]+": ", ": ") + m[2]
		}
		said = append(said, line)
	}
	return errors.New(strings.Join(said, "; "))
}

// ReadSecret reads a file that holds one secret. Others must not be able to
// read it. A name without a slash is looked for among systemd's credentials first.
func ReadSecret(path string) (string, error) {
	private := fs.FileMode(0o077)
	if d := os.Getenv("CREDENTIALS_DIRECTORY"); d != "" && !strings.Contains(path, "/") {
		path = d + "/" + path
		private = 0o007 // systemd lets the service's user in by an ACL, which looks like a right of the group
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if st.Mode().Perm()&private != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o); mend it with: chmod 600 %s", path, st.Mode().Perm(), path)
	}
	if st.Size() > 64<<10 {
		return "", fmt.Errorf("%s is too long to be a secret", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return s, nil
}

// isSecret reports whether a key holds a secret itself, and not a file's name.
func isSecret(key string) bool {
	for _, word := range []string{"key", "password", "token", "secret"} {
		if strings.Contains(key, word) && !strings.HasSuffix(key, "_file") {
			return true
		}
	}
	return false
}

// Shown returns a setting's value as it may be shown to people: the values of
// keys that hold a secret are masked, and so are a user name, which is a key
// where OTX is spoken to, and the user part and the query of a URL.
func Shown(key string, v any) string {
	s := fmt.Sprint(v)
	u, err := url.Parse(s)
	if isSecret(key) || key == "username" || key == "proxy_url" && strings.Contains(s, "@") && (err != nil || u.User == nil) {
		return "***"
	}
	if err != nil || u.User == nil && (u.RawQuery == "" || u.Host == "" && !strings.HasPrefix(s, "/")) {
		return s
	}
	where := u.Path
	if u.Host != "" {
		where = u.Host + u.EscapedPath()
	}
	if u.User != nil {
		where = "***@" + where
	}
	if u.Scheme != "" {
		where = u.Scheme + "://" + where
	}
	if u.RawQuery != "" {
		where += "?***"
	}
	return where
}
