package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/canary"
)

// parrot is a server that fails, and says back whatever it heard in every place
// that a client may show. Its first two answers are those of the fault; the
// next ones refuse the login, so that nobody tries again for long.
type parrot struct {
	fault string
	asked atomic.Int32
}

func (p *parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	user, password, _ := r.BasicAuth()
	var login map[string]string
	_ = json.Unmarshal(body, &login)
	heard := oneLineOf(fmt.Sprint(r.URL, " ", r.URL.Query(), " ", r.Header, " ", user, " ", password, " ", login, " ", string(body)))
	auth := strings.TrimPrefix(p.fault, "auth ")
	if r.URL.Path == "/auth" && auth == p.fault {
		fmt.Fprintf(w, `{"token":%q}`, canary.Secrets["token"])
		return
	}
	if p.asked.Add(1) > 2 {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, heard)
		return
	}
	squawk(w, r, auth, heard)
}

func oneLineOf(s string) string { return strings.Map(func(r rune) rune { return max(r, ' ') }, s) }

// message1 is a TAXII 1 message that holds text.
func message1(w http.ResponseWriter, root, attrs, text string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-TAXII-Content-Type", "urn:taxii.mitre.org:message:xml:1.1")
	var safe bytes.Buffer
	_ = xmlText(&safe, text)
	fmt.Fprintf(w, `<t:%s xmlns:t="http://taxii.mitre.org/messages/taxii_xml_binding-1.1" message_id="1" in_response_to="0" %s><t:Message>%s</t:Message></t:%s>`, root, attrs, &safe, root)
}

func xmlText(w io.Writer, s string) error {
	_, err := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").WriteString(w, s)
	return err
}

// squawk is the faults.
func squawk(w http.ResponseWriter, r *http.Request, fault, heard string) {
	h := w.Header()
	switch fault {
	case "400", "401", "403", "404", "500":
		w.WriteHeader(map[string]int{"400": 400, "401": 401, "403": 403, "404": 404, "500": 500}[fault])
		io.WriteString(w, heard)
	case "401 json":
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"title": heard, "description": heard})
	case "headers":
		h.Set("WWW-Authenticate", heard)
		h.Set("X-Echo", heard)
		h.Set("Content-Type", heard)
		w.WriteHeader(http.StatusForbidden)
	case "html":
		h.Set("Content-Type", "text/html")
		io.WriteString(w, "<html>"+heard)
	case "status message":
		message1(w, "Status_Message", `status_type="FAILURE"`, heard)
	case "unauthorized message":
		message1(w, "Status_Message", `status_type="UNAUTHORIZED"`, heard)
	case "type of message":
		var safe bytes.Buffer
		_ = xmlText(&safe, heard)
		message1(w, "Status_Message", `status_type="`+safe.String()+`"`, heard)
	case "poll message":
		message1(w, "Poll_Response", `collection_name="c"`, heard)
	case "redirect to another host":
		http.Redirect(w, r, "https://evil.invalid/?"+url.QueryEscape(heard), http.StatusTemporaryRedirect)
	case "redirect with a login":
		h.Set("Location", "http://"+url.UserPassword(canary.Secrets["user"], canary.Secrets["password"]).String()+"@"+r.Host+"/")
		w.WriteHeader(http.StatusFound)
	case "redirect to nonsense":
		h.Set("Location", "http://[%zz"+url.QueryEscape(heard))
		w.WriteHeader(http.StatusFound)
	default:
		raw(w, map[string]string{
			"status line": "HTTP/1.1 " + heard + "\r\n\r\n",
			"bad header":  "HTTP/1.1 200 OK\r\n" + heard + "\r\n\r\n",
			"bad gzip":    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + heard,
			"cut":         "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nX-TAXII-Content-Type: urn:taxii.mitre.org:message:xml:1.1\r\nContent-Length: 100000\r\n\r\n<" + heard,
			"json":        "HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nConnection: close\r\n\r\n{\"api_roots\": [" + heard,
		}[fault])
	}
}

func raw(w http.ResponseWriter, text string) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		io.WriteString(c, text)
		c.Close()
	}
}

