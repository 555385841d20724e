package taxii2

import "hash/maphash"

// digest stands for a text. It is keyed by chance, so that nobody can make two
// texts that share one; by accident two do so once in 2^128.
type digest [2]uint64

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func digestOf(b []byte) digest {
	return digest{maphash.Bytes(seeds[0], b), maphash.Bytes(seeds[1], b)}
}

// generation is how many digests a seen holds for sure; it forgets the oldest
// when it holds twice as many (some 70 MB).
const generation = 1 << 20

// seen remembers which objects came already. What it has forgotten it takes
// for new, so an object may be handed out twice, but none is lost.
type seen struct {
	young, old map[digest]struct{}
	most       int // of a generation; 0: generation
}

// add reports whether d is new.
func (s *seen) add(d digest) bool {
	if s.has(d) {
		return false
	}
	if s.most == 0 {
		s.most = generation
	}
	if len(s.young) >= s.most {
		s.old, s.young = s.young, nil
	}
	if s.young == nil {
		s.young = map[digest]struct{}{}
	}
	s.young[d] = struct{}{}
	return true
}

func (s *seen) has(d digest) bool {
	_, young := s.young[d]
	_, old := s.old[d]
	return young || old
}
