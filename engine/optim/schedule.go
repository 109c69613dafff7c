package optim

import "math"

// Schedule says how the step size changes over training.
type Schedule interface {
	// At returns the factor of the step size at step 0, 1, …, total−1. Past the end it
	// stays as at the end. It panics where a field is outside its range.
	At(step, total int) float64
}

var (
	_ Schedule = Constant{}
	_ Schedule = Cosine{}
	_ Schedule = StepDecay{}
)

// Constant keeps the step size, after a warm-up of Warmup steps in which it rises
// linearly: (step + 1)/Warmup. Where total is less, it ends within the warm-up.
type Constant struct {
	Warmup int // at least 0
}

// At implements Schedule.
func (c Constant) At(step, total int) float64 {
	check := checker{of: "Constant"}
	check.hold("Warmup", float64(c.Warmup), c.Warmup >= 0, "at least 0")
	must(check.err)
	return warmup(last(step, total), c.Warmup)
}

// Cosine lets the step size fall along half a cosine [loshchilov2017], after a linear
// warm-up:
//
//	Floor + (1 − Floor)·(1 + cos πp)/2      p = (step − Warmup)/(total − Warmup)
//
// so that it is 1 where warm-up ends and reaches Floor at step total. A warm-up that is
// no shorter than total is all there is.
type Cosine struct {
	Warmup int     // at least 0
	Floor  float64 // in [0, 1]
}

// At implements Schedule.
func (c Cosine) At(step, total int) float64 {
	check := checker{of: "Cosine"}
	check.hold("Warmup", float64(c.Warmup), c.Warmup >= 0, "at least 0")
	check.hold("Floor", c.Floor, c.Floor >= 0 && c.Floor <= 1, "in [0, 1]")
	must(check.err)
	switch {
	case step < c.Warmup || total <= c.Warmup:
		return warmup(last(step, total), c.Warmup)
	case step >= total:
		return c.Floor
	}
	p := float64(step-c.Warmup) / float64(total-c.Warmup)
	return c.Floor + (1-c.Floor)*(1+math.Cos(math.Pi*p))/2
}

// StepDecay multiplies the step size by Factor after each Every steps that follow a
// linear warm-up, as torch.optim.lr_scheduler.StepLR: Factor^⌊(step − Warmup)/Every⌋.
// Past the end nothing falls any more. Every = 0 means never.
type StepDecay struct {
	Every  int     // at least 0
	Factor float64 // at least 0
	Warmup int     // at least 0
}

// At implements Schedule.
func (d StepDecay) At(step, total int) float64 {
	check := checker{of: "StepDecay"}
	check.hold("Every", float64(d.Every), d.Every >= 0, "at least 0")
	check.notNegative("Factor", d.Factor)
	check.hold("Warmup", float64(d.Warmup), d.Warmup >= 0, "at least 0")
	must(check.err)
	step = last(step, total)
	if step < d.Warmup || d.Every == 0 {
		return warmup(step, d.Warmup)
	}
	return math.Pow(d.Factor, float64((step-d.Warmup)/d.Every))
}

// last returns step, or the last of total steps where that is before it.
func last(step, total int) int { return min(step, max(total-1, 0)) }

// warmup rises linearly to 1 at the last of n steps.
func warmup(step, n int) float64 {
	if step >= n {
		return 1
	}
	return float64(step+1) / float64(n)
}
