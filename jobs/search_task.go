package jobs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/train"
)

// searchTask is search as train sees it.
type searchTask struct {
	encoderTask
	c         *Search
	loss      *metricLoss
	eval      func(metricBatch) (float64, error)
	set, held *data.Pictures
	test      *data.Pictures
	gallery   *data.Pictures  // that the test pictures are searched for among, too; nil for none
	labels    []int           // of set, without gaps
	perClass  int             // pictures of each class in a batch
	weights   *autodiff.Param // a vector for each class; nil where the loss has none
	memory    *batchMemory    // nil for none

	batch metricBatch
	twice []int // the batch's samples, twice
}

func newSearchTask(c *Search, d *split) (*searchTask, error) {
	metric := distance.Cosine
	if c.Raw {
		metric = distance.Euclidean
	}
	e, err := c.newEncoderTask("search", d.train, d.test, picturesSum(d.train), !c.Raw, metric)
	if err != nil {
		return nil, err
	}
	l := c.loss()
	t := &searchTask{encoderTask: e, c: c, loss: l, eval: l.build(c), set: d.train, held: d.held, test: d.test}
	t.subject = l.subject(c)
	classes := 0
	t.labels, classes = dense(d.train.Labels)
	if !l.plain {
		if t.perClass, err = c.perClass(classes); err != nil {
			return nil, err
		}
		if err := t.Order(make([]int, t.set.N), c.Batch, train.Rand(c.Seed, "trial", 0)); err != nil { // better now than when a run has begun
			return nil, err
		}
	}
	if c.Memory > t.set.N {
		return nil, fmt.Errorf("memory is %d, but there are only %d training pictures: it would not be full after an epoch", c.Memory, t.set.N)
	}
	if c.Memory > 0 {
		if t.memory, err = newBatchMemory(c.Memory, c.Dim, t.eval); err != nil {
			return nil, err
		}
		t.eval = t.memory.loss
	}
	if l.weights {
		t.weights = &autodiff.Param{Name: "classes", Value: tensor.New(tensor.Float32, classes, c.Dim), Grad: tensor.New(tensor.Float32, classes, c.Dim)}
		nn.Normal(t.weights.Value, 1, train.Rand(c.Seed, "classes", 0))
	}
	return t, nil
}

// Params implements train.Task.
func (t *searchTask) Params() []*autodiff.Param {
	if t.weights == nil {
		return t.Module.Params()
	}
	return append(t.Module.Params(), t.weights)
}

// State implements train.Stateful.
func (t *searchTask) State() []tensor.Named {
	if t.memory == nil {
		return nil
	}
	return t.memory.state()
}

// Samples implements train.Task.
func (t *searchTask) Samples() int { return t.set.N }

// Order implements train.Orderer: batches with several pictures of each of their classes, for losses
// that compare those.
func (t *searchTask) Order(order []int, batch int, rng *rand.Rand) error {
	if t.loss.plain {
		copy(order, rng.Perm(len(order)))
		return nil
	}
	return pair.MPerClass{M: t.perClass}.Order(order, t.labels, batch, rng)
}

// Loss implements train.Task.
func (t *searchTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	samples := b.Samples
	if t.loss.views && len(samples) < 2 { // these losses are of variances
		return nil, train.ErrNothing
	}
	if t.loss.views {
		t.twice = append(append(t.twice[:0], samples...), samples...)
		samples = t.twice
		t.x.Resize(len(samples), t.set.C, t.set.H, t.set.W)
		t.set.Jittered(t.x.Float32s(), samples, t.c.jitter(), b.Rand)
	} else {
		t.c.batch(t.x, t.set, samples, b.Rand)
	}
	t.batch.labels = t.batch.labels[:0]
	for _, i := range samples {
		t.batch.labels = append(t.batch.labels, t.labels[i])
	}
	out := t.Module.Forward(tape.Const(t.x))
	if !t.loss.direct {
		out = t.Vectors(out)
	}
	t.batch.x, t.batch.dim = out.Value.Float32s(), t.Dim
	if t.weights == nil {
		return t.criterion.Record(func(g nn.Grads) (float64, error) {
			t.batch.dx = g.Float32s(0)
			return t.eval(t.batch)
		}, out)
	}
	t.batch.weights = t.weights.Value.Float32s()
	return t.criterion.Record(func(g nn.Grads) (float64, error) {
		t.batch.dx, t.batch.dWeights = g.Float32s(0), g.Float32s(1)
		return t.eval(t.batch)
	}, out, tape.Param(t.weights))
}

