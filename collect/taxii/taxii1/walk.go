package taxii1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/xmltok"
)

// head is what the root element of an answer says, and what stands before the
// blocks of a poll's.
type head struct {
	name       string // local name
	inResponse string
	more       bool
	resultID   string
	part       int // 0: not said
	begin, end time.Time
	count      int // -1: not said
	partial    bool
	message    string
}

// maxRoot bounds the start tag of an answer, in bytes. It is read again behind
// each block that breaks a limit.
const maxRoot = 16 << 10

// walk goes through one spooled answer.
type walk struct {
	sp     *spool
	r      *xmltok.Reader
	base   int64    // what r's offsets lack to those of the spool
	rootAt [2]int64 // begin and end of the root's start tag
	head   head
	blocks int
	first  int64              // where the first of them begins
	waste  int64              // bytes that were read in vain
	root   []byte             // the root's start tag; nil as long as no block was bad
	scan   *bufio.Reader      // of endTag
	each   func(*Block) error // nil: the answer is only checked
	notes  func(string)       // nil: nobody listens
}

// newWalk reads up to the root element's start.
func newWalk(sp *spool) (*walk, error) {
	w := &walk{sp: sp, r: xmltok.NewReaderUTF8(sp.section(0, sp.size), envelope)}
	if sp.size == 0 {
		return nil, fmt.Errorf("the answer is empty: %w", io.ErrUnexpectedEOF)
	}
	if _, err := w.r.Next(); err != nil {
		return nil, whole(err)
	}
	if !ours(w.r.Name()) {
		return nil, fmt.Errorf("the answer is no TAXII message but an element %s of %q", clip(w.r.Name().Local, 60), clip(w.r.Name().Space, 100))
	}
	w.rootAt = [2]int64{w.r.TokenStart(), w.r.Offset()}
	if w.rootAt[1]-w.rootAt[0] > maxRoot {
		return nil, fmt.Errorf("the first tag of the answer has more than %d bytes", maxRoot)
	}
	return w, w.readHead()
}

// readHead reads the attributes of the root (XML Message Binding §5.10).
func (w *walk) readHead() (err error) {
	attr := func(name string) string { v, _ := w.r.Attr("", name); return v }
	w.head = head{name: w.r.Name().Local, inResponse: attr("in_response_to"), more: isTrue(attr("more")), resultID: attr("result_id"), count: -1}
	if part := strings.TrimSpace(attr("result_part_number")); part != "" {
		if w.head.part, err = strconv.Atoi(part); err != nil || w.head.part < 1 {
			return fmt.Errorf("the answer's result_part_number %q is no number of a part", clip(part, 40))
		}
	}
	return nil
}

func (w *walk) note(text string) {
	if w.notes != nil {
		w.notes(text)
	}
}

// poll goes through a Poll_Response, at whose start it stands, to the end of
// the document.
func (w *walk) poll() error {
	for {
		kind, err := w.r.Next()
		switch {
		case err != nil:
			return whole(err)
		case kind == xmltok.End:
			return w.end()
		case kind == xmltok.Start && ours(w.r.Name()):
			err = w.pollChild(w.r.Name().Local)
		case kind == xmltok.Start:
			err = w.r.Skip()
		}
		if err != nil {
			return whole(err)
		}
	}
}

// pollChild reads one element of a Poll_Response.
func (w *walk) pollChild(name string) (err error) {
	switch name {
	case "Content_Block":
		return w.block()
	case "Exclusive_Begin_Timestamp", "Inclusive_Begin_Timestamp": // 1.1, 1.0
		w.head.begin, err = w.stamp(name)
	case "Inclusive_End_Timestamp":
		w.head.end, err = w.stamp(name)
	case "Record_Count":
		partial, _ := w.r.Attr("", "partial_count")
		w.head.partial = isTrue(partial)
		var n int64
		n, err = number(w.r)
		w.head.count = int(n)
	case "Message":
		w.head.message, err = w.r.Content()
	default:
		err = w.r.Skip()
	}
	return err
}

// stamp reads the time at whose element's start w stands.
func (w *walk) stamp(name string) (time.Time, error) {
	text, err := w.r.Content()
	t, ok := parseStamp(text)
	if err == nil && !ok {
		w.note(fmt.Sprintf("the answer's %s %q is no time", name, clip(text, 40)))
	}
	return t, err
}

