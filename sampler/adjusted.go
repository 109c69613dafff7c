package sampler

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/internal/simd"
)

// proposal is where the chains may go, and what decides it.
type proposal[T simd.Float] struct {
	y, grad []T
	energy  []float64
	log     []float64 // log of the acceptance ratio
	noise   noise[T]
}

func (p *proposal[T]) fit(s *State[T]) {
	p.y, p.grad = grow(p.y, len(s.Y)), grow(p.grad, len(s.Y))
	p.energy, p.log = grow(p.energy, s.N()), grow(p.log, s.N())
}

// decide moves each chain with probability min(1, exp(log)). A proposal that is not
// finite is refused.
func (p *proposal[T]) decide(rng *rand.Rand, s *State[T]) Info {
	var info Info
	d := len(s.Y) / s.N()
	for i, log := range p.log {
		u := rng.Float64() // drawn in any case, so that chains do not depend on each other's luck
		lo, hi := i*d, (i+1)*d
		if math.IsNaN(log) || math.IsInf(p.energy[i], 0) || !finite(p.grad[lo:hi]) {
			info.Diverged++
			continue
		}
		accept := math.Exp(min(log, 0))
		info.Accepted += accept
		if u < accept {
			copy(s.Y[lo:hi], p.y[lo:hi])
			copy(s.Grad[lo:hi], p.grad[lo:hi])
			s.Energy[i] = p.energy[i]
		}
	}
	info.Accepted /= float64(s.N())
	return info
}

// MALA is the Metropolis-adjusted Langevin algorithm: Langevin's move with
// Noise = √(2·StepSize), accepted with the probability that makes exp(−E) invariant.
//
//	log α = E(y) − E(y′) + (‖y′ − y + ε∇E(y)‖² − ‖y − y′ + ε∇E(y′)‖²)/(4ε)
//
// Source: [roberts1996]; the best acceptance in high dimension is 0.574 [roberts1998].
type MALA[T simd.Float] struct {
	StepSize float64

	p  proposal[T]
	xi []T
}

// Step implements Sampler.
func (m *MALA[T]) Step(rng *rand.Rand, target Target[T], s *State[T]) Info {
	m.p.fit(s)
	m.xi = grow(m.xi, len(s.Y))
	m.p.noise.fill(rng, m.xi)
	copy(m.p.y, s.Y)
	simd.AXPY(m.p.y, T(-m.StepSize), s.Grad)
	simd.AXPY(m.p.y, T(math.Sqrt(2*m.StepSize)), m.xi)
	target.Energies(m.p.energy, m.p.grad, m.p.y)
	d := len(s.Y) / s.N()
	for i := range s.N() {
		var there, back float64
		for j := i * d; j < (i+1)*d; j++ {
			move := float64(m.p.y[j]) - float64(s.Y[j])
			f := move + m.StepSize*float64(s.Grad[j])
			b := -move + m.StepSize*float64(m.p.grad[j])
			there += f * f
			back += b * b
		}
		m.p.log[i] = s.Energy[i] - m.p.energy[i] + (there-back)/(4*m.StepSize)
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
type HMC[T simd.Float] struct {
	StepSize  float64
	Leapfrogs int     // at least 1
	Jitter    float64 // in [0, 1)

	p proposal[T]
	v []T
}

// Step implements Sampler.
func (h *HMC[T]) Step(rng *rand.Rand, target Target[T], s *State[T]) Info {
	h.p.fit(s)
	h.v = grow(h.v, len(s.Y))
	h.p.noise.fill(rng, h.v)
	eps := h.StepSize
	if h.Jitter > 0 {
		eps *= 1 + h.Jitter*(2*rng.Float64()-1)
	}
	for i := range s.N() {
		h.p.log[i] = s.Energy[i] + h.kinetic(i, s.N())
	}
	copy(h.p.y, s.Y)
	simd.AXPY(h.v, T(-eps/2), s.Grad)
	steps := max(h.Leapfrogs, 1)
	for k := range steps {
		simd.AXPY(h.p.y, T(eps), h.v)
		target.Energies(h.p.energy, h.p.grad, h.p.y)
		kick := eps
		if k == steps-1 {
			kick = eps / 2
		}
		simd.AXPY(h.v, T(-kick), h.p.grad)
	}
	for i := range s.N() {
		h.p.log[i] -= h.p.energy[i] + h.kinetic(i, s.N())
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
