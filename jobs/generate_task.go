package jobs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/train"
)

// pictureSurface is an energy over pictures, and how it is looked at.
type pictureSurface struct {
	weights
	surface  energy.Surface
	slopes   *energy.Slopes[float32]
	h, w     int
	subject  train.Subject
	shuffled []int // order of the pixels of an offending picture
}

func newPictureSurface(net nn.Module, s energy.Surface, h, w int, architecture string) *pictureSurface {
	return &pictureSurface{
		weights: weights{net}, surface: s, slopes: energy.NewSlopes[float32](s), h: h, w: w, shuffled: pixelOrder(h * w),
		subject: train.Subject{Loss: "of the contrast", Architecture: architecture, Terms: pictureTerms("energies", measure.Plain)},
	}
}

// pictureTerms are those of energies of pictures, held against the same with their pixels shuffled.
func pictureTerms(energies string, unit measure.Unit) train.Terms {
	return train.Terms{
		Energies: energies, Samples: "pictures", Correct: "the pictures", Offending: "the same with shuffled pixels", Unit: unit,
		Kept: train.ToldApart("of the pictures are lower than the same with shuffled pixels"),
	}
}

// energies returns the energies of pictures [n, h·w].
func (p *pictureSurface) energies(ctx context.Context, y []float32) ([]float64, error) {
	d := p.h * p.w
	e := make([]float64, len(y)/d)
	for lo := 0; lo < len(e); lo += evalBatch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(lo+evalBatch, len(e))
		p.slopes.Energies(e[lo:hi], nil, y[lo*d:hi*d])
	}
	return e, nil
}

// diagnose holds the energies of pictures against those of the same with their pixels
// shuffled. The job's error and what it is by chance are the caller's.
func (p *pictureSurface) diagnose(ctx context.Context, set *data.Images, failure measure.Figure, chance float64) (train.Evaluation, error) {
	y := pixelsOf(set)
	correct, err := p.energies(ctx, y)
	if err != nil {
		return train.Evaluation{}, err
	}
	shufflePixels(y, p.shuffled)
	other, err := p.energies(ctx, y)
	if err != nil {
		return train.Evaluation{}, err
	}
	stats := make([]functional.LabelStats, set.N)
	for i := range stats {
		stats[i] = functional.LabelStats{Correct: correct[i], Offending: other[i], Answer: 1, Spread: math.Abs(other[i]-correct[i]) / 2}
	}
	return train.Diagnose(stats, p.subject, failure, chance), nil
}

// pixelsOf returns all pictures of a set, [N, H·W] in [0, 1].
func pixelsOf(set *data.Images) []float32 {
	indices := make([]int, set.N)
	for i := range indices {
		indices[i] = i
	}
	y := make([]float32, set.N*set.Size())
	set.Batch(y, indices)
	return y
}

// generateTask is a density of pictures as train sees it.
type generateTask struct {
	*pictureSurface
	labelledSets
	c         *Generate
	whole     *data.Images // all training pictures, held-out ones too
	objective objective.Contrast[float32]
	buffer    *tensor.Tensor // [chains, pixels]; nil where chains start from the data
	batch     *tensor.Tensor
	film      *pictureFilm
}

func newGenerateTask(c *Generate, trainSet, testSet *data.Images) (*generateTask, error) {
	sets, err := newLabelledSets(&c.Training, trainSet, testSet)
	if err != nil {
		return nil, err
	}
	model, err := c.model(trainSet)
	if err != nil {
		return nil, err
	}
	sets.held = sets.evaluated() // of all epochs: chains are held against as many pictures
	t := &generateTask{
		pictureSurface: model, labelledSets: sets, c: c, whole: trainSet, batch: tensor.New(tensor.Float32),
		film: newPictureFilm("The plane through three training pictures", sets.set, c.Epochs, c.Batch),
	}
	t.objective.EnergyL2 = c.EnergyL2
	t.objective.Chains, t.buffer, err = c.negatives(trainSet.Size(), c.Seed)
	return t, err
}

// model returns the untrained surface for pictures like those of set.
func (c *Generate) model(set *data.Images) (*pictureSurface, error) {
	if set.H > maxSide || set.W > maxSide {
		return nil, fmt.Errorf("the pictures have %d×%d pixels; this recipe takes up to %d×%d", set.H, set.W, maxSide, maxSide)
	}
	net := c.network(set.H, set.W, 1, train.Rand(c.Seed, "init", 0))
	return newPictureSurface(net, energy.Density{Net: net, D: set.Size()}, set.H, set.W, "a convolutional E(y)"), nil
}

// Params implements train.Task.
func (t *generateTask) Params() []*autodiff.Param { return t.surface.Params() }

// Scale implements job.Model.
func (t *generateTask) Scale(spread measure.Number) { t.subject.Scale, t.scaled = spread, true }

// State implements train.Stateful: the chains and the film.
func (t *generateTask) State() []tensor.Named {
	return append(chainsState(t.buffer), t.film.state()...)
}

// Loss implements train.Task.
func (t *generateTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.c.noisy(t.batch, t.set, b.Samples, b.Rand)
	return t.objective.Record(tape, t.surface, t.batch, b.Rand)
}

// Evaluate implements train.Task. The error is how far the chains are from pictures held
// out, as two samples: the squared maximum mean discrepancy. The film gets a frame.
func (t *generateTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	n := t.held.N
	if !t.scaled {
		n = planePairs
	}
	draws, err := t.draws(ctx, n)
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

// draws returns up to n chains as they stand; without a buffer, short runs from noise.
func (t *generateTask) draws(ctx context.Context, n int) ([]float32, error) {
	if t.buffer != nil {
		return t.buffer.Float32s()[:min(n, t.c.Buffer)*t.set.Size()], nil
	}
	return t.fromNoise(ctx, t.c.Chains, min(n, 200), freshSteps, t.c.Seed)
}

// fromNoise returns n pictures that chains came to from noise.
func (p *pictureSurface) fromNoise(ctx context.Context, c Chains, n, steps int, seed uint64) ([]float32, error) {
	rng := train.Rand(seed, "from noise", 0)
	noise := sampler.Uniform[float32]{D: p.h * p.w, Low: 0, High: 1}
	y := make([]float32, n*p.h*p.w)
	noise.Draw(rng, y)
	return y, c.walk(ctx, rng, p.slopes, y, steps)
}

// walk moves chains y on by Langevin steps, some at once.
func (c Chains) walk(ctx context.Context, rng *rand.Rand, target sampler.Target[float32], y []float32, steps int) error {
	const atOnce = 25
	run := sampler.Chains[float32]{Sampler: c.langevin()}
	for ; steps > 0; steps -= atOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		run.Steps = min(steps, atOnce)
		run.Draw(rng, target, y, y)
	}
	return nil
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

func rowsOf(y []float32, d int) *tensor.Tensor {
	t, err := tensor.FromFloat32(y, len(y)/d, d)
	if err != nil {
		panic(err) // lengths of our own making
	}
	return t
}
