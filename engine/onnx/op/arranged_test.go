package op

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// Nodes that multiply by the same memory, under whatever name, share what they have arranged.
func TestArrangedOnce(t *testing.T) {
	shared := new(Arranged)
	w, x := normals(1, 24, 24), normals(2, 3, 24)
	again := new(value.Value)
	again.View(w, 24, 24)
	kernel := func(n testNode, w *value.Value) Kernel {
		n.constant, n.arranged = true, shared
		k, err := n.kernel(x, w)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	product := testNode{op: "MatMul", version: 13}
	linear := testNode{op: "Gemm", version: 13}
	transposed := testNode{op: "Gemm", version: 13, attributes: map[string]any{"transB": 1}}
	first := kernel(product, w).(*matMul).batch.panels
	if first == nil {
		t.Fatal("MatMul arranges nothing")
	}
	if kernel(product, again).(*matMul).batch.panels != first || kernel(linear, again).(*gemmKernel).batch.panels != first {
		t.Error("nodes of one matrix arrange it each for itself")
	}
	if kernel(transposed, w).(*gemmKernel).batch.panels == first {
		t.Error("a transposed matrix is taken for the matrix")
	}
	if kernel(product, normals(1, 24, 24)).(*matMul).batch.panels == first {
		t.Error("another matrix is taken for the first")
	}
	for _, n := range []testNode{product, linear, transposed} {
		alone, err := n.run(x, w)
		if err != nil {
			t.Fatal(err)
		}
		out, err := runKernel(kernel(n, w), 1, x, w)
		if err != nil {
			t.Fatal(err)
		}
		within(t, n.op, out[0], []int{3, 24}, convertTo[float64](value.Data[float32](alone[0])), 1e-5)
	}
}
