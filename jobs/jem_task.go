package jobs

import (
	"context"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/train"
)

// jemTask is JEM as train sees it: a classifier of pictures, by cross-entropy over the labels, and the density that it is,
// too, by the contrast of the energies with the labels summed out.
type jemTask struct {
	*digitsModel
	labelledSets
	c         *JEM
	foreign   *data.Images // nil for none
	pictures  *pictureSurface
	loss      energy.LabelLoss
	objective objective.Contrast[float32]
	buffer    *tensor.Tensor // [chains, pixels]; nil where chains start from the data
	batch     *tensor.Tensor
	target    []int
	film      *pictureFilm
}

func newJEMTask(c *JEM, trainSet, testSet, foreign *data.Images) (*jemTask, error) {
	sets, err := newLabelledSets(&c.Training, trainSet, testSet)
	if err != nil {
		return nil, err
	}
	if err := checkLabelled(trainSet); err != nil {
		return nil, err
	}
	const architecture = "a convolutional E(k, y)"
	h, w, k := trainSet.H, trainSet.W, trainSet.Classes()
	labeler, nll := energy.NewHead(c.network(h, w, k, train.Rand(c.Seed, "init", 0)), k), functional.NLL{Beta: 1}
	net := energy.Module(labeler)
	t := &jemTask{
		digitsModel: &digitsModel{
			weights: weights{net}, labeler: labeler, functional: nll, predictor: energy.NewPredictor(labeler, tensor.Float32), seen: tensor.New(tensor.Float32),
			subject: train.Subject{Functional: nll, Architecture: architecture, Terms: train.AnswerTerms("samples", 0)},
		},
		pictures:     newPictureSurface(net, energy.Marginal{Labeler: labeler, D: trainSet.Size()}, h, w, architecture),
		labelledSets: sets, c: c, foreign: foreign, batch: tensor.New(tensor.Float32), film: newPictureFilm("The plane through three training pictures, labels summed out", sets.set, c.Epochs, c.Batch),
	}
	t.objective.EnergyL2 = c.EnergyL2
	t.objective.Chains, t.buffer, err = c.negatives(trainSet.Size(), c.Seed)
	return t, err
}

// look adds a frame to the film.
func (t *jemTask) look(ctx context.Context) error {
	draws, err := t.draws(ctx)
	if err != nil {
		return err
	}
	return t.film.look(ctx, t.pictures, pixelsOf(t.held.Subset(0, min(planePairs, t.held.N))), draws)
}

// draws returns chains as they stand; without a buffer, short runs from noise.
func (t *jemTask) draws(ctx context.Context) ([]float32, error) {
	if t.buffer != nil {
		return t.buffer.Float32s()[:min(planePairs, t.c.Buffer)*t.set.Size()], nil
	}
	return t.pictures.fromNoise(ctx, t.c.Chains, planePairs, t.c.K, t.c.Seed)
}

// Params implements train.Task.
func (t *jemTask) Params() []*autodiff.Param { return t.labeler.Params() }

// Scale implements job.Model.
func (t *jemTask) Scale(spread measure.Number) { t.subject.Scale, t.scaled = spread, true }

// State implements train.Stateful: the chains and the film.
func (t *jemTask) State() []tensor.Named { return append(chainsState(t.buffer), t.film.state()...) }

// Loss implements train.Task.
func (t *jemTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.c.noisy(t.batch, t.set, b.Samples, b.Rand)
	t.target = t.target[:0]
	for _, i := range b.Samples {
		t.target = append(t.target, int(t.set.Labels[i]))
	}
	losses, err := t.loss.Record(t.labeler.Energies(tape.Const(t.batch)), t.target, t.functional)
	if err != nil {
		return nil, err
	}
	v := autodiff.Mean(losses)
	if t.c.Density == 0 {
		return v, nil
	}
	contrast, err := t.objective.Record(tape, t.pictures.surface, t.batch, b.Rand)
	if err != nil {
		return nil, err
	}
	return autodiff.Add(v, autodiff.Scale(contrast, t.c.Density)), nil
}

// Evaluate implements train.Task. The film gets a frame.
func (t *jemTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.measure(ctx, t.evaluated())
	if err != nil {
		return train.Evaluation{}, err
	}
	if m.Fault() != "" { // the run does not continue from it, so that it gets no frame
		return m.Evaluation, nil
	}
	return m.Evaluation, t.look(ctx)
}
