package functional

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Labels computes the loss of each sample and its derivatives by the energies, in one
// pass: LabelEvaluator.Eval with memory of its own.
func Labels[T tensor.Float](f Functional, energies []T, k int, target []int, loss, grad []T) error {
	var e LabelEvaluator[T]
	return e.Eval(f, energies, k, target, loss, grad)
}

// LabelEvaluator evaluates functionals over batches of label energies. The zero value
// is ready; one that is used again keeps its memory and allocates nothing. It serves
// one goroutine at a time and uses several.
type LabelEvaluator[T tensor.Float] struct {
	f        Functional
	stat     Statistic
	energies []T
	k        int
	target   []int
	loss     []T
	grad     []T
	rows     int // in a task

	weights []T     // [B, K] of FreeEnergy and Wrong: exp(−β(E − min))
	least   []int32 // [B] of them: the index of the minimum, over what is summed
	only    alone   // of Statistic
}

// block is about how many energies one task takes.
const block = 8 << 10

// Eval computes loss[i] = q(E⁺, s) of each sample i and grad[i,y] = ∂loss[i]/∂E[i,y].
// energies holds B rows of k, row-major; target the B correct labels. Either of loss
// [B] and grad [B, k] may be nil; they are overwritten and must not overlap energies.
//
// An energy of +Inf masks an incorrect answer: it is never chosen, pushed or counted.
// Sums are taken in float64. A loss that is too large for T is +Inf.
//
// Errors: k < 2; slices whose lengths do not fit; a target that is not a label; an
// energy that is NaN, −Inf, +Inf where the answer is correct, or negative where f
// needs E ≥ 0 (*EnergyError); a statistic with Beta or Cost out of range. Nothing is
// written then.
func (e *LabelEvaluator[T]) Eval(f Functional, energies []T, k int, target []int, loss, grad []T) error {
	stat := f.Statistic()
	if err := checkBatch(f.Name(), &stat, energies, k, target, loss, grad); err != nil {
		return err
	}
	if len(target) == 0 {
		return nil
	}
	e.f, e.stat, e.energies, e.k, e.target, e.loss, e.grad = f, stat, energies, k, target, loss, grad
	if stat.Kind == FreeEnergy || stat.Kind == Wrong {
		e.weights = scratch.Sized(e.weights, len(energies))
		e.least = scratch.Sized(e.least, len(target))
	}
	e.rows = max(1, block/k)
	simd.Run((len(target)+e.rows-1)/e.rows, (*labelJob[T])(e))
	e.f, e.energies, e.target, e.loss, e.grad = nil, nil, nil, nil, nil
	e.stat.Cost = nil
	return nil
}

// Statistic computes stat[i] = s of each sample and grad[i,y] = ∂stat[i]/∂E[i,y], as
// Eval does for the formula q = s.
func (e *LabelEvaluator[T]) Statistic(s Statistic, energies []T, k int, target []int, stat, grad []T) error {
	e.only.stat = s
	e.only.stat.Relative = false
	return e.Eval(&e.only, energies, k, target, stat, grad)
}

// alone is the formula q = s.
type alone struct{ stat Statistic }

func (*alone) Name() string { return "statistic" }

func (f *alone) Statistic() Statistic { return f.stat }

func (*alone) Eval(_, other float64) (loss, dCorrect, dOther float64) { return other, 0, 1 }

// labelJob hides Do, which the pool calls.
type labelJob[T tensor.Float] LabelEvaluator[T]

func (e *labelJob[T]) Do(task, _ int) {
	lo := task * e.rows
	hi := min(lo+e.rows, len(e.target))
	if e.stat.Kind == FreeEnergy || e.stat.Kind == Wrong {
		e.boltzmann(lo, hi)
	}
	for i := lo; i < hi; i++ {
		row, grad := e.energies[i*e.k:(i+1)*e.k], []T(nil)
		if e.grad != nil {
			grad = e.grad[i*e.k : (i+1)*e.k]
		}
		loss := e.sample(i, row, grad)
		if e.loss != nil {
			e.loss[i] = T(loss)
		}
	}
}

// sample evaluates sample i.
func (e *labelJob[T]) sample(i int, row, grad []T) float64 {
	t := e.target[i]
	switch e.stat.Kind {
	case Minimum:
		return e.chosen(row, grad, t, leastOf(row, t))
	case Offending:
		return e.chosen(row, grad, t, offending(row, t))
	case FreeEnergy:
		return e.free(i, row, grad)
	case CostSum:
		return e.costSum(row, grad, t)
	case CostMax:
		return e.costMax(row, grad, t)
	case Wrong:
		return e.wrong(i, row, grad)
	default:
		loss, dCorrect, _ := e.f.Eval(float64(row[t]), 0)
		if grad != nil {
			clear(grad)
			grad[t] = T(dCorrect)
		}
		return loss
	}
}

// chosen evaluates a sample whose statistic is the energy of answer y.
func (e *labelJob[T]) chosen(row, grad []T, t, y int) float64 {
	loss, dCorrect, dOther := e.f.Eval(float64(row[t]), float64(row[y]))
	if grad != nil {
		clear(grad)
		grad[t] = T(dCorrect)
		grad[y] += T(dOther)
	}
	return loss
}

