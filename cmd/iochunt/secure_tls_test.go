package main

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
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSecureConnection is about the ways to trust a cluster and to be known to it.
func TestSecureConnection(t *testing.T) {
	s := newSecured(t)
	stranger, _ := certificate(t)
	stranger = s.file("stranger.pem", stranger)
	basic := fmt.Sprintf(", username: %q, password_file: %q", s.Username, s.file("password", s.Password+"\n"))
	const wrongPassword = "wrongpassword99"
	s.secrets = append(s.secrets, wrongPassword)
	trust := fmt.Sprintf(", ca_file: %q", s.CAFile)
	user := fmt.Sprintf(", username: %q", s.Username)
	f := func(name, more string, env map[string]string, code int, want string) {
		t.Helper()
		_, said, got := s.run(s.config("web", more), env, "setup", "--dry-run")
		if got != code || !strings.Contains(said, want) {
			t.Errorf("%s: exit %d, want %d and %q\n%s", name, got, code, want, said)
		}
		for _, args := range [][]string{{"doctor", "--offline"}, {"config", "show"}, {"hunt"}, {"config", "show", "--json"}} {
			s.run(s.config("web", more), env, args...) // for the secrets
		}
	}
	f("by authority", trust+basic, nil, exitOK, "6 requests")
	f("nobody's authority", basic, nil, exitFailed, "name the file of its authority")
	f("another authority", fmt.Sprintf(", ca_file: %q", stranger)+basic, nil, exitFailed, "name the file of its authority")
	f("by fingerprint", fmt.Sprintf(", fingerprint: %q", s.fingerprint())+basic, nil, exitOK, "6 requests")
	f("by another fingerprint", fmt.Sprintf(", fingerprint: %q", strings.Repeat("ab", 32))+basic, nil, exitFailed, "fingerprint")
	f("unverified", ", verify: false"+basic, nil, exitOK, "verify is off")
	f("password by variable", trust+user, map[string]string{"IOCHUNT_ES_PASSWORD": s.Password}, exitOK, "6 requests")
	f("wrong password", trust+user, map[string]string{"IOCHUNT_ES_PASSWORD": wrongPassword}, exitAuth, "elasticsearch: ")
	f("nobody", trust, nil, exitAuth, "elasticsearch: ")
	config, _ := s.key("k", "setup")
	if _, said, code := s.run(config, nil, "setup", "--dry-run"); code != exitOK {
		t.Errorf("key by file: %d %s", code, said)
	}
	encoded := s.secrets[len(s.secrets)-1]
	f("key by variable", trust, map[string]string{"IOCHUNT_ES_API_KEY": encoded}, exitOK, "6 requests")
	f("a broken key", trust, map[string]string{"IOCHUNT_ES_API_KEY": encoded[:20]}, exitAuth, "elasticsearch: ")
	open := s.file("open.key", encoded)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	f("a key that all can read", trust+fmt.Sprintf(", api_key_file: %q", open), nil, exitUsage, "api_key_file")
}

// fingerprint is that of the node's certificate.
func (s *secured) fingerprint() string {
	s.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// certificate makes one of its own authority, with its key, as PEM.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "iochunt test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// TestClientCertificate goes through a gate that lets in who has a certificate, as
// a proxy before a cluster is one.
func TestClientCertificate(t *testing.T) {
	s := newSecured(t)
	cert, key := certificate(t)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	inside, pool, clients := mustURL(t, s.URL), x509.NewCertPool(), x509.NewCertPool()
	ca, err := os.ReadFile(s.CAFile)
	if err != nil || !pool.AppendCertsFromPEM(ca) || !clients.AppendCertsFromPEM([]byte(cert)) {
		t.Fatal("no certificate", err)
	}
	gate := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(inside) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	})
	gate.Config.ErrorLog = log.New(io.Discard, "", 0)
	gate.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	gate.StartTLS()
	defer gate.Close()
	s.URL = gate.URL
	s.secrets = append(s.secrets, strings.Split(key, "\n")[1])
	more := fmt.Sprintf(", ca_file: %q, username: %q, password_file: %q", s.file("ca.pem", cert), s.Username, s.file("password", s.Password))
	if _, said, code := s.run(s.config("web", more), nil, "setup", "--dry-run"); code != exitFailed || !strings.Contains(said, "certificate") {
		t.Errorf("without a certificate: %d %s", code, said)
	}
	more += fmt.Sprintf(", cert_file: %q, key_file: %q", s.file("client.pem", cert), s.file("client.key", key))
	if _, said, code := s.run(s.config("web", more), nil, "setup", "--dry-run"); code != exitOK {
		t.Errorf("with one: %d %s", code, said)
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
