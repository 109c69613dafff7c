package gradcheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// A recorder is a test that may fail.
type recorder struct {
	testing.TB
	messages []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.messages = append(r.messages, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// wrongSquare is x² whose derivative at the last element is off by a part.
type wrongSquare struct{ off float64 }

func (w wrongSquare) Backward(out *autodiff.Var, in []*autodiff.Var) {
	g, x := in[0].AddGrad().Float64s(), in[0].Value.Float64s()
	for i, dy := range out.Grad().Float64s() {
		g[i] += 2 * x[i] * dy
		if i == len(g)-1 {
			g[i] += w.off * dy
		}
	}
}

func (w wrongSquare) of(x *autodiff.Var) *autodiff.Var {
	y := x.Tape().Custom(w, []*autodiff.Var{x}, x.Shape()...)
	for i, v := range x.Value.Float64s() {
		y.Value.Float64s()[i] = v * v
	}
	return y
}

func matrix() *tensor.Tensor {
	x, err := tensor.FromFloat64([]float64{0.5, -1, 2, 3, -0.1, 0}, 2, 3)
	if err != nil {
		panic(err)
	}
	return x
}

func TestCheckFindsWrongDerivatives(t *testing.T) {
	for _, off := range []float64{0, 1e-4, -1} {
		x := matrix()
		build := func(_ *autodiff.Tape, in []*autodiff.Var) *autodiff.Var { return wrongSquare{off}.of(in[1]) }
		r := &recorder{TB: t}
		Check(r, build, matrix(), x)
		if (off == 0) != (len(r.messages) == 0) {
			t.Errorf("off by %v: messages %q", off, r.messages)
		}
		if off != 0 && !strings.Contains(r.messages[0], "input 1, shape [2 3], element [1 2]") {
			t.Errorf("message %q does not name the place", r.messages[0])
		}
		if x.String() != matrix().String() {
			t.Errorf("the input is now %v", x)
		}
	}
}

func TestParams(t *testing.T) {
	good := &autodiff.Param{Name: "good", Value: matrix()}
	bad := &autodiff.Param{Name: "bad", Value: matrix()}
	frozen := &autodiff.Param{Name: "frozen", Value: matrix(), Frozen: true}
	r := &recorder{TB: t}
	Params(r, func(tape *autodiff.Tape) *autodiff.Var {
		y := autodiff.Mul(autodiff.Tanh(tape.Param(good)), tape.Param(frozen))
		return autodiff.Mean(autodiff.Add(y, wrongSquare{1}.of(tape.Param(bad))))
	}, []*autodiff.Param{good, bad, frozen})
	if len(r.messages) != 1 || !strings.Contains(r.messages[0], `parameter "bad"`) {
		t.Errorf("messages %q", r.messages)
	}
}

func TestOnlyFloat64(t *testing.T) {
	r := &recorder{TB: t}
	defer func() {
		if recover() != r || !strings.Contains(r.messages[0], "float32") {
			t.Errorf("messages %q", r.messages)
		}
	}()
	Check(r, func(_ *autodiff.Tape, in []*autodiff.Var) *autodiff.Var { return in[0] }, tensor.New(tensor.Float32, 1))
}
