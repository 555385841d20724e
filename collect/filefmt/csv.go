package filefmt

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// role is what a column is for.
type role uint8

const (
	unknown   role = iota
	value          // holds values, of the column's type or of that of the type column
	typeOf         // names the type of the row's value
	title          // what the row says of its values
	created        // since when
	expires        // until when
	certainty      // 0 to 100
	detection      // MISP's to_ids: 0 for what is only context
	ignored        // context that we do not keep
)

// column is what we know of one column.
type column struct {
	name string
	role role
	typ  ioc.Type
}

// roles knows the columns that are met often, by name without case, blanks and
// signs. Besides, every name of a type in any vocabulary is one of a column.
var roles = map[string]column{
	"indicator": {role: value}, "ioc": {role: value}, "iocvalue": {role: value}, "value": {role: value}, "observable": {role: value},
	"artifact": {role: value}, "indicatorvalue": {role: value}, "hash": {role: value}, "filehash": {role: value}, "address": {role: value},
	"c2": {role: value}, "c2server": {role: value}, "c2address": {role: value}, "c2domain": {role: value}, "c2ip": {role: value},
	"c2url": {role: value}, "cc": {role: value}, "server": {role: value}, "host": {role: value}, "domains": {role: value, typ: ioc.Domain},
	"ips": {role: value, typ: ioc.IP}, "dstip": {role: value, typ: ioc.IP}, "srcip": {role: value, typ: ioc.IP}, "urls": {role: value, typ: ioc.URL},
	"link": {role: ignored}, "path": {role: value, typ: ioc.FilePath}, "cveid": {role: value, typ: ioc.CVE}, "cves": {role: value, typ: ioc.CVE},
	"type": {role: typeOf}, "indicatortype": {role: typeOf}, "ioctype": {role: typeOf}, "valuetype": {role: typeOf},
	"title": {role: title}, "comment": {role: title}, "comments": {role: title}, "description": {role: title}, "note": {role: title},
	"notes": {role: title}, "malware": {role: title}, "malwareprintable": {role: title}, "threat": {role: title}, "threattype": {role: title},
	"name": {role: title}, "context": {role: title}, "signature": {role: title}, "malwarefamily": {role: title}, "family": {role: title},
	"date": {role: created}, "dateadded": {role: created}, "added": {role: created}, "created": {role: created}, "firstseen": {role: created},
	"firstseenutc": {role: created}, "expires": {role: expires}, "expiration": {role: expires}, "validuntil": {role: expires},
	"confidence": {role: certainty}, "confidencelevel": {role: certainty},
	"": {role: ignored}, "id": {role: ignored}, "uuid": {role: ignored}, "category": {role: ignored}, "toids": {role: detection},
	"lastseen": {role: ignored}, "lastseenutc": {role: ignored}, "port": {role: ignored}, "dstport": {role: ignored}, "country": {role: ignored},
	"reference": {role: ignored}, "references": {role: ignored}, "reporter": {role: ignored}, "source": {role: ignored}, "tags": {role: ignored},
	"filesize": {role: ignored}, "size": {role: ignored}, "filetype": {role: ignored}, "compiletimestamp": {role: ignored}, "timestamp": {role: ignored},
	"eventid": {role: ignored}, "objectrelation": {role: ignored}, "attributetag": {role: ignored}, "role": {role: ignored}, "status": {role: ignored},
	"asn": {role: ignored}, "asnumber": {role: ignored}, "asname": {role: ignored}, "hostnameresolved": {role: ignored},
}

// roleNames are the words by which the setting columns names a role.
var roleNames = map[string]role{"value": value, "type": typeOf, "title": title, "created": created, "expires": expires, "confidence": certainty, "ignore": ignored}

