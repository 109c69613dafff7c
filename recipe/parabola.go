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
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/offender"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/surface"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// ParabolaConfig is the settings of the parabola recipe: the 2006 tutorial's regression of
// Y = X² on [−1, 1] by energies of two architectures and losses of several kinds.
type ParabolaConfig struct {
	Cases   []string `json:"cases"` // names of ParabolaCases; none: all
	Seeds   int      `json:"seeds"` // runs of each case
	Seed    uint64   `json:"seed"`  // of the first
	Steps   int      `json:"steps"`
	Threads int      `json:"threads"`
}

// DefaultParabola returns the settings of `energo train parabola` without flags.
func DefaultParabola() ParabolaConfig { return ParabolaConfig{Seeds: 10, Seed: 1, Steps: 3000} }

// ParabolaCase is an architecture trained with a functional.
type ParabolaCase struct {
	Name       string `json:"name"`
	Energy     string `json:"energy"`
	Functional string `json:"functional"`
	Expect     string `json:"expect"` // what the theory says of it

	branches bool
	f        functional.Functional
}

// The tutorial's margin, and how far around the correct answer nothing is pushed up.
const (
	parabolaMargin = 1
	parabolaBall   = 0.3
)

// ParabolaCases returns the tutorial's four cases and its misprint.
func ParabolaCases() []ParabolaCase {
	const one, two = "|G(x) − y|", "‖G₁(x) − G₂(y)‖₁"
	return []ParabolaCase{
		{"1", one, "energy", "works: pulling down one place of a fixed shape pushes up the others", false, functional.Energy{}},
		{"2", two, "energy", "collapses: both branches can become one constant", true, functional.Energy{}},
		{"3", two, "square_square", "works: the most offending answer is pushed up to the margin", true, functional.SquareSquare{Margin: parabolaMargin}},
		{"4", two, "nll", "works: all answers are pushed up, as far as they are low", true, functional.NLL{Beta: 1}},
		{"misprint", two, "square_square_misprint", "fails: the most offending answer is pulled down too", true, functional.SquareSquareMisprint{Margin: parabolaMargin}},
	}
}

// ParabolaOutcome is one training.
type ParabolaOutcome struct {
	Seed   uint64         `json:"seed"`
	MSE    measure.Number `json:"mse"`           // of the inferred answers, the least energy's
	Spread measure.Number `json:"spread"`        // standard deviation of the energy over y, mean over x
	Before measure.Number `json:"spread_before"` // … before training
	Flat   bool           `json:"flat"`
	Why    string         `json:"why,omitempty"` // it was given up
}

// Surface is E(x, y) on a grid: X by Y, y running fastest.
type Surface struct {
	X, Y     []float64
	Energy   []float64
	Inferred []float64 // the y of least energy for each x; NaN where energies are
}

// ParabolaResult is what a case came to.
type ParabolaResult struct {
	ParabolaCase
	Flat     int               `json:"flat"` // how many runs ended so
	MSE      measure.Number    `json:"mse"`  // mean over the runs
	WorstMSE measure.Number    `json:"worst_mse"`
	Runs     []ParabolaOutcome `json:"runs"`
	Before   Surface           `json:"-"` // of the first run
	After    Surface           `json:"-"`
	Film     surface.Film      `json:"-"` // of the first run
}

// Resolve fills in the cases and refuses what is out of range.
func (c ParabolaConfig) Resolve() (ParabolaConfig, error) {
	var names []string
	for _, k := range ParabolaCases() {
		names = append(names, k.Name)
	}
	if len(c.Cases) == 0 {
		c.Cases = names
	}
	for _, n := range c.Cases {
		if !slices.Contains(names, n) {
			return c, fmt.Errorf("there is no case %q; there are %s%s", excerpt.Of(n), strings.Join(names, ", "), spelling.DidYouMean(n, names))
		}
	}
	if err := once("case", c.Cases); err != nil {
		return c, err
	}
	if c.Seeds < 1 || c.Seeds > 1000 {
		return c, fmt.Errorf("seeds is %d; it must be a whole number from 1 to 1000", c.Seeds)
	}
	if c.Steps < 1 || c.Steps > 1<<20 {
		return c, fmt.Errorf("steps is %d; it must be a whole number from 1 to %d", c.Steps, 1<<20)
	}
	if c.Threads < 0 {
		return c, fmt.Errorf("threads is %d; it must be at least 0", c.Threads)
	}
	return c, nil
}

