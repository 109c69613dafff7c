package recipe

import (
	"context"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/objective"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// jemModel is a classifier of pictures and the density that it is, too.
type jemModel struct {
	*digitsModel
	pictures *pictureSurface
}

func newJEMModel(c JEMConfig, set *data.Images) (*jemModel, error) {
	if err := checkLabelled(set); err != nil {
		return nil, err
	}
	const architecture = "a convolutional E(k, y)"
	k := set.Classes()
	labeler := energy.NewHead(c.network(set.H, set.W, k, train.Rand(c.Seed, "init", 0)), k)
	return &jemModel{
		digitsModel: &digitsModel{
			labeler: labeler, functional: functional.NLL{Beta: 1}, predictor: energy.NewPredictor(labeler, tensor.Float32),
			seen:    tensor.New(tensor.Float32),
			subject: train.Subject{Functional: functional.NLL{Beta: 1}, Architecture: architecture, Terms: train.AnswerTerms("samples", 0)},
		},
		pictures: newPictureSurface(energy.Module(labeler), energy.Marginal{Labeler: labeler, D: set.Size()}, set.H, set.W, architecture),
	}, nil
}

// jemTask is JEM as train sees it: cross-entropy over the labels, and the contrast of the
// energies with the labels summed out.
type jemTask struct {
	*jemModel
	c         JEMConfig
	set, held *data.Images
	loss      energy.LabelLoss
	objective objective.Contrast[float32]
	buffer    *tensor.Tensor // [chains, pixels]; nil where chains start from the data
	batch     *tensor.Tensor
	target    []int
	film      *pictureFilm
}

func newJEMTask(ctx context.Context, c JEMConfig, set *data.Images) (*jemTask, error) {
	part, held, err := c.parts(set)
	if err != nil {
		return nil, err
	}
	model, err := newJEMModel(c, set)
	if err != nil {
		return nil, err
	}
	t := &jemTask{jemModel: model, c: c, set: part, held: held, batch: tensor.New(tensor.Float32)}
	t.objective.EnergyL2 = c.EnergyL2
	if t.objective.Chains, t.buffer, err = c.negatives(set.Size(), c.Seed); err != nil {
		return nil, err
	}
	first, err := t.measure(ctx, held.Subset(0, min(scaleSample, held.N)))
	if err != nil {
		return nil, err
	}
	t.subject.Scale = first.Diagnosis.Spread
	t.film = newPictureFilm(part, c.Epochs, c.Batch)
	return t, t.look(ctx)
}

// look adds a frame to the film.
func (t *jemTask) look(ctx context.Context) error {
	draws, err := t.draws(ctx)
	if err != nil {
		return err
	}
	return t.film.take(ctx, t.pictures, pixelsOf(t.held.Subset(0, min(planePairs, t.held.N))), draws)
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

// Samples implements train.Task.
func (t *jemTask) Samples() int { return t.set.N }

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

// Evaluate implements train.Task.
func (t *jemTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.measure(ctx, t.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	if m.Fault() != "" { // the run does not continue from it, so that it gets no frame
		return m.Evaluation, nil
	}
	return m.Evaluation, t.look(ctx)
}
