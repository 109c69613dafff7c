package train

import (
	"math"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
)

// TestDead: a functional that levels off far from the truth pushes nothing there, and is said to be dead
// where most samples are wrong by so much.
func TestDead(t *testing.T) {
	wrongF := functional.Rival{Wrong: true}
	for name, test := range map[string]struct {
		f     functional.Functional
		above float64 // of E⁺ over E⁻, of the wrong samples
		right int     // of ten samples, those that are right by 3
		err   float64
		dead  bool
	}{
		"mee, far away":                         {functional.MEE{}, 115, 0, 0.9, true},
		"mee, near":                             {functional.MEE{}, 2, 0, 0.9, false},
		"mee, far away, small β":                {functional.MEE{Beta: 0.01}, 115, 0, 0.9, false},
		"mce, far away":                         {functional.MCE{}, 50, 0, 0.9, true},
		"mce on F⁻, far away":                   {functional.MCE{Rival: wrongF}, 50, 0, 0.9, true},
		"lvq2, beyond its cap":                  {functional.LVQ2{}, 11, 2, 0.9, true},
		"lvq2, within its cap":                  {functional.LVQ2{Cap: 20}, 11, 2, 0.9, false},
		"lvq2, most are right":                  {functional.LVQ2{}, 11, 8, 0.2, false},
		"lvq2, most sentences wrong, few words": {functional.LVQ2{}, 11, 2, 0.1, false},
		"hinge, far away":                       {functional.Hinge{Margin: 1}, 1e6, 0, 0.9, false},
		"nll, far away":                         {functional.NLL{}, 1e6, 0, 0.9, false},
		"log, far away":                         {functional.Log{}, 1e6, 0, 0.9, false},
		"perceptron, far away":                  {functional.Perceptron{}, 1e6, 0, 0.9, false},
		"square_square is not relative":         {functional.SquareSquare{Margin: 1}, 50, 0, 0.9, false},
		"lvq2, all right":                       {functional.LVQ2{}, 11, 10, 0.9, false},
	} {
		var stats []functional.LabelStats
		for i := range 10 {
			x := functional.LabelStats{Correct: 5 + test.above, Offending: 5, Spread: 3}
			if i < test.right {
				x = functional.LabelStats{Correct: 2, Offending: 5, Spread: 3}
			}
			stats = append(stats, x)
		}
		s := Subject{Functional: test.f, Architecture: "a chain", Terms: AnswerTerms("sentences", 0), Scale: 3}
		d := Diagnose(stats, s, WrongSamples.Of(test.err), 0.9).Diagnosis
		if d.Collapsed != test.dead || d.Collapsed != strings.HasPrefix(d.Why, "Training is dead: at the gaps of the wrong sentences (") {
			t.Errorf("%s: collapsed is %v: %q", name, d.Collapsed, d.Why)
		}
		if s.Scale = 0; Diagnose(stats, s, WrongSamples.Of(test.err), math.NaN()).Diagnosis.Collapsed {
			t.Errorf("%s: an alarm before training", name)
		}
	}
}
