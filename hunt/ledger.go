package hunt

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// Ledger is where hunters of indices write down what they are at and what they
// have done. It keeps pages, each one JSON object, by kind and name. Several
// hunters on several hosts write in the same ledger, so a page is only replaced
// by who has seen what is on it: that is all that is asked of the one who keeps
// it, and all that the hunters rely on.
type Ledger interface {
	// ReadPage returns a page as it is now, with a mark that changes whenever the
	// page does. The mark of a page that is not there is "".
	ReadPage(ctx context.Context, kind, name string) (body []byte, mark string, err error)
	// WritePage replaces the page if its mark is still was, and returns the new
	// mark; "" without an error means that somebody else was faster.
	WritePage(ctx context.Context, kind, name string, body []byte, was string) (mark string, err error)
}

// Pages is the power of a ledger to list what it keeps.
type Pages interface {
	Pages(ctx context.Context, kind string) iter.Seq2[[]byte, error]
}

// Kinds of pages.
const (
	PageCoverage = "coverage" // a Coverage, by Coverage.Name
	PageWork     = "work"     // a Work, by the same name
)

// MemoryLedger is a Ledger that lasts as long as the process. The zero value is
// an empty one.
type MemoryLedger struct {
	mu    sync.Mutex
	pages map[string]memoryPage
}

type memoryPage struct {
	body []byte
	mark int
}

// ReadPage implements Ledger.
func (l *MemoryLedger) ReadPage(_ context.Context, kind, name string) (body []byte, mark string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.pages[kind+"\x00"+name]
	if !ok {
		return nil, "", nil
	}
	return slices.Clone(p.body), strconv.Itoa(p.mark), nil
}

// WritePage implements Ledger.
func (l *MemoryLedger) WritePage(_ context.Context, kind, name string, body []byte, was string) (mark string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := kind + "\x00" + name
	p, ok := l.pages[key]
	if ok != (was != "") || ok && strconv.Itoa(p.mark) != was {
		return "", nil
	}
	if l.pages == nil {
		l.pages = make(map[string]memoryPage)
	}
	p = memoryPage{slices.Clone(body), p.mark + 1}
	l.pages[key] = p
	return strconv.Itoa(p.mark), nil
}

// Pages implements Pages, in the order of the names.
func (l *MemoryLedger) Pages(_ context.Context, kind string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		l.mu.Lock()
		pages := maps.Clone(l.pages)
		l.mu.Unlock()
		for _, key := range slices.Sorted(maps.Keys(pages)) {
			if k, _, _ := cutKey(key); k == kind && !yield(pages[key].body, nil) {
				return
			}
		}
	}
}

func cutKey(key string) (kind, name string, ok bool) {
	for i := range len(key) {
		if key[i] == 0 {
			return key[:i], key[i+1:], true
		}
	}
	return key, "", false
}

// Coverages lists what has been hunted, by source.
func Coverages(ctx context.Context, l Pages) iter.Seq2[Coverage, error] {
	return func(yield func(Coverage, error) bool) {
		for body, err := range l.Pages(ctx, PageCoverage) {
			var c Coverage
			if err == nil {
				err = json.Unmarshal(body, &c)
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// readPage reads a page into into, which stays as it is where there is none.
func readPage(ctx context.Context, l Ledger, kind, name string, into any) (mark string, err error) {
	body, mark, err := l.ReadPage(ctx, kind, name)
	if err == nil && mark != "" {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return "", fmt.Errorf("read the %s of %s from the ledger: %w", kind, name, err)
	}
	return mark, nil
}

// writePage writes a page; mark is "" where somebody else was faster.
func writePage(ctx context.Context, l Ledger, kind, name string, page any, was string) (mark string, err error) {
	body, err := json.Marshal(page)
	if err == nil {
		mark, err = l.WritePage(ctx, kind, name, body, was)
	}
	if err != nil {
		return "", fmt.Errorf("write the %s of %s to the ledger: %w", kind, name, err)
	}
	return mark, nil
}
