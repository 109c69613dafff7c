package loss

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
)

// CTC is the connectionist temporal classification loss: the negative logarithm of the
// probability that a sequence of frames spells a sequence of target classes, whatever the
// alignment.
//
// A path gives each frame a class. It spells what remains when repeats are merged and
// then blanks dropped. With log-probabilities p[t, c] and paths π over the frames of one sequence,
//
//	ℓ = −log Σ_{π spells target} exp Σ_t p[t, π_t]
//
// With the posterior share γ[t, c] of the paths that are at class c in frame t, the gradient
// by log-probabilities is −γ, and that by logits, with Logits, softmax − γ.
//
// Shapes: see CTCBatch; a loss for each sequence. The mean is that of ℓ divided by the
// number of targets (by 1 where there is none); the sum is of ℓ; PerToken is the sum
// of ℓ divided by the number of all targets.
// Units: nats.
// Kinks: none.
// Special cases: without targets, all frames are blank. Where no path has a probability, since
// there are too few frames (a repeated class needs a blank between) or scores of −Inf, ℓ = +Inf
// with gradient 0, and Status says so; with ZeroInfinity ℓ = 0. A logarithm below −1e12
// counts as −Inf, one above 1e12 as +Inf. A sequence with NaN or +Inf among the scores that it uses (NaN among all of
// its frames' with Logits) has ℓ and gradients of NaN, and leaves the others alone. One logit of +Inf in a frame is
// sure: its softmax is 1; with two there is none, and ℓ is NaN. Frames
// from the input length on are not read and have gradient 0. float32 scores so far apart that
// float32 would lose digits are worked out in float64. A loss of logits below 1/64 has all its digits, however
// small, and so has its gradient: it comes from the probability of missing the target, for about four times
// the work. Of log-probabilities it has those that the logarithms near 0 have.
// Errors: a batch that is nil; dimensions, lengths, and targets that are no class or the blank, by sequence and position.
// PyTorch: nn.CTCLoss(blank=Blank, zero_infinity=ZeroInfinity). PyTorch's gradient by
// log_probs is exp(p) − γ, right only behind a log-softmax; an impossible target gives NaN
// gradients there.
// Source: [graves2006].
type CTC[T tensor.Float] struct {
	Blank        int
	Logits       bool // the scores are logits: the log-softmax is taken here
	ZeroInfinity bool
	Reduction    Reduction // Mean, Sum or PerToken

	run ctcRun[T]
}

// CTCBatch is a batch of sequences of frames, and their targets.
type CTCBatch[T tensor.Float] struct {
	Scores        []T   // [Frames, Batch, Classes]; log-probabilities or logits
	Frames        int   // of the longest sequence
	Batch         int   // number of sequences
	Classes       int   // with the blank
	BatchFirst    bool  // Scores are [Batch, Frames, Classes]
	Targets       []int // one sequence's after the other's; padded with PaddedTo
	PaddedTo      int   // if not 0, Targets are [Batch, PaddedTo], and what is beyond their lengths is not read
	InputLengths  []int // frames of each sequence; nil: all
	TargetLengths []int
}

// CTCStatus says what became of a sequence.
type CTCStatus uint8

// The statuses.
const (
	CTCFine       CTCStatus = iota
	CTCImpossible           // no path has a probability above 0
	CTCNaN                  // NaN or +Inf among the scores
)

// CTCLoss returns the mean loss of a batch of log-probabilities with blank 0, and writes its
// gradient: F.ctc_loss, but for the gradient.
func CTCLoss[T tensor.Float](b *CTCBatch[T], dScores []T) (float64, error) {
	return new(CTC[T]).Eval(b, dScores)
}

// Eval returns the loss and writes its gradient.
func (l *CTC[T]) Eval(b *CTCBatch[T], dScores []T) (float64, error) {
	if err := l.check(b, dScores); err != nil {
		return 0, err
	}
	tokens := 0
	for _, n := range b.TargetLengths {
		tokens += n
	}
	divisor := 1.0
	switch l.Reduction {
	case Sum:
	case Mean:
		divisor = float64(b.Batch)
	case PerToken:
		divisor = float64(tokens)
	default:
		return 0, badOption("CTC", "reduction", l.Reduction, "none, mean, sum or per-token")
	}
	l.run.start(l, b, dScores)
	for n, length := range b.TargetLengths {
		l.run.factor[n] = 1
		if l.Reduction == Mean {
			l.run.factor[n] = 1 / float64(max(1, length))
		}
		if l.run.factor[n] /= divisor; divisor == 0 {
			l.run.factor[n] = 0
		}
	}
	l.run.all()
	var sum float64
	for n, v := range l.run.loss {
		sum += v * l.run.factor[n]
	}
	if divisor == 0 {
		return math.NaN(), nil
	}
	return sum, nil
}

