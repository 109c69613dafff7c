package loss

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Array is a dense row-major array.
type Array[T any] struct {
	Shape []int
	Data  []T
}

// Request asks for a loss by names: those of PyTorch's constructor and forward
// arguments.
type Request struct {
	Options map[string]any // string, bool, float64 (whole numbers too) or Array[float64]
	Inputs  map[string]Array[float64]
}

// Answer is a loss and its gradients by every float input that PyTorch differentiates.
// The gradients are those of the loss's sum.
type Answer struct {
	Loss Array[float64]
	Grad map[string]Array[float64]
}

// Eval evaluates the loss of a catalogue's row by names, in float64 or float32.
func (e Entry) Eval(r Request, single bool) (*Answer, error) {
	if err := e.known(r); err != nil {
		return nil, err
	}
	if single {
		return answer(e, r, e.run32)
	}
	return answer(e, r, e.run64)
}

// known refuses options and inputs that the loss does not have, arrays whose shape does not
// fit their data, and options that others make void.
func (e Entry) known(r Request) error {
	for _, name := range sortedKeys(r.Options) {
		if !slices.ContainsFunc(e.Options, func(o Option) bool { return o.Name == name }) {
			return fmt.Errorf("%s has no option %q; it has %s", e.Called(), excerpt.Of(name), listed(e.optionNames()))
		}
		if a, ok := r.Options[name].(Array[float64]); ok {
			if err := a.check(name); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedKeys(r.Inputs) {
		if !slices.ContainsFunc(e.Inputs, func(in Input) bool { return in.takes(name) }) {
			return fmt.Errorf("%s has no input %q; it has %s", e.Called(), excerpt.Of(name), listed(e.inputNames()))
		}
		if err := r.Inputs[name].check(name); err != nil {
			return err
		}
	}
	for _, in := range e.Inputs {
		if _, ok := r.Inputs[in.Name]; !ok && !in.Optional {
			return fmt.Errorf("%s needs the input %q", e.Called(), in.Name)
		}
	}
	return CheckNeeds(e.Called(), e.Needs, r)
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// maxEmpty bounds the product of the other dimensions of an array without elements: a
// request of a few bytes must not ask for the loss of each of 2³¹ empty rows.
const maxEmpty = 1 << 20

// size returns the number of elements of a shape, or an error.
func size(shape []int) (int, error) {
	most, empty := math.MaxInt32, slices.Contains(shape, 0)
	if empty {
		most = maxEmpty
	}
	n := 1 // without the zeros
	for i, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("shape[%d] is %d; it must be at least 0", i, d)
		case d == 0:
			continue
		case n > most/d && empty:
			return 0, fmt.Errorf("shape %v has no elements; its other dimensions may multiply to at most %d", shape, most)
		case n > most/d:
			return 0, fmt.Errorf("shape %v has more than %d elements", shape, most)
		}
		n *= d
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

func (a Array[T]) check(name string) error {
	n, err := size(a.Shape)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n != len(a.Data) {
		return fmt.Errorf("%s: shape %v has %d elements, data has %d", name, a.Shape, n, len(a.Data))
	}
	return nil
}

// A Call is a request in one element type. Its methods keep the first error, so that a
// row reads all that it needs and then lets finish look.
type Call[T tensor.Float] struct {
	name       string
	reductions string // that the loss has
	request    Request
	loss       Array[T]
	grads      map[string]Array[T]
	inputs     map[string]Array[T]
	err        error
}

func answer[T tensor.Float](e Entry, r Request, run func(*Call[T]) error) (*Answer, error) {
	c := &Call[T]{name: e.Called(), reductions: reductionOption.Is, request: r, grads: map[string]Array[T]{}, inputs: map[string]Array[T]{}}
	for _, o := range e.Options {
		if o.Name == "reduction" {
			c.reductions = o.Is
		}
	}
	if err := run(c); err != nil {
		return nil, err
	}
	a := &Answer{Loss: doubles(c.loss), Grad: map[string]Array[float64]{}}
	for name, g := range c.grads {
		a.Grad[name] = doubles(g)
	}
	return a, nil
}

func doubles[T tensor.Float](a Array[T]) Array[float64] {
	out := Array[float64]{Shape: a.Shape, Data: make([]float64, len(a.Data))}
	for i, v := range a.Data {
		out.Data[i] = float64(v)
	}
	return out
}

func singles[T tensor.Float](a Array[float64]) Array[T] {
	out := Array[T]{Shape: a.Shape, Data: make([]T, len(a.Data))}
	for i, v := range a.Data {
		out.Data[i] = T(v)
	}
	return out
}

func (c *Call[T]) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %s", c.name, fmt.Sprintf(format, args...))
	}
}

// has reports whether an input was given.
func (c *Call[T]) has(input string) bool {
	_, ok := c.request.Inputs[input]
	return ok
}

// float returns an input of floats.
func (c *Call[T]) float(input string) Array[T] {
	a, ok := c.inputs[input]
	if !ok {
		a = singles[T](c.request.Inputs[input])
		c.inputs[input] = a
	}
	return a
}

// ints returns an input of whole numbers.
func (c *Call[T]) ints(input string) Array[int] {
	raw := c.request.Inputs[input]
	out := Array[int]{Shape: raw.Shape, Data: make([]int, len(raw.Data))}
	for i, v := range raw.Data {
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			c.fail("%s[%d] is %v; it must be a whole number", input, i, v)
			return out
		}
		out.Data[i] = int(v)
	}
	return out
}

