package optim

import "math"

// Schedule says how the step size changes over training.
type Schedule interface {
	// At returns the factor of the step size at step 0, 1, …, total−1. Past the end it
	// stays as at the end.
	At(step, total int) float64
}

var (
	_ Schedule = Constant{}
	_ Schedule = Cosine{}
	_ Schedule = StepDecay{}
)

// Constant keeps the step size, after a warm-up of Warmup steps in which it rises
// linearly: (step + 1)/Warmup.
type Constant struct {
	Warmup int
}

// At implements Schedule.
func (c Constant) At(step, _ int) float64 { return warmup(step, c.Warmup) }

// Cosine lets the step size fall along half a cosine [loshchilov2017], after a linear
// warm-up:
//
//	Floor + (1 − Floor)·(1 + cos πp)/2      p = (step − Warmup)/(total − Warmup)
//
// so that it is 1 where warm-up ends and would reach Floor at step total.
type Cosine struct {
	Warmup int
	Floor  float64 // in [0, 1]
}

// At implements Schedule.
func (c Cosine) At(step, total int) float64 {
	if step < c.Warmup {
		return warmup(step, c.Warmup)
	}
	if step >= total {
		return c.Floor
	}
	warm := max(c.Warmup, 0)
	p := float64(step-warm) / float64(total-warm)
	return c.Floor + (1-c.Floor)*(1+math.Cos(math.Pi*p))/2
}

// StepDecay multiplies the step size by Factor after each Every steps that follow a
// linear warm-up, as torch.optim.lr_scheduler.StepLR: Factor^⌊(step − Warmup)/Every⌋.
// Every = 0 means never.
type StepDecay struct {
	Every  int
	Factor float64
	Warmup int
}

// At implements Schedule.
func (d StepDecay) At(step, _ int) float64 {
	if step < d.Warmup || d.Every <= 0 {
		return warmup(step, d.Warmup)
	}
	return math.Pow(d.Factor, float64((step-max(d.Warmup, 0))/d.Every))
}

// warmup rises linearly to 1 at the last of n steps.
func warmup(step, n int) float64 {
	if step >= n {
		return 1
	}
	return float64(step+1) / float64(n)
}
