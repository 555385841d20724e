package logfmt

import "time"

// stamp is a date and a clock time as a line spells them.
type stamp struct {
	year, month, day        int // year 0: the line has none
	hour, min, sec, nanosec int
	zoned                   bool
	offset                  int // seconds east of UTC, when zoned
}

// Years outside these are a misreading, not a log.
const minYear, maxYear = 1970, 2199

// when returns the instant that s means for a log last written at ref, and
// false where there is none.
func (s *stamp) when(ref time.Time) (time.Time, bool) {
	if s.month < 1 || s.month > 12 || s.day < 1 || s.hour > 23 || s.min > 59 || s.sec > 60 {
		return time.Time{}, false
	}
	if s.year != 0 {
		return s.in(s.year, ref)
	}
	if ref.IsZero() {
		return time.Time{}, false
	}
	last := ref.Add(24 * time.Hour)
	for y := last.Year() + 1; y >= last.Year()-8; y-- { // February 29 may be eight years back
		if t, ok := s.in(y, ref); ok && !t.After(last) {
			return t, true
		}
	}
	return time.Time{}, false
}

func (s *stamp) in(year int, ref time.Time) (time.Time, bool) {
	if year < minYear || year > maxYear || s.day > daysIn(year, s.month) {
		return time.Time{}, false
	}
	loc := time.UTC
	if !s.zoned {
		loc = ref.Location()
	}
	t := time.Date(year, time.Month(s.month), s.day, s.hour, s.min, s.sec, s.nanosec, loc)
	return t.Add(-time.Duration(s.offset) * time.Second).UTC(), true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// stamp reads a time in any of the common spellings.
func (c *cursor) stamp(s *stamp) bool {
	switch {
	case isDigit(c.peek()):
		return c.isoStamp(s) || c.compactStamp(s) || c.dayMonthStamp(s) || c.slashStamp(s)
	case isAlpha(c.peek()):
		return c.ctimeStamp(s) || c.glogStamp(s)
	}
	return false
}

// stampAt reads the time that stands at c and returns what it means.
func (c *cursor) stampAt(ref time.Time) (time.Time, bool) {
	var s stamp
	from := c.i
	if !c.stamp(&s) {
		return time.Time{}, false
	}
	t, ok := s.when(ref)
	if !ok {
		c.i = from
	}
	return t, ok
}

// try runs the steps on a copy of c, which becomes c when all have succeeded
// and neither a digit nor a letter follows.
func (c *cursor) try(s *stamp, steps ...step) bool {
	d, t := *c, stamp{}
	for _, k := range steps {
		if !d.step(k, &t) {
			return false
		}
	}
	if isDigit(d.peek()) || isAlpha(d.peek()) {
		return false
	}
	*c, *s = d, t
	return true
}

// step is a part of a spelling. A number in place of a function keeps cursors
// and stamps off the heap: a line without a time is tried at each of its words.
type step uint8

const (
	isoDateStep step = iota
	compactDateStep
	dayMonthYearStep
	slashDateStep
	monthDayStep
	monthDayCommaStep
	glogDateStep
	dottedStep
	betweenStep
	clockStep
	anyClockStep
	zoneStep
	yearAfterStep
)

func (c *cursor) step(k step, s *stamp) bool {
	switch k {
	case isoDateStep:
		return c.isoDate(s)
	case compactDateStep:
		return c.compactDate(s)
	case dayMonthYearStep:
		return c.dayMonthYear(s)
	case slashDateStep:
		return c.slashDate(s)
	case monthDayStep:
		return c.monthDay(s)
	case monthDayCommaStep:
		return c.monthDayComma(s)
	case glogDateStep:
		return c.glogDate(s)
	case dottedStep:
		return c.dotted(s)
	case betweenStep:
		return c.between(s)
	case clockStep:
		return c.clock(s)
	case anyClockStep:
		return c.anyClock(s)
	case zoneStep:
		return c.zone(s)
	case yearAfterStep:
		return c.yearAfter(s)
	}
	return false
}

// isoStamp reads 2026-11-21T02:04:11.123+01:00 and its relatives: slashes or
// dots, a blank or '_' between, a comma before the fraction.
func (c *cursor) isoStamp(s *stamp) bool {
	return c.try(s, isoDateStep, betweenStep, clockStep, zoneStep)
}

func (c *cursor) isoDate(s *stamp) (ok bool) {
	if s.year, ok = c.num(4, 4); !ok {
		return false
	}
	sep := c.any("-/.")
	if s.month, ok = c.num(1, 2); !ok || sep == 0 || !c.lit(sep) {
		return false
	}
	s.day, ok = c.num(1, 2)
	return ok
}

// between reads what stands between date and time.
func (c *cursor) between(*stamp) bool {
	if c.any("T_t") != 0 {
		return true
	}
	c.any(",:-")
	c.blanks()
	return isDigit(c.peek())
}

// compactStamp reads 20261121T020411Z and 20171223-22:15:29:606.
func (c *cursor) compactStamp(s *stamp) bool {
	return c.try(s, compactDateStep, betweenStep, anyClockStep, zoneStep)
}

func (c *cursor) compactDate(s *stamp) bool {
	n, ok := c.num(8, 8)
	s.year, s.month, s.day = n/10000, n/100%100, n%100
	return ok
}

func (c *cursor) anyClock(s *stamp) bool {
	if n, ok := c.num(6, 6); ok {
		s.hour, s.min, s.sec = n/10000, n/100%100, n%100
		return true
	}
	return c.clock(s)
}

// dayMonthStamp reads 21/Nov/2026:02:04:11 +0000, 21-Nov-2026 02:04:11.123 and
// 21 Nov 2026 02:04:11 GMT.
func (c *cursor) dayMonthStamp(s *stamp) bool {
	return c.try(s, dayMonthYearStep, betweenStep, clockStep, zoneStep)
}

func (c *cursor) dayMonthYear(s *stamp) (ok bool) {
	if s.day, ok = c.num(1, 2); !ok {
		return false
	}
	sep := c.any("/- ")
	if sep == 0 || !c.monthName(s) || !c.lit(sep) {
		return false
	}
	s.year, ok = c.num(4, 4)
	return ok
}

// slashStamp reads 11/21/2026 02:04:11 and 21/11/2026 02:04:11, where one of
// the first two numbers can only be a day or both are the same.
func (c *cursor) slashStamp(s *stamp) bool {
	return c.try(s, slashDateStep, betweenStep, clockStep, zoneStep)
}

func (c *cursor) slashDate(s *stamp) bool {
	a, ok1 := c.num(1, 2)
	sep := c.any("/.-")
	b, ok2 := c.num(1, 2)
	if !ok1 || !ok2 || sep == 0 || !c.lit(sep) {
		return false
	}
	y, ok := c.num(4, 4)
	if a > 12 {
		a, b = b, a
	}
	s.year, s.month, s.day = y, a, b
	return ok && (a == b || b > 12)
}

// ctimeStamp reads Sun Dec 04 04:47:44 2005, Sun, 04 Dec 2005 04:47:44 GMT,
// Nov 21 02:04:11, Nov 21 2026 02:04:11 and Nov 21, 2026 2:04:11 AM.
func (c *cursor) ctimeStamp(s *stamp) bool {
	d := *c
	if d.weekday() {
		d.lit(',')
		if !d.blanks() {
			return false
		}
	} else if m := d; m.name3(monthNames) < 0 {
		return false // a word, as nearly always
	}
	if !d.dayMonthStamp(s) && !d.try(s, monthDayStep, clockStep, zoneStep, yearAfterStep) &&
		!d.try(s, monthDayCommaStep, clockStep, zoneStep) {
		return false
	}
	*c = d
	return true
}

func (c *cursor) monthDay(s *stamp) (ok bool) {
	if !c.monthName(s) || !c.blanks() {
		return false
	}
	if s.day, ok = c.num(1, 2); !ok || !c.blanks() {
		return false
	}
	d := *c
	if y, ok := d.num(4, 4); ok && d.blanks() && isDigit(d.peek()) {
		s.year, *c = y, d
	}
	return true
}

// monthDayComma reads "Nov 21, 2026 ", which is not syslog's spelling.
func (c *cursor) monthDayComma(s *stamp) (ok bool) {
	if !c.monthName(s) || !c.blanks() {
		return false
	}
	if s.day, ok = c.num(1, 2); !ok || !c.text(", ") {
		return false
	}
	s.year, ok = c.num(4, 4)
	return ok && c.blanks()
}

// yearAfter reads the year that ctime puts behind the clock, if there is one.
func (c *cursor) yearAfter(s *stamp) bool {
	d := *c
	if s.year == 0 && d.blanks() {
		if y, ok := d.num(4, 4); ok && y >= minYear && y <= maxYear {
			s.year, *c = y, d
		}
	}
	return true
}

// glogStamp reads I1121 02:04:11.123456, as Kubernetes and other users of glog
// write it.
func (c *cursor) glogStamp(s *stamp) bool {
	return c.try(s, glogDateStep, clockStep)
}

func (c *cursor) glogDate(s *stamp) bool {
	if c.any("IWEF") == 0 {
		return false
	}
	n, ok := c.num(4, 4)
	s.month, s.day = n/100, n%100
	return ok && c.blanks()
}

// clock reads hours, minutes and seconds, with a fraction behind '.' or ',' or
// milliseconds behind ':', and AM or PM.
func (c *cursor) clock(s *stamp) bool {
	var ok1, ok2, ok3 bool
	s.hour, ok1 = c.num(1, 2)
	colon1 := c.lit(':')
	s.min, ok2 = c.num(1, 2)
	colon2 := c.lit(':')
	s.sec, ok3 = c.num(1, 2)
	if !ok1 || !colon1 || !ok2 || !colon2 || !ok3 {
		return false
	}
	c.fraction(s)
	return c.noon(s)
}

func (c *cursor) fraction(s *stamp) {
	d := *c
	switch sep := d.any(".,:"); {
	case sep == ':':
		if n, ok := d.num(1, 3); ok {
			s.nanosec, *c = n*int(time.Millisecond), d
		}
	case sep != 0 && isDigit(d.peek()):
		s.nanosec, *c = d.decimals(), d
	}
}

// decimals reads the digits of a fraction, of any number, as billionths.
func (c *cursor) decimals() (n int) {
	for unit := 100_000_000; isDigit(c.peek()); unit /= 10 {
		n += unit * int(c.b[c.i]-'0')
		c.i++
	}
	return n
}

func (c *cursor) noon(s *stamp) bool {
	d := *c
	d.blanks()
	switch {
	case d.text("AM"):
		s.hour %= 12
	case d.text("PM"):
		s.hour = s.hour%12 + 12
	default:
		return true
	}
	if !isAlpha(d.peek()) {
		*c = d
	}
	return true
}

// zone reads Z, UTC, GMT, +01:00, +0100 or +01, if there is one. Behind a blank
// an offset has four digits, as " -1" may be anything.
func (c *cursor) zone(s *stamp) bool {
	d := *c
	blank := d.blanks()
	switch {
	case d.text("UTC") || d.text("GMT") || !blank && d.any("Zz") != 0:
		if s.zoned = !isAlpha(d.peek()) && !isDigit(d.peek()); s.zoned {
			*c = d
		}
	case d.offset(s, blank):
		*c = d
	}
	return true
}

func (c *cursor) offset(s *stamp, long bool) bool {
	sign := c.any("+-")
	h, m, ok := c.hoursMinutes(long)
	if sign == 0 || !ok || h > 14 || m > 59 {
		return false
	}
	s.zoned, s.offset = true, h*3600+m*60
	if sign == '-' {
		s.offset = -s.offset
	}
	return true
}

func (c *cursor) hoursMinutes(long bool) (h, m int, ok bool) {
	if n, ok := c.num(4, 4); ok {
		return n / 100, n % 100, true
	}
	if h, ok = c.num(2, 2); !ok {
		return 0, 0, false
	}
	if d := *c; d.lit(':') {
		if m, ok = d.num(2, 2); ok {
			*c = d
			return h, m, true
		}
	}
	return h, 0, !long
}

const (
	monthNames   = "JanFebMarAprMayJunJulAugSepOctNovDec"
	weekdayNames = "SunMonTueWedThuFriSat"
)

func (c *cursor) monthName(s *stamp) bool {
	s.month = c.name3(monthNames) + 1
	return s.month > 0
}

func (c *cursor) weekday() bool { return c.name3(weekdayNames) >= 0 }

// name3 reads one of the three-letter names and returns its number, or -1.
func (c *cursor) name3(names string) int {
	first := c.peek()
	for k := 0; k < len(names); k += 3 {
		if names[k] == first && c.text(names[k:k+3]) {
			return k / 3
		}
	}
	return -1
}

// epoch reads seconds since 1970, with a fraction or as milli-, micro- or
// nanoseconds, told apart by the number of digits: 10, 13, 16, 19. It takes the
// years 2001 to 2099, as smaller numbers are counters.
func (c *cursor) epoch() (time.Time, bool) {
	i, n := c.i, int64(0)
	for ; i < len(c.b) && isDigit(c.b[i]) && i-c.i < 20; i++ {
		n = n*10 + int64(c.b[i]-'0')
	}
	unit := epochUnit(i - c.i)
	if unit == 0 || n < 0 {
		return time.Time{}, false
	}
	per := int64(time.Second / unit)
	t := time.Unix(n/per, n%per*int64(unit))
	d := cursor{c.b, i}
	if unit == time.Second && d.lit('.') && isDigit(d.peek()) {
		t = t.Add(time.Duration(d.decimals()))
		i = d.i
	}
	if t.Year() > 2099 || i < len(c.b) && (isDigit(c.b[i]) || isAlpha(c.b[i])) {
		return time.Time{}, false
	}
	c.i = i
	return t.UTC(), true
}

// epochUnit returns what a present-day epoch of that many digits counts in.
func epochUnit(digits int) time.Duration {
	switch digits {
	case 10:
		return time.Second
	case 13:
		return time.Millisecond
	case 16:
		return time.Microsecond
	case 19:
		return time.Nanosecond
	}
	return 0
}

// whole reads b, all of it, as a time in any spelling.
func whole(b []byte, ref time.Time) (time.Time, bool) {
	c := cursor{b, 0}
	t, ok := c.epoch()
	if !ok {
		t, ok = c.stampAt(ref)
	}
	return t, ok && c.done()
}
