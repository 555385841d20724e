package stix

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestXMLBounds: an element that is too big is named; lists, chains and fans of
// references take linear time and do not exhaust the stack.
func TestXMLBounds(t *testing.T) {
	count := func(r io.Reader) (n int, err error) {
		err = ReadXML(r, Options{}, func(i *Item) error {
			if i.About == nil {
				n++
			}
			return nil
		})
		return n, err
	}
	head, tail, _ := strings.Cut(xPack("@"), "@")
	big := io.MultiReader(strings.NewReader(head+`<s:Indicators><s:Indicator id="ex:huge">`), &xRepeat{s: "<i:Type/>", n: xMaxNodes}, strings.NewReader("</s:Indicator></s:Indicators>"+tail))
	if _, err := count(big); !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "ex:huge") {
		t.Error(err)
	}
	big = io.MultiReader(strings.NewReader(head+`<s:Indicators><s:Indicator id="ex:huge">`), &xRepeat{s: "<i:Type>" + strings.Repeat("x", 1<<20) + "</i:Type>", n: 70}, strings.NewReader("</s:Indicator></s:Indicators>"+tail))
	if _, err := count(big); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}

	const many = 50_000
	var b strings.Builder
	b.WriteString(head + "<s:Observables>")
	for n := range many { // each refers to the next one
		fmt.Fprintf(&b, `<c:Observable id="ex:%d"><c:Observable_Composition operator="OR"><c:Observable idref="ex:%d"/>%s</c:Observable_Composition></c:Observable>`, n, n+1, xObs("c", "", xAddr("192.0.2.1")))
	}
	b.WriteString("</s:Observables>" + tail)
	if n, err := count(strings.NewReader(b.String())); err != nil || n != many+1 {
		t.Error(n, err)
	}

	b.Reset()
	b.WriteString(head + `<s:Observables><c:Observable id="ex:all"><c:Observable_Composition operator="OR">`)
	for n := range 2000 {
		b.WriteString(xObs("c", "", xAddr(fmt.Sprintf("10.0.%d.%d", n>>8, n&255))))
	}
	b.WriteString("</c:Observable_Composition></c:Observable></s:Observables><s:Indicators>")
	for n := range 20_000 { // each says it for longer
		fmt.Fprintf(&b, `<s:Indicator><i:Valid_Time_Position><i:End_Time>%d-01-01</i:End_Time></i:Valid_Time_Position><i:Observable idref="ex:all"/></s:Indicator>`, 2000+n%7000)
	}
	b.WriteString("</s:Indicators>" + tail)
	if n, err := count(strings.NewReader(b.String())); err != nil || n != 4000 {
		t.Error(n, err)
	}

	list := strings.Repeat("192.0.2.1,192.0.2.2,", 100_000)
	if n, err := count(strings.NewReader(xPack(xIn("Observables", xObs("c", "", xAddr(list)))))); err != nil || n != 2 {
		t.Error(n, err)
	}
}

// xRepeat is a text n times.
type xRepeat struct {
	s    string
	n    int
	rest string
}

func (r *xRepeat) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.s
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TestXMLMemory reads packages of 64 MiB and looks at the memory that is in use:
// only what can be referred to may be kept. Where indicators have an end that
// is their values, too, as another one may say that they hold for longer.
func TestXMLMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 128 MiB")
	}
	f := func(r *xPackageReader, limit uint64) {
		t.Helper()
		var before, m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		most, n := uint64(0), 0
		err := ReadXML(r, Options{}, func(i *Item) error {
			if n++; n%20_000 == 0 || i.About != nil {
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc-min(m.HeapAlloc, before.HeapAlloc))
			}
			return nil
		})
		if err != nil || n < 60_000 {
			t.Fatal(n, err)
		}
		if most > limit {
			t.Errorf("%d KiB are held for a package of 64 MiB, want %d at most", most>>10, limit>>10)
		}
		t.Logf("%d KiB are held", most>>10)
	}
	f(&xPackageReader{size: 64 << 20}, 10<<20)
	f(&xPackageReader{size: 64 << 20, ends: true}, 13<<20)
}
