package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// det computes the determinants of the matrices of the last two dimensions, by elimination with pivots, in float64.
type det struct{}

func (det) Run(c *Call) error {
	x := c.In[0]
	r := len(x.Shape)
	if r < 2 || x.Shape[r-1] != x.Shape[r-2] {
		return fmt.Errorf("input is %s, its last two dimensions must be equal", x)
	}
	if m := x.Memory(); m != value.F32 && m != value.F64 {
		return notFor(x.Kind)
	}
	out, err := c.Result(0, x.Kind, x.Shape[:r-2]...)
	if err != nil || out.Len() == 0 {
		return err
	}
	n := x.Shape[r-1]
	a := make([]float64, n*n)
	for i := range out.Len() {
		if x.Memory() == value.F32 {
			for j, e := range value.Data[float32](x)[i*n*n : (i+1)*n*n] {
				a[j] = float64(e)
			}
			value.Data[float32](out)[i] = float32(determinant(a, n))
		} else {
			copy(a, value.Data[float64](x)[i*n*n:])
			value.Data[float64](out)[i] = determinant(a, n)
		}
	}
	return nil
}

// determinant destroys a.
func determinant(a []float64, n int) float64 {
	det := 1.0
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[pivot*n+k]) {
				pivot = i
			}
		}
		if pivot != k {
			for j := range n {
				a[k*n+j], a[pivot*n+j] = a[pivot*n+j], a[k*n+j]
			}
			det = -det
		}
		p := a[k*n+k]
		det *= p
		if p == 0 {
			return det
		}
		for i := k + 1; i < n; i++ {
			f := a[i*n+k] / p
			for j := k + 1; j < n; j++ {
				a[i*n+j] -= float64(f * a[k*n+j])
			}
		}
	}
	return det
}
