package train

import (
	"fmt"
	"math"
)

// A run that resumes may have another number of epochs than it was started with. It continues from its checkpoint by the schedule of the
// new number. If that has given each step so far the step size that it was taken with, the run is what an unbroken one of the new number is, bit for bit.

// enough refuses fewer epochs than are done, where the run had others before.
func (l *loop) enough(before int) error {
	p, c := &l.progress, &l.c
	if c.Epochs == before || p.Epoch < c.Epochs || p.Epoch == c.Epochs && p.Step <= p.Epoch*l.perEpoch {
		return nil
	}
	least := p.Epoch
	if p.Step > p.Epoch*l.perEpoch {
		least++
	}
	return fmt.Errorf("epochs is %d; the run is in its epoch %d already, so it must be at least %d", c.Epochs, least, least)
}

// extend notes that the run had another number of epochs before, and whether it is over.
func (l *loop) extend(before int) {
	p, c := &l.progress, &l.c
	if c.Epochs == before {
		return
	}
	course := uint64(courseStart)
	for step := range p.Step {
		course = follow(course, c.Schedule.At(step, l.steps()))
	}
	p.Reason = l.over()
	l.extended = &Extended{
		EpochsBefore: before, Epochs: c.Epochs, Step: p.Step, LRBefore: p.LR, LR: l.rate(p.Step),
		Unbroken: course == p.Course, Over: p.Reason,
	}
	p.Course = course
}

// over returns the reason for which the run is over after an epoch, or "".
func (l *loop) over() string {
	p, c := &l.progress, &l.c
	switch {
	case p.Epoch >= c.Epochs:
		return "finished"
	case p.Step == p.Epoch*l.perEpoch && p.Epoch > 0 && c.Patience > 0 && p.Epoch-p.BestEpoch >= c.Patience:
		return "early_stop"
	}
	if t, ok := l.task.(Settler); ok && p.Epoch > 0 && t.Settled() {
		return "settled"
	}
	return ""
}

// courseStart begins the checksum of a course of step sizes, FNV-1a.
const courseStart = 0xcbf29ce484222325

// follow adds a step's factor to the checksum.
func follow(course uint64, factor float64) uint64 {
	return (course ^ math.Float64bits(factor)) * 0x100000001b3
}
