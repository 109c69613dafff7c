package recipe

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/objective"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// pictureSurface is an energy over pictures, and how it is looked at.
type pictureSurface struct {
	net      nn.Module // to be saved
	surface  energy.Surface
	slopes   *energy.Slopes[float32]
	h, w     int
	subject  train.Subject
	shuffled []int // order of the pixels of an offending picture
}

func newPictureSurface(net nn.Module, s energy.Surface, h, w int, architecture string) *pictureSurface {
	return &pictureSurface{
		net: net, surface: s, slopes: energy.NewSlopes[float32](s), h: h, w: w, shuffled: pixelOrder(h * w),
		subject: train.Subject{Functional: functional.NLL{Beta: 1}, Architecture: architecture},
	}
}

// energies returns the energies of pictures [n, h·w].
func (p *pictureSurface) energies(y []float32) []float64 {
	e := make([]float64, len(y)/(p.h*p.w))
	p.slopes.Energies(e, nil, y)
	return e
}

// diagnose holds the energies of pictures against those of the same with their pixels
// shuffled.
func (p *pictureSurface) diagnose(set *data.Images) train.Diagnosis {
	y := pixelsOf(set)
	correct := p.energies(y)
	shufflePixels(y, p.shuffled)
	other := p.energies(y)
	stats := make([]functional.LabelStats, set.N)
	for i := range stats {
		stats[i] = functional.LabelStats{Correct: correct[i], Offending: other[i], Answer: 1, Spread: math.Abs(other[i]-correct[i]) / 2}
	}
	return train.Diagnose(stats, p.subject)
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
	c         GenerateConfig
	set, held *data.Images
	objective objective.Contrast[float32]
	buffer    *tensor.Tensor // [chains, pixels]; nil where chains start from the data
	batch     *tensor.Tensor
	film      *pictureFilm
}

func newGenerateTask(c GenerateConfig, set *data.Images) (*generateTask, error) {
	part, held, err := c.parts(set)
	if err != nil {
		return nil, err
	}
	model, err := c.model(set)
	if err != nil {
		return nil, err
	}
	t := &generateTask{pictureSurface: model, c: c, set: part, held: held.Subset(0, min(scaleSample, held.N)), batch: tensor.New(tensor.Float32)}
	t.objective.EnergyL2 = c.EnergyL2
	t.objective.Chains, t.buffer, err = c.negatives(set.Size(), c.Seed)
	if err != nil {
		return nil, err
	}
	t.subject.Scale = t.diagnose(t.held).Spread
	t.film = newPictureFilm(part, c.Epochs, c.Batch)
	t.film.take(t.pictureSurface, pixelsOf(t.held), t.draws(planePairs))
	return t, nil
}

// model returns the untrained surface for pictures like those of set.
func (c GenerateConfig) model(set *data.Images) (*pictureSurface, error) {
	if set.H > maxSide || set.W > maxSide {
		return nil, fmt.Errorf("the pictures have %d×%d pixels; this recipe takes up to %d×%d", set.H, set.W, maxSide, maxSide)
	}
	net := c.network(set.H, set.W, 1, train.Rand(c.Seed, "init", 0))
	return newPictureSurface(net, energy.Density{Net: net, D: set.Size()}, set.H, set.W, "a convolutional E(y)"), nil
}

// Params implements train.Task.
func (t *generateTask) Params() []*autodiff.Param { return t.surface.Params() }

// Samples implements train.Task.
func (t *generateTask) Samples() int { return t.set.N }

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
// out, as two samples: the squared maximum mean discrepancy.
func (t *generateTask) Evaluate() (train.Evaluation, error) {
	draws := t.draws(t.held.N)
	t.film.take(t.pictureSurface, pixelsOf(t.held), draws)
	return train.Evaluation{Error: pictureDiscrepancy(draws, pixelsOf(t.held), t.set.Size()), Diagnosis: t.diagnose(t.held)}, nil
}

// draws returns up to n chains as they stand; without a buffer, short runs from noise.
func (t *generateTask) draws(n int) []float32 {
	if t.buffer != nil {
		return t.buffer.Float32s()[:min(n, t.c.Buffer)*t.set.Size()]
	}
	return t.fromNoise(t.c.Chains, min(n, 200), freshSteps, t.c.Seed)
}

// freshSteps is how many Langevin steps turn noise into a picture.
const freshSteps = 300

// fromNoise returns n pictures that chains came to from noise.
func (p *pictureSurface) fromNoise(c Chains, n, steps int, seed uint64) []float32 {
	rng := train.Rand(seed, "from noise", 0)
	noise := sampler.Uniform[float32]{D: p.h * p.w, Low: 0, High: 1}
	run := sampler.Chains[float32]{Sampler: c.langevin(), Steps: steps}
	y := make([]float32, n*p.h*p.w)
	noise.Draw(rng, y)
	run.Draw(rng, p.slopes, y, y)
	return y
}

// pictureDiscrepancy is the squared maximum mean discrepancy of two samples of pictures,
// unbiased, with a Gaussian kernel whose variance is the mean squared distance within the
// second, the real ones.
//
// Source: [gretton2012].
func pictureDiscrepancy(a, b []float32, d int) float64 {
	within := squaredDistances(b, b, d)
	n := len(b) / d
	scale := simd.Sum(within) / float64(max(n*(n-1), 1))
	mean := func(x []float32, same int) float64 {
		var sum float64
		for _, v := range x {
			sum += math.Exp(-float64(v) / (2 * scale))
		}
		return (sum - float64(same)) / float64(max(len(x)-same, 1)) // a picture's kernel with itself is 1
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
