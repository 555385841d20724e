package match

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// A file that is mapped can be damaged, and it can be cut short by somebody
// while it is in use: reading what is no more there is a fault, of which a
// program dies unless it says beforehand that it does not want to. So whatever
// reads a mapped set does it within guard or protect. They turn damage and
// faults into an error that stays: a search that met one found nothing, and no
// later one begins. Anything else that goes wrong is a mistake in this program and
// goes on as it came.

// damage is what a reader of the file panics with, and only guard and protect see.
type damage struct{ error }

// guard runs a search and returns what it does. If the set's file stops it,
// guard returns dst, and Err tells why.
func (s *Set) guard(dst []Match, data []byte, search func(dst []Match, data []byte) []Match) (out []Match) {
	f := s.file
	if f == nil {
		return search(dst, data)
	}
	if out = dst; !f.enter() {
		return out
	}
	defer f.leave(debug.SetPanicOnFault(true))
	f.checkTexts(s)
	return search(dst, data)
}

// protect runs what reads the file elsewhere. The error is that of read, or
// what stopped it, or what had stopped another before.
func (s *Set) protect(read func() error) (err error) {
	f := s.file
	if f == nil {
		return read()
	}
	if !f.enter() {
		return s.Err()
	}
	defer func() {
		if stopped := s.Err(); stopped != nil {
			err = stopped
		}
	}()
	defer f.leave(debug.SetPanicOnFault(true))
	return read()
}

// closing is added to the users of a file that is being closed.
const closing = -1 << 40

// enter reports whether the file may be used: it is neither closed nor
// damaged. If so, leave has to follow.
func (f *file) enter() bool {
	if f.err.Load() != nil {
		return false
	}
	if f.users.Add(1) > 0 {
		return true
	}
	f.fail(fmt.Errorf("%s: %w: the set was used after that", f.path, os.ErrClosed))
	f.done()
	return false
}

// done ends a use. The last one of a closed file unmaps it.
func (f *file) done() {
	if f.users.Add(-1) == closing {
		f.free()
	}
}

func (f *file) free() {
	if f.freed.CompareAndSwap(false, true) && f.mapped {
		unmap(f.data)
	}
}

// leave is what is deferred after enter. was is how the goroutine took faults.
func (f *file) leave(was bool) {
	debug.SetPanicOnFault(was)
	r := recover()
	defer f.done()
	if r != nil && !f.blame(r) {
		panic(r)
	}
}

// blame notes a panic for which the file is to blame, and reports whether it is.
func (f *file) blame(r any) bool {
	if d, ok := r.(damage); ok {
		f.fail(complaint(f.path, d.error))
		return true
	}
	fault, ok := r.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok || !f.holds(fault.Addr()) {
		return false
	}
	f.fail(complaint(f.path, damaged("it was cut short while it was in use, or the disk does not give it back")))
	return true
}

// holds reports whether an address lies in the mapping, of which the last page
// is whole.
func (f *file) holds(addr uintptr) bool {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(f.data)))
	size := uintptr(len(f.data))
	return addr >= from && addr-from < size+uintptr(os.Getpagesize())-size%uintptr(os.Getpagesize())
}

// fail keeps the first error.
func (f *file) fail(err error) { f.err.CompareAndSwap(nil, &err) }

// Err returns what stopped a search: damage to the set file, or a fault, that
// was met while it was read. A search that met it, and any after, found nothing.
func (s *Set) Err() error {
	if s.file == nil {
		return nil
	}
	if err := s.file.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Close releases the file and the memory of s. Searches that have not ended
// keep them until they have; one that begins later finds nothing, and Err says
// why.
func (s *Set) Close() error {
	if s.file == nil {
		*s = Set{}
		return nil
	}
	if f := s.file; f.closed.CompareAndSwap(false, true) && f.users.Add(closing) == closing {
		f.free()
	}
	return nil
}

// rest gives back the memory in which the system holds what was read of the
// file. It will be read again where it is asked for again.
func (s *Set) rest() {
	if s.file != nil && s.file.mapped {
		giveBack(s.file.data)
	}
}

// checkTexts checks the automaton whole before the first search: each search
// reads it from its beginning, and anywhere.
func (f *file) checkTexts(s *Set) {
	if f.texts.Load() {
		return
	}
	for i := range s.ac.sections() {
		f.checkAll(before - 1 + inText + i)
	}
	if !s.ac.fits() {
		panic(damage{damaged("its automaton does not fit together")})
	}
	f.texts.Store(true)
}
