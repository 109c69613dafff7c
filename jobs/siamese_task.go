package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/report"
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

func newSiameseTask(c *Siamese, parts *siameseParts) (*siameseTask, error) {
	set := parts.train.set
	e, err := c.newEncoderTask("siamese", set, parts.test.set, parts.train.sum(), c.metric() == distance.Cosine, c.metric())
	if err != nil {
		return nil, err
	}
	t := &siameseTask{encoderTask: e, c: c, parts: parts, loss: newPairLoss(c)}
	t.subject = c.subject()
	if parts.train.pairs == nil {
		t.partners = pair.NewPartners(set.Labels)
	}
	return t, nil
}

// Params implements train.Task.
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

// Loss implements train.Task.
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
	return train.Diagnose(paired(pairs.Distances, pairs.Same), t.subject, wrongPairs.Of(1-v.Accuracy), chanceOf(v)), v, nil
}

// chanceOf is the error of taking all pairs for the same, or none.
func chanceOf(v *retrieval.Verification) float64 {
	return train.Guessed([]int{v.Same, v.Different})
}

// wrongPairs is the error of telling pairs apart.
var wrongPairs = measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of pairs taken wrongly"}

// subject says what a run of siamese is diagnosed as: all its losses ask others to be a distance apart.
func (c *Siamese) subject() train.Subject {
	m, what := c.Margin, "distance"
	if c.Loss == "cosine_embedding" {
		m, what = 1-c.Margin, "cosine distance" // the margin is a cosine
	}
	return train.Subject{
		Loss: c.Loss, Architecture: fmt.Sprintf("distances of vectors of %d numbers", c.Dim), Margin: m,
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
		stats = append(stats, functional.LabelStats{Correct: near[i], Offending: far[i], Answer: 1, Spread: abs(far[i]-near[i]) / 2})
	}
	return stats
}
