package energy

import (
	"fmt"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/loss"
)

// ScoreLosses are the losses of package loss that can train the scores −E(y) of labels, by their names.
var ScoreLosses = []string{"cross_entropy", "multi_margin", "bce_logits", "multilabel_soft_margin", "soft_margin", "mse", "l1", "huber"}

// ScoreLoss records a loss of package loss over the scores −E(y) of labels, as LabelLoss does a functional of the energies: to compare
// the two, or where a loss has no functional. Losses that compare scores with marks hold them against 1 for the correct label, and for
// others against −1 with soft_margin, else 0. What it recorded before must have gone through Backward, or be given up.
type ScoreLoss struct {
	eval      func(scores []float32, k int, target []int, grad []float32) (float64, error)
	criterion nn.Criterion
	marks     []float32 // what the scores are to be, where the loss compares
}

// NewScoreLoss returns the loss of a name. smoothing is the label smoothing of cross_entropy.
//
// Errors: a name that is not among ScoreLosses.
func NewScoreLoss(name string, smoothing float64) (*ScoreLoss, error) {
	l := new(ScoreLoss)
	switch name {
	case "cross_entropy":
		ce := &loss.CrossEntropy[float32]{LabelSmoothing: smoothing}
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
		return nil, fmt.Errorf("energy: there is no loss %q of scores; it must be one of %s", excerpt.Of(name), strings.Join(ScoreLosses, ", "))
	}
	return l, nil
}

// compare makes l a loss of the scores and of marks: 1 for the correct label, else wrong.
func (l *ScoreLoss) compare(f func(x, y, dx []float32) (float64, error), wrong float32) {
	l.eval = func(x []float32, k int, y []int, dx []float32) (float64, error) { return f(x, l.mark(y, k, wrong), dx) }
}

func (l *ScoreLoss) mark(y []int, k int, wrong float32) []float32 {
	l.marks = scratch.Sized(l.marks, len(y)*k)
	for i := range l.marks {
		l.marks[i] = wrong
	}
	for i, t := range y {
		l.marks[i*k+t] = 1
	}
	return l.marks
}

// Record records the mean loss, where e is [B, K], in float32, and target holds the correct labels. Errors: shapes that do not fit, a
// target that is not a label, energies in float64, and those of the loss.
func (l *ScoreLoss) Record(e *autodiff.Var, target []int) (*autodiff.Var, error) {
	if err := checkLabels(e, target); err != nil {
		return nil, err
	}
	if d := e.Tape().DType(); d != tensor.Float32 {
		return nil, fmt.Errorf("energy: energies are %v; for a loss of scores they must be float32", d)
	}
	scores := autodiff.Neg(e)
	k := e.Shape()[1]
	return l.criterion.Record(func(g nn.Grads) (float64, error) {
		return l.eval(scores.Value.Float32s(), k, target, g.Float32s(0))
	}, scores)
}
