package store

import "github.com/iochunt/iochunt/internal/ioc"

// Ages reports whether a feed's claims of a type end some time after they were
// made, although they do not say so: by a lifetime of the configuration. A store
// that knows arms an observable anew when such a claim is made anew, as it then
// holds for events that it did not hold for before. nil: no claim ages.
type Ages func(feed string, t ioc.Type) bool

// Of returns the same for one feed; it is never nil.
func (a Ages) Of(feed string) func(ioc.Type) bool {
	return func(t ioc.Type) bool { return a != nil && a(feed, t) }
}
