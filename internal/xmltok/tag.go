package xmltok

import "slices"

// attr is an attribute of the current start tag; its value stands in the
// buffer from v0 to v1 behind tok.
type attr struct {
	q      *qname
	name   Name
	v0, v1 int
	plain  bool // the value is what stands there
}

// startTag reads the start tag at tok.
func (r *Reader) startTag() (Kind, error) {
	if r.rooted && len(r.stack) == 0 {
		return 0, r.syntax(0, "a second root element")
	}
	r.names.trim()
	r.serial++
	r.attrs = r.attrs[:0]
	q, i, err := r.nameAt(1)
	if err != nil {
		return 0, err
	}
	empty, i, err := r.attributes(i)
	if err != nil {
		return 0, err
	}
	if i > r.lim.Token {
		return 0, r.tooLong()
	}
	ns0 := len(r.names.decls)
	if err := r.resolve(q); err != nil {
		return 0, err
	}
	if len(r.stack) >= r.lim.Depth {
		return 0, r.limit(0, "elements are nested more than %d deep", r.lim.Depth)
	}
	r.stack = append(r.stack, element{q, r.name, ns0, len(r.names.decls)})
	r.rooted, r.run, r.empty = true, 0, empty
	r.pos = r.tok + i
	return Start, nil
}

// nameAt reads the name at i and returns where it ends.
func (r *Reader) nameAt(i int) (*qname, int, error) {
	c, err := r.at(i)
	if err != nil {
		return nil, 0, err
	}
	if class[c]&nameFirst == 0 {
		return nil, 0, r.syntax(i, "%q where a name must begin", string(rune(c)))
	}
	end := i
	for {
		b := r.buf[r.tok:]
		for _, c := range b[end:] {
			if class[c]&nameNext == 0 {
				break
			}
			end++
		}
		if end-i > maxName {
			return nil, 0, r.limit(i, "a name is over %d bytes", maxName)
		}
		if end < len(b) {
			break
		}
		if _, err := r.at(end); err != nil {
			return nil, 0, err
		}
	}
	return r.known(i, end)
}

// known returns the entry of the name between i and end.
func (r *Reader) known(i, end int) (*qname, int, error) {
	raw := r.buf[r.tok+i : r.tok+end]
	q := r.names.look(raw)
	if q == nil {
		return nil, 0, r.syntax(i, "%.60q is no name", raw)
	}
	return q, end, nil
}

// attributes reads the attributes from i on to the end of the tag.
func (r *Reader) attributes(i int) (empty bool, end int, err error) {
	for {
		j, err := r.spaces(i)
		if err != nil {
			return false, 0, err
		}
		switch c := r.buf[r.tok+j]; {
		case c == '>':
			return false, j + 1, nil
		case c == '/':
			c, err := r.at(j + 1)
			if err == nil && c != '>' {
				err = r.syntax(j, `"/" in a tag without ">" behind it`)
			}
			return true, j + 2, err
		case i == j:
			return false, 0, r.syntax(j, "%q in a tag where white space, \"/\" or \">\" must be", string(rune(c)))
		}
		if i, err = r.attribute(j); err != nil {
			return false, 0, err
		}
	}
}

// spaces returns where the white space at i ends; there is a byte there.
func (r *Reader) spaces(i int) (int, error) {
	for {
		c, err := r.at(i)
		if err != nil || class[c]&space == 0 {
			return i, err
		}
		i++
	}
}

// attribute reads the attribute at i and returns where it ends.
func (r *Reader) attribute(i int) (int, error) {
	if len(r.attrs) >= r.lim.Attrs {
		return 0, r.limit(i, "an element has more than %d attributes", r.lim.Attrs)
	}
	q, end, err := r.nameAt(i)
	if err != nil {
		return 0, err
	}
	if q.seen == r.serial {
		return 0, r.syntax(i, "the attribute %.60q is there twice", q.raw)
	}
	q.seen = r.serial
	if end, err = r.equals(end); err != nil {
		return 0, err
	}
	quote := r.buf[r.tok+end]
	if quote != '"' && quote != '\'' {
		return 0, r.syntax(end, "the value of the attribute %.60q is not quoted", q.raw)
	}
	a := attr{q: q, v0: end + 1}
	if a.v1, a.plain, err = r.value(end+1, quote); err != nil {
		return 0, err
	}
	r.attrs = append(r.attrs, a)
	return a.v1 + 1, nil
}

// equals reads a "=" with white space around it. There is a byte where it ends.
func (r *Reader) equals(i int) (int, error) {
	i, err := r.spaces(i)
	if err != nil {
		return 0, err
	}
	if r.buf[r.tok+i] != '=' {
		return 0, r.syntax(i, "an attribute without a value")
	}
	return r.spaces(i + 1)
}

// value returns where the value that begins at i ends, and whether it can be
// taken as it stands. What is wrong in it is found here.
func (r *Reader) value(i int, quote byte) (end int, plain bool, err error) {
	plain = true
	for {
		b := r.buf[r.tok:]
		for _, c := range b[i:] {
			if class[c]&inValue != 0 {
				break
			}
			i++
		}
		if i == len(b) {
			if _, err := r.at(i); err != nil {
				return 0, false, err
			}
			continue
		}
		c := b[i]
		if c == quote {
			return i, plain, nil
		}
		n, same, err := r.inside(i, c)
		if err != nil {
			return 0, false, err
		}
		plain = plain && same
		i += n
	}
}

