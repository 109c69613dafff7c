package op

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// layerNaive is a recurrent layer as its definition has it, one number after another, with the usual functions.
type layerNaive struct {
	cell                              cellKind
	reverse                           []bool
	steps, batch, input, hidden       int
	x, w, r, b, p                     []float32 // b and p may be nil
	length                            []int32   // nil: all steps
	h, c                              [][]float64
	linearBeforeReset, coupled, clips bool
	clip                              float64
}

// product is row g of a gate's weights of direction d times a vector.
func (l *layerNaive) product(w []float32, d, row, n int, v func(i int) float64) float64 {
	at := (d*l.cell.gates()*l.hidden + row) * n
	s := 0.0
	for i := range n {
		s += float64(w[at+i]) * v(i)
	}
	return s
}

func (l *layerNaive) bias(d, row int, state bool) float64 {
	if l.b == nil {
		return 0
	}
	n := l.cell.gates() * l.hidden
	if state {
		row += n
	}
	return float64(l.b[d*2*n+row])
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// run gives Y [steps, directions, batch, hidden], and leaves the last states in h and c, by direction, [batch, hidden].
func (l *layerNaive) run() []float64 {
	y := make([]float64, l.steps*len(l.reverse)*l.batch*l.hidden)
	hold := func(x float64) float64 {
		if l.clips {
			return min(max(x, -l.clip), l.clip)
		}
		return x
	}
	for d, reverse := range l.reverse {
		for b := range l.batch {
			length := l.steps
			if l.length != nil {
				length = int(l.length[b])
			}
			h, c := l.h[d][b*l.hidden:(b+1)*l.hidden], l.c[d][b*l.hidden:(b+1)*l.hidden]
			for i := range length {
				t := i
				if reverse {
					t = length - 1 - i
				}
				x := func(i int) float64 { return float64(l.x[(t*l.batch+b)*l.input+i]) }
				old := append([]float64(nil), h...)
				state := func(i int) float64 { return old[i] }
				fromX := func(g, j int) float64 {
					return l.product(l.w, d, g*l.hidden+j, l.input, x) + l.bias(d, g*l.hidden+j, false)
				}
				fromH := func(g, j int, v func(int) float64) float64 {
					return l.product(l.r, d, g*l.hidden+j, l.hidden, v) + l.bias(d, g*l.hidden+j, true)
				}
				peep := func(g, j int, c float64) float64 {
					if l.p == nil {
						return 0
					}
					return float64(l.p[d*3*l.hidden+g*l.hidden+j]) * c
				}
				reset := make([]float64, l.hidden)
				if l.cell == gruCell {
					for j := range reset {
						reset[j] = logistic(hold(fromX(1, j) + fromH(1, j, state)))
					}
				}
				for j := range l.hidden {
					switch l.cell {
					case lstmCell:
						in := logistic(hold(fromX(0, j) + fromH(0, j, state) + peep(0, j, c[j])))
						forget := logistic(hold(fromX(2, j) + fromH(2, j, state) + peep(2, j, c[j])))
						if l.coupled {
							forget = 1 - in
						}
						c[j] = forget*c[j] + in*math.Tanh(hold(fromX(3, j)+fromH(3, j, state)))
						h[j] = logistic(hold(fromX(1, j)+fromH(1, j, state)+peep(1, j, c[j]))) * math.Tanh(c[j])
					case gruCell:
						z := logistic(hold(fromX(0, j) + fromH(0, j, state)))
						var candidate float64
						if l.linearBeforeReset {
							candidate = fromX(2, j) + reset[j]*fromH(2, j, state)
						} else {
							candidate = fromX(2, j) + fromH(2, j, func(i int) float64 { return reset[i] * old[i] })
						}
						h[j] = (1-z)*math.Tanh(hold(candidate)) + z*old[j]
					case rnnCell:
						h[j] = math.Tanh(hold(fromX(0, j) + fromH(0, j, state)))
					}
				}
				copy(y[((t*len(l.reverse)+d)*l.batch+b)*l.hidden:], h)
			}
		}
	}
	return y
}

// layerTest is a node and its naive form, of the same numbers.
func layerTest(cell cellKind, direction string, steps, batch, input, hidden int) (testNode, []*value.Value, *layerNaive) {
	l := &layerNaive{cell: cell, reverse: []bool{direction == "reverse"}, steps: steps, batch: batch, input: input, hidden: hidden}
	if direction == "bidirectional" {
		l.reverse = []bool{false, true}
	}
	d, g := len(l.reverse), cell.gates()
	in := []*value.Value{
		normals(1, steps, batch, input), scaled(normals(2, d, g*hidden, input), 0.5), scaled(normals(3, d, g*hidden, hidden), 0.5),
		normals(4, d, 2*g*hidden), nil, normals(5, d, batch, hidden),
	}
	l.x, l.w, l.r, l.b = value.Data[float32](in[0]), value.Data[float32](in[1]), value.Data[float32](in[2]), value.Data[float32](in[3])
	for i := range d {
		l.h, l.c = append(l.h, widened(in[5], i, d)), append(l.c, make([]float64, batch*hidden))
	}
	if cell == lstmCell {
		in = append(in, normals(6, d, batch, hidden))
		for i := range d {
			l.c[i] = widened(in[6], i, d)
		}
	}
	n := testNode{op: [...]string{"LSTM", "GRU", "RNN"}[cell], version: 14, outputs: 2, attributes: map[string]any{"direction": direction, "hidden_size": hidden}}
	if cell == lstmCell {
		n.outputs = 3
	}
	return n, in, l
}

func scaled(v *value.Value, factor float32) *value.Value {
	for i := range value.Data[float32](v) {
		value.Data[float32](v)[i] *= factor
	}
	return v
}

// widened is part i of parts of a tensor, as float64.
func widened(v *value.Value, i, parts int) []float64 {
	n := v.Len() / parts
	return append([]float64(nil), convertTo[float64](value.Data[float32](v)[i*n:(i+1)*n])...)
}

func (l *layerNaive) compare(t *testing.T, what string, n testNode, in []*value.Value) {
	t.Helper()
	out, err := n.run(in...)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	d := len(l.reverse)
	within(t, what+" Y", out[0], []int{l.steps, d, l.batch, l.hidden}, l.run(), 1e-5)
	for i, states := range [][][]float64{l.h, l.c}[:n.outputs-1] {
		var all []float64
		for _, s := range states {
			all = append(all, s...)
		}
		within(t, what+" state", out[1+i], []int{d, l.batch, l.hidden}, all, 1e-5)
	}
}

func TestRecurrentLayers(t *testing.T) {
	for cell := lstmCell; cell <= rnnCell; cell++ {
		for _, direction := range []string{"forward", "reverse", "bidirectional"} {
			for _, size := range [][4]int{{1, 1, 1, 1}, {5, 1, 3, 7}, {4, 2, 5, 3}, {6, 5, 17, 33}} {
				for _, constant := range []bool{false, true} {
					n, in, l := layerTest(cell, direction, size[0], size[1], size[2], size[3])
					n.constant = constant
					l.compare(t, fmt.Sprint(n.op, direction, size), n, in)
				}
			}
		}
	}
}

func TestRecurrentOptions(t *testing.T) {
	n, in, l := layerTest(lstmCell, "bidirectional", 4, 3, 5, 6)
	p := normals(9, 2, 18)
	l.p = value.Data[float32](p)
	l.compare(t, "peepholes", n, append(in, p))

	n, in, l = layerTest(lstmCell, "forward", 4, 3, 5, 6)
	n.attributes["input_forget"], l.coupled = 1, true
	l.compare(t, "input_forget", n, in)

	for cell := lstmCell; cell <= rnnCell; cell++ {
		n, in, l = layerTest(cell, "forward", 4, 3, 5, 6)
		n.attributes["clip"], l.clips, l.clip = float32(0.5), true, 0.5
		l.compare(t, n.op+" clip", n, in)
	}
}

func TestGRULinearBeforeReset(t *testing.T) {
	for _, batch := range []int{1, 4} {
		n, in, l := layerTest(gruCell, "bidirectional", 5, batch, 4, 7)
		n.attributes["linear_before_reset"], l.linearBeforeReset = 1, true
		l.compare(t, "PyTorch's GRU", n, in)
	}
}

// A kernel without biases must not read those that a run before left.
func TestRecurrentWithoutBias(t *testing.T) {
	for cell := lstmCell; cell <= rnnCell; cell++ {
		n, in, l := layerTest(cell, "forward", 3, 2, 4, 5)
		n.constant = true
		k, err := n.kernel(in...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := runKernel(k, n.outputs, in...); err != nil {
			t.Fatal(err)
		}
		in[3], l.b = nil, nil
		out, err := runKernel(k, n.outputs, in...)
		if err != nil {
			t.Fatal(err)
		}
		within(t, n.op, out[0], []int{3, 1, 2, 5}, l.run(), 1e-5)
	}
}

// A reversed sequence begins at its own last step, what is behind it is 0, and time's order stays.
func TestRecurrentSequenceLengths(t *testing.T) {
	for cell := lstmCell; cell <= rnnCell; cell++ {
		for _, direction := range []string{"forward", "reverse", "bidirectional"} {
			n, in, l := layerTest(cell, direction, 5, 3, 4, 6)
			l.length = []int32{3, 5, 0}
			in[4] = tensor(l.length, 3)
			l.compare(t, n.op+direction, n, in)
		}
	}
}

func TestRecurrentBatchFirst(t *testing.T) {
	n, in, l := layerTest(gruCell, "bidirectional", 5, 3, 4, 6)
	y := l.run()
	n.attributes["layout"] = 1
	in[0] = tensor(swapOuter(make([]float32, in[0].Len()), value.Data[float32](in[0]), 5, 3, 4), 3, 5, 4)
	in[5] = tensor(swapOuter(make([]float32, in[5].Len()), value.Data[float32](in[5]), 2, 3, 6), 3, 2, 6)
	out, err := n.run(in...)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, len(y)) // from [steps, directions, batch, hidden]
	for s := range 5 {
		for d := range 2 {
			for b := range 3 {
				copy(want[((b*5+s)*2+d)*6:][:6], y[((s*2+d)*3+b)*6:])
			}
		}
	}
	within(t, "Y", out[0], []int{3, 5, 2, 6}, want, 1e-5)
	last := make([]float64, 0, 36)
	for b := range 3 {
		last = append(append(last, l.h[0][b*6:(b+1)*6]...), l.h[1][b*6:(b+1)*6]...)
	}
	within(t, "Y_h", out[1], []int{3, 2, 6}, last, 1e-5)
}

// Many steps are worked on in stretches, which must not show.
func TestRecurrentLongSequence(t *testing.T) {
	n, in, l := layerTest(rnnCell, "bidirectional", 70, 40, 2, 100)
	scaled(in[2], 0.1) // or rounding grows from step to step
	l.compare(t, "stretches", n, in)
}

// A step that is cut into tasks gives the same bits for any number of workers, and the last of them takes fewer units.
func TestRecurrentWorkers(t *testing.T) {
	defer simd.SetThreads(0)
	for _, cell := range []cellKind{lstmCell, gruCell, rnnCell} {
		for _, linear := range []int{0, 1} {
			n, in, naive := layerTest(cell, "bidirectional", 5, 3, 20, 210)
			scaled(in[1], 0.2) // or rounding errors would grow from step to step
			scaled(in[2], 0.2)
			if cell == gruCell {
				n.attributes["linear_before_reset"] = linear
				naive.linearBeforeReset = linear == 1
			}
			naive.compare(t, fmt.Sprintf("cell %d", cell), n, in)
			var first []float32
			for _, workers := range []int{1, 2, 5} {
				simd.SetThreads(workers)
				out, err := n.run(in...)
				if err != nil {
					t.Fatal(err)
				}
				y := value.Data[float32](out[0])
				if first == nil {
					first = y
				}
				if !slices.Equal(y, first) {
					t.Errorf("cell %d, linear_before_reset %d: %d workers give other bits than one", cell, linear, workers)
				}
			}
		}
	}
}

func TestRecurrentActivations(t *testing.T) {
	one := func(x float32, name string, more map[string]any) float32 {
		attributes := map[string]any{"activations": []string{name}}
		for k, v := range more {
			attributes[k] = v
		}
		y := testNode{op: "RNN", version: 14, attributes: attributes}.one(t, tensor([]float32{x}, 1, 1, 1), tensor([]float32{1}, 1, 1, 1), tensor([]float32{0}, 1, 1, 1))
		return value.Data[float32](y)[0]
	}
	alpha := func(a, b float32) map[string]any {
		return map[string]any{"activation_alpha": []float32{a}, "activation_beta": []float32{b}}
	}
	for _, c := range []struct {
		name    string
		x, want float64
		more    map[string]any
	}{
		{"Relu", -2, 0, nil},
		{"relu", 2, 2, nil},
		{"Tanh", 0.5, math.Tanh(0.5), nil},
		{"Sigmoid", 0.5, logistic(0.5), nil},
		{"Affine", 2, 7, alpha(3, 1)},
		{"LeakyRelu", -2, -0.02, nil},
		{"LeakyRelu", -2, -1, map[string]any{"activation_alpha": []float32{0.5}}},
		{"ThresholdedRelu", 0.5, 0, nil},
		{"ThresholdedRelu", 1.5, 1.5, nil},
		{"ScaledTanh", 0.5, 2 * math.Tanh(1.5), alpha(2, 3)},
		{"HardSigmoid", 1, 0.7, nil},
		{"HardSigmoid", 9, 1, nil},
		{"HardSigmoid", 1, 0.75, alpha(0.5, 0.25)},
		{"Elu", -1, math.Expm1(-1), nil},
		{"Softsign", -3, -0.75, nil},
		{"Softplus", 1, math.Log1p(math.E), nil},
	} {
		if y := float64(one(float32(c.x), c.name, c.more)); math.Abs(y-c.want) > 1e-6 {
			t.Errorf("%s %v of %v is %v, must be %v", c.name, c.more, c.x, y, c.want)
		}
	}
}

func TestRecurrentFloat64AndFloat16(t *testing.T) {
	n, in, l := layerTest(lstmCell, "forward", 3, 2, 4, 5)
	wide, narrow := make([]*value.Value, len(in)), make([]*value.Value, len(in))
	for i, v := range in {
		if v != nil {
			wide[i] = tensor(append([]float64(nil), convertTo[float64](value.Data[float32](v))...), v.Shape...)
			narrow[i] = as(format.Float16, v)
		}
	}
	y := l.run()
	out, err := n.run(wide...)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "float64", out[0], []int{3, 1, 2, 5}, y, 1e-12)
	if out, err = n.run(narrow...); err != nil {
		t.Fatal(err)
	}
	within(t, "float16", out[0], []int{3, 1, 2, 5}, y, 1e-3)
	if out[0].Kind != format.Float16 {
		t.Errorf("gives %s of float16", out[0])
	}
}

