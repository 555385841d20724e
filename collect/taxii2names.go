package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/internal/ioc"
)

// A relationship may come in another run than what it is about: malware is
// published once and named for years, and an analyst may say long after an
// indicator what it belongs to. Therefore what a run's relationships speak of
// and did not bring is asked for by its id (match[id], TAXII 2.1 §3.4.1):
// malware, actors and the like for their names, and indicators that are stored,
// so that they are announced again, whole, with the names they have now. Names
// are an extra: where they cannot be had, a note says so and the run goes on.

// What is asked for by id.
const (
	maxAskedFor = 2000            // ids in a run
	askedAtOnce = 50              // ids of 50 bytes and more stand in one address
	maxAsking   = 2 * time.Minute // in a run
)

// taxii2Links are the kinds of relationship that say what an indicator is of.
var taxii2Links = []string{"indicates", "attributed-to", "authored-by", "uses", "based-on"}

// taxii2Named are the types of what gives an indicator a name.
var taxii2Named = []string{"malware", "tool", "threat-actor", "intrusion-set", "campaign", "attack-pattern", "infrastructure", "vulnerability"}

// naming is what the relationships of a stage speak of.
type naming struct {
	came    map[string]bool // of what gives names
	targets map[string]bool // what gives names
	sources map[string]bool // indicators
}

func newNaming() *naming {
	return &naming{came: make(map[string]bool), targets: make(map[string]bool), sources: make(map[string]bool)}
}

// note takes notice of an object.
func (n *naming) note(raw []byte) {
	if !bytes.Contains(raw, []byte(`"relationship_type"`)) && !slices.ContainsFunc(taxii2Named, func(t string) bool { return bytes.Contains(raw, []byte(`"`+t+`"`)) }) {
		return // as nearly all are: indicators
	}
	var o struct {
		Type, ID string
		Kind     string `json:"relationship_type"`
		From     string `json:"source_ref"`
		To       string `json:"target_ref"`
		Revoked  bool
	}
	if json.Unmarshal(raw, &o) != nil {
		return
	}
	switch {
	case slices.Contains(taxii2Named, o.Type):
		n.came[o.ID] = true
	case o.Type != "relationship" || o.Revoked || !slices.Contains(taxii2Links, o.Kind):
	case slices.Contains(taxii2Named, idType(o.To)):
		n.targets[o.To] = true
		if idType(o.From) == "indicator" {
			n.sources[o.From] = true
		}
	}
}

// idType is the type that an id names: "indicator" of indicator--62a6d538-….
func idType(id string) string {
	typ, _, _ := strings.Cut(id, "--")
	return typ
}

// missing asks for what the stage's relationships speak of and did not bring:
// what gives names, and the stored indicators of late. indicators are those that
// the stage has; what is found of others is added.
func (r *taxii2Run) missing(n *naming, indicators map[string]bool) error {
	ids := slices.Sorted(maps.Keys(r.late))
	for _, id := range slices.Sorted(maps.Keys(n.targets)) {
		if !n.came[id] && !r.asked[id] {
			ids = append(ids, id)
		}
	}
	if r.asked == nil {
		r.asked = make(map[string]bool)
	}
	if left := len(ids) - max(0, maxAskedFor-len(r.asked)); left > 0 {
		ids = ids[:len(ids)-left]
		r.note(fmt.Sprintf("%d more objects that relationships speak of were not asked for; indicators may lack their names", left))
	}
	ctx, cancel := context.WithTimeoutCause(r.ctx, maxAsking, fmt.Errorf("it took more than %v", maxAsking))
	defer cancel()
	for some := range slices.Chunk(ids, askedAtOnce) {
		err := r.byID(ctx, some, indicators)
		if r.ctx.Err() != nil || taxii.FromDisk(err) {
			return err
		}
		if err != nil {
			r.note("objects that relationships speak of cannot be asked for by their ids, so that indicators may lack names: " + err.Error())
			return nil
		}
	}
	return nil
}

var errNoMatch = errors.New("the server sends others instead")

// byID asks for objects by their ids.
func (r *taxii2Run) byID(ctx context.Context, ids []string, indicators map[string]bool) error {
	for _, id := range ids {
		r.asked[id] = true
	}
	q := r.query()
	q.AddedAfter, q.Match = "", map[string][]string{"id": ids}
	client := taxii2.New(r.hasty, r.set.Version)
	_, err := client.Objects(ctx, r.root, r.collection, q, func(p *taxii2.Page) error {
		for _, raw := range p.Objects {
			if err := r.found(raw, ids, indicators); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// found takes an object that was asked for.
func (r *taxii2Run) found(raw []byte, ids []string, indicators map[string]bool) error {
	var o struct{ ID string }
	if json.Unmarshal(raw, &o) != nil || !slices.Contains(ids, o.ID) {
		return errNoMatch
	}
	if idType(o.ID) == "indicator" {
		if err := r.spool.add(raw); err != nil {
			return err
		}
		indicators[o.ID] = true
	}
	return r.graph.Note(raw)
}

// named is a report with the names that the stored one has, too: the
// relationships that gave them still hold. Of an indicator that came only for
// its new names, all else stays as it is stored.
func (r *taxii2Run) named(rep ioc.Report) ioc.Report {
	was, late := r.late[rep.ID]
	if !late {
		was = r.stored[rep.ID]
	}
	rep.Adversary = strings.Join(union(actors(was.Adversary), actors(rep.Adversary)), actorsBetween)
	rep.Families, rep.Techniques = union(was.Families, rep.Families), union(was.Techniques, rep.Techniques)
	if !late {
		return rep
	}
	was.Adversary, was.Families, was.Techniques, was.Tags = rep.Adversary, rep.Families, rep.Techniques, union(was.Tags, rep.Tags)
	return was
}

// actorsBetween stands between the names of several actors in Report.Adversary.
const actorsBetween = ", "

func actors(adversary string) []string {
	if adversary == "" {
		return nil
	}
	return strings.Split(adversary, actorsBetween)
}

// union is a, and what b has beside it; nil when there is nothing.
func union(a, b []string) []string {
	var out []string
	seen := make(map[string]bool, len(a)+len(b))
	for _, list := range [][]string{a, b} {
		for _, s := range list {
			if !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	return out
}

// revisionOf tells two states of an indicator apart: by the object, and by the
// names that others give it, if we are told which are stored.
func (r *taxii2Run) revisionOf(digest string, rep *ioc.Report) string {
	if r.known != nil && (rep.Adversary != "" || len(rep.Families)+len(rep.Techniques) > 0) {
		digest += " " + digestOf([]byte(strings.Join([]string{rep.Adversary, strings.Join(rep.Families, "\x00"), strings.Join(rep.Techniques, "\x00")}, "\x01")))
	}
	return r.revision(digest)
}
