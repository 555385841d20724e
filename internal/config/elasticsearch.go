package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Elasticsearch says where the cluster is that keeps the indicators and the hits
// and that holds the logs. With neither addresses nor a Cloud ID there is none,
// and the store is the embedded one.
type Elasticsearch struct {
	Addresses   []string      `mapstructure:"addresses"`
	CloudID     string        `mapstructure:"cloud_id"`
	Flavor      string        `mapstructure:"flavor"` // elasticsearch, opensearch
	Prefix      string        `mapstructure:"prefix"` // before the names of our indices
	Username    string        `mapstructure:"username"`
	PassFile    string        `mapstructure:"password_file"`
	APIKeyFile  string        `mapstructure:"api_key_file"` // of the base64 text that the cluster gives out
	CAFile      string        `mapstructure:"ca_file"`
	Fingerprint string        `mapstructure:"fingerprint"` // SHA-256 of the server's certificate
	CertFile    string        `mapstructure:"cert_file"`   // client certificate, PEM
	KeyFile     string        `mapstructure:"key_file"`
	KeyPassFile string        `mapstructure:"key_password_file"`
	Verify      bool          `mapstructure:"verify"`
	ProxyURL    string        `mapstructure:"proxy_url"`
	ProxyFile   string        `mapstructure:"proxy_url_file"` // for one with a password
	Compress    bool          `mapstructure:"compress"`
	Timeout     time.Duration `mapstructure:"timeout"` // of one request
}

// DefaultElasticsearch is what is in force where the config file says nothing.
func DefaultElasticsearch() Elasticsearch {
	return Elasticsearch{Flavor: "elasticsearch", Verify: true, Timeout: 5 * time.Minute}
}

// Enabled reports whether a cluster is configured.
func (e *Elasticsearch) Enabled() bool { return len(e.Addresses) > 0 || e.CloudID != "" }

// Credentials are the secrets of a cluster; what is not configured is "".
type Credentials struct{ Password, APIKey, ClientCert, ClientKey, KeyPassword, Proxy string }

// The variables that hold a secret in place of a file.
const (
	envPassword = "IOCHUNT_ES_PASSWORD"
	envAPIKey   = "IOCHUNT_ES_API_KEY"
)

// Credentials reads the secrets: a file comes before its variable.
func (e *Elasticsearch) Credentials(env Env) (c Credentials, err error) {
	for _, s := range []struct {
		key, file, variable string
		into                *string
	}{
		{"password_file", e.PassFile, env(envPassword), &c.Password},
		{"api_key_file", e.APIKeyFile, env(envAPIKey), &c.APIKey},
		{"key_file", e.KeyFile, "", &c.ClientKey},
		{"key_password_file", e.KeyPassFile, "", &c.KeyPassword},
		{"proxy_url_file", e.ProxyFile, e.ProxyURL, &c.Proxy},
	} {
		*s.into = s.variable
		if s.file == "" {
			continue
		}
		text, failed := ReadSecret(s.file)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("elasticsearch: %s: %w", s.key, failed))
		}
		*s.into = text
	}
	if e.CertFile != "" {
		cert, failed := os.ReadFile(e.CertFile)
		c.ClientCert = string(cert)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("elasticsearch: cert_file: %w", failed))
		}
	}
	return c, err
}

// locate lets a variable name the cluster.
func (e *Elasticsearch) locate(env Env) {
	if e.CloudID == "" && len(e.Addresses) == 0 && env("IOCHUNT_ES_ADDRESSES") != "" {
		e.Addresses = strings.Split(env("IOCHUNT_ES_ADDRESSES"), ",")
	}
}

func (e *Elasticsearch) validate() error {
	var errs []error
	if e.Flavor != "elasticsearch" && e.Flavor != "opensearch" {
		errs = append(errs, fmt.Errorf("elasticsearch: flavor %q: it is elasticsearch or opensearch", e.Flavor))
	}
	if len(e.Addresses) > 0 && e.CloudID != "" {
		errs = append(errs, errors.New("elasticsearch: addresses and cloud_id: one of them"))
	}
	for i, a := range e.Addresses {
		u, err := url.Parse(a)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, fmt.Errorf("elasticsearch: addresses[%d] is not of the form https://host:port", i))
		} else if u.User != nil {
			errs = append(errs, fmt.Errorf("elasticsearch: addresses[%d]: user and password must not stand in the address; use username and password_file", i))
		}
	}
	if strings.ToLower(e.Prefix) != e.Prefix || strings.ContainsAny(e.Prefix, `\/*?"<>| ,#:`) || strings.HasPrefix(e.Prefix, "-") || strings.HasPrefix(e.Prefix, "_") || strings.HasPrefix(e.Prefix, "+") {
		errs = append(errs, fmt.Errorf("elasticsearch: prefix %q: no index may be named so: lower-case letters, digits, '.', '-' and '_'", e.Prefix))
	}
	if u, err := url.Parse(e.ProxyURL); e.ProxyURL != "" && e.ProxyURL != "none" && (err != nil || u.User != nil) {
		errs = append(errs, errors.New("elasticsearch: proxy_url must not hold a password; name a file that holds it: proxy_url_file"))
	}
	return errors.Join(errs...)
}

