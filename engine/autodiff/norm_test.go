package autodiff_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

func TestBatchNormMovesRunningStatistics(t *testing.T) {
	tape := NewTape(tensor.Float64)
	mean := &Param{Value: vector(10, 0), Frozen: true}
	variance := &Param{Value: vector(1, 2), Frozen: true}
	x := vector(1, 5, 2, 5, 3, 5, 6, 5).Reshape(4, 2)
	norm := func() *Var { return BatchNorm(tape.Input(x), nil, nil, mean, variance, 0.25, 0) }

	norm() // outside training nothing moves
	wantGrad(t, "mean", mean.Value, 10, 0)
	tape.Training = true
	norm()
	// Column 0 has mean 3 and squared deviations 4, 1, 0, 9: unbiased variance 14/3.
	wantGrad(t, "mean", mean.Value, 0.75*10+0.25*3, 1.25)
	wantGrad(t, "variance", variance.Value, 0.75+0.25*14/3., 1.5)
	x = vector(7, 1).Reshape(1, 2) // one sample has no unbiased variance
	y := BatchNorm(tape.Input(x), nil, nil, mean, variance, 1, 1e-5)
	wantGrad(t, "mean of one", mean.Value, 7, 1)
	wantGrad(t, "variance of one", variance.Value, 0.75+0.25*14/3., 1.5)
	wantGrad(t, "value of one", y.Value, 0, 0)
}

// Norms of far-off values keep their precision: the variance is not a difference of squares.
func TestNormsOfFarOffValues(t *testing.T) {
	for name, f := range map[string]func(x *Var) *Var{
		"LayerNorm": func(x *Var) *Var { return LayerNorm(x, nil, nil, 0) },
		"BatchNorm": func(x *Var) *Var { return Transpose(BatchNorm(Transpose(x), nil, nil, nil, nil, 0, 0)) },
	} {
		tape := NewTape(tensor.Float32)
		x, err := tensor.FromFloat32([]float32{4096, 4097, 4098, 4099}, 1, 4)
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range f(tape.Input(x)).Value.Float32s() {
			want := (float64(i) - 1.5) / math.Sqrt(1.25)
			if math.Abs(float64(y)-want) > 1e-6 {
				t.Errorf("%s: element %d is %v, want %v", name, i, y, want)
			}
		}
	}
}

func TestDropout(t *testing.T) {
	const n = 40000
	x := tensor.New(tensor.Float32, n)
	x.Fill(2)
	draw := func(p float64, seed uint64) []float32 {
		tape := NewTape(tensor.Float32)
		tape.Training = true
		return slices.Clone(Dropout(tape.Input(x), p, rand.New(rand.NewPCG(seed, 0))).Value.Float32s())
	}
	const p = 0.3
	y := draw(p, 1)
	if !slices.Equal(y, draw(p, 1)) || slices.Equal(y, draw(p, 2)) {
		t.Error("the mask is not what the seed makes it")
	}
	dropped, runs := 0, 0
	for i, v := range y {
		switch v {
		case 0:
			dropped++
		case float32(2 * float32(1/(1-p))):
		default:
			t.Fatalf("element %d is %v", i, v)
		}
		if i > 0 && (v == 0) != (y[i-1] == 0) {
			runs++
		}
	}
	// Five standard deviations, of a binomial count and of the number of changes.
	if d := math.Abs(float64(dropped) - n*p); d > 5*math.Sqrt(n*p*(1-p)) {
		t.Errorf("%d of %d dropped", dropped, n)
	}
	if d := math.Abs(float64(runs) - n*2*p*(1-p)); d > 5*math.Sqrt(n) {
		t.Errorf("%d changes between neighbours in %d", runs, n)
	}
	for _, v := range draw(1, 1) {
		if v != 0 {
			t.Fatal("p = 1 keeps something")
		}
	}
}
