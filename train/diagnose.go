package train

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
)

// Subject says what is diagnosed.
type Subject struct {
	Functional   functional.Functional // nil where what trains is not one
	Loss         string                // names what trains; "" the functional
	Architecture string                // in words, such as "‖G(x) − c_y‖² with learned codes"
	Terms        Terms

	Margin float64                            // the loss's, where it is a setting; 0 where it is not
	Keeps  func(s functional.LabelStats) bool // whether a sample keeps it; nil: its gap is at least Margin, and above 0
	Looks  float64                            // difference of energies that the loss looks for, such as a temperature; 0: Margin, or 1/β of a free energy

	LooksName string  // names Looks, such as "the temperature"; "": the margin, or nothing to name
	Range     float64 // Spread that the energies can have at most, such as 1 of distances of unit vectors; 0: not bounded

	Scale measure.Number // Spread before training; 0 while that is being measured
	// FromZero says that all energies are 0 before training. Instead of Scale there is then the difference that the loss
	// looks for, or 1.
	FromZero bool
}

// Terms says what the numbers of a Diagnosis are of, so that whatever prints or draws them
// speaks of the job and not of answers where there are none.
type Terms struct {
	Energies  string           `json:"energies"`  // what is low where it fits: "energies", "distances"
	Samples   string           `json:"samples"`   // what has a gap: "samples", "pictures", "pairs"
	Correct   string           `json:"correct"`   // what Correct is of
	Offending string           `json:"offending"` // what Offending is of, which should be higher
	Unit      measure.Unit     `json:"unit"`      // of the energies
	Error     measure.Quantity `json:"error"`     // what the job calls its error; Diagnose takes it from the error itself
	Kept      measure.Quantity `json:"kept"`      // what Diagnosis.Kept counts
	// AllAnswers says that a run's test.safetensors has the energies of all answers to each test sample.
	AllAnswers bool `json:"all_answers"`
}

// AnswerTerms are those of samples that have one correct answer among several, held
// against the most offending one, with the margin that the loss asks of them, or 0.
func AnswerTerms(samples string, margin float64) Terms {
	t := Terms{
		Energies: "energies", Samples: samples, Correct: "the correct answer", Offending: "the most offending answer", AllAnswers: true,
		Kept: ToldApart(fmt.Sprintf("of the %s have the correct answer below the most offending one", samples)),
	}
	if margin > 0 {
		t.Kept = MarginKept(fmt.Sprintf("of the %s have a gap of at least the margin %v", samples, margin))
	}
	return t
}

// WrongSamples is the error of tasks that give each sample an answer.
var WrongSamples = measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of samples wrong"}

// MarginKept is the share of the samples that keep a loss's margin; note says what that is.
func MarginKept(note string) measure.Quantity {
	return measure.Quantity{Key: "margin_kept", Name: "Margin kept", Unit: measure.Share, Note: note}
}

// ToldApart is the share of the samples with a gap above 0, of a loss that asks for no margin; note says what that is.
func ToldApart(note string) measure.Quantity {
	return measure.Quantity{Key: "told_apart", Name: "Told apart", Unit: measure.Share, Note: note}
}

// Bounds of the collapse alarm.
const (
	flatSpread = 0.02 // a spread below this part of what it is held against is flat
	flatBlind  = 0.1  // … where the error is no better than by guessing
	blindPart  = 0.5  // … and the spread has fallen to this part of what it was
	worksPart  = 0.5  // an error below this part of that by guessing is no collapse of a loss that is no functional
	deadPush   = 1e-3 // a push below this part of that at a tie counts as 0
	deadWrong  = 0.5  // … where this part of the samples or more is wrong
	runaway    = 100  // energies this many initial spreads below zero have left for −∞
)

