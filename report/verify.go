package report

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/search/retrieval"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Files of a run's folder: how its test pairs are told apart, and the pairs.
const (
	VerificationFile = "verification.json"
	PairsFile        = "pairs.safetensors" // of each pair first and second, places in the test pictures; same, 1 or 0; and distances
)

// Verification is how a run's test pairs are told apart.
type Verification struct {
	*retrieval.Verification
	Chosen float64  `json:"chosen"`          // the threshold that was chosen on other pairs
	Notes  []string `json:"notes,omitempty"` // what the data has chosen, and what is odd about it
}

// Write writes VerificationFile into a run's folder.
func (v *Verification) Write(dir string) error { return writePart(dir, VerificationFile, v) }

func readVerification(dir string) (*Verification, error) {
	v := &Verification{Verification: &retrieval.Verification{}}
	return v, readPart(dir, VerificationFile, v)
}

// check refuses figures that cannot be.
func (v *Verification) check() error {
	if v.Same < 1 || v.Different < 1 {
		return fmt.Errorf("there are %d pairs of the same and %d others; there must be some of either kind", v.Same, v.Different)
	}
	if err := checkShares(v.AUC, v.EER); err != nil {
		return err
	}
	return checkCurve(v.ROC)
}

// checkCurve refuses a curve that does not rise from one end to the other.
func checkCurve(roc []retrieval.Operate) error {
	if len(roc) < 2 {
		return fmt.Errorf("the curve has %d points; it must have 2 at least", len(roc))
	}
	last := retrieval.Operate{Threshold: math.Inf(-1)}
	for i, p := range roc {
		if p.FAR < last.FAR || p.TAR < last.TAR || p.Threshold < last.Threshold || p.FAR > 1 || p.TAR > 1 {
			return fmt.Errorf("roc[%d] is %v; both rates must rise from 0 to 1 with the threshold", i, p)
		}
		last = p
	}
	return nil
}

// Pairs are a run's test pairs.
type Pairs struct {
	First, Second []int // places in the test pictures
	Same          []bool
	Distances     []float64 // of their vectors
}

// Write writes PairsFile into a run's folder.
func (p *Pairs) Write(dir string) error {
	first, second, same := make([]float64, len(p.Same)), make([]float64, len(p.Same)), make([]float64, len(p.Same))
	for i, s := range p.Same {
		first[i], second[i] = float64(p.First[i]), float64(p.Second[i])
		if s {
			same[i] = 1
		}
	}
	f := &tensor.File{}
	for _, c := range []struct {
		name   string
		values []float64
	}{{"first", first}, {"second", second}, {"same", same}, {"distances", p.Distances}} {
		t, err := tensor.FromFloat64(c.values, len(p.Same))
		if err != nil {
			return err
		}
		f.Tensors = append(f.Tensors, tensor.Named{Name: c.name, Tensor: t})
	}
	return tensor.WriteFile(filepath.Join(dir, PairsFile), f)
}

func readPairs(dir string) (*Pairs, error) {
	f, err := tensor.ReadFile(filepath.Join(dir, PairsFile))
	if err != nil {
		return nil, err
	}
	return decodePairs(f)
}

func decodePairs(f *tensor.File) (*Pairs, error) {
	for _, name := range []string{"first", "second", "same", "distances"} {
		t := f.Get(name)
		if t == nil || t.Rank() != 1 || t.Len() != f.Get("first").Len() {
			return nil, errors.New("it must hold the tensors first, second, same and distances, each [pairs]")
		}
	}
	first, err1 := wholes("first", f.Get("first"), math.MaxInt32)
	second, err2 := wholes("second", f.Get("second"), math.MaxInt32)
	same, err3 := wholes("same", f.Get("same"), 2)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return nil, err
	}
	p := &Pairs{First: first, Second: second, Distances: doubles(f.Get("distances"))}
	for i, d := range p.Distances {
		if !finite(d) {
			return nil, fmt.Errorf("distances[%d] is %v; it must be finite", i, d)
		}
		p.Same = append(p.Same, same[i] == 1)
	}
	return p, nil
}

// A verifyView is what the page shows of telling pairs apart.
type verifyView struct {
	Words             string
	ROC, Distances    view
	Accepted, Refused *groups // wrongly
	Paired            bool
}

// addVerify draws how pairs are told apart. x is nil where the vectors are not at hand.
func (p *page) addVerify(r *Run, v *Verification, x *Vectors, images Images) {
	w := &verifyView{Words: strings.TrimSpace(sentences(v.Notes)), ROC: p.sized(v.curve)}
	p.Verify = w
	pairs := part(r, PairsFile, func(dir string) (*Pairs, error) {
		pairs, err := readPairs(dir)
		if err == nil && x != nil {
			err = pairs.within(x.n())
		}
		return pairs, err
	})
	if pairs != nil {
		w.Paired, w.Distances = true, p.view(v.distances(pairs))
		w.Accepted, w.Refused = p.groups(pairs.worst(v.Chosen, false, x, images)), p.groups(pairs.worst(v.Chosen, true, x, images))
	}
}

