package collect

import "time"

// Thousands of answers are broken in the tests; none needs a pause.
func init() { taxiiFirstWait = 100 * time.Microsecond }
