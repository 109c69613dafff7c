package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var batchNorms = []Operator{
	{Name: "BatchNormalization", Since: 7, In: [2]int{5, 5}, Out: [2]int{1, 5}, Make: func(n *Node) (Kernel, error) {
		return newBatchNorm(n, !n.Bool("spatial", true), trains(n))
	}},
	{Name: "BatchNormalization", Since: 9, In: [2]int{5, 5}, Out: [2]int{1, 5}, Make: func(n *Node) (Kernel, error) {
		return newBatchNorm(n, false, trains(n))
	}},
	{Name: "BatchNormalization", Since: 14, In: [2]int{5, 5}, Out: [2]int{1, 3}, Make: func(n *Node) (Kernel, error) {
		training := n.Bool("training_mode", false)
		if trains(n) && !training {
			return nil, fmt.Errorf("has outputs of running statistics, which attribute \"training_mode\" 0 has none of")
		}
		return newBatchNorm(n, false, training)
	}},
}

// trains tells whether more than the first output is asked for: before opset 14 a node that trains is one that has those.
func trains(n *Node) bool {
	for i := 1; i < len(n.Outputs); i++ {
		if n.Outputs[i] {
			return true
		}
	}
	return false
}

// batchNorm is BatchNormalization of x [N, C, …]: of each channel
//
//	y = (x − mean)/√(variance + ε)·scale + bias
//
// with the mean and variance of the inputs or, where it trains, of the batch. What is running is then momentum·old + (1 − momentum)·batch's.
// A vector x is of one channel. With places (the attribute spatial 0 of old) each element behind the batch's dimension is a channel.
type batchNorm struct {
	epsilon, momentum float64
	training, places  bool
	unbiased          bool // running variances take the batch's with its number less 1 as divisor
}

func newBatchNorm(n *Node, places, training bool) (Kernel, error) {
	return &batchNorm{epsilon: float64(n.Float("epsilon", 1e-5)), momentum: float64(n.Float("momentum", 0.9)), training: training, places: places}, nil
}

func (k *batchNorm) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return batchNormRun[float32](k, c) }, func() error { return batchNormRun[float64](k, c) })
}

func batchNormRun[T simd.Float](k *batchNorm, c *Call) error {
	x := c.In[0]
	batch, channels, plane, err := k.sizes(x)
	if err != nil {
		return err
	}
	p, err := k.parameters(c.In, channels)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	src, dst := value.Data[T](x), value.Data[T](out)
	if x.Len() == 0 {
		if k.training {
			return fmt.Errorf("input is %s, which has no statistics", x)
		}
		return nil
	}
	if k.training {
		mean, variance := batchStatistics(src, batch, channels, plane)
		correction := 1.0
		if n := float64(batch * plane); k.unbiased {
			if n < 2 {
				return fmt.Errorf("input is %s: of one element a channel there is no variance to train with", x)
			}
			correction = n / (n - 1)
		}
		for i, v := range [][]float64{k.running(p[2], mean, 1), k.running(p[3], variance, correction), mean, variance} {
			if err := putFloats(c, 1+i, c.In[3+i%2], v); err != nil {
				return err
			}
		}
		p[2], p[3] = mean, variance
	} else if err := k.keep(c); err != nil {
		return err
	}
	factor, shift := make([]T, channels), make([]T, channels)
	for i := range factor {
		f := p[0][i] / math.Sqrt(p[3][i]+k.epsilon)
		factor[i], shift[i] = T(f), T(p[1][i]-float64(p[2][i]*f))
	}
	scalePlanes(dst, src, factor, shift, batch, plane)
	return nil
}

// sizes gives the dimensions of x as [batch, channels, plane].
func (k *batchNorm) sizes(x *value.Value) (batch, channels, plane int, err error) {
	switch {
	case len(x.Shape) == 0:
		return 0, 0, 0, fmt.Errorf("input is %s, must have a dimension of the batch", x)
	case len(x.Shape) == 1:
		return x.Shape[0], 1, 1, nil
	case k.places:
		return x.Shape[0], volume(x.Shape[1:]), 1, nil
	}
	return x.Shape[0], x.Shape[1], volume(x.Shape[2:]), nil
}

// parameters gives scale, bias, mean and variance.
func (k *batchNorm) parameters(in []*value.Value, channels int) (p [4][]float64, err error) {
	for i, name := range [...]string{"scale", "bias", "mean", "variance"} {
		v := in[1+i]
		if v.Len() != channels || !k.places && len(v.Shape) != 1 {
			return p, fmt.Errorf("%s is %s, must have shape [%d]", name, v, channels)
		}
		if p[i], err = floatsAs[float64](v); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

// keep gives statistics on as they are where a node that trains has outputs of them.
func (k *batchNorm) keep(c *Call) error {
	for i := 1; c.Needs(i); i++ {
		v := c.In[3+(i-1)%2]
		if err := c.Share(i, v, v.Shape...); err != nil {
			return err
		}
	}
	return nil
}

// running moves old statistics towards those of the batch, which are multiplied by correction.
func (k *batchNorm) running(old, batch []float64, correction float64) []float64 {
	x := make([]float64, len(old))
	for i := range x {
		x[i] = float64(k.momentum*old[i]) + float64((1-k.momentum)*correction*batch[i])
	}
	return x
}

// putFloats writes an output, where it is asked for, of the kind and shape of like.
func putFloats(c *Call, i int, like *value.Value, x []float64) error {
	if !c.Needs(i) {
		return nil
	}
	v, err := c.Result(i, like.Kind, like.Shape...)
	if err != nil {
		return err
	}
	for j, e := range x {
		set(v, j, e)
	}
	return nil
}

// batchStatistics gives the mean and the variance, with the number as divisor, of each channel of x [batch, channels, plane].
func batchStatistics[T simd.Float](x []T, batch, channels, plane int) (mean, variance []float64) {
	mean, variance = make([]float64, channels), make([]float64, channels)
	n := float64(batch * plane)
	inParts(channels, batch*plane, func(from, to int) {
		for ch := from; ch < to; ch++ {
			for b := range batch {
				at := (b*channels + ch) * plane
				mean[ch] += simd.Sum(x[at : at+plane])
			}
			mean[ch] /= n
			for b := range batch {
				at := (b*channels + ch) * plane
				for _, e := range x[at : at+plane] {
					d := float64(e) - mean[ch]
					variance[ch] += float64(d * d)
				}
			}
			variance[ch] /= n
		}
	})
	return mean, variance
}

// scalePlanes computes y = x·factor + shift of each channel of x [batch, channels, plane].
func scalePlanes[T simd.Float](y, x, factor, shift []T, batch, plane int) {
	channels := len(factor)
	if plane == 1 {
		inParts(batch, channels, func(from, to int) {
			for b := from; b < to; b++ {
				row := y[b*channels : (b+1)*channels]
				simd.Mul(row, x[b*channels:(b+1)*channels], factor)
				simd.Add(row, row, shift)
			}
		})
		return
	}
	inParts(batch*channels, plane, func(from, to int) {
		for i := from; i < to; i++ {
			row := y[i*plane : (i+1)*plane]
			simd.Scale(row, x[i*plane:(i+1)*plane], factor[i%channels])
			simd.AddScalar(row, row, shift[i%channels])
		}
	})
}
