package stix

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// xModel is a package as a graph of observables: the slow way to say what of
// it stands alone.
type xModel struct {
	kids       [][]int // of an observable: its operands; none is a leaf
	and        []bool
	home       []int   // where an observable is written: in which other one, in which indicator (after the observables), or -1: in the list
	indicators [][]int // the observables that an indicator names
	ends       []int   // the year in which an indicator ends; 0 is never
}

const xNever = 9999

// randomModel makes a model of n observables; operands are those that are
// written in an observable and any others, itself too.
func randomModel(r *rand.Rand, n int) *xModel {
	m := &xModel{kids: make([][]int, n), and: make([]bool, n), home: make([]int, n), indicators: make([][]int, 1+r.IntN(3))}
	add := func(list *[]int, k int) {
		if !slices.Contains(*list, k) {
			*list = append(*list, k)
		}
	}
	for k := range n {
		m.and[k] = r.IntN(2) == 0
		m.home[k] = -1
		switch r.IntN(3) {
		case 0:
			if k+1 < n { // only in a later one, so that nothing is in itself
				m.home[k] = k + 1 + r.IntN(n-k-1)
				add(&m.kids[m.home[k]], k)
			}
		case 1:
			i := r.IntN(len(m.indicators))
			m.home[k] = n + i
			add(&m.indicators[i], k)
		}
	}
	ending := r.IntN(2) == 0
	for range m.indicators {
		end := 0
		if ending && r.IntN(8) > 0 {
			end = 2030 + r.IntN(5)
		}
		m.ends = append(m.ends, end)
	}
	for range r.IntN(n) {
		add(&m.kids[r.IntN(n)], r.IntN(n))
	}
	for range r.IntN(3) {
		add(&m.indicators[r.IntN(len(m.indicators))], r.IntN(n))
	}
	return m
}

func (m *xModel) leaf(k int) bool { return len(m.kids[k]) == 0 }

// write writes an observable that stands in the one or the indicator at. One
// that stands elsewhere is referred to, or written a second time.
func (m *xModel) write(b *strings.Builder, tag string, k, at int) {
	if m.home[k] != at && (!m.leaf(k) || (k+at)%3 > 0) {
		fmt.Fprintf(b, `<%s:Observable idref="ex:%d"/>`, tag, k)
		return
	}
	fmt.Fprintf(b, `<%s:Observable id="ex:%d">`, tag, k)
	if m.leaf(k) {
		b.WriteString(xAddr(fmt.Sprintf("192.0.2.%d", k)))
	} else {
		b.WriteString(`<c:Observable_Composition operator="` + map[bool]string{true: "AND", false: "OR"}[m.and[k]] + `">`)
		for _, c := range m.kids[k] {
			m.write(b, "c", c, k)
		}
		b.WriteString(`</c:Observable_Composition>`)
	}
	fmt.Fprintf(b, `</%s:Observable>`, tag)
}

func (m *xModel) document(r *rand.Rand) string {
	var listed, inds strings.Builder
	for k, h := range m.home {
		if h == -1 {
			m.write(&listed, "c", k, -1)
		}
	}
	for i, list := range m.indicators {
		fmt.Fprintf(&inds, `<s:Indicator id="ex:i%d">`, i)
		if m.ends[i] > 0 {
			fmt.Fprintf(&inds, "<i:Valid_Time_Position><i:End_Time>%d-01-01</i:End_Time></i:Valid_Time_Position>", m.ends[i])
		}
		for _, k := range list {
			m.write(&inds, "i", k, len(m.home)+i)
		}
		inds.WriteString("</s:Indicator>")
	}
	sections := []string{xIn("Observables", listed.String()), xIn("Indicators", inds.String())}
	if r.IntN(2) == 0 {
		slices.Reverse(sections)
	}
	return xPack(strings.Join(sections, ""))
}

// verdicts walks every path there is from what stands by itself. Beside the
// reason it says until when a value stands alone.
func (m *xModel) verdicts() map[int]string {
	best := make([]int, len(m.home)) // 0 not reached, 1 together, 2 alone
	until, end := make([]int, len(m.home)), xNever
	bare := false
	var walk func(k, v int, path []int)
	walk = func(k, v int, path []int) {
		if slices.Contains(path, k) {
			return
		}
		best[k] = max(best[k], v)
		if v == 2 && (!bare || until[k] == 0) { // what an indicator says counts
			until[k] = max(until[k], end)
		}
		if m.and[k] && len(m.kids[k]) > 1 {
			v = 1
		}
		for _, c := range m.kids[k] {
			walk(c, v, append(path[:len(path):len(path)], k))
		}
	}
	for i, list := range m.indicators {
		if end = m.ends[i]; end == 0 {
			end = xNever
		}
		for _, k := range list {
			walk(k, 2, nil)
		}
	}
	end, bare = xNever, true
	part := map[int]bool{}
	for _, kids := range m.kids {
		for _, c := range kids {
			part[c] = true
		}
	}
	for _, parts := range []bool{false, true} {
		for k, h := range m.home {
			if h == -1 && best[k] == 0 && part[k] == parts {
				walk(k, 2, nil)
			}
		}
	}
	out := map[int]string{}
	for k, v := range best {
		if m.leaf(k) {
			out[k] = []string{"lost", TogetherOnly, fmt.Sprint(until[k])}[v]
		}
	}
	return out
}

