package jobs

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// generateJob trains energies of pictures that draw.
var generateJob = job.Job{
	Name: "generate", Folder: "generate", Short: "Train an energy of pictures that draws digits",
	Long: `Trains a convolutional energy E(y) of pictures by contrastive divergence: real pictures are pushed
down, and what chains of Langevin dynamics come to is pushed up. The chains persist from step to step (PCD);
with --buffer 0 they start from the data (CD-k). In the end they draw pictures, also from noise, and fill in
the covered halves of test pictures.

What is drawn is held against the test pictures: squared maximum mean discrepancy (the run's error), the
confidence and the entropies of a classifier trained beside, the distance to the nearest training picture.
The run's folder is as that of train digits, with sheets of pictures under plots/.

The data is MNIST, or any MNIST-like set of four IDX files (--data).`,
	Examples: []string{"", "--epochs 20 --width 32", "--run runs/mine --resume"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Epochs, t.Batch, t.LR, t.Clip, t.EMA, t.Validation = 6, 64, 1e-3, 0.1, 0.999, 1000
		return &Generate{Chains: defaultChains(), Training: t}
	},
}

// Generate is the settings of the job generate.
type Generate struct {
	Labelled
	Chains
	job.Training
}

func (c *Generate) Options() option.List {
	list := append(option.List{c.Labelled.option()}, c.Chains.options(func() string { return "" })...)
	return append(list, c.Training.Options()...)
}

func (c *Generate) Folder() string { return "generate" }

func (c *Generate) Open(ctx context.Context, env job.Env) (job.Model, error) {
	sets, err := c.shownSets(ctx, env, &c.Training)
	if err != nil {
		return nil, err
	}
	if err := checkJudge(sets.whole, c.Seed); err != nil {
		return nil, err
	}
	if sets.test.N < 2 {
		return nil, errors.New("there is one test image; what is drawn is compared with two at least")
	}
	sets.held = sets.evaluated(false) // of all epochs: chains are held against as many pictures
	d, err := newDensity(c.Chains, &c.Training, c.model(sets.set), sets.set, "The plane through three training pictures")
	return &generateTask{shownSets: sets, density: d, c: c}, err
}

// Load implements job.Model: the chains come with the weights.
func (t *generateTask) Load(dir string) error { return t.loadWithState(dir, t) }

// shownEach is how many pictures of a kind are shown.
const shownEach = 100

// generated is what a density draws, [n, H·W] each.
type generated struct {
	chains, fromNoise      []float32
	whole, covered, filled []float32
}

// Measure implements job.Model: it looks at what the density draws, also by the eyes of a classifier. The error is the squared
// maximum mean discrepancy of the chains from test pictures.
func (t *generateTask) Measure(ctx context.Context) (*job.Measures, error) {
	real, _ := some(t.test, judged, train.Rand(t.c.Seed, "measure", 0))
	g := &generated{}
	var err error
	if g.chains, err = t.draws(ctx, judged, freshSteps); err != nil {
		return nil, err
	}
	e, err := t.diagnose(ctx, t.test, discrepancyOf(g.chains, real, t.test.Size()), math.NaN())
	if err != nil {
		return nil, err
	}
	energies, err := t.energies(ctx, g.chains)
	if err != nil {
		return nil, err
	}
	if g.fromNoise, err = t.fromNoise(ctx, t.c.Chains, judged, freshSteps, t.c.Seed); err != nil {
		return nil, err
	}
	j, err := newJudge(ctx, t.whole, t.c.Seed)
	if err != nil {
		return nil, err
	}
	wrong, err := j.task.measureImages(ctx, t.test)
	if err != nil {
		return nil, err
	}
	qualities, err := j.qualities(ctx, []judgedPictures{{"test pictures", real}, {"chains", g.chains}, {"from noise", g.fromNoise}})
	if err != nil {
		return nil, err
	}
	inpainting, rms, err := t.inpaint(ctx, g, j)
	if err != nil {
		return nil, err
	}
	return &job.Measures{
		Evaluation: e, Tables: []measure.Table{qualities, inpainting},
		Figures: []measure.Figure{
			measure.Quantity{Key: "chains_energy", Name: "Chains' energy", Note: "mean; close to the test pictures' where training went well"}.Of(measure.Mean(energies)),
			measure.Quantity{Key: "inpainting_rms", Name: "Filled halves off", Note: "root mean squared difference from the true half, a pixel"}.Of(rms),
			share("judge_error", "Classifier's error", "of the test pictures are wrong for the classifier that looks at what is drawn", float64(wrong.Error.Value)),
		},
		Write: func(ctx context.Context, dir string) error { return t.write(ctx, dir, g, j) },
	}, nil
}