// Each writes the loss of each sequence to dst, and the gradient under the upstream
// gradient up of dst; nil stands for ones.
func (l *CTC[T]) Each(dst, up []T, b *CTCBatch[T], dScores []T) error {
	if err := l.check(b, dScores); err != nil {
		return err
	}
	if err := eachOf("CTC", b.Batch, dst, up); err != nil {
		return err
	}
	l.run.start(l, b, dScores)
	for n := range l.run.factor {
		l.run.factor[n] = 1
		if up != nil {
			l.run.factor[n] = float64(up[n])
		}
	}
	l.run.all()
	for n, v := range l.run.loss {
		dst[n] = T(v)
	}
	return nil
}

// Status returns what became of each sequence of the last call. It is good until the next.
func (l *CTC[T]) Status() []CTCStatus { return l.run.status }

func (l *CTC[T]) check(b *CTCBatch[T], dScores []T) error {
	const name = "CTC"
	if b == nil {
		return fmt.Errorf("loss: %s: the batch is nil", name)
	}
	if b.Frames < 0 || b.Batch < 0 || b.Classes < 1 {
		return fmt.Errorf("loss: CTC: the shape is [%d, %d, %d] (frames, sequences, classes); there must be at least one class, and nothing negative", b.Frames, b.Batch, b.Classes)
	}
	if l.Blank < 0 || l.Blank >= b.Classes {
		return badOption(name, "blank", l.Blank, fmt.Sprintf("a class from 0 to %d", b.Classes-1))
	}
	if err := alike(name, b.Frames*b.Batch*b.Classes, of("the scores", b.Scores)); err != nil {
		return err
	}
	if err := optional(name, len(b.Scores), by("the scores", dScores)); err != nil {
		return err
	}
	if err := optional(name, b.Batch, of("input_lengths", b.InputLengths)); err != nil {
		return err
	}
	if err := alike(name, b.Batch, of("target_lengths", b.TargetLengths)); err != nil {
		return err
	}
	for n, length := range b.InputLengths {
		if length < 0 || length > b.Frames {
			return badValue(name, "input_lengths", n, length, fmt.Sprintf("from 0 to %d, the number of frames", b.Frames))
		}
	}
	return b.checkTargets(l.Blank)
}

func (b *CTCBatch[T]) checkTargets(blank int) error {
	const name = "CTC"
	if b.PaddedTo < 0 {
		return badOption(name, "PaddedTo", b.PaddedTo, "at least 0")
	}
	if b.PaddedTo > 0 && len(b.Targets) != b.Batch*b.PaddedTo {
		return badLength(name, "targets", len(b.Targets), b.Batch*b.PaddedTo)
	}
	total := 0
	for n, length := range b.TargetLengths {
		most := len(b.Targets) - total
		if b.PaddedTo > 0 {
			most = b.PaddedTo
		}
		if length < 0 || length > most {
			return badValue(name, "target_lengths", n, length, fmt.Sprintf("from 0 to %d, the number of targets that there are", most))
		}
		total += length
	}
	if b.PaddedTo == 0 && total != len(b.Targets) {
		return badLength(name, "targets", len(b.Targets), total)
	}
	at := 0
	for n, length := range b.TargetLengths {
		for i, c := range b.Targets[at : at+length] {
			if c < 0 || c >= b.Classes || c == blank {
				return badValue(name, fmt.Sprintf("targets[%d]", n), i, c, fmt.Sprintf("a class from 0 to %d other than the blank, %d", b.Classes-1, blank))
			}
		}
		at += b.step(length)
	}
	return nil
}

// step is how far the targets of the next sequence are from those of one with length targets.
func (b *CTCBatch[T]) step(length int) int {
	if b.PaddedTo > 0 {
		return b.PaddedTo
	}
	return length
}

func (b *CTCBatch[T]) length(n int) int {
	if b.InputLengths == nil {
		return b.Frames
	}
	return b.InputLengths[n]
}

// row returns which row of classes frame t of sequence n is.
func (b *CTCBatch[T]) row(t, n int) int {
	if b.BatchFirst {
		return n*b.Frames + t
	}
	return t*b.Batch + n
}