// block reads a block and hands it out.
func (w *walk) block() error {
	b, err := w.readBlock()
	if err != nil || w.each == nil {
		return err
	}
	b.settle(contents)
	return w.each(b)
}

// end makes sure that nothing but white space follows the root.
func (w *walk) end() error {
	for {
		kind, err := w.r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case kind != xmltok.End:
			return errors.New("the answer goes on behind its end")
		}
	}
}

// rescue goes on behind a block in which reading failed with err: w then stands
// at the block's end. It returns where the block's end tag begins, or an error
// when the answer as a whole cannot be read. Where the block ends is told by the
// first end tag that is written as its start tag was (prefix and all), so a
// broken block that holds such a text of its own ends early, and what is left of
// it makes the answer one that cannot be read.
//
// What the reader made of the block says nothing: it may be far behind the end
// tag, as a comment or an instruction that is not closed takes everything behind
// it. So the block's bytes are looked through from its start, and reading begins
// anew at its end. For the same reason an end of the input is no exception: if it
// is the answer that is cut, then its own end tag is not there, and what is read
// behind the block comes to that.
func (w *walk) rescue(err error, start int64) (int64, error) {
	var syntax *xmltok.SyntaxError
	if !errors.As(err, &syntax) && !errors.Is(err, xmltok.ErrLimit) && !errors.Is(err, xmltok.ErrDoctype) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	name, _, gone := word(bufio.NewReaderSize(w.sp.section(start+1, w.sp.size), 128))
	if gone != nil {
		return 0, whole(gone)
	}
	from, to, gone := w.endTag(start, name)
	if gone != nil {
		return 0, fmt.Errorf("%w (in block %d: %w)", whole(gone), w.blocks, err)
	}
	return from, w.restart(err, to)
}

// endTag is endTag for the spool from start on.
func (w *walk) endTag(start int64, name string) (begin, end int64, err error) {
	if w.scan == nil {
		w.scan = bufio.NewReaderSize(nil, 64<<10)
	}
	w.scan.Reset(w.sp.tail(start))
	begin, end, err = endTag(w.scan, name)
	return start + begin, start + end, err
}

// maxWaste bounds what is read more than once of one answer, in bytes.
const maxWaste = 256 << 20

// restart reads on at to, behind a block that failed with cause; for the reader
// the answer's root begins anew.
func (w *walk) restart(cause error, to int64) error {
	if w.root == nil {
		var err error
		if w.root, err = w.sp.bytes(w.rootAt[0], w.rootAt[1]); err != nil {
			return err
		}
	}
	w.waste += int64(len(w.root)) + max(0, w.base+w.r.Offset()-to) // what the last one read in vain
	if w.waste > maxWaste {
		return fmt.Errorf("too many blocks of the answer cannot be read, the last is number %d: %w", w.blocks, cause)
	}
	w.base = to - int64(len(w.root))
	w.r.Reset(io.MultiReader(bytes.NewReader(w.root), w.sp.tail(to)))
	_, err := w.r.Next()
	return whole(err)
}

// endTag finds the first end tag of that name as it is written, whatever it
// stands in: where it begins and where it ends.
func endTag(br *bufio.Reader, name string) (from, to int64, err error) {
	var at int64
	for {
		skipped, err := br.ReadSlice('<')
		at += int64(len(skipped))
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		if tag, _ := br.Peek(1); len(tag) == 0 || tag[0] != '/' {
			continue
		}
		tag, _ := br.Peek(len(name) + maxBlank)
		if n := closing(tag, name); n > 0 {
			return at - 1, at + int64(n), nil
		}
	}
}

// maxBlank bounds the white space in an end tag that endTag finds.
const maxBlank = 64

// closing returns the length of the end tag of that name of which tag is what
// follows the '<'; 0 when it is none.
func closing(tag []byte, name string) int {
	rest, ok := bytes.CutPrefix(tag, []byte("/"+name))
	if !ok {
		return 0
	}
	rest = bytes.TrimLeft(rest, " \t\r\n")
	if len(rest) == 0 || rest[0] != '>' {
		return 0
	}
	return len(tag) - len(rest) + 1
}
