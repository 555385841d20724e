package collect

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
)

// taxiiSettings is what a feed of the kind taxii can be told. Settings that
// end in "_file" in the configuration and hold a secret arrive here as the
// text of the file, under the name without the ending.
type taxiiSettings struct {
	Version string `mapstructure:"version"` // 1.0, 1.1, 2.0, 2.1

	// Where. 1.x: url is the poll service, or discovery leads to it. 2.x: url is
	// the discovery, an API root, a collection, or a collection's objects.
	URL         string `mapstructure:"url"`
	Host        string `mapstructure:"host"` // in place of url, with port, path and https
	Port        int    `mapstructure:"port"`
	Path        string `mapstructure:"path"`
	HTTPS       bool   `mapstructure:"https"`
	Discovery   string `mapstructure:"discovery"`
	Collections string `mapstructure:"collections"` // 1.x: the collection information service

	// What.
	Collection   string   `mapstructure:"collection"`
	Subscription string   `mapstructure:"subscription_id"`
	Bindings     []string `mapstructure:"bindings"` // 1.x: only content of these; none: all
	Context      bool     `mapstructure:"context"`  // STIX 2: also what is only told as observed
	Limit        int      `mapstructure:"limit"`    // 2.x: objects a page; 0: the server decides

	// Who.
	Username httpx.Secret      `mapstructure:"username"`
	Password httpx.Secret      `mapstructure:"password"`
	JWT      string            `mapstructure:"jwt_auth"` // the address of the token service
	Headers  map[string]string `mapstructure:"headers"`
	Header   httpx.Secret      `mapstructure:"header"` // the text of header_file: lines "Name: value"

	// How.
	Cert        string       `mapstructure:"cert_file"`
	Key         httpx.Secret `mapstructure:"key"`
	KeyPassword httpx.Secret `mapstructure:"key_password"`
	CA          string       `mapstructure:"ca_file"`
	Fingerprint string       `mapstructure:"fingerprint"`
	Verify      bool         `mapstructure:"verify"`
	Proxy       httpx.Secret `mapstructure:"proxy_url"`
	Private     bool         `mapstructure:"allow_private"` // the host's name may stand for an address inside a network

	// How much.
	Lookback time.Duration `mapstructure:"lookback"` // how far back the first run reads; 0: everything
	Overlap  time.Duration `mapstructure:"overlap"`  // how far before the cursor a run begins
	MaxAge   time.Duration `mapstructure:"max_age"`  // after which a value expires; 0: never
	Timeout  time.Duration `mapstructure:"timeout"`  // for one answer
	MaxMiB   int64         `mapstructure:"max_mib"`  // most content of one answer, unpacked
}

// unset marks an overlap that was not configured: its default depends on the
// version.
const unset = time.Duration(-1 << 63)

// How far before its cursor a run begins when nothing else is configured.
// TAXII 1 labels are often the publisher's own times, and what gets an older
// label than what was read would be missed; TAXII 2 servers date what they add
// themselves.
const (
	taxii1Overlap = time.Hour
	taxii2Overlap = time.Minute
)

func newTAXIISettings() taxiiSettings {
	return taxiiSettings{Version: "1.1", HTTPS: true, Verify: true, Lookback: 90 * 24 * time.Hour,
		Overlap: unset, Timeout: 5 * time.Minute, MaxMiB: 100}
}

// taxiiPlace is where a feed is read from, made of its settings. Addresses that
// are not configured are nil.
type taxiiPlace struct {
	base        *url.URL // nothing leaves its host
	poll        *url.URL // 2.x: whatever it is
	discovery   *url.URL
	collections *url.URL
	header      http.Header
}

// two reports whether the feed speaks TAXII 2.
func (s *taxiiSettings) two() bool { return strings.HasPrefix(s.Version, "2") }

// check completes the settings and returns all that is wrong with them.
func (s *taxiiSettings) check() (taxiiPlace, error) {
	if v, ok := map[string]string{"1": "1.0", "2": "2.0"}[s.Version]; ok {
		s.Version = v // YAML takes 2.0 for the number two
	}
	if s.Overlap == unset {
		s.Overlap = taxii1Overlap
		if s.two() {
			s.Overlap = taxii2Overlap
		}
	}
	place, err := s.place()
	header, bad := s.header()
	place.header = header
	return place, errors.Join(s.checkWhat(), err, bad, s.checkWho(place.base), s.checkTLS(), s.checkBounds())
}

