package energy

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss"
)

// TestScoreLosses holds the gradient of each by the energies against differences, and the value of some against package loss.
func TestScoreLosses(t *testing.T) {
	energies, target := []float32{0.3, -0.8, 1.1, 0.9, 0.2, -0.4}, []int{1, 0}
	values := map[string]func(scores []float32) (float64, error){
		"cross_entropy": func(x []float32) (float64, error) {
			l := loss.CrossEntropy[float32]{LabelSmoothing: 0.1}
			return l.Eval(x, loss.Dims{Batch: 2, Classes: 3}, target, nil)
		},
		"soft_margin": func(x []float32) (float64, error) {
			return loss.SoftMarginLoss(x, []float32{-1, 1, -1, 1, -1, -1}, nil)
		},
		"mse": func(x []float32) (float64, error) { return loss.MSELoss(x, []float32{0, 1, 0, 1, 0, 0}, nil) },
	}
	for _, name := range ScoreLosses {
		l, err := NewScoreLoss(name, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		e := &autodiff.Param{Value: tensor.New(tensor.Float32, 2, 3), Grad: tensor.New(tensor.Float32, 2, 3)}
		tape := autodiff.NewTape(tensor.Float32)
		value := func() float64 {
			tape.Reset()
			v, err := l.Record(tape.Param(e), target)
			if err != nil {
				t.Fatal(name, err)
			}
			e.ZeroGrad()
			tape.Backward(v)
			return v.Value.At()
		}
		x := e.Value.Float32s()
		copy(x, energies)
		got := value()
		grad := append([]float32(nil), e.Grad.Float32s()...)
		if of := values[name]; of != nil {
			scores := make([]float32, len(energies))
			for i, v := range energies {
				scores[i] = -v
			}
			if want, err := of(scores); err != nil || math.Abs(got-want) > 1e-6 {
				t.Errorf("%s is %v, by package loss %v, %v", name, got, want, err)
			}
		}
		for i := range x {
			const h = 1e-2
			x[i] = energies[i] + h
			hi := value()
			x[i] = energies[i] - h
			lo := value()
			x[i] = energies[i]
			if want := (hi - lo) / (2 * h); math.Abs(float64(grad[i])-want) > 2e-3 {
				t.Errorf("%s: derivative %d is %v, by differences %v", name, i, grad[i], want)
			}
		}
	}
	if _, err := NewScoreLoss("nll", 0); err == nil {
		t.Error("a loss that is not listed is no error")
	}
	l, _ := NewScoreLoss("mse", 0)
	tape := autodiff.NewTape(tensor.Float32)
	for _, bad := range [][]int{{1}, {1, 3}} {
		if _, err := l.Record(tape.Const(tensor.New(tensor.Float32, 2, 3)), bad); err == nil {
			t.Errorf("targets %v of two samples with three labels are no error", bad)
		}
	}
	wide := autodiff.NewTape(tensor.Float64)
	if _, err := l.Record(wide.Const(tensor.New(tensor.Float64, 2, 3)), target); err == nil {
		t.Error("energies in float64 are no error")
	}
}
