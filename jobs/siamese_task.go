package jobs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
)

// siameseTask is siamese as train sees it: a network whose two branches have the same weights,
// and whose energy of a pair is the distance of the vectors.
type siameseTask struct {
	encoderTask
	c        *Siamese
	parts    *siameseParts
	partners *pair.Partners // of the training pictures; nil where pairs are fixed
	loss     *pairLoss

	indices []int // the batch's pictures: first ones, then second ones
	same    []bool
}

func newSiameseTask(ctx context.Context, c *Siamese, base *encode.Base, parts *siameseParts) (*siameseTask, error) {
	set := parts.train.set
	e, err := c.newEncoderTask("siamese", base, set, parts.test.set, parts.train.sum(), c.metric() == distance.Cosine, c.metric())
	if err != nil {
		return nil, err
	}
	t := &siameseTask{encoderTask: e, c: c, parts: parts, loss: newPairLoss(c)}
	t.notes = parts.notes
	t.subject = c.subject()
	if parts.train.pairs == nil {
		t.partners = pair.NewPartners(set.Labels)
	}
	if c.Encoder == "" {
		return t, t.start(ctx, &c.Encoding, set, parts.train.labels())
	}
	return t, nil
}

// labels are those of the pictures: where there are pairs, pictures have one label that pairs of the same join, one over another.
func (p pairSet) labels() []int {
	if p.pairs == nil {
		return p.set.Labels
	}
	labels := numbers(0, p.set.N)
	root := func(i int) int {
		for labels[i] != i {
			labels[i] = labels[labels[i]]
			i = labels[i]
		}
		return i
	}
	for _, q := range p.pairs {
		if a, b := root(q.A), root(q.B); q.Same && a != b {
			labels[max(a, b)] = min(a, b)
		}
	}
	for i := range labels {
		labels[i] = root(i)
	}
	return labels
}

func (t *siameseTask) Params() []*autodiff.Param { return t.Module.Params() }

// Samples implements train.Task: the pairs of an epoch. Of pictures with labels there are as many as pictures, each
// the first of one pair.
func (t *siameseTask) Samples() int {
	if t.partners != nil {
		return t.parts.train.set.N
	}
	return len(t.parts.train.pairs)
}

// choose puts the batch's pairs in place. Where pictures have labels, every other picture gets a partner of its class,
// if there is one, the rest one of another class.
func (t *siameseTask) choose(samples []int, rng *rand.Rand) {
	n := len(samples)
	t.indices, t.same = scratch.Sized(t.indices, 2*n), t.same[:0]
	for k, i := range samples {
		p := data.PicturePair{A: i}
		if t.partners == nil {
			p = t.parts.train.pairs[i]
		} else {
			p.B, p.Same = t.partner(i, k%2 == 0, rng)
		}
		t.indices[k], t.indices[n+k] = p.A, p.B
		t.same = append(t.same, p.Same)
	}
}

// partner draws a partner for picture i, of another class where its own has no other picture.
func (t *siameseTask) partner(i int, same bool, rng *rand.Rand) (int, bool) {
	if same {
		if j, ok := t.partners.Positive(i, rng); ok {
			return j, true
		}
	}
	j, _ := t.partners.Negative(i, rng) // there are two classes
	return j, false
}

func (t *siameseTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.choose(b.Samples, b.Rand)
	t.c.batch(t.x, t.parts.train.set, t.indices, b.Rand)
	out := t.Module.Forward(tape.Const(t.x))
	return t.criterion.Record(func(g nn.Grads) (float64, error) {
		return t.loss.eval(out.Value.Float32s(), t.same, g.Float32s(0))
	}, out)
}

// Evaluate implements train.Task. Its error is the fraction of the held-out pairs that are taken wrongly at the
// best threshold there.
func (t *siameseTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	e, _, err := t.evaluate(ctx)
	return e, err
}

// evaluate also says how the held-out pairs are told apart; nil where the vectors have no finite distances.
func (t *siameseTask) evaluate(ctx context.Context) (train.Evaluation, *retrieval.Verification, error) {
	pairs, err := t.measured(ctx, t.parts.held)
	if err != nil {
		return train.Evaluation{}, nil, err
	}
	if slices.ContainsFunc(pairs.Distances, func(d float64) bool { return d-d != 0 }) {
		return lost(t.subject, wrongPairs), nil, nil
	}
	v, err := retrieval.Verify(pairs.Distances, pairs.Same)
	if err != nil {
		return train.Evaluation{}, nil, err
	}
	return train.Diagnose(paired(pairs.Distances, pairs.Same), t.subject, wrongPairs.Of(1-v.Accuracy), train.Guessed([]int{v.Same, v.Different})), v, nil
}

// wrongPairs is the error of telling pairs apart.
var wrongPairs = measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of pairs taken wrongly"}

