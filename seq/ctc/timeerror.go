package ctc

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
)

// TimeError says how far the times of words are from true ones. The zero value is ready.
type TimeError struct {
	starts, ends []float64 // differences in seconds, above 0 where a word is late
}

// Add adds the words of an alignment, without its wildcards, and when they were really
// said: the same words.
//
// Errors: another number of words, or another word, by its place.
func (e *TimeError) Add(words, truth []Timed) error {
	words = slices.DeleteFunc(slices.Clone(words), Timed.Wildcard)
	if len(words) != len(truth) {
		return fmt.Errorf("ctc: there are %d words, and times of %d", len(words), len(truth))
	}
	for i, w := range words {
		if w.Text != truth[i].Text {
			return fmt.Errorf("ctc: word %d is %q; the times are of %q", i, excerpt.Of(w.Text), excerpt.Of(truth[i].Text))
		}
	}
	for i, w := range words {
		e.starts, e.ends = append(e.starts, w.Start-truth[i].Start), append(e.ends, w.End-truth[i].End)
	}
	return nil
}

// Starts, Ends and All describe the differences of where words start, where they end, and both.
func (e *TimeError) Starts() TimeErrors { return timeErrors(e.starts) }

// Ends: see Starts.
func (e *TimeError) Ends() TimeErrors { return timeErrors(e.ends) }

// All: see Starts.
func (e *TimeError) All() TimeErrors { return timeErrors(append(slices.Clone(e.starts), e.ends...)) }

// TimeErrors describes differences in seconds. Without any it is all zeros.
type TimeErrors struct {
	Count    int     `json:"count"`
	Median   float64 `json:"median"` // of the absolute differences
	Mean     float64 `json:"mean"`   // of them
	P95      float64 `json:"p95"`
	Bias     float64 `json:"bias"`      // median of the differences themselves; above 0 is late
	Within20 float64 `json:"within_20"` // fraction of at most 20 ms
	Within50 float64 `json:"within_50"` // of at most 50 ms
}

func timeErrors(signed []float64) TimeErrors {
	n := len(signed)
	if n == 0 {
		return TimeErrors{}
	}
	signed = slices.Sorted(slices.Values(signed))
	var sorted []float64
	for _, v := range signed {
		sorted = append(sorted, math.Abs(v))
	}
	slices.Sort(sorted)
	e := TimeErrors{Count: n, Median: middle(sorted), Bias: middle(signed), P95: sorted[(95*n-1)/100]}
	for _, v := range sorted {
		e.Mean += v / float64(n)
	}
	e.Within20, e.Within50 = within(sorted, 0.02), within(sorted, 0.05)
	return e
}

// within is the fraction of ascending values that are at most seconds, to a rounding.
func within(sorted []float64, seconds float64) float64 {
	n, _ := slices.BinarySearch(sorted, seconds+1e-9)
	return float64(n) / float64(len(sorted))
}

// middle is the median of ascending values.
func middle(v []float64) float64 { return (v[(len(v)-1)/2] + v[len(v)/2]) / 2 }
