package jobs

import (
	"context"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/train"
)

// attributesTask is the tagger of CRFsuite's files as train sees it. A step is one of L-BFGS, on all sequences; the weights and what
// the steps go by are the task's state. The last step's weights are kept.
type attributesTask struct {
	taggerModel
	attributes *tag.Attributes
	trainer    *tag.AttributeTrainer
	value      *tensor.Tensor
}

func newAttributesTask(common taggerModel) (*attributesTask, error) {
	c, text := common.c, common.text
	a, err := tag.NewAttributes(text.words, text.train, text.factors, tag.AttributeOptions{
		MinFrequency: c.MinFrequency, PossibleStates: c.PossibleStates, PossibleTransitions: c.PossibleTransitions,
	})
	if err != nil {
		return nil, err
	}
	trainer, err := tag.NewAttributeTrainer(a, text.train, text.factors, tag.AttributeTraining{C2: c.C2})
	if err != nil {
		return nil, err
	}
	common.model = tag.NewModel(a)
	return &attributesTask{common, a, trainer, tensor.New(tensor.Float32)}, nil
}

// Params implements train.Task: there are none.
func (t *attributesTask) Params() []*autodiff.Param { return nil }
func (t *attributesTask) Weights() int              { return t.attributes.Size() }
func (t *attributesTask) State() []tensor.Named     { return t.trainer.State() }

// Settled implements train.Settler.
func (t *attributesTask) Settled() bool { return t.trainer.Settled() }

// Loss is the objective, penalty and all, by the number of sequences.
func (t *attributesTask) Loss(tape *autodiff.Tape, _ train.Batch) (*autodiff.Var, error) {
	v, err := t.trainer.Objective()
	if err != nil {
		return nil, err
	}
	t.value.Float32s()[0] = float32(v / float64(len(t.text.train)))
	return tape.Const(t.value), nil
}

// Step implements train.Stepper. The size of the step is the line search's.
func (t *attributesTask) Step(float64) error { return t.trainer.Step() }

// Evaluate takes the state's weights first, which a run that resumes has read.
func (t *attributesTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	t.trainer.Settle()
	return t.taggerModel.Evaluate(ctx)
}