var secretFaults = []string{"400", "401", "403", "404", "500", "401 json", "headers", "html", "status message", "unauthorized message", "type of message", "poll message",
	"redirect to another host", "redirect with a login", "redirect to nonsense", "status line", "bad header", "bad gzip", "cut", "json", "nothing"}

// secretFiles writes each secret to a file of its own, as people do.
func secretFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, c := range canary.Secrets {
		if name == "header" {
			c = "X-Gate: " + c
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(c+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// secretRun is the program, run in this process. It returns all that it showed,
// and all that it left on the disk.
func secretRun(t *testing.T, env map[string]string, args ...string) (string, int) {
	var out bytes.Buffer
	var mu sync.Mutex
	w := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(p)
	})
	code := run(t.Context(), process{
		args: args, in: strings.NewReader(""), out: w, err: w, now: time.Now,
		env: func(k string) string { return env[k] },
	})
	mu.Lock()
	defer mu.Unlock()
	return out.String(), code
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// onDisk is the text of all files below a folder.
func onDisk(t *testing.T, dir string) string {
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all.String()
}

// secretLogins are the ways to say who one is: as lines of a feed's
// configuration, as flags, and in the environment.
type secretLogin struct {
	conf  string
	flags []string
	env   map[string]string
}

func secretLogins(dir string) map[string]secretLogin {
	at := func(name string) string { return filepath.Join(dir, name) }
	files := "username_file: " + at("user") + ", password_file: " + at("password")
	flags := []string{"--username-file", at("user"), "--password-file", at("password")}
	env := map[string]string{"TAXII_USERNAME": canary.Secrets["user"], "TAXII_PASSWORD": canary.Secrets["password"]}
	return map[string]secretLogin{
		"files":  {files, flags, nil},
		"env":    {files, nil, env},
		"jwt":    {files + ", jwt_auth: /auth", append(slices.Clone(flags), "--jwt-auth", "/auth"), nil},
		"header": {"header_file: " + at("header"), []string{"--header", "X-Gate: " + canary.Secrets["header"]}, nil},
	}
}

// secretCase is one server and one way to log in to it.
type secretCase struct {
	name  string
	base  string
	fresh func() // makes the server forget what it was asked
	login secretLogin
	flags []string // of the connection
	conf  string   // the same of the feed
}

// check runs a command and looks at what it shows, and at what it leaves in
// dir.
func (c *secretCase) check(t *testing.T, env map[string]string, dir string, args ...string) {
	c.fresh()
	shown, code := secretRun(t, env, args...)
	if got := canary.Leaked(shown); got != nil {
		t.Errorf("%s: %v shows %v:\n%s", c.name, args, got, shown)
	}
	if strings.TrimSpace(shown) == "" && code != 0 {
		t.Errorf("%s: %v failed with %d and without a word", c.name, args, code)
	}
	if got := canary.Leaked(onDisk(t, dir)); got != nil {
		t.Errorf("%s: %v leaves %v on the disk", c.name, args, got)
	}
}

// where is an address that has a secret in its query.
func (c *secretCase) where(path string) string {
	return c.base + path + "?k=" + url.QueryEscape(canary.Secrets["query"])
}

// verbs asks with each command of the verb.
func (c *secretCase) verbs(t *testing.T, v string) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"discovery", "--path", c.where("/taxii/discovery")},
		{"collections", "--json", "--discovery", c.where("/taxii/discovery")},
		{"poll", "--verbose", "-c", "c", "--dest-dir", dir, "--path", c.where("/taxii/poll")},
		{"push", "-v", "-f", filepath.Join("testdata", "script", "taxii.txtar"), "--dest", "c", "--path", c.where("/taxii/inbox")},
	} {
		args = slices.Concat([]string{"taxii"}, args, []string{"-t", v}, c.login.flags, c.flags)
		c.check(t, c.login.env, dir, args...)
	}
}

