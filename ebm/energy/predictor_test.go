package energy

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// identity is a Labeler whose energies are its input.
type identity int

func (g identity) Energies(x *autodiff.Var) *autodiff.Var { return autodiff.Scale(x, 1) }
func (g identity) Labels() int                            { return int(g) }
func (g identity) Params() []*autodiff.Param              { return nil }

func castTo(l Labeler, dt tensor.DType) { nn.Cast(Module(l), dt) }

func TestPredictor(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	rows := []float64{
		3, 1, 2,
		2, 2, 2, // the first of equals
		nan, 5, 4,
		nan, nan, nan,
		inf, -inf, 0,
		inf, inf, inf,
	}
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		x, err := tensor.FromFloat64(rows, 6, 3)
		if err != nil {
			t.Fatal(err)
		}
		p := NewPredictor(identity(3), dt)
		if got, want := p.Predict(nil, x.Convert(dt)), []int{1, 0, 2, -1, 1, 0}; !slices.Equal(got, want) {
			t.Errorf("%v: predicted %v, want %v", dt, got, want)
		}
	}
}

func TestFreeEnergies(t *testing.T) {
	x, err := tensor.FromFloat64([]float64{1, 2, 3, 1e4, 1e4 + 1, 1e4, 5, math.Inf(1), 7}, 3, 3)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPredictor(identity(3), tensor.Float64)
	for _, beta := range []float64{1e-3, 1, 1e3} {
		got := p.FreeEnergies(nil, x, beta)
		for i, row := range [][]float64{{1, 2, 3}, {0, 1, 0}, {5, 7}} {
			sum := 0.0
			for _, v := range row {
				sum += math.Exp(-beta * (v - row[0]))
			}
			want := row[0] - math.Log(sum)/beta
			if i == 1 {
				want += 1e4
			}
			if math.Abs(got[i]-want) > 1e-11*(1+math.Abs(want)) {
				t.Errorf("β %v: free energy %v, want %v", beta, got[i], want)
			}
		}
	}
}

func TestWarmPredictorsDoNotAllocate(t *testing.T) {
	p := NewPredictor(energies[0].of(generator(1)), tensor.Float32)
	x, _ := sample(tensor.Float32, 16, generator(2))
	labels, free := p.Predict(nil, x), p.FreeEnergies(nil, x, 1)
	if n := testing.AllocsPerRun(5, func() {
		labels = p.Predict(labels, x)
		free = p.FreeEnergies(free, x, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Answers over slices are Predict's, with their energies; what is no sample of the model is refused.
func TestPredictorAnswer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	p := NewPredictor(NewHead(nn.NewLinear(2, 3, rng), 3), tensor.Float32)
	x := []float32{1, 2, -3, 0.5, 0, 0}
	rows, err := tensor.FromFloat32(x, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := p.Predict(nil, rows)
	labels, energies, err := p.Answer(x, 3)
	if err != nil || !slices.Equal(labels, want) {
		t.Fatalf("answers %v, want %v, %v", labels, want, err)
	}
	for i, e := range energies {
		if got := p.Energies(rows).At(i, labels[i]); got != e {
			t.Errorf("the energy of sample %d is %v, want %v", i, e, got)
		}
	}
	nan := float32(math.NaN())
	for want, c := range map[string]struct {
		x []float32
		n int
	}{
		"x has 6 numbers for 4 samples": {x, 4},
		"x has 6 numbers for 0 samples": {x, 0},
		"x has 0 numbers for 1 samples": {nil, 1},
		"x[1] is NaN":                   {[]float32{0, nan}, 1},
		"does not take rows of 3":       {x, 2},
	} {
		if _, _, err := p.Answer(c.x, c.n); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	broken := NewHead(nn.NewLinear(2, 3, rng), 3)
	broken.Params()[0].Value.Fill(math.NaN())
	if _, _, err := NewPredictor(broken, tensor.Float32).Answer(x, 3); err == nil || !strings.Contains(err.Error(), "all energies of sample 0 are NaN") {
		t.Errorf("energies of NaN: %v", err)
	}
}
