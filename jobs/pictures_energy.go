package jobs

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/train"
)

// A PictureEnergy is the energy of grey pictures that a finished run has, and whose chains draw: that of a run of generate, of jem with the labels
// summed out, or of rbm. That of a classifier, as of a run of digits, was not trained for it: its chains come to pictures that the classifier
// takes for a label, whatever they look like. It serves one goroutine at a time.
type PictureEnergy struct {
	H, W       int      // of the pictures
	Labels     []string // whose energies chains can move down, instead of that with all of them summed out; nil where the energy has none
	Binary     bool     // the pixels are 0 or 1, and chains move by Gibbs sweeps, which have no step size
	Classifier bool     // the energy was trained to tell labels alone

	surface  energy.Surface
	slopes   *energy.Slopes[float32]
	labeler  energy.Labeler       // of Labels
	machine  *energy.RBM[float32] // of Binary
	dark     bool
	langevin sampler.Langevin[float32] // as in training
}

// PictureUses says what finished runs with such settings are to grey pictures: tells, where OpenClassifier opens them, draws, where OpenPictureEnergy does. Of runs of pictures, whose
// networks differ, it looks into the folder.
func PictureUses(dir string, s job.Spec) (tells, draws bool) {
	switch s.(type) {
	case *Digits, *JEM:
		return true, true
	case *Generate, *RBM:
		return false, true
	case *Pictures:
		spec, err := classify.ReadSpec(dir)
		tells = err == nil && spec.Channels == 1
		return tells, tells && !spec.Imported
	}
	return false, false
}

// drawing is a job's model that has an energy of pictures.
type drawing interface{ pictureEnergy() *PictureEnergy }

// OpenPictureEnergy opens the energy of pictures of a finished run.
//
// Errors: those of job.Open and classify.Open; a run that has no energy of grey pictures, or one through another system's network, which has no slopes.
func OpenPictureEnergy(ctx context.Context, dir string, jobs []job.Job, env job.Env) (*PictureEnergy, error) {
	j, s, err := job.ReadConfig(dir, jobs)
	if err != nil {
		return nil, err
	}
	if _, ok := s.(*Pictures); ok {
		m, err := classify.Open(dir)
		if err != nil {
			return nil, err
		}
		if m.Channels != 1 || m.Imported {
			return nil, fmt.Errorf("%s takes pictures in colour, or begins with another system's network; chains draw grey pictures, with the slopes of energo's own", dir)
		}
		e := classifierEnergy(m, m.Height, m.Width)
		e.Labels, e.dark = m.Classes, m.DarkBackground
		return e, nil
	}
	r, err := job.Open(ctx, dir, jobs, env)
	if err != nil {
		return nil, err
	}
	m, ok := r.Model.(drawing)
	if !ok {
		return nil, fmt.Errorf("%s is a run of %s, which has no energy of pictures; chains draw by runs of generate, jem, rbm, digits and pictures", dir, j.Name)
	}
	return m.pictureEnergy(), nil
}

// The steps of chains down the energy of a classifier: no training has settled them.
const (
	classifierStep  = 0.2
	classifierClip  = 0.1
	classifierNoise = 0.002
)

// classifierEnergy is that of a labeler of pictures [B, 1, h, w].
func classifierEnergy(l energy.Labeler, h, w int) *PictureEnergy {
	flat := rowLabeler{l, h, w}
	surface := energy.Marginal{Labeler: flat, D: h * w}
	return &PictureEnergy{
		H: h, W: w, Labels: labelNames(l.Labels()), Classifier: true, surface: surface, slopes: energy.NewSlopes[float32](surface), labeler: flat,
		langevin: sampler.Langevin[float32]{StepSize: classifierStep, Noise: classifierNoise, Clip: classifierClip, Low: 0, High: 1},
	}
}

// rowLabeler is a labeler of pictures that takes them as rows.
type rowLabeler struct {
	energy.Labeler
	h, w int
}

func (l rowLabeler) Energies(x *autodiff.Var) *autodiff.Var {
	return l.Labeler.Energies(autodiff.Reshape(x, x.Shape()[0], 1, l.h, l.w))
}

func (t *digitsTask) pictureEnergy() *PictureEnergy {
	e := classifierEnergy(t.labeler, t.set.H, t.set.W)
	e.dark = data.PicturesOf(t.set, "").DarkBackground()
	return e
}

// energyOf is that of a surface of pictures like those of a set.
func energyOf(p *pictureSurface, set *data.Images) *PictureEnergy {
	return &PictureEnergy{H: p.h, W: p.w, surface: p.surface, slopes: p.slopes, dark: data.PicturesOf(set, "").DarkBackground()}
}

func (t *generateTask) pictureEnergy() *PictureEnergy {
	e := energyOf(t.pictureSurface, t.set)
	e.langevin = *t.c.langevin()
	return e
}

