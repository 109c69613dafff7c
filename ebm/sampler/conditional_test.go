package sampler_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/ebm/sampler"
)

// pair is a normal of two numbers with correlation r and unit variances.
type pair struct{ r float64 }

func (p pair) Dim() int { return 2 }

func (p pair) Energies(energy, grad, y []float64) {
	k := 1 / (1 - p.r*p.r)
	for i := range energy {
		a, b := y[2*i], y[2*i+1]
		energy[i] = k * (a*a - 2*p.r*a*b + b*b) / 2
		if grad != nil {
			grad[2*i], grad[2*i+1] = k*(a-p.r*b), k*(b-p.r*a)
		}
	}
}

// The second number given the first a is N(r·a, 1 − r²).
func TestConditional(t *testing.T) {
	const n, r, a = 4000, 0.8, 1.5
	whole := make([]float64, 2*n)
	for i := range n {
		whole[2*i], whole[2*i+1] = a, 7
	}
	c, err := sampler.NewConditional[float64](pair{r}, whole, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	part := make([]float64, n)
	c.Part(part, whole)
	if part[0] != 7 {
		t.Fatalf("the free part is %v", part[0])
	}
	s, err := sampler.NewState[float64](c, part)
	if err != nil {
		t.Fatal(err)
	}
	rng, mala := rand.New(rand.NewPCG(1, 2)), &sampler.MALA[float64]{StepSize: 0.2}
	for range 200 {
		mala.Step(rng, c, s)
	}
	var mean, square float64
	for _, y := range s.Y {
		mean += y / n
		square += y * y / n
	}
	if v := square - mean*mean; math.Abs(mean-r*a) > 0.04 || math.Abs(v-(1-r*r)) > 0.03 {
		t.Errorf("mean %v and variance %v, want %v and %v", mean, v, r*a, 1-r*r)
	}
	for i := range n {
		if all := c.Whole(s.Y); all[2*i] != a || all[2*i+1] != s.Y[i] {
			t.Fatalf("chain %d is at %v; its first number must be %v, its second %v", i, all[2*i:2*i+2], a, s.Y[i])
		}
	}
}

func TestConditionalRefuses(t *testing.T) {
	for name, f := range map[string]func() error{
		"no points": func() error { _, err := sampler.NewConditional[float64](pair{}, nil, []int{0}); return err },
		"half a one": func() error {
			_, err := sampler.NewConditional[float64](pair{}, make([]float64, 3), []int{0})
			return err
		},
		"none free": func() error { _, err := sampler.NewConditional[float64](pair{}, make([]float64, 2), nil); return err },
		"out of it": func() error {
			_, err := sampler.NewConditional[float64](pair{}, make([]float64, 2), []int{2})
			return err
		},
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
