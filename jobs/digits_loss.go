package jobs

import (
	"fmt"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/loss"
)

// ScoreLosses are the losses that can train the scores of labels.
var ScoreLosses = []string{"cross_entropy", "multi_margin", "bce_logits", "multilabel_soft_margin", "soft_margin", "mse", "l1", "huber"}

// scoreLoss is one of package loss's over the scores −E(y) of a batch.
type scoreLoss struct {
	eval      func(scores []float32, k int, target []int, grad []float32) (float64, error)
	criterion nn.Criterion
	marks     []float32 // what the scores are to be, where the loss compares
}

// newScoreLoss returns the loss that the settings name, nil for none.
func newScoreLoss(c *Digits) (*scoreLoss, error) {
	l := new(scoreLoss)
	switch c.Loss {
	case "":
		return nil, nil
	case "cross_entropy":
		ce := &loss.CrossEntropy[float32]{LabelSmoothing: c.LabelSmoothing}
		l.eval = func(x []float32, k int, y []int, dx []float32) (float64, error) {
			return ce.Eval(x, loss.Dims{Batch: len(y), Classes: k}, y, dx)
		}
	case "multi_margin":
		mm := loss.NewMultiMargin[float32]()
		l.eval = func(x []float32, k int, y []int, dx []float32) (float64, error) { return mm.Eval(x, y, k, dx) }
	case "bce_logits":
		l.compare(loss.BCEWithLogitsLoss[float32], 0)
	case "multilabel_soft_margin":
		ml := new(loss.MultiLabelSoftMargin[float32])
		l.eval = func(x []float32, k int, y []int, dx []float32) (float64, error) {
			return ml.Eval(x, l.mark(y, k, 0), k, dx, nil)
		}
	case "soft_margin":
		l.compare(loss.SoftMarginLoss[float32], -1)
	case "mse":
		l.compare(loss.MSELoss[float32], 0)
	case "l1":
		l.compare(loss.L1Loss[float32], 0)
	case "huber":
		l.compare(loss.HuberLoss[float32], 0)
	default:
		return nil, fmt.Errorf("there is no loss %q of scores", c.Loss)
	}
	return l, nil
}

// compare makes l a loss of the scores and of marks: 1 for the correct label, else wrong.
func (l *scoreLoss) compare(f func(x, y, dx []float32) (float64, error), wrong float32) {
	l.eval = func(x []float32, k int, y []int, dx []float32) (float64, error) { return f(x, l.mark(y, k, wrong), dx) }
}

func (l *scoreLoss) mark(y []int, k int, wrong float32) []float32 {
	l.marks = scratch.Sized(l.marks, len(y)*k)
	for i := range l.marks {
		l.marks[i] = wrong
	}
	for i, t := range y {
		l.marks[i*k+t] = 1
	}
	return l.marks
}

// record records the loss of label energies.
func (l *scoreLoss) record(energies *autodiff.Var, target []int) (*autodiff.Var, error) {
	scores := autodiff.Neg(energies)
	k := energies.Shape()[1]
	return l.criterion.Record(func(g nn.Grads) (float64, error) {
		return l.eval(scores.Value.Float32s(), k, target, g.Float32s(0))
	}, scores)
}
