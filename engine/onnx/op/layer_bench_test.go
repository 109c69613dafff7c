package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// BenchmarkLayerBack goes back through layers of networks, warm, with gradients of all inputs.
func BenchmarkLayerBack(b *testing.B) {
	attributes := func(kernel, stride, pad int) map[string]any {
		return map[string]any{"kernel_shape": []int{kernel, kernel}, "strides": []int{stride, stride}, "pads": []int{pad, pad, pad, pad}}
	}
	train := map[string]any{"training_mode": 1}
	x := normals(1, 16, 128, 384)
	lstm, lstmIn, _ := layerTest(lstmCell, "bidirectional", 100, 16, 256, 256)
	for _, c := range []struct {
		name string
		node testNode
		in   []*value.Value
	}{
		{"Conv-8x64x56-3x3", testNode{op: "Conv", version: 11, attributes: attributes(3, 1, 1)}, []*value.Value{normals(1, 8, 64, 56, 56), normals(2, 64, 64, 3, 3)}},
		{"BatchNorm-8x64x56", testNode{op: "BatchNormalization", version: 15, attributes: train}, []*value.Value{normals(1, 8, 64, 56, 56), normals(2, 64), normals(3, 64), normals(4, 64), positive(normals(5, 64))}},
		{"MaxPool-8x64x112", testNode{op: "MaxPool", version: 12, attributes: attributes(3, 2, 1)}, []*value.Value{normals(1, 8, 64, 112, 112)}},
		{"GlobalAveragePool-8x512x7", testNode{op: "GlobalAveragePool", version: 1}, []*value.Value{normals(1, 8, 512, 7, 7)}},
		{"LayerNorm-16x128x384", testNode{op: "LayerNormalization", version: 17}, []*value.Value{x, normals(2, 384), normals(3, 384)}},
		{"Attention-16x128x6x64", testNode{op: "Attention", version: 23, attributes: map[string]any{"q_num_heads": 6, "kv_num_heads": 6}}, []*value.Value{x, x, x}},
		{"MatMul-16x128x384x384", testNode{op: "MatMul", version: 13}, []*value.Value{x, normals(2, 384, 384)}},
		{"LSTM-100x16x256x2", lstm, lstmIn},
	} {
		b.Run(c.name, func(b *testing.B) {
			k, err := c.node.kernel(c.in...)
			if err != nil {
				b.Fatal(err)
			}
			out, err := runKernel(k, max(1, c.node.outputs), c.in...)
			if err != nil {
				b.Fatal(err)
			}
			back := &Back{In: c.in, Out: out, Up: out, Store: newTestStore(c.in, false)}
			b.ReportAllocs()
			for b.Loop() {
				clear(back.Store.(*testStore).seen)
				if err := k.(Differentiable).Back(back); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
