package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
)

// Arming decides which indicators may raise hits; docs/scoring.md tells how.
type Arming struct {
	Builtin        bool                     `mapstructure:"builtin"`         // the lists that the program brings
	Machine        bool                     `mapstructure:"machine"`         // this machine's names and addresses are ours
	Lists          []ListRule               `mapstructure:"lists"`           // the first that fits a list counts
	Allow          []string                 `mapstructure:"allow"`           // known to be good
	AllowFiles     []string                 `mapstructure:"allow_files"`     // the same, one a line
	Deny           []string                 `mapstructure:"deny"`            // known to be bad, whatever the lists say
	DenyFiles      []string                 `mapstructure:"deny_files"`      //
	Own            []string                 `mapstructure:"own"`             // our networks and names
	FalsePositives int                      `mapstructure:"false_positives"` // so many disarm; 0: never
	BroadestIPv4   int                      `mapstructure:"broadest_ipv4"`   // the shortest prefix that may be hunted
	BroadestIPv6   int                      `mapstructure:"broadest_ipv6"`   //
	ShortestText   int                      `mapstructure:"shortest_text"`   // in characters
	Lifetimes      map[string]time.Duration `mapstructure:"lifetimes"`       // by type, of claims that do not say how long they hold
}

// ListRule says what the warninglists of a name do.
type ListRule struct {
	List   string `mapstructure:"list"`   // a name, with * and ? for any text; case does not count
	Action string `mapstructure:"action"` // one of ListActions
}

// ListActions are what a warninglist can do: disarm what it holds, lower its
// score, or nothing.
var ListActions = []string{"disarm", "lower", "off"}

// DefaultArming is what is in force where the config file says nothing.
func DefaultArming() Arming {
	return Arming{Builtin: true, Machine: true, FalsePositives: 3, BroadestIPv4: 9, BroadestIPv6: 25, ShortestText: 4}
}

func (a *Arming) validate() error {
	var errs []error
	for i, l := range a.Lists {
		if _, err := path.Match(l.List, ""); err != nil || l.List == "" {
			errs = append(errs, fmt.Errorf("arming: lists[%d]: list %q is no name or pattern of a list", i, l.List))
		}
		if !slices.Contains(ListActions, l.Action) {
			errs = append(errs, fmt.Errorf("arming: lists[%d]: action %q: it is one of %s", i, l.Action, strings.Join(ListActions, ", ")))
		}
	}
	for _, n := range []struct {
		name       string
		value, max int
	}{{"false_positives", a.FalsePositives, 1000}, {"broadest_ipv4", a.BroadestIPv4, 32}, {"broadest_ipv6", a.BroadestIPv6, 128}, {"shortest_text", a.ShortestText, 100}} {
		if n.value < 0 || n.value > n.max {
			errs = append(errs, fmt.Errorf("arming: %s: %d is not between 0 and %d", n.name, n.value, n.max))
		}
	}
	return errors.Join(errs...)
}

// ActionOf returns what the warninglist of that name is meant to do, "" where
// nothing is said.
func (a *Arming) ActionOf(name string) string {
	for _, r := range a.Lists {
		// A slash in a name is a letter like any other.
		flat := strings.NewReplacer("/", "\x00")
		if ok, err := path.Match(flat.Replace(strings.ToLower(r.List)), flat.Replace(strings.ToLower(name))); ok && err == nil {
			return r.Action
		}
	}
	return ""
}

// DecodeScoring fills into with the settings of scoring, over what it holds;
// a key that into does not have is an error.
func (c *Config) DecodeScoring(into any) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{Result: into, DecodeHook: hooks, ErrorUnused: true, WeaklyTypedInput: true})
	if err != nil {
		return err
	}
	if err := plain(d.Decode(c.Scoring)); err != nil {
		return fmt.Errorf("config %s: scoring: %w", c.File, err)
	}
	return nil
}
