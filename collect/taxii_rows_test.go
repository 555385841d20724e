package collect_test

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// What httpx and collect/taxii show of connections is shown here of a feed: that
// its settings reach them.

// row runs a feed and returns its error.
func row(t *testing.T, s taxiiOptions) (collect.Result, error) {
	t.Helper()
	return collect.Run(t.Context(), "av", newTAXII(t, s, nil), memory.New(), collect.RunOptions{Now: func() time.Time { return today }})
}

// Row 30: the login of a feed goes to the configured server alone, whatever
// that one answers.
func TestTAXIIRow30Redirects(t *testing.T) {
	t.Parallel()
	var met atomic.Int32
	other := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { met.Add(1) }))
	for _, version := range []string{"1.1", "2.1"} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			base := serve(t, http.RedirectHandler(other+"/taxii/poll?k=c4n4ry-query", code))
			_, err := row(t, taxii1Options(base).with("version", version))
			if err == nil || !strings.Contains(err.Error(), base) || !strings.Contains(err.Error(), other) || strings.Contains(err.Error(), "c4n4ry") {
				t.Errorf("TAXII %s, %d: %v", version, code, err)
			}
		}
	}
	if met.Load() != 0 {
		t.Errorf("%d requests went to the other server", met.Load())
	}
}

// allNames resolves every name to this machine, over DNS as it is spoken by TCP.
func allNames(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer ours.Close()
		for {
			var size [2]byte
			if _, err := io.ReadFull(ours, size[:]); err != nil {
				return
			}
			b := make([]byte, binary.BigEndian.Uint16(size[:]))
			var m dnsmessage.Message
			if _, err := io.ReadFull(ours, b); err != nil || m.Unpack(b) != nil {
				return
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
			}
			if b, _ = m.Pack(); len(b) == 0 {
				return
			}
			if _, err := ours.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
				return
			}
		}
	}()
	return theirs, nil
}

// Row 31: a name that stands for an address inside is refused after it was
// resolved, unless the feed allows it.
func TestTAXIIRow31PrivateAddresses(t *testing.T) {
	was := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: allNames}
	defer func() { net.DefaultResolver = was }()
	var met atomic.Int32
	server := fake1(blocks(2, 1))
	base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		met.Add(1)
		server.ServeHTTP(w, r)
	}))
	s := taxii1Options(strings.Replace(base, "127.0.0.1", "taxii.example", 1)).with("username", "", "password", "")
	server.Change(func(f *taxiitest.TAXII1) { f.User, f.Password = "", "" })
	_, err := row(t, s)
	if !errors.Is(err, httpx.ErrRefused) || !strings.Contains(err.Error(), "allow_private") || met.Load() != 0 {
		t.Errorf("%d requests, %v", met.Load(), err)
	}
	if r, err := row(t, s.with("allow_private", true)); err != nil || r.Changes.New != 2 {
		t.Errorf("allowed: %+v, %v", r, err)
	}
}

// pemFile writes PEM blocks to a file that nobody else can read.
func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// Row 33: a certificate that cannot be trusted ends the poll before anything
// is sent; what makes it trusted is said, and works.
func TestTAXIIRow33Certificates(t *testing.T) {
	t.Parallel()
	var met atomic.Int32
	server := fake1(blocks(2, 1))
	start := func(c *tls.Config) *httptest.Server {
		h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			met.Add(1)
			server.ServeHTTP(w, r)
		}))
		h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		h.TLS = c
		h.StartTLS()
		t.Cleanup(h.Close)
		return h
	}
	f := func(h *httptest.Server, want string, kv ...any) {
		t.Helper()
		met.Store(0)
		r, err := row(t, taxii1Options(h.URL).with(kv...))
		switch {
		case want == "" && (err != nil || r.Changes.New != 2):
			t.Errorf("%v: %+v, %v", kv, r, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || met.Load() > 0 || len(r.Skipped) > 0):
			t.Errorf("%v: %d requests, %v, skipped %v; want %q", kv, met.Load(), err, r.Skipped, want)
		}
		if warned := strings.Contains(fmt.Sprint(r.Notes), "verify is false"); warned != (len(kv) > 0 && kv[0] == "verify") {
			t.Errorf("%v: notes %q", kv, r.Notes)
		}
	}
	plain := start(&tls.Config{})
	sum := sha256.Sum256(plain.Certificate().Raw)
	ca := pemFile(t, "CERTIFICATE", plain.Certificate().Raw)
	f(plain, "set ca_file (who signed it) or fingerprint")
	f(plain, "", "ca_file", ca)
	f(plain, "", "fingerprint", hex.EncodeToString(sum[:]))
	f(plain, "fingerprint", "fingerprint", strings.Repeat("00", 32))
	f(plain, "", "verify", false)
	f(start(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), "version", "ca_file", ca)
	wants := start(&tls.Config{ClientAuth: tls.RequireAnyClientCert})
	f(wants, "set cert_file and key_file", "ca_file", ca)
	mine := wants.TLS.Certificates[0]
	key, err := os.ReadFile(pemFile(t, "PRIVATE KEY", pkcs8(t, mine)))
	if err != nil {
		t.Fatal(err)
	}
	f(wants, "", "ca_file", ca, "cert_file", pemFile(t, "CERTIFICATE", mine.Certificate[0]), "key", string(key))
}

// A port where nobody speaks TLS is one error, not a server to be asked again
// and again, for ever shorter times.
func TestTAXIIRow33NoTLS(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var met atomic.Int32
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			met.Add(1)
			io.WriteString(c, "220 mail.example ESMTP\r\n")
			_, _ = c.Read(make([]byte, 1<<12))
			c.Close()
		}
	}()
	r, err := row(t, taxii1Options("https://"+l.Addr().String()))
	if err == nil || !strings.Contains(err.Error(), "does not speak TLS") || len(r.Skipped) > 0 || met.Load() > 2 {
		t.Errorf("%d connections, %v, skipped %v", met.Load(), err, r.Skipped)
	}
}

// Row 34: an answer that never ends, or that unpacks to more than is allowed,
// is given up.
func TestTAXIIRow34SlowAndBig(t *testing.T) {
	t.Parallel()
	stalled := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-TAXII-Content-Type", "urn:taxii.mitre.org:message:xml:1.1")
		io.WriteString(w, "<")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	_, err := row(t, taxii1Options(stalled).with("timeout", 20*time.Millisecond, "lookback", time.Minute))
	if err == nil || !strings.Contains(err.Error(), "no complete answer within 20ms") {
		t.Errorf("stalled: %v", err)
	}
	bomb := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-TAXII-Content-Type", "urn:taxii.mitre.org:message:xml:1.1")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.CopyN(z, spaces{}, 64<<20)
		z.Close()
	}))
	_, err = row(t, taxii1Options(bomb).with("max_mib", int64(1), "lookback", time.Minute))
	if !errors.Is(err, httpx.ErrTooBig) {
		t.Errorf("bomb: %v", err)
	}
}

// spaces is a reader without an end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func pkcs8(t *testing.T, c tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