// inside looks at the byte c at i of a value, which is not its end. It returns
// how many bytes are read and whether they stand for themselves.
func (r *Reader) inside(i int, c byte) (n int, same bool, err error) {
	switch {
	case c == '"' || c == '\'':
		return 1, true, nil
	case c == '<':
		return 0, false, r.syntax(i, `"<" in the value of an attribute; it must be written as "&lt;"`)
	case c == '&':
		_, n, err = r.reference(i)
		return n, false, err
	case c >= 0x80:
		return r.charAt(i)
	case class[c]&forbidden != 0:
		r.scrubbed++
	}
	return 1, false, nil
}

// resolve takes the namespace declarations of the tag into scope and resolves
// the names of the element and its attributes.
func (r *Reader) resolve(q *qname) error {
	found := false
	for _, a := range r.attrs {
		if a.q.target != nil {
			found = true
			if err := r.declare(a); err != nil {
				return err
			}
		}
	}
	if found {
		r.attrs = slices.DeleteFunc(r.attrs, func(a attr) bool { return a.q.target != nil })
	}
	var ok bool
	if r.name, ok = q.element(); !ok {
		return r.syntax(1, "the prefix %.60q is not declared", q.prefix.name)
	}
	return r.resolveAttrs()
}

func (r *Reader) resolveAttrs() error {
	for i := range r.attrs {
		a := &r.attrs[i]
		var ok bool
		if a.name, ok = a.q.attribute(); !ok {
			return r.syntax(a.v0, "the prefix %.60q is not declared", a.q.prefix.name)
		}
	}
	return r.once()
}

// once finds two attributes whose prefixes differ and whose namespaces do not.
// Names written alike were found before, so there are two at least with a prefix.
func (r *Reader) once() error {
	if len(r.attrs) < 2 {
		return nil
	}
	if len(r.attrs) > 8 {
		return r.onceOfMany()
	}
	for i, a := range r.attrs {
		for _, b := range r.attrs[:i] {
			if a.name.Space != "" && a.name == b.name {
				return r.twiceError(a)
			}
		}
	}
	return nil
}

func (r *Reader) onceOfMany() error {
	if r.twice == nil {
		r.twice = map[Name]struct{}{}
	}
	clear(r.twice)
	for _, a := range r.attrs {
		if _, ok := r.twice[a.name]; ok {
			return r.twiceError(a)
		}
		r.twice[a.name] = struct{}{}
	}
	return nil
}

func (r *Reader) twiceError(a attr) error {
	return r.syntax(a.v0, "the attribute %.60q is there twice, by another prefix", a.q.raw)
}

// declare takes one declaration into scope, by the rules of Namespaces in XML
// 1.0 (2.2 and 3).
func (r *Reader) declare(a attr) error {
	p, uri := a.q.target, r.valueOf(a)
	switch {
	case p.name == "xmlns" || uri == xmlnsSpace:
		return r.syntax(a.v0, "the prefix or the namespace of xmlns is declared")
	case (p.name == "xml") != (uri == xmlSpace):
		return r.syntax(a.v0, "the prefix xml and its namespace go together only")
	case uri == "" && p.name != "":
		return r.syntax(a.v0, "the prefix %.60q is declared as nothing", p.name)
	case len(r.names.decls) >= maxScope:
		return r.limit(a.v0, "more than %d namespace declarations are in scope", maxScope)
	case r.names.declsLen+len(uri)+len(p.name) > maxScopeLen:
		return r.limit(a.v0, "the namespace declarations in scope are over %d bytes", maxScopeLen)
	}
	r.names.declare(p, uri)
	return nil
}

// valueOf returns the value of a.
func (r *Reader) valueOf(a attr) string {
	raw := r.buf[r.tok+a.v0 : r.tok+a.v1]
	if a.plain {
		return string(raw)
	}
	r.undone = appendValue(r.undone[:0], raw)
	return string(r.undone)
}

// Attr returns an attribute of the current Start by its namespace ("" for one
// without a prefix) and local name. Namespace declarations are not attributes.
func (r *Reader) Attr(space, local string) (string, bool) {
	if r.kind != Start {
		return "", false
	}
	for _, a := range r.attrs {
		if a.name.Local == local && a.name.Space == space {
			return r.valueOf(a), true
		}
	}
	return "", false
}

// endTag reads the end tag at tok, which must be that of the current element.
func (r *Reader) endTag() (Kind, error) {
	if len(r.stack) == 0 {
		return 0, r.syntax(0, "an end tag without a start tag")
	}
	open := &r.stack[len(r.stack)-1]
	i := 2 + len(open.q.raw)
	if b := r.buf[r.tok:]; len(b) <= i || b[i] != '>' || string(b[2:i]) != open.q.raw {
		var err error
		if i, err = r.slowEndTag(open.q); err != nil {
			return 0, err
		}
	}
	r.name, r.run = open.name, 0
	r.pos = r.tok + i + 1
	return End, nil
}

// slowEndTag reads an end tag that has white space, stands at the end of the
// buffer or is another's. It returns where its ">" is.
func (r *Reader) slowEndTag(open *qname) (int, error) {
	same, err := r.is(2, open.raw)
	if err != nil {
		return 0, r.ended(err, "an end tag")
	}
	i := 2 + len(open.raw)
	if same {
		c, err := r.at(i)
		if err != nil {
			return 0, err
		}
		same = class[c]&nameNext == 0
	}
	if !same {
		return 0, r.syntax(0, "the end tag is not that of the element %.60q", open.raw)
	}
	if i, err = r.spaces(i); err != nil {
		return 0, err
	}
	if i > r.lim.Token {
		return 0, r.tooLong()
	}
	if r.buf[r.tok+i] != '>' {
		return 0, r.syntax(i, "an end tag does not end")
	}
	return i, nil
}
