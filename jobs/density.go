package jobs

import (
	"context"
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
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// pictureSurface is an energy over pictures, and how it is looked at.
type pictureSurface struct {
	weights
	surface energy.Surface
	slopes  *energy.Slopes[float32]
	h, w    int
	diagnosed
	shuffled []int // order of the pixels of an offending picture
}

func newPictureSurface(net nn.Module, s energy.Surface, h, w int, architecture string) *pictureSurface {
	return &pictureSurface{
		weights: weights{net}, surface: s, slopes: energy.NewSlopes[float32](s), h: h, w: w, shuffled: pixelOrder(h * w),
		diagnosed: diagnosed{subject: train.Subject{Loss: "of the contrast", Architecture: architecture, Terms: pictureTerms("energies", measure.Plain)}},
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
	return e, inBatches(ctx, len(e), func(lo, hi int) error {
		p.slopes.Energies(e[lo:hi], nil, y[lo*d:hi*d])
		return nil
	})
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
	y := make([]float32, set.N*set.Size())
	set.Batch(y, numbers(0, set.N))
	return y
}

// numbers lists lo to hi−1.
func numbers(lo, hi int) []int {
	all := make([]int, hi-lo)
	for i := range all {
		all[i] = lo + i
	}
	return all
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

// density is a surface of pictures that trains by the contrast of its energies with those of chains, and is filmed.
type density struct {
	*pictureSurface
	chains    Chains
	seed      uint64
	objective objective.Contrast[float32]
	buffer    *tensor.Tensor // [chains, pixels], which persist; nil where chains start from the data
	batch     *tensor.Tensor
	film      *pictureFilm
}

// newDensity returns the density of a surface that is trained on a set; title is that of the film.
func newDensity(c Chains, t *job.Training, s *pictureSurface, set *data.Images, title string) (*density, error) {
	d := &density{
		pictureSurface: s, chains: c, seed: t.Seed, batch: tensor.New(tensor.Float32), film: newPictureFilm(title, set, t.Epochs, t.Batch),
	}
	d.objective.EnergyL2 = c.EnergyL2
	var err error
	d.objective.Chains, d.buffer, err = c.negatives(set.Size(), t.Seed)
	return d, err
}

// State implements train.Stateful: the chains and the film.
func (d *density) State() []tensor.Named { return append(chainsState(d.buffer), d.film.State()...) }

// ShowFilm implements job.Filmed.
func (d *density) ShowFilm(dir string) error { return d.film.Show(dir) }

// noisy returns a batch of a set's pictures, with the settings' noise.
func (d *density) noisy(set *data.Images, b train.Batch) *tensor.Tensor {
	d.chains.noisy(d.batch, set, b.Samples, b.Rand)
	return d.batch
}

// contrast records the loss of pictures.
func (d *density) contrast(tape *autodiff.Tape, y *tensor.Tensor, b train.Batch) (*autodiff.Var, error) {
	return d.objective.Record(tape, d.surface, y, b.Rand)
}

// draws returns up to n chains as they stand; without a buffer, short runs from noise.
func (d *density) draws(ctx context.Context, n, steps int) ([]float32, error) {
	if d.buffer != nil {
		return d.buffer.Float32s()[:min(n, d.chains.Buffer)*d.h*d.w], nil
	}
	return d.fromNoise(ctx, d.chains, min(n, planePairs), steps, d.seed)
}
