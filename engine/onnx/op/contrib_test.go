package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// added adds tensors of one shape, or vectors to each row, as float32.
func added(x *value.Value, more ...*value.Value) *value.Value {
	y := x.Clone()
	for _, v := range more {
		for i := range value.Data[float32](y) {
			value.Data[float32](y)[i] += value.Data[float32](v)[i%v.Len()]
		}
	}
	return y
}

func TestSkipLayerNormalization(t *testing.T) {
	x, gamma, beta, bias := normals(1, 2, 3, 7), normals(3, 7), normals(4, 7), normals(5, 7)
	for _, skip := range []*value.Value{normals(2, 2, 3, 7), normals(2, 1, 3, 7), normals(2, 3, 7)} {
		sum := added(x, skip, bias)
		for _, root := range []bool{false, true} {
			y, mean, inverse := normNaive(value.Data[float32](sum), 7, float64(float32(1e-3)), root)
			for i := range y {
				y[i] *= float64(value.Data[float32](gamma)[i%7])
				if !root {
					y[i] += float64(value.Data[float32](beta)[i%7])
				}
			}
			n := testNode{domain: Microsoft, op: "SkipLayerNormalization", version: 1, outputs: 4, attributes: map[string]any{"epsilon": float32(1e-3)}}
			in := []*value.Value{x, skip, gamma, beta, bias}
			if root {
				n.op, in = "SkipSimplifiedLayerNormalization", []*value.Value{x, skip, gamma, bias}
			}
			out, err := n.run(in...)
			if err != nil {
				t.Fatal(err)
			}
			within(t, n.op, out[0], x.Shape, y, 1e-5)
			within(t, n.op+" mean", out[1], []int{2, 3, 1}, mean, 1e-6)
			within(t, n.op+" inverse", out[2], []int{2, 3, 1}, inverse, 1e-5)
			holds(t, n.op+" sum", out[3], x.Shape, value.Data[float32](sum)...)
		}
	}
	n := testNode{domain: Microsoft, op: "SkipLayerNormalization", version: 1}
	n.refuses(t, []*value.Value{x, normals(2, 2, 7), gamma}, "skip", "[2 7]", "[2 3 7]")
	n.refuses(t, []*value.Value{x, x, gamma, nil, floats(1)}, "bias is float[1]", "[7]")
}

func TestEmbedLayerNormalization(t *testing.T) {
	words, positions, segments := normals(1, 5, 4), normals(2, 3, 4), normals(3, 2, 4)
	ids, kinds, mask := tensor([]int32{4, 0, 1, 2, 2, 3}, 2, 3), tensor([]int32{0, 0, 1, 1, 0, 1}, 2, 3), tensor([]int32{1, 1, 0, 1, 0, 0}, 2, 3)
	sum := ramp(2, 3, 4)
	for i := range value.Data[float32](sum) {
		row := i / 4
		at := func(v *value.Value, r int) float32 { return value.Data[float32](v)[r*4+i%4] }
		value.Data[float32](sum)[i] = at(words, int(value.Data[int32](ids)[row])) + at(positions, row%3) + at(segments, int(value.Data[int32](kinds)[row]))
	}
	y, _, _ := normNaive(value.Data[float32](sum), 4, 1e-12, false)
	n := testNode{domain: Microsoft, op: "EmbedLayerNormalization", version: 1, outputs: 3}
	in := []*value.Value{ids, kinds, words, positions, segments, floats(1, 1, 1, 1), floats(0, 0, 0, 0), mask}
	out, err := n.run(in...)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "y", out[0], []int{2, 3, 4}, y, 1e-5)
	holds(t, "mask_index", out[1], []int{2}, int32(2), 1)
	holds(t, "sum", out[2], []int{2, 3, 4}, value.Data[float32](sum)...)
	in[0] = tensor([]int32{4, 0, 5, 2, 2, 3}, 2, 3)
	n.refuses(t, in, "input_ids has 5 at element 2", "[0, 4]")
}

// threeHeads is [batch, rows, heads·size] as [batch, heads, rows, size].
func threeHeads(v *value.Value, number int) *value.Value {
	b, r, width := v.Shape[0], v.Shape[1], v.Shape[2]
	w := ramp(b, number, r, width/number)
	for i := range b {
		swapOuter(value.Data[float32](w)[i*r*width:(i+1)*r*width], value.Data[float32](v)[i*r*width:(i+1)*r*width], r, number, width/number)
	}
	return w
}

