package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/retrieval"
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
	gallery   *data.Pictures // that the test pictures are searched for among, too; nil for none
	labels    []int          // of set, without gaps
	split     *split
	perClass  int             // pictures of each class in a batch
	weights   *autodiff.Param // a vector for each class; nil where the loss has none
	memory    *batchMemory    // nil for none

	batch metricBatch
	twice []int // the batch's samples, twice
}

func newSearchTask(ctx context.Context, c *Search, base *encode.Base, d *split) (*searchTask, error) {
	metric := distance.Cosine
	if c.Raw {
		metric = distance.Euclidean
	}
	e, err := c.newEncoderTask("search", base, d.train, d.test, picturesSum(d.train), !c.Raw, metric)
	if err != nil {
		return nil, err
	}
	l := c.loss()
	t := &searchTask{encoderTask: e, c: c, loss: l, eval: evaluation(l.build(c)), set: d.train, held: d.held, test: d.test, split: d}
	t.notes = d.notes
	t.subject = l.subject(c)
	classes := 0
	t.labels, classes = dense(d.train.Labels)
	if c.Encoder == "" {
		if err := t.start(ctx, &c.Encoding, d.train, d.train.Labels); err != nil {
			return nil, err
		}
	}
	if !l.plain {
		if t.perClass, err = c.perClass(classes); err != nil {
			return nil, err
		}
		if err := t.Order(make([]int, t.set.N), c.Batch, train.Rand(c.Seed, "trial", 0)); err != nil { // better now than when a run has begun
			return nil, err
		}
	}
	if c.Memory*c.Dim > pair.MaxMemory { // now that the encoder has said the numbers of a vector
		return nil, c.tooMuchMemory()
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

func (t *searchTask) Params() []*autodiff.Param {
	if t.weights == nil {
		return t.Module.Params()
	}
	return append(t.Module.Params(), t.weights)
}

func (t *searchTask) State() []tensor.Named {
	if t.memory == nil {
		return nil
	}
	return t.memory.state()
}

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

// wholeGallery is among how many training pictures, at most, held-out ones are searched for after each epoch.
const wholeGallery = 3000

// Evaluate implements train.Task: each held picture is searched for among the others, and among those trained on where these are few.
func (t *searchTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	x, err := t.look.Embed(ctx, t.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	labels := t.held.Labels
	if t.split.apart && !t.c.digits() && t.set.N <= wholeGallery {
		more, err := t.look.Embed(ctx, t.set)
		if err != nil {
			return train.Evaluation{}, err
		}
		x, labels = append(x, more...), slices.Concat(labels, t.set.Labels)
	}
	stats, err := retrieval.Neighbours(x, t.Dim, t.held.N, labels, t.loss.energy(t.c))
	if err != nil { // the vectors are not finite, or too long for distances
		return lost(t.subject, wrongNearest), nil
	}
	wrong := 0
	for _, s := range stats {
		if !(s.Gap() > 0) {
			wrong++
		}
	}
	return train.Diagnose(stats, t.subject, wrongNearest.Of(measure.Ratio(float64(wrong), float64(len(stats)))), retrieval.Guessed(labels)), nil
}

// wrongNearest is the error of search.
var wrongNearest = measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of pictures whose nearest is of another class"}

// lost is the evaluation of vectors that have no finite distances.
func lost(s train.Subject, failure measure.Quantity) train.Evaluation {
	nan := math.NaN()
	return train.Diagnose([]functional.LabelStats{{Correct: nan, Offending: nan, Spread: nan}}, s, failure.Of(nan), nan)
}

// errLost is what a run ends with whose best vectors have no finite distances.
var errLost = fmt.Errorf("the vectors have no finite distances: %w", train.ErrDiverged)

// mistakesKept is how many of the hardest mistakes are written down.
const mistakesKept = 24

// Measure implements job.Model. The energies are of the pictures held out of training, and so is the verdict; the error is of the test pictures.
func (t *searchTask) Measure(ctx context.Context) (*job.Measures, error) {
	e, err := t.Evaluate(ctx)
	switch {
	case err != nil:
		return nil, err
	case e.Fault() != "":
		return nil, errLost
	}
	x, err := t.look.Embed(ctx, t.test)
	if err != nil {
		return nil, err
	}
	figures := &report.Retrieval{Classes: t.set.Classes, HeldOut: slices.Concat(t.c.HoldOutClasses, t.split.byClass), Notes: t.notes}
	o := retrieval.Options{Distance: t.distance(), Mistakes: mistakesKept, Rand: train.Rand(1, "clusters", 0)}
	if figures.Among, err = retrieval.Evaluate(ctx, x, t.Dim, t.test.Labels, o); err != nil {
		return nil, err
	}
	if figures.Baselines, err = baselines(ctx, t.test, figures.Among); err != nil {
		return nil, err
	}
	if t.gallery != nil {
		if figures.InTraining, err = t.among(ctx, x, t.gallery); err != nil {
			return nil, err
		}
	}
	e.Error.Value, e.Diagnosis.Chance = measure.Number(1-figures.Among.Precision1), measure.Number(retrieval.Guessed(t.test.Labels))
	return &job.Measures{
		Evaluation: e, Figures: retrievalFigures(figures), Tables: []measure.Table{t.galleries(figures), baselineTable(figures.Baselines)},
		Write: func(_ context.Context, dir string) error {
			if err := figures.Write(dir); err != nil {
				return err
			}
			return t.vectorsOf(t.test, x).Write(dir)
		},
	}, nil
}

// among searches for the test pictures, whose vectors are x, among those of a set that does not hold them.
func (t *searchTask) among(ctx context.Context, x []float32, set *data.Pictures) (*retrieval.Report, error) {
	vectors, err := t.look.Embed(ctx, set)
	if err != nil {
		return nil, err
	}
	return retrieval.Against(ctx, x, t.test.Labels, vectors, set.Labels, t.Dim, retrieval.Options{Distance: t.distance(), Mistakes: mistakesKept})
}

// retrievalFigures are what searching came to.
func retrievalFigures(figures *report.Retrieval) []measure.Figure {
	r := figures.Among
	best, _ := figures.Plainest()
	return []measure.Figure{
		share("precision_at_1", "Precision@1", "of the test pictures have one of their class as the nearest other one", r.Precision1),
		share("r_precision", "R-precision", "right ones among the R nearest, R being all of the class", r.RPrecision),
		share("map_at_r", "MAP@R", "as R-precision, but right ones count more in front", r.MAPAtR),
		measure.Quantity{Key: "nmi", Name: "NMI", Note: "how well clusters of the vectors agree with the classes, from 0 to 1"}.Of(*r.NMI),
		gain("precision@1", r.Precision1, best, best.Precision1),
	}
}

// galleries are the figures by what is searched.
func (t *searchTask) galleries(figures *report.Retrieval) measure.Table {
	table := measure.Table{Key: "among", Name: "among"}
	column := func(key, name string, unit measure.Unit) {
		table.Columns = append(table.Columns, measure.Quantity{Key: key, Name: name, Unit: unit})
	}
	column("queries", "Queries", measure.Count)
	for _, k := range figures.Among.Recall {
		column(fmt.Sprintf("recall_at_%d", k.K), fmt.Sprintf("Recall@%d", k.K), measure.Share)
	}
	column("r_precision", "R-precision", measure.Share)
	column("map_at_r", "MAP@R", measure.Share)
	add := func(name string, r *retrieval.Report) {
		values := []float64{float64(r.Queries)}
		for _, k := range r.Recall {
			values = append(values, k.Share)
		}
		table.Add(fmt.Sprintf("%d %s", r.Gallery, name), append(values, r.RPrecision, r.MAPAtR)...)
	}
	add("test pictures", figures.Among)
	if figures.InTraining != nil {
		add("training pictures", figures.InTraining)
	}
	return table
}

// batchMemory has a batch compared not only with itself but with the vectors of batches before, as
// they were then. Their loss is added to the batch's once the memory is full: until then the vectors change too fast for
// old ones to say anything.
type batchMemory struct {
	*pair.Memory[float32]
	size    int
	eval    func(b metricBatch) (float64, error)
	extra   []float32 // the gradient of the part against the memory
	checked bool      // what a checkpoint has put in
}

func newBatchMemory(size, dim int, eval func(b metricBatch) (float64, error)) (*batchMemory, error) {
	m, err := pair.NewMemory[float32](size, dim)
	return &batchMemory{Memory: m, size: size, eval: eval}, err
}

// loss evaluates a batch by itself and against the memory, and puts it in.
func (m *batchMemory) loss(b metricBatch) (float64, error) {
	if !m.checked {
		if err := m.Check(); err != nil {
			return 0, err
		}
		m.checked = true
	}
	sum, err := m.eval(b)
	nothing := errors.Is(err, train.ErrNothing)
	if err != nil && !nothing {
		return 0, err
	}
	if m.Len() == m.size {
		old := b
		m.extra = append(m.extra[:0], b.dx...)
		old.refs, old.refLabels, old.dx = m.Embeddings(), m.Labels(), m.extra
		switch more, err := m.eval(old); {
		case err == nil:
			nothing = false
			sum += more
			simd.AddTo(b.dx, m.extra)
		case !errors.Is(err, train.ErrNothing):
			return 0, err
		}
	}
	if sum-sum != 0 { // not finite: the step will be taken back
		return sum, nil
	}
	if err := m.Put(b.x, b.labels); err != nil {
		return 0, err
	}
	if nothing {
		return 0, train.ErrNothing
	}
	return sum, nil
}

// state is what checkpoints hold.
func (m *batchMemory) state() []tensor.Named {
	vectors, labels, place := m.State()
	return []tensor.Named{
		{Name: "memory.vectors", Tensor: rowsOf(vectors, len(vectors)/m.size)},
		{Name: "memory.labels", Tensor: shaped(labels, m.size)},
		{Name: "memory.place", Tensor: shaped(place, len(place))},
	}
}
