package read

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/seq/answers"
)

// Use makes a functional of the alignments' energies the loss of the batch. The energy of a class in a frame is −logit; a's
// settings say what the energies of a text are made of its alignments', and where they are counted from. As that of CTC,
// the loss is the mean over the lines of each line's over the number of its tokens, and a line with too few frames for its
// text counts 0.
//
// nll with β = 1 of summed alignments is the loss of CTC, which stays the faster one.
//
// Errors: alignments have no statistic that the functional takes (*answers.NoStatistic); priors, which are of CTC's loss.
func (b *Batch) Use(f functional.Functional, a answers.Alignments[float32]) error {
	if b.answers = nil; IsCTC(f, &a) {
		return nil
	}
	if err := a.Has(f.Statistic()); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	if b.weight != 0 {
		return fmt.Errorf("the weight of the label priors is %v; with %s it must be 0: they are of the loss of CTC", b.weight, f.Name())
	}
	b.answers = &batchAnswers{functional: f, alignments: a}
	return nil
}

// IsCTC reports whether a functional of alignments is the loss of CTC.
func IsCTC(f functional.Functional, a *answers.Alignments[float32]) bool {
	return f == functional.NLL{Beta: 1} && a.Latent == answers.Sum && a.Base == answers.AsIs && !a.PerPlace
}

// batchAnswers is a functional over a batch's alignments.
type batchAnswers struct {
	functional functional.Functional
	alignments answers.Alignments[float32]
	frames     answers.Frames[float32]
	loss       answers.Loss
	grads      []float32 // by the energies
	each       []float64 // losses
	weights    []float64
	possible   int // lines with frames enough
}

// eval returns the loss of a batch of logits [N, T, C], and writes its gradient. It is NaN where a logit is not finite.
func (l *batchAnswers) eval(b *loss.CTCBatch[float32], logits, grad []float32) (float64, error) {
	clear(grad)
	l.lay(b, logits)
	if !measurable(l.frames.Energies) {
		l.possible = b.Batch
		return math.NaN(), nil
	}
	l.grads = scratch.Sized(l.grads, len(l.frames.Energies))
	clear(l.grads)
	if err := l.alignments.Set(&l.frames, l.grads); err != nil {
		return 0, err
	}
	l.each, l.weights = scratch.Sized(l.each, b.Batch), scratch.Sized(l.weights, b.Batch)
	var err error
	if l.possible, err = l.loss.Eval(&l.alignments, l.functional, l.each); err != nil {
		return 0, err
	}
	sum := 0.0
	for i, v := range l.each {
		l.weights[i] = 1 / float64(b.Batch*max(1, b.TargetLengths[i]))
		if !math.IsInf(v, 1) {
			sum += l.weights[i] * v
		}
	}
	if err := l.loss.AddWeighted(l.weights); err != nil {
		return 0, err
	}
	at, c := 0, b.Classes
	for i, n := range b.InputLengths {
		simd.Neg(grad[i*b.Frames*c:][:n*c], l.grads[at:at+n*c])
		at += n * c
	}
	return sum, nil
}

// lay puts the frames of the lines one after another.
func (l *batchAnswers) lay(b *loss.CTCBatch[float32], logits []float32) {
	frames, c := 0, b.Classes
	for _, n := range b.InputLengths {
		frames += n
	}
	l.frames = answers.Frames[float32]{
		Energies: scratch.Sized(l.frames.Energies, frames*c), Classes: c, Blank: Blank,
		Lengths: b.InputLengths, Targets: b.Targets, TargetLengths: b.TargetLengths,
	}
	at := 0
	for i, n := range b.InputLengths {
		simd.Neg(l.frames.Energies[at:at+n*c], logits[i*b.Frames*c:][:n*c])
		at += n * c
	}
}

// measurable reports whether all numbers are finite.
func measurable(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
