package emit

import (
	"fmt"
	"io"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
)

// summary is what docs/output.md promises of a scan's last line.
type summary struct {
	Files      int            `json:"files"`
	Bytes      int64          `json:"bytes"`
	Lines      int64          `json:"lines"`
	Hits       int            `json:"hits"`
	Records    int            `json:"records"`
	Expired    int            `json:"expired"`
	Disarmed   int            `json:"disarmed"`
	Alerts     int            `json:"alerts"`
	Below      int            `json:"below"`
	Indicators int            `json:"indicators"`
	Incomplete []hunt.Trouble `json:"incomplete"`
	Refused    []ioc.Refusal  `json:"refused"`
	Skipped    []hunt.Trouble `json:"skipped"`
	Notes      []hunt.Trouble `json:"notes"`
	TookMS     int64          `json:"took_ms"`
}

// WriteSummary writes the last line of a scan, of kind "summary": what was
// covered, and the values given to it that cannot be hunted.
func WriteSummary(w io.Writer, s hunt.Summary, refused []ioc.Refusal) error {
	return WriteLine(w, "summary", summary{
		Files: s.Files, Bytes: s.Bytes, Lines: s.Lines, Hits: s.Hits, Records: s.Records, Expired: s.Expired,
		Disarmed: s.Disarmed, Alerts: s.Alerts, Below: s.Below, Indicators: s.Indicators,
		Incomplete: notNil(s.Incomplete), Refused: notNil(refused), Skipped: notNil(s.Skipped), Notes: notNil(s.Notes), TookMS: s.Took.Milliseconds(),
	})
}

// notNil makes sure that an empty list is [] in JSON, not null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// WriteLine writes v, which encoding/json must make an object of, as one line
// of JSON whose first member is "kind". What a terminal might obey is escaped.
func WriteLine(w io.Writer, kind string, v any) error {
	line := appendString([]byte(`{"kind":`), kind)
	at := len(line)
	line, err := appendAny(line, v)
	if err != nil {
		return fmt.Errorf("write a line of kind %s: %w", kind, err)
	}
	switch {
	case line[at] != '{':
		return fmt.Errorf("write a line of kind %s: %T is not a JSON object", kind, v)
	case line[at+1] == '}':
		line = append(line[:at], '}')
	default:
		line[at] = ','
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write a line of kind %s: %w", kind, err)
	}
	return nil
}
