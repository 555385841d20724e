package match

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"
)

// resum makes sums and header of a changed file right again, as far as it has
// them.
func resum(data []byte) {
	if len(data) < headerSize+2*rowSize {
		return
	}
	count := min(int(u32(data, 3)), (len(data)-headerSize)/rowSize)
	var parts [][]byte
	for i := range count {
		row := data[headerSize+rowSize*i:]
		off, n := u64(row, 1), u64(row, 2)
		if off > uint64(len(data)) || n > uint64(len(data))-off {
			return
		}
		parts = append(parts, data[off:off+n])
	}
	if len(parts) < 2 {
		return
	}
	copy(parts[0], blockSums(parts[1:]))
	binary.LittleEndian.PutUint32(data[sumAt:], headerSum(data[:headerSize+rowSize*count]))
}

// FuzzOpen changes a file. If its sums are left as they were, Open or Err says so,
// or the answer is the same. If they are made right again, the answer may be
// any, but a search neither panics nor goes on for ever.
func FuzzOpen(f *testing.F) {
	s, text := compile(f, append(generated(300), list(f, fileValues...)...)), []byte(fileText)
	for i, o := range generated(300) {
		if i%4 == 0 {
			text = append(append(text, ' '), o.Value...)
		}
	}
	whole := fileBytes(f, s)
	want := s.Append(nil, text)
	for at := 0; at < len(whole); at += 1 + len(whole)/64 {
		f.Add(uint32(at), []byte{0xff, 0xff, 0xff, 0x7f}, uint32(0), at%2 == 0)
		f.Add(uint32(at), []byte{0}, uint32(at), at%2 == 1)
	}
	f.Fuzz(func(t *testing.T, at uint32, change []byte, cut uint32, right bool) {
		data := slices.Clone(whole)
		copy(data[int(at)%len(data):], change)
		data = data[:len(data)-int(cut)%len(data)]
		if right {
			resum(data)
		}
		o, err := open(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Error(err)
			}
			return
		}
		began := time.Now()
		got := o.Append(nil, text)
		if o.Err() == nil && !right && !slices.Equal(got, want) {
			t.Error("another answer and no error")
		}
		for id := range uint32(min(o.Len(), 1000)) {
			o.Observable(id)
		}
		_ = o.Verify()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