func ctcEntry() Entry {
	return Entry{
		Name: "ctc", Type: "CTC", PyTorch: "CTCLoss",
		Formula: "−log Σ_π exp Σ_t log p[t, π_t] over the paths π that spell the target when repeats are merged and blanks dropped",
		Domain:  "log-probabilities, or logits; targets other than the blank", Margin: "> 0", Kinks: "none",
		Differs: "the gradient by log_probs is the exact one, −γ, without a log-softmax behind it; impossible targets have gradient 0, not NaN; −∞ scores are right",
		Source:  []string{"graves2006"},
		Inputs: []Input{
			{Name: "log_probs", Grad: true, Optional: true, Is: "log-probabilities [T, N, C] or [T, C]"},
			{Name: "logits", Grad: true, Optional: true, Is: "instead of log_probs: their log-softmax is taken"},
			{Name: "targets", Is: "classes [N, S], or one sequence's after the other's [Σ lengths]"},
			{Name: "input_lengths", Optional: true, Is: "frames of each sequence [N]; all, if it is left out"},
			{Name: "target_lengths", Optional: true, Is: "targets of each sequence [N]; all, if it is left out and targets are [N, S] or of one sequence"},
		},
		Options: []Option{
			{"blank", "0", "the blank's class"},
			{"reduction", "mean", "none, mean, sum or per-token"},
			{"zero_infinity", "false", "whether an infinite loss counts 0"},
		},
		run32: callCTC[float32], run64: callCTC[float64],
	}
}

func callCTC[T tensor.Float](c *Call[T]) error {
	l := &CTC[T]{
		Blank: c.whole("blank", 0), ZeroInfinity: c.flag("zero_infinity", false),
		Reduction: c.reduction(), Logits: c.has("logits"),
	}
	input := "log_probs"
	if l.Logits {
		input = "logits"
	}
	if c.has("log_probs") == c.has("logits") {
		c.fail("it takes log_probs or logits, one of them")
		return c.err
	}
	b, shape := c.sequences(input)
	if c.err != nil {
		return c.err
	}
	dx := c.grad(input)
	return c.finish(shape,
		func(dst []T) error { return l.Each(dst, nil, b, dx) },
		func() (float64, error) { return l.Eval(b, dx) })
}

// sequences returns the batch of CTC's inputs, and the shape of a loss of each.
func (c *Call[T]) sequences(input string) (*CTCBatch[T], []int) {
	x, targets := c.float(input), c.ints("targets")
	b := &CTCBatch[T]{Scores: x.Data, Batch: 1, Targets: targets.Data}
	shape := []int{}
	switch len(x.Shape) {
	case 2:
		b.Frames, b.Classes = x.Shape[0], x.Shape[1]
	case 3:
		b.Frames, b.Batch, b.Classes = x.Shape[0], x.Shape[1], x.Shape[2]
		shape = []int{b.Batch}
	default:
		c.fail("%s has shape %v; it must be [T, N, C] or [T, C]", input, x.Shape)
		return b, nil
	}
	switch {
	case len(targets.Shape) == 2 && len(x.Shape) == 3:
		b.PaddedTo = targets.Shape[1]
		if targets.Shape[0] != b.Batch {
			c.fail("targets has shape %v; there are %d sequences", targets.Shape, b.Batch)
		}
	case len(targets.Shape) != 1:
		c.fail("targets has shape %v; it must be [S], or [N, S] with scores of [T, N, C]", targets.Shape)
	}
	b.InputLengths = c.lengths("input_lengths", b.Batch, b.Frames)
	if b.PaddedTo == 0 && b.Batch != 1 && !c.has("target_lengths") {
		c.fail("target_lengths is missing; it may be left out where targets are [N, S], or of one sequence")
		return b, nil
	}
	b.TargetLengths = c.lengths("target_lengths", b.Batch, len(targets.Data)/max(1, b.Batch))
	return b, shape
}

// lengths returns an input of n lengths; a single one may be a plain number. Without it they
// are all the same.
func (c *Call[T]) lengths(input string, n, all int) []int {
	if !c.has(input) {
		out := make([]int, n)
		for i := range out {
			out[i] = all
		}
		return out
	}
	a := c.ints(input)
	if len(a.Shape) > 1 || len(a.Data) != n {
		c.fail("%s has shape %v; it must have [%d]", input, a.Shape, n)
	}
	return a.Data
}
