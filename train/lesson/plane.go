package lesson

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/train"
)

// lookPlane fills in a view of a density: its draws are by the grid.
func (l *Lesson) lookPlane(v *View) {
	places := make([][2]float64, 0, len(v.X)*len(v.Y))
	for _, x := range v.X {
		for _, y := range v.Y {
			places = append(places, [2]float64{x, y})
		}
	}
	e := l.Energies(places)
	v.Energy = surface.Single(e)
	rng := train.Rand(l.s.Seed, "look", 0)
	y := make([]float32, 2*shown)
	l.drawPlane(rng, y)
	v.Data = surface.Places(y)
	if l.s.Set == points {
		v.Data = l.s.Points[:min(len(l.s.Points), shown)]
	}
	least, z := slices.Min(e), 0.0
	sums := make([]float64, len(e))
	for i, e := range e {
		z += math.Exp(least - e)
		sums[i] = z
	}
	cell := v.X[1] - v.X[0]
	for range shown {
		at, _ := slices.BinarySearch(sums, rng.Float64()*z)
		p := places[min(at, len(places)-1)]
		v.Lowest = append(v.Lowest, [2]float64{p[0] + cell*(rng.Float64()-0.5), p[1] + cell*(rng.Float64()-0.5)})
	}
	correct, other := l.Energies(v.Data), l.Energies(v.Lowest)
	v.Correct, v.Other = surface.Single(correct), surface.Single(other)
	l.pushPlane(v)
	logZ := math.Log(z*cell*cell) - least
	figure, chance := l.divergence(places, e, logZ, cell)
	stats := make([]functional.LabelStats, min(len(correct), len(other)))
	for i := range stats {
		stats[i] = functional.LabelStats{Correct: correct[i], Offending: other[i], Answer: -1, Spread: measure.Deviation(e)}
	}
	l.judge(v, stats, figure, chance)
}

// pushPlane is ∂L/∂E of the likelihood and of contrastive divergence: down at the data, up at the draws.
func (l *Lesson) pushPlane(v *View) {
	switch l.s.Objective {
	case "nll", "cd", "pcd":
		for _, p := range v.Data {
			v.Push = append(v.Push, Push{p, measure.Number(1 / float64(len(v.Data)))})
		}
		for _, p := range v.Lowest {
			v.Push = append(v.Push, Push{p, measure.Number(-1 / float64(len(v.Lowest)))})
		}
	}
}

// divergence is that of the model from the truth by quadrature, and that of an even density; of points of one's own, whose truth is not
// known, −log p of the data, against that of an even density.
func (l *Lesson) divergence(places [][2]float64, e []float64, logZ, cell float64) (measure.Figure, float64) {
	even := 2 * math.Log(2*Edge)
	if l.toy == nil {
		q := measure.Quantity{Key: "nll", Name: "−log p", Unit: measure.Nat, Note: "of the points, mean"}
		return q.Of(measure.Mean(l.Energies(l.s.Points)) + logZ), even
	}
	divergence, blurred := 0.0, 0.0
	for i, p := range places {
		log := l.toy.LogDensity(p[0], p[1])
		if q := math.Exp(log); q > 0 {
			divergence += q * (log + e[i] + logZ) * cell * cell
			blurred += q * (log + even) * cell * cell
		}
	}
	q := measure.Quantity{Key: "divergence", Name: "Divergence", Unit: measure.Nat, Note: "of the model from the truth (Kullback-Leibler), by quadrature"}
	return q.Of(divergence), blurred
}