// subject says what a run of siamese is diagnosed as: all its losses ask others to be a distance apart.
func (c *Siamese) subject() train.Subject {
	m, what := c.Margin, "distance"
	if c.Loss == "cosine_embedding" {
		m, what = 1-c.Margin, "cosine distance" // the margin is a cosine
	}
	widest := 0.0 // of vectors of any length
	if c.metric() == distance.Cosine {
		widest = 1
	}
	return train.Subject{
		Range: widest, Loss: c.Loss, Architecture: fmt.Sprintf("distances of vectors of %d numbers", c.Dim), Margin: m,
		Keeps: func(s functional.LabelStats) bool { return s.Offending >= m },
		Terms: train.Terms{
			Energies: "distances", Samples: "pairs", Correct: "pairs of the same", Offending: "pairs of others",
			Kept: train.MarginKept(fmt.Sprintf("of the pairs of others are at a %s of at least %.3g, as the loss asks", what, m)),
		},
	}
}

// measured returns fixed pairs with the distances of their vectors.
func (t *siameseTask) measured(ctx context.Context, p pairSet) (*report.Pairs, error) {
	used := p.pictures()
	vectors, err := t.look.EmbedSome(ctx, p.set, used)
	if err != nil {
		return nil, err
	}
	vector := func(picture int) []float32 {
		i, _ := slices.BinarySearch(used, picture)
		return vectors[i*t.Dim:][:t.Dim]
	}
	out := &report.Pairs{}
	for _, q := range p.pairs {
		out.First, out.Second, out.Same = append(out.First, q.A), append(out.Second, q.B), append(out.Same, q.Same)
		out.Distances = append(out.Distances, distance.Between(t.distance(), vector(q.A), vector(q.B)))
	}
	return out, nil
}

// paired puts the distances of pairs of the same, the correct answers, beside those of others, the offending
// ones, in their order, as far as there are both.
func paired(distances []float64, same []bool) (stats []functional.LabelStats) {
	var near, far []float64
	for i, d := range distances {
		if same[i] {
			near = append(near, d)
		} else {
			far = append(far, d)
		}
	}
	for i := range min(len(near), len(far)) {
		stats = append(stats, functional.LabelStats{Correct: near[i], Offending: far[i], Answer: 1, Spread: math.Abs(far[i]-near[i]) / 2})
	}
	return stats
}

// pairLoss is the loss of a siamese network over pairs of vectors. It keeps its memory.
type pairLoss struct {
	c         *Siamese
	euclidean distance.Measure
	distances []float32
	slopes    []float32
	target    []float32 // 1 for the same, −1 for others
	dx, dy    []float64 // of one pair
}

func newPairLoss(c *Siamese) *pairLoss {
	return &pairLoss{c: c, dx: make([]float64, c.Dim), dy: make([]float64, c.Dim)}
}

// eval returns the mean loss of the pairs xᵢ, yᵢ, where x holds the rows of both branches one behind
// the other, and writes its gradient.
func (l *pairLoss) eval(x []float32, same []bool, grad []float32) (float64, error) {
	half := len(same) * l.c.Dim
	a, b, da, db := x[:half], x[half:], grad[:half], grad[half:]
	l.target = l.target[:0]
	for _, s := range same {
		t := float32(-1)
		if s {
			t = 1
		}
		l.target = append(l.target, t)
	}
	if l.c.Loss == "cosine_embedding" {
		cosine := loss.CosineEmbedding[float32]{Margin: l.c.Margin}
		return cosine.Eval(a, b, l.target, l.c.Dim, da, db)
	}
	l.measure(a, b)
	v, err := l.ofDistances()
	if err != nil {
		return 0, err
	}
	l.slope(a, b, da, db)
	return v, nil
}

// measure puts the pairs' distances in place. One that overflows is NaN: as an infinity it would
// be that of a pair that is far enough apart.
func (l *pairLoss) measure(a, b []float32) {
	n, d := len(l.target), l.c.Dim
	l.distances, l.slopes = scratch.Sized(l.distances, n), scratch.Sized(l.slopes, n)
	for i := range l.distances {
		l.distances[i] = float32(distance.Between(l.euclidean, a[i*d:][:d], b[i*d:][:d]))
		if math.IsInf(float64(l.distances[i]), 1) {
			l.distances[i] = float32(math.NaN())
		}
	}
}

// ofDistances returns the mean loss of the distances and writes its slopes.
func (l *pairLoss) ofDistances() (float64, error) {
	if l.c.Loss == "hinge_embedding" {
		hinge := loss.HingeEmbedding[float32]{Margin: l.c.Margin}
		return hinge.Eval(l.distances, l.target, l.slopes)
	}
	f, n, sum := functional.SquareSquare{Margin: l.c.Margin}, float64(len(l.target)), 0.0
	for i, d := range l.distances {
		correct, other := float64(d), math.Inf(1)
		if l.target[i] < 0 {
			correct, other = 0, float64(d)
		}
		v, dCorrect, dOther := f.Eval(correct, other)
		sum += v
		l.slopes[i] = float32((dCorrect + dOther) / n) // one of the two is 0
	}
	return sum / n, nil
}

