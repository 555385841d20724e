package httpx

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
)

// tlsConfigs returns how to speak with the configured server, and how with
// others: a proxy on the way, the host that a redirect leads to.
func (o Options) tlsConfigs() (server, usual *tls.Config, err error) {
	roots, err := trusted(o.CAFile)
	if err != nil {
		return nil, nil, err
	}
	usual = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	server = usual.Clone()
	if server.Certificates, err = o.clientCert(); err != nil {
		return nil, nil, err
	}
	switch {
	case o.Fingerprint != "" && o.Insecure:
		return nil, nil, errors.New("a fingerprint and no verification at all: which one is meant?")
	case o.Fingerprint != "":
		err = pin(server, o.Fingerprint)
	case o.Insecure:
		server.InsecureSkipVerify = true
	}
	return server, usual, err
}

// trusted returns the system's certificates and those of file; nil means the
// system's alone.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificates to trust: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificates to trust: %s holds no PEM certificate", file)
	}
	return pool, nil
}

// pin makes the certificate with this fingerprint the one that is accepted.
// It takes the place of the chain, the name and the dates: whoever pins a
// certificate knows which one he means.
func pin(c *tls.Config, fingerprint string) error {
	want, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(fingerprint))
	if err != nil || len(want) != sha256.Size {
		return errors.New("a fingerprint is the SHA-256 of the server's certificate, 64 hex digits with or without colons: " +
			"openssl x509 -noout -fingerprint -sha256 -in server.pem")
	}
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if got := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(got[:], want) {
			return fmt.Errorf("%w: the server's certificate has the SHA-256 fingerprint %x, not the configured one", ErrRefused, got)
		}
		return nil
	}
	return nil
}

// clientCert reads the certificate that the server is shown.
func (o Options) clientCert() ([]tls.Certificate, error) {
	if o.ClientCert == "" && o.ClientKey == "" {
		return nil, nil
	}
	key := []byte(o.ClientKey)
	switch {
	case o.ClientCert == "":
		return nil, errors.New("a client key without its certificate")
	case len(key) == 0:
		key = []byte(o.ClientCert) // both in one file
	}
	key, err := openKey(key, o.KeyPassword)
	if err != nil {
		return nil, fmt.Errorf("client key: %w", err)
	}
	pair, err := tls.X509KeyPair([]byte(o.ClientCert), key)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return []tls.Certificate{pair}, nil
}

// openKey finds the private key in a PEM text and undoes its encryption.
func openKey(text []byte, password Secret) ([]byte, error) {
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return nil, errors.New("there is no private key in PEM form in it")
		}
		switch {
		case b.Type == "ENCRYPTED PRIVATE KEY":
			der, err := openPKCS8(b.Bytes, password)
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
		case !strings.HasSuffix(b.Type, "PRIVATE KEY"):
			continue
		case x509.IsEncryptedPEMBlock(b): //nolint:staticcheck // weak, but it is what old gateways' keys are
			der, err := openLegacy(b, password)
			return pem.EncodeToMemory(&pem.Block{Type: b.Type, Bytes: der}), err
		}
		return pem.EncodeToMemory(b), nil
	}
}

var (
	errNoPassword    = errors.New("it is encrypted, and no password for it is given")
	errWrongPassword = errors.New("the password for it is wrong, or it is damaged")
)

// openLegacy undoes the encryption of RFC 1421 ("Proc-Type: 4,ENCRYPTED").
func openLegacy(b *pem.Block, password Secret) ([]byte, error) {
	if password == "" {
		return nil, errNoPassword
	}
	der, err := x509.DecryptPEMBlock(b, []byte(password)) //nolint:staticcheck // see openKey
	if err != nil {
		return nil, errWrongPassword
	}
	return der, nil
}

// lastWords are the alerts (RFC 8446 §6.2, in the words of crypto/tls) after
// which another handshake ends alike; the first few are about the client's
// certificate. Others, such as a damaged record, may be the network's fault.
var lastWords = []string{"certificate", "access denied",
	"protocol version", "handshake failure", "insufficient security", "unrecognized name", "no application protocol"}

const aboutClient = 2 // of lastWords

// tlsVerdict reports whether err says that TLS with this server will not be
// agreed on, and whether that is about the client's certificate.
func tlsVerdict(err error) (final, client bool) {
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if strings.HasPrefix(text, "tls: server selected unsupported protocol version") || isPlain(err) {
			return true, false
		}
		if op, ok := err.(*net.OpError); !ok || op.Op != "remote error" { //nolint:errorlint // each link of the chain is looked at
			continue
		}
		i := slices.IndexFunc(lastWords, func(w string) bool { return strings.Contains(text, w) })
		return i >= 0, i >= 0 && i < aboutClient
	}
	return false, false
}

// isPlain reports whether the other side spoke, and not TLS.
func isPlain(err error) bool {
	_, plain := err.(tls.RecordHeaderError) //nolint:errorlint // each link of the chain is looked at
	return plain
}

// Untrusted reports whether err says that the server's certificate cannot be
// trusted.
func Untrusted(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return untrusted
}

// NoTLS reports whether err says that TLS will not be agreed on with this
// server, however often it is asked.
func NoTLS(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.final
}
