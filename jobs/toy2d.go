package jobs

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/data/toy"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/train"
	"github.com/energo-ml/energo/train/lesson"
)

// toy2DJob trains densities over the plane.
var toy2DJob = job.Job{
	Name: "toy2d", Folder: "toy2d-SET-OBJECTIVE", Short: "Train a density exp(−E(y))/Z over the plane, whose truth is known",
	Long: `Trains an energy over the plane for a distribution that is known exactly: gaussians (eight), rings, moons,
spirals, checkerboard or pinwheel. It is trained by the negative log-likelihood, its partition function a quadrature,
or without a partition function. The density is compared with the truth: Kullback-Leibler divergence by quadrature,
modes covered and maximum mean discrepancy by draws. About half a minute.`,
	Examples: []string{"", "--set spirals --epochs 20", "--set rings --objective nce"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Epochs, t.Batch, t.Warmup, t.Validation = 50, toyBatch, 50, 0
		return &Toy2D{Set: "gaussians", Objective: "nll", Training: t}
	},
}

// Toy2D is the settings of the job toy2d.
type Toy2D struct {
	Set       string // one of toy.Names
	Objective string // one of lesson.Objectives
	job.Training
}

// What training takes.
const (
	toyBatch = 512
	toyShown = 400 // data, and draws, of a frame
)

func (c *Toy2D) Options() option.List {
	list := option.List{
		option.New(&c.Set, "set", "distribution", option.OneOf(toy.Names()...)),
		option.New(&c.Objective, "objective", "what trains: nll by quadrature, cd and pcd (contrastive divergence), denoising and sliced (score matching), nce", option.OneOf(lesson.Objectives()...)),
	}
	return append(list, c.Training.Options()...).Without("validation", "limit")
}

func (c *Toy2D) Resolve() error {
	if c.LR == 0 {
		c.LR = 3e-3
		if c.Objective == "pcd" { // persistent chains follow a slower one
			c.LR = 3e-4
		}
	}
	c.Settle(50, toyBatch)
	return nil
}

func (c *Toy2D) Folder() string { return "toy2d-" + c.Set + "-" + c.Objective }

func (c *Toy2D) Open(context.Context, job.Env) (job.Model, error) {
	set, err := toy.New(c.Set)
	if err != nil {
		return nil, err
	}
	d := lesson.NewPlane(train.Rand(c.Seed, "init", 0))
	m := &planeDensity{c: c, toy: set, density: d, slopes: energy.NewSlopes[float32](d), y: tensor.New(tensor.Float32)}
	if m.trained, err = lesson.NewObjective(c.Objective, train.Rand(c.Seed, "step", 0)); err != nil {
		return nil, err
	}
	m.weights, m.data = weights{d.Net}, "drawn from "+set.Name
	m.params = append(slices.Clone(d.Params()), m.trained.More...)
	m.subject = train.Subject{Loss: c.Objective, Architecture: "an energy over the plane", Terms: train.Terms{
		Energies: "energies", Samples: "points", Correct: "the data", Offending: "draws of the model", Unit: measure.Nat,
		Kept: train.ToldApart("of pairs of a point of the data and a draw have the data lower; half is a match"),
	}}
	film := surface.Film{Name: set.Name, Title: set.Name, XLabel: "y₁", YLabel: "y₂", X: surface.Axis(81, -lesson.Edge, lesson.Edge), Y: surface.Axis(81, -lesson.Edge, lesson.Edge)}
	y := make([]float32, 2*toyShown)
	set.Draw(train.Rand(c.Seed, "film", 0), y)
	film.Data = surface.Places(y)
	l := surface.Layout{Points: toyShown, Pairs: toyShown, Epochs: c.Epochs, Steps: (m.Samples() + c.Batch - 1) / c.Batch}
	if film.Search = m.trained.Search(); film.Search != nil {
		l.Down, l.Rivals = toyShown, toyShown
	}
	m.reel = surface.NewReel(film, l)
	return m, nil
}

// planeDensity is a job.Model: an energy over the plane, beside the density that it should have.
type planeDensity struct {
	c       *Toy2D
	toy     *toy.Distribution
	density energy.Density
	slopes  *energy.Slopes[float32]
	trained lesson.Trained
	params  []*autodiff.Param
	diagnosed
	trainedOn
	weights
	reel *surface.Reel
	y    *tensor.Tensor
}

func (m *planeDensity) Params() []*autodiff.Param { return m.params }

// Samples implements train.Task: how many points are drawn in an epoch.
func (m *planeDensity) Samples() int { return toySteps * toyBatch }

func (m *planeDensity) State() []tensor.Named {
	return append(chainsState(m.trained.Chains), m.reel.State()...)
}

func (m *planeDensity) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	m.y.Resize(len(b.Samples), 2)
	m.toy.Draw(b.Rand, m.y.Float32s())
	return m.trained.Record(tape, m.density, m.y, b.Rand)
}

func (m *planeDensity) Evaluate(ctx context.Context) (train.Evaluation, error) {
	p := m.look(m.reel.Film.X)
	e := m.diagnose(p)
	if ctx.Err() != nil { // it begins again, and takes its frame then
		return e, ctx.Err()
	}
	if e.Fault() == "" { // the run does not continue from another
		m.reel.Take(m.frame(p))
	}
	return e, nil
}