func TestRecurrentRefuses(t *testing.T) {
	n, in, _ := layerTest(gruCell, "forward", 3, 2, 4, 5)
	with := func(i int, v *value.Value) []*value.Value {
		all := append([]*value.Value(nil), in...)
		all[i] = v
		return all
	}
	n.refuses(t, with(4, tensor([]int32{4, 1}, 2)), "sequence_lens[0] is 4", "[0, 3]")
	n.refuses(t, with(4, tensor([]int32{1}, 1)), "int32[1]", "[2]")
	n.refuses(t, with(1, ramp(1, 15, 3)), "input 1", "[1 15 4]")
	n.refuses(t, with(5, ramp(2, 2, 5)), "input 5", "[1 2 5]")
	n.refuses(t, with(0, ramp(3, 2)), "three dimensions")
	n.attributes["hidden_size"] = 6
	n.refuses(t, in, `"hidden_size" is 6`)
	n.attributes["hidden_size"], n.attributes["activations"] = 5, []string{"Tanh"}
	n.refuses(t, in, "has 1 functions, must have 2")
	n.attributes["activations"] = []string{"Tanh", "Cosine"}
	n.refuses(t, in, `"Cosine"`, "Softsign")
	delete(n.attributes, "activations")
	n.attributes["direction"] = "back"
	n.refuses(t, in, `"back"`, "bidirectional")
}
