package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/tensor"
)

// Task is what a recipe has trained: a model, a loss over its samples, and a way to
// see what the loss did.
type Task interface {
	// Params returns what is trained, frozen parameters included, in a fixed order.
	Params() []*autodiff.Param
	// Samples returns the number of training samples.
	Samples() int
	// Loss records the mean loss of a batch on the tape. What it draws at random comes
	// from the batch's stream. It must not keep the batch.
	Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error)
	// Evaluate measures the model as it is on samples that are not trained on.
	Evaluate() (Evaluation, error)
}

// Batch is one step's samples, by index, and the step's own stream of random numbers.
type Batch struct {
	Samples []int
	Rand    *rand.Rand
}

// Evaluation is what Task.Evaluate measured.
type Evaluation struct {
	Error     float64 // fraction wrong, or what the recipe calls its error: lower is better
	Diagnosis Diagnosis
}

// Config is how to train.
type Config struct {
	Recipe string // for the events
	Run    string // folder of the run; must exist
	// Fingerprint says what shapes the weights: settings as one string a name. A run
	// resumes only where all are the same.
	Fingerprint map[string]string

	Epochs    int
	Batch     int
	Seed      uint64
	Optimizer optim.Optimizer
	LR        float64
	Schedule  optim.Schedule
	Clip      float64 // bound of the gradient's norm; 0 means none
	L1        float64 // weight of Σ|w| in R(W)
	EMA       float64 // decay of the averaged weights that are evaluated and kept; 0 means none
	Patience  int     // epochs without a better error before stopping early; 0 means never
	Forgive   int     // how many divergences are rolled back before giving up

	CheckpointEvery time.Duration // besides the end of each epoch; 0 means never
	Resume          bool
}

// Outcome says how training ended. The model's parameters then hold the best weights
// on the evaluation's error, or, interrupted, those of the checkpoint.
type Outcome struct {
	Done
	Best int // epoch of the weights
}

// ErrDiverged is behind the error of a run that went non-finite too often.
var ErrDiverged = errors.New("training diverges")

// Run trains. It emits events as they happen and writes events.jsonl and
// checkpoint.safetensors into the run's folder. When ctx ends it saves, and returns
// with reason "interrupted" and no error.
func Run(ctx context.Context, task Task, c Config, emit func(Event)) (*Outcome, error) {
	if err := c.check(task); err != nil {
		return nil, err
	}
	l := &loop{task: task, c: c, params: task.Params(), tape: autodiff.NewTape(tensor.Float32)}
	l.tape.Training = true
	l.rand = rand.New(&l.pcg)
	l.perEpoch = (task.Samples() + c.Batch - 1) / c.Batch
	l.progress = progress{LRFactor: 1, Left: c.Forgive, BestError: math.MaxFloat64}
	if c.EMA > 0 {
		l.ema = &optim.EMA{Decay: c.EMA}
	}
	if c.Resume {
		if err := l.load(); err != nil {
			return nil, err
		}
	}
	log, err := openLog(c.Run, c.Resume, l.progress)
	if err != nil {
		return nil, err
	}
	defer log.close()
	l.emit = func(e Event) {
		log.write(e)
		emit(e)
	}
	out, err := l.run(ctx)
	if err == nil {
		err = log.close()
	}
	return out, err
}

func (c *Config) check(task Task) error {
	switch {
	case c.Epochs < 1:
		return fmt.Errorf("epochs is %d; at least 1 is wanted", c.Epochs)
	case c.Batch < 1:
		return fmt.Errorf("batch is %d; at least 1 is wanted", c.Batch)
	case task.Samples() < 1:
		return errors.New("there are no training samples")
	case !(c.LR > 0) || math.IsInf(c.LR, 1):
		return fmt.Errorf("lr is %v; a positive number is wanted", c.LR)
	}
	return nil
}

// loop is a run under way.
type loop struct {
	task     Task
	c        Config
	params   []*autodiff.Param
	tape     *autodiff.Tape
	ema      *optim.EMA
	emit     func(Event)
	perEpoch int
	order    []int
	pcg      rand.PCG
	rand     *rand.Rand

	progress progress
	good     snapshot // to roll back to
	best     snapshot // the weights to end with
	started  time.Time
	saved    time.Time
}

// progress is where a run stands: what a checkpoint holds besides tensors.
type progress struct {
	Epoch     int     `json:"epoch"` // finished ones
	Step      int     `json:"step"`  // done
	LossSum   float64 `json:"loss_sum"`
	LossCount int     `json:"loss_count"`
	Seconds   float64 `json:"seconds"`
	BestError float64 `json:"best_error"`
	BestEpoch int     `json:"best_epoch"` // 0: none yet
	LRFactor  float64 `json:"lr_factor"`
	Left      int     `json:"left"`
	Reason    string  `json:"reason,omitempty"` // set once the run is over
}

func (l *loop) run(ctx context.Context) (*Outcome, error) {
	weights := 0
	for _, p := range l.params {
		if !p.Frozen {
			weights += p.Value.Len()
		}
	}
	l.emit(Start{
		Run: l.c.Run, Recipe: l.c.Recipe, Params: weights, Samples: l.task.Samples(),
		Epochs: l.c.Epochs, Steps: l.c.Epochs * l.perEpoch, Step: l.progress.Step,
	})
	l.started, l.saved = time.Now(), time.Now()
	for l.progress.Reason == "" {
		interrupted, err := l.epoch(ctx)
		if err != nil {
			return nil, err
		}
		if interrupted {
			return l.interrupt()
		}
	}
	if l.progress.BestEpoch > 0 {
		l.best.restore(l.params)
	}
	return l.done(l.progress.Reason), nil
}