// boltzmann fills the weights exp(−β(E − min)) of samples lo to hi-1.
func (e *labelJob[T]) boltzmann(lo, hi int) {
	for i := lo; i < hi; i++ {
		row := e.energies[i*e.k : (i+1)*e.k]
		y := leastOf(row, e.target[i])
		if e.stat.Kind == Wrong {
			y = offending(row, e.target[i])
		}
		e.least[i] = int32(y)
		simd.AddScalar(e.weights[i*e.k:(i+1)*e.k], row, -row[y])
	}
	w := e.weights[lo*e.k : hi*e.k]
	simd.Scale(w, w, T(-e.stat.Beta))
	simd.Exp(w, w)
}

// free evaluates sample i, whose statistic is the free energy. The minimum's own
// weight, 1, stays out of the sum, so that nothing is lost where the rest are small.
func (e *labelJob[T]) free(i int, row, grad []T) float64 {
	t, least, beta := e.target[i], int(e.least[i]), float64(T(e.stat.Beta))
	w := e.weights[i*e.k : (i+1)*e.k]
	w[least] = 0
	rest := simd.Sum(w)
	w[least] = 1
	correct, minimum, above := float64(row[t]), float64(row[least]), math.Log1p(rest)/beta
	wrong := 1 - float64(w[t])/(1+rest) // probability of the incorrect answers
	if least == t {
		wrong = rest / (1 + rest)
	}
	if e.stat.Relative {
		loss, dCorrect, _ := e.f.Eval(correct-minimum+above, 0)
		if grad != nil {
			simd.Scale(grad, w, T(-dCorrect/(1+rest)))
			grad[t] = T(dCorrect * wrong)
		}
		return loss
	}
	loss, dCorrect, dOther := e.f.Eval(correct, minimum-above)
	if grad != nil {
		simd.Scale(grad, w, T(dOther/(1+rest)))
		grad[t] += T(dCorrect)
	}
	return loss
}

// wrong evaluates sample i, whose statistic is the free energy of the incorrect answers. As in
// free, the minimum's own weight stays out of the sum.
func (e *labelJob[T]) wrong(i int, row, grad []T) float64 {
	t, least, beta := e.target[i], int(e.least[i]), float64(T(e.stat.Beta))
	correct, minimum := float64(row[t]), float64(row[least])
	if math.IsInf(minimum, 1) { // all are masked
		return e.chosen(row, grad, t, least)
	}
	w := e.weights[i*e.k : (i+1)*e.k]
	w[t], w[least] = 0, 0
	rest := simd.Sum(w)
	w[least] = 1
	above := math.Log1p(rest) / beta
	var loss, dCorrect, dOther float64
	if e.stat.Relative {
		loss, dCorrect, dOther = e.f.Eval(correct-minimum+above, 0)
	} else {
		loss, dCorrect, dOther = e.f.Eval(correct, minimum-above)
	}
	if grad != nil {
		for y, v := range w {
			grad[y] = 0
			if v > 0 { // also where dOther is infinite
				grad[y] = T(dOther * float64(v) / (1 + rest))
			}
		}
		grad[t] = T(dCorrect)
	}
	return loss
}

// costSum evaluates a sample whose statistic is the sum of its hinges.
func (e *labelJob[T]) costSum(row, grad []T, t int) float64 {
	sum, pushed := 0.0, 0.0
	for y, v := range row {
		if y == t {
			continue
		}
		if z := float64(row[t]) - float64(v) + e.cost(t, y); z > 0 {
			sum += z
			pushed++
		}
	}
	loss, dCorrect, dOther := e.f.Eval(float64(row[t]), sum)
	if grad != nil {
		for y, v := range row {
			grad[y] = 0
			if float64(row[t])-float64(v)+e.cost(t, y) > 0 {
				grad[y] = T(-dOther)
			}
		}
		grad[t] = T(dCorrect + dOther*pushed)
	}
	return loss
}

// costMax evaluates a sample whose statistic is the greatest of its hinges.
func (e *labelJob[T]) costMax(row, grad []T, t int) float64 {
	worst, greatest := -1, math.Inf(-1)
	for y, v := range row {
		if z := float64(row[t]) - float64(v) + e.cost(t, y); y != t && z > greatest {
			worst, greatest = y, z
		}
	}
	loss, dCorrect, dOther := e.f.Eval(float64(row[t]), max(0, greatest))
	if grad != nil {
		clear(grad)
		if greatest < 0 {
			dOther = 0
		}
		grad[t] = T(dCorrect + dOther)
		if worst >= 0 {
			grad[worst] = T(-dOther)
		}
	}
	return loss
}

// cost is C[t][y].
func (e *labelJob[T]) cost(t, y int) float64 {
	if e.stat.Cost == nil {
		return e.stat.Margin
	}
	return e.stat.Cost[t][y]
}

// leastOf returns the index of the minimum: t if it is one, else the first.
func leastOf[T tensor.Float](row []T, t int) int {
	y := simd.ArgMin(row)
	if row[t] == row[y] {
		return t
	}
	return y
}

// offending returns the index of the least energy but t's, the first of equals.
func offending[T tensor.Float](row []T, t int) int {
	before, after := simd.ArgMin(row[:t]), simd.ArgMin(row[t+1:])
	switch {
	case before < 0:
		return t + 1 + after
	case after < 0 || row[before] <= row[t+1+after]:
		return before
	default:
		return t + 1 + after
	}
}
