package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// benchKernel runs a warm kernel whose results go to the same memory each time.
func benchKernel(b *testing.B, n testNode, in ...*value.Value) {
	n.constant = true
	k, err := n.kernel(in...)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := runKernel(k, max(1, n.outputs), in...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLSTM(b *testing.B) {
	for name, size := range map[string][4]int{"bidirectional-100x1x256": {100, 1, 256, 256}, "bidirectional-100x16x256": {100, 16, 256, 256}} {
		b.Run(name, func(b *testing.B) {
			n, in, _ := layerTest(lstmCell, "bidirectional", size[0], size[1], size[2], size[3])
			benchKernel(b, n, in...)
		})
	}
}

func BenchmarkGRU(b *testing.B) {
	n, in, _ := layerTest(gruCell, "forward", 100, 1, 128, 128)
	n.attributes["linear_before_reset"] = 1
	benchKernel(b, n, in...)
}

func BenchmarkAttention(b *testing.B) {
	x := normals(1, 16, 128, 384)
	benchKernel(b, testNode{op: "Attention", version: 23, attributes: map[string]any{"q_num_heads": 6, "kv_num_heads": 6}}, x, x, x)
}

func BenchmarkLayerNormalization(b *testing.B) {
	benchKernel(b, testNode{op: "LayerNormalization", version: 17}, normals(1, 16, 128, 384), normals(2, 384), normals(3, 384))
}

func BenchmarkQLinearConv(b *testing.B) {
	w, z := bytesOf[int8](2, 64, 64, 3, 3), tensor([]int8{0})
	in := []*value.Value{
		bytesOf[uint8](1, 1, 64, 56, 56), single[float32](0.02), single[uint8](128), w, single[float32](0.01), z, single[float32](0.1), single[uint8](100),
	}
	benchKernel(b, testNode{op: "QLinearConv", version: 10, attributes: map[string]any{"pads": []int{1, 1, 1, 1}}}, in...)
}

func BenchmarkQuantizeLinear(b *testing.B) {
	benchKernel(b, testNode{op: "QuantizeLinear", version: 13}, normals(1, 1<<18), single[float32](0.02), single[uint8](128))
}
