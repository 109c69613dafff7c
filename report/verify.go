package report

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/tensor"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Files of a run of siamese: how its test pairs are told apart, and the pairs.
const (
	verificationFile = "verification.json"
	pairsFile        = "pairs.safetensors"
)

// verified is what a run of siamese came to, as far as the page shows it: a part of result.json, and the curve.
type verified struct {
	Accuracy  float64           `json:"accuracy"`
	Threshold float64           `json:"threshold"`
	Best      float64           `json:"best"`
	AUC       float64           `json:"auc"`
	EER       float64           `json:"eer"`
	TARAtFAR  []retrieval.TARAt `json:"tar_at_far"`
	Same      int               `json:"same"`
	Different int               `json:"different"`
	Held      int               `json:"held"`

	roc []retrieval.Operate
}

// readVerified returns nil where the run is none of siamese, has not been evaluated, or says what cannot be, which is noted.
func readVerified(r *Run) *verified {
	v := &verified{}
	if r.Get("recipe") != "siamese" || r.Result == nil {
		return nil
	}
	err := readPart(r.Dir, resultFile, v)
	if err == nil {
		err = v.check()
	}
	if err != nil {
		r.note("%s could not be read: %v.", resultFile, err)
		return nil
	}
	var curve retrieval.Verification
	if err = readPart(r.Dir, verificationFile, &curve); err == nil {
		err = checkCurve(curve.ROC)
	}
	if err != nil {
		r.note("%s could not be read: %v.", verificationFile, err)
		return v
	}
	v.roc = curve.ROC
	return v
}

