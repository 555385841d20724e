package warninglist

// automaton finds all of many texts in one pass over a value (Aho and Corasick,
// 1975): a trie whose nodes know where to go on when the next byte does not
// fit. Its branches stand in one hash table, as a table of 256 for each node
// would take a hundred times the room.
type automaton struct {
	root  [256]uint32 // where the first byte leads; 0 stays at the root
	slots []branch    // a power of two; at most half of them are taken
	taken int
	nodes []node
	built []origin // how each node was reached; only while it is built
	parts []part   // what is found; number 0 is none
}

// branch leads from node<<8|byte to a node. A key of 0 is a free slot: the root
// has its own table.
type branch struct{ key, to uint32 }

type node struct {
	fail uint32 // the longest other text that ends here and begins one
	out  uint32 // the first part that ends here
	next uint32 // the nearest node along fail that has an out; 0 none
}

type origin struct {
	from  uint32
	depth uint16
	by    byte
}

// part is what a text is looked for: an entry that it is, or a regex that
// cannot match without it.
type part struct {
	ref   uint32 // number of the entry, or of the regex
	next  uint32 // another one with the same text
	n     uint16 // its length
	regex bool
}

// maxNodes bounds the memory of an automaton to some 250 MB while it is built.
const maxNodes = 4 << 20

func newAutomaton() *automaton {
	return &automaton{slots: make([]branch, 64), nodes: make([]node, 1), built: make([]origin, 1), parts: make([]part, 1)}
}

func (a *automaton) empty() bool { return len(a.parts) == 1 }

// add adds a text of lower case; false means that there is no room for it.
func (a *automaton) add(s string, p part) bool {
	if len(a.nodes)+len(s) > maxNodes {
		return false
	}
	at := uint32(0)
	for i := range len(s) {
		to := a.step(at, s[i])
		if to == 0 {
			to = a.grow(at, s[i])
		}
		at = to
	}
	p.n = uint16(len(s))
	a.nodes[at].out = a.chain(a.nodes[at].out, p)
	return true
}

// chain appends p to the parts that begin with first, and returns the first.
func (a *automaton) chain(first uint32, p part) uint32 {
	a.parts = append(a.parts, p)
	n := uint32(len(a.parts) - 1)
	a.parts[n].next = first
	return n
}

// grow makes the node to which byte c leads from at.
func (a *automaton) grow(at uint32, c byte) uint32 {
	to := uint32(len(a.nodes))
	a.nodes = append(a.nodes, node{})
	a.built = append(a.built, origin{from: at, depth: a.built[at].depth + 1, by: c})
	if at == 0 {
		a.root[c] = to
		return to
	}
	if 2*(a.taken+1) > len(a.slots) {
		old := a.slots
		a.slots = make([]branch, 2*len(old))
		for _, b := range old {
			if b.key != 0 {
				a.put(b)
			}
		}
	}
	a.put(branch{at<<8 | uint32(c), to})
	a.taken++
	return to
}

func (a *automaton) put(b branch) {
	i := a.slot(b.key)
	for a.slots[i].key != 0 {
		i = (i + 1) & uint32(len(a.slots)-1)
	}
	a.slots[i] = b
}

// slot returns where to look for a key. The numbers of nodes are ours, so that
// nobody can choose them to meet.
func (a *automaton) slot(key uint32) uint32 {
	h := key * 0x9e3779b1
	return (h ^ h>>15) & uint32(len(a.slots)-1)
}

// step returns the node to which byte c leads from at, or 0.
func (a *automaton) step(at uint32, c byte) uint32 {
	if at == 0 {
		return a.root[c]
	}
	key := at<<8 | uint32(c)
	for i := a.slot(key); a.slots[i].key != 0; i = (i + 1) & uint32(len(a.slots)-1) {
		if a.slots[i].key == key {
			return a.slots[i].to
		}
	}
	return 0
}

// follow returns the node after byte c at node at.
func (a *automaton) follow(at uint32, c byte) uint32 {
	for {
		if to := a.step(at, c); to != 0 || at == 0 {
			return to
		}
		at = a.nodes[at].fail
	}
}

// build links the nodes, those nearer to the root first.
func (a *automaton) build() {
	for _, n := range a.byDepth() {
		o := a.built[n]
		if o.from != 0 {
			a.nodes[n].fail = a.follow(a.nodes[o.from].fail, o.by)
		}
		f := a.nodes[n].fail
		a.nodes[n].next = f
		if a.nodes[f].out == 0 {
			a.nodes[n].next = a.nodes[f].next
		}
	}
	a.built = nil
}

// byDepth returns the nodes but for the root, sorted by counting.
func (a *automaton) byDepth() []uint32 {
	deepest := uint16(0)
	for _, o := range a.built {
		deepest = max(deepest, o.depth)
	}
	count := make([]int, int(deepest)+2)
	for _, o := range a.built[1:] {
		count[int(o.depth)+1]++
	}
	for i := 1; i < len(count); i++ {
		count[i] += count[i-1]
	}
	order := make([]uint32, len(a.built)-1)
	for i, o := range a.built[1:] {
		order[count[o.depth]] = uint32(i + 1)
		count[o.depth]++
	}
	return order
}
