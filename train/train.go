package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// Run trains. It emits events as they happen and writes events.jsonl and
// checkpoint.safetensors into the run's folder, if it has one. When ctx ends it saves, and returns
// with reason "interrupted" and no error. Where it gives up because of divergence
// both an Outcome and an error, of ErrDiverged, are returned.
//
// A batch is prepared in the step that uses it: for pictures that takes a few
// hundredths of a step, and a goroutine for it would take a core from the kernels.
func Run(ctx context.Context, task Task, c Config, emit func(Event)) (out *Outcome, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, fault(v)
		}
	}()
	l, err := newLoop(task, c)
	if err != nil {
		return nil, err
	}
	if l.watched, err = openWatched(c.Run, c.Resume, l.progress.Epoch); err != nil {
		return nil, err
	}
	if l.log, err = openLog(c.Run, c.Resume, l.progress); err != nil {
		return nil, err
	}
	defer l.log.close()
	l.sink = emit
	out, err = l.run(ctx)
	return out, errors.Join(err, l.log.close())
}

// fault makes an error of a panic: what autodiff says of misuse, or a bug.
func fault(v any) error {
	if err, ok := v.(runtime.Error); ok {
		return fmt.Errorf("training stopped by a fault: %w\n%s", err, debug.Stack())
	}
	return fmt.Errorf("training stopped by a fault: %v", v)
}

// loop is a run under way.
type loop struct {
	task     Task
	c        Config
	params   []*autodiff.Param
	tape     *autodiff.Tape
	ema      *optim.EMA
	log      *eventLog
	watched  watched
	sink     func(Event)
	perEpoch int // steps
	order    []int
	pcg      rand.PCG
	rand     *rand.Rand

	progress progress
	good     snapshot  // to roll back to; empty before the first
	best     snapshot  // the weights to end with
	extended *Extended // where the run had another number of epochs before
	started  time.Time
	saved    time.Time
}

// progress is where a run stands: what a checkpoint holds besides tensors.
type progress struct {
	Epoch     int            `json:"epoch"` // finished ones
	Step      int            `json:"step"`  // done
	LossSum   float64        `json:"loss_sum"`
	LossCount int            `json:"loss_count"` // samples
	Seconds   float64        `json:"seconds"`
	BestError measure.Number `json:"best_error"`
	BestEpoch int            `json:"best_epoch"` // 0: none yet, or the start
	Start     bool           `json:"start"`      // the weights before training count as an epoch 0
	LR        float64        `json:"lr"`         // of the last step; 0: none yet
	Course    uint64         `json:"course"`     // checksum of the schedule's factors of the steps done
	LRFactor  float64        `json:"lr_factor"`
	Skipped   int            `json:"skipped"` // steps with nothing to average
	Left      int            `json:"left"`
	Why       string         `json:"why,omitempty"`    // of a collapse that the last evaluation saw
	Reason    string         `json:"reason,omitempty"` // set once the run is over
}

// newLoop returns a run at its start or, if it resumes, where its checkpoint stands.
func newLoop(task Task, c Config) (*loop, error) {
	n := task.Samples()
	if err := c.check(task); err != nil {
		return nil, err
	}
	if c.Schedule == nil {
		c.Schedule = optim.Constant{}
	}
	l := &loop{task: task, c: c, params: task.Params(), tape: autodiff.NewTape(tensor.Float32)}
	l.tape.Training = true
	l.rand = rand.New(&l.pcg)
	l.perEpoch = (n + c.Batch - 1) / c.Batch
	l.progress = progress{LRFactor: 1, Left: c.Forgive, Course: courseStart, BestError: measure.Number(math.Inf(1))}
	if c.EMA > 0 {
		l.ema = &optim.EMA{Decay: c.EMA}
	}
	if c.Resume {
		return l, l.load()
	}
	if before := c.Before; before != nil && measure.Finite(float64(*before)) {
		l.progress.Start, l.progress.BestError = true, *before
		l.best.take(l.params, nil, nil)
	}
	return l, c.Optimizer.Prepare(l.params)
}

// hasBest tells whether there are weights to end with.
func (p *progress) hasBest() bool { return p.BestEpoch > 0 || p.Start }

func (l *loop) emit(e Event) {
	l.log.write(e)
	l.sink(e)
}

