package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

func TestLosses(t *testing.T) {
	for _, shape := range [][]int{{5, 4}, {3, 4, 7}, {2, 4, 3, 5}} {
		x, weight := normals(1, shape...), positive(normals(2, 4))
		plane := volume(shape[2:])
		labels := make([]int64, shape[0]*plane)
		for i := range labels {
			labels[i] = int64(i*7) % 4
		}
		labels[1] = -100
		target := tensor(labels, append([]int{shape[0]}, shape[2:]...)...)
		d := value.Data[float32](x)
		logs := make([]float64, len(d)) // log softmax
		for i := range d {
			first := i/(4*plane)*4*plane + i%plane
			sum := 0.0
			for c := range 4 {
				sum += math.Exp(float64(d[first+c*plane]))
			}
			logs[i] = float64(d[i]) - math.Log(sum)
		}
		for _, op := range []string{"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"} {
			for _, weighted := range []bool{false, true} {
				each, sum, total := make([]float64, len(labels)), 0.0, 0.0
				for i, label := range labels {
					if label < 0 {
						continue
					}
					w, at := 1.0, (i/plane*4+int(label))*plane+i%plane
					if weighted {
						w = float64(value.Data[float32](weight)[label])
					}
					p := float64(d[at])
					if op == "SoftmaxCrossEntropyLoss" {
						p = logs[at]
					}
					each[i] = -w * p
					sum, total = sum+each[i], total+w
				}
				in := []*value.Value{x, target}
				if weighted {
					in = append(in, weight)
				}
				for reduction, want := range map[string][]float64{"none": each, "sum": {sum}, "mean": {sum / total}} {
					n := testNode{op: op, version: 13, attributes: map[string]any{"reduction": reduction, "ignore_index": -100}}
					var out []int
					if reduction == "none" {
						out = target.Shape
					}
					within(t, fmt.Sprint(op, shape, reduction, weighted), n.one(t, in...), out, want, 1e-5)
				}
			}
		}
		n := testNode{op: "SoftmaxCrossEntropyLoss", version: 12, outputs: 2, attributes: map[string]any{"ignore_index": -100}}
		out, err := n.run(x, target)
		if err != nil {
			t.Fatal(err)
		}
		within(t, "log_prob", out[1], shape, logs, 1e-5)
	}
}

func TestLossesRefuse(t *testing.T) {
	n := testNode{op: "NegativeLogLikelihoodLoss", version: 13}
	n.refuses(t, []*value.Value{ramp(2, 3), tensor([]int64{0, 3}, 2)}, "label 1 is 3", "[0, 2]")
	n.refuses(t, []*value.Value{ramp(2, 3), tensor([]int64{0}, 1)}, "labels are int64[1]", "[2]")
	n.refuses(t, []*value.Value{ramp(2, 3), tensor([]int64{0, 1}, 2), ramp(2)}, "weight is float[2]", "[3]")
	if y := value.Data[float32](testNode{op: n.op, version: 13, attributes: map[string]any{"ignore_index": 1}}.one(t, ramp(1, 3), tensor([]int64{1}, 1))); y[0] == y[0] {
		t.Errorf("the mean of no labels is %v, must be NaN", y[0])
	}
}
