package match

import (
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// phrases looks for free text in t, the text of a level.
func (c *scanner) phrases(t []byte, level int) {
	if !c.set.hasTexts() {
		return
	}
	if level == levelRaw && !c.wide {
		c.base = 0
	}
	c.set.eachText(t, func(_ uint32, start, end int) { c.phrase(t, level, start, end) })
}

// phrase judges t[start:end], which is a listed text but for its case: if it
// begins or ends with a letter, a digit or '_', no such may stand beside it.
func (c *scanner) phrase(t []byte, level, start, end int) {
	if wordAfter(t, start) && wordBefore(t, start) || wordBefore(t, end) && wordAfter(t, end) {
		return
	}
	s := c.set
	c.key = appendFolded(c.key[:0], t[start:end])
	folded := s.lookup(keyFolded, hashBytes(c.key, keyFolded), c.key)
	for i := range folded.n {
		id := s.member(folded, i)
		if s.bounded(id, t, start, end) {
			c.hit(id, level, start, end, Text|written(t[start:end], s.value(id)))
		}
	}
	for i, b := range t[start:end] {
		c.key[i] = blanks(b)
	}
	c.hits(s.lookup(keyExact, hashBytes(c.key, keyExact), c.key), level, start, end, Text)
}

// written says how text differs from the listed value: in the case of letters,
// or as a registry key by the name of its root.
func written(text, value []byte) (rule Rule) {
	if string(text) == string(value) {
		return 0
	}
	if len(text) != len(value) {
		_, x := canon.Hive(string(text))
		_, v := canon.Hive(string(value))
		if rule = Respelled; x == v {
			return rule
		}
	}
	return rule | Case
}

// bounded reports whether t[start:end] is a whole value of the type that id has:
// for the names and paths of files more than for other text has to be looked at.
func (s *Set) bounded(id uint32, t []byte, start, end int) bool {
	switch s.types[id] {
	case codeFileName:
		return !nameBefore(t, start) && !nameAfter(t, end)
	case codeFilePath:
		return !pathBefore(t, start) && !nameAfter(t, end) && !pathAfter(t, end)
	}
	return true
}

var codeFileName, codeFilePath = ioc.FileName.Row().Code, ioc.FilePath.Row().Code

// inFile holds the signs that go on the name of a file before or behind it,
// beside letters, digits, '_' and a dot: "my-x.exe", "x.exe~".
func inFile(b byte) bool { return b == '-' || b == '+' || b == '~' }

// nameBefore reports whether the name of a file that begins at t[i] with a
// letter, a digit or '_' begins before: "my-x.exe", "a.x.exe",
// "~$x.doc".
func nameBefore(t []byte, i int) bool {
	b := at(t, i-1)
	return wordAfter(t, i) && (inFile(b) || b == '$' || b == '.' && wordBefore(t, i-1))
}

// nameAfter reports whether the name of a file that ends at t[:i] with a letter,
// a digit or '_' goes on: "x.exe.bak", "x.exe-old".
func nameAfter(t []byte, i int) bool {
	return wordBefore(t, i) && (inFile(at(t, i)) || at(t, i) == '.' && (wordAfter(t, i+1) || inFile(at(t, i+1))))
}

// pathBefore reports whether the path that begins at t[i] begins before. One
// from the root does behind whatever can end a folder's name ("/var/tmp/x" for
// "/tmp/x"), but not behind "file://". One that begins with a backslash is the
// end of a path as a feed gives it, and is found in any.
func pathBefore(t []byte, i int) bool {
	if t[i] != '/' {
		return at(t, i+1) != ':' && nameBefore(t, i)
	}
	for i > 0 && t[i-1] == '/' {
		i--
	}
	b := at(t, i-1)
	return wordBefore(t, i) || inFile(b) || b == '.' || b == '%' || b == '}'
}

// pathAfter reports whether the path that ends at t[:i] with a letter, a digit or
// '_' goes on: what is in a folder is another file.
func pathAfter(t []byte, i int) bool {
	b := at(t, i)
	return wordBefore(t, i) && (b == '/' || b == '\\') && (wordAfter(t, i+1) || at(t, i+1) == '.' || inFile(at(t, i+1)))
}
