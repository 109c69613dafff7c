package jobs

import (
	"context"

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

// The margin is the tutorial's. Without R(W) the energy loss on codes need not collapse: the branches may align before they have shrunk.
const (
	parabolaMargin = 1
	parabolaBatch  = 64
	parabolaSteps  = 50 // an epoch
)

func (c *Parabola) Options() option.List {
	list := option.List{
		option.New(&c.Energy, "energy", "energy function", option.OneOf(lesson.Architectures()...)),
		option.New(&c.Functional, "functional", "loss functional; the margin costs are of labels", option.OneOf(lesson.Functionals()...)),
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
	s, err := lesson.NewCodeDistance(c.Energy, train.Rand(c.Seed, "parabola", 0))
	if err != nil {
		return nil, err
	}
	m := &realAnswers{functional: f, x: tensor.New(tensor.Float32), y: tensor.New(tensor.Float32)}
	if m.answers, err = lesson.NewAnswers(s); err != nil {
		return nil, err
	}
	m.weights, m.data = weights{s}, "drawn from Y = X²"
	architecture := s.String()
	m.subject = train.Subject{Functional: f, Architecture: architecture}
	if e, err := functional.Lookup(c.Functional); err == nil && e.Takes("margin") {
		m.subject.Margin = parabolaMargin
	}
	m.subject.Terms = train.AnswerTerms("inputs", m.subject.Margin)
	m.subject.Terms.AllAnswers, m.subject.Terms.Correct = false, "the right answer"
	m.subject.Terms.Offending = "the most offending answer outside a ball around it"
	film := surface.Film{
		Name: "surface", Title: architecture + " with " + c.Functional, XLabel: "x", YLabel: "y", OverY: true,
		X: surface.Axis(41, -1, 1), Y: surface.Axis(101, lesson.AnswersFrom, lesson.AnswersTo),
	}
	if f.Statistic().Kind == functional.Offending {
		film.Margin = parabolaMargin
	}
	for _, x := range film.X {
		film.Data = append(film.Data, [2]float64{x, x * x})
	}
	kind, n := f.Statistic().Kind, len(film.X)
	film.Search = m.answers.Search(kind)
	m.reel = surface.NewReel(film, surface.Layout{
		Points: n, Pairs: n, Down: n, Rivals: n * m.answers.RivalsEach(kind), Epochs: c.Epochs, Steps: m.Samples() / c.Batch,
	})
	return m, nil
}

// realAnswers is a job.Model: an energy over real answers, whose truth is known.
type realAnswers struct {
	functional functional.Functional
	answers    *lesson.Answers
	diagnosed
	trainedOn
	weights
	reel *surface.Reel

	x, y *tensor.Tensor // of a batch
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
	return m.answers.Record(tape, m.functional, m.x, m.y, b.Rand)
}

func (m *realAnswers) Evaluate(context.Context) (train.Evaluation, error) {
	e := m.diagnose(m.look())
	if e.Fault() != "" { // the run does not continue from it
		return e, nil
	}
	frame, err := m.frame()
	if err != nil {
		return e, err
	}
	m.reel.Take(frame)
	return e, nil
}

// ShowFilm implements job.Filmed.
func (m *realAnswers) ShowFilm(dir string) error { return m.reel.Show(dir) }

func (m *realAnswers) Measure(ctx context.Context) (*job.Measures, error) {
	return &job.Measures{Evaluation: m.diagnose(m.look()), Write: func(_ context.Context, dir string) error {
		return surface.Write(dir, []surface.Film{m.reel.Taken()})
	}}, ctx.Err()
}

// look evaluates the surface on a grid.
func (m *realAnswers) look() *lesson.Grid {
	return m.answers.Look(surface.Axis(81, -1, 1), surface.Axis(201, lesson.AnswersFrom, lesson.AnswersTo))
}

// frame is the surface as the film shows it, with the answers inferred, for each x the energies of the right answer and of
// the most offending one, and what the loss pushes.
func (m *realAnswers) frame() (surface.Frame, error) {
	s := m.answers.Look(m.reel.Film.X, m.reel.Film.Y)
	f, stats := surface.Frame{Energy: surface.Single(s.Energies)}, m.stats(s)
	for i, y := range s.Inferred() {
		f.Points = append(f.Points, [2]float64{s.X[i], y})
		f.Correct, f.Other = append(f.Correct, float32(stats[i].Correct)), append(f.Other, float32(stats[i].Offending))
	}
	p, err := m.answers.Pushes(m.functional, s.X, rightAnswers(s.X))
	if err != nil {
		return f, err
	}
	f.Down, f.Up = surface.Single(p.Down), surface.Single(p.Up)
	for i, y := range p.Rivals {
		f.Rivals = append(f.Rivals, [2]float64{s.X[i*len(s.X)/len(p.Rivals)], y})
	}
	return f, nil
}

// rightAnswers are those to inputs.
func rightAnswers(x []float64) []float64 {
	right := make([]float64, len(x))
	for i, v := range x {
		right[i] = v * v
	}
	return right
}

// stats says for each input where the right answer's energy lies.
func (m *realAnswers) stats(s *lesson.Grid) []functional.LabelStats {
	return m.answers.Stats(s, rightAnswers(s.X))
}

// diagnose holds the inferred answers against Y = X². Chance is the error of the best constant answer.
func (m *realAnswers) diagnose(s *lesson.Grid) train.Evaluation {
	squared := measure.Quantity{Key: "squared_error", Name: "Squared error", Note: "of the answer with the least energy, mean over the inputs"}
	var right, errors []float64
	for i, y := range s.Inferred() {
		x := s.X[i]
		right, errors = append(right, x*x), append(errors, (y-x*x)*(y-x*x))
	}
	constant := measure.Deviation(right)
	return train.Diagnose(m.stats(s), m.subject, squared.Of(measure.Mean(errors)), constant*constant)
}