func (s *taxiiSettings) checkWhat() error {
	var errs []error
	not := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	not(!slices.Contains([]string{"1.0", "1.1", "2.0", "2.1"}, s.Version), fmt.Sprintf("version: %q is not one of 1.0, 1.1, 2.0, 2.1", s.Version))
	not(s.two() && len(s.Bindings) > 0, "bindings: only TAXII 1 has content bindings; take them out")
	not(s.two() && s.Subscription != "", "subscription_id: only TAXII 1 has subscriptions; take it out")
	not(s.two() && s.Collections != "", "collections: only TAXII 1 has an address for it; TAXII 2 finds the collections by url")
	not(s.Subscription != "" && len(s.Bindings) > 0 && s.Version == "1.1", "bindings: a subscription has its own; take bindings or subscription_id out")
	not(!s.two() && s.Limit != 0, "limit: only TAXII 2 has pages of a size; take it out")
	return errors.Join(errs...)
}

func (s *taxiiSettings) checkBounds() error {
	switch {
	case s.Lookback < 0 || s.Overlap < 0 || s.MaxAge < 0 || s.Timeout < 0:
		return errors.New("lookback, overlap, max_age and timeout must not be negative")
	case s.Limit < 0 || s.Limit > 100_000:
		return fmt.Errorf("limit: %d is not between 1 and 100000", s.Limit)
	case s.MaxMiB < 1 || s.MaxMiB > 1<<20:
		return fmt.Errorf("max_mib: %d is not between 1 and %d", s.MaxMiB, 1<<20)
	}
	return nil
}

// place finds out the addresses.
func (s *taxiiSettings) place() (taxiiPlace, error) {
	var p taxiiPlace
	if err := s.checkPlace(); err != nil {
		return p, err
	}
	var err error
	switch {
	case s.URL != "":
		p.poll, err = taxiiAddress("url", s.URL, nil)
		p.base = p.poll
	case s.Host != "":
		p.base, err = s.hostAddress()
		if s.Path != "" && err == nil {
			p.poll, err = taxiiAddress("path", s.Path, p.base)
		}
	}
	if err != nil {
		return p, err
	}
	if p.discovery, err = taxiiAddress("discovery", s.Discovery, p.base); err != nil {
		return p, err
	}
	if p.base == nil {
		p.base = p.discovery
	}
	p.collections, err = taxiiAddress("collections", s.Collections, p.base)
	if s.two() && p.poll == nil {
		if p.poll = p.discovery; p.poll == nil {
			p.poll = p.base.JoinPath("/taxii2/")
		}
	}
	return p, err
}

func (s *taxiiSettings) checkPlace() error {
	switch {
	case s.URL != "" && s.Host != "":
		return errors.New("url and host are both set; say the address once: url, or host with port and path")
	case s.Host == "" && (s.Port != 0 || s.Path != ""):
		return errors.New("port and path belong to host; set host, or put all of it into url")
	case s.Host == "" && !s.HTTPS:
		return errors.New("https belongs to host; with url the address itself says http or https")
	case s.URL == "" && s.Host == "" && s.Discovery == "":
		return errors.New("neither url nor host nor discovery is set; set url to the address of the poll service (TAXII 1), or of the server (TAXII 2)")
	case !s.two() && s.URL == "" && s.Path == "" && s.Discovery == "":
		return errors.New("path is not set; with host, TAXII 1 needs the path of the poll service, such as /taxii/poll, or discovery")
	}
	return nil
}

// hostAddress is the root of the configured host.
func (s *taxiiSettings) hostAddress() (*url.URL, error) {
	if strings.ContainsAny(s.Host, "/?#@") || s.Port < 0 || s.Port > 65535 {
		return nil, errors.New("host: it has to be a name or an address alone, with port from 1 to 65535; put a whole address into url")
	}
	host := s.Host
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	if s.Port > 0 {
		host += ":" + strconv.Itoa(s.Port)
	}
	scheme := "https"
	if !s.HTTPS {
		scheme = "http"
	}
	return taxiiAddress("host", scheme+"://"+host+"/", nil)
}