// frame is the surface as the film shows it, with draws of it, and what the loss pushes.
func (m *planeDensity) frame(p *planes) surface.Frame {
	f := surface.Frame{Energy: surface.Single(p.raw), Points: p.draws[:toyShown], Correct: surface.Single(p.correct[:toyShown]), Other: surface.Single(p.other[:toyShown])}
	film := m.reel.Film
	if film.Search == nil {
		return f
	}
	f.Rivals = m.trained.Negatives(train.Rand(m.c.Seed, "film", uint64(m.reel.Frames())+1), m.slopes, film.Data, p.draws)
	f.Down, f.Up = make([]float32, len(film.Data)), make([]float32, len(f.Rivals))
	for i := range f.Down {
		f.Down[i] = 1 / float32(len(f.Down))
	}
	for i := range f.Up {
		f.Up[i] = -1 / float32(len(f.Up))
	}
	return f
}

// ShowFilm implements job.Filmed.
func (m *planeDensity) ShowFilm(dir string) error { return m.reel.Show(dir) }

func (m *planeDensity) Measure(ctx context.Context) (*job.Measures, error) {
	cell := 2 * lesson.Edge / float64(toyFine)
	p := m.look(surface.Axis(toyFine, -lesson.Edge+cell/2, lesson.Edge-cell/2))
	points := make([]float32, 2*toyDraws)
	m.toy.Draw(train.Rand(m.c.Seed, "measure", 1), points)
	figures := []measure.Figure{
		measure.Quantity{Key: "mmd", Name: "MMD²", Note: "squared maximum mean discrepancy of draws of the two, Gaussian kernel of width 1"}.Of(measure.Discrepancy(p.draws, surface.Places(points))),
	}
	if modes := len(m.toy.Modes); modes > 0 {
		figures = append(figures, measure.Quantity{
			Key: "modes_covered", Name: "Modes covered", Unit: measure.Count, Note: fmt.Sprintf("of %d have at least half of their share of the draws", modes),
		}.Of(float64(m.toy.Covered(p.draws))))
	}
	return &job.Measures{Evaluation: m.diagnose(p), Figures: figures, Write: func(_ context.Context, dir string) error {
		return surface.Write(dir, []surface.Film{m.reel.Taken(), m.truth()})
	}}, ctx.Err()
}

// truth is the energies −log p that the model should have, cut off 10 nat above the least.
func (m *planeDensity) truth() surface.Film {
	f := m.reel.Film
	f.Name, f.Title, f.Search = "truth", "The truth: −log p", nil
	energies := m.look(f.X).truth
	highest := slices.Min(energies) + 10
	for i, e := range energies {
		energies[i] = min(e, highest)
	}
	f.Frames = []surface.Frame{{Energy: surface.Single(energies)}}
	return f
}

// planes is a density and the truth on a grid, the second coordinate running fastest.
type planes struct {
	axis                []float64
	raw                 []float64    // energies of the network
	model, truth        []float64    // energies −log p
	draws               [][2]float64 // of the model, spread over their cells
	correct, other      []float64    // energies −log p of the data, and of draws
	divergence, blurred float64      // of the model, and of an even density, from the truth: nat
}

// look evaluates the density on a grid, which gives its partition function by quadrature, and draws by the grid.
func (m *planeDensity) look(axis []float64) *planes {
	p, n := &planes{axis: axis}, len(axis)
	cell := axis[1] - axis[0]
	points := make([]float32, 0, 2*n*n)
	for _, x := range axis {
		for _, y := range axis {
			points = append(points, float32(x), float32(y))
		}
	}
	p.raw = make([]float64, n*n)
	m.slopes.Energies(p.raw, nil, points)
	least, z := slices.Min(p.raw), 0.0
	shares := make([]float64, n*n) // summed up
	for i, e := range p.raw {
		z += math.Exp(least-e) * cell * cell
		shares[i] = z
	}
	logZ := math.Log(z) - least
	even := 2 * math.Log(2*lesson.Edge)
	for i, e := range p.raw {
		p.model = append(p.model, e+logZ)
		log := m.toy.LogDensity(float64(points[2*i]), float64(points[2*i+1]))
		p.truth = append(p.truth, -log)
		if q := math.Exp(log); q > 0 {
			p.divergence += q * (log + p.model[i]) * cell * cell
			p.blurred += q * (log + even) * cell * cell
		}
	}
	m.draw(p, shares, logZ)
	return p
}

// draw draws from the model by its grid, and from the truth.
func (m *planeDensity) draw(p *planes, shares []float64, logZ float64) {
	rng := train.Rand(m.c.Seed, "measure", 0)
	n, cell := len(p.axis), p.axis[1]-p.axis[0]
	for range toyDraws {
		at, _ := slices.BinarySearch(shares, rng.Float64()*shares[len(shares)-1])
		at = min(at, len(shares)-1)
		p.draws = append(p.draws, [2]float64{p.axis[at/n] + float64(cell*(rng.Float64()-0.5)), p.axis[at%n] + float64(cell*(rng.Float64()-0.5))})
		p.other = append(p.other, p.model[at])
	}
	points := make([]float32, 2*toyDraws)
	m.toy.Draw(rng, points)
	p.correct = make([]float64, toyDraws)
	m.slopes.Energies(p.correct, nil, points)
	for i := range p.correct {
		p.correct[i] += logZ
	}
}

// diagnose holds the model against the truth. Chance is the divergence of an even density over the square.
func (m *planeDensity) diagnose(p *planes) train.Evaluation {
	spread := measure.Deviation(p.raw)
	stats := make([]functional.LabelStats, toyDraws)
	for i := range stats {
		stats[i] = functional.LabelStats{Correct: p.correct[i], Offending: p.other[i], Answer: -1, Spread: spread}
	}
	q := measure.Quantity{Key: "divergence", Name: "Divergence", Unit: measure.Nat, Note: "of the model from the truth (Kullback-Leibler), by quadrature"}
	return train.Diagnose(stats, m.subject, q.Of(p.divergence), p.blurred)
}
