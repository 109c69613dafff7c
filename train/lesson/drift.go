package lesson

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/train"
)

// Drift moves chains over a frame of a film, between whose places energies are interpolated, and returns where they are after each move.
// Chains do not leave the film's plane; over inputs and answers they keep their inputs.
func Drift(f *surface.Film, frame int, c Chains, start [][2]float64, moves int) ([][][2]float64, error) {
	if frame < 0 || frame >= len(f.Frames) {
		return nil, fmt.Errorf("lesson: frame is %d; the film has %d", frame, len(f.Frames))
	}
	if moves < 0 || moves > maxSteps {
		return nil, fmt.Errorf("lesson: moves is %d; it must be from 0 to %d", moves, maxSteps)
	}
	if err := checkPlaces(start); err != nil {
		return nil, err
	}
	s, err := samplerOf(c)
	if err != nil {
		return nil, err
	}
	e := f.Frames[frame].Energy
	ground := &field{f: f, e: e}
	y := flat(start)
	if f.OverY {
		y = y[:0]
		for _, p := range start {
			ground.x, y = append(ground.x, p[0]), append(y, float32(p[1]))
		}
	}
	state, err := sampler.NewState[float32](tempered{ground, c.Beta}, y)
	if err != nil {
		return nil, err
	}
	rng := train.Rand(c.Seed, "drift", 0)
	all := make([][][2]float64, moves)
	for i := range all {
		s.Step(rng, tempered{ground, c.Beta}, state)
		all[i] = ground.places(state.Y)
	}
	return all, nil
}

// field is the energies of a film's frame as a target.
type field struct {
	f *surface.Film
	e []float32
	x []float64 // the chains' inputs, where the plane is of inputs and answers
}

func (g *field) places(y []float32) [][2]float64 {
	if !g.f.OverY {
		return surface.Places(y)
	}
	out := make([][2]float64, len(y))
	for i, v := range y {
		out[i] = [2]float64{g.x[i], float64(v)}
	}
	return out
}

// Dim implements sampler.Target.
func (g *field) Dim() int {
	if g.f.OverY {
		return 1
	}
	return 2
}

// Energies implements sampler.Target.
func (g *field) Energies(energy []float64, grad, y []float32) {
	for i, p := range g.places(y) {
		e, slope := g.at(p)
		energy[i] = e
		if grad == nil {
			continue
		}
		if g.f.OverY {
			grad[i] = float32(slope[1])
		} else {
			grad[2*i], grad[2*i+1] = float32(slope[0]), float32(slope[1])
		}
	}
}

// at is the energy, bilinear between four places of the grid, and its slope; +Inf outside the plane.
func (g *field) at(p [2]float64) (e float64, slope [2]float64) {
	i, s, dx := cellOf(g.f.X, p[0])
	j, t, dy := cellOf(g.f.Y, p[1])
	if i < 0 || j < 0 {
		return math.Inf(1), slope
	}
	n := len(g.f.Y)
	of := func(i, j int) float64 { return float64(g.e[i*n+j]) }
	low, high := of(i, j)*(1-t)+of(i, j+1)*t, of(i+1, j)*(1-t)+of(i+1, j+1)*t
	left, right := of(i, j)*(1-s)+of(i+1, j)*s, of(i, j+1)*(1-s)+of(i+1, j+1)*s
	return low*(1-s) + high*s, [2]float64{(high - low) / dx, (right - left) / dy}
}

// cellOf finds the cell of an axis that a number is in, its part of the way through and the cell's width; −1 outside.
func cellOf(axis []float64, v float64) (i int, part, width float64) {
	last := len(axis) - 1
	if !(v >= axis[0] && v <= axis[last]) {
		return -1, 0, 0
	}
	lo, hi := 0, last
	for hi-lo > 1 {
		if middle := (lo + hi) / 2; axis[middle] <= v {
			lo = middle
		} else {
			hi = middle
		}
	}
	width = axis[hi] - axis[lo]
	return lo, (v - axis[lo]) / width, width
}