// within refuses pairs of pictures that are not there.
func (p *Pairs) within(n int) error {
	for i := range p.First {
		if p.First[i] >= n || p.Second[i] >= n {
			return fmt.Errorf("pair %d is of the pictures %d and %d; there are %d", i, p.First[i], p.Second[i], n)
		}
	}
	return nil
}

// kinds returns the distances of the pairs of the same and of the others, ascending.
func (p *Pairs) kinds() (same, different []float64) {
	for i, d := range p.Distances {
		if p.Same[i] {
			same = append(same, d)
		} else {
			different = append(different, d)
		}
	}
	slices.Sort(same)
	slices.Sort(different)
	return same, different
}

// distances draws how the distances of the test pairs are spread, with the threshold; nil without pairs.
func (v *Verification) distances(pairs *Pairs) *figure {
	same, different := pairs.kinds()
	if len(same)+len(different) == 0 {
		return nil
	}
	f := distanceFigure(same, different, plumb(v.Chosen, "", pen(ink, 1.2)))
	f.name, f.title = "pair_distances", "Distances of test pairs"
	f.legend = []key{{"same", correct, swatch}, {"different", offending, swatch}, {"threshold", ink, stroke}}
	f.how = "Left of the threshold a pair counts as the same: what is orange there is falsely accepted, what is blue at the right falsely refused."
	return f
}

// curve draws the share of the same that is accepted over that of others, on a logarithmic axis: few false
// acceptances are what matters.
func (v *Verification) curve(size vg.Length) *figure {
	least := math.Min(0.1, 1/float64(v.Different))
	var points []xy
	lowest := 1.0
	for _, o := range v.ROC {
		if o.FAR < least {
			points = []xy{{least, o.TAR}} // what is left of the axis: not one pair falsely accepted
			continue
		}
		points = append(points, xy{o.FAR, o.TAR})
	}
	if len(points) > 0 {
		lowest = points[0].y
	}
	p := axes(bounds{least, 1}, bounds{max(0, lowest-0.1*(1-lowest)-0.005), 1}, "")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks{about: 5, log: true, unit: measure.Share}
	p.Y.Tick.Marker = ticks{about: 6, unit: measure.Share}
	at := v.at(v.Chosen)
	p.Add(line(points, pen(correct, 2)), mark(xy{v.EER, 1 - v.EER}, least, 6.5, muted), mark(xy{at.FAR, at.TAR}, least, 3.6, ink))
	return &figure{
		name: "roc", title: "ROC curve", unit: fmt.Sprintf("%s of the same, %s of different ones", plural(v.Same, "test pair", "test pairs"), count(v.Different)),
		width: size, height: size + 36,
		paint: labelled(p, "different, but accepted (logarithmic scale)", "the same, and accepted"),
		legend: []key{
			{"AUC " + fmt.Sprintf("%.4f", v.AUC), correct, stroke},
			{"equal error rate " + percent(v.EER), muted, dot},
			{"threshold " + number(v.Chosen), ink, dot},
		},
		how: fmt.Sprintf("Each point is a threshold: the greater, the more pairs of either kind are accepted. At the run’s threshold %s of the same and %s of the others are. Farther up and left is better.", percent(at.TAR), percent(at.FAR)),
		alt: fmt.Sprintf("ROC curve: area %.4f, equal error rate %s.", v.AUC, percent(v.EER)),
	}
}

// at returns the point of the curve for a threshold.
func (v *Verification) at(threshold float64) retrieval.Operate {
	i := len(v.ROC) - 1
	for i > 0 && v.ROC[i].Threshold > threshold {
		i--
	}
	return v.ROC[i]
}

// mark draws a ringed dot; one that is left of the axis goes to its edge.
func mark(at xy, least float64, r vg.Length, h hue) plot.Plotter {
	return layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
		px, py := x(math.Max(at.x, least)), y(at.y)
		if !c.ContainsY(py) {
			return
		}
		fillDisc(c, paper.solid(), px, py, r+1.4)
		fillDisc(c, h.solid(), px, py, r)
	})
}

// shownPairs is how many of the worst mistakes of either kind are shown.
const shownPairs = 12

// worst are the pairs that a threshold takes wrongly and that are farthest from it: those of the same that are refused, or
// others that are accepted.
func (p *Pairs) worst(threshold float64, same bool, x *Vectors, images Images) *groups {
	var wrong []int
	for i, d := range p.Distances {
		if p.Same[i] == same && (d <= threshold) != same {
			wrong = append(wrong, i)
		}
	}
	slices.SortStableFunc(wrong, func(a, b int) int {
		if same {
			a, b = b, a
		}
		return cmp.Compare(p.Distances[a], p.Distances[b])
	})
	g := &groups{Kind: "false_accepts", title: "Different, but taken for the same", unit: "the nearest of such pairs, with their distances", perLine: 4}
	if same {
		g.Kind, g.title, g.unit = "false_refusals", "The same, but taken for different", "the farthest of such pairs, with their distances"
	}
	for _, i := range wrong[:min(shownPairs, len(wrong))] {
		g.All = append(g.All, []shot{
			newShot(images, x, p.First[i], "wrong", short(p.Distances[i])),
			newShot(images, x, p.Second[i], "wrong", ""),
		})
	}
	return g
}