// LogSource is one place to hunt in.
type LogSource struct {
	Name string `mapstructure:"name"`
	Kind string `mapstructure:"kind"` // elasticsearch, files

	Indices     []string      `mapstructure:"indices"` // names, patterns, data streams, aliases; cluster:name for another cluster
	TimeField   string        `mapstructure:"time_field"`
	IngestField string        `mapstructure:"ingest_field"`
	Settle      time.Duration `mapstructure:"settle"` // how long after its ingest time a document may become visible
	Fields      []LogField    `mapstructure:"fields"` // beside those of ECS, or in place of them
	Text        string        `mapstructure:"text"`   // stream, tokens, off

	Paths []string `mapstructure:"paths"` // of files
}

// LogField says which types of observables stand in a field.
type LogField struct {
	Name   string   `mapstructure:"name"`
	Types  []string `mapstructure:"types"`  // none: it is not looked at
	Prefix string   `mapstructure:"prefix"` // "path=" makes the matcher read a url_path
	Port   string   `mapstructure:"port"`   // the field with the port, for ip_port
	Unless string   `mapstructure:"unless"` // not looked at where this field is there
	Text   bool     `mapstructure:"text"`   // free text
}

// Kinds of log sources.
const (
	LogIndices = "elasticsearch"
	LogFiles   = "files"
)

// fill puts in the defaults of a source.
func (l *LogSource) fill() {
	l.TimeField = cmp.Or(l.TimeField, "@timestamp")
	l.IngestField = cmp.Or(l.IngestField, "event.ingested")
	l.Settle = cmp.Or(l.Settle, 5*time.Minute)
	l.Text = cmp.Or(l.Text, "stream")
}

func (c *Config) validateLogs() error {
	var errs []error
	seen := map[string]bool{}
	for i := range c.Logs {
		l := &c.Logs[i]
		where := fmt.Sprintf("logs[%d] (%s)", i, l.Name)
		if !feedName.MatchString(l.Name) {
			errs = append(errs, fmt.Errorf("%s: name must be 1 to 64 letters, digits, '.', '_' or '-'", where))
		}
		if seen[l.Name] {
			errs = append(errs, fmt.Errorf("%s: a second source of that name", where))
		}
		seen[l.Name] = true
		if err := l.validate(c.Elasticsearch.Enabled()); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
		l.fill()
	}
	return errors.Join(errs...)
}

func (l *LogSource) validate(cluster bool) error {
	switch {
	case l.Kind != LogIndices && l.Kind != LogFiles:
		return fmt.Errorf("kind %q: it is %s or %s", l.Kind, LogIndices, LogFiles)
	case l.Kind == LogIndices && len(l.Indices) == 0:
		return errors.New(`indices is missing: which to hunt in, e.g. ["logs-*"]`)
	case l.Kind == LogIndices && !cluster:
		return errors.New("the section elasticsearch names no cluster (addresses)")
	case l.Kind == LogFiles && len(l.Paths) == 0:
		return errors.New("paths is missing: which files and folders to read")
	case l.Settle < 0:
		return errors.New("settle must not be negative")
	case l.Text != "" && !slices.Contains([]string{"stream", "tokens", "off"}, l.Text):
		return fmt.Errorf("text %q: it is stream, tokens or off", l.Text)
	}
	for i, f := range l.Fields {
		if f.Name == "" {
			return fmt.Errorf("fields[%d]: name is missing", i)
		}
	}
	return nil
}

// Log returns the configured log source of that name.
func (c *Config) Log(name string) (LogSource, bool) {
	for _, l := range c.Logs {
		if l.Name == name {
			return l, true
		}
	}
	return LogSource{}, false
}
