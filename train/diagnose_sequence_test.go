package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
)

// TestSequences: energies of sequences run away by their places, are dead by the push itself, and may begin at 0.
func TestSequences(t *testing.T) {
	stat := functional.LabelStats{Correct: -500, Offending: -600, Spread: 2, Answer: -1, Places: 20, Push: 1}
	change := func(f func(x *functional.LabelStats)) functional.LabelStats {
		x := stat
		f(&x)
		return x
	}
	for name, test := range map[string]struct {
		f    functional.Functional
		stat functional.LabelStats
		want string
	}{
		"long, not far below zero":   {functional.Energy{}, stat, ""},
		"far below zero":             {functional.Energy{}, change(func(x *functional.LabelStats) { x.Correct, x.Offending = -5000, -5001 }), "run away towards −∞ (mean −250"},
		"pushed":                     {functional.MEE{}, stat, ""},
		"not pushed":                 {functional.MEE{}, change(func(x *functional.LabelStats) { x.Push = 1e-5 }), "Training is dead"},
		"not pushed by a difference": {functional.MarginCostMax{Margin: 1}, change(func(x *functional.LabelStats) { x.Push = 0 }), "Training is dead"},
		"not pushed, nor wrong":      {functional.MEE{}, change(func(x *functional.LabelStats) { x.Push, x.Offending = 0, 0 }), ""},
		"flat beside the margin":     {functional.Hinge{Margin: 10}, change(func(x *functional.LabelStats) { x.Spread = 0.1 }), "flat"},
		"flat beside 1":              {functional.Perceptron{}, change(func(x *functional.LabelStats) { x.Spread = 0.01 }), "flat"},
		"not flat beside 1":          {functional.Perceptron{}, change(func(x *functional.LabelStats) { x.Spread = 0.1 }), ""},
	} {
		s := Subject{Functional: test.f, Architecture: "a chain", Terms: AnswerTerms("sentences", 0), FromZero: true}
		if f, ok := test.f.(functional.Hinge); ok {
			s.Margin = f.Margin
		}
		d := Diagnose(slices.Repeat([]functional.LabelStats{test.stat}, 100), s, WrongSamples.Of(0.8), 0.9).Diagnosis
		if d.Collapsed != (test.want != "") || !strings.Contains(d.Why, test.want) {
			t.Errorf("%s: %q, want %q", name, d.Why, test.want)
		}
		if s.FromZero = false; Diagnose(slices.Repeat([]functional.LabelStats{test.stat}, 100), s, WrongSamples.Of(0.8), 0.9).Diagnosis.Collapsed {
			t.Errorf("%s: an alarm while the scale is measured", name)
		}
	}
}
