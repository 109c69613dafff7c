package audio

import (
	"fmt"
	"time"
)

// Clip is a recording of one channel.
type Clip struct {
	Samples []float32 // full scale is ±1; a float file may go beyond
	Rate    int       // samples a second
}

// Recording is what was read of a file.
type Recording struct {
	Clip
	Channel int    // of the file, from 1; 0 for the mean of all
	Warning string // of a file that ends before it should: how much of it there is
}

// Duration returns how long the clip plays.
func (c Clip) Duration() time.Duration {
	if c.Rate <= 0 {
		return 0
	}
	whole, rest := len(c.Samples)/c.Rate, len(c.Samples)%c.Rate
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(c.Rate)
}

// maxRate bounds sample rates, of files and asked for, so that products of two fit in 64 bits.
const maxRate = 1 << 24

// checkRate refuses a rate that is not in [1, maxRate].
func checkRate(what string, rate int) error {
	if rate < 1 || rate > maxRate {
		return fmt.Errorf("audio: %s is %d; it must be from 1 to %d samples a second", what, rate, maxRate)
	}
	return nil
}
