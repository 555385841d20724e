package indices

import (
	"testing"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

// TestBeyondTheLimit: fields that an index does not map because it has too many,
// as data streams of logs do by default, stand in _source alone.
func TestBeyondTheLimit(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		if n.Flavor == es.OpenSearch {
			t.Skip("OpenSearch refuses documents with too many fields")
		}
		l := newEvilLab(t, n)
		ix := l.prefix + "logs-many"
		createIndex(t, n, ix, `{"settings":{"index.mapping.total_fields":{"limit":3,"ignore_dynamic_beyond_limit":true}},
			"mappings":{"properties":{"@timestamp":{"type":"date"},"event":{"properties":{"ingested":{"type":"date"}}}}}}`)
		l.put(ix, "1", dns(recent, recent, "good.example"))
		l.put(ix, "2", dns(recent, recent, "evil-0.example"))
		l.finds("beyond the limit", "2 evil-0.example")
		l.put(ix, "3", dns(recent, recent, "evil-1.example"))
		l.finds("what is new", "3 evil-1.example")
	})
}