// check refuses figures that cannot be.
func (v *verified) check() error {
	if v.Same < 1 || v.Different < 1 {
		return fmt.Errorf("there are %d pairs of the same and %d others; there must be some of either kind", v.Same, v.Different)
	}
	shares := []float64{v.Accuracy, v.Best, v.AUC, v.EER}
	for _, t := range v.TARAtFAR {
		shares = append(shares, t.FAR, t.TAR)
	}
	for _, s := range shares {
		if !(s >= 0 && s <= 1) {
			return fmt.Errorf("a share is %v; it must be from 0 to 1", s)
		}
	}
	return nil
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

// pairing is a run's test pairs.
type pairing struct {
	first, second []int // pictures
	same          []bool
	distances     []float64
}

// readPairs reads a run's test pairs. The error is fs.ErrNotExist where there are none.
func readPairs(dir string) (*pairing, error) {
	f, err := tensor.ReadFile(filepath.Join(dir, pairsFile))
	if err != nil {
		return nil, err
	}
	return decodePairs(f)
}

func decodePairs(f *tensor.File) (p *pairing, err error) {
	columns := map[string]*tensor.Tensor{}
	for _, name := range []string{"first", "second", "same", "distances"} {
		t := f.Get(name)
		if t == nil || t.Rank() != 1 || t.Len() != f.Get("first").Len() {
			return nil, errors.New("it must hold the tensors first, second, same and distances, each [pairs]")
		}
		columns[name] = t
	}
	p = &pairing{distances: doubles(columns["distances"])}
	if p.first, err = wholes("first", columns["first"], math.MaxInt32); err != nil {
		return nil, err
	}
	if p.second, err = wholes("second", columns["second"], math.MaxInt32); err != nil {
		return nil, err
	}
	same, err := wholes("same", columns["same"], 2)
	if err != nil {
		return nil, err
	}
	for i, d := range p.distances {
		if !finite(d) {
			return nil, fmt.Errorf("distances[%d] is %v; it must be finite", i, d)
		}
		p.same = append(p.same, same[i] == 1)
	}
	return p, nil
}

// tiles are the headline figures.
func (v *verified) tiles(r *Run) []tile {
	n := v.Same + v.Different
	right := int(math.Round(v.Accuracy * float64(n)))
	ci := wilson(right, n)
	out := []tile{
		{Label: "Accuracy", Value: percent(v.Accuracy), Note: fmt.Sprintf("%s of %s wrong; 95 %% interval %s to %s", count(n-right), plural(n, "test pair", "test pairs"), percent(ci.lo), percent(ci.hi))},
		{Label: "Threshold", Value: number(v.Threshold), Note: fmt.Sprintf("up to this distance two pictures count as the same: the best on %s; on the test pairs the best would give %s", plural(v.Held, "held-out pair", "held-out pairs"), percent(v.Best))},
		{Label: "Equal error rate", Value: percent(v.EER), Note: "where as many others are accepted as of the same are refused"},
		{Label: "AUC", Value: fmt.Sprintf("%.4f", v.AUC), Note: "the chance that a pair of the same is nearer than another"},
	}
	for _, t := range v.TARAtFAR {
		if t.FAR == 0.01 {
			out = append(out, tile{Label: "Accepted at 1 %", Value: percent(t.TAR), Note: "of the same, where 1 % of the others are accepted, too"})
		}
	}
	return append(out, endTiles(r)...)
}

// A verifyView is what the page shows of telling pairs apart.
type verifyView struct {
	ROC, ROCNarrow, Distances view
	Map, MapNarrow            view
	Accepted, Refused         *sheetOfGroups // wrongly
	Paired, Pictured          bool
}

// addVerify draws what a run of siamese came to. What is missing or damaged is noted.
func (p *page) addVerify(r *Run, v *verified, images Images) error {
	w := &verifyView{Pictured: images != nil}
	p.Verify, p.Tiles = w, v.tiles(r)
	var err error
	if v.roc != nil {
		if w.ROC, err = p.view(v.curve(planeSize)); err != nil {
			return err
		}
		w.ROCNarrow = p.bare(v.curve(planeNarrow), &err)
	}
	x, readErr := readVectors(r.Dir)
	if readErr == nil {
		p.addMap(r, x, &w.Map, &w.MapNarrow, &err)
	} else if !errors.Is(readErr, fs.ErrNotExist) {
		r.note("%s could not be read: %v.", vectorsFile, readErr)
	}
	if err != nil {
		return err
	}
	pairs, readErr := readPairs(r.Dir)
	if readErr == nil && x != nil {
		readErr = pairs.within(x.n)
	}
	if readErr != nil {
		if !errors.Is(readErr, fs.ErrNotExist) {
			r.note("%s could not be read: %v.", pairsFile, readErr)
		}
		return nil
	}
	return p.addPairs(w, v, pairs, x, images)
}

// within refuses pairs of pictures that are not there.
func (p *pairing) within(n int) error {
	for i := range p.first {
		if p.first[i] >= n || p.second[i] >= n {
			return fmt.Errorf("pair %d is of the pictures %d and %d; there are %d", i, p.first[i], p.second[i], n)
		}
	}
	return nil
}

// addPairs draws the distances of the test pairs and the worst mistakes among them.
func (p *page) addPairs(w *verifyView, v *verified, pairs *pairing, x *vectors, images Images) error {
	w.Paired = true
	var same, different []float64
	for i, d := range pairs.distances {
		if pairs.same[i] {
			same = append(same, d)
		} else {
			different = append(different, d)
		}
	}
	slices.Sort(same)
	slices.Sort(different)
	var err error
	if len(same)+len(different) > 0 {
		if w.Distances, err = p.view(v.distances(same, different)); err != nil {
			return err
		}
	}
	if w.Accepted, err = p.groups(pairs.worst(v.Threshold, false, x, images)); err != nil {
		return err
	}
	w.Refused, err = p.groups(pairs.worst(v.Threshold, true, x, images))
	return err
}

// distances draws how the distances of the test pairs are spread, with the threshold.
func (v *verified) distances(same, different []float64) *figure {
	f := distanceFigure(same, different, plumb(v.Threshold, "", pen(ink, 1.2)))
	f.title = "Distances of test pairs"
	f.legend = []key{{"same", correct, swatch}, {"different", offending, swatch}, {"threshold", ink, stroke}}
	f.how = "Left of the threshold a pair counts as the same: what is orange there is falsely accepted, what is blue at the right falsely refused."
	return f
}

// curve draws the share of the same that is accepted over that of others, on a logarithmic axis: few false
// acceptances are what matters.
func (v *verified) curve(size vg.Length) *figure {
	least := math.Min(0.1, 1/float64(v.Different))
	var points []xy
	lowest := 1.0
	for _, o := range v.roc {
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
	at := v.at(v.Threshold)
	p.Add(line(points, pen(correct, 2)), mark(xy{v.EER, 1 - v.EER}, least, 6.5, muted), mark(xy{at.FAR, at.TAR}, least, 3.6, ink))
	return &figure{
		name: "roc", title: "ROC curve", unit: fmt.Sprintf("%s of the same, %s of different ones", plural(v.Same, "test pair", "test pairs"), count(v.Different)),
		width: size, height: size + 36,
		paint: labelled(p, "different, but accepted (logarithmic scale)", "the same, and accepted"),
		legend: []key{
			{"AUC " + fmt.Sprintf("%.4f", v.AUC), correct, stroke},
			{"equal error rate " + percent(v.EER), muted, dot},
			{"threshold " + number(v.Threshold), ink, dot},
		},
		how: fmt.Sprintf("Each point is a threshold: the greater, the more pairs of either kind are accepted. At the run’s threshold %s of the same and %s of the others are. Farther up and left is better.", percent(at.TAR), percent(at.FAR)),
		alt: fmt.Sprintf("ROC curve: area %.4f, equal error rate %s.", v.AUC, percent(v.EER)),
	}
}

// at returns the point of the curve for a threshold.
func (v *verified) at(threshold float64) retrieval.Operate {
	i := len(v.roc) - 1
	for i > 0 && v.roc[i].Threshold > threshold {
		i--
	}
	return v.roc[i]
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
