package otx

import (
	"encoding/json"
	"errors"
	"strings"
)

// pulseReader returns a reader of pulses that keeps at most budget indicators
// in all. It reads a pulse field by field, so that a pulse of any size takes
// the memory of the indicators that are kept.
func pulseReader(budget int) elementReader[Pulse] {
	return func(dec *json.Decoder) (Pulse, error) {
		b := pulseBuilder{dec: dec, budget: &budget}
		err := object(dec, b.field)
		if err != nil {
			return b.Pulse, tolerate(err, Bad{ID: clip(b.ID, 64)})
		}
		if b.Author == "" {
			b.Author = b.author
		}
		b.Whole = b.listed && !b.more && !b.cut
		if !goodID.MatchString(b.ID) {
			b.wrong = "the pulse has no usable id"
		}
		if b.wrong != "" {
			return b.Pulse, &Bad{ID: clip(b.ID, 64), Reason: b.wrong}
		}
		return b.Pulse, nil
	}
}

type pulseBuilder struct {
	Pulse
	dec               *json.Decoder
	budget            *int
	author            string // of the object that details have
	listed, more, cut bool
	wrong             string // why the pulse cannot be used as it is
}

// field reads the value of one key. Context of the wrong type is left out; an
// id of the wrong type leaves the pulse without one.
func (b *pulseBuilder) field(key string) error {
	switch key {
	case "id":
		return b.text(&b.ID)
	case "name":
		return b.text(&b.Name)
	case "description":
		return b.text(&b.Description)
	case "author_name":
		return b.text(&b.Author)
	case "adversary":
		return b.text(&b.Adversary)
	case "indicators":
		return b.indicators()
	case "more_indicators":
		return b.dec.Decode((*flag)(&b.more))
	case "public":
		return b.dec.Decode((*flag)(&b.Public))
	}
	return b.otherField(key)
}

func (b *pulseBuilder) otherField(key string) error {
	switch key {
	case "author":
		var n named
		err := b.dec.Decode(&n)
		b.author = n.name
		return err
	case "tlp":
		err := b.text(&b.TLP)
		b.TLP = strings.ToLower(strings.TrimSpace(b.TLP))
		return err
	case "revision":
		err := b.text(&b.Revision)
		b.Revision = revision(b.Revision)
		return err
	case "created", "modified":
		var d date
		err := b.dec.Decode(&d)
		if key == "created" {
			b.Created = d.Time
			return err
		}
		if b.Modified = d.Time; d.unread {
			b.wrong = "its date of modification is no date"
		}
		return err
	}
	return b.listField(key)
}

func (b *pulseBuilder) listField(key string) error {
	into := map[string]*[]string{
		"tags": &b.Tags, "references": &b.References, "malware_families": &b.Families,
		"attack_ids": &b.AttackIDs, "targeted_countries": &b.Countries, "industries": &b.Industries,
	}[key]
	if into == nil {
		return skip(b.dec)
	}
	var l list
	err := b.dec.Decode(&l)
	*into = l.names()
	if key == "attack_ids" {
		*into = l.ids()
	}
	return err
}

func (b *pulseBuilder) text(into *string) error {
	var l loose
	err := b.dec.Decode(&l)
	*into = string(l)
	return err
}

// indicators reads the list. One that is missing or null leaves the pulse not
// Whole: an unknown list must not look like an empty one.
func (b *pulseBuilder) indicators() error {
	b.Indicators, b.Bad, b.cut = nil, nil, false
	what, err := eachOf(b.dec, func() error {
		if *b.budget <= 0 {
			b.cut = true
			return skip(b.dec)
		}
		*b.budget--
		in, err := readIndicator(b.dec)
		var bad *Bad
		switch {
		case err == nil:
			b.Indicators = append(b.Indicators, in)
		case errors.As(err, &bad):
			b.Bad = append(b.Bad, *bad)
		default:
			return err
		}
		return nil
	})
	if b.listed = what == aList; what == other {
		b.wrong = "its indicators are no list"
	}
	return err
}