// feed asks with each command that has to do with a feed.
func (c *secretCase) feed(t *testing.T, v string) {
	dir := t.TempDir()
	conf := filepath.Join(t.TempDir(), "iochunt.yaml")
	text := fmt.Sprintf("feeds: [{name: f, kind: taxii, version: '%s', url: '%s', collection: c, lookback: 1h, allow_private: true, timeout: 20s, %s%s}]\n",
		v, c.where("/taxii/poll"), c.login.conf, c.conf)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Error(err)
		return
	}
	env := map[string]string{"IOCHUNT_CONFIG": conf, "IOCHUNT_DATA_DIR": dir}
	for _, command := range []string{"feeds check", "collect --verbose", "collect --json", "feeds", "feeds --json", "feeds check --json", "feeds refused f",
		"config show", "config show --json", "doctor --verbose", "doctor --json", "hits --json"} {
		c.check(t, env, dir, strings.Fields(command)...)
	}
}

// together runs many cases at once, as most of their time is waiting.
func together(t *testing.T, cases []secretCase) {
	var wg sync.WaitGroup
	gate := make(chan struct{}, 128)
	for i := range cases {
		for _, v := range []string{"1.1", "2.1"} {
			c := cases[i]
			c.name += ", TAXII " + v
			wg.Go(func() {
				gate <- struct{}{}
				defer func() { <-gate }()
				c.verbs(t, v)
				c.feed(t, v)
			})
		}
	}
	wg.Wait()
}

// Row 32: whatever goes wrong, and whatever the server says back, no command
// shows a secret or leaves one on the disk.
func TestSecretsOfFailingServers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it asks some thousand times")
	}
	dir := secretFiles(t)
	var cases []secretCase
	for how, login := range secretLogins(dir) {
		for _, fault := range secretFaults {
			for _, where := range []string{"", "auth "} {
				if where != "" && how != "jwt" {
					continue
				}
				p := &parrot{fault: where + fault}
				s := httptest.NewServer(p)
				defer s.Close()
				cases = append(cases, secretCase{name: how + ", " + where + fault, base: s.URL, fresh: func() { p.asked.Store(0) }, login: login})
			}
		}
	}
	together(t, cases)
}

// chatterbox says the same to everybody, whatever is asked, and returns its
// address.
func chatterbox(t *testing.T, text string) string {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, text)
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<16)) // or what was said would be lost with what was not heard
			c.Close()
		}
	}()
	return l.Addr().String()
}

// The same of servers that are not reached: by port, by name, by TLS, by proxy.
func TestSecretsOfUnreachedServers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits for servers that do not answer")
	}
	dir := secretFiles(t)
	secure := httptest.NewUnstartedServer(&parrot{fault: "401"})
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	secure.StartTLS()
	defer secure.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw(w, "HTTP/1.1 407 "+r.Header.Get("Proxy-Authorization")+canary.Secrets["proxy"]+"\r\n\r\n"+canary.Secrets["proxy"])
	}))
	defer proxy.Close()
	rude := chatterbox(t, "HTTP/1.1 407 "+canary.Secrets["proxy"]+"\r\n\r\n")
	ca := filepath.Join(dir, "ca.pem")
	pemText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(ca, pemText, 0o600); err != nil {
		t.Fatal(err)
	}
	login := secretLogins(dir)["files"]
	var cases []secretCase
	f := func(name, base string, env map[string]string, conf string, flags ...string) {
		l := login
		l.env = env
		cases = append(cases, secretCase{name: name, base: base, fresh: func() {}, login: l, conf: conf, flags: flags})
	}
	by := func(name, address string) {
		file := filepath.Join(dir, "proxy "+name)
		u := strings.Replace(address, "://", "://u:"+canary.Secrets["proxy"]+"@", 1)
		if err := os.WriteFile(file, []byte(u), 0o600); err != nil {
			t.Fatal(err)
		}
		f("proxy "+name, secure.URL, nil, ", ca_file: "+ca+", proxy_url_file: '"+file+"'", "--ca-cert", ca, "--proxy-url", u)
	}
	f("port", "http://127.0.0.1:1", nil, "")
	f("name", "https://taxii.invalid", nil, "")
	f("plain text to a foreign host", "http://192.0.2.1", nil, "")
	f("unknown authority", secure.URL, nil, "")
	f("certificate wanted", secure.URL, nil, ", ca_file: "+ca, "--ca-cert", ca)
	f("not checked", secure.URL, nil, ", verify: false", "--verify", "no")
	f("TLS asked for by http", strings.Replace(secure.URL, "https:", "http:", 1), nil, "")
	f("no TLS there", "https://"+rude, nil, "")
	f("wrong key", secure.URL, nil, ", cert_file: "+ca+", key_file: "+filepath.Join(dir, "key"), "--cert", ca, "--key", filepath.Join(dir, "key"), "--key-password-file", filepath.Join(dir, "key"))
	f("login in the address", strings.Replace(secure.URL, "://", "://"+canary.Secrets["key"]+":"+canary.Secrets["key"]+"@", 1), nil, "")
	by("that refuses", proxy.URL)
	by("that is not there", "http://127.0.0.1:1")
	by("by socks", "socks5://"+rude)
	by("by TLS", "https://"+rude)
	by("of an unknown kind", "gopher://127.0.0.1:1")
	together(t, cases)
}