// Evaluate implements train.Task: each held picture is searched for among the others.
func (t *searchTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	x, err := t.look.Embed(ctx, t.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	stats, err := neighbours(x, t.Dim, t.held.Labels)
	if err != nil { // the vectors are not finite, or too long for distances
		return lost(t.subject, wrongNearest), nil
	}
	wrong := 0
	for _, s := range stats {
		if !(s.Gap() > 0) {
			wrong++
		}
	}
	return train.Diagnose(stats, t.subject, wrongNearest.Of(measure.Ratio(float64(wrong), float64(len(stats)))), wrongByChance(t.held.Labels)), nil
}

// wrongNearest is the error of search.
var wrongNearest = measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of pictures whose nearest is of another class"}

// wrongByChance is the error of finding any other one of pictures with labels, the same chance for each. Pictures
// whose label no other has are left out.
func wrongByChance(labels []int) float64 {
	counts := map[int]int{}
	for _, y := range labels {
		counts[y]++
	}
	queries, right := 0, 0
	for _, n := range counts {
		if n > 1 {
			queries += n
			right += n * (n - 1)
		}
	}
	return 1 - measure.Ratio(float64(right), float64(queries)*float64(len(labels)-1))
}

// lost is the evaluation of vectors that have no finite distances.
func lost(s train.Subject, failure measure.Quantity) train.Evaluation {
	nan := math.NaN()
	return train.Diagnose([]functional.LabelStats{{Correct: nan, Offending: nan, Spread: nan}}, s, failure.Of(nan), nan)
}

// errLost is what a run ends with whose best vectors have no finite distances.
var errLost = fmt.Errorf("the vectors have no finite distances: %w", train.ErrDiverged)

// neighbours says of each vector how far the nearest other one of its label is, the correct answer, and the
// nearest of another label, the offending one. Vectors whose label no other has are left out.
func neighbours(x []float32, dim int, labels []int) ([]functional.LabelStats, error) {
	var strips pair.Strips[float32]
	if err := strips.Set(distance.Measure{}, x, x, dim); err != nil {
		return nil, err
	}
	n := len(labels)
	stats := make([]functional.LabelStats, 0, n)
	for lo := 0; lo < n; {
		strip, hi := strips.At(lo)
		for i := lo; i < hi; i++ {
			if s := nearest(strip[(i-lo)*n:][:n], i, labels); !math.IsInf(s.Correct, 1) {
				stats = append(stats, s)
			}
		}
		lo = hi
	}
	return stats, nil
}

// nearest looks at the distances of vector i from all.
func nearest(row []float32, i int, labels []int) functional.LabelStats {
	s := functional.LabelStats{Correct: math.Inf(1), Offending: math.Inf(1)}
	sum, squares := 0.0, 0.0
	for j, v := range row {
		d := float64(v)
		sum += d
		squares += d * d
		switch {
		case j == i:
		case labels[j] == labels[i]:
			s.Correct = min(s.Correct, d)
		case d < s.Offending || math.IsNaN(d): // below which nothing is
			s.Offending, s.Answer = d, j
		}
	}
	others := float64(max(len(row)-1, 1)) // a vector's distance from itself is 0
	mean := sum / others
	s.Spread = math.Sqrt(max(squares/others-float64(mean*mean), 0))
	return s
}
