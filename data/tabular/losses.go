package tabular

import (
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/loss"
)

// named is a loss of package loss that trains a model without a functional.
type named struct {
	name  string
	kinds []string                  // of answers
	marks func() byMarks            // of losses that compare with marks; else nil
	place func() byPlace            // of losses that take the place of the right answer; else nil
	not   func(kind string) float32 // the mark of a wrong answer, where 1 is that of a right one
}

// byMarks evaluates a loss of scores, rows of k, and their marks; byPlace of the place of the right score in each row. Both write the gradient.
type (
	byMarks func(scores, marks []float32, k int, gradient []float32) (float64, error)
	byPlace func(scores []float32, places []int, k int, gradient []float32) (float64, error)
)

// Losses lists the losses of package loss that train a kind of answers; of the kind "" all. Of classes they see the scores −E, of which those of ranks are two a pair; of
// numbers f(x). Losses with marks are held against 1 for a right answer, and for a wrong one against
//
//	−1   soft_margin; mse, l1 and huber of several classes, which are in the answer where their score is above 0
//	0    else
func Losses(kind string) (names []string) {
	for _, l := range losses {
		if kind == "" || slices.Contains(l.kinds, kind) {
			names = append(names, l.name)
		}
	}
	return names
}

var losses = []named{
	{name: "cross_entropy", kinds: []string{data.TableClass, data.TableRank}, place: func() byPlace {
		l := new(loss.CrossEntropy[float32])
		return func(x []float32, at []int, k int, dx []float32) (float64, error) {
			return l.Eval(x, loss.Dims{Batch: len(at), Classes: k}, at, dx)
		}
	}},
	{name: "multi_margin", kinds: []string{data.TableClass, data.TableRank}, place: func() byPlace {
		l := loss.NewMultiMargin[float32]()
		return l.Eval
	}},
	{name: "bce_logits", kinds: classes, marks: pointwise(loss.BCEWithLogitsLoss[float32]), not: absent},
	{name: "multilabel_soft_margin", kinds: classes, not: absent, marks: func() byMarks {
		l := new(loss.MultiLabelSoftMargin[float32])
		return func(x, y []float32, k int, dx []float32) (float64, error) { return l.Eval(x, y, k, dx, nil) }
	}},
	{name: "soft_margin", kinds: classes, marks: pointwise(loss.SoftMarginLoss[float32]), not: opposite},
	{name: "mse", kinds: numbers, marks: pointwise(loss.MSELoss[float32]), not: absentOrOpposite},
	{name: "l1", kinds: numbers, marks: pointwise(loss.L1Loss[float32]), not: absentOrOpposite},
	{name: "huber", kinds: numbers, marks: pointwise(loss.HuberLoss[float32]), not: absentOrOpposite},
	{name: "smooth_l1", kinds: []string{data.TableNumber}, marks: pointwise(loss.SmoothL1Loss[float32]), not: absent},
}

var (
	classes = []string{data.TableClass, data.TableClasses}
	numbers = []string{data.TableClass, data.TableClasses, data.TableNumber}
)

func pointwise(f func(x, y, dx []float32) (float64, error)) func() byMarks {
	return func() byMarks {
		return func(x, y []float32, _ int, dx []float32) (float64, error) { return f(x, y, dx) }
	}
}

func absent(string) float32   { return 0 }
func opposite(string) float32 { return -1 }

// absentOrOpposite is −1 of several classes: an answer of them is right or wrong by the sign of its score alone.
func absentOrOpposite(kind string) float32 {
	if kind == data.TableClasses {
		return -1
	}
	return 0
}