// readCSV reads a table. The header says which columns hold values; a column
// that it does not know is refused once, by name, since to search it for
// indicators would arm every link of a description.
func readCSV(r io.Reader, o Options, emit Emit) error {
	t := table{rows: newRecords(r, emit), options: o, emit: emit}
	if err := t.header(); err != nil {
		return err
	}
	for t.columns != nil {
		row, err := t.rows.next(t.comma)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = t.row(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type table struct {
	rows    *records
	options Options
	emit    Emit
	comma   byte
	columns []column
}

// header finds the header among the first lines; abuse.ch hides it in a
// comment. No line at all is an empty table.
func (t *table) header() error {
	for tries := 0; tries < 100; tries++ {
		line, err := t.rows.peek()
		if errors.Is(err, io.EOF) && tries == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if t.columns, t.comma = parseHeader(line, t.options); t.columns != nil {
			t.rows.drop()
			return t.unknowns()
		}
		if body, _ := cutComment(trim(line)); body != "" {
			break
		}
		t.rows.drop()
	}
	return errors.New("the header names no column that holds indicators; name one in the setting columns, as in columns: {\"C2 address\": domain}")
}

// unknowns refuses the columns that are not read.
func (t *table) unknowns() error {
	for _, c := range t.columns {
		if c.role != unknown {
			continue
		}
		i := refuse(c.name, "a column of a meaning we do not know; to read it, or to ignore it, name it in the setting columns", t.rows.no)
		if err := t.emit(i); err != nil {
			return err
		}
	}
	return nil
}

// parseHeader returns the columns of a header line and what separates them,
// nil if no column of it holds values.
func parseHeader(line string, o Options) ([]column, byte) {
	line = trim(strings.TrimLeft(trim(line), "#"))
	comma := separator(line)
	names, _ := splitRow(line, comma)
	if len(names) < 2 && len(o.Columns) == 0 {
		return nil, 0
	}
	columns, values := make([]column, len(names)), 0
	for i, n := range names {
		columns[i] = columnNamed(trim(n), o.Columns)
		if columns[i].role == value {
			values++
		}
	}
	if values == 0 {
		return nil, 0
	}
	return columns, comma
}

// separator guesses what separates the fields of line.
func separator(line string) byte {
	best, most := byte(','), 0
	for _, c := range []byte(",;\t|") {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

func columnNamed(name string, own map[string]string) column {
	for n, meaning := range own {
		if strings.EqualFold(n, name) {
			return columnMeaning(name, meaning)
		}
	}
	c, ok := roles[squeeze(name)]
	if !ok {
		if t, known := TypeNamed(name); known {
			c = column{role: value, typ: t}
		} else if t, known := TypeNamed(squeeze(name)); known {
			c = column{role: value, typ: t}
		}
	}
	c.name = name
	return c
}

// columnMeaning is what a person says of a column; CheckColumns has looked at it.
func columnMeaning(name, meaning string) column {
	if r, ok := roleNames[strings.ToLower(meaning)]; ok {
		return column{name: name, role: r}
	}
	t, _ := TypeNamed(meaning)
	return column{name: name, role: value, typ: t}
}

// CheckColumns returns an error for a meaning of a column that does not exist.
func CheckColumns(columns map[string]string) error {
	for name, meaning := range columns {
		_, isRole := roleNames[strings.ToLower(meaning)]
		if _, isType := TypeNamed(meaning); !isRole && !isType {
			return fmt.Errorf("column %q: %q is neither a type nor one of value, type, title, created, expires, confidence, ignore", name, meaning)
		}
	}
	return nil
}

// squeeze reduces a column's name to its lower-case letters and digits.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
}

// row emits the values of one row, each with what the row says of them.
func (t *table) row(cells []string) error {
	if len(cells) > 0 && strings.HasPrefix(cells[0], "#") {
		return nil
	}
	about, typ := t.claims(cells)
	context := t.isContext(cells)
	for i, cell := range cells {
		if i >= len(t.columns) {
			if !blank(cell) {
				return t.emit(refuse(cell, "a field more than the header has columns", t.rows.no))
			}
			continue
		}
		c := t.columns[i]
		if c.role != value || blank(cell) {
			continue
		}
		if context {
			if err := t.emit(refuse(cell, NotForDetection, t.rows.no)); err != nil {
				return err
			}
			continue
		}
		m := ioc.Member{Claim: about}
		m.Type = c.typ
		if c.typ == "" && typ != "" {
			declare(&m, typ)
		}
		if err := t.cell(m, cell); err != nil {
			return err
		}
	}
	return nil
}

// isContext reports whether the row says that it is not for detection.
func (t *table) isContext(cells []string) bool {
	for i, cell := range cells[:min(len(cells), len(t.columns))] {
		if t.columns[i].role == detection && !t.options.Context {
			c := strings.ToLower(trim(cell))
			return c == "0" || c == "false"
		}
	}
	return false
}

// claims gathers what the row says beside its values, and the type it names.
func (t *table) claims(cells []string) (c ioc.Claim, typ string) {
	for i, cell := range cells {
		if i >= len(t.columns) || blank(cell) {
			continue
		}
		cell = trim(cell)
		switch t.columns[i].role {
		case typeOf:
			typ = cell
		case title:
			c.Title = join(c.Title, Clip(cell, 500))
		case created:
			c.Created = parseTime(cell)
		case expires:
			c.Expires = parseTime(cell)
		case certainty:
			n, _ := strconv.ParseUint(cell, 10, 8)
			c.Confidence = uint8(min(n, 100))
		}
	}
	return c, typ
}

// cell emits the value of a cell, or the values that stand in it side by side.
func (t *table) cell(m ioc.Member, cell string) error {
	m.Value = bare(trim(cell))
	if f := m.Type.Form(); f != ioc.Phrase && f != ioc.Exact && strings.ContainsAny(m.Value, " ,;|\n\t") {
		if _, err := canon.Observable(m.Type, m.Value); err != nil {
			return t.several(m)
		}
	}
	return t.emit(&Item{Member: m, Line: t.rows.no})
}

func (t *table) several(m ioc.Member) error {
	for _, v := range strings.FieldsFunc(m.Value, func(r rune) bool { return strings.ContainsRune(" ,;|\n\r\t", r) }) {
		m.Value = bare(v)
		if err := t.emit(&Item{Member: m, Line: t.rows.no}); err != nil {
			return err
		}
	}
	return nil
}

// blank reports whether a cell says that there is nothing to say.
func blank(cell string) bool {
	switch strings.ToLower(trim(cell)) {
	case "", "-", "n/a", "na", "none", "null", "unknown", "nan":
		return true
	}
	return false
}

func join(a, b string) string {
	if a == "" || a == b {
		return b
	}
	return a + "; " + b
}

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 MST", time.DateOnly}

// parseTime reads the usual spellings, taken for UTC where they have no zone,
// and seconds since 1970. It returns the zero time for all others.
func parseTime(s string) time.Time {
	s = trim(s)
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC()
		}
	}
	if t, err := time.Parse("20060102", s); err == nil && t.Year() >= 1990 {
		return t
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n < 1<<40 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}
