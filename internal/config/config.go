// Package config reads the program's settings. It is the only importer of
// viper. A setting comes from, in this order: an environment variable, the
// config file, the default. Unknown keys are errors, because a misspelt key
// that is ignored is a feed that is never polled.
//
// The file is the first of: the path given with --config, $IOCHUNT_CONFIG,
// $XDG_CONFIG_HOME/iochunt/config.yaml, /etc/iochunt/iochunt.yaml. Having none
// is fine: the program works before anything is set up.
//
// Secrets never stand in the file itself: a key "<name>_file" names the file
// that holds one, and OTX_API_KEY may hold the OTX key.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// Config is the effective configuration.
type Config struct {
	Store   Store          `mapstructure:"store"`
	Feeds   []Feed         `mapstructure:"feeds"`
	Arming  Arming         `mapstructure:"arming"`
	Scoring map[string]any `mapstructure:"scoring"` // see DecodeScoring
	Sinks   []Sink         `mapstructure:"sinks"`
	Logs    []LogSource    `mapstructure:"logs"`

	Elasticsearch Elasticsearch `mapstructure:"elasticsearch"`

	File     string `mapstructure:"-"` // the file that was read; "" none
	StoreWas string `mapstructure:"-"` // where Store.Path comes from
}

// Store says where the embedded store lives.
type Store struct {
	Path string `mapstructure:"path"` // a directory
}

// Feed is one configured feed. Settings are the keys that belong to its kind.
type Feed struct {
	Name  string        `mapstructure:"name"`
	Kind  string        `mapstructure:"kind"`
	Every time.Duration `mapstructure:"every"` // how often it is meant to be polled

	// What its claims are worth, and how long they hold, where they do not say.
	Confidence  int                      `mapstructure:"confidence"`  // 1 to 100; 0: as for all feeds
	Reliability string                   `mapstructure:"reliability"` // 0 to 100, or A to F; "" full
	Lifetimes   map[string]time.Duration `mapstructure:"lifetimes"`   // by type

	Settings map[string]any `mapstructure:",remain"`
}

// Sink is one outward sink, and what a hit must be worth to go there.
type Sink struct {
	Kind        string `mapstructure:"kind"`
	MinScore    int    `mapstructure:"min_score"`    // 0 to 100
	MinSeverity string `mapstructure:"min_severity"` // a level; "" any
}

// Env looks an environment variable up; "" means that it is not set.
type Env func(string) string

// Load reads the configuration. path is the value of --config, "" if none.
func Load(path string, env Env) (*Config, error) {
	file, err := find(path, env)
	if err != nil {
		return nil, err
	}
	c := &Config{File: file, Arming: DefaultArming(), Elasticsearch: DefaultElasticsearch()}
	if err := c.read(file); err != nil {
		return nil, fmt.Errorf("config %s: %w", file, err)
	}
	c.locateStore(env)
	c.addDefaultFeed(env)
	c.Elasticsearch.locate(env)
	if err := errors.Join(c.validate(), c.Arming.validate(), c.Elasticsearch.validate(), c.validateLogs()); err != nil {
		return nil, fmt.Errorf("config %s: %w", file, err)
	}
	return c, nil
}

// find returns the config file to read. One that was asked for must be there.
func find(path string, env Env) (string, error) {
	asked := path
	if asked == "" {
		asked = env("IOCHUNT_CONFIG")
	}
	if asked != "" {
		if _, err := os.Stat(asked); err != nil {
			return "", fmt.Errorf("config: %w (write one with: iochunt init)", err)
		}
		return asked, nil
	}
	for _, p := range []string{UserFile(env), "/etc/iochunt/iochunt.yaml"} {
		if p == "" {
			continue
		}
		switch _, err := os.Stat(p); {
		case err == nil:
			return p, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("config: %w", err)
		}
	}
	return "", nil
}

