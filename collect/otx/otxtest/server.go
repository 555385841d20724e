package otxtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Server is the service of one account. It is an http.Handler, and can listen
// on loopback by itself. All its methods may be called at any time from any
// goroutine.
type Server struct {
	Key string // what X-OTX-API-KEY must be

	account Account
	mu      sync.Mutex // guards what follows
	st      *state
	faults  []*fault
	replays map[string][][]byte
	hooks   []func(*http.Request)
	log     []Request

	http   *http.Server
	url    string
	ca     []byte // PEM
	closed chan struct{}
	once   sync.Once
}

// Request is an entry of the log of requests.
type Request struct {
	Method, URI    string // URI as it stood in the request line
	Key, UserAgent string
}

// New makes the service of an account. It listens nowhere yet.
func New(a Account) *Server {
	a = a.withDefaults()
	return &Server{Key: a.Key, account: a, st: newState(a), replays: map[string][][]byte{}, closed: make(chan struct{})}
}

// Start listens on a free port of loopback. The error is the system's.
func (s *Server) Start() error { return s.start(nil) }

// StartTLS does the same with https and a certificate made on the spot, to be
// trusted by way of CA.
func (s *Server) StartTLS() error {
	cert, err := s.certificate()
	if err != nil {
		return err
	}
	return s.start(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
}

func (s *Server) start(conf *tls.Config) error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + l.Addr().String()
	if conf != nil {
		s.url = "https://" + l.Addr().String()
		l = tls.NewListener(l, conf)
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go s.http.Serve(l) //nolint:errcheck // ends with ErrServerClosed, by Close
	return nil
}

func (s *Server) certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	s.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// URL returns the address of a started server, without a path.
func (s *Server) URL() string { return s.url }

// CA returns the certificate to trust after StartTLS, as PEM.
func (s *Server) CA() []byte { return s.ca }

// Close stops listening and ends every answer under way, hanging ones too.
func (s *Server) Close() {
	s.once.Do(func() { close(s.closed) })
	if s.http != nil {
		s.http.Close()
	}
}

// OnRequest has fn called with every request before it is answered. What fn
// does to the account shows in that answer.
func (s *Server) OnRequest(fn func(*http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, fn)
}

// Requests returns the requests so far, in the order of their arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Replay serves the given bodies verbatim as pages 1, 2, … of a path below
// /api/v1 ("/pulses/subscribed"), whatever else the query says. Pages behind
// them are empty. Keys are checked and faults apply, but those that change how
// pulses are written cannot.
func (s *Server) Replay(path string, pages ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replays[path] = pages
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, fn := range s.arrived(r) {
		fn(r)
	}
	q := parse(r)
	ans := s.answer(q)
	t := s.tweaks(q, &ans)
	if !t.wait(r, s.closed) {
		return
	}
	if t.replace != nil {
		t.replace(w, r, s.closed)
		return
	}
	s.write(w, r, ans, t)
}

// arrived logs a request and returns the hooks to call.
func (s *Server) arrived(r *http.Request) []func(*http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uri := r.RequestURI
	if uri == "" { // made by hand, not read from a connection
		uri = r.URL.RequestURI()
	}
	s.log = append(s.log, Request{r.Method, uri, r.Header.Get("X-OTX-API-KEY"), r.UserAgent()})
	return slices.Clone(s.hooks)
}
