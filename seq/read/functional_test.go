package read

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/seq/answers"
)

// drawBatch returns a batch of three lines, of which the last has too few frames for its text, and random logits.
func drawBatch(seed uint64) (*Batch, []float32) {
	const lines, frames, classes = 3, 7, 4
	rng := rand.New(rand.NewPCG(seed, 3))
	b := NewBatch(classes, 0)
	b.batch.Batch, b.batch.Frames, b.batch.Classes, b.batch.BatchFirst = lines, frames, classes, true
	b.batch.Targets, b.batch.TargetLengths, b.batch.InputLengths = []int{1, 3, 3, 2, 1, 1}, []int{1, 3, 2}, []int{5, 7, 2}
	x := make([]float32, lines*frames*classes)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return b, x
}

func (b *Batch) evalAt(t *testing.T, x []float32) (float64, []float32) {
	t.Helper()
	b.scores, b.grad = slices.Clone(x), make([]float32, len(x))
	b.batch.Scores = b.scores
	v, err := b.eval()
	if err != nil {
		t.Fatal(err)
	}
	return v, b.grad
}

// TestUseIsCTC: nll of summed alignments is the loss of CTC, by the answers as by the fused path, which Use chooses.
func TestUseIsCTC(t *testing.T) {
	b, x := drawBatch(1)
	want, slopes := b.evalAt(t, x)
	nll, sum := functional.NLL{Beta: 1}, answers.Alignments[float32]{Latent: answers.Sum}
	if err := b.Use(nll, sum); err != nil || b.answers != nil {
		t.Fatalf("%v; nll of summed alignments has a path of its own", err)
	}
	b.answers = &batchAnswers{functional: nll, alignments: sum}
	got, grad := b.evalAt(t, x)
	if math.Abs(got-want) > 1e-6 {
		t.Errorf("loss %v; CTC's is %v", got, want)
	}
	for i, v := range grad {
		if math.Abs(float64(v-slopes[i])) > 1e-6 {
			t.Errorf("derivative %d is %v; CTC's is %v", i, v, slopes[i])
		}
	}
}

// TestUseGradient holds the gradient by the logits against differences, for functionals with each kind of statistic.
func TestUseGradient(t *testing.T) {
	for _, c := range []struct {
		f functional.Functional
		a answers.Alignments[float32]
	}{
		{functional.NLL{Beta: 1}, answers.Alignments[float32]{}},
		{functional.Perceptron{}, answers.Alignments[float32]{}},
		{functional.Hinge{Margin: 3}, answers.Alignments[float32]{}},
		{functional.Hinge{Margin: 3, Rival: functional.Rival{Wrong: true}}, answers.Alignments[float32]{Latent: answers.Sum}},
		{functional.MEE{Beta: 1}, answers.Alignments[float32]{Latent: answers.Sum, PerPlace: true}},
		{functional.SquareSquare{Margin: 9}, answers.Alignments[float32]{Base: answers.LogProbability}},
		{functional.MarginCostMax{Margin: 2}, answers.Alignments[float32]{}},
	} {
		b, x := drawBatch(2)
		if err := b.Use(c.f, c.a); err != nil {
			t.Fatal(err)
		}
		_, grad := b.evalAt(t, x)
		if slices.Max(grad) == 0 {
			t.Errorf("%s has no gradient", c.f.Name())
		}
		for i, v := range x {
			const h = 1e-2
			x[i] = v + h
			up, _ := b.evalAt(t, x)
			x[i] = v - h
			down, _ := b.evalAt(t, x)
			x[i] = v
			if want := (up - down) / (2 * h); math.Abs(want-float64(grad[i])) > 1e-3 {
				t.Fatalf("%s: the gradient by logit %d is %v; differences say %v", c.f.Name(), i, grad[i], want)
			}
		}
		x[5] = float32(math.NaN())
		if v, _ := b.evalAt(t, x); v == v {
			t.Errorf("%s: the loss of a NaN is %v", c.f.Name(), v)
		}
	}
}

// TestUseRefuses: a statistic that alignments do not have, and priors.
func TestUseRefuses(t *testing.T) {
	var no *answers.NoStatistic
	if err := NewBatch(3, 0).Use(functional.Perceptron{}, answers.Alignments[float32]{Latent: answers.Sum}); !errors.As(err, &no) {
		t.Errorf("the perceptron over texts: %v", err)
	}
	if err := NewBatch(3, 0.5).Use(functional.Perceptron{}, answers.Alignments[float32]{}); err == nil || errors.As(err, &no) {
		t.Errorf("the perceptron with priors: %v", err)
	}
}
