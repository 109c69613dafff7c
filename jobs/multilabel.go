package jobs

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/train"
)

// multilabelJob trains scores of which digits lie over one another in a picture.
var multilabelJob = job.Job{
	Name: "multilabel", Folder: "multilabel-FUNCTIONAL", Short: "Train a network to name every digit in a picture of several",
	Long: `Trains a score s of each of the ten digits on pictures in which one, two or three different digits
lie over one another, by a functional or by a loss for several targets (--loss). A functional sees two answers for
each digit: it is there, with the energy −s/2, or it is not, with s/2. A digit is in the answer if its score is above 0;
with multilabel_margin, which only orders the scores, if it is above the threshold that is best on the
held-out pictures. A picture is right if the answer has all of its digits and no other.

The digits are MNIST's, or those of any MNIST-like set of four IDX files (--data). Every epoch lays them over
one another anew; the pictures that are measured are always the same.`,
	Examples: []string{"", "--functional hinge --margin 2", "--loss multilabel_margin --seed 7", "--run runs/mine --resume"},
	New: func() job.Spec {
		return &Multilabel{Hidden: 512, FunctionalSettings: defaultFunctional(), Training: job.DefaultTraining()}
	},
}

// Multilabel is the settings of the job multilabel.
type Multilabel struct {
	Labelled
	Loss   string // "" where the functional trains
	Hidden int
	FunctionalSettings
	job.Training
}

func (c *Multilabel) Options() option.List {
	list := append(option.List{
		c.Labelled.option(),
		c.named(&c.Loss),
		option.New(&c.Loss, "loss", "train the scores with a loss instead of a functional", option.OneOf("", "multilabel_margin", "multilabel_soft_margin", "bce_logits")),
		option.New(&c.Hidden, "hidden", "units of each hidden layer", option.Whole(1, 1<<14)),
	}, c.FunctionalSettings.options(&c.Loss)...)
	return append(list, c.Training.Options()...)
}

func (c *Multilabel) Resolve() error {
	c.Settle(12, 128)
	_, err := c.make()
	return err
}

func (c *Multilabel) Folder() string { return "multilabel-" + cmp.Or(c.Loss, c.Functional) }

func (c *Multilabel) Open(ctx context.Context, env job.Env) (job.Model, error) {
	sets, err := c.sets(ctx, env, &c.Training)
	if err != nil {
		return nil, err
	}
	k := sets.whole.Classes()
	if k <= mostDigits {
		return nil, fmt.Errorf("the training set has %d labels; pictures of up to %d different ones need more", k, mostDigits)
	}
	rng := train.Rand(c.Seed, "weights", 0)
	m := &overlaid{c: c, k: k, labelledSets: sets, tape: autodiff.NewTape(tensor.Float32)}
	m.net = nn.NewSequential(nn.NewLinear(sets.whole.Size(), c.Hidden, rng), nn.ReLU{}, nn.NewLinear(c.Hidden, c.Hidden, rng), nn.ReLU{}, nn.NewLinear(c.Hidden, k, rng))
	m.tape.NoGrad = true
	m.subject = train.Subject{Loss: c.Loss, Architecture: "a network with one score a digit", Terms: train.Terms{
		Energies: "energies", Samples: "pictures", Correct: "the worst digit that is there", Offending: "the best that is not",
		Kept: train.ToldApart("of the pictures have all of their digits below all others"),
	}}
	switch c.Loss {
	case "":
		m.subject.Functional, err = c.make()
		m.subject.Terms.Correct, m.subject.Terms.Offending = "the right set of digits", "the nearest other set"
		m.subject.Terms.Kept = train.ToldApart("of the pictures have the right set of digits below all others")
	case "multilabel_margin":
		m.subject.Margin, m.subject.Terms.Kept = 1, train.MarginKept("of the pictures have all of their digits below all others by the margin 1")
	}
	return m, err
}

const mostDigits = 3 // in a picture

// overlaid is a job.Model: the energy of a digit in a picture is −score.
type overlaid struct {
	weights
	labelledSets
	diagnosed
	c *Multilabel
	k int

	tape      *autodiff.Tape   // of what is measured
	answers   energy.LabelLoss // of the functional
	criterion nn.Criterion
	margin    loss.MultiLabelMargin[float32]
	soft      loss.MultiLabelSoftMargin[float32]
	x         tensor.Tensor
	listed    []int     // the digits of each picture, −1 behind the last
	places    []int     // 0 for the digits of each picture, else 1
	marked    []float32 // 1 for the digits of each picture
}

