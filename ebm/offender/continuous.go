package offender

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/internal/scratch"
)

// Batch is the energy surfaces of the samples of a batch over real answers of Dim
// numbers. energy.Slopes makes one.
type Batch[T number] interface {
	Dim() int
	// Each returns the target whose points are k for each sample, one sample's after
	// another's.
	Each(k int) sampler.Target[T]
}

// Report says how a search over a batch went.
type Report struct {
	Evaluations int // of the energy at one answer
	Failed      int // samples without an answer: all were in the ball or were not finite
}

// Continuous finds answers of low energy for all samples of a batch at once.
type Continuous[T number] interface {
	// Find writes the lowest answer that it finds for each sample to y [B, D] and its
	// energy to energy [B], +Inf where it finds none. Answers within the closed ball of
	// radius epsilon around correct [B, D] do not count; a negative epsilon excludes none,
	// and the lowest of all is looked for. Answers that are not finite, or whose energy is
	// not, never count.
	Find(rng *rand.Rand, batch Batch[T], correct []T, epsilon float64, y []T, energy []float64) (Report, error)
}

// Grid looks at fixed answers, the same for every sample.
type Grid[T number] struct {
	Points []T // [S, D]

	all      []T
	energies []float64
}

// NewGrid returns the grid of n points a side over the box [low, high]^dim, its ends
// included.
func NewGrid[T number](dim, n int, low, high float64) (*Grid[T], error) {
	const most = 1 << 24
	if dim < 1 || n < 2 || !(high > low) || math.IsInf(high-low, 0) || math.Pow(float64(n), float64(dim))*float64(dim) > most {
		return nil, fmt.Errorf("offender: a grid of %d points a side over [%v, %v] in %d dimensions; want at least 2, a box, and at most %d numbers", n, low, high, dim, most)
	}
	total := 1
	for range dim {
		total *= n
	}
	g := &Grid[T]{Points: make([]T, 0, total*dim)}
	for i := range total {
		rest := i
		for range dim {
			g.Points = append(g.Points, T(low+(high-low)*float64(rest%n)/float64(n-1)))
			rest /= n
		}
	}
	return g, nil
}

// Find implements Continuous.
func (g *Grid[T]) Find(_ *rand.Rand, batch Batch[T], correct []T, epsilon float64, y []T, energy []float64) (Report, error) {
	d := batch.Dim()
	if err := checkBatch(d, correct, y, energy); err != nil {
		return Report{}, err
	}
	if len(g.Points) == 0 || len(g.Points)%d != 0 {
		return Report{}, fmt.Errorf("offender: the grid's %d numbers are not points of %d", len(g.Points), d)
	}
	s := len(g.Points) / d
	g.all = g.all[:0]
	for range energy {
		g.all = append(g.all, g.Points...)
	}
	g.energies = scratch.Sized(g.energies, s*len(energy))
	batch.Each(s).Energies(g.energies, nil, g.all)
	return lowest(g.all, g.energies, d, correct, epsilon, y, energy), nil
}

// Walk lets chains of a sampler walk, Starts for each sample, and takes the lowest answer
// that they pass: with Langevin and no noise it is multi-start descent, with a sampler it
// is what contrastive methods do. A chain that enters the ball is put back on its border.
// One whose position, energy or slope is not finite starts again, and stays if that is not
// finite either.
type Walk[T number] struct {
	Sampler sampler.Sampler[T]
	Starts  int // chains for each sample
	Steps   int // of each chain
	// Start sets the answer y that a chain of sample i starts from: a draw from a box, say,
	// or what a replay buffer holds.
	Start func(rng *rand.Rand, i int, y []T)

	state    sampler.State[T]
	best     []T
	energies []float64
}