func TestMultiHeadAttention(t *testing.T) {
	const B, N, L, S, E = 2, 3, 4, 6, 5
	q, k, v, b := normals(1, B, L, N*E), normals(2, B, S, N*E), normals(3, B, S, N*E), normals(4, 3*N*E)
	bias := func(i int) *value.Value { return tensor(value.Data[float32](b)[i*N*E:(i+1)*N*E], N*E) }
	hq, hk, hv := threeHeads(added(q, bias(0)), N), threeHeads(added(k, bias(1)), N), threeHeads(added(v, bias(2)), N)
	keep := []int32{1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0}
	lengths := []int32{4, 6}
	add := normals(5, 1, N, L, S)
	n := testNode{domain: Microsoft, op: "MultiHeadAttention", version: 1, attributes: map[string]any{"num_heads": N}}
	for name, c := range map[string]struct {
		mask, bias *value.Value
		add        func(b, h, i, j int) float64
	}{
		"plain":   {nil, nil, nothing},
		"mask":    {tensor(keep, B, S), nil, func(b, _, _, j int) float64 { return -10000 * (1 - float64(keep[b*S+j])) }},
		"lengths": {tensor(lengths, B), nil, func(b, _, _, j int) float64 { return map[bool]float64{true: -10000}[j >= int(lengths[b])] }},
		"bias":    {nil, add, func(_, h, i, j int) float64 { return float64(value.Data[float32](add)[(h*L+i)*S+j]) }},
	} {
		y := attentionNaive(hq, hk, hv, 1/math.Sqrt(E), 0, c.add)
		got := n.one(t, q, k, v, b, c.mask, c.bias)
		within(t, name, threeHeads(got, N), []int{B, N, L, E}, y, 1e-5)
	}

	oldK, oldV := normals(6, B, N, 2, E), normals(7, B, N, 2, E)
	n.outputs = 3
	out, err := n.run(q, k, v, b, nil, nil, oldK, oldV)
	if err != nil {
		t.Fatal(err)
	}
	y := attentionNaive(hq, out[1], out[2], 1/math.Sqrt(E), 0, nothing)
	within(t, "past", threeHeads(out[0], N), []int{B, N, L, E}, y, 1e-5)
	if out[1].Shape[2] != 2+S || value.Data[float32](out[1])[0] != value.Data[float32](oldK)[0] || value.Data[float32](out[1])[2*E] != value.Data[float32](hk)[0] {
		t.Errorf("present key %s does not hold the past, then the new", out[1])
	}
	n.outputs = 1
	n.refuses(t, []*value.Value{q, k, v, b, tensor(keep[:5], 5)}, "mask is int32[5]", "[2,6]")
	n.refuses(t, []*value.Value{q, nil, nil}, "packed")
	n.attributes["num_heads"] = 4
	n.refuses(t, []*value.Value{q, k, v}, "query", "4 heads")
}

// The contributed Attention multiplies by the weights itself.
func TestPackedAttention(t *testing.T) {
	const B, N, S, E, D = 2, 2, 5, 3, 7
	x, w, b := normals(1, B, S, D), normals(2, D, 3*N*E), normals(3, 3*N*E)
	var parts [3]*value.Value
	for p := range parts {
		v := ramp(B, S, N*E)
		for i := range value.Data[float32](v) {
			col := p*N*E + i%(N*E)
			sum := float64(value.Data[float32](b)[col])
			for d := range D {
				sum += float64(value.Data[float32](x)[i/(N*E)*D+d]) * float64(value.Data[float32](w)[d*3*N*E+col])
			}
			value.Data[float32](v)[i] = float32(sum)
		}
		parts[p] = threeHeads(v, N)
	}
	for _, causal := range []bool{false, true} {
		n := testNode{domain: Microsoft, op: "Attention", version: 1, outputs: 2, attributes: map[string]any{"num_heads": N, "unidirectional": map[bool]int{true: 1}[causal]}}
		out, err := n.run(x, w, b)
		if err != nil {
			t.Fatal(err)
		}
		y := attentionNaive(parts[0], parts[1], parts[2], 1/math.Sqrt(E), 0, func(_, _, i, j int) float64 { return hiddenUnless(!causal || j <= i) })
		within(t, fmt.Sprint("causal ", causal), threeHeads(out[0], N), []int{B, N, S, E}, y, 1e-5)
		within(t, "present", out[1], []int{2, B, N, S, E}, append(widened(parts[1], 0, 1), widened(parts[2], 0, 1)...), 1e-5)
	}
	n := testNode{domain: Microsoft, op: "Attention", version: 1, attributes: map[string]any{"num_heads": 4}}
	n.refuses(t, []*value.Value{x, w, b}, "weights are float[7,18]", "4 heads")
	n.attributes["num_heads"], n.attributes["do_rotary"] = 2, 1
	n.refuses(t, []*value.Value{x, w, b}, "do_rotary")
}

// doubling is a graph of a node that doubles what it gets.
type doubling struct{ kind format.DataType }

func (doubling) Inputs() int  { return 1 }
func (doubling) Outputs() int { return 1 }

func (doubling) Output(int) *format.ValueInfo { return nil }

func (g doubling) Run(_ *Call, in []*value.Value) ([]*value.Value, error) {
	v := in[0].Clone()
	for i := range value.Data[float32](v) {
		value.Data[float32](v)[i] *= 2
	}
	if g.kind != format.Undefined {
		v.Kind = g.kind
	}
	return []*value.Value{v}, nil
}

func TestFlexAttention(t *testing.T) {
	q, k, v := normals(1, 2, 4, 3, 5), normals(2, 2, 2, 6, 5), normals(3, 2, 2, 6, 4)
	n := testNode{domain: Preview, op: "FlexAttention", version: 1, attributes: map[string]any{"scale": float32(0.3)}}
	y := attentionNaive(q, k, v, float64(float32(0.3)), 0, nothing)
	within(t, "plain", n.one(t, q, k, v), []int{2, 4, 3, 4}, y, 1e-5)

	kernel := &flex{scale: 0.15, score: doubling{}, prob: doubling{}, precision: format.Float, anyPrecision: true}
	out, err := runKernel(kernel, 1, q, k, v)
	if err != nil {
		t.Fatal(err)
	}
	for i := range y {
		y[i] *= 2
	}
	within(t, "with graphs", out[0], []int{2, 4, 3, 4}, y, 1e-5)
	kernel.score = doubling{format.Float16}
	if _, err := runKernel(kernel, 1, q, k, v); err == nil {
		t.Error("a graph that gives another type: no error")
	}
	n.refuses(t, []*value.Value{q, k, normals(3, 2, 2, 5, 4)}, "6 and 5 rows")
	n.refuses(t, []*value.Value{normals(1, 4, 3, 5), k, v}, "query is float[4,3,5]", "four dimensions")
}