// Parabola trains every case with every seed. emit is told of each training as it ends.
func Parabola(ctx context.Context, c ParabolaConfig, emit func(ParabolaCase, ParabolaOutcome, time.Duration)) ([]ParabolaResult, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	var results []ParabolaResult
	for _, k := range ParabolaCases() {
		if !slices.Contains(c.Cases, k.Name) {
			continue
		}
		r := ParabolaResult{ParabolaCase: k}
		for i := range c.Seeds {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			start := time.Now()
			var film *surface.Film
			if i == 0 {
				film = &r.Film
			}
			o, before, after, err := k.train(c.Seed+uint64(i), c.Steps, film)
			if err != nil {
				return nil, fmt.Errorf("case %s, seed %d: %w", k.Name, o.Seed, err)
			}
			if i == 0 {
				r.Before, r.After = before, after
			}
			if o.Flat {
				r.Flat++
			}
			r.MSE += o.MSE / measure.Number(c.Seeds)
			r.WorstMSE = max(r.WorstMSE, o.MSE)
			r.Runs = append(r.Runs, o)
			emit(k, o, time.Since(start))
		}
		results = append(results, r)
	}
	return results, nil
}

// distance is ‖G₁(x) − G₂(y)‖₁, or without a second branch |G₁(x) − y|.
type distance struct{ x, y nn.Module }

// Energy implements energy.Surface.
func (d distance) Energy(x, y *autodiff.Var) *autodiff.Var {
	if d.y != nil {
		y = d.y.Forward(y)
	}
	return autodiff.SumLast(autodiff.Abs(autodiff.Sub(d.x.Forward(x), y)))
}

// Dim implements energy.Surface.
func (d distance) Dim() int { return 1 }

// Params implements energy.Surface.
func (d distance) Params() []*autodiff.Param {
	if d.y == nil {
		return d.x.Params()
	}
	return slices.Concat(d.x.Params(), d.y.Params())
}

func (k ParabolaCase) surface(rng *rand.Rand) distance {
	const hidden, codes = 20, 10
	net := func(out int) nn.Module {
		return nn.NewSequential(nn.NewLinear(1, hidden, rng), nn.Tanh{}, nn.NewLinear(hidden, out, rng))
	}
	if k.branches {
		return distance{nn.Prefix("x", net(codes)), nn.Prefix("y", net(codes))}
	}
	return distance{x: net(1)}
}

// What training a case takes: found by hand, the same for all of them. Without R(W) case 2
// need not collapse: the branches may align before they have shrunk.
const (
	parabolaBatch = 64
	parabolaRate  = 0.05
	parabolaDecay = 0.002
	parabolaClip  = 1
	parabolaNodes = 20 // of the free energy's quadrature
	parabolaGrid  = 61 // answers that the search looks at
	answersFrom   = -0.5
	answersTo     = 1.5
)

// train trains a case, and films it unless film is nil.
func (k ParabolaCase) train(seed uint64, steps int, film *surface.Film) (o ParabolaOutcome, before, after Surface, err error) {
	rng := train.Rand(seed, "parabola", 0)
	s := k.surface(rng)
	slopes := energy.NewSlopes[float32](s)
	before = surfaceOf(slopes)
	o = ParabolaOutcome{Seed: seed, Before: measure.Number(before.spread())}
	grid, err := offender.NewGrid[float32](1, parabolaGrid, answersFrom, answersTo)
	if err != nil {
		return o, before, after, err
	}
	x, y := tensor.New(tensor.Float32, parabolaBatch, 1), tensor.New(tensor.Float32, parabolaBatch, 1)
	answers := &energy.PointAnswers{Surface: s}
	answers.Nodes, answers.LogWeights = quadratureNodes()
	found, lowest := tensor.New(tensor.Float32, parabolaBatch, 1), make([]float64, parabolaBatch)
	tape, params := autodiff.NewTape(tensor.Float32), s.Params()
	optimizer := &optim.SGD{Momentum: 0.9, WeightDecay: parabolaDecay}
	if err := optimizer.Prepare(params); err != nil {
		return o, before, after, err
	}
	var record energy.AnswerLoss
	frames := map[int]bool{}
	if film != nil {
		*film, frames = k.newFilm(), frameSteps(steps)
		film.Frames = append(film.Frames, parabolaFrame(film, slopes, 0))
	}
	for step := range steps {
		for i := range parabolaBatch {
			v := rng.Float32()*2 - 1
			x.Float32s()[i], y.Float32s()[i] = v, v*v
		}
		if k.f.Statistic().Kind == functional.Offending {
			slopes.Fix(x)
			if _, err := grid.Find(rng, slopes, y.Float32s(), parabolaBall, found.Float32s(), lowest); err != nil {
				return o, before, after, err
			}
			answers.Offending = found
		}
		tape.Reset()
		answers.X, answers.Y = tape.Const(x), tape.Const(y)
		losses, err := record.Record(answers, k.f)
		if err != nil { // energies that are no numbers any more
			o.Why = fmt.Sprintf("given up at step %d: %v", step+1, err)
			break
		}
		for _, p := range params {
			p.ZeroGrad()
		}
		tape.Backward(autodiff.Mean(losses))
		optim.ClipNorm(params, parabolaClip)
		optimizer.Step(params, parabolaRate*(optim.Cosine{}).At(step, steps))
		if frames[step+1] {
			film.Frames = append(film.Frames, parabolaFrame(film, slopes, step+1))
		}
	}
	after = surfaceOf(slopes)
	o.MSE, o.Spread = measure.Number(after.mse()), measure.Number(after.spread())
	o.Flat = o.Spread < flatPart*o.Before && o.MSE > wrongMSE
	return o, before, after, nil
}

