package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

func TestCausalConvWithState(t *testing.T) {
	for _, s := range [][4]int{{1, 1, 1, 1}, {2, 3, 5, 1}, {2, 3, 1, 4}, {2, 5, 40, 3}} {
		batch, channels, length, taps := s[0], s[1], s[2], s[3]
		x, w, b, past := normals(1, batch, channels, length), normals(2, channels, 1, taps), normals(3, channels), normals(4, batch, channels, taps-1)
		at := func(v *value.Value, i int) float64 { return float64(value.Data[float32](v)[i]) }
		for _, with := range []bool{false, true} {
			y, state := make([]float64, batch*channels*length), make([]float64, 0, past.Len())
			for i := range batch * channels {
				row := make([]float64, taps-1, taps-1+length)
				for j := range row {
					if with {
						row[j] = at(past, i*(taps-1)+j)
					}
				}
				for j := range length {
					row = append(row, at(x, i*length+j))
				}
				for j := range length {
					sum := 0.0
					for k := range taps {
						sum += at(w, i%channels*taps+k) * row[j+k]
					}
					if with {
						sum += at(b, i%channels)
						sum *= 1 / (1 + math.Exp(-sum))
					}
					y[i*length+j] = sum
				}
				state = append(state, row[length:]...)
			}
			n, in := testNode{op: "CausalConvWithState", version: 27, outputs: 2}, []*value.Value{x, w}
			if with {
				n.attributes, in = map[string]any{"activation": "silu"}, []*value.Value{x, w, b, past}
			}
			out, err := n.run(in...)
			if err != nil {
				t.Fatal(err)
			}
			within(t, fmt.Sprint(s, with), out[0], x.Shape, y, 1e-5)
			within(t, fmt.Sprint("state ", s, with), out[1], past.Shape, state, 0)
		}
	}
	n := testNode{op: "CausalConvWithState", version: 27}
	n.refuses(t, []*value.Value{ramp(1, 2, 3), ramp(2, 2, 3)}, "weight float[2,2,3]", "[channels,1,taps]")
	n.refuses(t, []*value.Value{ramp(1, 2, 3), ramp(2, 1, 3), nil, ramp(1, 2, 3)}, "past_state is float[1,2,3]", "[1 2 2]")
}
