package local

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// SQLite finds damage to its trees, but not a flipped bit in a value. So that
// Check finds that too, all that is stored is under a checksum: small tables
// have one in each row; memberships and observables have the sum of theirs
// kept up to date in the report and in meta, which costs them no space.

// null stands for NULL in a column of times: the zero time.
const null = math.MinInt64

// sum is a running checksum of a row's columns. It guards against accidents,
// not against people.
type sum uint64

// num adds numbers.
func (h sum) num(vs ...int64) sum {
	for _, v := range vs {
		x := (uint64(h) ^ uint64(v)) + 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		h = sum(x ^ x>>31)
	}
	return h
}

// str adds texts, each with its length.
func (h sum) str(ss ...string) sum {
	for _, s := range ss {
		h = h.num(int64(len(s)))
		for len(s) >= 8 {
			v := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
				uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
			h, s = h.num(int64(v)), s[8:]
		}
		var rest uint64
		for i := range len(s) {
			rest = rest<<8 | uint64(s[i])
		}
		h = h.num(int64(rest))
	}
	return h
}

func (h sum) row() int64 { return int64(h) }

// hash64 is the hash under which a text is found. It is cut from a
// cryptographic one, because feeds are hostile and could otherwise send
// thousands of values with the same hash; what is found is still compared.
func hash64(parts ...string) int64 {
	buf := make([]byte, 0, 128)
	for _, p := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(p)))
		buf = append(buf, p...)
	}
	h := sha256.Sum256(buf)
	return int64(binary.LittleEndian.Uint64(h[:8]))
}
