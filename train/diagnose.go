package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/functional"
)

// Subject says what is diagnosed.
type Subject struct {
	Functional   string
	Architecture string  // in words, such as "‖G(x) − c_y‖² with learned codes"
	Margin       float64 // of the functional; 0 where it has none
	PushesUp     bool    // whether the functional pushes any energy up
	Scale        float64 // mean Spread before training; 0 while that is being measured
}

// Bounds of the collapse alarm.
const (
	flatSpread   = 0.02 // a spread below this part of the initial one is flat
	flatRelative = 1e-3 // … and so is one below this part of the energies' own size
	runaway      = 100  // energies this many initial spreads below zero have left for −∞
)

// Diagnose says what the loss did to the energies of a set of samples. Energies are
// flat, and Collapsed is set, where their spread over the answers, averaged over the
// samples, has shrunk to a hundredth part or so of what it was, or is nothing beside
// their own size; and where a loss that pushes nothing up has sent them towards −∞.
func Diagnose(stats []functional.LabelStats, s Subject) Diagnosis {
	n := len(stats)
	correct, other, gap := make([]float64, n), make([]float64, n), make([]float64, n)
	kept, spread, size := 0, 0.0, 0.0
	for i, x := range stats {
		correct[i], other[i], gap[i] = x.Correct, x.Offending, x.Gap()
		if x.Gap() >= s.Margin && x.Gap() > 0 {
			kept++
		}
		spread += x.Spread / float64(n)
		size += math.Abs(x.Correct) / float64(n)
	}
	d := Diagnosis{
		Correct: quantiles(correct), Offending: quantiles(other), Gap: quantiles(gap),
		MarginKept: float64(kept) / float64(max(n, 1)), Spread: finite(spread), Scale: finite(s.Scale),
	}
	if s.Scale > 0 {
		d.Why = s.alarm(spread, size, d.Correct.Mean)
		d.Collapsed = d.Why != ""
	}
	return d
}

// alarm returns the sentence that explains a collapse, or "".
func (s Subject) alarm(spread, size, correct float64) string {
	reason := fmt.Sprintf("the %s functional pushes the wrong answers up too little for %s to keep them apart", s.Functional, s.Architecture)
	if !s.PushesUp {
		reason = fmt.Sprintf("the %s functional pushes the correct answer down and nothing up, and %s can lower all answers at once", s.Functional, s.Architecture)
	}
	switch {
	case math.IsNaN(spread) || spread < flatSpread*s.Scale || spread < flatRelative*size:
		return fmt.Sprintf("The energies are flat over the answers (spread %.2g, %.2g before training): %s.", spread, s.Scale, reason)
	case !s.PushesUp && correct < -runaway*s.Scale:
		return fmt.Sprintf("The energies run away towards −∞ (mean %.3g) instead of settling: %s, for they have no floor.", correct, reason)
	}
	return ""
}

func quantiles(x []float64) Quantiles {
	if len(x) == 0 {
		return Quantiles{}
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	slices.Sort(x)
	at := func(p float64) float64 {
		k := p * float64(len(x)-1)
		i := int(k)
		j := min(i+1, len(x)-1)
		return finite(x[i] + (k-float64(i))*(x[j]-x[i]))
	}
	return Quantiles{Mean: finite(sum / float64(len(x))), P05: at(.05), P25: at(.25), P50: at(.5), P75: at(.75), P95: at(.95)}
}

// finite keeps a number writable as JSON: overflow becomes the largest number.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(-math.MaxFloat64, min(v, math.MaxFloat64))
}