// seconds is the training time of all parts of the run.
func (l *loop) seconds() float64 { return l.progress.Seconds + time.Since(l.started).Seconds() }

func (l *loop) interrupt() (*Outcome, error) {
	if err := l.save(); err != nil {
		return nil, err
	}
	return l.done("interrupted"), nil
}

func (l *loop) done(reason string) *Outcome {
	d := Done{Epochs: l.progress.Epoch, Steps: l.progress.Step, TrainSeconds: l.seconds(), Reason: reason}
	l.emit(d)
	return &Outcome{Done: d, Best: l.progress.BestEpoch}
}

// epoch goes on with the current epoch to its end, and evaluates.
func (l *loop) epoch(ctx context.Context) (interrupted bool, err error) {
	l.shuffle(l.progress.Epoch)
	for l.progress.Step < (l.progress.Epoch+1)*l.perEpoch {
		if ctx.Err() != nil {
			return true, nil
		}
		if err := l.step(); err != nil {
			return false, err
		}
		if every := l.c.CheckpointEvery; every > 0 && time.Since(l.saved) > every {
			if err := l.save(); err != nil {
				return false, err
			}
		}
	}
	if err := l.evaluate(); err != nil {
		return false, err
	}
	return false, l.save()
}

// shuffle puts the samples into the order of an epoch, which depends on the seed and
// the epoch alone.
func (l *loop) shuffle(epoch int) {
	n := l.task.Samples()
	if len(l.order) != n {
		l.order = make([]int, n)
	}
	for i := range l.order {
		l.order[i] = i
	}
	Rand(l.c.Seed, "shuffle", uint64(epoch)).Shuffle(n, func(i, j int) {
		l.order[i], l.order[j] = l.order[j], l.order[i]
	})
}

// logEvery is how many steps pass between two Step events.
const logEvery = 10

// step does one optimiser step, or, where it would not be finite, rolls back.
func (l *loop) step() error {
	if l.progress.Step%guardEvery == 0 {
		l.good.take(l.params, l.c.Optimizer, l.ema)
	}
	at := l.progress.Step % l.perEpoch
	lo := at * l.c.Batch
	batch := Batch{Samples: l.order[lo:min(lo+l.c.Batch, len(l.order))], Rand: l.rand}
	l.pcg.Seed(l.c.Seed, stream("step", uint64(l.progress.Step)))
	loss, norm, err := l.gradient(batch)
	if err != nil {
		return err
	}
	lr := l.c.LR * l.progress.LRFactor * l.c.Schedule.At(l.progress.Step, l.c.Epochs*l.perEpoch)
	l.progress.Step++
	if reason := nonFinite(loss, norm); reason != "" {
		return l.rollBack(reason)
	}
	l.c.Optimizer.Step(l.params, lr)
	if l.ema != nil {
		l.ema.Update(l.params)
	}
	l.progress.LossSum += loss
	l.progress.LossCount++
	if l.progress.Step%logEvery == 0 || l.progress.Step == l.c.Epochs*l.perEpoch {
		l.emit(Step{Epoch: l.progress.Epoch + 1, Step: l.progress.Step, Loss: loss, LR: lr, GradNorm: norm})
	}
	return nil
}

// gradient computes the loss of a batch with the penalties of R(W) that are not the
// optimiser's, its gradient, and the gradient's norm before clipping.
func (l *loop) gradient(b Batch) (loss, norm float64, err error) {
	for _, p := range l.params {
		p.ZeroGrad()
	}
	l.tape.Reset()
	v, err := l.task.Loss(l.tape, b)
	if err != nil {
		return 0, 0, fmt.Errorf("step %d: %w", l.progress.Step+1, err)
	}
	loss = v.Value.At()
	l.tape.Backward(v)
	if l.c.L1 > 0 {
		loss += optim.L1(l.params, l.c.L1)
	}
	return loss, optim.ClipNorm(l.params, l.c.Clip), nil
}

// evaluate closes an epoch.
func (l *loop) evaluate() error {
	if l.ema != nil {
		l.ema.Swap(l.params)
	}
	e, err := l.task.Evaluate()
	if err != nil {
		return err
	}
	p := &l.progress
	p.Epoch++
	better := e.Error < p.BestError || p.BestEpoch == 0
	if better {
		p.BestError, p.BestEpoch = e.Error, p.Epoch
		l.best.take(l.params, nil, nil)
	}
	if l.ema != nil {
		l.ema.Swap(l.params)
	}
	steps := l.c.Epochs * l.perEpoch
	l.emit(Epoch{
		Epoch: p.Epoch, Step: p.Step, Loss: p.LossSum / float64(max(p.LossCount, 1)), Error: e.Error,
		LR:      l.c.LR * p.LRFactor * l.c.Schedule.At(p.Step-1, steps),
		Seconds: l.seconds(), Best: better, Diagnosis: e.Diagnosis,
	})
	p.LossSum, p.LossCount = 0, 0
	switch {
	case p.Epoch >= l.c.Epochs:
		p.Reason = "finished"
	case l.c.Patience > 0 && p.Epoch-p.BestEpoch >= l.c.Patience:
		p.Reason = "early_stop"
	}
	return nil
}
