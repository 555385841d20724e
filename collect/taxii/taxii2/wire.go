package taxii2

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// text is a string on which servers differ: numbers and booleans are their
// text, and what is no text at all is empty.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	switch {
	case len(b) == 0, b[0] == '{', b[0] == '[', b[0] == 'n':
		return nil
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	}
	*t = text(b)
	return nil
}

// texts is a list of strings. One string alone stands for a list of it.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (ts *texts) UnmarshalJSON(b []byte) error {
	*ts = nil
	var list []text
	if err := json.Unmarshal(b, &list); err != nil {
		var one text
		if err := one.UnmarshalJSON(b); err != nil {
			return err
		}
		list = []text{one}
	}
	for _, t := range list {
		if t != "" {
			*ts = append(*ts, string(t))
		}
	}
	return nil
}

// flag is a boolean that may come as a text or a number. What is neither
// leaves it as it was.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	s := strings.ToLower(strings.Trim(string(b), `" `))
	if v, err := strconv.ParseBool(s); err == nil {
		*f = flag(v)
	}
	return nil
}

// number is a count; what is none leaves it as it was.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = number(i)
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<53 {
		*n = number(f)
	}
	return nil
}
