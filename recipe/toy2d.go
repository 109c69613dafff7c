package recipe

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/surface"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// Toy2DConfig is the settings of the toy2d recipe: densities exp(−E(y))/Z over the plane,
// trained by NLL whose free energy is a quadrature, or without a partition function.
type Toy2DConfig struct {
	Sets      []string `json:"sets"`      // names of data.Toys; none: all
	Objective string   `json:"objective"` // one of Toy2DObjectives
	Steps     int      `json:"steps"`
	Seed      uint64   `json:"seed"`
	Threads   int      `json:"threads"`
}

// DefaultToy2D returns the settings of `energo train toy2d` without flags.
func DefaultToy2D() Toy2DConfig { return Toy2DConfig{Objective: "nll", Steps: 2500, Seed: 1} }

// Resolve fills in the sets and refuses what is out of range.
func (c Toy2DConfig) Resolve() (Toy2DConfig, error) {
	if len(c.Sets) == 0 {
		c.Sets = data.Toys()
	}
	for _, s := range c.Sets {
		if !slices.Contains(data.Toys(), s) {
			return c, fmt.Errorf("there is no set %q; there are %s%s", excerpt.Of(s), strings.Join(data.Toys(), ", "), spelling.DidYouMean(s, data.Toys()))
		}
	}
	if err := once("set", c.Sets); err != nil {
		return c, err
	}
	if err := oneOf("objective", c.Objective, Toy2DObjectives); err != nil {
		return c, err
	}
	if c.Steps < 1 || c.Steps > 1<<20 {
		return c, fmt.Errorf("steps is %d; it must be a whole number from 1 to %d", c.Steps, 1<<20)
	}
	if c.Threads < 0 {
		return c, fmt.Errorf("threads is %d; it must be at least 0", c.Threads)
	}
	return c, nil
}

// Toy2DResult is what a set came to.
type Toy2DResult struct {
	Set     string         `json:"set"`
	KL      measure.Number `json:"kl"`      // from the truth to the model, in nat, by quadrature
	Modes   int            `json:"modes"`   // separate parts of the truth; 0 where it has none
	Covered int            `json:"covered"` // … that have at least half of their share of the model's draws
	MMD     measure.Number `json:"mmd"`     // squared maximum mean discrepancy of draws of the two, Gaussian kernel of width 1
	Seconds float64        `json:"seconds"`

	Axis         []float64    `json:"-"` // of both coordinates
	Model, Truth []float64    `json:"-"` // energies −log p on the grid, y running fastest
	Draws        [][2]float64 `json:"-"` // of the model
	Film         surface.Film `json:"-"`
}

// What training takes: found by hand, the same for all sets. The first layer's weights are drawn
// larger, so that the network has sharp features to begin with.
const (
	toyEdge   = 4.5 // of the square that the density lives on
	toySide   = 80  // nodes of the quadrature, which moves by a part of a cell each step
	toyWidth  = 128
	toySharp  = 5
	toyBatch  = 512
	toyRate   = 3e-3
	toyWarmup = 50
	toyFine   = 300  // nodes a side of what is measured
	toyDraws  = 2000 // … of each, for the discrepancy
)

// Toy2D trains a density for every set. emit is told of each as it ends.
func Toy2D(ctx context.Context, c Toy2DConfig, emit func(Toy2DResult)) ([]Toy2DResult, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	var all []Toy2DResult
	for _, name := range c.Sets {
		toy, err := data.NewToy(name)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		film := newToyFilm(toy, train.Rand(c.Seed, "film", 0))
		d, err := trainToy(ctx, toy, c, &film)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		seconds := time.Since(start).Seconds()
		r := measureToy(toy, d, train.Rand(c.Seed, "measure", 0))
		r.Seconds, r.Film = seconds, film
		emit(r)
		all = append(all, r)
	}
	return all, nil
}

// trainToy trains a density on a set, and films it.
func trainToy(ctx context.Context, toy *data.Toy, c Toy2DConfig, film *surface.Film) (energy.Density, error) {
	init, rng := train.Rand(c.Seed, "init", 0), train.Rand(c.Seed, "step", 0)
	d := energy.Density{D: 2, Net: nn.NewSequential(
		nn.NewLinear(2, toyWidth, init), nn.SiLU{}, nn.NewLinear(toyWidth, toyWidth, init), nn.SiLU{},
		nn.NewLinear(toyWidth, toyWidth, init), nn.SiLU{}, nn.NewLinear(toyWidth, 1, init),
	)}
	params := d.Params()
	for _, p := range params[:2] {
		simd.Scale(p.Value.Float32s(), p.Value.Float32s(), toySharp)
	}
	o, more, err := c.objective(rng)
	if err != nil {
		return d, err
	}
	params = append(params, more...)
	y, tape := tensor.New(tensor.Float32, toyBatch, 2), autodiff.NewTape(tensor.Float32)
	optimizer, schedule := &optim.Adam{}, optim.Cosine{Warmup: min(toyWarmup, c.Steps/10)}
	if err := optimizer.Prepare(params); err != nil {
		return d, err
	}
	frames, eyes := frameSteps(c.Steps), train.Rand(c.Seed, "frames", 0)
	film.Frames = append(film.Frames, toyFrame(film, d, 0, eyes))
	for step := range c.Steps {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		toy.Draw(rng, y.Float32s())
		tape.Reset()
		loss, err := o.Record(tape, d, y, rng)
		if err != nil {
			return d, fmt.Errorf("step %d: %w", step+1, err)
		}
		for _, p := range params {
			p.ZeroGrad()
		}
		tape.Backward(loss)
		optimizer.Step(params, c.rate()*schedule.At(step, c.Steps))
		if frames[step+1] {
			film.Frames = append(film.Frames, toyFrame(film, d, step+1, eyes))
		}
	}
	return d, nil
}

