package ioc

// Changes counts what one batch changed in a store. The first four count
// memberships: every Member of the batch is in exactly one of New, Changed,
// Unchanged; Withdrawn counts stored ones that are gone now.
type Changes struct {
	New, Changed, Unchanged, Withdrawn int
	Observables                        int // observables that the store had never seen
	Refused                            int
}

// Add adds d to c.
func (c *Changes) Add(d Changes) {
	c.New += d.New
	c.Changed += d.Changed
	c.Unchanged += d.Unchanged
	c.Withdrawn += d.Withdrawn
	c.Observables += d.Observables
	c.Refused += d.Refused
}