// alike returns two inputs of floats that must have one shape.
func (c *Call[T]) alike(first, second string) (Array[T], Array[T]) {
	a, b := c.float(first), c.float(second)
	c.sameShape(first, a.Shape, second, b.Shape)
	return a, b
}

func (c *Call[T]) sameShape(first string, a []int, second string, b []int) {
	if !slices.Equal(a, b) {
		c.fail("%s has shape %v, %s has %v; they must be the same", first, a, second, b)
	}
}

// grad returns the memory of the gradient by an input, of its shape.
func (c *Call[T]) grad(input string) []T {
	g, ok := c.grads[input]
	if !ok {
		x := c.float(input)
		g = Array[T]{Shape: x.Shape, Data: make([]T, len(x.Data))}
		c.grads[input] = g
	}
	return g.Data
}

// scores returns an input of shape [C], [N, C] or [N, C, d₁, …], its dimensions, and its
// shape without the classes.
func (c *Call[T]) scores(input string) (x Array[T], d Dims, shape []int) {
	x = c.float(input)
	d = Dims{Batch: 1, Inner: 1}
	switch n := len(x.Shape); n {
	case 0:
		c.fail("%s is a single number; it must have classes", input)
		return x, d, nil
	case 1:
		d.Classes, shape = x.Shape[0], []int{}
	default:
		d.Batch, d.Classes = x.Shape[0], x.Shape[1]
		shape = append([]int{d.Batch}, x.Shape[2:]...)
		for _, v := range x.Shape[2:] {
			d.Inner *= v
		}
	}
	if d.Inner == 0 { // nothing at all
		d.Batch, d.Inner = 0, 1
	}
	return x, d, shape
}

// number returns an option, or its default.
func (c *Call[T]) number(option string, byDefault float64) float64 {
	v, ok := c.request.Options[option]
	if !ok || v == nil {
		return byDefault
	}
	f, ok := v.(float64)
	if !ok || math.IsNaN(f) {
		c.fail("option %s is %v; it must be a number", option, v)
	}
	return f
}

// whole returns an option that is a whole number, or its default.
func (c *Call[T]) whole(option string, byDefault int) int {
	f := c.number(option, float64(byDefault))
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		c.fail("option %s is %v; it must be a whole number", option, f)
	}
	return int(f)
}

// flag returns an option that is true or false, or its default.
func (c *Call[T]) flag(option string, byDefault bool) bool {
	v, ok := c.request.Options[option]
	if !ok || v == nil {
		return byDefault
	}
	b, ok := v.(bool)
	if !ok {
		c.fail("option %s is %v; it must be true or false", option, v)
	}
	return b
}

// array returns an option that is an array, if it is given.
func (c *Call[T]) array(option string) (a Array[T], ok bool) {
	v, ok := c.request.Options[option]
	if !ok || v == nil {
		return a, false
	}
	raw, ok := v.(Array[float64])
	if !ok {
		c.fail("option %s must be an array of shape and data", option)
		return a, false
	}
	return singles[T](raw), true
}

