package retrieval

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Verification is how well a distance tells pairs that belong together from others. A pair
// is accepted where its distance is at most a threshold. TAR is the share of the pairs that
// belong together that is accepted, FAR that of the others.
type Verification struct {
	Same      int     `json:"same"`      // pairs that belong together
	Different int     `json:"different"` // the others
	AUC       float64 `json:"auc"`       // the chance that a pair of the same is nearer than a different one; equals count half
	// EER is where as many of the different are accepted as of the same are refused. Between
	// two thresholds both rates are taken to be straight.
	EER       float64   `json:"eer"`
	Accuracy  float64   `json:"accuracy"`  // the greatest there is, over all pairs
	Threshold float64   `json:"threshold"` // where it is: halfway to the next distance; the least of equals
	TARAtFAR  []TARAt   `json:"tar_at_far"`
	ROC       []Operate `json:"roc"`

	same, different []float64 // distances, ascending
}

// Operate is a point of the ROC curve.
type Operate struct {
	Threshold float64 `json:"threshold"`
	FAR       float64 `json:"far"`
	TAR       float64 `json:"tar"`
}

// TARAt is the greatest TAR of the thresholds whose FAR is at most so much.
type TARAt struct {
	FAR       float64 `json:"far"`
	TAR       float64 `json:"tar"`
	Threshold float64 `json:"threshold"`
}

// farLevels are the rates of false acceptance at which TAR is measured.
var farLevels = []float64{1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6}

// Verify measures distances of pairs, of which same says whether they belong together.
//
// The ROC curve runs from nothing accepted to all accepted; it is thinned to at most a few
// thousand points, by which no rate moves by more than a thousandth. TAR is measured at a
// FAR of a power of ten where there are at least 1/FAR different pairs.
//
// Errors: lengths that differ; a distance that is not finite; no pair that belongs together,
// or none that does not.
func Verify(distances []float64, same []bool) (*Verification, error) {
	if len(same) != len(distances) {
		return nil, fmt.Errorf("retrieval: Verify: same has %d elements; it must have %d, one a distance", len(same), len(distances))
	}
	v := &Verification{}
	for i, d := range distances {
		if d-d != 0 {
			return nil, fmt.Errorf("retrieval: Verify: distances[%d] is %v; it must be finite", i, d)
		}
		if same[i] {
			v.same = append(v.same, d)
		} else {
			v.different = append(v.different, d)
		}
	}
	v.Same, v.Different = len(v.same), len(v.different)
	if v.Same == 0 || v.Different == 0 {
		return nil, fmt.Errorf("retrieval: Verify: %d pairs are of the same and %d are not; there must be some of either kind", v.Same, v.Different)
	}
	slices.Sort(v.same)
	slices.Sort(v.different)
	steps := v.steps()
	v.AUC, v.EER = v.area(steps), v.equalError(steps)
	v.Threshold = v.best(steps)
	v.Accuracy = v.AccuracyAt(v.Threshold)
	v.TARAtFAR = v.atLevels(steps)
	v.ROC = v.thinned(steps)
	return v, nil
}

// AccuracyAt returns the share of the pairs that a threshold tells right, such as one that
// was chosen on other pairs; NaN where that is NaN.
func (v *Verification) AccuracyAt(threshold float64) float64 {
	if math.IsNaN(threshold) {
		return math.NaN()
	}
	if math.IsNaN(threshold) {
		return math.NaN()
	}
	accepted := func(sorted []float64) int {
		return sort.Search(len(sorted), func(i int) bool { return sorted[i] > threshold })
	}
	right := accepted(v.same) + v.Different - accepted(v.different)
	return float64(right) / float64(v.Same+v.Different)
}

// A step is how many pairs of either kind a threshold accepts.
type step struct {
	threshold       float64
	same, different int
}

// steps returns the whole curve: a step where nothing is accepted, then one a distance.
func (v *Verification) steps() []step {
	nearest := min(v.same[0], v.different[0])
	steps := []step{{threshold: math.Nextafter(nearest, math.Inf(-1))}}
	for i, j := 0, 0; i < v.Same || j < v.Different; {
		t := math.Inf(1)
		if i < v.Same {
			t = v.same[i]
		}
		if j < v.Different {
			t = min(t, v.different[j])
		}
		for i < v.Same && v.same[i] == t {
			i++
		}
		for j < v.Different && v.different[j] == t {
			j++
		}
		steps = append(steps, step{t, i, j})
	}
	return steps
}

// point returns a step as a point of the ROC curve.
func (v *Verification) point(s step) Operate {
	return Operate{s.threshold, float64(s.different) / float64(v.Different), float64(s.same) / float64(v.Same)}
}

// area returns the area under the curve: pairs of pairs that are in the right order.
func (v *Verification) area(steps []step) float64 {
	total := 0.0
	for i, q := range steps[1:] {
		p := steps[i]
		total += float64(q.different-p.different) * (float64(p.same) + float64(q.same)) / 2
	}
	return total / float64(v.Same) / float64(v.Different)
}

// equalError finds where FAR and 1 − TAR cross.
func (v *Verification) equalError(steps []step) float64 {
	sum := func(s step) float64 { p := v.point(s); return p.FAR + p.TAR }
	i := sort.Search(len(steps), func(i int) bool { return sum(steps[i]) >= 1 })
	from, to := sum(steps[i-1]), sum(steps[i])
	p, q := v.point(steps[i-1]), v.point(steps[i])
	return p.FAR + (1-from)/(to-from)*(q.FAR-p.FAR)
}

// best returns the threshold of the greatest accuracy.
func (v *Verification) best(steps []step) float64 {
	best := 0
	for i, s := range steps {
		if s.same-s.different > steps[best].same-steps[best].different {
			best = i
		}
	}
	t := steps[best].threshold
	if best == 0 || best == len(steps)-1 {
		return t
	}
	next := steps[best+1].threshold
	if middle := t/2 + next/2; middle > t && middle < next {
		return middle
	}
	return t
}

// atLevels returns TAR at those of farLevels for which there are pairs enough.
func (v *Verification) atLevels(steps []step) []TARAt {
	at := []TARAt{}
	for _, level := range farLevels {
		if level*float64(v.Different) < 1-1e-9 { // of which 1e-3·1000 must not be a case
			break
		}
		i := sort.Search(len(steps), func(i int) bool { return v.point(steps[i]).FAR > level })
		p := v.point(steps[i-1])
		at = append(at, TARAt{level, p.TAR, p.Threshold})
	}
	return at
}

// The curve's points that are kept are at least so far apart, in FAR and TAR together or,
// for the sake of small rates, in FAR by so large a factor.
const (
	curveStep   = 1e-3
	curveFactor = 1.05
)

// thinned returns the points of the curve that are far enough apart, and its ends.
func (v *Verification) thinned(steps []step) []Operate {
	last := v.point(steps[0])
	kept := []Operate{last}
	for i, s := range steps[1:] {
		p := v.point(s)
		end := i+2 == len(steps)
		if end || p.FAR+p.TAR >= last.FAR+last.TAR+curveStep || p.FAR > last.FAR*curveFactor {
			kept = append(kept, p)
			last = p
		}
	}
	return kept
}