// UserFile returns the path of the user's own config file, "" without a home.
func UserFile(env Env) string {
	if d := env("XDG_CONFIG_HOME"); d != "" {
		return filepath.Join(d, "iochunt", "config.yaml")
	}
	if h := env("HOME"); h != "" {
		return filepath.Join(h, ".config", "iochunt", "config.yaml")
	}
	return ""
}

// read fills c from file. The key delimiter is "::" because feed settings may
// hold dots; viper would take "otx.alienvault.com" for three levels.
func (c *Config) read(file string) error {
	if file == "" {
		return nil
	}
	v := viper.NewWithOptions(viper.KeyDelimiter("::"))
	v.SetConfigFile(file)
	v.SetConfigType("yaml")
	if err := v.ReadInConfig(); err != nil {
		return err
	}
	return plain(v.UnmarshalExact(c, func(d *mapstructure.DecoderConfig) { d.DecodeHook = hooks }))
}

// locateStore decides where the embedded store lives and remembers who said so.
func (c *Config) locateStore(env Env) {
	home, data := env("HOME"), env("XDG_DATA_HOME")
	switch {
	case env("IOCHUNT_DATA_DIR") != "":
		c.Store.Path, c.StoreWas = env("IOCHUNT_DATA_DIR"), "$IOCHUNT_DATA_DIR"
	case c.Store.Path != "":
		c.StoreWas = c.File
	case data != "":
		c.Store.Path, c.StoreWas = filepath.Join(data, "iochunt"), "default, below $XDG_DATA_HOME"
	case home != "":
		c.Store.Path, c.StoreWas = filepath.Join(home, ".local", "share", "iochunt"), "default"
	default:
		c.Store.Path, c.StoreWas = "/var/lib/iochunt", "default without a home directory"
	}
}

// addDefaultFeed makes a key in the environment enough to collect from OTX.
func (c *Config) addDefaultFeed(env Env) {
	if len(c.Feeds) == 0 && env("OTX_API_KEY") != "" {
		c.Feeds = []Feed{{Name: "otx", Kind: "otx", Every: time.Hour, Settings: map[string]any{}}}
	}
}

var feedName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// validate returns all that is wrong with the feeds, not only the first thing.
func (c *Config) validate() error {
	var errs []error
	seen := map[string]bool{}
	for i, f := range c.Feeds {
		where := fmt.Sprintf("feeds[%d] (%s)", i, f.Name)
		switch {
		case !feedName.MatchString(f.Name):
			errs = append(errs, fmt.Errorf("%s: name must be 1 to 64 letters, digits, '.', '_' or '-'", where))
		case Reserved(f.Name):
			errs = append(errs, fmt.Errorf("%s: the name %q is kept for indicators that you add by hand", where, f.Name))
		case seen[f.Name]:
			errs = append(errs, fmt.Errorf("%s: a second feed of that name", where))
		}
		seen[f.Name] = true
		if f.Kind == "" {
			errs = append(errs, fmt.Errorf("%s: kind is missing", where))
		}
		for k := range f.Settings {
			if isSecret(k) {
				errs = append(errs, fmt.Errorf("%s: %s must not stand in the config file; name a file of mode 0600 that holds it: %s_file", where, k, k))
			}
		}
		if f.Confidence < 0 || f.Confidence > 100 {
			errs = append(errs, fmt.Errorf("%s: confidence: %d is not between 0 and 100", where, f.Confidence))
		}
		if f.Every < 0 {
			errs = append(errs, fmt.Errorf("%s: every must not be negative", where))
		}
	}
	return errors.Join(errs...)
}

// Reserved reports whether a feed name is one of ours: what people add and
// import by hand is stored under it.
func Reserved(name string) bool {
	return strings.EqualFold(name, "manual") || strings.EqualFold(name, "import") || strings.EqualFold(name, "command-line")
}

// Feed returns the configured feed of that name.
func (c *Config) Feed(name string) (Feed, bool) {
	for _, f := range c.Feeds {
		if f.Name == name {
			return f, true
		}
	}
	return Feed{}, false
}
