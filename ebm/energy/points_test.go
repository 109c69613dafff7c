package energy_test

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// Answers without a surface, or without the correct ones, are errors.
func TestPointAnswersRefuse(t *testing.T) {
	for want, a := range map[string]*energy.PointAnswers{
		"Surface is nil": {Y: autodiff.NewTape(tensor.Float64).Const(tensor.New(tensor.Float64, 1, 1))},
		"Y, the correct": {Surface: energy.Density{}},
	} {
		if _, err := new(energy.AnswerLoss).Record(a, functional.Energy{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Record: %v, want %q", err, want)
		}
		if _, err := a.Statistic(functional.Statistic{Kind: functional.Minimum}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Statistic: %v, want %q", err, want)
		}
	}
}
