package recipe

import (
	"context"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/train"
)

// networkTask is the network tagger as train sees it.
type networkTask struct {
	network *tag.Network
	model   *tag.Model
	c       TaggerConfig
	text    *taggerText
	subject train.Subject
	loss    chainLoss
	record  nn.Criterion
	batch   []tag.Sentence
	states  []int
}

func newNetworkTask(ctx context.Context, c TaggerConfig, text *taggerText) (*networkTask, error) {
	n := tag.NewNetwork(text.words, train.Rand(c.Seed, "init", 0))
	t := &networkTask{
		network: n, model: tag.NewModel(n), c: c, text: text,
		subject: c.subject(), loss: chainLoss{name: c.Loss, margin: float32(c.Margin)},
	}
	first, err := diagnoseTagger(ctx, t.model, text.held, t.subject, tag.Accuracy{})
	t.subject.Scale = first.Diagnosis.Spread
	return t, err
}

// Params implements train.Task.
func (t *networkTask) Params() []*autodiff.Param { return t.network.Params() }

// Samples implements train.Task.
func (t *networkTask) Samples() int { return len(t.text.train) }

// Loss implements train.Task.
func (t *networkTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.batch, t.states = t.batch[:0], t.states[:0]
	for _, i := range b.Samples {
		s := t.text.train[i]
		t.batch = append(t.batch, s)
		for _, y := range s.Tags {
			t.states = append(t.states, int(y))
		}
	}
	unary, pairs := t.network.Record(tape, t.batch, b.Rand)
	return t.record.Record(func(g nn.Grads) (float64, error) {
		c := t.network.Lay(t.batch, unary.Value.Float32s(), pairs.Value.Float32s())
		sum, err := t.loss.eval(c, t.states)
		if err != nil {
			return 0, err
		}
		n := float32(len(t.batch))
		for i, d := range [][]float32{t.loss.unary, t.loss.pair} {
			for j, v := range d {
				g.Float32s(i)[j] = v / n
			}
		}
		return sum / float64(n), nil
	}, unary, pairs)
}

// Evaluate implements train.Task.
func (t *networkTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	_, e, err := evaluateTagger(ctx, t.model, t.text.held, t.subject)
	return e, err
}