// Diagnose says what the loss did to the energies of a set of samples, whose error is given
// with the error of answers that do not look at the input: chance, NaN where there is none.
// Everything that it says follows from those numbers. Collapsed is set where
//
//   - the energies are flat: their spread, averaged over the samples, is a fiftieth or
//     less of what it was before training (of Range, where energies are bounded) and also of the difference that the loss looks for, its
//     margin, temperature or 1/β (a model that keeps a small margin is not flat); where a loss that is no
//     functional trains, whose scale need not be that of the energies, the error is not below half of chance, either;
//   - the error is no better than chance, by two standard errors, and the spread is a tenth or less of the greater
//     of those two, and half or less of what it was before training;
//   - a functional that pushes nothing up has sent the energies towards −∞, those of sequences by their places;
//   - nothing is pushed any more, though half the samples or more are wrong and the error is not below half of chance: on
//     those, the slope of a functional of E⁺ − s, or of any over sequences, is on average a thousandth or less of what it is at a tie;
//   - the energies are no numbers any more.
//
// A surface that is as it was before training is neither, however flat it was, unless its energies are bounded. NaN among the energies gives NaN
// quantiles, and no sample with NaN counts as kept or told apart; of no samples all is NaN.
func Diagnose(stats []functional.LabelStats, s Subject, err measure.Figure, chance float64) Evaluation {
	n := len(stats)
	correct, other, gap, spreads := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	kept, apart, place := 0, 0, 0.0
	for i, x := range stats {
		place += x.Correct / float64(max(x.Places, 1)) / float64(n)
		correct[i], other[i], gap[i], spreads[i] = x.Correct, x.Offending, x.Gap(), x.Spread
		if s.keeps(x) {
			kept++
		}
		if x.Gap() > 0 {
			apart++
		}
	}
	d := Diagnosis{
		Terms: s.Terms, Samples: n, Correct: quantiles(correct), Offending: quantiles(other), Gap: quantiles(gap),
		Kept:   measure.Number(measure.Ratio(float64(kept), float64(n))),
		Spread: measure.Number(measure.Mean(spreads)), Scale: s.Scale, Chance: measure.Number(chance),
	}
	d.Terms.Error = err.Quantity
	e := Evaluation{Error: err, Diagnosis: d}
	if s.scale() > 0 && n > 0 {
		e.Diagnosis.Why = s.alarm(e, place, s.dead(stats))
	}
	e.Diagnosis.Collapsed = e.Diagnosis.Why != ""
	e.Diagnosis.Verdict = s.verdict(e, measure.Ratio(float64(apart), float64(n)))
	return e
}

// scale is what spreads are held against besides the difference that the loss looks for.
func (s Subject) scale() float64 {
	switch l := s.looks(); {
	case !s.FromZero:
		return float64(s.Scale)
	case l > 0:
		return l
	}
	return 1
}

func (s Subject) keeps(x functional.LabelStats) bool {
	if s.Keeps != nil {
		return s.Keeps(x)
	}
	return x.Gap() >= s.Margin && x.Gap() > 0
}

// Fault says what of an evaluation is no number, or "". It is the guard's: an error that is
// not defined, such as a share of a variance of 0, is no fault of the weights.
func (e *Evaluation) Fault() string {
	d := &e.Diagnosis
	switch {
	case d.Samples == 0:
		return ""
	case !measure.Finite(float64(d.Correct.Mean)):
		return fmt.Sprintf("the %s of %s are %v on average on what is held out", d.Terms.Energies, d.Terms.Correct, d.Correct.Mean)
	case !measure.Finite(float64(d.Spread)):
		return fmt.Sprintf("the spread of the %s is %v on what is held out", d.Terms.Energies, d.Spread)
	}
	return ""
}

// blind tells whether the error is no better than chance, by two standard errors of chance. Where chance is not
// known it is not.
func (e *Evaluation) blind() bool {
	c := float64(e.Diagnosis.Chance)
	if math.IsNaN(c) || math.IsNaN(float64(e.Error.Value)) {
		return false
	}
	slack := 2 * math.Sqrt(max(c*(1-c), 0)/float64(max(e.Diagnosis.Samples, 1)))
	return !(float64(e.Error.Value) < c-slack)
}

