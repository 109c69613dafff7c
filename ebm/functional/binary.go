package functional

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
)

// BinaryStats says where the energies of sets of labels lie. Each of a sample's k labels has a score s and two answers: it is there, with
// the energy −s/2, or it is not, with s/2; the energy of a set is the sum over the labels, and right holds which of them are there.
// Correct is the energy of the right set, Offending that of the nearest other one, which differs in one label; Answer is that label, the
// first of equals. Places is k, Spread the mean of |s|/2, Loss the sum of f over the labels, and Push the greatest magnitude of its
// derivatives by their energies. Functionals that need E ≥ 0 get the energies through a softplus. Labels whose score is not finite have
// neither loss nor push.
//
// Errors: k < 1; slices whose lengths do not fit; those of LabelEvaluator.Eval.
func BinaryStats[T tensor.Float](dst []LabelStats, f Functional, scores []T, k int, right []bool) error {
	if err := checkSets(dst, "scores", scores, k, right); err != nil {
		return err
	}
	var e LabelEvaluator[float64]
	pair, push, loss := make([]float64, 2), make([]float64, 2), make([]float64, 1)
	for i := range dst {
		d := LabelStats{Offending: math.Inf(1), Places: k}
		for y, s := range scores[i*k:][:k] {
			half, place := float64(s)/2, 0
			pair[0], pair[1] = -half, half
			if !right[i*k+y] {
				half, place = -half, 1
			}
			d.Correct, d.Spread = d.Correct-half, d.Spread+math.Abs(half)/float64(k)
			if gap := 2 * half; gap < d.Offending || math.IsNaN(gap) {
				d.Offending, d.Answer = gap, y
			}
			if math.IsInf(half, 0) || math.IsNaN(half) {
				continue
			}
			if f.Statistic().NonNegative {
				pair[0], pair[1] = softplus(pair[0]), softplus(pair[1])
			}
			if err := e.Eval(f, pair, 2, []int{place}, loss, push); err != nil {
				return err
			}
			d.Loss, d.Push = d.Loss+loss[0], max(d.Push, math.Abs(push[0]), math.Abs(push[1]))
		}
		if !math.IsInf(d.Offending, 0) { // an infinite gap is the other set's energy
			d.Offending += d.Correct
		}
		dst[i] = d
	}
	return nil
}

// softplus is log(1 + eˣ).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
