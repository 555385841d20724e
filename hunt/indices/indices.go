package indices

import (
	"context"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// Field is one field of events that is looked at, and what for.
type Field struct {
	Name   string     // full path: "source.ip"
	Types  []ioc.Type // what is looked for in it
	Prefix string     // put before each value, so that the matcher knows what it reads: "path=" of url.path
	Port   string     // the sibling field with the port: together they are an ip_port
	Unless string     // UnlessTypes are not looked for in a document that has this field
	Text   bool       // free text: a value is a sentence, of which a match is a part

	// UnlessTypes are those of Types that Unless is about; none means Domain.
	UnlessTypes []ioc.Type
}

// Ways to search free text (Source.Text).
const (
	TextStream = "stream" // every text is read and matched: complete
	TextTokens = "tokens" // candidates by the rarest word of each indicator: values as they are written only
)

// Source is a set of indices that hold events of one kind.
type Source struct {
	Name        string
	Indices     []string      // names, patterns, aliases, data streams
	Except      []string      // beginnings of names that a pattern does not mean: of our own indices
	TimeField   string        // when an event happened; "" means @timestamp
	IngestField string        // when it came into the cluster; "" means event.ingested
	Fields      []Field       // beside those of Options.Map; one of the same name replaces it, and drops it where it has no Types
	Settle      time.Duration // how long a document may take from its sequence number to its being searchable
	Text        string        // TextStream (the default) or TextTokens
}

// Index is one concrete index, and what of it can be searched.
type Index struct {
	Name, UUID string
	Shards     int
	Remote     bool // of another cluster ("cluster:name"), or one that may be searched, but not looked at
	Fields     []IndexField
	Docs       int64  // live documents, as the cluster counts them
	FieldsKey  string // hash of the fields, their types and the rules by which they are read; another key means: the index has to be gone over again

	dated      bool  // its time field is a date
	clocked    bool  // and has doc values
	sourceLess bool  // _source is not kept in full
	maxTerms   int   // index.max_terms_count, 0: the default
	docBytes   int64 // of a document on disk, with all that is made of it; 0: not known
}

// IndexField is a field as one index has it. The field map names what is
// wanted; this says what the server can do with it.
type IndexField struct {
	Field
	Kind         string // mapping type: keyword, ip, text, …; "" where the field is in _source only
	Indexed      bool   // values can be searched
	Aggregatable bool   // it has doc values, or makes them up
	Runtime      bool
	Alias        bool   // the name stands for another field, whose Kind this is
	Search       string // the field to send queries to: Name, or the keyword beside a text; "" none
	SearchKind   string // mapping type of Search

	facts facts
}

// ShardRange is a run of sequence numbers of one shard: Over < _seq_no <= UpTo.
type ShardRange struct {
	Shard      int
	Over, UpTo int64
}

// Window is the part of an index that a sweep is about. The zero Window is all
// of it.
type Window struct {
	Shards []ShardRange // nil: all of each shard; a shard that is not named is left out
	Query  es.M         // a further filter, nil for none
	Events int64        // about how many documents it holds; 0: not known
	Whole  bool         // it is (nearly) all of the index: looking at more does no harm
}

// Set is what is hunted for; *match.Set is one.
type Set interface {
	hunt.Matcher
	Counts() map[ioc.Type]int
}

// Found is a document with at least one match.
type Found struct {
	Index, ID string
	SeqNo     int64
	Source    []byte // compact JSON
	Time      time.Time
	TimeFound bool // the document says when it happened
	Matches   []FieldMatch
}

// FieldMatch is one observable in one document: at the first field of the map
// in which it stands.
type FieldMatch struct {
	ID         uint32 // of the Set
	Field      string
	Value      string // of the field, as the document has it
	Start, End int    // of the match in Value
	Rule       match.Rule
}

// Ways to find the candidates of a field.
const (
	PlanTerms    = "terms"         // the indicators are sent to the index
	PlanDistinct = "distinct"      // the distinct values of the field are fetched and matched here
	PlanScan     = "scan"          // the fields of each document of the window are fetched and matched here
	PlanStream   = hunt.PlanStream // the same, for what stands in _source only, and for free text
	PlanTokens   = "tokens"        // Source.Text is TextTokens: the rarest words of the indicators are sent
	PlanIgnored  = "ignored"       // documents with values that were too long, or malformed, for the index
)

// PlanUse says how one field was searched, and what it cost.
type PlanUse struct {
	Field      string
	Plan       string
	Why        string        // in words: what it was weighed against, what is not found this way
	Estimated  time.Duration // before
	Took       time.Duration // measured
	Distinct   int64         // values fetched and matched here
	Values     int64         // values sent
	Requests   int64
	Candidates int64 // documents that were looked at closely
	Streamed   int64 // documents read in full
}

// Report is what a sweep did. "No hits" may be said only where Incomplete is
// empty.
type Report struct {
	Events     int64 // documents of the window
	Plans      []PlanUse
	Ignored    int64 // documents with values that the index had to leave out; all were read
	Incomplete []hunt.Trouble
}

// Costs keeps what was measured from one sweep to the next. Both methods may be
// called by several goroutines.
type Costs interface {
	// Load returns what Save last kept under key; ok is false where that is
	// nothing.
	Load(ctx context.Context, key string) (c Cost, ok bool)
	Save(ctx context.Context, key string, c Cost)
}

// Cost is what is remembered of a field of an index ("index-uuid/field"), or of
// the cluster ("cluster").
type Cost struct {
	Distinct int64   `json:"distinct,omitempty"` // values of a field when they were last fetched
	Docs     int64   `json:"docs,omitempty"`     // of the index at that time
	Odd      int64   `json:"odd,omitempty"`      // documents whose values are written in ways that only a close look can judge
	Enum     float64 `json:"enum,omitempty"`     // seconds a distinct value
	Terms    float64 `json:"terms,omitempty"`    // seconds a value sent
	Agg      float64 `json:"agg,omitempty"`      // seconds a distinct value
	Scan     float64 `json:"scan,omitempty"`     // seconds an event
}

// Options of an Engine. The zero value works, but knows no field map.
type Options struct {
	Map   []Field // the field map that holds for all sources, in its order
	Costs Costs   // nil: nothing is remembered
	Force string  // take this plan wherever it is possible: for tests
	Log   func(msg string, fields map[string]any)
}

// Engine searches indices of one cluster. It is safe for concurrent use.
type Engine struct {
	c *es.Client
	o Options

	fewOdd   int   // in place of the constants: for tests
	smallDoc int64 // same
}

// New makes an engine; it sends nothing.
func New(c *es.Client, o Options) *Engine { return &Engine{c: c, o: o} }