// What is written into the configuration itself, against all advice, is not
// shown either.
func TestSecretsInConfig(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "iochunt.yaml")
	text := fmt.Sprintf(`feeds:
  - {name: a, kind: taxii, url: 'https://h.example/poll?k=%[1]s', username: '%[1]s', password: '%[1]s', jwt_auth: '/auth?k=%[1]s'}
  - {name: b, kind: taxii, url: 'https://%[1]s:%[1]s@h.example/poll', proxy_url: 'http://u:%[1]s@proxy:3128'}
  - {name: c, kind: taxii, discovery: 'https://h.example/discovery?k=%[1]s', proxy_url: 'u:%[1]s@proxy:3128', headers: {X-Key: '%[1]s'}}
  - {name: d, kind: taxii, host: 'u:%[1]s@h.example', path: '/poll?k=%[1]s', header: 'X-Key: %[1]s', key: '%[1]s', key_password: '%[1]s'}
`, canary.Secrets["proxy"])
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"config show", "config show --json", "feeds", "feeds --json", "feeds check b d", "collect b d", "feeds kinds"} {
		shown, _ := secretRun(t, map[string]string{"IOCHUNT_CONFIG": conf, "IOCHUNT_DATA_DIR": t.TempDir()}, strings.Fields(command)...)
		if got := canary.Leaked(shown); got != nil || shown == "" {
			t.Errorf("%s shows %v:\n%s", command, got, shown)
		}
	}
}

// The token of a JWT login is no answer of TAXII, and -x does not print it,
// wherever the token service lies.
func TestSecretsAsXML(t *testing.T) {
	one, _ := fakeTAXII()
	mux := http.NewServeMux()
	mux.Handle("/", one)
	mux.Handle("/elsewhere", http.RedirectHandler("/management/auth?token=1", http.StatusTemporaryRedirect))
	s := httptest.NewServer(mux)
	defer s.Close()
	for _, auth := range []string{"/management/auth", "/management/auth?a=b", s.URL + "/management/auth#x", "/elsewhere"} {
		shown, code := secretRun(t, map[string]string{"TAXII_USERNAME": one.User, "TAXII_PASSWORD": one.Password},
			"taxii", "poll", "--path", s.URL+"/taxii/poll", "-c", "user_demo", "-x", "--jwt-auth", auth)
		if code != 0 || !strings.Contains(shown, "Poll_Response") || strings.Contains(shown, "token") {
			t.Errorf("%s: %d, %s", auth, code, shown)
		}
	}
}

// Who looks at the list of processes sees no secret, while a command runs that
// was given them by file and by environment.
func TestSecretsInProcessList(t *testing.T) {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("there is no /proc here")
	}
	dir := secretFiles(t)
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer s.Close()
	cmd := command(append(os.Environ(), "TAXII_PASSWORD="+canary.Secrets["password"]),
		"taxii", "poll", "--path", s.URL+"/taxii/poll", "-c", "c", "--username-file", filepath.Join(dir, "user"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
	close(answer)
	if err != nil || !bytes.Contains(line, []byte("--username-file")) || canary.Leaked(string(line)) != nil {
		t.Errorf("%q: %v, %v", line, canary.Leaked(string(line)), err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != exitAuth {
		t.Errorf("%v", err)
	}
}
