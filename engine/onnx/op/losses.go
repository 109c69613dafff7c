package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var losses = []Operator{
	{Name: "NegativeLogLikelihoodLoss", Since: 12, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return newLikelihood(n, false), nil
	}},
	{Name: "SoftmaxCrossEntropyLoss", Since: 12, In: [2]int{2, 3}, Out: [2]int{1, 2}, Make: func(n *Node) (Kernel, error) {
		return newLikelihood(n, true), nil
	}},
}

// likelihood is NegativeLogLikelihoodLoss of log probabilities [N, C, …] and labels [N, …], or SoftmaxCrossEntropyLoss of scores, whose second
// output is the log probabilities. Of each label c
//
//	ℓ = −weight[c]·log p[c], 0 where the label is the ignored one
//
// The mean is Σℓ/Σ weight[c] over those that are not ignored: NaN where there are none.
type likelihood struct {
	softmax   bool
	reduction string
	ignores   bool
	ignored   int64
}

func newLikelihood(n *Node, softmax bool) *likelihood {
	return &likelihood{
		softmax: softmax, reduction: n.Text("reduction", "mean", "none", "sum", "mean"),
		ignores: n.Has("ignore_index"), ignored: int64(n.Int("ignore_index", 0)),
	}
}

func (k *likelihood) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return likelihoodRun[float32](k, c) }, func() error { return likelihoodRun[float64](k, c) })
}

func likelihoodRun[T simd.Float](k *likelihood, c *Call) error {
	x, target := c.In[0], c.In[1]
	if len(x.Shape) < 2 {
		return fmt.Errorf("input is %s, must have a batch and classes", x)
	}
	classes, plane := x.Shape[1], volume(x.Shape[2:])
	shape := slices.Concat(x.Shape[:1], x.Shape[2:])
	if !slices.Equal(target.Shape, shape) {
		return fmt.Errorf("labels are %s, must have shape %v", target, shape)
	}
	labels, err := k.labels(target, classes)
	if err != nil {
		return err
	}
	var weight []T
	if v := c.Input(2); v != nil {
		if weight, err = vector[T](v, "weight", classes); err != nil {
			return err
		}
	}
	p := value.Data[T](x)
	if k.softmax {
		if p, err = logProbabilities[T](c, x, classes, plane); err != nil {
			return err
		}
	}
	each := make([]T, len(labels))
	var total float64
	for i, label := range labels {
		if k.ignores && label == k.ignored {
			continue
		}
		w := T(1)
		if weight != nil {
			w = weight[label]
		}
		each[i] = -w * p[(i/max(1, plane)*classes+int(label))*plane+i%max(1, plane)]
		total += float64(w)
	}
	return reduceLosses(k, c, shape, each, total)
}

// labels checks that each label names a class or is the ignored one.
func (k *likelihood) labels(v *value.Value, classes int) ([]int64, error) {
	labels, err := value.Integers(v)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	for i, label := range labels {
		if (label < 0 || label >= int64(classes)) && !(k.ignores && label == k.ignored) {
			return nil, fmt.Errorf("label %d is %d, must be in [0, %d]", i, label, classes-1)
		}
	}
	return labels, nil
}

func logProbabilities[T simd.Float](c *Call, x *value.Value, classes, plane int) ([]T, error) {
	src := value.Data[T](x)
	var dst []T
	if c.Needs(1) {
		v, err := c.Result(1, x.Kind, x.Shape...)
		if err != nil {
			return nil, err
		}
		dst = value.Data[T](v)
	} else {
		dst = make([]T, len(src))
	}
	logSoftmaxOf(dst, src, classes, plane)
	return dst, nil
}

// logSoftmaxOf is the logarithm of the softmax over the classes of x [N, classes, plane].
func logSoftmaxOf[T simd.Float](dst, src []T, classes, plane int) {
	size := classes * plane
	if size == 0 {
		return
	}
	if plane == 1 {
		simd.LogSoftmaxRows(dst, src, len(src)/classes, classes)
		return
	}
	inParts(len(src)/size, size, func(from, to int) {
		top, sum, spare := make([]T, plane), make([]T, plane), make([]T, plane)
		for i := from; i < to; i++ {
			logSoftmaxColumns(dst[i*size:(i+1)*size], src[i*size:(i+1)*size], top, sum, spare)
		}
	})
}

// logSoftmaxColumns is the logarithm of the softmax over the rows of x, for each of its columns, which top, sum and spare have an element for.
func logSoftmaxColumns[T simd.Float](dst, x, top, sum, spare []T) {
	n := len(top)
	copy(top, x)
	for at := n; at < len(x); at += n {
		for j, e := range x[at : at+n] {
			top[j] = max(top[j], e)
		}
	}
	clear(sum)
	for at := 0; at < len(x); at += n {
		simd.Sub(dst[at:at+n], x[at:at+n], top)
		simd.Exp(spare, dst[at:at+n])
		simd.AddTo(sum, spare)
	}
	simd.Log(sum, sum)
	for at := 0; at < len(x); at += n {
		simd.Sub(dst[at:at+n], dst[at:at+n], sum)
	}
}

// reduceLosses writes the first output of the losses of all labels, whose weights have that total.
func reduceLosses[T simd.Float](k *likelihood, c *Call, shape []int, each []T, total float64) error {
	if k.reduction != "none" {
		shape = nil
	}
	out, err := c.Result(0, c.In[0].Kind, shape...)
	if err != nil {
		return err
	}
	y := value.Data[T](out)
	switch k.reduction {
	case "none":
		copy(y, each)
	case "sum":
		y[0] = T(simd.Sum(each))
	case "mean":
		y[0] = T(simd.Sum(each) / total)
	}
	return nil
}
