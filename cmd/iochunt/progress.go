package main

import (
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows progress on standard error, where that is a terminal; else it only
// counts.
type bar struct {
	p    *progressbar.ProgressBar
	seen atomic.Int64
}

// newBar makes a bar of total units, -1 where the total is not known.
func (a *app) newBar(what string, total int64, quiet bool) *bar {
	if quiet || a.noProgress || a.env("CI") != "" || !terminal(a.err) {
		return &bar{}
	}
	return &bar{p: progressbar.NewOptions64(total,
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionShowBytes(what == "scan"),
		progressbar.OptionShowCount(),
		progressbar.OptionSpinnerType(14),
	)}
}

// add adds n units; workers may call it at the same time.
func (b *bar) add(n int) {
	b.seen.Add(int64(n))
	if b.p != nil {
		_ = b.p.Add(n) // a bar that cannot be drawn is no reason to stop
	}
}

// set puts the bar to n units.
func (b *bar) set(n int) { b.add(n - int(b.seen.Load())) }

// clear takes the bar off the screen, so that something else can be written; it
// comes back by itself.
func (b *bar) clear() {
	if b.p != nil {
		_ = b.p.Clear()
	}
}

func (b *bar) finish() {
	if b.p != nil {
		_ = b.p.Finish()
	}
}
