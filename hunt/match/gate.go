package match

// openGates fills s.gate and the parameters that go with it from what has been
// added to b.
func (b *builder) openGates(s *Set) { s.gate = make([]byte, 16) }
