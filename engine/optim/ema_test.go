package optim

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// The average is the weighted mean of its definition, from the first step on.
func TestEMAIsWeightedMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for dt, tol := range map[tensor.DType]float64{tensor.Float32: 1e-6, tensor.Float64: 1e-12} {
		for _, decay := range []float64{0, 0.5, 0.99, 0.9999} {
			e := &EMA{Decay: decay}
			p := &autodiff.Param{Name: "p", Value: tensor.New(dt, 3), Frozen: true}
			params := []*autodiff.Param{p}
			sum, weight := 0.0, 0.0
			for step := range 60 {
				v := rng.NormFloat64()
				p.Value.Set(v, 1)
				e.Update(params)
				sum, weight = decay*sum+p.Value.At(1), decay*weight+1
				if step == 20 {
					restored := &EMA{Decay: decay}
					if err := restored.Restore(e.State()); err != nil {
						t.Fatal(err)
					}
					e = restored
				}
				e.Swap(params)
				if got := p.Value.At(1); math.Abs(got-sum/weight) > tol*3 {
					t.Fatalf("decay %v, %v, step %d: average %v, want %v", decay, dt, step, got, sum/weight)
				}
				e.Swap(params)
			}
		}
	}
}

func TestEMASwapsBack(t *testing.T) {
	p := param("p", []float64{1, 2}, nil)
	params := []*autodiff.Param{p}
	e := &EMA{Decay: 0.9}
	e.Swap(params) // nothing to swap yet
	e.Swap(params)
	e.Update(params)
	p.Value.Set(5, 0)
	value := p.Value
	e.Swap(params)
	if p.Value != value || p.Value.At(0) != 1 {
		t.Errorf("swapped in: %v, want the average in the same tensor", p.Value)
	}
	for name, f := range map[string]func(){
		"Update":  func() { e.Update(params) },
		"State":   func() { e.State() },
		"Restore": func() { e.Restore(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s while swapped: no panic", name)
				}
			}()
			f()
		}()
	}
	e.Swap(params)
	if p.Value.At(0) != 5 || p.Value.At(1) != 2 {
		t.Errorf("swapped out: %v, want the values", p.Value)
	}
}

func TestEMARestoreRefuses(t *testing.T) {
	e := &EMA{Decay: 0.9}
	e.Update([]*autodiff.Param{param("p", []float64{1, 2}, nil)})
	r := &EMA{Decay: 0.9}
	if err := r.Restore(e.State()); err != nil {
		t.Fatal(err)
	}
	if err := r.Prepare([]*autodiff.Param{param("p", []float64{1}, nil)}); err == nil {
		t.Error("an average of another shape is taken")
	}
	if err := (&EMA{}).Restore((&SGD{Momentum: 1}).State()[:0]); err == nil {
		t.Error("an empty state is taken")
	}
}

// What is no thing to average is kept as it was last.
func TestEMAKeepsDirections(t *testing.T) {
	u := &autodiff.Param{Name: "u", Value: tensor.New(tensor.Float32, 2), Frozen: true, NoAverage: true}
	e := &EMA{Decay: 0.99}
	for _, v := range []float64{1, -1, 0.5} {
		u.Value.Set(v, 0)
		e.Update([]*autodiff.Param{u})
	}
	u.Value.Set(7, 0)
	e.Swap([]*autodiff.Param{u})
	if got := u.Value.At(0); got != 0.5 {
		t.Errorf("kept %v, want 0.5", got)
	}
}
