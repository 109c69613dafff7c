package autodiff_test

import (
	"math"
	"slices"
	"testing"

	. "github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

func vector(v ...float64) *tensor.Tensor {
	x, err := tensor.FromFloat64(v, len(v))
	if err != nil {
		panic(err)
	}
	return x
}

func wantGrad(t *testing.T, what string, got *tensor.Tensor, want ...float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: no gradient, want %v", what, want)
		return
	}
	for i, g := range got.Float64s() {
		if g != want[i] && !(math.IsNaN(g) && math.IsNaN(want[i])) {
			t.Errorf("%s: gradient %v, want %v", what, got.Float64s(), want)
			return
		}
	}
}

func TestParamsSumOverUsesCallsAndTapes(t *testing.T) {
	p := &Param{Name: "p", Value: vector(1, 2)}
	for i, tape := range []*Tape{NewTape(tensor.Float64), NewTape(tensor.Float64)} {
		// p·p, each factor recorded by itself, has derivative 2p; 3p through a view has 3.
		loss := Add(Sum(Mul(tape.Param(p), tape.Param(p))), Sum(Scale(Reshape(tape.Param(p), 2, 1), 3)))
		tape.Backward(loss)
		n := float64(2*i + 1)
		wantGrad(t, "first call", p.Grad, 5*n, 7*n)
		tape.Backward(loss)
		wantGrad(t, "second call", p.Grad, 5*(n+1), 7*(n+1))
	}
	p.ZeroGrad()
	wantGrad(t, "after ZeroGrad", p.Grad, 0, 0)
}

func TestFrozenParamsGetNothing(t *testing.T) {
	w := &Param{Value: tensor.New(tensor.Float64, 2, 1, 3, 3), Frozen: true}
	b := &Param{Value: tensor.New(tensor.Float64, 2)}
	tape := NewTape(tensor.Float64)
	x := tape.Const(tensor.New(tensor.Float64, 2, 1, 4, 4))
	out := Conv2D(x, tape.Param(w), tape.Param(b), ConvOptions{}, Identity)
	tape.BackwardFrom(out, nil)
	tape.BackwardFrom(Linear(tape.Const(vector(1)), Reshape(tape.Param(&Param{Value: vector(1, 1), Frozen: true}), 2, 1), tape.Param(b), Identity), nil)
	if w.Grad != nil {
		t.Error("a frozen parameter has a gradient")
	}
	wantGrad(t, "bias", b.Grad, 8+1, 8+1)
	out = Linear(x, tape.Param(&Param{Value: tensor.New(tensor.Float64, 3, 4), Frozen: true}), nil, Rectify)
	if out.Needs() {
		t.Error("the result of constants and frozen parameters wants a gradient")
	}
}

// Weight and bias may differ in whether their gradients hold something already.
func TestConvWhereOneFactorIsUsedElsewhere(t *testing.T) {
	for other := 1; other <= 2; other++ {
		tape := NewTape(tensor.Float64)
		x := tensor.New(tensor.Float64, 2, 1, 4, 4)
		x.Fill(1)
		in := []*Var{tape.Const(x), tape.Input(tensor.New(tensor.Float64, 2, 1, 3, 3)), tape.Input(vector(0, 0))}
		out := Sum(Conv2D(in[0], in[1], in[2], ConvOptions{}, Identity))
		tape.Backward(Add(out, Sum(in[other])))
		extra := [3]float64{}
		extra[other] = 1
		wantGrad(t, "weight", tensorOf(in[1].Grad().Float64s()[:1]), 8+extra[1])
		wantGrad(t, "bias", in[2].Grad(), 8+extra[2], 8+extra[2])
	}
}

func tensorOf(v []float64) *tensor.Tensor { return vector(v...) }

func TestBackwardFrom(t *testing.T) {
	tape := NewTape(tensor.Float64)
	x, unused := tape.Input(vector(1, 2, 3)), tape.Input(vector(1))
	y := Square(x)
	tape.BackwardFrom(y, vector(1, 0, -1))
	wantGrad(t, "seeded", x.Grad(), 2, 0, -6)
	if unused.Grad() != nil {
		t.Error("an input that is not behind the value has a gradient")
	}
	tape.BackwardFrom(x, nil)
	wantGrad(t, "from a leaf, added", x.Grad(), 3, 1, -5)
	tape.BackwardFrom(Reshape(y, 3, 1), nil)
	wantGrad(t, "from a view", x.Grad(), 5, 5, 1)
	tape.BackwardFrom(tape.Const(vector(1)), nil) // nothing to do
}

func TestSwitchingNoGradCutsTheTape(t *testing.T) {
	tape := NewTape(tensor.Float64)
	x := tape.Input(vector(2))
	tape.NoGrad = true
	c := Square(x)
	tape.NoGrad = false
	tape.Backward(Mul(c, x))
	wantGrad(t, "x", x.Grad(), 4)
}

// cube is an operation of another package: y = x³ + z.
type cube struct{}

