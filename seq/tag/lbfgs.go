package tag

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
)

// lbfgs minimises a smooth function of many numbers by limited-memory BFGS, with steps that fulfil the weak Wolfe conditions, found by
// doubling and bisection. It stops where CRFsuite does. Source: [nocedal2006].
type lbfgs struct {
	f func(x, grad []float64) (float64, error)

	x, grad    []float64
	steps      []float64 // [memory, n]: differences of x, a ring
	slopes     []float64 // … and of the gradients
	state      []float64 // what follows, by index
	past       []float64 // values of the last iterations, a ring
	at, gradAt []float64 // trial of a line search
	direction  []float64
	epsilon    float64 // stop at a gradient whose norm is so much of that of x, or of 1
	delta      float64 // … or where the last iterations improved the value by less than this share of it
}

const (
	lbfgsMemory = 6
	lbfgsPeriod = 10 // iterations that delta is over
	lbfgsTrials = 40
)

// Of lbfgs.state.
const (
	lbfgsValue = iota
	lbfgsIterations
	lbfgsPairs   // stored in the rings
	lbfgsBegun   // 1: value and gradient are those of x
	lbfgsSettled // 1: no step follows
	lbfgsStates
)

func newLBFGS(n int, epsilon, delta float64, f func(x, grad []float64) (float64, error)) *lbfgs {
	return &lbfgs{
		f: f, x: make([]float64, n), grad: make([]float64, n), at: make([]float64, n), gradAt: make([]float64, n), direction: make([]float64, n),
		steps: make([]float64, lbfgsMemory*n), slopes: make([]float64, lbfgsMemory*n),
		state: make([]float64, lbfgsStates), past: make([]float64, lbfgsPeriod), epsilon: epsilon, delta: delta,
	}
}

// tensors are all that a step goes by, for checkpoints; they share the memory.
func (o *lbfgs) tensors() (all []tensor.Named) {
	for _, t := range []struct {
		name string
		x    *[]float64
	}{{"x", &o.x}, {"gradient", &o.grad}, {"steps", &o.steps}, {"slopes", &o.slopes}, {"state", &o.state}, {"past", &o.past}} {
		x := tensor.New(tensor.Float64, len(*t.x))
		copy(x.Float64s(), *t.x)
		*t.x = x.Float64s()
		all = append(all, tensor.Named{Name: t.name, Tensor: x})
	}
	return all
}

// begin works out the value and the gradient of x, unless they are there.
func (o *lbfgs) begin() (err error) {
	if o.state[lbfgsBegun] == 0 {
		o.state[lbfgsValue], err = o.f(o.x, o.grad)
		o.state[lbfgsBegun] = 1
	}
	return err
}

// step takes one step, or finds that there is none to take.
func (o *lbfgs) step() error {
	if err := o.begin(); err != nil || o.state[lbfgsSettled] == 1 {
		return err
	}
	if norm(o.grad) <= o.epsilon*max(1, norm(o.x)) {
		o.state[lbfgsSettled] = 1
		return nil
	}
	o.point()
	ok, err := o.search()
	if err == nil && !ok && o.state[lbfgsPairs] > 0 { // once more, downhill
		o.state[lbfgsPairs] = 0
		o.point()
		ok, err = o.search()
	}
	if err != nil {
		return err
	}
	if !ok {
		o.state[lbfgsSettled] = 1
		return nil
	}
	n := int(o.state[lbfgsIterations])
	if before, now := o.past[n%lbfgsPeriod], o.state[lbfgsValue]; n >= lbfgsPeriod && before-now < o.delta*math.Abs(now) || norm(o.grad) <= o.epsilon*max(1, norm(o.x)) {
		o.state[lbfgsSettled] = 1
	}
	o.past[n%lbfgsPeriod] = o.state[lbfgsValue]
	o.state[lbfgsIterations]++
	return nil
}

// pair returns the i-th last differences.
func (o *lbfgs) pair(i int) (step, slope []float64) {
	n := len(o.x)
	at := (int(o.state[lbfgsPairs]) - 1 - i) % lbfgsMemory * n
	return o.steps[at : at+n], o.slopes[at : at+n]
}

// point works out the direction: the gradient by the inverse of the Hessian that the differences let guess.
func (o *lbfgs) point() {
	d := o.direction
	for i, g := range o.grad {
		d[i] = -g
	}
	var alpha [lbfgsMemory]float64
	m := min(int(o.state[lbfgsPairs]), lbfgsMemory)
	for i := range m {
		s, y := o.pair(i)
		alpha[i] = dot(s, d) / dot(s, y)
		addScaled(d, y, -alpha[i])
	}
	if m > 0 {
		s, y := o.pair(0)
		by := dot(s, y) / dot(y, y)
		for i := range d {
			d[i] *= by
		}
	}
	for i := m - 1; i >= 0; i-- {
		s, y := o.pair(i)
		addScaled(d, s, alpha[i]-dot(y, d)/dot(s, y))
	}
}

// search looks along the direction for a step that lowers the value and the slope enough, and takes it. It is false where there is none.
func (o *lbfgs) search() (bool, error) {
	const lower, flatter = 1e-4, 0.9
	slope := dot(o.direction, o.grad)
	if !(slope < 0) {
		return false, nil
	}
	size, least, most := 1.0, 0.0, math.Inf(1)
	if o.state[lbfgsPairs] == 0 {
		size = 1 / norm(o.direction)
	}
	for range lbfgsTrials {
		copy(o.at, o.x)
		addScaled(o.at, o.direction, size)
		value, err := o.f(o.at, o.gradAt)
		if err != nil {
			return false, err
		}
		switch {
		case !(value <= o.state[lbfgsValue]+lower*size*slope):
			most = size
		case dot(o.direction, o.gradAt) < flatter*slope:
			least = size
		default:
			o.take(value)
			return true, nil
		}
		if size = 2 * size; !math.IsInf(most, 1) {
			size = (least + most) / 2
		}
	}
	return false, nil
}

// take makes the trial the point, and keeps the differences.
func (o *lbfgs) take(value float64) {
	o.state[lbfgsPairs]++
	s, y := o.pair(0)
	for i := range o.x {
		s[i], y[i] = o.at[i]-o.x[i], o.gradAt[i]-o.grad[i]
	}
	copy(o.x, o.at)
	copy(o.grad, o.gradAt)
	o.state[lbfgsValue] = value
	if !(dot(s, y) > 0) { // by rounding: a Hessian of no use
		o.state[lbfgsPairs]--
	}
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

func norm(x []float64) float64 { return math.Sqrt(dot(x, x)) }

func addScaled(dst, x []float64, by float64) {
	for i, v := range x {
		dst[i] += float64(by * v)
	}
}
