package es_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/canary"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/httpx"
)

// front is a made-up Elasticsearch that tells what it was asked.
func front(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	fmt.Fprintf(w, `{"name":%q,"version":{"number":"8.19.8"}}`, r.Header.Get("Authorization"))
}

func ask(t *testing.T, o es.Options) (es.Info, error) {
	t.Helper()
	if o.Attempts == 0 {
		o.Attempts = 1
	}
	c, err := es.New(o)
	if err != nil {
		return es.Info{}, err
	}
	return c.Info(t.Context())
}

func pemFile(t *testing.T, der []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// selfSigned makes a certificate and its key in PEM.
func selfSigned(t *testing.T) (der []byte, cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "iochunt"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err = x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return der, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(front))
	t.Cleanup(s.Close)
	s.Config.ErrorLog = nil
	own := s.Certificate()
	print := sha256.Sum256(own.Raw)
	other, _, _ := selfSigned(t)
	for _, tc := range []struct {
		name string
		http httpx.Options
		ok   bool
	}{
		{"nobody trusts it", httpx.Options{}, false},
		{"its authority", httpx.Options{CAFile: pemFile(t, own.Raw)}, true},
		{"another authority", httpx.Options{CAFile: pemFile(t, other)}, false},
		{"its fingerprint", httpx.Options{Fingerprint: hex.EncodeToString(print[:])}, true},
		{"another fingerprint", httpx.Options{Fingerprint: strings.Repeat("ab", 32)}, false},
		{"no verification", httpx.Options{Insecure: true}, true},
		{"no file", httpx.Options{CAFile: "/nowhere/ca.pem"}, false},
	} {
		tc.http.Proxy = httpx.NoProxy
		if _, err := ask(t, es.Options{Addresses: []string{s.URL}, HTTP: tc.http, Username: "u", Password: "secret-password"}); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestMTLS(t *testing.T) {
	der, cert, key := selfSigned(t)
	mine, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(mine)
	s := httptest.NewUnstartedServer(http.HandlerFunc(front))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	s.StartTLS()
	t.Cleanup(s.Close)
	o := httpx.Options{CAFile: pemFile(t, s.Certificate().Raw), Proxy: httpx.NoProxy}
	if _, err := ask(t, es.Options{Addresses: []string{s.URL}, HTTP: o}); !errors.Is(err, httpx.ErrClientCert) {
		t.Errorf("without a certificate: %v", err)
	}
	o.ClientCert, o.ClientKey = cert, httpx.Secret(key)
	if _, err := ask(t, es.Options{Addresses: []string{s.URL}, HTTP: o}); err != nil {
		t.Error(err)
	}
}

// TestAuthorization is about who is told what: the server says what it saw.
func TestAuthorization(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(front))
	t.Cleanup(s.Close)
	for _, tc := range []struct {
		o    es.Options
		want string
	}{
		{es.Options{}, ""},
		{es.Options{Username: "eve", Password: "adam"}, "Basic " + base64.StdEncoding.EncodeToString([]byte("eve:adam"))},
		{es.Options{APIKey: "aWQ6a2V5"}, "APIKey aWQ6a2V5"},
		{es.Options{Username: "eve", Password: "adam", APIKey: "aWQ6a2V5"}, "APIKey aWQ6a2V5"},
	} {
		tc.o.Addresses = []string{s.URL + "/"}
		if i, err := ask(t, tc.o); err != nil || i.Name != tc.want {
			t.Errorf("%q, want %q: %v", i.Name, tc.want, err)
		}
	}
}

// TestCredentialsStay is about plain http to another machine, and redirects.
func TestCredentialsStay(t *testing.T) {
	seen := make(chan string, 10)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Authorization") }))
	t.Cleanup(thief.Close)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(s.Close)
	if _, err := ask(t, es.Options{Addresses: []string{s.URL}, Username: "eve", Password: "adam-adam"}); !es.IsStatus(err, http.StatusTemporaryRedirect) {
		t.Error(err)
	}
	proxied := func(w http.ResponseWriter, r *http.Request) { seen <- "by the proxy: " + r.Header.Get("Authorization") }
	p := httptest.NewServer(http.HandlerFunc(proxied))
	t.Cleanup(p.Close)
	for _, o := range []es.Options{{Username: "eve", Password: "adam-adam"}, {APIKey: "aWQ6a2V5a2V5"}} {
		o.Addresses, o.HTTP.Proxy = []string{"http://es.example.org:9200"}, httpx.Secret(p.URL)
		if _, err := ask(t, o); !errors.Is(err, httpx.ErrRefused) {
			t.Errorf("plain http to another machine: %v", err)
		}
	}
	if len(seen) > 0 {
		t.Error("a credential went where it does not belong:", <-seen)
	}
}

func TestProxy(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(front))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		used++
		r.Host = u.Host
		(&httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(u) }}).ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	if _, err := ask(t, es.Options{Addresses: []string{"http://es.example.org:9200"}, HTTP: httpx.Options{Proxy: httpx.Secret(p.URL)}}); err != nil || used != 1 {
		t.Error(err, used)
	}
}

