package jobs

import (
	"fmt"
	"path/filepath"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// LabelLoss is what a classifier trains with: a functional of the labels' energies, or a loss.
type LabelLoss struct {
	FunctionalSettings
	// Loss trains the scores −E(y) with one of package loss's instead of the functional, which
	// then only names what is diagnosed; "" trains with the functional.
	Loss           string
	LabelSmoothing float64 // of cross_entropy
}

func defaultLabelLoss() LabelLoss { return LabelLoss{FunctionalSettings: defaultFunctional()} }

// options lists the settings.
func (c *LabelLoss) options() option.List {
	list := option.List{
		c.named(&c.Loss),
		option.New(&c.Loss, "loss", "train the scores −E with a loss instead of a functional", option.OneOf(append([]string{""}, energy.ScoreLosses...)...)),
		option.New(&c.LabelSmoothing, "label_smoothing", "label smoothing of --loss cross_entropy", option.UpTo(1), option.When(func() bool { return c.Loss == "cross_entropy" },
			func() string { return "it is of the loss cross_entropy" })),
	}
	list = append(list, c.FunctionalSettings.options(&c.Loss)...)
	return append(list,
		option.New(&c.Cost, "cost", "rows C[correct][other] of the margin costs, as [[0,1],[2,0]]", option.Arg("rows"), option.When(func() bool { return c.takes("cost", c.Loss) }, func() string { return c.whyNot(c.Loss) })),
	)
}

// checkCost refuses costs of another number of labels.
func (c *LabelLoss) checkCost(k int) error {
	if c.Cost != nil && len(c.Cost) != k {
		return fmt.Errorf("cost has %d rows; the data has %d labels", len(c.Cost), k)
	}
	return nil
}

// classifier is an energy function over labels, what trains it, and how it is measured.
type classifier struct {
	weights
	labeler    energy.Labeler
	functional functional.Functional
	diagnosed
	predictor *energy.Predictor

	loss   energy.LabelLoss
	scores *energy.ScoreLoss // in the functional's place; nil for none
	target []int             // of what is recorded
}

// newClassifier returns one of an untrained energy function, which architecture describes.
func newClassifier(labeler energy.Labeler, c *LabelLoss, architecture string) (*classifier, error) {
	f, err := c.make()
	if err != nil {
		return nil, err
	}
	m := &classifier{
		weights: weights{energy.Module(labeler)}, labeler: labeler, functional: f, predictor: energy.NewPredictor(labeler, tensor.Float32),
		diagnosed: diagnosed{subject: train.Subject{Functional: f, Loss: c.Loss, Architecture: architecture}},
	}
	if c.Loss != "" {
		m.scores, err = energy.NewScoreLoss(c.Loss, c.LabelSmoothing)
	}
	if c.takes("margin", c.Loss) {
		m.subject.Margin = c.Margin
	}
	m.subject.Terms = train.AnswerTerms("samples", m.subject.Margin)
	return m, err
}

// record records the mean loss of the energies of the labels, of which those of m.target are correct.
func (m *classifier) record(energies *autodiff.Var) (*autodiff.Var, error) {
	if m.scores != nil {
		return m.scores.Record(energies, m.target)
	}
	losses, err := m.loss.Record(energies, m.target, m.functional)
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(losses), nil
}

// measurement is what a set of samples says of a model.
type measurement struct {
	train.Evaluation
	Energies *tensor.Tensor // [N, K]
	target   []int          // the labels
}

// measure looks at the energies [N, K] of samples with some labels.
func (m *classifier) measure(all []float32, target []int) (measurement, error) {
	k := m.labeler.Labels()
	stats := make([]functional.LabelStats, len(target))
	if err := functional.Stats(stats, all, k, target); err != nil {
		return measurement{}, err
	}
	wrong, counts := 0, make([]int, k)
	for i, s := range stats {
		counts[target[i]]++
		// The answer is the label of the least energy, the first of equals.
		if !(s.Gap() > 0 || s.Gap() == 0 && target[i] < s.Answer) {
			wrong++
		}
	}
	return measurement{
		Evaluation: train.Diagnose(stats, m.subject, train.WrongSamples.Of(measure.Ratio(float64(wrong), float64(len(target)))), train.Guessed(counts)),
		Energies:   rowsOf(all, k), target: target,
	}, nil
}

// watched are the energies [N, K] of some of the samples that are evaluated on, by their rows and by their numbers among all of them. classes names the labels;
// nil for numbers.
func watched(energies []float32, target, rows, samples []int, k int, classes []string) *watch.Look {
	l := &watch.Look{Set: watch.Set{Answers: k, Samples: samples, Names: classes}}
	for _, i := range rows {
		l.Labels = append(l.Labels, target[i])
		l.Energies = append(l.Energies, energies[i*k:][:k]...)
	}
	return l
}

// watch has a run keep what watched gives.
func (m *measurement) watch(rows, samples []int, classes []string) {
	m.Watched = watched(m.Energies.Float32s(), m.target, rows, samples, m.Energies.Dim(1), classes)
}

// write writes the energies and the labels. classes names the labels; nil for numbers.
func (m measurement) write(dir string, classes []string) error {
	return report.WriteEnergies(filepath.Join(dir, report.TestFile), m.Energies, m.target, classes)
}
