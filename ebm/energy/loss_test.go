package energy

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// surface returns energies as a leaf, and targets.
func surface(tape *autodiff.Tape, seed uint64, n, k int, scale float64) (*autodiff.Var, []int) {
	rng := generator(seed)
	e, target := tensor.New(tensor.Float64, n, k), make([]int, n)
	for i := range e.Float64s() {
		e.Float64s()[i] = math.Abs(rng.NormFloat64()) * scale
	}
	for i := range target {
		target[i] = rng.IntN(k)
	}
	return tape.Input(e.Convert(tape.DType())), target
}

// TestFusedAndComposedAgree holds the one operation over labels against the functional's
// formula over E⁺ and the statistic, as any other answer space has it.
func TestFusedAndComposedAgree(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		tol := map[tensor.DType]float64{tensor.Float32: 2e-6, tensor.Float64: 1e-13}[dt]
		for _, f := range functionals(t) {
			var losses, grads [3][]float64
			for way := range 3 {
				tape := autodiff.NewTape(dt)
				e, target := surface(tape, 1, 50, 6, 2)
				answers, err := Labels(e, target)
				if err != nil {
					t.Fatal(err)
				}
				var loss *autodiff.Var
				switch way {
				case 0:
					loss, err = Loss(answers, f)
				case 1:
					loss, err = Loss(other{answers}, f)
				case 2:
					loss, err = new(LabelLoss).Record(e, target, f)
				}
				// Something behind the loss, and the energies in use elsewhere too.
				total := autodiff.Add(autodiff.Mean(autodiff.Square(must(t, loss, err))), autodiff.Mean(e))
				tape.Backward(total)
				losses[way] = loss.Value.Convert(tensor.Float64).Float64s()
				grads[way] = e.Grad().Convert(tensor.Float64).Float64s()
			}
			for way := 1; way < 3; way++ {
				for i, v := range losses[0] {
					if math.Abs(v-losses[way][i]) > tol*(1+math.Abs(v))*5 {
						t.Fatalf("%v %s: loss %v and %v", dt, f.Name(), v, losses[way][i])
					}
				}
				for i, v := range grads[0] {
					if math.Abs(v-grads[way][i]) > tol*(1+math.Abs(v))*5 {
						t.Fatalf("%v %s: derivative %v and %v", dt, f.Name(), v, grads[way][i])
					}
				}
			}
		}
	}
}

// TestTwoLossesOnOneSurface: derivatives of a sum are summed.
func TestTwoLossesOnOneSurface(t *testing.T) {
	grad := func(fs ...functional.Functional) []float64 {
		tape := autodiff.NewTape(tensor.Float64)
		e, target := surface(tape, 2, 10, 4, 1)
		answers, err := Labels(e, target)
		if err != nil {
			t.Fatal(err)
		}
		total := autodiff.Mean(e)
		for _, f := range fs {
			a, err := Loss(answers, f)
			total = autodiff.Add(total, autodiff.Sum(must(t, a, err)))
			b, err := Loss(other{answers}, f)
			total = autodiff.Add(total, autodiff.Sum(must(t, b, err)))
		}
		tape.Backward(total)
		return e.Grad().Float64s()
	}
	none, a, b, both := grad(), grad(functional.NLL{}), grad(functional.Hinge{Margin: 1}), grad(functional.NLL{}, functional.Hinge{Margin: 1})
	for i := range none {
		if want := a[i] + b[i] - none[i]; math.Abs(both[i]-want) > 1e-13 {
			t.Fatalf("derivative %v, sum of the parts %v", both[i], want)
		}
	}
}

func TestNoGradientIsComputedForConstants(t *testing.T) {
	tape := autodiff.NewTape(tensor.Float32)
	e, target := surface(tape, 3, 4, 3, 1)
	var l LabelLoss
	v, err := l.Record(tape.Const(e.Value), target, functional.NLL{})
	if must(t, v, err).Needs() || l.op.f32.grad != nil {
		t.Error("a loss of constants wants a gradient")
	}
}

func TestLossErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		f      functional.Functional
		row    [3]float64
		target []int
		want   string
	}{
		{functional.Hinge{}, [3]float64{1, 2, 3}, []int{0, 1}, "energies of shape [1 3] with 2 targets; they must be [B, K] and B"},
		{functional.Hinge{}, [3]float64{1, 2, 3}, []int{3}, "target[0] is 3; it must be a label from 0 to 2"},
		{functional.Hinge{}, [3]float64{1, 2, 3}, []int{-1}, "target[0] is -1"},
		{functional.Hinge{}, [3]float64{1, nan, 3}, []int{0}, "NaN"},
		{functional.Hinge{}, [3]float64{inf, 2, 3}, []int{0}, "+Inf"},
		{functional.NLL{}, [3]float64{1, -inf, 3}, []int{0}, "-Inf"},
		{functional.SquareSquare{Margin: 1}, [3]float64{-1, 2, 3}, []int{0}, "square_square: "},
		{functional.SquareSquare{Margin: 1}, [3]float64{1, -2, 3}, []int{0}, "is -2; it must be at least 0"},
		{functional.NLL{Beta: -1}, [3]float64{1, 2, 3}, []int{0}, "beta is -1"},
		{functional.MarginCost{Cost: [][]float64{{0, 1}, {1, 0}}}, [3]float64{1, 2, 3}, []int{0}, "cost has 2 rows"},
	} {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			x, err := tensor.FromFloat64(c.row[:], 1, 3)
			if err != nil {
				t.Fatal(err)
			}
			tape := autodiff.NewTape(dt)
			e := tape.Input(x.Convert(dt))
			_, direct := new(LabelLoss).Record(e, c.target, c.f)
			answers, composed := Labels(e, c.target)
			if composed == nil {
				_, composed = Loss(other{answers}, c.f)
			}
			for _, err := range []error{direct, composed} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s of %v: error %v; it should say %q", c.f.Name(), c.row, err, c.want)
				}
			}
			var ee *functional.EnergyError
			if isEnergy := errors.As(direct, &ee); isEnergy != errors.As(composed, &ee) {
				t.Errorf("%s of %v: errors of different kinds, %v and %v", c.f.Name(), c.row, direct, composed)
			}
		}
	}
}

func TestRecordingAgainBeforeBackwardPanics(t *testing.T) {
	for _, way := range []string{"LabelLoss", "AnswerLoss"} {
		func() {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, "use one "+way+" for each") {
					t.Errorf("%s: panic %q", way, v)
				}
			}()
			tape := autodiff.NewTape(tensor.Float64)
			e, target := surface(tape, 1, 4, 3, 1)
			answers, err := Labels(e, target)
			if err != nil {
				t.Fatal(err)
			}
			var label LabelLoss
			var answer AnswerLoss
			record := func() *autodiff.Var {
				v, err := label.Record(e, target, functional.NLL{})
				if way == "AnswerLoss" {
					v, err = answer.Record(answers, functional.NLL{})
				}
				return must(t, v, err)
			}
			first := record()
			record()
			tape.BackwardFrom(first, nil)
		}()
	}
}

func TestStats(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		tape := autodiff.NewTape(dt)
		e, target := surface(tape, 4, 20, 5, 1)
		var l LabelLoss
		v, err := l.Record(e, target, functional.NLL{})
		must(t, v, err)
		answers, err := Labels(e, target)
		if err != nil {
			t.Fatal(err)
		}
		stats, again := l.Stats(nil), answers.Stats(nil)
		for i, s := range stats {
			least, at := math.Inf(1), 0
			for y := range 5 {
				if v := e.Value.At(i, y); y != target[i] && v < least {
					least, at = v, y
				}
			}
			if s.Correct != e.Value.At(i, target[i]) || s.Offending != least || s.Answer != at || s != again[i] {
				t.Errorf("%+v, offending answer %d at %v", s, at, least)
			}
		}
	}
}

// TestWarmStepsDoNotAllocate covers energies, loss and Backward, by both ways.
func TestWarmStepsDoNotAllocate(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, e := range energies {
			l := e.of(generator(1))
			castTo(l, dt)
			x, target := sample(dt, 32, generator(2))
			for _, f := range functionals(t) {
				if f.Statistic().NonNegative && !e.nonNegative {
					continue
				}
				tape := autodiff.NewTape(dt)
				var fused LabelLoss
				var answers LabelAnswers
				var composed AnswerLoss
				stats := make([]functional.LabelStats, 32)
				step := func() {
					tape.Reset()
					energies := l.Energies(tape.Const(x))
					a, err := fused.Record(energies, target, f)
					if err != nil {
						t.Fatal(err)
					}
					if err := answers.Set(energies, target); err != nil {
						t.Fatal(err)
					}
					b, err := composed.Record(&answers, f)
					if err != nil {
						t.Fatal(err)
					}
					stats = fused.Stats(stats)
					tape.Backward(autodiff.Mean(autodiff.Add(a, b)))
				}
				if n := testing.AllocsPerRun(3, step); n != 0 {
					t.Errorf("%v %s, %s: %v allocations a step", dt, e.name, f.Name(), n)
				}
			}
		}
	}
}
