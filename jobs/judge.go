package jobs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/train"
)

// judge is a classifier of its own, trained beside, that looks at generated pictures.
type judge struct {
	task *digitsTask
	set  *data.Images
}

// The classifier trains for an epoch of MNIST, to 1 % error or so, and over a small set
// again and again.
const (
	judgeSteps  = 900
	judgeEpochs = 50
	judgeBatch  = 64
)

// judgeSettings are the classifier's.
func judgeSettings(seed uint64) *Digits {
	c := digitsJob.New().(*Digits)
	c.Seed, c.Validation = seed, 0
	return c
}

// checkJudge refuses pictures that a classifier could not look at, before anything is trained.
func checkJudge(set *data.Images, seed uint64) error {
	if _, err := newDigitsModel(judgeSettings(seed), set); err != nil {
		return fmt.Errorf("the classifier that looks at generated pictures: %w", err)
	}
	return nil
}

// newJudge trains the classifier on a training set.
func newJudge(ctx context.Context, set *data.Images, seed uint64) (*judge, error) {
	c := judgeSettings(seed)
	sets, err := divided(&c.Training, set, nil)
	if err != nil {
		return nil, err
	}
	task, err := newDigitsTask(c, shownSets{sets})
	if err != nil {
		return nil, err
	}
	tape, adam := autodiff.NewTape(tensor.Float32), &optim.Adam{}
	if err := adam.Prepare(task.Params()); err != nil {
		return nil, err
	}
	rng, batch := train.Rand(seed, "judge", 0), make([]int, min(judgeBatch, set.N))
	steps := min(judgeSteps, judgeEpochs*(set.N/judgeBatch+1))
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range batch {
			batch[i] = rng.IntN(set.N)
		}
		tape.Reset()
		v, err := task.Loss(tape, train.Batch{Samples: batch, Rand: rng})
		if err != nil {
			return nil, err
		}
		for _, p := range task.Params() {
			p.ZeroGrad()
		}
		tape.Backward(v)
		adam.Step(task.Params(), 1e-3*optim.Cosine{}.At(step, steps))
	}
	return &judge{task: task, set: set}, nil
}

// probabilities returns a classifier's for pictures [n, h·w] in [0, 1]: [n, K].
func (m *classifier) probabilities(ctx context.Context, y []float32, h, w int) ([]float32, error) {
	e, err := m.energiesOf(ctx, y, h, w)
	simd.Scale(e, e, -1)
	simd.SoftmaxRows(e, e, len(e)/m.labeler.Labels(), m.labeler.Labels())
	return e, err
}

// judgedPictures are pictures with what they are, [n, H·W].
type judgedPictures struct {
	name   string
	pixels []float32
}

// qualities looks at samples of pictures, the first of which are real. A picture with a pixel that is not finite makes every figure NaN.
func (j *judge) qualities(ctx context.Context, all []judgedPictures) (measure.Table, error) {
	t := measure.Table{Key: "quality", Name: "pictures", Columns: []measure.Quantity{
		{Key: "n", Name: "Number", Unit: measure.Count},
		{Key: "confidence", Name: "Confidence", Note: "of the classifier, mean"},
		{Key: "entropy", Name: "Entropy", Unit: measure.Nat, Note: "of its probabilities, mean"},
		{Key: "label_entropy", Name: "Entropy of labels", Unit: measure.Nat, Note: "of the mean probabilities"},
		{Key: "nearest", Name: "Nearest", Note: "distance to the nearest training picture, median"},
		{Key: "copies", Name: "Near copies", Unit: measure.Share, Note: "nearer than 99 % of test pictures are"},
	}}
	far, _, err := j.neighbours(ctx, all[0].pixels)
	if err != nil {
		return t, err
	}
	sorted := measure.Sorted(far)
	near := sorted[len(sorted)/100]
	k := j.task.labeler.Labels()
	for i, of := range all {
		p, err := j.task.probabilities(ctx, of.pixels, j.set.H, j.set.W)
		if err != nil {
			return t, err
		}
		if i > 0 {
			if far, _, err = j.neighbours(ctx, of.pixels); err != nil {
				return t, err
			}
		}
		q := measure.QualityOf(p, k, far, near)
		t.Add(of.name, float64(len(far)), q.Confidence, q.Entropy, q.LabelEntropy, q.Nearest, q.Copies)
	}
	return t, nil
}

// neighbours returns each picture's nearest one of the training set, and how far it is: NaN where a pixel is not finite.
func (j *judge) neighbours(ctx context.Context, y []float32) (distance []float64, index []int, err error) {
	const block = 2000
	d := j.set.Size()
	n := len(y) / d
	distance, index = make([]float64, n), make([]int, n)
	for i := range distance {
		distance[i] = math.Inf(1)
	}
	for lo := 0; lo < j.set.N; lo += block {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		hi := min(lo+block, j.set.N)
		far := squaredDistances(y, pixelsOf(j.set.Subset(lo, hi)), d)
		for i := range n {
			for k, v := range far[i*(hi-lo) : (i+1)*(hi-lo)] {
				if r := float64(v); r < distance[i] || math.IsNaN(r) { // NaN stays, for nothing is below it
					distance[i], index[i] = r, lo+k
				}
			}
		}
	}
	for i, v := range distance {
		distance[i] = math.Sqrt(max(v, 0))
	}
	return distance, index, nil
}

// accuracy is the fraction of pictures in which the classifier sees the label; one without probabilities shows none.
// Of no pictures it is NaN.
func (j *judge) accuracy(ctx context.Context, y []float32, labels []byte) (float64, error) {
	k := j.task.labeler.Labels()
	p, err := j.task.probabilities(ctx, y, j.set.H, j.set.W)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, label := range labels {
		row := p[i*k : (i+1)*k]
		if slices.Index(row, slices.Max(row)) == int(label) {
			right++
		}
	}
	return measure.Ratio(float64(right), float64(len(labels))), nil
}

// some returns n pictures of a set, drawn without replacement, with their labels.
func some(set *data.Images, n int, rng *rand.Rand) ([]float32, []byte) {
	pick := rng.Perm(set.N)[:min(n, set.N)]
	y, labels := make([]float32, len(pick)*set.Size()), make([]byte, len(pick))
	set.Batch(y, pick)
	for i, at := range pick {
		labels[i] = set.Labels[at]
	}
	return y, labels
}
