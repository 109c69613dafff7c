// Package watch holds the energies of the same samples after each epoch of training, as a file of a run: what moves in a plane of E⁺ and E⁻,
// in histograms and in a confusion matrix while a model is trained. The file is safetensors, which other programs read, too.
package watch

import (
	"errors"
	"fmt"
	"slices"
)

// Bounds of a record, so that its file is small beside a checkpoint: of samples, of energies in a frame, and of frames.
const (
	SamplesMost  = 1000
	energiesMost = 1 << 16
	framesMost   = 64
)

// Set is the samples that are watched.
type Set struct {
	Answers int      // K, 2 or more
	Labels  []int    // [N]: the correct answers
	Samples []int    // [N]: their numbers among all samples that a run evaluates on
	Names   []string // of the K answers; nil: their numbers
}

// Look is what a model says of a set: the energies of all answers, [N, K].
type Look struct {
	Set
	Energies []float32
}

// Frame is a look after an epoch; 0 is before training.
type Frame struct {
	Epoch    int
	Energies []float32 // [N, K]
}

// Record is what was said of a set along training, in the order of the epochs.
type Record struct {
	Set
	Frames []Frame
}

// bounded is a look at the first of the samples, as many as a record keeps.
func (l Look) bounded() Look {
	n := min(len(l.Labels), SamplesMost, max(1, energiesMost/max(l.Answers, 1)))
	l.Labels, l.Samples, l.Energies = l.Labels[:n], l.Samples[:n], l.Energies[:n*l.Answers]
	return l
}

// Take appends a look after an epoch. It keeps the first samples of it, and of many epochs those that are multiples of 2, 4, 8 …, with the
// last one: which, depends on the epoch alone, so that a training that was resumed comes to the same record.
//
// Errors: a look that is no set, or of another set than those before; an epoch that is not behind the last one.
func (r *Record) Take(epoch int, l Look) error {
	if err := l.check(); err != nil {
		return err
	}
	if len(l.Energies) != len(l.Labels)*l.Answers {
		return fmt.Errorf("watch: %d energies are not %d samples of %d answers", len(l.Energies), len(l.Labels), l.Answers)
	}
	l = l.bounded()
	switch n := len(r.Frames); {
	case n == 0:
		r.Set = Set{l.Answers, slices.Clone(l.Labels), slices.Clone(l.Samples), slices.Clone(l.Names)}
	case !r.same(l.Set):
		return errors.New("watch: the look is at other samples than those before it")
	case epoch <= r.Frames[n-1].Epoch:
		return fmt.Errorf("watch: epoch %d follows epoch %d", epoch, r.Frames[n-1].Epoch)
	}
	step := stepAt(epoch)
	r.Frames = slices.DeleteFunc(r.Frames, func(f Frame) bool { return f.Epoch%step != 0 })
	r.Frames = append(r.Frames, Frame{epoch, slices.Clone(l.Energies)})
	return nil
}

// stepAt is the distance of the epochs that are kept once an epoch is reached.
func stepAt(epoch int) int {
	step := 1
	for epoch/step+2 > framesMost {
		step *= 2
	}
	return step
}

// Due tells whether the frame of an epoch stays when others follow: those that do not need to be taken only where training ends.
func Due(epoch int) bool { return epoch%stepAt(epoch) == 0 }

func (s *Set) same(other Set) bool {
	return s.Answers == other.Answers && slices.Equal(s.Labels, other.Labels) && slices.Equal(s.Samples, other.Samples) && slices.Equal(s.Names, other.Names)
}

// Until drops the frames behind an epoch, as a training does that resumes there.
func (r *Record) Until(epoch int) {
	r.Frames = slices.DeleteFunc(r.Frames, func(f Frame) bool { return f.Epoch > epoch })
}

// check refuses what is no set.
func (s *Set) check() error {
	switch {
	case s.Answers < 2:
		return fmt.Errorf("watch: %d answers; there must be 2 or more", s.Answers)
	case len(s.Labels) == 0 || len(s.Samples) != len(s.Labels):
		return fmt.Errorf("watch: %d labels of %d samples; there must be one of each, and some", len(s.Labels), len(s.Samples))
	case s.Names != nil && len(s.Names) != s.Answers:
		return fmt.Errorf("watch: %d names of %d answers", len(s.Names), s.Answers)
	}
	for i, y := range s.Labels {
		if y < 0 || y >= s.Answers {
			return fmt.Errorf("watch: label %d is %d; it must be from 0 to %d", i, y, s.Answers-1)
		}
		if s.Samples[i] < 0 {
			return fmt.Errorf("watch: sample %d has number %d; it must be at least 0", i, s.Samples[i])
		}
	}
	return nil
}

// check refuses what is no record.
func (r *Record) check() error {
	if err := r.Set.check(); err != nil {
		return err
	}
	if len(r.Frames) == 0 {
		return errors.New("watch: there are no frames")
	}
	for i, f := range r.Frames {
		if len(f.Energies) != len(r.Labels)*r.Answers {
			return fmt.Errorf("watch: frame %d has %d energies; there are %d samples of %d answers", i, len(f.Energies), len(r.Labels), r.Answers)
		}
		if f.Epoch < 0 || i > 0 && f.Epoch <= r.Frames[i-1].Epoch {
			return fmt.Errorf("watch: frame %d is of epoch %d; epochs must be at least 0 and rise", i, f.Epoch)
		}
	}
	return nil
}
