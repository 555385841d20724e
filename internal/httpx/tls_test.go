package httpx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<60))
	c.Subject = pkix.Name{CommonName: "iochunt test"}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	c.NotBefore = c.NotAfter.Add(-2 * time.Hour)
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		a.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	return c, key
}

// issue makes a certificate for a server at 127.0.0.1 and for a client, changed by change.
func (a *authority) issue(change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	c := &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if change != nil {
		change(c)
	}
	c, key := a.sign(c)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
}

func (a *authority) file() string {
	a.t.Helper()
	p := filepath.Join(a.t.TempDir(), "ca.pem")
	if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return p
}

func pemOf(t *testing.T, c tls.Certificate) (cert string, key Secret) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})),
		Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func serveTLS(t *testing.T, c *tls.Config, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = c
	s.Config.ErrorLog = log.New(discardLog{}, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

type discardLog struct{}

func (discardLog) Write(p []byte) (int, error) { return len(p), nil }

func fine(http.ResponseWriter, *http.Request) {}

// tries sends a request by the usual policy and counts the attempts.
func tries(t *testing.T, o Options, url string) (int, error) {
	t.Helper()
	n := 1
	r := request(t, url, "X-Key", canary)
	r = r.WithContext(OnRetry(r.Context(), func(Attempt) { n++ }))
	err := Policy{Attempts: 2, First: time.Microsecond}.Do(client(t, o), r, discard)
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("the secret stands in %v", err)
	}
	return n, err
}

func fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}

func colons(s string) string {
	var parts []string
	for ; s != ""; s = s[2:] {
		parts = append(parts, s[:2])
	}
	return strings.ToUpper(strings.Join(parts, ":"))
}

// Which servers are believed. What fails, fails at once: another try gets the
// same certificate.
func TestServerCertificates(t *testing.T) {
	ca := newAuthority(t)
	good := ca.issue(nil)
	expired := ca.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	elsewhere := ca.issue(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} })
	alone := (&authority{t: t}).issue(nil)
	trust := ca.file()
	f := func(name string, cert tls.Certificate, o Options, want any) {
		t.Helper()
		s := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, fine)
		n, err := tries(t, o, s.URL)
		ok := err == nil
		switch w := want.(type) {
		case error:
			ok = errors.Is(err, w)
		case string:
			var v *tls.CertificateVerificationError
			ok = errors.As(err, &v) && strings.Contains(err.Error(), w)
		}
		if !ok || n != 1 {
			t.Errorf("%s: %v, in %d tries; want %v", name, err, n, want)
		}
	}
	f("of a known authority", good, Options{CAFile: trust}, nil)
	f("of an unknown authority", good, Options{}, "unknown authority")
	f("self-signed", alone, Options{CAFile: trust}, "certificate")
	f("expired", expired, Options{CAFile: trust}, "expired")
	f("for another host", elsewhere, Options{CAFile: trust}, "127.0.0.1")
	f("pinned", good, Options{Fingerprint: fingerprint(good)}, nil)
	f("pinned, with colons", good, Options{Fingerprint: colons(fingerprint(good))}, nil)
	f("pinned, self-signed", alone, Options{Fingerprint: fingerprint(alone)}, nil)
	f("pinned, expired", expired, Options{Fingerprint: fingerprint(expired)}, nil)
	f("pinned, for another host", elsewhere, Options{Fingerprint: fingerprint(elsewhere)}, nil)
	f("another one pinned", good, Options{Fingerprint: fingerprint(alone), CAFile: trust}, ErrRefused)
	f("self-signed, not verified", alone, Options{Insecure: true}, nil)
	f("expired, not verified", expired, Options{Insecure: true}, nil)
}

func TestOldTLS(t *testing.T) {
	cert := (&authority{t: t}).issue(nil)
	for _, o := range []Options{{Insecure: true}, {Fingerprint: fingerprint(cert)}} {
		s := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, fine)
		if n, err := tries(t, o, s.URL); err == nil || n != 1 || !strings.Contains(err.Error(), "version") {
			t.Errorf("TLS 1.1: %v in %d tries", err, n)
		}
	}
	plain := serve(t, fine)
	if n, err := tries(t, Options{}, strings.Replace(plain.URL, "http:", "https:", 1)); !errors.Is(err, http.ErrSchemeMismatch) || n != 1 {
		t.Errorf("plain http behind https: %v in %d tries", err, n)
	}
}

// Where something else than TLS and HTTP is spoken, nobody asks twice.
func TestNoTLS(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
			_, _ = c.Read(make([]byte, 1<<12))
			c.Close()
		}
	}()
	n, err := tries(t, Options{}, "https://"+l.Addr().String())
	if n != 1 || !NoTLS(err) || Untrusted(err) || !strings.Contains(err.Error(), "does not speak TLS on this port") {
		t.Errorf("%v in %d tries", err, n)
	}
	alone := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{(&authority{t: t}).issue(nil)}}, fine)
	if _, err := tries(t, Options{}, alone.URL); !Untrusted(err) || NoTLS(err) {
		t.Errorf("self-signed: %v", err)
	}
}

