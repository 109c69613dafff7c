// Package objective trains densities p(y) = exp(−E(y))/Z over real y without their
// partition function: contrastive divergence, score matching (denoising and sliced) and
// noise-contrastive estimation. Where a grid can hold all of y, a functional over
// energy.PointAnswers does it, too, and exactly.
//
// Each objective records one scalar a batch, whose gradient by the weights is what it
// trains with. What is random comes from the stream it is given. It keeps its memory
// and serves one goroutine.
package objective

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Objective is a way to train a density.
type Objective interface {
	// Record records the objective of the data y [B, Dim] on the tape.
	//
	// Errors: a field that is missing or out of its range; data of another shape or element
	// type; an energy that is no finite number (*functional.EnergyError, its Sample counting
	// the data and then the other points).
	Record(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error)
}

// Trained is an Objective with parameters of its own, which are trained besides the surface's.
type Trained interface {
	Objective
	Params() []*autodiff.Param
}

// Stateful is an Objective that keeps more than parameters from step to step, for checkpoints.
type Stateful interface {
	Objective
	// State returns the tensors themselves, always the same names and shapes in the same order.
	State() []tensor.Named
}

// checkArguments returns an error where Record cannot begin: without a surface, or with data
// that are not its answers.
func checkArguments[T tensor.Float](name string, tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor) error {
	switch {
	case s == nil:
		return missing(name, "surface")
	case y == nil:
		return missing(name, "data")
	case len(y.Shape()) != 2 || y.Dim(1) != s.Dim() || y.Dim(0) == 0:
		return fmt.Errorf("objective: %s: the data have shape %v; it must be [B, %d] with B at least 1", name, y.Shape(), s.Dim())
	}
	want := tensor.Float32
	if _, ok := any(T(0)).(float64); ok {
		want = tensor.Float64
	}
	if y.DType() != want || tape.DType() != want {
		return fmt.Errorf("objective: %s of %v: the data are %v and the tape is %v; all must be alike", name, want, y.DType(), tape.DType())
	}
	return nil
}

// missing is the error of a field or an argument that is nil.
func missing(name, field string) error {
	return fmt.Errorf("objective: %s: %s is nil; it must be set", name, field)
}

// outOfRange is the error of a field.
func outOfRange(name, field string, v float64, must string) error {
	return fmt.Errorf("objective: %s: %s is %v; it must be %s", name, field, v, must)
}

// checkFinite returns an error for the first energy that is no finite number.
func checkFinite[T tensor.Float](name string, energies []T) error {
	if !simd.HasNonFinite(energies) {
		return nil
	}
	for i, e := range energies {
		if v := float64(e); math.IsNaN(v) || math.IsInf(v, 0) {
			return &functional.EnergyError{Functional: name, Sample: i, Label: -1, Value: v, Want: "a finite number"}
		}
	}
	return nil
}

// slopesOf returns the slopes of s, those kept if they are s's.
func slopesOf[T tensor.Float](kept *energy.Slopes[T], of *energy.Surface, s energy.Surface) *energy.Slopes[T] {
	if kept != nil && *of == s {
		return kept
	}
	*of = s
	return energy.NewSlopes[T](s)
}

// frozen is a recorded value whose derivatives by a vector of energies were computed
// beforehand.
type frozen[T tensor.Float] struct {
	out *autodiff.Var
	d   []T
}

func (f *frozen[T]) record(energies *autodiff.Var, value float64) *autodiff.Var {
	f.out = energies.Tape().Custom(f, []*autodiff.Var{energies})
	tensor.Data[T](f.out.Value)[0] = T(value)
	return f.out
}

// Backward implements autodiff.Op.
func (f *frozen[T]) Backward(out *autodiff.Var, in []*autodiff.Var) {
	if out != f.out {
		panic("objective: recorded again before Backward; use one objective for each")
	}
	simd.AXPY(tensor.Data[T](in[0].AddGrad()), tensor.Data[T](out.Grad())[0], f.d)
}