// TestPathPrefix is about a cluster behind a path, and ids with a slash in them.
func TestPathPrefix(t *testing.T) {
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.RequestURI)
		front(w, r)
	}))
	t.Cleanup(s.Close)
	c, err := es.New(es.Options{Addresses: []string{s.URL + "/the cluster/"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/i/_doc/a%2Fb%3Fc", "/_search"} {
		if err := c.Do(t.Context(), es.Request{Method: http.MethodGet, Path: p, Query: url.Values{"q": {"1"}}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if want := "/the%20cluster/i/_doc/a%2Fb%3Fc?q=1 /the%20cluster/_search?q=1"; strings.Join(got, " ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestOptionsRefused(t *testing.T) {
	cloud := func(s string) string { return "name:" + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, o := range []es.Options{
		{Addresses: []string{"127.0.0.1:9200"}}, {Addresses: []string{"ftp://x"}}, {Addresses: []string{"http://kanarie-user:kanarie-password@x:9200"}},
		{Addresses: []string{"https://x/?a=b"}}, {Flavor: "solr"}, {Addresses: []string{"https://x"}, CloudID: cloud("h$e$k")},
		{CloudID: "kanarie-token"}, {CloudID: "a:b"}, {CloudID: "name:!!"}, {CloudID: cloud("host")}, {CloudID: cloud("$es")}, {CloudID: cloud("host$")}, {CloudID: cloud("ho/st$es")}, {CloudID: cloud("h@st$es")},
		{HTTP: httpx.Options{Proxy: "nonsense"}}, {HTTP: httpx.Options{Fingerprint: "ab"}},
	} {
		_, err := es.New(o)
		if err == nil || len(canary.Leaked(err.Error())) > 0 {
			t.Errorf("%+v: %v", o.Addresses, err)
		}
	}
	if _, err := es.New(es.Options{CloudID: cloud("eu.example.org:9243$abc$def")}); err != nil {
		t.Error(err)
	}
}

// TestProduct is about servers that are not the one that was said.
func TestProduct(t *testing.T) {
	for _, tc := range []struct{ flavor, product, body, want string }{
		{es.Elasticsearch, "", `{"version":{"number":"2.19.1","distribution":"opensearch"}}`, "set flavor: opensearch"},
		{es.OpenSearch, "Elasticsearch", `{"version":{"number":"8.19.8"}}`, "set flavor: elasticsearch"},
		{es.Elasticsearch, "", `{"version":{"number":"7.10.2"}}`, "too old"},
		{es.Elasticsearch, "", `<html>hotel</html>`, "another service"},
	} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			if tc.product != "" {
				w.Header().Set("X-Elastic-Product", tc.product)
			}
			_, _ = io.WriteString(w, tc.body)
		}))
		_, err := ask(t, es.Options{Addresses: []string{s.URL}, Flavor: tc.flavor, Attempts: 5})
		s.Close()
		if err == nil || !strings.Contains(err.Error(), tc.want) || asked > 2 {
			t.Errorf("%d requests: %v, want %q", asked, err, tc.want)
		}
	}
}

// TestNoSecretInErrors is about a server that sends back all that it was sent.
func TestNoSecretInErrors(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(es.M{"error": es.M{"type": pass, "reason": fmt.Sprint("no \x1b[31m", r.Header, pass, user)}, "status": 403})
	}))
	t.Cleanup(s.Close)
	refused := httptest.NewServer(nil)
	refused.Close()
	secret := canary.Secrets
	key := base64.StdEncoding.EncodeToString([]byte("id:" + secret["key"]))
	for _, o := range []es.Options{
		{Addresses: []string{s.URL}, Username: "eve", Password: httpx.Secret(secret["password"])},
		{Addresses: []string{s.URL}, APIKey: httpx.Secret(key)},
		{Addresses: []string{refused.URL}, Username: "eve", Password: httpx.Secret(secret["password"])},
		{Addresses: []string{"https://es.example.org"}, APIKey: httpx.Secret(key), HTTP: httpx.Options{Proxy: httpx.Secret(strings.Replace(refused.URL, "http://", "http://u:"+secret["proxy"]+"@", 1))}},
	} {
		_, err := ask(t, o)
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		if e, ok := errors.AsType[*es.Error](err); ok {
			text += string(e.Body) + e.Reason + e.Type
			if strings.Contains(e.Error(), "\x1b") || !es.IsStatus(err, http.StatusForbidden) || !strings.Contains(e.Reason, "no ") {
				t.Errorf("%q", e.Error())
			}
		}
		if leaked := canary.Leaked(text); err == nil || len(leaked) > 0 || strings.Contains(text, key) {
			t.Errorf("%v leaked: %s", leaked, text)
		}
	}
}

// TestNobodyThere is about the message: where, and what to do.
func TestNobodyThere(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	_, err := ask(t, es.Options{Addresses: []string{s.URL}})
	if err == nil || !strings.Contains(err.Error(), s.URL) || !strings.Contains(err.Error(), "is it running") || !strings.Contains(err.Error(), "doctor") {
		t.Error(err)
	}
}

// TestTriesAgain is about what Do asks again, and what it takes as the answer.
func TestTriesAgain(t *testing.T) {
	for _, tc := range []struct {
		status   int
		r        es.Request
		requests int
	}{
		{503, es.Request{}, 3}, {429, es.Request{}, 3}, {500, es.Request{}, 3}, {404, es.Request{}, 1}, {401, es.Request{}, 1},
		{503, es.Request{Once: true}, 1}, {503, es.Request{Ask: true}, 1}, {404, es.Request{Ask: true}, 1},
	} {
		n := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n++
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, `{"error":"short"}`)
		}))
		c, err := es.New(es.Options{Addresses: []string{s.URL}, Attempts: 3})
		if err != nil {
			t.Fatal(err)
		}
		tc.r.Method, tc.r.Path = http.MethodPost, "/x"
		err = c.Do(t.Context(), tc.r, nil)
		s.Close()
		if e, ok := errors.AsType[*es.Error](err); !ok || e.Status != tc.status || e.Reason != "short" || n != tc.requests {
			t.Errorf("%d %+v: %d requests, %v", tc.status, tc.r, n, err)
		}
	}
}