// taxiiAddress reads the address that a setting holds; "" is nil. It may be
// relative to base. The text is not repeated in an error, as a URL may hold a
// secret.
func taxiiAddress(key, text string, base *url.URL) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err == nil && base != nil {
		u = base.ResolveReference(u)
	}
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("%s: it is not an address such as https://host/taxii/poll", key)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%s: the scheme %q is not https", key, u.Scheme)
	case u.User != nil:
		return nil, fmt.Errorf("%s: a user and password do not belong into an address; set username and password_file", key)
	case base != nil && httpx.Origin(u) != httpx.Origin(base):
		return nil, fmt.Errorf("%s: it is at %s, but the feed is at %s; a login never goes to a second place", key, httpx.Origin(u), httpx.Origin(base))
	}
	return u, nil
}

func (s *taxiiSettings) checkWho(base *url.URL) error {
	switch {
	case base != nil && strings.EqualFold(base.Hostname(), otx.PublicHost) && s.Username == "" && s.Header == "":
		return fmt.Errorf("%w: OTX wants your key as the user name and no password; set OTX_API_KEY, or username_file", ErrAuth)
	case s.Username == "" && s.Password != "":
		return errors.New("username is not set, but password_file is; set username or username_file")
	case s.JWT != "" && s.Username == "":
		return errors.New("jwt_auth needs username and password_file")
	}
	return nil
}

// header joins the headers that everybody may read with those of header_file.
func (s *taxiiSettings) header() (http.Header, error) {
	h := make(http.Header)
	for name, value := range s.Headers {
		if taxiiSecretHeader(name) {
			return nil, fmt.Errorf("headers: %s holds a secret; put the line \"%s: …\" into a file of mode 0600 and set header_file to its path", name, name)
		}
		if err := taxiiHeader(h, name, value); err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
	}
	for line := range strings.Lines(string(s.Header)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, ok := taxii.CutHeader(line)
		if !ok {
			return nil, errors.New("header_file: a line has no colon, or nothing before it; each has to be Name: value")
		}
		if err := taxiiHeader(h, name, value); err != nil {
			return nil, fmt.Errorf("header_file: %w", err)
		}
	}
	return h, nil
}

func taxiiSecretHeader(name string) bool {
	for _, word := range []string{"auth", "key", "token", "secret", "password", "cookie"} {
		if strings.Contains(strings.ToLower(name), word) {
			return true
		}
	}
	return false
}

// taxiiHeader adds one header. What the protocol itself sets stays ours.
func taxiiHeader(h http.Header, name, value string) error {
	name, value = http.CanonicalHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }
	switch {
	case name == "" || strings.ContainsFunc(name, bad):
		return fmt.Errorf("%q is not the name of a header", name)
	case strings.ContainsAny(value, "\r\n\x00"):
		return fmt.Errorf("the value of %s has a line break", name)
	case strings.HasPrefix(name, "X-Taxii-") || slices.Contains([]string{"Accept", "Content-Type", "Content-Length", "Host", "Accept-Encoding", "Range"}, name):
		return fmt.Errorf("%s is set by the protocol", name)
	}
	h.Add(name, value)
	return nil
}

func (s *taxiiSettings) checkTLS() error {
	switch {
	case (s.Cert == "") != (s.Key == ""):
		return errors.New("a client certificate takes both cert_file and key_file")
	case s.KeyPassword != "" && s.Key == "":
		return errors.New("key_password_file is set, but key_file is not")
	case !s.Verify && (s.Fingerprint != "" || s.CA != ""):
		return errors.New("verify: false would ignore ca_file and fingerprint; take one of them out")
	}
	return nil
}

// ownClient reports whether the feed cannot use the program's own HTTP client,
// which lets a name stand for any address and has no certificates of its own.
func (s *taxiiSettings) ownClient() bool {
	return s.Cert != "" || s.CA != "" || s.Fingerprint != "" || !s.Verify || s.Proxy != "" || !s.Private
}

// policy is how a request of this feed is tried, so often.
func (s *taxiiSettings) policy(attempts int) httpx.Policy {
	return httpx.Policy{Attempts: attempts, First: taxiiFirstWait, Timeout: s.Timeout, MaxBody: s.MaxMiB << 20}
}
