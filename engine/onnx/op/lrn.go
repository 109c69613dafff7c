package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var responseNorms = []Operator{
	{Name: "LRN", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: newLRN},
	{Name: "LpNormalization", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: newLpNorm},
	{Name: "MeanVarianceNormalization", Since: 9, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: newMeanVariance},
}

// lrn is LRN of x [N, C, …]: y = x/(bias + alpha/size·Σ x²)^beta, with the sum over the channels from ⌊(size−1)/2⌋ before to ⌈(size−1)/2⌉ behind.
type lrn struct {
	alpha, beta, bias float64
	size              int
}

func newLRN(n *Node) (Kernel, error) {
	k := &lrn{alpha: float64(n.Float("alpha", 1e-4)), beta: float64(n.Float("beta", 0.75)), bias: float64(n.Float("bias", 1)), size: n.Int("size", 0)}
	if k.size <= 0 {
		return nil, fmt.Errorf("attribute \"size\" is %d, must be positive", k.size)
	}
	return k, nil
}

func (k *lrn) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return lrnRun[float32](k, c) }, func() error { return lrnRun[float64](k, c) })
}

func lrnRun[T simd.Float](k *lrn, c *Call) error {
	x := c.In[0]
	if len(x.Shape) < 2 {
		return fmt.Errorf("input is %s, must have a batch and channels", x)
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil || x.Len() == 0 {
		return err
	}
	channels, plane := x.Shape[1], volume(x.Shape[2:])
	src, dst := value.Data[T](x), value.Data[T](out)
	inParts(x.Shape[0]*channels, plane, func(from, to int) {
		for i := from; i < to; i++ {
			image, ch := i/channels*channels, i%channels
			y := dst[i*plane : (i+1)*plane]
			clear(y)
			for j := max(0, ch-(k.size-1)/2); j < min(channels-ch, k.size/2+1)+ch; j++ {
				neighbour := src[(image+j)*plane : (image+j+1)*plane]
				simd.MulAdd(y, neighbour, neighbour)
			}
			simd.Scale(y, y, T(k.alpha/float64(k.size)))
			simd.AddScalar(y, y, T(k.bias))
			simd.Log(y, y) // the power, as exp(−beta·ln)
			simd.Scale(y, y, T(-k.beta))
			simd.Exp(y, y)
			simd.Mul(y, y, src[i*plane:(i+1)*plane])
		}
	})
	return nil
}

// lpNorm is LpNormalization: x over its norm along an axis, the sum of absolute values or the root of that of squares; 0 where the norm is.
type lpNorm struct{ axis, p int }

func newLpNorm(n *Node) (Kernel, error) {
	k := &lpNorm{axis: n.Int("axis", -1), p: n.Int("p", 2)}
	if k.p != 1 && k.p != 2 {
		return nil, fmt.Errorf("attribute \"p\" is %d, must be 1 or 2", k.p)
	}
	return k, nil
}

func (k *lpNorm) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return lpNormRun[float32](k, c) }, func() error { return lpNormRun[float64](k, c) })
}

func lpNormRun[T simd.Float](k *lpNorm, c *Call) error {
	x := c.In[0]
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil || x.Len() == 0 {
		return err
	}
	d, inner := x.Shape[axis], volume(x.Shape[axis+1:])
	src, dst := value.Data[T](x), value.Data[T](out)
	inParts(x.Len()/(d*inner), d*inner, func(from, to int) {
		sum := make([]float64, inner)
		for i := from; i < to; i++ {
			y, x := dst[i*d*inner:(i+1)*d*inner], src[i*d*inner:(i+1)*d*inner]
			clear(sum)
			for j, e := range x {
				if k.p == 1 {
					sum[j%inner] += math.Abs(float64(e))
				} else {
					sum[j%inner] += float64(float64(e) * float64(e))
				}
			}
			if k.p == 2 {
				for j, s := range sum {
					sum[j] = math.Sqrt(s)
				}
			}
			for j, e := range x {
				if s := sum[j%inner]; s != 0 {
					y[j] = T(float64(e) / s)
				} else {
					y[j] = 0
				}
			}
		}
	})
	return nil
}

// meanVariance is MeanVarianceNormalization: (x − mean)/(deviation + 1e-9) over axes.
type meanVariance struct{ axes []int }

func newMeanVariance(n *Node) (Kernel, error) {
	k := &meanVariance{axes: n.Ints("axes")}
	if k.axes == nil {
		k.axes = []int{0, 2, 3}
	}
	return k, nil
}

func (k *meanVariance) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return meanVarianceRun[float32](k, c) }, func() error { return meanVarianceRun[float64](k, c) })
}

func meanVarianceRun[T simd.Float](k *meanVariance, c *Call) error {
	x := c.In[0]
	each, groups, err := k.groups(x.Shape)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil || x.Len() == 0 {
		return err
	}
	src, dst := value.Data[T](x), value.Data[T](out)
	mean, deviation := meanDeviation(src, each, groups)
	each(func(i, g int) { dst[i] = T((float64(src[i]) - mean[g]) / (deviation[g] + 1e-9)) })
	return nil
}

// groups gives the number of groups that are normalised each on its own, and what calls a function for every element and its group.
func (k *meanVariance) groups(shape []int) (each func(func(i, group int)), groups int, err error) {
	reduced := append([]int(nil), shape...)
	for _, a := range k.axes {
		axis, err := axisWithin(a, len(shape))
		if err != nil {
			return nil, 0, err
		}
		reduced[axis] = 1
	}
	w := newWalk(shape, reduced)
	step := 0
	if w.moves[0] {
		step = 1
	}
	return func(f func(i, group int)) {
		for r := range w.runs() {
			at := w.offset(0, r)
			for j := range w.run {
				f(r*w.run+j, at+j*step)
			}
		}
	}, volume(reduced), nil
}

func meanDeviation[T simd.Float](x []T, each func(func(i, group int)), groups int) (mean, deviation []float64) {
	n := float64(len(x) / groups)
	mean, deviation = make([]float64, groups), make([]float64, groups)
	each(func(i, g int) { mean[g] += float64(x[i]) / n })
	each(func(i, g int) { d := float64(x[i]) - mean[g]; deviation[g] += float64(d*d) / n })
	for g, v := range deviation {
		deviation[g] = math.Sqrt(v)
	}
	return mean, deviation
}