func (l *loop) run(ctx context.Context) (*Outcome, error) {
	weights := 0
	if t, ok := l.task.(Stepper); ok {
		weights = t.Weights()
	}
	for _, p := range l.params {
		if !p.Frozen {
			weights += p.Value.Len()
		}
	}
	l.emit(Start{
		Run: l.c.Run, Recipe: l.c.Recipe, Params: weights, Samples: l.task.Samples(),
		Epochs: l.c.Epochs, Steps: l.steps(), Step: l.progress.Step, LeftOut: l.c.LeftOut, LeftOutFirst: l.c.LeftOutFirst,
	})
	l.started, l.saved = time.Now(), time.Now()
	if l.extended != nil {
		l.emit(*l.extended)
	}
	if !l.c.Resume || l.extended != nil {
		if err := l.save(); err != nil {
			return nil, err
		}
	}
	if err := l.watched.begin(l.c.Watched); err != nil {
		return nil, err
	}
	for l.progress.Reason == "" {
		interrupted, err := l.epoch(ctx)
		switch {
		case interrupted: // between two steps, or in an evaluation, which begins again
			if err := l.save(); err != nil {
				return nil, err
			}
			return l.done("interrupted"), nil
		case errors.Is(err, ErrDiverged):
			return l.done("diverged"), err
		case err != nil:
			return nil, err
		}
	}
	if l.progress.hasBest() {
		l.best.restore(l.params)
	}
	return l.done(l.progress.Reason), nil
}

// steps is the number of steps of the whole run.
func (l *loop) steps() int { return l.c.Epochs * l.perEpoch }

// seconds is the training time of all parts of the run.
func (l *loop) seconds() float64 { return l.progress.Seconds + time.Since(l.started).Seconds() }

// rate is the step size of a step, counted from 0.
func (l *loop) rate(step int) float64 {
	return l.c.LR * l.progress.LRFactor * l.c.Schedule.At(step, l.steps())
}

func (l *loop) done(reason string) *Outcome {
	d := Done{Epochs: l.progress.Epoch, Steps: l.progress.Step, TrainSeconds: l.seconds(), Reason: reason, Skipped: l.progress.Skipped}
	l.emit(d)
	p := &l.progress
	return &Outcome{Done: d, Best: p.BestEpoch, BestError: p.BestError, Untrained: p.Start && p.BestEpoch == 0, Why: p.Why}
}

// epoch runs the rest of the current epoch, and evaluates.
func (l *loop) epoch(ctx context.Context) (interrupted bool, err error) {
	if err := l.arrange(l.progress.Epoch); err != nil {
		return false, err
	}
	for l.progress.Step < (l.progress.Epoch+1)*l.perEpoch {
		if ctx.Err() != nil {
			return true, nil
		}
		if err := l.step(); err != nil {
			return false, err
		}
		if every := l.c.CheckpointEvery; every > 0 && time.Since(l.saved) >= every {
			if err := l.save(); err != nil {
				return false, err
			}
		}
	}
	if err := l.evaluate(ctx); err != nil {
		return ctx.Err() != nil, err
	}
	return false, l.save()
}

// arrange puts the samples into the order of an epoch, which depends on the seed and
// the epoch alone.
func (l *loop) arrange(epoch int) error {
	n := l.task.Samples()
	if len(l.order) != n {
		l.order = make([]int, n)
	}
	for i := range l.order {
		l.order[i] = i
	}
	rng := Rand(l.c.Seed, "shuffle", uint64(epoch))
	o, ok := l.task.(Orderer)
	if !ok {
		rng.Shuffle(n, func(i, j int) { l.order[i], l.order[j] = l.order[j], l.order[i] })
		return nil
	}
	if err := o.Order(l.order, l.c.Batch, rng); err != nil {
		return fmt.Errorf("order of epoch %d: %w", epoch+1, err)
	}
	for i, sample := range l.order {
		if sample < 0 || sample >= n {
			return fmt.Errorf("order of epoch %d: element %d is sample %d, of %d", epoch+1, i, sample, n)
		}
	}
	return nil
}

// logEvery is how many steps pass between two Step events.
const logEvery = 10

// step does one optimiser step, or, where it would not be finite, rolls back.
func (l *loop) step() error {
	p := &l.progress
	lo := p.Step % l.perEpoch * l.c.Batch
	samples := l.order[lo:min(lo+l.c.Batch, len(l.order))]
	l.pcg.Seed(l.c.Seed, stream("step", uint64(p.Step)))
	p.Course = follow(p.Course, l.c.Schedule.At(p.Step, l.steps()))
	g, err := l.gradient(samples)
	if err != nil {
		return fmt.Errorf("step %d: %w", p.Step+1, err)
	}
	switch {
	case g.fault != "":
		p.Step++
		return l.rollBack(g.fault)
	case g.counted == 0:
		p.Step++
		p.Skipped++
		return nil
	}
	if p.Step%guardEvery == 0 {
		l.good.take(l.params, l.c.Optimizer, l.ema)
	}
	p.LR = l.rate(p.Step)
	l.c.Optimizer.Step(l.params, p.LR)
	if t, ok := l.task.(Stepper); ok {
		if err := t.Step(p.LR); err != nil {
			return fmt.Errorf("step %d: %w", p.Step+1, err)
		}
	}
	if l.ema != nil {
		l.ema.Update(l.params)
	}
	p.Step++
	p.LossSum += g.loss * float64(g.counted)
	p.LossCount += g.counted
	if p.Step%logEvery == 0 || p.Step == l.steps() {
		l.emit(Step{Epoch: p.Epoch + 1, Step: p.Step, Loss: g.loss, LR: p.LR, GradNorm: g.norm})
	}
	return nil
}