// works tells whether the error is far below chance.
func (e *Evaluation) works() bool { return e.Error.Value < worksPart*e.Diagnosis.Chance }

// alarm returns the sentence that explains a collapse, or "". place is the mean of E⁺ by places.
func (s Subject) alarm(e Evaluation, place float64, dead bool) string {
	d := e.Diagnosis
	spread, scale, looks := float64(d.Spread), s.scale(), s.looks()
	least := scale
	if s.Range > 0 {
		least = s.Range
	}
	if looks > 0 {
		least = min(least, looks)
	}
	blind := e.blind() && spread <= flatBlind*max(scale, looks) && spread <= blindPart*scale
	switch {
	case e.Fault() != "":
		return fmt.Sprintf("The %s of %s under %s are no finite numbers any more: training has diverged.", d.Terms.Energies, s.Architecture, s.name())
	case spread <= flatSpread*least && !(s.Loss != "" && e.works()) || blind:
		return fmt.Sprintf("The %s are flat (%s%s%s): %s.", d.Terms.Energies, d.spreads(), s.possible(), s.lookedFor(), s.reason(e))
	case s.pushesNothingUp() && place < -runaway*scale:
		return fmt.Sprintf("The %s run away towards −∞ (mean %v%s) instead of settling: %s, for nothing bounds them below.", d.Terms.Energies, measure.Number(place), s.before(), s.reason(e))
	case dead && !e.works():
		return fmt.Sprintf("Training is dead: at the gaps of the wrong %s (median of all %s), %s is level and pushes nothing any more%s.", d.Terms.Samples, d.Terms.Unit.Text(float64(d.Gap.P50)), s.name(), e.against())
	}
	return ""
}

// dead tells whether half the samples or more are wrong and the functional pushes none of those. Of labels it looks at formulas
// of E⁺ − s alone. Where s is a free energy, the push at E⁻, which is no lower, is a bound: on wrong samples, a formula that
// levels off does so the more the greater E⁺ − s is. Of sequences the push itself is known.
func (s Subject) dead(stats []functional.LabelStats) bool {
	if s.Loss != "" || s.Functional == nil {
		return false
	}
	wrong, push := 0, 0.0
	_, a, b := s.Functional.Eval(0, 0)
	tie := max(math.Abs(a), math.Abs(b))
	for _, x := range stats {
		switch {
		case x.Gap() > 0:
			continue
		case x.Places > 0:
			push += x.Push
		case s.Functional.Statistic().Relative:
			_, down, _ := s.Functional.Eval(x.Correct, x.Offending)
			push += math.Abs(down)
		default:
			return false
		}
		wrong++
	}
	return wrong > 0 && float64(wrong) >= deadWrong*float64(len(stats)) && push <= deadPush*tie*float64(wrong)
}

// before says how far the energies were apart before training, as a part of a sentence; "" where they were all 0.
func (s Subject) before() string {
	if s.FromZero {
		return ""
	}
	return fmt.Sprintf(", spread before training %v", s.Scale)
}

// spreads says how far the energies are apart, and were.
func (d *Diagnosis) spreads() string {
	if d.Scale > 0 {
		return fmt.Sprintf("spread %v, %v before training", d.Spread, d.Scale)
	}
	return fmt.Sprintf("spread %v", d.Spread)
}

// looks is the difference of energies that the loss looks for; 0 where that is not known.
func (s Subject) looks() float64 {
	switch {
	case s.Looks > 0:
		return s.Looks
	case s.Margin > 0:
		return s.Margin
	case s.Functional != nil && s.Functional.Statistic().Kind == functional.FreeEnergy:
		return 1 / s.Functional.Statistic().Beta
	}
	return 0
}

// possible says how far the energies can be apart, as a part of a sentence; "" where they are not bounded.
func (s Subject) possible() string {
	if s.Range > 0 {
		return fmt.Sprintf(", at most %v is possible", measure.Number(s.Range))
	}
	return ""
}