// newFilm returns a film without frames.
func (k ParabolaCase) newFilm() surface.Film {
	const nx, ny = 41, 101
	f := surface.Film{
		Name: "case-" + k.Name, Title: "Case " + k.Name + ": " + k.Energy + " with " + k.Functional, XLabel: "x", YLabel: "y", OverY: true,
		X: even(nx, -1, 1), Y: even(ny, answersFrom, answersTo),
	}
	if k.f.Statistic().Kind == functional.Offending {
		f.Margin = parabolaMargin
	}
	for _, x := range f.X {
		f.Data = append(f.Data, [2]float64{x, x * x})
	}
	return f
}

// parabolaFrame looks at a surface: its energies, the answers inferred, and for each x the
// energies of the right answer and of the most offending one.
func parabolaFrame(film *surface.Film, slopes *energy.Slopes[float32], step int) surface.Frame {
	nx, ny := len(film.X), len(film.Y)
	x, y, right := tensor.New(tensor.Float32, nx, 1), make([]float32, 0, nx*ny), make([]float32, nx)
	for i, v := range film.X {
		x.Float32s()[i], right[i] = float32(v), float32(v*v)
		for _, v := range film.Y {
			y = append(y, float32(v))
		}
	}
	slopes.Fix(x)
	all, correct := make([]float64, nx*ny), make([]float64, nx)
	slopes.Each(ny).Energies(all, nil, y)
	slopes.Each(1).Energies(correct, nil, right)
	fr := surface.Frame{Step: step, Energy: narrowed(all), Correct: narrowed(correct)}
	for i, v := range film.X {
		best, other := 0, math.Inf(1)
		for j, e := range all[i*ny : (i+1)*ny] {
			if e < all[i*ny+best] {
				best = j
			}
			if math.Abs(film.Y[j]-v*v) > parabolaBall {
				other = min(other, e)
			}
		}
		fr.Points, fr.Other = append(fr.Points, [2]float64{v, film.Y[best]}), append(fr.Other, float32(other))
	}
	return fr
}

// A surface is flat where its spread is a small part of what it was and its answers are wrong.
const (
	flatPart = 0.25
	wrongMSE = 0.01
)

// quadratureNodes returns answers in the middles of equal cells.
func quadratureNodes() (*tensor.Tensor, []float64) {
	nodes, weights := tensor.New(tensor.Float32, parabolaNodes, 1), make([]float64, parabolaNodes)
	cell := (answersTo - answersFrom) / parabolaNodes
	for i := range weights {
		nodes.Float32s()[i] = float32(answersFrom + cell*(float64(i)+0.5))
		weights[i] = math.Log(cell)
	}
	return nodes, weights
}

// surfaceOf evaluates a surface on a grid.
func surfaceOf(slopes *energy.Slopes[float32]) Surface {
	const nx, ny = 81, 201
	var s Surface
	for i := range nx {
		s.X = append(s.X, -1+2*float64(i)/(nx-1))
	}
	for j := range ny {
		s.Y = append(s.Y, answersFrom+(answersTo-answersFrom)*float64(j)/(ny-1))
	}
	x, y := tensor.New(tensor.Float32, nx, 1), make([]float32, 0, nx*ny)
	for i := range nx {
		x.Float32s()[i] = float32(s.X[i])
		for _, v := range s.Y {
			y = append(y, float32(v))
		}
	}
	s.Energy = make([]float64, nx*ny)
	slopes.Fix(x)
	slopes.Each(ny).Energies(s.Energy, nil, y)
	for i := range nx {
		row := s.Energy[i*ny : (i+1)*ny]
		s.Inferred = append(s.Inferred, inferred(s.Y, row))
	}
	return s
}

// inferred is the answer with the least of the energies, the first of equals; NaN where one of them is.
func inferred(answers, energies []float64) float64 {
	at := slices.Index(energies, slices.Min(energies))
	if at < 0 { // the least is NaN, which equals nothing
		return math.NaN()
	}
	return answers[at]
}

// mse is the squared error of the inferred answers.
func (s Surface) mse() (mse float64) {
	for i, x := range s.X {
		r := s.Inferred[i] - x*x
		mse += r * r / float64(len(s.X))
	}
	return mse
}

// spread is the standard deviation of the energy over y, mean over x.
func (s Surface) spread() (total float64) {
	n := len(s.Y)
	for i := range s.X {
		var sum, squares float64
		for _, e := range s.Energy[i*n : (i+1)*n] {
			sum += e
			squares += e * e
		}
		mean := sum / float64(n)
		total += math.Sqrt(max(squares/float64(n)-float64(mean*mean), 0)) / float64(len(s.X))
	}
	return total
}