// inpaint covers the lower half of test pictures and lets chains fill it in. The table says how often the classifier sees the
// right label; rms is the root mean squared difference from the true half, a pixel.
func (t *generateTask) inpaint(ctx context.Context, g *generated, j *judge) (seen measure.Table, rms float64, err error) {
	var labels []byte
	g.whole, labels = some(t.test, inpainted, train.Rand(t.c.Seed, "inpaint", 0))
	d, free := t.test.Size(), t.lowerHalf()
	g.covered = slices.Clone(g.whole)
	for i := range labels {
		clear(g.covered[i*d+free[0] : (i+1)*d])
	}
	if g.filled, err = t.fill(ctx, g.whole, 0); err != nil {
		return seen, 0, err
	}
	var squares float64
	for i, v := range g.filled {
		squares += float64(v-g.whole[i]) * float64(v-g.whole[i])
	}
	rms = math.Sqrt(measure.Ratio(squares, float64(len(labels)*len(free))))
	seen = measure.Table{Key: "inpainting", Name: "lower halves", Columns: []measure.Quantity{
		{Key: "n", Name: "Pictures", Unit: measure.Count}, {Key: "seen", Name: "Label seen", Unit: measure.Share, Note: "by the classifier"},
	}}
	for _, of := range []judgedPictures{{"as they are", g.whole}, {"covered", g.covered}, {"filled in", g.filled}} {
		right, err := j.accuracy(ctx, of.pixels, labels)
		if err != nil {
			return seen, 0, err
		}
		seen.Add(of.name, float64(len(labels)), right)
	}
	return seen, rms, nil
}

// lowerHalf lists the pixels of a picture's lower half.
func (t *generateTask) lowerHalf() []int { return numbers(t.test.H/2*t.test.W, t.test.Size()) }

// fill returns pictures with lower halves that chains came to from noise, each time of another stream.
func (t *generateTask) fill(ctx context.Context, whole []float32, stream uint64) ([]float32, error) {
	free := t.lowerHalf()
	target, err := sampler.NewConditional[float32](t.slopes, whole, free)
	if err != nil {
		return nil, err
	}
	rng := train.Rand(t.c.Seed, "fill", stream)
	y := make([]float32, len(whole)/t.test.Size()*len(free))
	sampler.Uniform[float32]{D: len(free), Low: 0, High: 1}.Draw(rng, y)
	if err := t.c.walk(ctx, rng, target, y, freshSteps); err != nil {
		return nil, err
	}
	return slices.Clone(target.Whole(y)), nil
}

// write writes the film of training, and sheets of what was drawn and filled in.
func (t *generateTask) write(ctx context.Context, dir string, g *generated, j *judge) error {
	shown := func(y []float32) []float32 { return y[:min(shownEach*t.test.Size(), len(y))] }
	fromNoise := shown(g.fromNoise)
	_, index, err := j.neighbours(ctx, fromNoise)
	if err != nil {
		return err
	}
	near := make([]float32, len(fromNoise))
	t.whole.Batch(near, index)
	again, err := t.fill(ctx, g.whole, 1)
	if err != nil {
		return err
	}
	if err := surface.Write(dir, []surface.Film{t.film.Taken()}); err != nil {
		return err
	}
	const columns = 20
	return report.WriteSheets(dir, []report.Sheet{
		sheet(t.test, columns, "from-noise", "Pictures from noise", "Langevin dynamics from noise, each chain on its own.", fromNoise),
		sheet(t.test, columns, "chains", "The chains of training", "As the last step left them; some have started from noise just before.", shown(g.chains)),
		sheet(t.test, columns, "neighbours", "Nearest training pictures", "Pictures from noise, and below each the picture of the training set that is nearest to it.", fromNoise, near),
		sheet(t.test, columns, "inpainting", "Covered halves filled in", "Test pictures; the same with their lower halves covered; and two fillings from different noise.",
			shown(g.whole), shown(g.covered), shown(g.filled), shown(again)),
	})
}