// inScale says how a gap compares with what the loss looks for, as a part of a sentence; "" where that has no name.
func (s Subject) inScale(gap measure.Number) string {
	if s.LooksName == "" || !(s.Looks > 0) || !measure.Finite(float64(gap)) {
		return ""
	}
	return fmt.Sprintf(", %.3g times %s %.3g", float64(gap)/s.Looks, s.LooksName, s.Looks)
}

func (s Subject) lookedFor() string {
	if l := s.looks(); l > 0 {
		return fmt.Sprintf("; %s looks for differences of %v", s.name(), measure.Number(l))
	}
	return ""
}

// name names what trains.
func (s Subject) name() string {
	if s.Loss != "" || s.Functional == nil {
		return "the loss " + s.Loss
	}
	return "the " + s.Functional.Name() + " functional"
}

func (s Subject) pushesNothingUp() bool {
	return s.Loss == "" && s.Functional != nil && s.Functional.Statistic().Kind == functional.None
}

// reason says how the loss's formula allows what was measured, or else what the error is.
func (s Subject) reason(e Evaluation) string {
	if s.pushesNothingUp() {
		return fmt.Sprintf("%s pushes %s down and nothing up, and %s can lower all %s at once", s.name(), s.Terms.Correct, s.Architecture, s.Terms.Energies)
	}
	if s.Loss == "" && s.Functional != nil {
		entry, err := functional.Lookup(s.Functional.Name())
		switch {
		case err == nil && entry.Demonstration:
			return fmt.Sprintf("%s pulls %s down as well as %s, and %s follows", s.name(), s.Terms.Offending, s.Terms.Correct, s.Architecture)
		case err == nil && !entry.GoodMargin:
			return fmt.Sprintf("%s asks for no gap, so that %s pays nothing for giving all answers one energy", s.name(), s.Architecture)
		}
	}
	return fmt.Sprintf("%s has not kept %s of %s and of %s apart%s", s.name(), s.Terms.Energies, s.Terms.Correct, s.Terms.Offending, e.against())
}

// against holds the error against chance, as an ending of a sentence; "" where either is not known.
func (e *Evaluation) against() string {
	c := float64(e.Diagnosis.Chance)
	if math.IsNaN(c) || math.IsNaN(float64(e.Error.Value)) {
		return ""
	}
	return fmt.Sprintf("; the error is %s, without a look at the input %s", e.Error.Text(), e.Error.Unit.Text(c))
}

// verdict is what the numbers say of training in one sentence. apart is the share of the samples with a gap above 0.
func (s Subject) verdict(e Evaluation, apart float64) string {
	d := e.Diagnosis
	switch {
	case d.Collapsed:
		return d.Why
	case d.Samples == 0:
		return "Nothing was measured: there are no " + d.Terms.Samples + "."
	case d.Spread == 0:
		return fmt.Sprintf("All %s are the same number: they tell nothing apart.", d.Terms.Energies)
	case e.blind():
		return fmt.Sprintf("The %s are not flat (%s), but they do not tell what is right%s.", d.Terms.Energies, d.spreads(), e.against())
	}
	return fmt.Sprintf("The %s of %s are below those of %s in %s of the %s (median gap %s%s; %s)%s.",
		d.Terms.Energies, d.Terms.Correct, d.Terms.Offending, measure.Share.Text(apart), d.Terms.Samples, d.Terms.Unit.Text(float64(d.Gap.P50)), s.inScale(d.Gap.P50), d.spreads(), e.against())
}

func quantiles(x []float64) Quantiles {
	sorted := measure.Sorted(x)
	at := func(q float64) measure.Number { return measure.Number(measure.Quantile(sorted, q)) }
	return Quantiles{Mean: measure.Number(measure.Mean(x)), P05: at(.05), P25: at(.25), P50: at(.5), P75: at(.75), P95: at(.95)}
}
