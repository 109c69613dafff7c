package energy

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/internal/scratch"
)

// LabelAnswers are the answers of a Labeler: all K labels of each sample.
type LabelAnswers struct {
	energies *autodiff.Var
	target   []int
	ops      []*labelOp // of Statistic, one a call since Set
	used     int
}

// Labels returns the answers whose energies are e, [B, K], where target holds the B
// correct labels. Errors: shapes that do not fit; a target that is not a label.
func Labels(e *autodiff.Var, target []int) (*LabelAnswers, error) {
	a := new(LabelAnswers)
	return a, a.Set(e, target)
}

// Set makes a the answers of another step, as Labels does, and keeps its memory. What
// a recorded before must have gone through Backward, or be given up.
func (a *LabelAnswers) Set(e *autodiff.Var, target []int) error {
	if err := checkLabels(e, target); err != nil {
		return err
	}
	a.energies, a.target, a.used = e, append(a.target[:0], target...), 0
	return nil
}

// Energies returns what the answers were made from, [B, K].
func (a *LabelAnswers) Energies() *autodiff.Var { return a.energies }

// Correct implements Answers.
func (a *LabelAnswers) Correct() *autodiff.Var { return autodiff.Gather(a.energies, a.target) }

// Statistic implements Answers: all kinds. Errors: those of functional.LabelEvaluator.
func (a *LabelAnswers) Statistic(s functional.Statistic) (*autodiff.Var, error) {
	if a.used == len(a.ops) {
		a.ops = append(a.ops, new(labelOp))
	}
	a.used++
	return a.ops[a.used-1].record(a.energies, a.target, nil, s)
}

// Stats says where the energies of each sample lie, in dst's memory if that is enough.
func (a *LabelAnswers) Stats(dst []functional.LabelStats) []functional.LabelStats {
	return stats(dst, a.energies, a.target)
}

func stats(dst []functional.LabelStats, e *autodiff.Var, target []int) []functional.LabelStats {
	dst = scratch.Sized(dst, len(target))
	var err error
	if k := e.Value.Dim(1); e.Value.Float64s() != nil {
		err = functional.Stats(dst, e.Value.Float64s(), k, target)
	} else {
		err = functional.Stats(dst, e.Value.Float32s(), k, target)
	}
	if err != nil {
		panic("energy: Stats after the tape was reset: " + err.Error())
	}
	return dst
}

// checkLabels checks what Labels and LabelLoss are given.
func checkLabels(e *autodiff.Var, target []int) error {
	s := e.Shape()
	if len(s) != 2 || s[0] != len(target) || s[1] < 2 {
		return fmt.Errorf("energy: energies of shape %v with %d targets; they must be [B, K] and B, with K at least 2", slices.Clone(s), len(target))
	}
	for i, t := range target {
		if t < 0 || t >= s[1] {
			return fmt.Errorf("energy: target[%d] is %d; it must be a label from 0 to %d", i, t, s[1]-1)
		}
	}
	return nil
}
