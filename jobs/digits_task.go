package jobs

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/train"
)

// Numbers of pictures.
const (
	evalBatch   = 250  // looked at together where nothing is trained; more is no faster, and takes more memory
	scaleSample = 1000 // that tell the energies' spread before training
	maxSide     = 512  // pixels of a picture's side
)

// digitsTask is the digits as train sees them.
type digitsTask struct {
	*digitsModel
	labelledSets
	augment bool
	params  []*autodiff.Param

	loss   energy.LabelLoss
	scores *scoreLoss     // in the functional's place; nil for none
	x      *tensor.Tensor // a batch's pictures
	target []int
}

// newDigitsTask returns the task of a training set. testSet may be nil where nothing is measured on it.
func newDigitsTask(c *Digits, trainSet, testSet *data.Images) (*digitsTask, error) {
	sets, err := newLabelledSets(&c.Training, trainSet, testSet)
	if err != nil {
		return nil, err
	}
	model, err := newDigitsModel(c, trainSet)
	if err != nil {
		return nil, err
	}
	t := &digitsTask{digitsModel: model, labelledSets: sets, augment: c.Augment, params: model.labeler.Params(), x: tensor.New(tensor.Float32)}
	t.scores, err = newScoreLoss(c)
	return t, err
}

// Params implements train.Task.
func (t *digitsTask) Params() []*autodiff.Param { return t.params }

// Loss implements train.Task.
func (t *digitsTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.x.Resize(len(b.Samples), 1, t.set.H, t.set.W)
	if t.augment {
		t.set.Jittered(t.x.Float32s(), b.Samples, b.Rand)
	} else {
		t.set.Batch(t.x.Float32s(), b.Samples)
	}
	t.target = t.target[:0]
	for _, i := range b.Samples {
		t.target = append(t.target, int(t.set.Labels[i]))
	}
	if t.scores != nil {
		return t.scores.record(t.labeler.Energies(tape.Const(t.x)), t.target)
	}
	losses, err := t.loss.Record(t.labeler.Energies(tape.Const(t.x)), t.target, t.functional)
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(losses), nil
}

// Evaluate implements train.Task.
func (t *digitsTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.measure(ctx, t.evaluated())
	if err != nil {
		return train.Evaluation{}, err
	}
	return m.Evaluation, nil
}

// Scale implements job.Model.
func (t *digitsTask) Scale(spread measure.Number) { t.subject.Scale, t.scaled = spread, true }

// digitsModel is an energy function over the labels, and how it is measured.
type digitsModel struct {
	weights
	labeler    energy.Labeler
	functional functional.Functional
	subject    train.Subject
	predictor  *energy.Predictor
	seen       *tensor.Tensor // pictures that are looked at
}

// checkLabelled refuses pictures that no energy of labels can be made for.
func checkLabelled(set *data.Images) error {
	if set.H > maxSide || set.W > maxSide {
		return fmt.Errorf("the pictures have %d×%d pixels; this recipe takes up to %d×%d", set.H, set.W, maxSide, maxSide)
	}
	if k := set.Classes(); k < 2 {
		return fmt.Errorf("the %d training pictures all have the label 0; there must be two labels at least", set.N)
	}
	return nil
}

// newDigitsModel returns the untrained model for pictures and labels like those of set.
func newDigitsModel(c *Digits, set *data.Images) (*digitsModel, error) {
	if err := checkLabelled(set); err != nil {
		return nil, err
	}
	if k := set.Classes(); c.Cost != nil && len(c.Cost) != k {
		return nil, fmt.Errorf("cost has %d rows; the data has %d labels", len(c.Cost), k)
	}
	labeler, err := c.newLabeler(set.H, set.W, set.Classes())
	if err != nil {
		return nil, err
	}
	f, err := c.make()
	if err != nil {
		return nil, err
	}
	entry, err := functional.Lookup(c.Functional)
	if err != nil {
		return nil, err
	}
	m := &digitsModel{
		weights: weights{energy.Module(labeler)}, labeler: labeler, functional: f, predictor: energy.NewPredictor(labeler, tensor.Float32),
		seen: tensor.New(tensor.Float32), subject: train.Subject{Functional: f, Loss: c.Loss, Architecture: c.architecture()},
	}
	if entry.Takes("margin") && c.Loss == "" {
		m.subject.Margin = c.Margin
	}
	m.subject.Terms = train.AnswerTerms("samples", m.subject.Margin)
	return m, nil
}

// measurement is what a set of pictures says of a model.
type measurement struct {
	train.Evaluation
	Energies *tensor.Tensor // [N, K]
}

// measure looks at all pictures of a set.
func (m *digitsModel) measure(ctx context.Context, set *data.Images) (*measurement, error) {
	k := m.labeler.Labels()
	all := tensor.New(tensor.Float32, set.N, k)
	target := make([]int, set.N)
	indices := make([]int, set.N)
	for i := range indices {
		indices[i], target[i] = i, int(set.Labels[i])
	}
	for lo := 0; lo < set.N; lo += evalBatch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(lo+evalBatch, set.N)
		m.seen.Resize(hi-lo, 1, set.H, set.W)
		set.Batch(m.seen.Float32s(), indices[lo:hi])
		copy(all.Float32s()[lo*k:hi*k], m.predictor.Energies(m.seen).Float32s())
	}
	stats := make([]functional.LabelStats, set.N)
	if err := functional.Stats(stats, all.Float32s(), k, target); err != nil {
		return nil, err
	}
	wrong, counts := 0, make([]int, k)
	for i, s := range stats {
		counts[target[i]]++
		// The answer is the label of the least energy, the first of equals.
		if !(s.Gap() > 0 || s.Gap() == 0 && target[i] < s.Answer) {
			wrong++
		}
	}
	return &measurement{
		Evaluation: train.Diagnose(stats, m.subject, train.WrongSamples.Of(measure.Ratio(float64(wrong), float64(set.N))), train.Guessed(counts)),
		Energies:   all,
	}, nil
}
