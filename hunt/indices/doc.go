// Package indices finds indicators in the documents of Elasticsearch and
// OpenSearch.
//
// # The problem
//
// A million indicators are to meet a million documents. The index knows
// equality alone; that a name is a child of a listed one, that an address lies in
// a network, that http://EVIL.example:80/x is a listed URL, only package match
// knows. And there is no time to fetch every document.
//
// # The idea
//
// What a hit is, is said in one place: a document hits where package match finds
// an observable of a wanted type in a value of one of its fields (verify.go).
// Everything else only finds candidates, documents that may hit: too many is
// fine, one missing is not. Every candidate is fetched and judged by that one
// rule, so that all ways lead to the same hits.
//
//	terms.go    the indicators are sent to the index, 65,536 values a query: for types of
//	            which a hit nearly always is equality. Values that are written
//	            otherwise are found by their shape (shapes.go)
//	distinct.go the distinct values of a field are fetched from the index's dictionary, matched
//	            here, and the few that match are sent back: for every type, and
//	            when the list is longer than the dictionary
//	scan.go     the fields of every document are fetched and matched here: for few
//	            documents, and for what no index holds. Small documents are fetched
//	            whole, which is the cheapest for the server (pick.go)
//	text.go     free text
//
// choose.go weighs them by what each has cost so far.
//
// # What no index holds
//
// A value that is too long (ignore_above) or malformed is not in the index.
// Elasticsearch lists such fields in _ignored: these documents are candidates.
// Where the server does not tell (OpenSearch and ignore_above; a flattened field)
// the field is read from _source, and so is a field that the mapping ignores
// ("dynamic": false, "enabled": false, "index": false). A field that is not mapped in an index
// whose mapping takes every new field cannot be there.
package indices
