package train

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/energo-ml/energo/functional"
)

// surface makes statistics of n samples whose answers' energies are spread so much
// around a centre.
func surface(n int, centre, spread float64) []functional.LabelStats {
	rng := rand.New(rand.NewPCG(3, 4))
	all := make([]functional.LabelStats, n)
	for i := range all {
		wiggle := 1 + 0.1*rng.NormFloat64()
		all[i] = functional.LabelStats{Correct: centre - spread*wiggle, Offending: centre + spread*wiggle, Spread: spread * wiggle}
	}
	return all
}

func TestAlarm(t *testing.T) {
	head, learned := "a head", "‖G(x) − c_y‖² with learned codes"
	for name, test := range map[string]struct {
		f            functional.Functional
		architecture string
		margin       float64
		before       float64
		centre       float64
		spread       float64
		want         []string // of the sentence; none: no alarm
	}{
		"energy, before training":          {functional.Energy{}, head, 0, 0.05, 0.01, 0.05, nil},
		"energy, flat":                     {functional.Energy{}, learned, 0, 5, 0.02, 0.01, []string{"flat", "energy functional", learned, "nothing up"}},
		"energy, exactly flat":             {functional.Energy{}, learned, 0, 5, 0, 0, []string{"flat"}},
		"energy, to −∞":                    {functional.Energy{}, head, 0, 0.05, -1e6, 3e4, []string{"−∞", "energy functional", head, "nothing up"}},
		"energy, fixed codes":              {functional.Energy{}, "fixed codes", 0, 0.05, 1, 0.5, nil},
		"energy, fixed codes, half way":    {functional.Energy{}, "fixed codes", 0, 0.6, 1, 0.2, nil},
		"perceptron, flat":                 {functional.Perceptron{}, learned, 0, 5, 0.02, 0.01, []string{"flat", "perceptron", "no gap"}},
		"misprint, flat":                   {functional.SquareSquareMisprint{Margin: 1}, head, 1, 0.02, 1e-9, 1e-9, []string{"flat", "pulls the most offending answer down"}},
		"hinge, flat":                      {functional.Hinge{Margin: 1}, head, 1, 0.5, 3, 1e-4, []string{"flat", "too little"}},
		"hinge, trained":                   {functional.Hinge{Margin: 1}, head, 1, 0.05, -3, 3, nil},
		"hinge, small margin on codes":     {functional.Hinge{Margin: 0.01}, learned, 0.01, 5, 0.1, 0.01, nil},
		"hinge, far below zero":            {functional.Hinge{Margin: 1}, head, 1, 0.05, -1e6, 1, nil},
		"nll, trained":                     {functional.NLL{Beta: 1}, head, 0, 0.05, -10, 8, nil},
		"nll, cold, on codes":              {functional.NLL{Beta: 1000}, learned, 0, 5, 0.1, 0.01, nil},
		"nll, flat":                        {functional.NLL{Beta: 1}, learned, 0, 5, 0.1, 0.001, []string{"flat", "nll"}},
		"nll, energies are not numbers":    {functional.NLL{Beta: 1}, head, 0, 0.05, math.NaN(), math.NaN(), []string{"nll", "diverged"}},
		"before training, a flat surface":  {functional.NLL{Beta: 1}, head, 0, 1e-9, 0, 1e-9, nil},
		"while the scale is not known yet": {functional.Energy{}, head, 0, 0, 0, 0, nil},
	} {
		d := Diagnose(surface(50, test.centre, test.spread), Subject{Functional: test.f, Architecture: test.architecture, Margin: test.margin, Scale: test.before})
		if d.Collapsed != (test.want != nil) || d.Collapsed != (d.Why != "") {
			t.Errorf("%s: collapsed is %v: %q", name, d.Collapsed, d.Why)
		}
		for _, part := range test.want {
			if !strings.Contains(d.Why, part) {
				t.Errorf("%s: %q does not say %q", name, d.Why, part)
			}
		}
		if strings.Count(d.Why, ". ") > 0 || d.Why != "" && !strings.HasSuffix(d.Why, ".") {
			t.Errorf("%s: %q is no plain sentence", name, d.Why)
		}
		if _, err := json.Marshal(d); err != nil {
			t.Errorf("%s: the diagnosis cannot be written: %v", name, err)
		}
	}
}

func TestDiagnosis(t *testing.T) {
	var stats []functional.LabelStats
	for i := range 101 { // gaps of −0.5, −0.48 … 1.5
		stats = append(stats, functional.LabelStats{Correct: float64(100 - i), Offending: float64(100-i) - 0.5 + 0.02*float64(i), Spread: 2})
	}
	d := Diagnose(stats, Subject{Functional: functional.Hinge{Margin: 0.99}, Margin: 0.99, Scale: 1})
	want := Quantiles{Mean: 50, P05: 5, P25: 25, P50: 50, P75: 75, P95: 95}
	if !near(d.Correct, want) {
		t.Errorf("E⁺ has %+v, want %+v", d.Correct, want)
	}
	if gap := (Quantiles{.5, -.4, 0, .5, 1, 1.4}); !near(d.Gap, gap) {
		t.Errorf("the gap has %+v, want %+v", d.Gap, gap)
	}
	if d.Spread != 2 || d.Scale != 1 {
		t.Errorf("spread %v over %v, want 2 over 1", d.Spread, d.Scale)
	}
	if want := 26.0 / 101; d.MarginKept != want { // 1.0 … 1.5
		t.Errorf("margin kept by %v, want %v", d.MarginKept, want)
	}
	// Without a margin, a gap above zero is asked for: a tie is not kept.
	stats = []functional.LabelStats{{Correct: 1, Offending: 1}, {Correct: 1, Offending: 1.5}}
	if d := Diagnose(stats, Subject{Functional: functional.Log{}}); d.MarginKept != 0.5 {
		t.Errorf("margin kept by %v of a tie and a gap, want 0.5", d.MarginKept)
	}
	if d := Diagnose(nil, Subject{Functional: functional.Log{}, Scale: 1}); d != (Diagnosis{Scale: 1}) {
		t.Errorf("no samples give %+v", d)
	}
	if q := quantiles([]float64{2}); q != (Quantiles{2, 2, 2, 2, 2, 2}) {
		t.Errorf("one number gives %+v", q)
	}
}

func near(a, b Quantiles) bool {
	for _, d := range []float64{a.Mean - b.Mean, a.P05 - b.P05, a.P25 - b.P25, a.P50 - b.P50, a.P75 - b.P75, a.P95 - b.P95} {
		if math.Abs(d) > 1e-9 {
			return false
		}
	}
	return true
}
