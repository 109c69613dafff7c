// Package gradcheck holds derivatives against finite differences, in float64.
package gradcheck

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

const (
	step      = 1e-5 // of the central difference, times max(1, |x|)
	tolerance = 1e-7 // of the derivative, times the scale of the value and of the derivative
)

// Check holds what Backward gives for every element of every float64 input against
// the central difference
//
//	(f(x + h) − f(x − h))/2h,  h = 1e-5·max(1, |x|)
//
// where f is what build records, projected on a fixed random direction if it has
// more than one element. build gets a fresh float64 tape and the inputs recorded on
// it; it must record the same function each time (so draw from a generator that it
// seeds itself), and that must be smooth within h of the inputs. Check reports each
// tensor's worst element.
func Check(t testing.TB, build func(*autodiff.Tape, []*autodiff.Var) *autodiff.Var, inputs ...*tensor.Tensor) {
	t.Helper()
	vars := make([]*autodiff.Var, len(inputs))
	run := func(tape *autodiff.Tape) *autodiff.Var {
		for i, x := range inputs {
			vars[i] = tape.Input(x)
		}
		return build(tape, vars)
	}
	places := make([]place, len(inputs))
	for i, x := range inputs {
		places[i] = place{fmt.Sprintf("input %d", i), x, func() *tensor.Tensor { return vars[i].Grad() }}
	}
	check(t, run, places)
}

// Params is Check by every parameter that is not frozen, which must hold float64. The
// parameters' gradients are zeroed first and hold the derivatives afterwards.
func Params(t testing.TB, build func(*autodiff.Tape) *autodiff.Var, params []*autodiff.Param) {
	t.Helper()
	var places []place
	for _, p := range params {
		p.ZeroGrad()
		if !p.Frozen {
			places = append(places, place{fmt.Sprintf("parameter %q", p.Name), p.Value, func() *tensor.Tensor { return p.Grad }})
		}
	}
	check(t, build, places)
}

// A place is a tensor to differentiate by.
type place struct {
	name string
	x    *tensor.Tensor
	grad func() *tensor.Tensor // nil where no gradient arrived, which means 0
}

func check(t testing.TB, build func(*autodiff.Tape) *autodiff.Var, places []place) {
	t.Helper()
	for _, p := range places {
		if p.x.DType() != tensor.Float64 {
			t.Fatalf("gradcheck: %s holds %v; only float64 is precise enough", p.name, p.x.DType())
		}
	}
	tape := autodiff.NewTape(tensor.Float64)
	out := build(tape)
	direction := projection(out.Shape())
	tape.BackwardFrom(out, direction)
	grads := make([][]float64, len(places))
	for i, p := range places {
		grads[i] = make([]float64, p.x.Len())
		if g := p.grad(); g != nil {
			copy(grads[i], g.Float64s())
		}
	}
	value := func() (sum float64) {
		tape.Reset()
		tape.NoGrad = true
		out := build(tape)
		for i, v := range out.Value.Float64s() {
			sum += v * direction.Float64s()[i]
		}
		return sum
	}
	scale := 1 + math.Abs(value())
	for i, p := range places {
		compare(t, p, grads[i], scale, value, out.Shape())
	}
}

// projection returns a direction with no element near 0.
func projection(shape []int) *tensor.Tensor {
	d := tensor.New(tensor.Float64, shape...)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range d.Float64s() {
		d.Float64s()[i] = (0.5 + rng.Float64()) * float64(1-2*rng.IntN(2))
	}
	return d
}

// compare reports the element of p whose derivative is the furthest off, if it is off.
func compare(t testing.TB, p place, grad []float64, scale float64, value func() float64, shape []int) {
	t.Helper()
	worst, at, want := 1.0, -1, 0.0
	for i, x := range p.x.Float64s() {
		h := step * math.Max(1, math.Abs(x))
		p.x.Float64s()[i] = x + h
		up, high := value(), x+h
		p.x.Float64s()[i] = x - h
		down, low := value(), x-h
		p.x.Float64s()[i] = x
		numeric := (up - down) / (high - low)
		off := math.Abs(grad[i]-numeric) / (tolerance * (scale + math.Abs(numeric)))
		if !(off <= worst) {
			worst, at, want = off, i, numeric
			if math.IsNaN(off) {
				break
			}
		}
	}
	if at >= 0 {
		t.Errorf("gradcheck: %s, shape %v, element %v: Backward gives %v, finite differences %v (the function's value has shape %v)",
			p.name, p.x.Shape(), index(at, p.x.Shape()), grad[at], want, shape)
	}
}

// index returns the position of element i.
func index(i int, shape []int) []int {
	at := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis] = i % shape[axis]
		i /= shape[axis]
	}
	return at
}