// gradient is what one batch says.
type gradient struct {
	loss  float64 // with the penalties of R(W) that are not the optimiser's
	norm  float64 // of the gradient before clipping
	fault string  // why the step must not be taken, or ""

	counted int // samples, but for those of parts with nothing to average
}

// gradient leaves the gradient of a batch in the parameters.
func (l *loop) gradient(samples []int) (g gradient, err error) {
	for _, p := range l.params {
		p.ZeroGrad()
	}
	parts := max(l.c.Accumulate, 1)
	size := (len(samples) + parts - 1) / parts
	for lo := 0; lo < len(samples); lo += size {
		part := samples[lo:min(lo+size, len(samples))]
		loss, err := l.part(part, float64(len(part))/float64(len(samples)))
		switch {
		case errors.Is(err, ErrNothing):
			continue
		case err != nil:
			return divergence(err)
		}
		g.loss += loss
		g.counted += len(part)
	}
	if l.c.L1 > 0 {
		g.loss += optim.L1(l.params, l.c.L1)
	}
	g.norm = optim.ClipNorm(l.params, l.c.Clip)
	g.fault = nonFinite(g.loss, g.norm)
	return g, nil
}

// divergence sorts errors of a loss: energies that are no finite numbers are a fault of
// the step, any other is an error.
func divergence(err error) (gradient, error) {
	var bad *functional.EnergyError
	if errors.As(err, &bad) && bad.NonFinite() {
		return gradient{fault: bad.Error()}, nil
	}
	return gradient{}, err
}

// part adds the gradient of a share of a batch and returns its share of the loss.
func (l *loop) part(samples []int, share float64) (float64, error) {
	l.tape.Reset()
	v, err := l.task.Loss(l.tape, Batch{Samples: samples, Rand: l.rand})
	if err != nil {
		return 0, err
	}
	if share < 1 {
		v = autodiff.Scale(v, share)
	}
	l.tape.Backward(v)
	return v.Value.At(), nil
}

// evaluate closes an epoch.
func (l *loop) evaluate(ctx context.Context) error {
	if err := l.settle(); err != nil {
		return err
	}
	e, err := l.look(ctx)
	if err != nil {
		return err
	}
	if fault := e.Fault(); fault != "" {
		if err := l.rollBack(fault); err != nil {
			return err
		}
		if e, err = l.look(ctx); err != nil {
			return err
		}
		if fault := e.Fault(); fault != "" { // the weights were as good as any that there are
			return fmt.Errorf("%w: after epoch %d %s, also with the weights that it was rolled back to", ErrDiverged, l.progress.Epoch+1, fault)
		}
	}
	p := &l.progress
	p.Epoch++
	better := e.Error.Value < p.BestError || !p.hasBest()
	if better {
		p.BestError, p.BestEpoch = e.Error.Value, p.Epoch
		if math.IsNaN(float64(p.BestError)) {
			p.BestError = measure.Number(math.Inf(1))
		}
		l.averaged(func() { l.best.take(l.params, nil, nil) })
	}
	reason := l.over()
	if err := l.watched.take(p.Epoch, e.Watched, reason != ""); err != nil {
		return err
	}
	l.emit(Epoch{
		Epoch: p.Epoch, Step: p.Step, Loss: measure.Number(measure.Ratio(p.LossSum, float64(p.LossCount))), Error: e.Error.Value,
		LR: l.rate(p.Step - 1), Seconds: l.seconds(), Best: better, Diagnosis: e.Diagnosis,
	})
	p.LossSum, p.LossCount, p.Why, p.Reason = 0, 0, e.Diagnosis.Why, reason
	return nil
}

// look evaluates the weights as they would be kept.
func (l *loop) look(ctx context.Context) (e Evaluation, err error) {
	l.averaged(func() { e, err = l.task.Evaluate(ctx) })
	if err != nil {
		err = fmt.Errorf("evaluation after epoch %d: %w", l.progress.Epoch+1, err)
	}
	return e, err
}

// averaged calls f with the averaged weights in place, if there are some.
func (l *loop) averaged(f func()) {
	if l.ema != nil {
		l.ema.Swap(l.params)
		defer l.ema.Swap(l.params)
	}
	f()
}
