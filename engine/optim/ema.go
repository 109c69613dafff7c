package optim

import (
	"math"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// EMA is an exponential moving average of parameters [polyak1992]: of the values
// w₁ … w_t that Update has seen, the mean with weights proportional to Decay^(t−i),
//
//	a = a + r·(w − a)      r = (1 − Decay)/(1 − Decayᵗ)
//
// The weights sum to one from the first step on (a₁ = w₁), so the average is not
// drawn to its start. All parameters given are averaged, frozen ones too: running
// statistics must go with the weights that they belong to. Those marked NoAverage are
// taken as they are.
//
// Errors: Decay outside [0, 1). A decay of 1 would keep the first values for ever.
type EMA struct {
	Decay float64 // in [0, 1)

	history history
	swapped bool
}

var emaKinds = []string{"average"}

// Update takes the parameters' values into the average. It panics where Prepare reports
// an error.
func (e *EMA) Update(params []*autodiff.Param) {
	if e.swapped {
		panic("optim: EMA.Update while the averages are swapped in")
	}
	must(e.check())
	e.history.begin(params, emaKinds)
	for _, p := range params {
		s := e.history.step(p, emaKinds)
		decay := 1 - (1-e.Decay)/(1-math.Pow(e.Decay, float64(s.steps)))
		a := s.buf[0]
		switch {
		case s.steps == 1 || p.NoAverage:
			a.CopyFrom(p.Value)
		case a.DType() == tensor.Float64:
			simd.EMA(a.Float64s(), p.Value.Float64s(), decay)
		default:
			simd.EMA(a.Float32s(), p.Value.Float32s(), decay)
		}
	}
}

// Swap exchanges the parameters' values and their averages: to evaluate or save the
// averages, and, called again, to train on. Parameters without an average stay.
// Between the two calls Update and State panic.
func (e *EMA) Swap(params []*autodiff.Param) {
	must(e.Prepare(params))
	for _, p := range params {
		s := e.history.slots[p.Name]
		if s == nil || s.steps == 0 {
			continue
		}
		exchange(p.Value.Float32s(), s.buf[0].Float32s())
		exchange(p.Value.Float64s(), s.buf[0].Float64s())
	}
	e.swapped = !e.swapped
}

func exchange[T tensor.Float](a, b []T) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

// State returns the averages, "average.0.weight" and so on, and "step", as
// Optimizer.State does.
func (e *EMA) State() []tensor.Named {
	if e.swapped {
		panic("optim: EMA.State while the averages are swapped in")
	}
	return e.history.state(emaKinds)
}

// Restore takes back what State returned, as Optimizer.Restore does.
func (e *EMA) Restore(state []tensor.Named) error {
	if e.swapped {
		panic("optim: EMA.Restore while the averages are swapped in")
	}
	return e.history.restore(state, emaKinds)
}

// Prepare reports what does not fit params, as Optimizer.Prepare does.
func (e *EMA) Prepare(params []*autodiff.Param) error {
	if err := e.check(); err != nil {
		return err
	}
	return e.history.prepare(params, emaKinds)
}

func (e *EMA) check() error {
	c := checker{of: "EMA"}
	c.fraction("Decay", e.Decay)
	return c.err
}
