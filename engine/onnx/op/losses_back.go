package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradients by the scores or log probabilities and by the weights. Labels that are ignored have none.
func (k *likelihood) Back(b *Back) error {
	if b.In[0].Len() == 0 {
		return nil
	}
	return onFloats(b.In[0], func() error { return likelihoodBack[float32](k, b) }, func() error { return likelihoodBack[float64](k, b) })
}

func likelihoodBack[T simd.Float](k *likelihood, b *Back) error {
	x := b.In[0]
	classes, plane := x.Shape[1], volume(x.Shape[2:])
	labels, err := k.labels(b.In[1], classes)
	if err != nil {
		return err
	}
	var weight []T
	if len(b.In) > 2 && b.In[2] != nil {
		if weight, err = vector[T](b.In[2], "weight", classes); err != nil {
			return err
		}
	}
	l := lossBack[T]{likelihood: k, labels: labels, weight: weight, classes: classes, plane: plane, up: upOf[T](b, 0), logs: value.Data[T](x)}
	if k.softmax {
		l.logs = make([]T, x.Len())
		logSoftmaxOf(l.logs, value.Data[T](x), classes, plane)
		l.upLogs = upOf[T](b, 1)
	}
	l.sum()
	if g, add := b.Over(0); g != nil {
		l.input(value.Data[T](g), add)
	}
	if l.up != nil && b.Wants(2) {
		addFloats(b, 2, l.weights())
	}
	return nil
}

// lossBack goes back through the losses of all labels.
type lossBack[T simd.Float] struct {
	*likelihood
	labels         []int64
	weight         []T // of each class; nil: 1
	classes, plane int
	logs           []T     // log probabilities
	up, upLogs     []T     // the gradients of the loss and of the log probabilities, nil for none
	total, mean    float64 // the weights of all labels, and the loss where it is a mean
}

// each calls f for every label that is not ignored, with the place of its log probability.
func (l *lossBack[T]) each(f func(i, label, at int)) {
	for i, label := range l.labels {
		if !l.ignores || label != l.ignored {
			f(i, int(label), (i/l.plane*l.classes+int(label))*l.plane+i%l.plane)
		}
	}
}

func (l *lossBack[T]) of(label int) float64 {
	if l.weight == nil {
		return 1
	}
	return float64(l.weight[label])
}

// sum computes what a mean has been divided by, and the mean.
func (l *lossBack[T]) sum() {
	if l.reduction != "mean" {
		return
	}
	l.each(func(i, label, at int) {
		l.total += l.of(label)
		l.mean -= float64(l.of(label) * float64(l.logs[at]))
	})
	l.mean /= l.total
}

// share is the gradient of the loss of label i.
func (l *lossBack[T]) share(i int) float64 {
	switch {
	case l.up == nil:
		return 0
	case l.reduction == "none":
		return float64(l.up[i])
	case l.reduction == "mean":
		return float64(l.up[0]) / l.total
	}
	return float64(l.up[0])
}

// input writes the gradient of the input, or adds it. Of log probabilities it is −weight·share at the label; of scores that goes through the softmax.
func (l *lossBack[T]) input(dx []T, add bool) {
	if !l.softmax {
		if !add {
			clear(dx)
		}
		l.each(func(i, label, at int) { dx[at] -= T(l.of(label) * l.share(i)) })
		return
	}
	logs := l.upLogs // the gradients of the log probabilities
	if l.up != nil {
		logs = make([]T, len(dx))
		copy(logs, l.upLogs)
		l.each(func(i, label, at int) { logs[at] -= T(l.of(label) * l.share(i)) })
	}
	if logs == nil {
		logs = make([]T, len(dx))
	}
	logSoftmaxBack(dx, logs, l.logs, l.classes, l.plane, add)
}

// logSoftmaxBack computes dx = dy − exp(y)·Σ dy over the classes of [N, classes, plane], or adds it.
func logSoftmaxBack[T simd.Float](dx, dy, y []T, classes, plane int, add bool) {
	size := classes * plane
	inParts(len(dx)/size, size, func(from, to int) {
		sum, p := make([]T, plane), make([]T, size)
		for i := from; i < to; i++ {
			dx, dy := dx[i*size:(i+1)*size], dy[i*size:(i+1)*size]
			simd.Exp(p, y[i*size:(i+1)*size])
			if plane == 1 {
				simd.Scale(p, p, T(-simd.Sum(dy)))
			} else {
				simd.SumRows(sum, dy, classes, plane, false)
				for c := range classes {
					row := p[c*plane : (c+1)*plane]
					simd.Mul(row, row, sum)
				}
				simd.Neg(p, p)
			}
			simd.AddTo(p, dy)
			if add {
				simd.AddTo(dx, p)
			} else {
				copy(dx, p)
			}
		}
	})
}

// weights gives the gradients of the classes' weights: −log p·share, and of a mean −mean·share more, as its divisor is their sum.
func (l *lossBack[T]) weights() []float64 {
	g := make([]float64, l.classes)
	l.each(func(i, label, at int) {
		g[label] -= float64((float64(l.logs[at]) + l.mean) * l.share(i))
	})
	return g
}
