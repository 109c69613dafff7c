package read

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/train"
)

// A Batch is lines side by side, padded to one width, and the loss of a network's emissions: that of CTC, or as Use says.
//
// With a weight of priors above 0, the loss of CTC is of the scores log p − weight·log prior, where prior is how
// often the network has lately given each class. What is rare then costs less, above all
// the labels beside the blank, so that labels last as long as they sound, and their times
// are better [huang2024].
type Batch struct {
	weight float64        // of the priors
	prior  *tensor.Tensor // [C]

	x         *tensor.Tensor
	batch     loss.CTCBatch[float32]
	ctc       loss.CTC[float32]
	criterion nn.Criterion
	scores    []float32 // [N, T, C]
	grad      []float32
	log       []float32     // the log-softmax, where priors are divided out
	answers   *batchAnswers // nil: the loss of CTC
}

// priorStep is how far a batch moves the priors.
const priorStep = 0.05

// Prior is the label priors [C], which are state of training.
func (b *Batch) Prior() *tensor.Tensor { return b.prior }

// NewBatch returns a batch of lines over a number of classes; priors is their weight, from 0 to 1.
func NewBatch(classes int, priors float64) *Batch {
	b := &Batch{
		weight: priors, prior: tensor.New(tensor.Float32, classes), x: tensor.New(tensor.Float32),
		ctc: loss.CTC[float32]{Blank: Blank, Logits: priors == 0, ZeroInfinity: true},
	}
	simd.Fill(b.prior.Float32s(), 1/float32(classes))
	return b
}

// Set puts lines side by side.
func (b *Batch) Set(r *Network, lines []data.Line) {
	r.sideBySide(b.x, lines...)
	b.batch = loss.CTCBatch[float32]{
		Batch: len(lines), Classes: r.Classes(), BatchFirst: true,
		Targets: b.batch.Targets[:0], InputLengths: b.batch.InputLengths[:0], TargetLengths: b.batch.TargetLengths[:0],
	}
	for _, l := range lines {
		b.batch.Targets = ClassesOf(b.batch.Targets, l.Target)
		b.batch.TargetLengths = append(b.batch.TargetLengths, len(l.Target))
		b.batch.InputLengths = append(b.batch.InputLengths, r.Frames(l.W))
	}
}

// Record records the mean loss of the lines; those with too few frames for their text
// count 0. It fails with train.ErrNothing where all are such, and where the network, one that begins with a model of another system, has fewer frames than the lines should.
func (b *Batch) Record(r *Network, tape *autodiff.Tape) (*autodiff.Var, error) {
	logits := r.Module.Forward(tape.Const(b.x)) // [N, C, T]
	c, frames := r.Classes(), logits.Shape()[2]
	if most := slices.Max(b.batch.InputLengths); frames < most {
		return nil, fmt.Errorf("for lines of %d columns the model has %d frames; there must be %d: it does not read lines as long as that, which the data must leave out", b.x.Shape()[3], frames, most)
	}
	y := logits.Value.Float32s()
	b.scores, b.grad = scratch.Sized(b.scores, len(y)), scratch.Sized(b.grad, len(y))
	each := c * frames
	for i := range b.batch.Batch {
		turn(b.scores[i*each:(i+1)*each], y[i*each:(i+1)*each], c, frames)
	}
	b.batch.Scores, b.batch.Frames = b.scores, frames
	return b.criterion.Record(func(g nn.Grads) (float64, error) {
		v, err := b.eval()
		if err != nil {
			return 0, err
		}
		if !b.anyPossible() {
			return 0, train.ErrNothing
		}
		for i := range b.batch.Batch {
			turn(g.Float32s(0)[i*each:(i+1)*each], b.grad[i*each:(i+1)*each], frames, c)
		}
		return v, nil
	}, logits)
}

// eval returns the loss, and leaves its gradient by the logits in grad.
func (b *Batch) eval() (float64, error) {
	if b.answers != nil {
		return b.answers.eval(&b.batch, b.scores, b.grad)
	}
	if b.weight == 0 {
		return b.ctc.Eval(&b.batch, b.grad)
	}
	c := b.batch.Classes
	rows := len(b.scores) / c
	b.log = scratch.Sized(b.log, len(b.scores))
	simd.LogSoftmaxRows(b.log, b.scores, rows, c)
	prior := b.prior.Float32s()
	for i, v := range b.log {
		b.scores[i] = v - float32(b.weight*math.Log(float64(prior[i%c])))
	}
	v, err := b.ctc.Eval(&b.batch, b.grad)
	if err != nil {
		return 0, err
	}
	simd.Exp(b.log, b.log)
	b.follow()
	for i := range rows { // through the log-softmax
		p, g := b.log[i*c:(i+1)*c], b.grad[i*c:(i+1)*c]
		var sum float32
		for _, v := range g {
			sum += v
		}
		for k := range g {
			g[k] -= sum * p[k]
		}
	}
	return v, nil
}

// follow moves the priors towards what the network gave in this batch.
func (b *Batch) follow() {
	const least = 1e-4
	c, n := b.batch.Classes, 0
	mean := make([]float64, c)
	for i, frames := range b.batch.InputLengths {
		n += frames
		for k, v := range b.log[i*b.batch.Frames*c:][:frames*c] {
			mean[k%c] += float64(v)
		}
	}
	prior := b.prior.Float32s()
	for k := range prior {
		prior[k] += priorStep * (max(least, float32(mean[k]/float64(max(n, 1)))) - prior[k])
	}
}

// anyPossible reports whether a line has frames enough for its text.
func (b *Batch) anyPossible() bool {
	if b.answers != nil {
		return b.answers.possible > 0
	}
	for _, s := range b.ctc.Status() {
		if s != loss.CTCImpossible {
			return true
		}
	}
	return false
}
