package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/mappings"
)

// generations is the pattern of the names of our indices behind their alias:
// ioc_index-v1, ioc_index-v2.
const generations = "-v*"

// IndexState is what is there under one of our names.
type IndexState struct {
	Alias      string              // as it is to be called
	Index      string              // the index behind it; "" there is none
	Version    int                 // of its mapping; 0 it does not say
	Wanted     int                 // the version of this program's mapping
	Difference mappings.Difference // from that mapping
	Blocks     []string            // "write", "read_only_allow_delete" (the disk is full): what keeps it from being written
	Others     []string            // indices of the same name and another number

	mapping mappings.Tree // of Index
}

// Inspect says what is there of a store's indices. It changes nothing, and asks
// for no more than the right to see them (view_index_metadata).
func Inspect(ctx context.Context, c *es.Client, prefix string) ([]IndexState, error) {
	var out []IndexState
	for _, name := range mappings.Names() {
		var want indexBody
		if err := json.Unmarshal(mappings.Index(name), &want); err != nil {
			return nil, err
		}
		st, err := inspect(ctx, c, prefix, name, want.Mappings)
		if err != nil {
			return nil, fmt.Errorf("%s%s: %w", prefix, name, err)
		}
		out = append(out, *st)
	}
	return out, nil
}

// indexInfo is what the cluster says of an index.
type indexInfo struct {
	Aliases  map[string]json.RawMessage `json:"aliases"`
	Mappings mappings.Tree              `json:"mappings"`
	Settings struct {
		Index struct {
			Blocks map[string]string `json:"blocks"`
		} `json:"index"`
	} `json:"settings"`
}

// inspect looks at one name. An error is also what only a person can mend: an
// index in the alias' place, an alias of several.
func inspect(ctx context.Context, c *es.Client, prefix, name string, want mappings.Tree) (*IndexState, error) {
	st := &IndexState{Alias: prefix + name, Wanted: mappingVersion(want)}
	there := map[string]indexInfo{}
	q := url.Values{"ignore_unavailable": {"true"}, "allow_no_indices": {"true"}, "expand_wildcards": {"all"}}
	if err := c.Do(ctx, es.Request{Method: "GET", Path: "/" + es.Escape(st.Alias+","+st.Alias+generations), Query: q}, &there); err != nil {
		return nil, err
	}
	if _, ok := there[st.Alias]; ok {
		return nil, fmt.Errorf("there is an index of that name, where an alias should be: copy it to %s (_reindex), delete it, and run setup again", st.generation(1))
	}
	for _, n := range slices.Sorted(maps.Keys(there)) {
		if _, ours := there[n].Aliases[st.Alias]; !ours {
			if st.number(n) > 0 {
				st.Others = append(st.Others, n)
			}
			continue
		}
		if st.Index != "" {
			return nil, fmt.Errorf("it is an alias of %s and %s: take it off all but one (_aliases)", st.Index, n)
		}
		st.Index = n
	}
	return st, st.look(there, want)
}

// look compares the index behind the alias with what it should be.
func (st *IndexState) look(there map[string]indexInfo, want mappings.Tree) error {
	if st.Index == "" && len(st.Others) > 0 {
		return fmt.Errorf(`the alias is missing, but %s is there: POST /_aliases {"actions":[{"add":{"index":"%s","alias":"%s","is_write_index":true}}]}, or delete it`,
			strings.Join(st.Others, ", "), st.Others[len(st.Others)-1], st.Alias)
	}
	if st.Index == "" {
		return nil
	}
	i := there[st.Index]
	st.mapping, st.Version = i.Mappings, mappingVersion(i.Mappings)
	st.Difference = mappings.Compare(i.Mappings, want)
	for _, b := range slices.Sorted(maps.Keys(i.Settings.Index.Blocks)) {
		if i.Settings.Index.Blocks[b] == "true" {
			st.Blocks = append(st.Blocks, b)
		}
	}
	return nil
}

// generation is the name of the n-th index.
func (st *IndexState) generation(n int) string { return st.Alias + "-v" + strconv.Itoa(n) }

// number is which generation an index is, 0 if its name is none of ours.
func (st *IndexState) number(index string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(index, st.Alias+"-v"))
	if err != nil || index != st.generation(n) {
		return 0
	}
	return n
}

// next is the name of the next index: one that nobody has used.
func (st *IndexState) next() string {
	n := st.number(st.Index)
	for _, o := range st.Others {
		n = max(n, st.number(o))
	}
	return st.generation(n + 1)
}

// notes tells of the indices that are there beside the one in use.
func (st *IndexState) notes() []string {
	var out []string
	for _, o := range st.Others {
		what := "is left from before an upgrade"
		if st.number(o) > st.number(st.Index) {
			what = "is of an upgrade that did not end, or of one that runs now"
		}
		out = append(out, fmt.Sprintf("%s %s; nothing uses it. To delete it: DELETE /%s", o, what, o))
	}
	return out
}
