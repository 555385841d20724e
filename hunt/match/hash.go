package match

import (
	"encoding/binary"
	"math/bits"
)

// Every key has one 64-bit hash. Three things are read from it: a word and
// three bits of the filter, a slot of the table, and the tag kept in the slot.
// Names are hashed from their end, so that the hashes of all parents of a name
// fall out of one walk; URLs from their start, for the same reason.
const (
	prime = 0x9E3779B97F4A7C15
	seed  = 0x517CC1B727220A95
)

// kind keeps keys of different meaning apart in the one table.
type kind uint8

const (
	keyName   kind = iota + 1 // lower-case name
	keyMail                   // lower-case address
	keyAddr                   // 4 or 16 bytes
	keyNet                    // prefix length, then the masked address
	keyPort                   // address, then the port, big endian
	keyURL                    // normalised, with scheme
	keyBare                   // normalised, without scheme
	keyPath                   // path, with query if the list has one
	keyDigest                 // lower-case hex digits
	keyCert                   // hex digits of a certificate's fingerprint
	keyCVE                    // lower case
	keyMAC                    // 6 bytes
	keyFolded                 // free text, letters small
	keyExact                  // free text as listed
	// The kinds below are never in the table, only in the filter.
	gateName     // the last two labels of a name that is listed or holds a URL
	gateHost     // a name that holds a URL
	gateHostAddr // an address that holds a URL
	kinds
)

func step(h uint64, b byte) uint64 { return (h ^ uint64(b)) * prime }

// finish spreads h over all bits and binds it to a kind.
func finish(h uint64, k kind) uint64 {
	h = (h ^ uint64(k)<<56) * prime
	hi, lo := bits.Mul64(h^h>>29, seed)
	return hi ^ lo
}

// hashFront hashes t from its first byte, hashBack from its last. t is folded.
func hashFront(t []byte, k kind) uint64 {
	h := uint64(seed)
	for _, b := range t {
		h = step(h, b)
	}
	return finish(h, k)
}

func hashBack(t []byte, k kind) uint64 {
	h := uint64(seed)
	for i := len(t) - 1; i >= 0; i-- {
		h = step(h, t[i])
	}
	return finish(h, k)
}

// hashBytes hashes a short binary key, eight bytes at a time.
func hashBytes(t []byte, k kind) uint64 {
	h := seed ^ uint64(len(t))
	for ; len(t) >= 8; t = t[8:] {
		h = bits.RotateLeft64((h^binary.LittleEndian.Uint64(t))*prime, 31)
	}
	var w uint64
	for i, b := range t {
		w |= uint64(b) << (8 * i)
	}
	return finish((h^w)*prime, k)
}

// hashOf hashes a key the way its kind is looked up.
func hashOf(k kind, key []byte) uint64 {
	switch k {
	case keyName, keyMail, gateName, gateHost:
		return hashBack(key, k)
	case keyURL, keyBare, keyPath:
		return hashFront(key, k)
	}
	return hashBytes(key, k)
}

// filterMask is the three bits that h sets in its word of the filter.
func filterMask(h uint64) uint64 { return 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) }
