package otx

import (
	"strings"
	"testing"
)

func FuzzPage(f *testing.F) {
	f.Add(page(`{"id":"` + id + `","modified":"2023-08-22T09:43:18","indicators":[{"indicator":"a","type":"domain","expiration":null}]}`))
	f.Add(page(`{"id":7,"indicators":{},"tags":[{"id":1},null],"revision":2.0,"TLP":"x","author":{"username":"u"}}`))
	f.Add(`{"results":[[{}],7,null,{"indicators":[[],{"indicator":{}}]}],"next":"?page=2","count":1e9}`)
	f.Add(`{"pulse_info":{"pulses":[{}],"count":1},"validation":[{}],"base_indicator":{"a":1},"false_positive":[7]}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, _, err := readPage(strings.NewReader(text), pulseReader(100))
		if err == nil && p.Size != len(p.Results)+len(p.Bad) {
			t.Errorf("%d objects, but %d read and %d bad", p.Size, len(p.Results), len(p.Bad))
		}
		n := 0
		for i := range p.Results {
			u := &p.Results[i]
			if n += len(u.Indicators) + len(u.Bad); !goodID.MatchString(u.ID) {
				t.Errorf("a pulse with the id %q", u.ID)
			}
			for _, in := range u.Indicators {
				if strings.TrimSpace(in.Value) == "" {
					t.Error("an indicator without a value")
				}
			}
		}
		if n > 100 {
			t.Errorf("%d indicators kept", n)
		}
		_, _, _ = readPage(strings.NewReader(text), readEvent)
		_, _, _ = readPage(strings.NewReader(text), readIndicator)
		_, _ = readOne(strings.NewReader(text), readGeneral)
		_, _ = readOne(strings.NewReader(text), readUser)
	})
}

func BenchmarkPage(b *testing.B) {
	one := `{"id":3689509382,"indicator":"177add288b289d43236d2dba33e65956","type":"FileHash-MD5","created":"2023-08-22T09:43:18","content":"","title":"is__elf","description":"","expiration":null,"is_active":1,"role":null}`
	text := page(`{"id":"` + id + `","indicators":[` + strings.Repeat(one+",", 999) + one + `]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := readPage(strings.NewReader(text), pulseReader(maxIndicators)); err != nil {
			b.Fatal(err)
		}
	}
}
