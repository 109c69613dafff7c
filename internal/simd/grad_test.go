package simd

import (
	"math"
	"testing"
)

// TestGradKernels compares every derivative kernel, in float64, with differences of the
// function it belongs to.
func TestGradKernels(t *testing.T) {
	const slope = 0.1
	leaky := func(dst, x []float64) { LeakyReLU(dst, x, slope) }
	leakyGrad := func(dx, dy, y []float64) { LeakyReLUGrad(dx, dy, y, slope) }
	for _, c := range []struct {
		name       string
		f          func(dst, x []float64)
		grad       func(dx, dy, of []float64)
		fromOutput bool
	}{
		{"Tanh", Tanh[float64], TanhGrad[float64], true},
		{"Sigmoid", Sigmoid[float64], SigmoidGrad[float64], true},
		{"ReLU", ReLU[float64], ReLUGrad[float64], true},
		{"LeakyReLU", leaky, leakyGrad, true},
		{"Softplus", Softplus[float64], SoftplusGrad[float64], false},
		{"SiLU", SiLU[float64], SiLUGrad[float64], false},
		{"GELU", GELU[float64], GELUGrad[float64], false},
	} {
		const n, h = 200, 1e-6
		x, dy := make([]float64, n), make([]float64, n)
		r := rng(1)
		for i := range x { // away from the kink at 0
			x[i], dy[i] = (float64(i)-n/2+0.5)/10, r.NormFloat64()
		}
		up, down, y, dx := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		AddScalar(up, x, h)
		AddScalar(down, x, -h)
		c.f(up, up)
		c.f(down, down)
		c.f(y, x)
		of := x
		if c.fromOutput {
			of = y
		}
		c.grad(dx, dy, of)
		for i := range dx {
			want := dy[i] * (up[i] - down[i]) / (2 * h)
			if math.Abs(dx[i]-want) > 1e-7*(1+math.Abs(want)) {
				t.Errorf("%s at %g: derivative %g, differences give %g", c.name, x[i], dx[i], want)
			}
		}
	}
}
