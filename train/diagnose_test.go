package train

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
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
		"hinge, flat":                      {functional.Hinge{Margin: 1}, head, 1, 0.5, 3, 1e-4, []string{"flat", "looks for differences of 1.00", "has not kept"}},
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
		d := Diagnose(surface(50, test.centre, test.spread), Subject{
			Functional: test.f, Architecture: test.architecture, Terms: AnswerTerms("samples", test.margin), Margin: test.margin, Scale: measure.Number(test.before),
		}, WrongSamples.Of(0.5), math.NaN()).Diagnosis
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
	diagnose := func(stats []functional.LabelStats, s Subject) Diagnosis {
		s.Terms = AnswerTerms("samples", s.Margin)
		return Diagnose(stats, s, WrongSamples.Of(0.1), 0.9).Diagnosis
	}
	d := diagnose(stats, Subject{Functional: functional.Hinge{Margin: 0.99}, Margin: 0.99, Scale: 1})
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
	if want := 26.0 / 101; float64(d.Kept) != want || d.Terms.Kept.Key != "margin_kept" { // 1.0 … 1.5
		t.Errorf("margin kept by %v, want %v", float64(d.Kept), want)
	}
	// Without a margin, a gap above zero is asked for: a tie is not kept.
	stats = []functional.LabelStats{{Correct: 1, Offending: 1}, {Correct: 1, Offending: 1.5}}
	if d := diagnose(stats, Subject{Functional: functional.Log{}}); d.Kept != 0.5 || d.Terms.Kept.Key != "told_apart" {
		t.Errorf("margin kept by %v of a tie and a gap, want 0.5", float64(d.Kept))
	}
	d = diagnose(nil, Subject{Functional: functional.Log{}, Scale: 1})
	for name, v := range map[string]measure.Number{"kept": d.Kept, "spread": d.Spread, "mean": d.Correct.Mean, "median": d.Gap.P50} {
		if v == v {
			t.Errorf("no samples have %s %v, want NaN", name, v)
		}
	}
	if d.Collapsed || d.Verdict != "Nothing was measured: there are no samples." {
		t.Errorf("no samples: collapsed is %v, %q", d.Collapsed, d.Verdict)
	}
	if q := quantiles([]float64{2}); q != (Quantiles{2, 2, 2, 2, 2, 2}) {
		t.Errorf("one number gives %+v", q)
	}
}

func near(a, b Quantiles) bool {
	for _, d := range []measure.Number{a.Mean - b.Mean, a.P05 - b.P05, a.P25 - b.P25, a.P50 - b.P50, a.P75 - b.P75, a.P95 - b.P95} {
		if !(math.Abs(float64(d)) <= 1e-9) {
			return false
		}
	}
	return true
}

// distances makes statistics of n vectors whose nearest other ones lie so far away.
func distances(n int, correct, offending, spread float64) []functional.LabelStats {
	all := make([]functional.LabelStats, n)
	for i := range all {
		all[i] = functional.LabelStats{Correct: correct, Offending: offending, Spread: spread}
	}
	return all
}