// generateTask is a density of pictures as train sees it.
type generateTask struct {
	shownSets
	*density
	c *Generate
}

// model returns the untrained surface for pictures like those of set.
func (c *Generate) model(set *data.Images) *pictureSurface {
	net := c.network(set.H, set.W, 1, train.Rand(c.Seed, "init", 0))
	return newPictureSurface(net, energy.Density{Net: net, D: set.Size()}, set.H, set.W, "a convolutional E(y)")
}

func (t *generateTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	return t.contrast(tape, t.noisy(t.set, b), b)
}

// Evaluate implements train.Task. The error is how far the chains are from pictures held
// out, as two samples: the squared maximum mean discrepancy. The film gets a frame.
func (t *generateTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	n := t.held.N
	if !t.scaled {
		n = planePairs
	}
	draws, err := t.draws(ctx, n, freshSteps)
	if err != nil {
		return train.Evaluation{}, err
	}
	held := pixelsOf(t.held)
	e, err := t.diagnose(ctx, t.held, discrepancyOf(draws, held, t.set.Size()), math.NaN())
	if err != nil || e.Fault() != "" { // the run does not continue from a fault, which gets no frame
		return e, err
	}
	return e, t.film.look(ctx, t.pictureSurface, held, draws)
}

// discrepancyOf is the error of a density: how far its draws are from real pictures.
func discrepancyOf(draws, real []float32, d int) measure.Figure {
	q := measure.Quantity{Key: "discrepancy", Name: "Discrepancy", Note: "squared kernel discrepancy of the chains from real pictures"}
	if alike(real, d) {
		q.Note = "the real pictures are all alike and have no variance, which the kernel's width is taken from"
	}
	return q.Of(pictureDiscrepancy(draws, real, d))
}

// alike tells whether rows of d pixels are all the same.
func alike(y []float32, d int) bool {
	for i, v := range y {
		if v != y[i%d] {
			return false
		}
	}
	return true
}

// pictureDiscrepancy is the squared maximum mean discrepancy of two samples of pictures,
// unbiased, with a Gaussian kernel whose variance is the mean squared distance within the
// second, the real ones. It is NaN where those are all alike, where a pixel is not finite, and where
// a sample has less than two pictures.
//
// Source: [gretton2012].
func pictureDiscrepancy(a, b []float32, d int) float64 {
	if alike(b, d) { // rounding would make a scale of them
		return math.NaN()
	}
	within := squaredDistances(b, b, d)
	n := len(b) / d
	scale := measure.Ratio(simd.Sum(within), float64(n*(n-1)))
	mean := func(x []float32, same int) float64 {
		var sum float64
		for _, v := range x {
			sum += math.Exp(-float64(v) / (2 * scale))
		}
		return measure.Ratio(sum-float64(same), float64(len(x)-same)) // a picture's kernel with itself is 1
	}
	return mean(squaredDistances(a, a, d), len(a)/d) + mean(within, n) - 2*mean(squaredDistances(a, b, d), 0)
}

// squaredDistances returns ‖aᵢ − bⱼ‖², [len(a)/d, len(b)/d].
func squaredDistances(a, b []float32, d int) []float32 {
	tape := autodiff.NewTape(tensor.Float32)
	tape.NoGrad = true
	return autodiff.SquaredDistances(tape.Const(rowsOf(a, d)), tape.Const(rowsOf(b, d))).Value.Float32s()
}

// rowsOf and shaped make numbers tensors, of rows of d and of a shape that holds them.
func rowsOf(y []float32, d int) *tensor.Tensor { return shaped(y, len(y)/d, d) }

func shaped(x []float32, shape ...int) *tensor.Tensor {
	t, err := tensor.FromFloat32(x, shape...)
	if err != nil {
		panic(err) // lengths of our own making
	}
	return t
}
