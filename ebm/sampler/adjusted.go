package sampler

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// proposal is where the chains may go, and what decides it.
type proposal[T tensor.Float] struct {
	to    State[T]
	log   []float64 // log of the acceptance ratio
	noise noise[T]
}

// fit makes room for a proposal for each chain, and lets them begin where the chains are.
func (p *proposal[T]) fit(s *State[T]) {
	p.to.fit(s.N(), len(s.Y)/s.N())
	p.log = scratch.Sized(p.log, s.N())
	copy(p.to.Y, s.Y)
}

// decide moves each chain with probability min(1, exp(log)), and those not at all that
// are not finite or whose proposals are not.
func (p *proposal[T]) decide(rng *rand.Rand, s *State[T]) Info {
	var info Info
	sure := s.allFinite() && p.to.allFinite()
	for i, log := range p.log {
		u := rng.Float64() // drawn in any case, so that chains do not depend on each other's luck
		if math.IsNaN(log) || !sure && !(s.Finite(i) && p.to.Finite(i)) {
			info.Diverged++
			continue
		}
		accept := math.Exp(min(log, 0))
		info.Accepted += accept
		if u < accept {
			p.move(s, i)
		}
	}
	info.Accepted /= float64(s.N())
	return info
}

// move moves chain i to where it may go.
func (p *proposal[T]) move(s *State[T], i int) {
	d := len(s.Y) / s.N()
	copy(s.Row(i), p.to.Row(i))
	copy(s.Grad[i*d:(i+1)*d], p.to.Grad[i*d:(i+1)*d])
	s.Energy[i] = p.to.Energy[i]
}

// moveAll moves every chain to where it may go, but for those that are not finite or whose
// proposals are not.
func (p *proposal[T]) moveAll(s *State[T]) Info {
	if s.allFinite() && p.to.allFinite() {
		copy(s.Y, p.to.Y)
		copy(s.Grad, p.to.Grad)
		copy(s.Energy, p.to.Energy)
		return Info{Accepted: 1}
	}
	var info Info
	for i := range s.N() {
		if !s.Finite(i) || !p.to.Finite(i) {
			info.Diverged++
			continue
		}
		p.move(s, i)
	}
	info.Accepted = float64(s.N()-info.Diverged) / float64(s.N())
	return info
}

// MALA is the Metropolis-adjusted Langevin algorithm: Langevin's move with
// Noise = √(2·StepSize), accepted with the probability that makes exp(−E) invariant.
//
//	log α = E(y) − E(y′) + (‖y′ − y + ε∇E(y)‖² − ‖y − y′ + ε∇E(y′)‖²)/(4ε)
//
// Source: [roberts1996]; the best acceptance in high dimension is 0.574 [roberts1998].
type MALA[T tensor.Float] struct {
	StepSize float64

	p  proposal[T]
	xi []T
}

// Step implements Sampler.
func (m *MALA[T]) Step(rng *rand.Rand, target Target[T], s *State[T]) Info {
	m.p.fit(s)
	m.xi = scratch.Sized(m.xi, len(s.Y))
	m.p.noise.fill(rng, m.xi)
	to := &m.p.to
	simd.AXPY(to.Y, T(-m.StepSize), s.Grad)
	simd.AXPY(to.Y, T(math.Sqrt(2*m.StepSize)), m.xi)
	to.Refresh(target)
	d := len(s.Y) / s.N()
	for i := range s.N() {
		var there, back float64
		for j := i * d; j < (i+1)*d; j++ {
			move := float64(to.Y[j]) - float64(s.Y[j])
			f := move + m.StepSize*float64(s.Grad[j])
			b := -move + m.StepSize*float64(to.Grad[j])
			there += f * f
			back += b * b
		}
		m.p.log[i] = s.Energy[i] - to.Energy[i] + (there-back)/(4*m.StepSize)
	}
	return m.p.decide(rng, s)
}

// HMC is Hamiltonian Monte Carlo with unit mass: Leapfrogs steps of the leapfrog scheme
// from a fresh normal momentum v, accepted with probability min(1, exp(H − H′)),
// H = E(y) + ‖v‖²/2.
//
// Jitter draws each transition's step from StepSize·[1 − Jitter, 1 + Jitter], the same
// for all chains, which keeps orbits from closing on themselves.
//
// Source: [duane1987], [neal2011]; good acceptances are around 0.65 to 0.9.
type HMC[T tensor.Float] struct {
	StepSize  float64
	Leapfrogs int     // at least 1
	Jitter    float64 // in [0, 1)

	p proposal[T]
	v []T
}

// Step implements Sampler.
func (h *HMC[T]) Step(rng *rand.Rand, target Target[T], s *State[T]) Info {
	h.p.fit(s)
	h.v = scratch.Sized(h.v, len(s.Y))
	h.p.noise.fill(rng, h.v)
	eps := h.StepSize
	if h.Jitter > 0 {
		eps *= 1 + h.Jitter*(2*rng.Float64()-1)
	}
	for i := range s.N() {
		h.p.log[i] = s.Energy[i] + h.kinetic(i, s.N())
	}
	to := &h.p.to
	simd.AXPY(h.v, T(-eps/2), s.Grad)
	steps := max(h.Leapfrogs, 1)
	for k := range steps {
		simd.AXPY(to.Y, T(eps), h.v)
		to.Refresh(target)
		kick := eps
		if k == steps-1 {
			kick = eps / 2
		}
		simd.AXPY(h.v, T(-kick), to.Grad)
	}
	for i := range s.N() {
		h.p.log[i] -= to.Energy[i] + h.kinetic(i, s.N())
	}
	return h.p.decide(rng, s)
}

// kinetic is ‖v‖²/2 of chain i of n.
func (h *HMC[T]) kinetic(i, n int) (k float64) {
	d := len(h.v) / n
	for _, v := range h.v[i*d : (i+1)*d] {
		k += float64(v) * float64(v)
	}
	return k / 2
}