// slope writes the gradients by the vectors.
func (l *pairLoss) slope(a, b, da, db []float32) {
	d := l.c.Dim
	for i, up := range l.slopes {
		clear(l.dx)
		clear(l.dy)
		x, y := a[i*d:][:d], b[i*d:][:d]
		distance.Slope(l.euclidean, l.dx, l.dy, x, y, float64(l.distances[i]), float64(up))
		for k := range d {
			da[i*d+k], db[i*d+k] = float32(l.dx[k]), float32(l.dy[k])
		}
	}
}

// Measure implements job.Model. The energies are the distances of held-out pairs, and the verdict is of those; the error is of the
// test pairs, at the threshold that is best on the held-out ones.
func (t *siameseTask) Measure(ctx context.Context) (*job.Measures, error) {
	e, held, err := t.evaluate(ctx)
	switch {
	case err != nil:
		return nil, err
	case held == nil:
		return nil, errLost
	}
	pairs, err := t.measured(ctx, t.parts.test)
	if err != nil {
		return nil, err
	}
	v, err := retrieval.Verify(pairs.Distances, pairs.Same)
	if err != nil {
		return nil, err
	}
	accuracy := v.AccuracyAt(held.Threshold)
	plain, err := t.plainPairs(ctx)
	if err != nil {
		return nil, err
	}
	plain = append(plain, plainPair{"this run", accuracy, v.AUC, v.EER})
	e.Error.Value, e.Diagnosis.Chance = measure.Number(1-accuracy), measure.Number(train.Guessed([]int{v.Same, v.Different}))
	return &job.Measures{
		Evaluation: e, Figures: append(pairFigures(held, v), plainGain(plain)), Tables: append(pairTables(held, v), plainTable(plain)),
		Write: func(ctx context.Context, dir string) error {
			if err := (&report.Verification{Verification: v, Chosen: held.Threshold, Notes: t.notes}).Write(dir); err != nil {
				return err
			}
			if err := pairs.Write(dir); err != nil {
				return err
			}
			return t.writeVectors(ctx, dir)
		},
	}, nil
}

// writeVectors writes those of the test pictures, where these have classes.
func (t *siameseTask) writeVectors(ctx context.Context, dir string) error {
	test := t.parts.test.set
	if test.Labels == nil {
		return nil
	}
	x, err := t.look.Embed(ctx, test)
	if err != nil {
		return err
	}
	return t.vectorsOf(test, x).Write(dir)
}

// thresholdKey names the threshold among the figures.
const thresholdKey = "threshold"

// pairFigures are how the test pairs are told apart at a threshold that was chosen on held-out pairs.
func pairFigures(held, test *retrieval.Verification) []measure.Figure {
	return []measure.Figure{
		share("accuracy", "Accuracy", "of the test pairs told right at the threshold", test.AccuracyAt(held.Threshold)),
		measure.Quantity{Key: thresholdKey, Name: "Threshold", Note: "distance up to which two pictures count as the same: the best on held-out pairs"}.Of(held.Threshold),
		share("auc", "AUC", "the chance that a test pair of the same is nearer than another", test.AUC),
		share("eer", "Equal error rate", "where as many others are accepted as of the same are refused", test.EER),
	}
}

// pairTables are the figures of the held-out pairs beside those of the test pairs, and what is accepted of the test pairs where few others are.
func pairTables(held, test *retrieval.Verification) []measure.Table {
	pairs := measure.Table{Key: "pairs", Name: "pairs", Columns: []measure.Quantity{
		{Key: "same", Name: "Of the same", Unit: measure.Count},
		{Key: "different", Name: "Of others", Unit: measure.Count},
		{Key: "accuracy", Name: "Accuracy", Unit: measure.Share, Note: "at the threshold"},
		{Key: "best", Name: "Best", Unit: measure.Share, Note: "at their own best threshold"},
		{Key: "auc", Name: "AUC", Unit: measure.Share},
		{Key: "eer", Name: "Equal error rate", Unit: measure.Share},
	}}
	for _, row := range []struct {
		name string
		v    *retrieval.Verification
	}{{"held out", held}, {"test", test}} {
		v := row.v
		pairs.Add(row.name, float64(v.Same), float64(v.Different), v.AccuracyAt(held.Threshold), v.Accuracy, v.AUC, v.EER)
	}
	few := measure.Table{Key: "tar_at_far", Name: "others accepted", Columns: []measure.Quantity{
		{Key: "tar", Name: "Accepted", Unit: measure.Share, Note: "of the test pairs of the same"}, {Key: "threshold", Name: "Threshold"},
	}}
	for _, a := range test.TARAtFAR {
		few.Add(fmt.Sprintf("at most %g %%", 100*a.FAR), a.TAR, a.Threshold)
	}
	return []measure.Table{pairs, few}
}