func (t *jemTask) pictureEnergy() *PictureEnergy {
	e := energyOf(t.density.pictureSurface, t.set)
	e.langevin, e.labeler, e.Labels, e.Classifier = *t.c.langevin(), t.labeler, labelNames(t.labeler.Labels()), t.c.Density == 0
	return e
}

func (t *rbmTask) pictureEnergy() *PictureEnergy {
	e := energyOf(t.pictureSurface, t.set)
	e.Binary, e.machine = true, t.rbm
	return e
}

// Fit writes a picture of any size and colour as the energy takes it, as data.Fit does, to dst [H·W], with pixels in [0, 1]. That of a set with a
// dark background takes a picture with a bright border as its negative; one of binary pixels those above a half as 1.
func (e *PictureEnergy) Fit(dst []float32, picture image.Image) {
	pixels := make([]byte, e.H*e.W)
	data.Fit(pixels, picture, 1, e.H, e.W)
	if e.dark {
		data.Darken(pixels, e.H, e.W)
	}
	for i, v := range pixels {
		dst[i] = float32(v) / 255
		if e.Binary {
			dst[i] = float32(math.Round(float64(dst[i])))
		}
	}
}

// Energies writes the energies of pictures [n, H·W] to dst.
func (e *PictureEnergy) Energies(dst []float64, pictures []float32) {
	e.slopes.Energies(dst, nil, pictures)
}

// PictureChains are chains of pictures.
type PictureChains struct {
	Pictures []float32 // [n, H·W], in [0, 1]; of binary pixels, after a move, the probabilities that they were drawn from
	Energies []float64 // [n]
	Steps    int

	of     *PictureEnergy
	rng    *rand.Rand
	target sampler.Target[float32]
	walk   sampler.Langevin[float32]
	state  *sampler.State[float32]
	gibbs  sampler.Gibbs[float32]
	probs  []float32
}

// Chains returns n chains that start from a picture [H·W], or, where that is nil, each from noise of its own. They move down the energy of a label, or
// with a label below 0 down that with all labels summed out. The same seed gives the same pictures; those from noise are also those that a run of generate draws in the end.
//
// Errors: a label that the energy does not have; a picture of another size; an energy that is not finite.
func (e *PictureEnergy) Chains(n int, start []float32, label int, seed uint64) (*PictureChains, error) {
	d := e.H * e.W
	if label >= len(e.Labels) {
		return nil, fmt.Errorf("label is %d; the energy has %d labels", label, len(e.Labels))
	}
	if start != nil && len(start) != d {
		return nil, fmt.Errorf("the picture has %d pixels; the energy takes %d×%d", len(start), e.H, e.W)
	}
	c := &PictureChains{of: e, rng: train.Rand(seed, "from noise", 0), target: e.slopes, walk: e.langevin}
	y := make([]float32, n*d)
	switch {
	case start != nil:
		for i := range n {
			copy(y[i*d:], start)
		}
	case e.Binary:
		for i := range y {
			y[i] = float32(c.rng.IntN(2))
		}
	default:
		sampler.Uniform[float32]{D: d, Low: 0, High: 1}.Draw(c.rng, y)
	}
	if label >= 0 {
		c.target = energy.NewSlopes[float32](energy.OneLabel{Labeler: e.labeler, Label: label, D: d})
	}
	var err error
	if c.state, err = sampler.NewState(c.target, y); err != nil {
		return nil, err
	}
	c.Pictures, c.Energies = c.state.Y, c.state.Energy
	return c, nil
}

// Move makes steps of every chain: of Langevin dynamics whose steps are times as long as in training and whose temperature is that of training by a factor, so that the
// noise's standard deviation is √(times·temperature) of training's; or of Gibbs sweeps at a temperature, for which times has no effect. Temperature 0 is gradient
// descent. It returns how many chains stayed in the last step, because something was not finite.
//
// Errors: the context's, with the chains at the last step that was whole; temperature 0 of Gibbs sweeps.
func (c *PictureChains) Move(ctx context.Context, steps int, times, temperature float64) (stayed int, err error) {
	var machine *energy.RBM[float32]
	if c.of.Binary {
		if temperature <= 0 {
			return 0, fmt.Errorf("temperature is %v; Gibbs sweeps need one above 0", temperature)
		}
		machine = c.of.machine.At(temperature)
		c.probs = make([]float32, len(c.state.Y))
	}
	c.walk.StepSize = c.of.langevin.StepSize * times
	c.walk.Noise = c.of.langevin.Noise * math.Sqrt(times*temperature)
	for range steps {
		if err := ctx.Err(); err != nil {
			return stayed, err
		}
		if machine != nil {
			stayed = c.gibbs.Step(c.rng, machine, c.state.Y, c.probs)
			c.Pictures = c.probs
		} else {
			stayed = c.walk.Step(c.rng, c.target, c.state).Diverged
			c.Pictures = c.state.Y
		}
		c.Steps++
	}
	if machine != nil && steps > 0 {
		c.state.Refresh(c.target)
	}
	c.Energies = c.state.Energy
	return stayed, nil
}
