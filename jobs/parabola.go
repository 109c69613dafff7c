package jobs

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/offender"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/train"
)

// parabolaJob trains energies of real answers.
var parabolaJob = job.Job{
	Name: "parabola", Folder: "parabola-ENERGY-FUNCTIONAL", Short: "Replay the tutorial's lesson on Y = X²: the loss that works for one architecture flattens another",
	Long: `Trains an energy of real answers y to inputs x, with the right answers on Y = X², as in the 2006 tutorial [lecun2006]:

  --energy output  |G(x) − y|: pulling down one place of a fixed shape pushes up the others
  --energy codes   ‖G₁(x) − G₂(y)‖₁: both branches can become one constant

The tutorial's cases are the energy loss on output (works) and on codes (collapses to a flat surface), and on codes
square_square with the most offending answer outside a ball, and nll over 20 answers (both work). Its table prints
square_square with a wrong sign: square_square_misprint (fails). energo compare parabola --energy output,codes has all
functionals that real answers have; a training takes a second or two.`,
	Examples: []string{"--energy codes --functional energy", "--energy codes --functional square_square --seed 3", "--energy output"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Optimizer, t.LR, t.WeightDecay, t.Clip = "sgd", 0.05, 0.002, 1
		t.Epochs, t.Batch, t.Warmup, t.Validation = 60, parabolaBatch, 0, 0
		return &Parabola{Energy: "codes", Functional: "nll", Training: t}
	},
}

// Parabola is the settings of the job parabola.
type Parabola struct {
	Energy     string // output, codes
	Functional string
	job.Training
}

// The margin and how far around the correct answer nothing is pushed up, as the tutorial has them. Without R(W) the energy loss on
// codes need not collapse: the branches may align before they have shrunk.
const (
	parabolaMargin = 1
	parabolaBall   = 0.3
	parabolaBatch  = 64
	parabolaSteps  = 50 // an epoch
	parabolaNodes  = 20 // of the free energy's quadrature
	parabolaGrid   = 61 // answers that the search looks at
	answersFrom    = -0.5
	answersTo      = 1.5
)

// PointFunctionals are the functionals whose statistics real answers have: all but those of costs, which are of labels.
func PointFunctionals() (names []string) {
	for _, e := range functional.Catalogue() {
		f, err := functional.New(e.Name, functional.DefaultOptions())
		if err != nil {
			continue
		}
		switch f.Statistic().Kind {
		case functional.None, functional.Minimum, functional.Offending, functional.FreeEnergy:
			names = append(names, e.Name)
		}
	}
	return names
}

func (c *Parabola) Options() option.List {
	list := option.List{
		option.New(&c.Energy, "energy", "energy function", option.OneOf("output", "codes")),
		option.New(&c.Functional, "functional", "loss functional; the margin costs are of labels", option.OneOf(PointFunctionals()...)),
	}
	return append(list, c.Training.Options()...).Without("validation", "limit")
}

func (c *Parabola) Resolve() error {
	c.Settle(60, parabolaBatch)
	return nil
}

func (c *Parabola) Folder() string { return "parabola-" + c.Energy + "-" + c.Functional }

func (c *Parabola) Open(context.Context, job.Env) (job.Model, error) {
	f, err := functional.New(c.Functional, functional.DefaultOptions())
	if err != nil {
		return nil, err
	}
	rng := train.Rand(c.Seed, "parabola", 0)
	net := func(out int) nn.Module {
		const hidden = 20
		return nn.NewSequential(nn.NewLinear(1, hidden, rng), nn.Tanh{}, nn.NewLinear(hidden, out, rng))
	}
	const codes = 10
	m := &realAnswers{functional: f, x: tensor.New(tensor.Float32), y: tensor.New(tensor.Float32), other: tensor.New(tensor.Float32)}
	architecture := "|G(x) − y|"
	if c.Energy == "codes" {
		m.surface, architecture = codeDistance{nn.Prefix("x", net(codes)), nn.Prefix("y", net(codes))}, "‖G₁(x) − G₂(y)‖₁"
	} else {
		m.surface = codeDistance{x: net(1)}
	}
	m.weights, m.data = weights{m.surface}, "drawn from Y = X²"
	m.slopes = energy.NewSlopes[float32](m.surface)
	if m.grid, err = offender.NewGrid[float32](1, parabolaGrid, answersFrom, answersTo); err != nil {
		return nil, err
	}
	m.answers = energy.PointAnswers{Surface: m.surface}
	m.answers.Nodes, m.answers.LogWeights = quadratureNodes()
	m.subject = train.Subject{Functional: f, Architecture: architecture}
	if e, err := functional.Lookup(c.Functional); err == nil && e.Takes("margin") {
		m.subject.Margin = parabolaMargin
	}
	m.subject.Terms = train.AnswerTerms("inputs", m.subject.Margin)
	m.subject.Terms.AllAnswers, m.subject.Terms.Correct = false, "the right answer"
	m.subject.Terms.Offending = "the most offending answer outside a ball around it"
	film := surface.Film{
		Name: "surface", Title: architecture + " with " + c.Functional, XLabel: "x", YLabel: "y", OverY: true,
		X: even(41, -1, 1), Y: even(101, answersFrom, answersTo),
	}
	if f.Statistic().Kind == functional.Offending {
		film.Margin = parabolaMargin
	}
	for _, x := range film.X {
		film.Data = append(film.Data, [2]float64{x, x * x})
	}
	m.reel = surface.NewReel(film, len(film.X), len(film.X), c.Epochs, m.Samples()/c.Batch)
	return m, nil
}