func (cube) Backward(out *Var, in []*Var) {
	for i, x := range in {
		if !x.Needs() {
			continue
		}
		g := x.AddGrad().Float64s()
		for j, dy := range out.Grad().Float64s() {
			slope := 1.0
			if i == 0 {
				slope = 3 * x.Value.Float64s()[j] * x.Value.Float64s()[j]
			}
			g[j] += dy * slope
		}
	}
}

func TestCustom(t *testing.T) {
	tape := NewTape(tensor.Float64)
	step := func() (x, z *Var) {
		tape.Reset()
		x, z = tape.Input(vector(1, 2)), tape.Input(vector(5, 6))
		y := tape.Custom(cube{}, []*Var{x, z}, 2)
		for i, v := range x.Value.Float64s() {
			y.Value.Float64s()[i] = v*v*v + z.Value.Float64s()[i]
		}
		tape.Backward(Add(Sum(y), Sum(Mul(x, y)))) // Σ (1+x)(x³+z)
		return x, z
	}
	for range 2 { // the second time on used memory
		x, z := step()
		wantGrad(t, "x", x.Grad(), 3*2+6, 12*3+14)
		wantGrad(t, "z", z.Grad(), 2, 3)
	}
}

func TestKinks(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, c := range map[string]struct {
		f    func(*Var) *Var
		x    float64
		want float64
	}{
		"ReLU(0)":       {ReLU, 0, 0},
		"ReLU(NaN)":     {ReLU, nan, 1},
		"LeakyReLU(0)":  {func(x *Var) *Var { return LeakyReLU(x, 0.1) }, 0, 0.1},
		"Abs(0)":        {Abs, 0, 0},
		"Abs(NaN)":      {Abs, nan, nan},
		"Sqrt(0)":       {Sqrt, 0, inf},
		"Log(0)":        {Log, 0, inf},
		"Softplus(big)": {Softplus, 1e4, 1},
		"Exp(-Inf)":     {Exp, -inf, 0},
	} {
		tape := NewTape(tensor.Float64)
		x := tape.Input(vector(c.x))
		tape.Backward(c.f(x))
		wantGrad(t, name, x.Grad(), c.want)
	}
}

func TestLogSumExpOfMinusInfinity(t *testing.T) {
	inf := math.Inf(-1)
	for _, used := range []bool{false, true} {
		tape := NewTape(tensor.Float64)
		x := tape.Input(vector(inf, inf, 0, inf).Reshape(2, 2))
		y := LogSumExp(x)
		if v := y.Value.Float64s(); v[0] != inf || v[1] != 0 {
			t.Errorf("value %v, want [-Inf 0]", v)
		}
		if used {
			tape.BackwardFrom(Add(y, Scale(SumLast(Slice(x, 1, 0, 0)), 1)), nil)
		} else {
			tape.BackwardFrom(y, nil)
		}
		wantGrad(t, "x", x.Grad(), 0, 0, 1, 0)
	}
}

// A value's gradient is void after Reset, and so is a smaller value's memory.
func TestResetForgets(t *testing.T) {
	tape := NewTape(tensor.Float64)
	tape.Backward(Sum(Square(tape.Input(vector(1, 2, 3)))))
	tape.Reset()
	x := tape.Input(vector(4))
	if x.Grad() != nil {
		t.Error("a gradient is left from before Reset")
	}
	y := Square(x)
	tape.Backward(Sum(y))
	wantGrad(t, "x", x.Grad(), 8)
	if !slices.Equal(y.Shape(), []int{1}) {
		t.Errorf("shape %v", y.Shape())
	}
}

// What one graph left in a node does not show in another that reuses it.
func TestOneTapeServesDifferentGraphs(t *testing.T) {
	all := rows()
	used := NewTape(tensor.Float64)
	for _, r := range all {
		xs := r.inputs(tensor.Float64)
		want := evaluate(NewTape(tensor.Float64), r, xs)
		for _, before := range all {
			evaluate(used, before, before.inputs(tensor.Float64))
			if got := evaluate(used, r, xs); !slices.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("%v after %v: %v, on a new tape %v", r, before, got, want)
			}
		}
	}
}

func TestEmptyBatches(t *testing.T) {
	tape := NewTape(tensor.Float64)
	w, b := &Param{Value: tensor.New(tensor.Float64, 3, 4)}, &Param{Value: tensor.New(tensor.Float64, 3)}
	x := tape.Input(tensor.New(tensor.Float64, 0, 4))
	h := Linear(x, tape.Param(w), tape.Param(b), Rectify)
	h = BatchNorm(LayerNorm(Softmax(h), nil, nil, 1e-5), nil, nil, nil, nil, 0.1, 1e-5)
	h = Concat(0, h, RepeatRows(Reshape(Flatten(h), 0, 3), 2), TileRows(h, 2))
	loss := Add(Sum(LogSumExp(h)), Sum(SquaredDistances(h, tape.Param(w2))))
	tape.Backward(loss)
	if loss.Value.Float64s()[0] != 0 {
		t.Errorf("loss %v of an empty batch", loss.Value)
	}
	wantGrad(t, "bias", b.Grad, 0, 0, 0)
}

var w2 = &Param{Value: tensor.New(tensor.Float64, 2, 3)}