// Find implements Continuous.
func (w *Walk[T]) Find(rng *rand.Rand, batch Batch[T], correct []T, epsilon float64, y []T, energy []float64) (Report, error) {
	d, b := batch.Dim(), len(energy)
	if err := checkBatch(d, correct, y, energy); err != nil {
		return Report{}, err
	}
	if w.Starts < 1 || w.Steps < 0 || w.Start == nil || (w.Sampler == nil && w.Steps > 0) {
		return Report{}, errors.New("offender: a walk needs at least one start for each sample, a way to start, and a sampler")
	}
	n := b * w.Starts
	w.state.Y, w.state.Grad = scratch.Sized(w.state.Y, n*d), scratch.Sized(w.state.Grad, n*d)
	w.state.Energy = scratch.Sized(w.state.Energy, n)
	w.best, w.energies = scratch.Sized(w.best, n*d), scratch.Sized(w.energies, n)
	for i := range n {
		w.Start(rng, i/w.Starts, w.state.Row(i))
		w.energies[i] = math.Inf(1)
	}
	target := batch.Each(w.Starts)
	for step := 0; ; step++ {
		if w.leaveBalls(rng, correct, epsilon, d) || step == 0 {
			w.state.Refresh(target)
		}
		for try := 0; try < redraws && w.redraw(rng); try++ {
			w.leaveBalls(rng, correct, epsilon, d)
			w.state.Refresh(target)
		}
		w.keep(d)
		if step == w.Steps {
			break
		}
		w.Sampler.Step(rng, target, &w.state)
	}
	report := lowest(w.best, w.energies, d, correct, epsilon, y, energy)
	report.Evaluations = n * (w.Steps + 1)
	return report, nil
}

// redraws is how often a chain that is not finite gets another start at a step.
const redraws = 8

// redraw gives other starts to the chains that are not finite, and reports whether there
// were any.
func (w *Walk[T]) redraw(rng *rand.Rand) (done bool) {
	for i := range w.state.Energy {
		if !w.state.Finite(i) {
			w.Start(rng, i/w.Starts, w.state.Row(i))
			done = true
		}
	}
	return done
}

// keep keeps the chains' positions that are the lowest yet.
func (w *Walk[T]) keep(d int) {
	for i, e := range w.state.Energy {
		if e < w.energies[i] && w.state.Finite(i) {
			w.energies[i] = e
			copy(w.best[i*d:(i+1)*d], w.state.Row(i))
		}
	}
}

// border is how far beyond the ball's radius a chain is put back: far enough for float32.
const border = 1e-3

// leaveBalls moves chains that are inside their ball out along their radius, and reports
// whether there were any.
func (w *Walk[T]) leaveBalls(rng *rand.Rand, correct []T, epsilon float64, d int) (moved bool) {
	if epsilon < 0 {
		return false
	}
	for i := range w.state.Energy {
		y, c := w.state.Row(i), correct[i/w.Starts*d:][:d]
		r := distance(y, c)
		if !(r <= epsilon) {
			continue
		}
		moved = true
		to := epsilon*(1+border) + math.SmallestNonzeroFloat32
		if r == 0 { // any direction is as good
			y[rng.IntN(d)] += T(to)
			continue
		}
		for j := range y {
			y[j] = c[j] + T((float64(y[j])-float64(c[j]))*to/r)
		}
	}
	return moved
}

// lowest writes the lowest of each sample's candidates that are finite and outside its ball.
func lowest[T number](all []T, energies []float64, d int, correct []T, epsilon float64, y []T, energy []float64) Report {
	report := Report{Evaluations: len(energies)}
	s := len(energies) / max(len(energy), 1)
	for i := range energy {
		best, c := -1, correct[i*d:(i+1)*d]
		energy[i] = math.Inf(1)
		for k := i * s; k < (i+1)*s; k++ {
			if !(energies[k] < energy[i]) || math.IsInf(energies[k], -1) {
				continue
			}
			if r := distance(all[k*d:(k+1)*d], c); r > epsilon && !math.IsInf(r, 1) {
				best, energy[i] = k, energies[k]
			}
		}
		if best < 0 {
			report.Failed++
			copy(y[i*d:(i+1)*d], c)
			continue
		}
		copy(y[i*d:(i+1)*d], all[best*d:(best+1)*d])
	}
	return report
}

func distance[T number](a, b []T) float64 {
	sum := 0.0
	for i, v := range a {
		r := float64(v) - float64(b[i])
		sum += r * r
	}
	return math.Sqrt(sum)
}

func checkBatch[T number](d int, correct, y []T, energy []float64) error {
	if d < 1 || len(correct) != d*len(energy) || len(y) != len(correct) {
		return fmt.Errorf("offender: %d numbers of correct answers and %d of results for %d samples of %d numbers", len(correct), len(y), len(energy), d)
	}
	return nil
}