func (m *overlaid) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	m.draw(m.set, b.Samples, b.Rand)
	out := m.net.Forward(tape.Const(&m.x))
	if m.subject.Functional != nil {
		return m.byAnswers(out, m.subject.Functional)
	}
	return m.criterion.Record(func(g nn.Grads) (float64, error) {
		switch x := out.Value.Float32s(); m.c.Loss {
		case "multilabel_margin":
			return m.margin.Eval(x, m.listed, m.k, g.Float32s(0))
		case "multilabel_soft_margin":
			return m.soft.Eval(x, m.marked, m.k, g.Float32s(0), nil)
		default:
			return loss.BCEWithLogitsLoss(x, m.marked, g.Float32s(0))
		}
	}, out)
}

// byAnswers records the functional's mean loss over the digits of the pictures, each with two answers: it is there, or it is not.
func (m *overlaid) byAnswers(scores *autodiff.Var, f functional.Functional) (*autodiff.Var, error) {
	half := autodiff.Scale(autodiff.Reshape(scores, len(m.marked), 1), 0.5)
	energies := autodiff.Concat(1, autodiff.Neg(half), half)
	if f.Statistic().NonNegative {
		energies = autodiff.Softplus(energies)
	}
	each, err := m.answers.Record(energies, m.places, f)
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(each), nil
}

// draw lays up to two more digits over each sample, and notes which.
func (m *overlaid) draw(set *data.Images, samples []int, rng *rand.Rand) {
	n, d := len(samples), set.Size()
	m.x.Resize(n, d)
	m.listed, m.marked, m.places = scratch.Sized(m.listed, n*m.k), scratch.Sized(m.marked, n*m.k), scratch.Sized(m.places, n*m.k)
	for r, sample := range samples {
		marks, list := m.marked[r*m.k:][:m.k], m.listed[r*m.k:][:m.k]
		set.Overlay(m.x.Float32s()[r*d:][:d], marks, sample, mostDigits, rng)
		at := 0
		for y, mark := range marks {
			list[y], m.places[r*m.k+y] = -1, 1-int(mark)
			if mark == 1 {
				list[at] = y
				at++
			}
		}
	}
}

func (m *overlaid) Evaluate(ctx context.Context) (train.Evaluation, error) {
	s, err := m.scores(ctx, m.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	return m.diagnose(s, m.threshold(s))
}

func (m *overlaid) Measure(ctx context.Context) (*job.Measures, error) {
	held, err := m.scores(ctx, m.held)
	s, failed := m.scores(ctx, m.test)
	if err := cmp.Or(err, failed); err != nil {
		return nil, err
	}
	e, err := m.diagnose(s, m.threshold(held))
	return &job.Measures{Evaluation: e, Figures: []measure.Figure{
		share("subset_accuracy", "Subset accuracy", "of the pictures with exactly their digits", 1-float64(e.Error.Value)),
		share("mean_average_precision", "Mean AP", "average precision, mean over the digits", s.MeanAveragePrecision()),
		measure.Quantity{Key: "coverage", Name: "Coverage", Note: "scores from the best down that have all of a picture's digits, mean"}.Of(s.MeanCoverage()),
	}}, err
}

// scores draws pictures of a set, always the same ones, and scores them.
func (m *overlaid) scores(ctx context.Context, set *data.Images) (*measure.Labelled, error) {
	rng, s := train.Rand(1, "overlay", 0), &measure.Labelled{N: set.N, K: m.k}
	return s, inBatches(ctx, set.N, func(lo, hi int) error {
		m.draw(set, numbers(lo, hi), rng)
		m.tape.Reset()
		s.Scores = append(s.Scores, m.net.Forward(m.tape.Const(&m.x)).Value.Float32s()...)
		for _, mark := range m.marked {
			s.Right = append(s.Right, mark == 1)
		}
		return nil
	})
}

// threshold is what a digit's score must be above for the digit to be in the answer.
func (m *overlaid) threshold(held *measure.Labelled) float32 {
	if m.c.Loss == "multilabel_margin" {
		return held.BestThreshold()
	}
	return 0
}

func (m *overlaid) diagnose(s *measure.Labelled, threshold float32) (train.Evaluation, error) {
	stats, energies := make([]functional.LabelStats, s.N), make([]float32, len(s.Scores))
	for i, v := range s.Scores {
		energies[i] = -v
	}
	q := measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of the pictures have not exactly their digits in the answer"}
	err := functional.SetStats(stats, energies, s.K, s.Right)
	if f := m.subject.Functional; f != nil {
		err = functional.BinaryStats(stats, f, s.Scores, s.K, s.Right)
	}
	return train.Diagnose(stats, m.subject, q.Of(s.Wrong(threshold)), s.Chance()), err
}