// codeDistance is ‖G₁(x) − G₂(y)‖₁, or without a second branch |G₁(x) − y|. It is a network for what keeps its weights.
type codeDistance struct{ x, y nn.Module }

func (d codeDistance) Energy(x, y *autodiff.Var) *autodiff.Var {
	if d.y != nil {
		y = d.y.Forward(y)
	}
	return autodiff.SumLast(autodiff.Abs(autodiff.Sub(d.x.Forward(x), y)))
}

// Forward implements nn.Module: G₁(x).
func (d codeDistance) Forward(x *autodiff.Var) *autodiff.Var { return d.x.Forward(x) }
func (d codeDistance) Dim() int                              { return 1 }

func (d codeDistance) Params() []*autodiff.Param {
	if d.y == nil {
		return d.x.Params()
	}
	return slices.Concat(d.x.Params(), d.y.Params())
}

// realAnswers is a job.Model: an energy over real answers, whose truth is known.
type realAnswers struct {
	surface    codeDistance
	functional functional.Functional
	diagnosed
	trainedOn
	weights
	slopes  *energy.Slopes[float32]
	grid    *offender.Grid[float32]
	answers energy.PointAnswers
	record  energy.AnswerLoss
	reel    *surface.Reel

	x, y, other *tensor.Tensor // of a batch
	lowest      []float64
	correct     []float64
}

// Samples implements train.Task: how many inputs are drawn in an epoch.
func (m *realAnswers) Samples() int          { return parabolaSteps * parabolaBatch }
func (m *realAnswers) State() []tensor.Named { return m.reel.State() }

func (m *realAnswers) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	n := len(b.Samples)
	m.x.Resize(n, 1)
	m.y.Resize(n, 1)
	for i := range n {
		v := b.Rand.Float32()*2 - 1
		m.x.Float32s()[i], m.y.Float32s()[i] = v, v*v
	}
	if err := m.search(b.Rand); err != nil {
		return nil, err
	}
	m.answers.X, m.answers.Y = tape.Const(m.x), tape.Const(m.y)
	losses, err := m.record.Record(&m.answers, m.functional)
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(losses), nil
}

// search looks for the answers that the functional's statistic is of: the most offending ones outside the ball, or those of
// least energy, which are the correct ones where nothing on the grid is lower.
func (m *realAnswers) search(rng *rand.Rand) error {
	kind := m.functional.Statistic().Kind
	if kind != functional.Offending && kind != functional.Minimum {
		return nil
	}
	n := m.x.Dim(0)
	m.other.Resize(n, 1)
	m.lowest = scratch.Sized(m.lowest, n)
	m.slopes.Fix(m.x)
	ball := 0.0
	if kind == functional.Offending {
		ball = parabolaBall
	}
	if _, err := m.grid.Find(rng, m.slopes, m.y.Float32s(), ball, m.other.Float32s(), m.lowest); err != nil {
		return err
	}
	if kind == functional.Offending {
		m.answers.Offending = m.other
		return nil
	}
	m.correct = scratch.Sized(m.correct, n)
	m.slopes.Each(1).Energies(m.correct, nil, m.y.Float32s())
	for i, e := range m.correct {
		if e <= m.lowest[i] {
			m.other.Float32s()[i] = m.y.Float32s()[i]
		}
	}
	m.answers.Least = m.other
	return nil
}

func (m *realAnswers) Evaluate(context.Context) (train.Evaluation, error) {
	e := m.diagnose(m.look())
	if e.Fault() == "" { // the run does not continue from another
		m.reel.Take(m.frame())
	}
	return e, nil
}

