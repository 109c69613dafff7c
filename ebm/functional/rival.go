package functional

// Rivals are the values of Options.Rival: the names of what functionals with E⁻ take for it.
var Rivals = []string{"least", "wrong"}

// Rival says what a functional with one rival takes for its E⁻. The zero value is the
// most offending incorrect answer's energy, which moves one wrong answer at a time.
//
// With Wrong it is the free energy of the wrong answers,
//
//	F⁻ = −(1/β) log Σ_{y ≠ Yⁱ} exp(−β E(y)),  β = Beta
//
// which pushes each wrong answer up in proportion to its probability among the wrong
// ones. F⁻ ≤ E⁻, with equality as β → ∞. With β = 1, Log is then NLL, and MCE is MEE.
// F⁻ may be below 0 where all energies are at least 0.
type Rival struct {
	Wrong bool
	Beta  float64 // of F⁻: β > 0; 0 means 1
}

// statistic returns E⁻ or F⁻.
func (r Rival) statistic(relative, nonNegative bool) Statistic {
	s := Statistic{Kind: Offending, Relative: relative, NonNegative: nonNegative}
	if r.Wrong {
		s.Kind, s.Beta = Wrong, orOne(r.Beta)
	}
	return s
}

// rival returns the options' rival. Beta is kept only where it counts, so that
// functionals made with equal settings are equal.
func (o Options) rival() Rival {
	if o.Rival != "wrong" {
		return Rival{}
	}
	return Rival{true, o.Beta}
}
