package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// global pools all elements of a channel, of any number of dimensions.
type global struct {
	what pooling
	p    float64

	y, x []float32
	area int
	runs int // tasks
}

func globally(what pooling) func(*Node) (Kernel, error) {
	return func(*Node) (Kernel, error) { return &global{what: what}, nil }
}

func newGlobalLpPool(n *Node) (Kernel, error) {
	p, err := readNorm(n)
	return &global{what: poolNorm, p: p}, err
}

// Run computes the pooling.
func (k *global) Run(c *Call) error {
	x := c.In[0]
	if len(x.Shape) < 2 {
		return fmt.Errorf("input is %s, must have at least 2 dimensions", x)
	}
	shape := slices.Clone(x.Shape)
	k.area = 1
	for i := range shape[2:] {
		k.area *= shape[2+i]
		shape[2+i] = 1
	}
	if k.area == 0 {
		return fmt.Errorf("input is %s: there is nothing to pool", x)
	}
	y, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	switch x.Memory() {
	case value.F32:
		k.y, k.x = value.Data[float32](y), value.Data[float32](x)
		k.runs = parts(len(k.y), k.area)
		simd.Run(k.runs, k)
		k.y, k.x = nil, nil
	case value.F64:
		to, from := value.Data[float64](y), value.Data[float64](x)
		for i := range to {
			to[i] = pooledPlane(k, from[i*k.area:][:k.area])
		}
	default:
		return notFor(x.Kind)
	}
	return nil
}

// Do pools a part of the channels.
func (k *global) Do(task, _ int) {
	for i := len(k.y) * task / k.runs; i < len(k.y)*(task+1)/k.runs; i++ {
		k.y[i] = pooledPlane(k, k.x[i*k.area:][:k.area])
	}
}

func pooledPlane[T float32 | float64](k *global, x []T) T {
	switch k.what {
	case poolGreatest:
		return simd.Max(x)
	case average:
		return T(simd.Sum(x) / float64(len(x)))
	}
	var sum float64
	for _, v := range x {
		sum += math.Pow(math.Abs(float64(v)), k.p)
	}
	return T(math.Pow(sum, 1/k.p))
}