func (m *realAnswers) Measure(ctx context.Context) (*job.Measures, error) {
	return &job.Measures{Evaluation: m.diagnose(m.look()), Write: func(_ context.Context, dir string) error {
		return surface.Write(dir, []surface.Film{m.reel.Taken()})
	}}, ctx.Err()
}

// lookedAt is the energies of a surface on a grid, y running fastest.
type lookedAt struct{ x, y, energies []float64 }

// look evaluates the surface on a grid.
func (m *realAnswers) look() *lookedAt {
	return m.lookOn(even(81, -1, 1), even(201, answersFrom, answersTo))
}

func (m *realAnswers) lookOn(x, y []float64) *lookedAt {
	inputs, answers := tensor.New(tensor.Float32, len(x), 1), make([]float32, 0, len(x)*len(y))
	for i, v := range x {
		inputs.Float32s()[i] = float32(v)
		for _, v := range y {
			answers = append(answers, float32(v))
		}
	}
	s := &lookedAt{x, y, make([]float64, len(answers))}
	m.slopes.Fix(inputs)
	m.slopes.Each(len(y)).Energies(s.energies, nil, answers)
	return s
}

// frame is the surface as the film shows it, with the answers inferred, and for each x the energies of the right answer and of
// the most offending one.
func (m *realAnswers) frame() surface.Frame {
	s := m.lookOn(m.reel.Film.X, m.reel.Film.Y)
	f, stats := surface.Frame{Energy: narrowed(s.energies)}, m.stats(s)
	for i, y := range s.inferred() {
		f.Points = append(f.Points, [2]float64{s.x[i], y})
		f.Correct, f.Other = append(f.Correct, float32(stats[i].Correct)), append(f.Other, float32(stats[i].Offending))
	}
	return f
}

// stats says for each input where the right answer's energy lies.
func (m *realAnswers) stats(s *lookedAt) []functional.LabelStats {
	x, y, right := tensor.New(tensor.Float32, len(s.x), 1), make([]float32, len(s.x)), make([]float64, len(s.x))
	for i, v := range s.x {
		x.Float32s()[i], y[i] = float32(v), float32(v*v)
	}
	m.slopes.Fix(x)
	m.slopes.Each(1).Energies(right, nil, y)
	all := make([]functional.LabelStats, len(s.x))
	for i := range all {
		row, other := s.row(i), math.Inf(1)
		for j, e := range row {
			if math.Abs(s.y[j]-float64(s.x[i]*s.x[i])) > parabolaBall {
				other = min(other, e)
			}
		}
		all[i] = functional.LabelStats{Correct: right[i], Offending: other, Answer: -1, Spread: measure.Deviation(row)}
	}
	return all
}

// row is the energies of an input's answers.
func (s *lookedAt) row(i int) []float64 { return s.energies[i*len(s.y) : (i+1)*len(s.y)] }

// inferred is the answer with the least energy to each input, the first of equals; NaN where an energy is.
func (s *lookedAt) inferred() []float64 {
	answers := make([]float64, len(s.x))
	for i := range answers {
		row := s.row(i)
		answers[i] = math.NaN()
		if at := slices.Index(row, slices.Min(row)); at >= 0 { // the least is NaN, which equals nothing
			answers[i] = s.y[at]
		}
	}
	return answers
}

// diagnose holds the inferred answers against Y = X². Chance is the error of the best constant answer.
func (m *realAnswers) diagnose(s *lookedAt) train.Evaluation {
	squared := measure.Quantity{Key: "squared_error", Name: "Squared error", Note: "of the answer with the least energy, mean over the inputs"}
	var right, errors []float64
	for i, y := range s.inferred() {
		x := s.x[i]
		right, errors = append(right, x*x), append(errors, (y-x*x)*(y-x*x))
	}
	constant := measure.Deviation(right)
	return train.Diagnose(m.stats(s), m.subject, squared.Of(measure.Mean(errors)), constant*constant)
}

// quadratureNodes returns answers in the middles of equal cells.
func quadratureNodes() (*tensor.Tensor, []float64) {
	nodes, weights := tensor.New(tensor.Float32, parabolaNodes, 1), make([]float64, parabolaNodes)
	const cell = (answersTo - answersFrom) / parabolaNodes
	for i := range weights {
		nodes.Float32s()[i] = float32(answersFrom + float64(cell*(float64(i)+0.5)))
		weights[i] = math.Log(cell)
	}
	return nodes, weights
}
