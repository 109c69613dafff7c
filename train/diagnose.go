package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/functional"
)

// Subject says what is diagnosed.
type Subject struct {
	Functional   functional.Functional
	Architecture string  // in words, such as "‖G(x) − c_y‖² with learned codes"
	Margin       float64 // the functional's, where it is a setting; 0 where it is not
	Scale        float64 // Spread before training; 0 while that is being measured
}

// Bounds of the collapse alarm.
const (
	flatSpread = 0.02 // a spread below this part of what it is held against is flat
	runaway    = 100  // energies this many initial spreads below zero have left for −∞
)

// Diagnose says what the loss did to the energies of a set of samples. Collapsed is set
// where
//
//   - the energies are flat over the answers: their spread, averaged over the samples,
//     is a fiftieth or less of what it was before training and also of the difference
//     that the functional looks for, its margin or 1/β (a model that keeps a small margin
//     is not flat);
//   - a functional that pushes nothing up has sent the energies towards −∞;
//   - the energies are no numbers any more.
//
// A surface that is as it was before training is neither, however flat it was.
func Diagnose(stats []functional.LabelStats, s Subject) Diagnosis {
	n := len(stats)
	correct, other, gap := make([]float64, n), make([]float64, n), make([]float64, n)
	kept, spread := 0, 0.0
	for i, x := range stats {
		correct[i], other[i], gap[i] = x.Correct, x.Offending, x.Gap()
		if x.Gap() >= s.Margin && x.Gap() > 0 {
			kept++
		}
		spread += x.Spread
	}
	spread /= float64(max(n, 1))
	d := Diagnosis{
		Correct: quantiles(correct), Offending: quantiles(other), Gap: quantiles(gap),
		MarginKept: float64(kept) / float64(max(n, 1)), Spread: finite(spread), Scale: finite(s.Scale),
	}
	if s.Scale > 0 && n > 0 {
		d.Why = s.alarm(spread, d.Correct.Mean)
		d.Collapsed = d.Why != ""
	}
	return d
}

// alarm returns the sentence that explains a collapse, or "".
func (s Subject) alarm(spread, correct float64) string {
	switch {
	case math.IsNaN(spread) || math.IsInf(spread, 0):
		return fmt.Sprintf("The energies of %s under the %s functional are no finite numbers any more: training has diverged.", s.Architecture, s.Functional.Name())
	case spread <= flatSpread*s.unit():
		return fmt.Sprintf("The energies are flat over the answers (spread %.2g, %.2g before training): %s.", spread, s.Scale, s.reason())
	case s.Functional.Statistic().Kind == functional.None && correct < -runaway*s.Scale:
		return fmt.Sprintf("The energies run away towards −∞ (mean %.3g) instead of settling: %s, for nothing bounds them below.", correct, s.reason())
	}
	return ""
}

// unit is the difference of energies that a spread is held against.
func (s Subject) unit() float64 {
	unit := s.Scale
	if s.Margin > 0 {
		unit = min(unit, s.Margin)
	}
	if f := s.Functional.Statistic(); f.Kind == functional.FreeEnergy {
		unit = min(unit, 1/f.Beta)
	}
	return unit
}

// reason says why the functional lets the architecture do what it did.
func (s Subject) reason() string {
	name := s.Functional.Name()
	entry, err := functional.Lookup(name)
	switch {
	case s.Functional.Statistic().Kind == functional.None:
		return fmt.Sprintf("the %s functional pushes the correct answer down and nothing up, and %s can lower all answers at once", name, s.Architecture)
	case err == nil && entry.Demonstration:
		return fmt.Sprintf("the %s functional pulls the most offending answer down as well as the correct one, and %s follows", name, s.Architecture)
	case err == nil && !entry.GoodMargin:
		return fmt.Sprintf("the %s functional asks for no gap, so that %s pays nothing for giving all answers one energy", name, s.Architecture)
	}
	return fmt.Sprintf("the %s functional pushes the wrong answers up too little for %s to keep them apart; its margin or β, or the step size, may be far from the scale of the energies", name, s.Architecture)
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
		k := float64(p * float64(len(x)-1))
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