// newToyFilm returns a film without frames.
func newToyFilm(toy *data.Toy, rng *rand.Rand) surface.Film {
	const side, shown = 81, 400
	f := surface.Film{Name: toy.Name, Title: toy.Name, XLabel: "y₁", YLabel: "y₂", X: even(side, -toyEdge, toyEdge), Y: even(side, -toyEdge, toyEdge)}
	y := make([]float32, 2*shown)
	toy.Draw(rng, y)
	for i := range shown {
		f.Data = append(f.Data, [2]float64{float64(y[2*i]), float64(y[2*i+1])})
	}
	return f
}

// toyFrame looks at a density: its energies, draws
// by that grid, and the energies of the data beside those of the draws.
func toyFrame(film *surface.Film, d energy.Density, step int, rng *rand.Rand) surface.Frame {
	var places, data []float32
	for _, x := range film.X {
		for _, y := range film.Y {
			places = append(places, float32(x), float32(y))
		}
	}
	for _, p := range film.Data {
		data = append(data, float32(p[0]), float32(p[1]))
	}
	slopes := energy.NewSlopes[float32](d)
	all, correct := make([]float64, len(places)/2), make([]float64, len(film.Data))
	slopes.Energies(all, nil, places)
	slopes.Energies(correct, nil, data)
	shares, z := make([]float64, len(all)), 0.0
	least := slices.Min(all)
	for i, e := range all {
		z += math.Exp(least - e)
		shares[i] = z
	}
	fr := surface.Frame{Step: step, Energy: narrowed(all)}
	var other []float64
	for range film.Data {
		at, _ := slices.BinarySearch(shares, rng.Float64()*z)
		at = min(at, len(all)-1)
		fr.Points = append(fr.Points, [2]float64{film.X[at/len(film.Y)], film.Y[at%len(film.Y)]})
		other = append(other, all[at])
	}
	fr.Correct, fr.Other = narrowed(correct), narrowed(other)
	return fr
}

// measureToy holds a density against the truth, by quadrature and by draws.
func measureToy(toy *data.Toy, d energy.Density, rng *rand.Rand) Toy2DResult {
	r := Toy2DResult{Set: toy.Name, Modes: len(toy.Modes)}
	cell := 2 * toyEdge / float64(toyFine)
	points := make([]float32, 0, 2*toyFine*toyFine)
	for i := range toyFine {
		r.Axis = append(r.Axis, -toyEdge+cell*(float64(i)+0.5))
	}
	for _, x := range r.Axis {
		for _, y := range r.Axis {
			points = append(points, float32(x), float32(y))
		}
	}
	r.Model = make([]float64, toyFine*toyFine)
	energy.NewSlopes[float32](d).Energies(r.Model, nil, points)
	least, z := slices.Min(r.Model), 0.0
	shares := make([]float64, len(r.Model)) // summed up
	for i, e := range r.Model {
		z += math.Exp(least-e) * cell * cell
		shares[i] = z
	}
	logZ := math.Log(z) - least
	for i := range r.Model {
		r.Model[i] += logZ
		log := toy.LogDensity(float64(points[2*i]), float64(points[2*i+1]))
		r.Truth = append(r.Truth, -log)
		if p := math.Exp(log); p > 0 {
			r.KL += measure.Number(p * (log + r.Model[i]) * cell * cell)
		}
	}
	for range toyDraws {
		at, _ := slices.BinarySearch(shares, rng.Float64()*z)
		at = min(at, len(shares)-1)
		r.Draws = append(r.Draws, [2]float64{
			r.Axis[at/toyFine] + cell*(rng.Float64()-0.5), r.Axis[at%toyFine] + cell*(rng.Float64()-0.5),
		})
	}
	r.Covered = covered(toy.Modes, r.Draws)
	truth := make([]float32, 2*toyDraws)
	toy.Draw(rng, truth)
	right := make([][2]float64, toyDraws)
	for i := range right {
		right[i] = [2]float64{float64(truth[2*i]), float64(truth[2*i+1])}
	}
	r.MMD = measure.Number(discrepancy(r.Draws, right))
	return r
}

// covered counts the modes that are the nearest to at least half of their share of draws.
func covered(modes, draws [][2]float64) (n int) {
	counts := make([]int, len(modes))
	for _, d := range draws {
		best, least := 0, math.Inf(1)
		for k, m := range modes {
			if r := math.Hypot(d[0]-m[0], d[1]-m[1]); r < least {
				best, least = k, r
			}
		}
		if len(modes) > 0 {
			counts[best]++
		}
	}
	for _, c := range counts {
		if 2*c*len(modes) >= len(draws) {
			n++
		}
	}
	return n
}

// discrepancy is the unbiased estimate of the squared maximum mean discrepancy [gretton2012]. It is NaN where a sample has
// less than two points, or one that is NaN.
func discrepancy(a, b [][2]float64) float64 {
	mean := func(x, y [][2]float64, same bool) float64 {
		var sum float64
		for i, p := range x {
			for j, q := range y {
				if same && i == j {
					continue
				}
				dx, dy := p[0]-q[0], p[1]-q[1]
				sum += math.Exp(-(dx*dx + dy*dy) / 2)
			}
		}
		if same {
			return measure.Ratio(sum, float64(len(x)*(len(x)-1)))
		}
		return measure.Ratio(sum, float64(len(x)*len(y)))
	}
	return mean(a, a, true) + mean(b, b, true) - 2*mean(a, b, false)
}
