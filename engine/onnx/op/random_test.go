package op

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

func TestRandomHasItsMoments(t *testing.T) {
	like := noise(1, 100, 100)
	for name, want := range map[string][2]float64{"RandomNormal": {1, 2}, "RandomUniform": {1, 2 / math.Sqrt(12)}} {
		limits := attributes("low", 0.0, "high", 2.0)
		if name == "RandomNormal" {
			limits = attributes("mean", 1.0, "scale", 2.0)
		}
		likely := run(t, name+"Like", 22, limits, like)
		limits["shape"], limits["seed"] = []int{100, 100}, float32(3)
		for _, x := range []*value.Value{likely, run(t, name, 22, limits)} {
			sum, squares := 0.0, 0.0
			for _, e := range value.Data[float32](x) {
				sum, squares = sum+float64(e), squares+float64(e)*float64(e)
			}
			n := float64(x.Len())
			mean := sum / n
			deviation := math.Sqrt(squares/n - mean*mean)
			if math.Abs(mean-want[0]) > 5*want[1]/math.Sqrt(n) || math.Abs(deviation/want[1]-1) > 0.05 {
				t.Errorf("%s: mean %v, deviation %v; must be near %v", name, mean, deviation, want)
			}
		}
	}
	refuses(t, `attribute "shape" is missing`, "RandomNormal", 1, nil)
	refuses(t, `attribute "dtype" is int64, must be a float`, "RandomUniform", 1, attributes("shape", []int{1}, "dtype", format.Int64))
	refuses(t, "is not for tensors of int8", "RandomUniformLike", 1, nil, row[int8](1))
}

func TestSeedsRepeat(t *testing.T) {
	draw := func(seed float64) []*value.Value {
		k, err := node("RandomNormal", 22, attributes("shape", []int{5}, "seed", seed)).kernel()
		if err != nil {
			t.Fatal(err)
		}
		var list []*value.Value
		for range 2 {
			out, err := runKernel(k, 1)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, out[0])
		}
		return list
	}
	a, b, c := draw(1), draw(1), draw(2)
	same(t, a[0], b[0], 0)
	same(t, a[1], b[1], 0)
	first := func(v *value.Value) float32 { return value.Data[float32](v)[0] }
	if first(a[0]) == first(a[1]) || first(a[0]) == first(c[0]) {
		t.Error("draws of two runs or two seeds are alike")
	}
}

func TestBernoulli(t *testing.T) {
	p := make([]float32, 10000)
	for i := range p {
		p[i] = 0.3
	}
	sum := 0
	for _, e := range value.Data[int32](run(t, "Bernoulli", 15, attributes("dtype", format.Int32), row(p...))) {
		sum += int(e)
	}
	if sum < 2750 || sum > 3250 {
		t.Errorf("%d of 10000 are 1, must be near 3000", sum)
	}
	same(t, run(t, "Bernoulli", 15, attributes("dtype", format.Bool), row[float32](0, 1)), row(false, true), 0)
	refuses(t, "is not for tensors of int8", "Bernoulli", 15, nil, row[int8](1))
}

func TestMultinomial(t *testing.T) {
	logits := array([]int{2, 3}, 0, float32(math.Log(3)), -inf, -inf, -inf, 5)
	x := value.Data[int64](run(t, "Multinomial", 7, attributes("sample_size", 4000, "dtype", format.Int64), logits))
	var count [3]int
	for _, e := range x[:4000] {
		count[e]++
	}
	if count[2] != 0 || count[1] < 2850 || count[1] > 3150 {
		t.Errorf("classes are drawn %v times, must be near [1000 3000 0]", count)
	}
	for _, e := range x[4000:] {
		if e != 2 {
			t.Fatalf("draws class %d, which has no probability", e)
		}
	}
	refuses(t, "must be at least 1", "Multinomial", 7, attributes("sample_size", 0), logits)
	refuses(t, "must have rows of classes", "Multinomial", 7, nil, row[float32](1))
}

func TestDropout(t *testing.T) {
	x := row[float32](1, 2, 3)
	all := row(true, true, true)
	for version, mask := range map[int]*value.Value{7: row[float32](1, 1, 1), 10: all, 12: all, 22: all} {
		out, err := testNode{op: "Dropout", version: version, outputs: 2}.run(x)
		if err != nil {
			t.Fatal(err)
		}
		same(t, out[0], x, 0)
		same(t, out[1], mask, 0)
	}
	many := noise(1, 10000)
	out, err := testNode{op: "Dropout", version: 13, outputs: 2}.run(many, array[float32](nil, 0.25), array(nil, true))
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for i, is := range value.Data[bool](out[1]) {
		want := float32(0)
		if is {
			want = value.Data[float32](many)[i] / 0.75
			kept++
		}
		if e := value.Data[float32](out[0])[i]; math.Abs(float64(e-want)) > 1e-6 {
			t.Fatalf("element %d is %v, must be %v", i, e, want)
		}
	}
	if kept < 7300 || kept > 7700 {
		t.Errorf("%d of 10000 stay, must be near 7500", kept)
	}
	refuses(t, "the ratio, is 1, must be in [0, 1)", "Dropout", 13, nil, x, array[float32](nil, 1), array(nil, true))
}