// A server that wants to see a certificate, in both versions of the handshake.
func TestClientCertificates(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	right, rightKey := pemOf(t, ca.issue(nil))
	wrong, wrongKey := pemOf(t, other.issue(nil))
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var shown int
		s := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(nil)}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: version},
			func(_ http.ResponseWriter, r *http.Request) { shown = len(r.TLS.PeerCertificates) })
		f := func(name string, o Options, wantOK bool) {
			t.Helper()
			shown = 0
			o.CAFile = ca.file()
			_, err := tries(t, o, s.URL)
			if (err == nil) != wantOK || wantOK != (shown == 1) {
				t.Errorf("%s: %v, %d certificates came", name, err, shown)
			}
			if !wantOK && !errors.Is(err, ErrClientCert) && !vague(err) {
				t.Errorf("%s: %v is not said to be about the client's certificate", name, err)
			}
		}
		f("none", Options{}, false)
		f("the right one", Options{ClientCert: right, ClientKey: rightKey}, true)
		f("the right one, key in one file with it", Options{ClientCert: right + string(rightKey)}, true)
		f("one of another authority", Options{ClientCert: wrong, ClientKey: wrongKey}, false)
	}
}

// vague reports whether the server said less than it might: TLS 1.2 has one
// alert for many things, and in TLS 1.3 the connection may end before it is read.
func vague(err error) bool {
	text := err.Error()
	return strings.Contains(text, "handshake failure") || strings.Contains(text, "reset") || strings.Contains(text, "broken pipe")
}

// A redirect to another host does not take the certificate along.
func TestClientCertificateStays(t *testing.T) {
	ca := newAuthority(t)
	cert, key := pemOf(t, ca.issue(nil))
	o := Options{CAFile: ca.file(), ClientCert: cert, ClientKey: key, Fingerprint: strings.Repeat("00", 32)}
	c := client(t, o)
	g := c.Transport.(*guard)
	if n := len(g.foreign.TLSClientConfig.Certificates); n != 0 || g.foreign.TLSClientConfig.InsecureSkipVerify {
		t.Errorf("another host is shown %d certificates", n)
	}
	if n := len(g.configured.TLSClientConfig.Certificates); n != 1 {
		t.Errorf("the configured host is shown %d certificates", n)
	}
}

func keyFile(t testing.TB, name string) Secret {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "keys", name))
	if err != nil {
		t.Fatal(err)
	}
	return Secret(b)
}

// Keys as openssl writes them; the password of all is open-sesame.
func TestKeys(t *testing.T) {
	cert := string(keyFile(t, "cert.pem"))
	f := func(name string, password Secret, want string) {
		t.Helper()
		_, err := New(Options{ClientCert: cert, ClientKey: keyFile(t, name), KeyPassword: password})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), string(password)) && password != "" || strings.Contains(err.Error(), "BEGIN")) {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
	f("plain.pem", "", "")
	f("plain.pem", "not needed", "")
	f("params-first.pem", "", "")
	for _, name := range []string{"aes256-sha256.pem", "aes128-sha512.pem", "aes192-sha1.pem", "des3-sha384.pem", "legacy-aes128.pem"} {
		f(name, "open-sesame", "")
		f(name, "", "no password for it is given")
		f(name, "open-simsim", "the password for it is wrong")
	}
	f("scrypt.pem", "open-sesame", "openssl pkey")
	f("pbe1.pem", "open-sesame", "openssl pkey")
	f("cert.pem", "", "no private key")
}

func TestBadOptions(t *testing.T) {
	cert, key := pemOf(t, (&authority{t: t}).issue(nil))
	_, otherKey := pemOf(t, (&authority{t: t}).issue(nil))
	f := func(o Options, want string) {
		t.Helper()
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	f(Options{Fingerprint: "ab:cd"}, "64 hex digits")
	f(Options{Fingerprint: strings.Repeat("zz", 32)}, "64 hex digits")
	f(Options{Fingerprint: strings.Repeat("ab", 32), Insecure: true}, "which one is meant")
	f(Options{ClientKey: key}, "without its certificate")
	f(Options{ClientCert: cert}, "no private key")
	f(Options{ClientCert: cert, ClientKey: otherKey}, "does not match")
	f(Options{ClientCert: cert, ClientKey: canary}, "no private key")
	f(Options{ClientCert: canary, ClientKey: key}, "client certificate")
	f(Options{Proxy: "proxy.example:3128"}, "must look like")
	f(Options{Proxy: "ftp://u:" + canary + "@proxy.example"}, "must look like")
	f(Options{Proxy: "http://u:" + canary + "%zz@proxy.example"}, "must look like")
	f(Options{Proxy: "http://"}, "must look like")
}

func FuzzOpenKey(f *testing.F) {
	for _, name := range []string{"plain.pem", "aes128-sha512.pem", "des3-sha384.pem", "scrypt.pem", "pbe1.pem", "legacy-aes128.pem", "params-first.pem"} {
		b, _ := pem.Decode([]byte(keyFile(f, name)))
		f.Add(b.Type, b.Bytes)
	}
	f.Fuzz(func(t *testing.T, kind string, der []byte) {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		if key, err := openKey(text, canary); err == nil && len(key) == 0 {
			t.Error("no key and no error")
		} else if err != nil && strings.Contains(err.Error(), canary) {
			t.Error(err)
		}
	})
}