// TestVerdicts feeds collapsed, working and untrained diagnoses, and holds what is said of them. None of the sentences
// may depend on a name in a catalogue: the numbers alone decide.
func TestVerdicts(t *testing.T) {
	vectors := Terms{Energies: "distances", Samples: "pictures", Correct: "the nearest of the class", Offending: "the nearest of another", Kept: MarginKept("of the pictures")}
	triplet := Subject{Loss: "triplet", Architecture: "distances of vectors", Terms: vectors, Margin: 0.2}
	head := Subject{Functional: functional.NLL{Beta: 1}, Architecture: "a head", Terms: AnswerTerms("samples", 0)}
	with := func(s Subject, scale float64) Subject { s.Scale = measure.Number(scale); return s }
	for name, test := range map[string]struct {
		s         Subject
		stats     []functional.LabelStats
		err       float64
		collapsed bool
		want      []string
	}{
		"search collapsed: all distances alike, 90 % wrong": {
			with(triplet, 0.15), distances(500, 0.001, 0.001, 0.004), 0.9, true,
			[]string{"The distances are flat (spread 0.00400, 0.150 before training; the loss triplet looks for differences of 0.200)", "error is 90.00 %", "without a look at the input 90.00 %"},
		},
		"search collapsed, from close vectors": {with(triplet, 0.02), distances(500, 0.001, 0.001, 0.004), 0.91, true, []string{"flat"}},
		"search works at 95 %, from long vectors": {
			with(triplet, 30), distances(500, 0.1, 0.35, 0.3), 0.05, false,
			[]string{"The distances of the nearest of the class are below those of the nearest of another in 100.00 % of the pictures", "median gap 0.250", "spread 0.300, 30.0 before training", "error is 5.00 %", "90.00 %"},
		},
		"search works at 95 %, by a loss whose scale distances do not tell": {
			Subject{Loss: "arcface", Architecture: "distances of vectors", Terms: vectors, Scale: 30}, distances(500, 0.1, 0.35, 0.3), 0.05, false, []string{"in 100.00 %"},
		},
		"the energy functional: flat, though the order is right": {
			with(Subject{Functional: functional.Energy{}, Architecture: "learned codes", Terms: AnswerTerms("samples", 0)}, 0.66), surface(500, 0.0003, 0.0002), 0.045, true,
			[]string{"The energies are flat (spread 0.000", "0.660 before training): the energy functional pushes the correct answer down and nothing up"},
		},
		"search untrained": {with(triplet, 0.15), distances(500, 0.1, 0.1, 0.15), 0.9, false, []string{"not flat", "do not tell what is right", "error is 90.00 %"}},
		"nll at 91 % error": {
			with(head, 0.2), surface(500, 0, 0.21), 0.91, false,
			[]string{"The energies are not flat (spread 0.21", "0.200 before training), but they do not tell what is right; the error is 91.00 %, without a look at the input 90.00 %."},
		},
		"nll works": {with(head, 0.2), surface(500, 0, 3), 0.02, false, []string{"below those of the most offending answer in 100.00 % of the samples", "error is 2.00 %"}},
		"nll flat":  {with(head, 5), surface(500, 0, 0.001), 0.9, true, []string{"The energies are flat", "looks for differences of 1.00", "the nll functional has not kept"}},
	} {
		e := Diagnose(test.stats, test.s, WrongSamples.Of(test.err), 0.9)
		if d := e.Diagnosis; d.Collapsed != test.collapsed || d.Collapsed != (d.Why != "") || d.Collapsed && d.Why != d.Verdict {
			t.Errorf("%s: collapsed is %v: %q", name, d.Collapsed, d.Verdict)
		}
		for _, part := range append(test.want, ".") {
			if !strings.Contains(e.Diagnosis.Verdict, part) {
				t.Errorf("%s: %q does not say %q", name, e.Diagnosis.Verdict, part)
			}
		}
		for _, claim := range []string{"pushed the", "is good", "should"} {
			if strings.Contains(e.Diagnosis.Verdict, claim) {
				t.Errorf("%s: %q claims what was not measured", name, e.Diagnosis.Verdict)
			}
		}
	}
}

// TestMarginIsTheLosss has a loss whose margin is a distance from others, not a gap.
func TestMarginIsTheLosss(t *testing.T) {
	stats := distances(10, 0.5, 1.2, 1)
	stats[0].Offending = 0.9
	s := Subject{Loss: "contrastive", Margin: 1, Keeps: func(x functional.LabelStats) bool { return x.Offending >= 1 }, Terms: Terms{Kept: MarginKept("")}}
	if d := Diagnose(stats, s, WrongSamples.Of(0), 0.9).Diagnosis; d.Kept != 0.9 {
		t.Errorf("margin kept by %v, want 0.9", d.Kept)
	}
}
