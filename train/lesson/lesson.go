package lesson

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/data/toy"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/train"
)

// Lesson is a surface that is trained.
type Lesson struct {
	s         Settings
	surface   energy.Surface
	params    []*autodiff.Param
	optimizer optim.Optimizer
	sgd       *optim.SGD // the optimizer, of answers
	adam      *optim.Adam
	tape      *autodiff.Tape
	steps     int
	loss      float64
	scale     float64 // spread of the energies before training

	answers    *Answers // nil for a density
	functional functional.Functional
	trained    Trained
	slopes     *energy.Slopes[float32]
	toy        *toy.Distribution
	x, y       *tensor.Tensor // of a batch; x of answers alone
}

// New makes a lesson ready, untrained.
func New(s Settings) (*Lesson, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("lesson: %w", err)
	}
	l := &Lesson{s: s, tape: autodiff.NewTape(tensor.Float32), x: tensor.New(tensor.Float32), y: tensor.New(tensor.Float32), loss: math.NaN()}
	l.tape.Training = true
	if err := l.make(); err != nil {
		return nil, fmt.Errorf("lesson: %w", err)
	}
	if err := l.set(s); err != nil {
		return nil, fmt.Errorf("lesson: %w", err)
	}
	v, err := l.Look(33)
	l.scale = float64(v.Spread)
	return l, err
}

// make makes the network and its optimiser.
func (l *Lesson) make() error {
	if !l.s.answers() {
		d := NewPlane(train.Rand(l.s.Seed, "init", 0))
		l.adam = &optim.Adam{}
		l.surface, l.optimizer = d, l.adam
	} else {
		d, err := NewCodeDistance(l.s.Energy, train.Rand(l.s.Seed, "parabola", 0))
		if err != nil {
			return err
		}
		if l.answers, err = NewAnswers(d); err != nil {
			return err
		}
		l.sgd = &optim.SGD{}
		l.surface, l.optimizer = d, l.sgd
	}
	l.slopes = energy.NewSlopes[float32](l.surface)
	return nil
}

// Settings are the lesson's, as they are now.
func (l *Lesson) Settings() Settings { return l.s }

// Steps is how many there have been.
func (l *Lesson) Steps() int { return l.steps }

// Change trains on with other settings. The network stays, so Energy, Seed and whether the surface is of answers or a density cannot change.
func (l *Lesson) Change(s Settings) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("lesson: %w", err)
	}
	if s.answers() != l.s.answers() || s.Energy != l.s.Energy || s.Seed != l.s.Seed {
		return fmt.Errorf("lesson: set, energy and seed are %s, %q and %d; what is trained has %s, %q and %d, and another network is another lesson",
			s.Set, s.Energy, s.Seed, l.s.Set, l.s.Energy, l.s.Seed)
	}
	if err := l.set(s); err != nil {
		return fmt.Errorf("lesson: %w", err)
	}
	return nil
}

// set takes what of the settings can change.
func (l *Lesson) set(s Settings) (err error) {
	if s.answers() {
		if l.functional, err = s.functional(); err != nil {
			return err
		}
		l.answers.Ball, l.sgd.WeightDecay = s.around(), s.Decay
		l.params = l.surface.Params()
		l.s = s
		return nil
	}
	if l.toy, err = toyOf(s.Set); err != nil {
		return err
	}
	if l.trained.Objective == nil || s.Objective != l.s.Objective {
		if l.trained, err = NewObjective(s.Objective, train.Rand(s.Seed, "step", 0)); err != nil {
			return err
		}
		decay := l.adam.WeightDecay
		l.adam = &optim.Adam{WeightDecay: decay} // whose moments are of another loss's gradients, and of other parameters
		l.optimizer = l.adam
		l.params = append(append([]*autodiff.Param{}, l.surface.Params()...), l.trained.More...)
	}
	l.adam.WeightDecay = s.Decay
	l.s = s
	return nil
}

// toyOf is the distribution of a set, nil for points of one's own.
func toyOf(set string) (*toy.Distribution, error) {
	if set == points {
		return nil, nil
	}
	return toy.New(set)
}

// clip bounds the gradient's norm, as in the jobs.
const clip = 1

// Step trains n steps. Where the loss or the weights are no finite numbers any more it fails, and the lesson is over.
func (l *Lesson) Step(n int) error {
	for range n {
		rng := train.Rand(l.s.Seed, "step", uint64(l.steps)+1)
		l.draw(rng)
		l.tape.Reset()
		for _, p := range l.params {
			p.ZeroGrad()
		}
		loss, err := l.record(rng)
		if err != nil {
			return fmt.Errorf("lesson: step %d: %w", l.steps+1, err)
		}
		l.tape.Backward(loss)
		norm := optim.ClipNorm(l.params, clip)
		l.loss = float64(loss.Value.Float32s()[0])
		if v := l.loss + norm; math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("lesson: step %d: %w: the loss is %v, and the gradient's norm %v", l.steps+1, train.ErrDiverged, l.loss, norm)
		}
		l.optimizer.Step(l.params, l.s.Rate)
		l.steps++
	}
	return nil
}

// record records the mean loss of a batch.
func (l *Lesson) record(rng *rand.Rand) (*autodiff.Var, error) {
	if l.answers != nil {
		return l.answers.Record(l.tape, l.functional, l.x, l.y, rng)
	}
	return l.trained.Record(l.tape, l.surface, l.y, rng)
}

// draw draws a batch.
func (l *Lesson) draw(rng *rand.Rand) {
	n := l.s.Batch
	if l.answers == nil {
		l.y.Resize(n, 2)
		l.drawPlane(rng, l.y.Float32s())
		return
	}
	l.x.Resize(n, 1)
	l.y.Resize(n, 1)
	for i := range n {
		x := rng.Float64()*2 - 1
		p := [2]float64{x, x * x}
		if l.s.Set == pairs {
			p = l.s.Points[rng.IntN(len(l.s.Points))]
		}
		l.x.Float32s()[i], l.y.Float32s()[i] = float32(p[0]), float32(p[1])
	}
}

// drawPlane draws points of the plane.
func (l *Lesson) drawPlane(rng *rand.Rand, y []float32) {
	if l.toy != nil {
		l.toy.Draw(rng, y)
		return
	}
	for i := 0; i < len(y); i += 2 {
		p := l.s.Points[rng.IntN(len(l.s.Points))]
		y[i], y[i+1] = float32(p[0]), float32(p[1])
	}
}
