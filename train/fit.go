package train

import (
	"context"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/optim"
)

// Scaler is a Task whose diagnoses are held against the spread of its energies before training.
type Scaler interface {
	Task
	Scale(spread measure.Number)
}

// Fit trains a task as Run does, with defaults where c has zeros: Adam, a step size of 1e-3, batches of
// 32 samples, up to 5 divergences rolled back. Nothing is written unless c.Run names a folder. The model's weights are
// then those of the best epoch.
//
// LabelTask, OutputTask and PointTask are tasks over slices. A task is evaluated once before training; a Scaler is given
// the spread of its energies there.
//
// Errors: those of the task's Evaluate and of Run.
func Fit(ctx context.Context, task Task, c Config) (*Outcome, error) {
	if c.Optimizer == nil {
		c.Optimizer = &optim.Adam{}
	}
	if c.LR == 0 {
		c.LR = 1e-3
	}
	if c.Batch == 0 {
		c.Batch = 32
	}
	if c.Forgive == 0 {
		c.Forgive = 5
	}
	before, err := evaluate(ctx, task)
	if err != nil {
		return nil, err
	}
	if s, ok := task.(Scaler); ok {
		s.Scale(before.Diagnosis.Spread)
	}
	return Run(ctx, task, c, func(Event) {})
}

// evaluate is Evaluate with panics of misuse, such as a layer of another width, as errors.
func evaluate(ctx context.Context, task Task) (e Evaluation, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fault(v)
		}
	}()
	return task.Evaluate(ctx)
}
