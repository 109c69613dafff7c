package audio

import "fmt"

// A Resampler is [Clip.Resample] of a clip that comes in chunks: its samples are the same, bit for bit. It keeps the samples that the filter
// still reaches, and is for one goroutine.
type Resampler struct {
	r    resampler // whose x begins at sample base
	base int
	done int // samples that were given
}

// NewResampler returns a resampler from one rate to another.
//
// Errors: rates that are not from 1 to 2²⁴; a rate more than 256 times the other.
func NewResampler(from, to int) (*Resampler, error) {
	if err := checkRates(from, to); err != nil {
		return nil, err
	}
	g := gcd(from, to)
	s := &Resampler{r: resampler{from: from / g, to: to / g}}
	if s.r.from != s.r.to {
		s.r.table(s.r.to)
	}
	return s, nil
}

// checkRates refuses rates between which nothing is resampled.
func checkRates(from, to int) error {
	if err := checkRate("the clip's rate", from); err != nil {
		return err
	}
	if err := checkRate("rate", to); err != nil {
		return err
	}
	if to/maxUp > from {
		return fmt.Errorf("audio: rate is %d; it must be at most %d times the clip's %d", to, maxUp, from)
	}
	return nil
}

// Append takes the next samples, and appends to dst those of the new rate that all inputs are there for.
func (s *Resampler) Append(dst, samples []float32) []float32 {
	if s.r.from == s.r.to {
		return append(dst, samples...)
	}
	s.r.x = append(s.r.x, samples...)
	end := s.base + len(s.r.x)
	for {
		first, w := s.r.reach(s.done)
		if first+len(w) > end {
			break
		}
		dst = append(dst, s.r.at(first-s.base, w))
		s.done++
	}
	if first, _ := s.r.reach(s.done); first > s.base {
		s.r.x = s.r.x[:copy(s.r.x, s.r.x[min(first-s.base, len(s.r.x)):])]
		s.base = min(first, end)
	}
	return dst
}

// Finish appends what is left, once all samples have come.
func (s *Resampler) Finish(dst []float32) []float32 {
	if s.r.from == s.r.to {
		return dst
	}
	for n := s.r.length(s.base + len(s.r.x)); s.done < n; s.done++ {
		first, w := s.r.reach(s.done)
		dst = append(dst, s.r.at(first-s.base, w))
	}
	return dst
}