// vector returns an option that is an array of n numbers, or nil.
func (c *Call[T]) vector(option string, n int) []T {
	a, ok := c.array(option)
	if ok && !slices.Equal(a.Shape, []int{n}) {
		c.fail("option %s has shape %v; it must have [%d]", option, a.Shape, n)
	}
	return a.Data
}

// weight returns the option "weight", which must have the input's own shape, or nil.
func (c *Call[T]) weight() []T {
	a, ok := c.array("weight")
	if ok {
		c.sameShape("option weight", a.Shape, "input", c.float("input").Shape)
	}
	return a.Data
}

// regression evaluates a pointwise loss of input and target that is differentiated by
// both.
func (c *Call[T]) regression(l interface {
	Eval(input, target, dInput, dTarget []T) (float64, error)
	Each(dst, up, input, target, dInput, dTarget []T) error
},
) error {
	x, y := c.alike("input", "target")
	dx, dy := c.grad("input"), c.grad("target")
	return c.finish(x.Shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, dx, dy) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, dx, dy) })
}

// spread returns an array option repeated to a shape as PyTorch broadcasts, or nil.
func (c *Call[T]) spread(option string, shape []int) []T {
	a, ok := c.array(option)
	if !ok {
		return nil
	}
	lead := len(shape) - len(a.Shape)
	if lead < 0 {
		c.fail("option %s has shape %v, which does not spread over %v", option, a.Shape, shape)
		return nil
	}
	n := 1
	for i, d := range shape {
		n *= d
		if i >= lead && a.Shape[i-lead] != d && a.Shape[i-lead] != 1 {
			c.fail("option %s has shape %v, which does not spread over %v", option, a.Shape, shape)
			return nil
		}
	}
	out := make([]T, n)
	for i := range out {
		at, stride, rest := 0, 1, i
		for d := len(shape) - 1; d >= 0; d-- {
			k := rest % shape[d]
			rest /= shape[d]
			if d >= lead && a.Shape[d-lead] > 1 {
				at += k * stride
			}
			if d >= lead {
				stride *= a.Shape[d-lead]
			}
		}
		out[i] = a.Data[at]
	}
	return out
}

// text returns the option reduction, "mean" if it is not given.
func (c *Call[T]) text(option, byDefault string) string {
	v, ok := c.request.Options[option]
	if !ok || v == nil {
		return byDefault
	}
	s, ok := v.(string)
	if !ok {
		c.fail("option %s is %v; it must be a text", option, v)
	}
	return s
}

// none reports whether the reduction is "none".
func (c *Call[T]) none() bool { return c.text("reduction", "mean") == "none" }

// reduction returns the option reduction; Call ignores it where it is "none".
func (c *Call[T]) reduction() Reduction {
	switch s := c.text("reduction", "mean"); s {
	case "mean", "none":
		return Mean
	case "sum":
		return Sum
	case "batchmean":
		return BatchMean
	case "per-token":
		return PerToken
	default:
		c.fail("option reduction is %q; it must be %s", s, c.reductions)
		return Mean
	}
}

// signed evaluates a pointwise loss of input and a target ±1 that is differentiated by
// input alone.
func (c *Call[T]) signed(l interface {
	Eval(input, target, dInput []T) (float64, error)
	Each(dst, up, input, target, dInput []T) error
},
) error {
	x, y := c.alike("input", "target")
	dx := c.grad("input")
	return c.finish(x.Shape,
		func(dst []T) error { return l.Each(dst, nil, x.Data, y.Data, dx) },
		func() (float64, error) { return l.Eval(x.Data, y.Data, dx) })
}

// finish evaluates: each into an array of the shape, or eval into a single number.
func (c *Call[T]) finish(shape []int, each func(dst []T) error, eval func() (float64, error)) error {
	if c.err != nil {
		return c.err
	}
	if c.none() {
		n, err := size(shape)
		if err != nil {
			return err
		}
		c.loss = Array[T]{Shape: shape, Data: make([]T, n)}
		return each(c.loss.Data)
	}
	v, err := eval()
	c.loss = Array[T]{Shape: []int{}, Data: []T{T(v)}}
	return err
}
