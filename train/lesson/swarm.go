package lesson

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/train"
)

// Samplers are the names of those that a [Swarm] takes.
func Samplers() []string { return []string{"langevin", "mala", "hmc", "descent"} }

// Chains are how a [Swarm] moves.
type Chains struct {
	Sampler string  `json:"sampler"` // one of Samplers; descent is Langevin dynamics without noise
	Size    float64 `json:"size"`    // of a step
	Beta    float64 `json:"beta"`    // the chains draw from exp(−βE)
	Seed    uint64  `json:"seed"`
}

// Swarm is chains on a lesson's surface, which follow it as it is trained. On a surface of answers they keep their inputs.
type Swarm struct {
	l       *Lesson
	slopes  *energy.Slopes[float32]
	target  sampler.Target[float32]
	sampler sampler.Sampler[float32]
	state   *sampler.State[float32]
	rng     *rand.Rand
	x       []float64 // inputs, of answers
}

const maxChains = 10000

// NewSwarm starts chains at places of the plane.
func NewSwarm(l *Lesson, c Chains, places [][2]float64) (*Swarm, error) {
	if err := checkPlaces(places); err != nil {
		return nil, err
	}
	w := &Swarm{l: l, slopes: energy.NewSlopes[float32](l.surface), rng: train.Rand(c.Seed, "swarm", 0)}
	if err := w.Change(c); err != nil {
		return nil, err
	}
	y := flat(places)
	if l.answers != nil {
		y = y[:0]
		for _, p := range places {
			w.x, y = append(w.x, p[0]), append(y, float32(p[1]))
		}
	}
	w.refresh(c.Beta)
	var err error
	w.state, err = sampler.NewState(w.target, y)
	return w, err
}

// checkPlaces checks where chains start.
func checkPlaces(places [][2]float64) error {
	if len(places) < 1 || len(places) > maxChains {
		return fmt.Errorf("lesson: places has %d; there must be from 1 to %d", len(places), maxChains)
	}
	for i, p := range places {
		for k, v := range p {
			if math.IsNaN(v) || math.Abs(v) > maxScale {
				return fmt.Errorf("lesson: places[%d][%d] is %v; it must be from −%v to %v", i, k, v, float64(maxScale), float64(maxScale))
			}
		}
	}
	return nil
}

// Change moves the chains otherwise from now on; Seed does not matter then.
func (w *Swarm) Change(c Chains) error {
	s, err := samplerOf(c)
	if err != nil {
		return err
	}
	w.sampler = s
	w.refresh(c.Beta)
	return nil
}

// samplerOf makes what moves chains.
func samplerOf(c Chains) (sampler.Sampler[float32], error) {
	if !(c.Size > 0 && c.Size <= 10) {
		return nil, fmt.Errorf("lesson: size is %v; it must be above 0 and at most 10", c.Size)
	}
	if !(c.Beta > 0 && c.Beta <= 1e4) {
		return nil, fmt.Errorf("lesson: beta is %v; it must be above 0 and at most 10000", c.Beta)
	}
	switch c.Sampler {
	case "langevin":
		return sampler.NewLangevin[float32](c.Size), nil
	case "mala":
		return &sampler.MALA[float32]{StepSize: c.Size}, nil
	case "hmc":
		const leapfrogs, jitter = 10, 0.1
		return &sampler.HMC[float32]{StepSize: c.Size, Leapfrogs: leapfrogs, Jitter: jitter}, nil
	case "descent":
		return &sampler.Langevin[float32]{StepSize: c.Size}, nil
	}
	return nil, fmt.Errorf("lesson: sampler is %q; it must be one of %q", c.Sampler, Samplers())
}

// refresh makes the target anew.
func (w *Swarm) refresh(beta float64) {
	w.target = tempered{w.slopes, beta}
	if w.l.answers != nil {
		w.slopes.Fix(column(w.x))
		w.target = tempered{w.slopes.Each(1), beta}
	}
}

// Step moves the chains n times over the surface as it is now, and says how many proposals were accepted.
func (w *Swarm) Step(n int) (accepted float64) {
	w.state.Refresh(w.target)
	for range n {
		accepted += w.sampler.Step(w.rng, w.target, w.state).Accepted / float64(n)
	}
	return accepted
}

// Places are where the chains are.
func (w *Swarm) Places() [][2]float64 {
	if w.x == nil {
		return surface.Places(w.state.Y)
	}
	out := make([][2]float64, len(w.x))
	for i, x := range w.x {
		out[i] = [2]float64{x, float64(w.state.Y[i])}
	}
	return out
}

// Energies are the chains', not multiplied by β.
func (w *Swarm) Energies() []float64 {
	e, beta := slices.Clone(w.state.Energy), w.target.(tempered).beta
	for i := range e {
		e[i] /= beta
	}
	return e
}

// tempered is βE.
type tempered struct {
	sampler.Target[float32]
	beta float64
}

func (t tempered) Energies(e []float64, grad, y []float32) {
	t.Target.Energies(e, grad, y)
	for i := range e {
		e[i] *= t.beta
	}
	for i := range grad {
		grad[i] *= float32(t.beta)
	}
}