// TestXMLGraph compares with the slow way: each value once, with the right
// verdict, whatever refers to what and in which order it is written. Only what
// holds for longer than was known comes a second time.
func TestXMLGraph(t *testing.T) {
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 5))
		m := randomModel(r, 2+r.IntN(7))
		doc := m.document(r)
		got, came := map[int]string{}, map[int]int{}
		err := ReadXML(strings.NewReader(doc), Options{}, func(i *Item) error {
			var k int
			if _, err := fmt.Sscanf(i.Value, "192.0.2.%d", &k); err != nil {
				empty := -1 // an indicator without observables says so
				if fmt.Sscanf(i.Value, "ex:i%d", &empty); empty >= 0 && len(m.indicators[empty]) == 0 && i.Refused == NoType {
					return nil
				}
				if i.About == nil {
					t.Errorf("seed %d: %q %s", seed, i.Value, i.Refused)
				}
				return nil
			}
			says := i.Refused
			switch {
			case says != "":
			case i.Expires.IsZero():
				says = fmt.Sprint(xNever)
			default:
				says = fmt.Sprint(i.Expires.Year())
			}
			if was, twice := got[k]; twice && (was == TogetherOnly || says <= was || says == TogetherOnly || came[k] > 1) {
				t.Errorf("seed %d: %s once more, as %s and as %s", seed, i.Value, was, says)
			}
			got[k] = says
			came[k]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m.verdicts(), got); d != "" {
			t.Fatalf("seed %d: %s\n-want +got:\n%s", seed, strings.TrimPrefix(doc, xNamespaces), d)
		}
	}
}

func FuzzReadXML(f *testing.F) {
	f.Add(xIn("Observables", xObs("c", `id="ex:1"`, xAddr("192.0.2.1"))))
	f.Add(xIn("Indicators", xInd("", xObs("i", `idref="ex:1"`, ""))))
	f.Add(xIn("Indicators", xInd(`id="ex:1" negate="true"`, xObs("i", "", xComp("AND", xObs("c", "", xAddr("192.0.2.1,192.0.2.2")), xObs("c", `idref="ex:1"`, ""))))))
	f.Add(xIn("Indicators", xInd("", xObs("i", "", xProps("Address", `><A:Address_Value condition="InclusiveBetween">::1##comma##::ffff</A:Address_Value>`)))))
	f.Add(xIn("Indicators", xInd("", xObs("i", "", xProps("File", `><F:File_Name>a</F:File_Name><F:File_Path>/b</F:File_Path><F:Hashes><cc:Hash><cc:Type>MD5</cc:Type><cc:Simple_Hash_Value>0##comma##</cc:Simple_Hash_Value></cc:Hash></F:Hashes>`)))))
	f.Add(xIn("Indicators", xInd("", xObs("i", "", xProps("WindowsRegistryKey", `><O:Hive>a</O:Hive><O:Key>b</O:Key><O:Subkeys><O:Subkey><O:Key>c</O:Key></O:Subkey></O:Subkeys>`)))))
	f.Add("</s:STIX_Package><x>&lt;s:STIX_Package/></x>")
	f.Add(`<s:STIX_Package xmlns:s="http://stix.mitre.org/stix-1"><s:Indicators/></s:STIX_Package>`)
	f.Fuzz(func(t *testing.T, doc string) {
		if !strings.Contains(doc, "xmlns:s") { // most is tried in a package, whose head would only be spoiled
			doc = xPack(doc)
		}
		read := func(slow bool) (out []string, abouts map[string]int, err error) {
			abouts = map[string]int{}
			r := strings.NewReader(doc)
			emit := func(i *Item) error {
				if i.About != nil {
					abouts[i.Report]++
					return nil
				}
				if i.Refused == "" && strings.TrimSpace(i.Value) == "" {
					t.Errorf("a member without a value: %+v", i)
				}
				if i.Refused != "" && xShort[i.Refused] == "" {
					t.Errorf("a reason of its own: %q", i.Refused)
				}
				out = append(out, fmt.Sprintf("%s|%s|%s|%s|%s", i.Report, i.ID, i.Type, i.Value, i.Refused))
				return nil
			}
			if slow {
				err = ReadXML(iotest.OneByteReader(r), Options{}, emit)
			} else {
				err = ReadXML(r, Options{}, emit)
			}
			return out, abouts, err
		}
		a, abouts, err := read(false)
		b, _, err2 := read(true)
		if !slices.Equal(a, b) || (err == nil) != (err2 == nil) {
			t.Errorf("read twice: %q %v and %q %v", a, err, b, err2)
		}
		if len(a) > len(doc) {
			t.Errorf("%d values out of %d bytes", len(a), len(doc))
		}
		if err == nil && len(abouts) == 0 && len(a) == 0 {
			t.Error("neither a report nor an error")
		}
		for _, k := range slices.Sorted(maps.Keys(abouts)) {
			if abouts[k] > strings.Count(doc, "STIX_Package")+strings.Count(doc, "Observables") {
				t.Errorf("%d reports %q", abouts[k], k)
			}
		}
	})
}
