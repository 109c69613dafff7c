package functional

// Functional is a loss over an energy surface: a formula q(E⁺, s) in the energy of
// the correct answer and one statistic s of the energies of the answers.
//
// The derivative by E⁺ says how hard the loss pushes down on the correct answer, that
// by s how hard it pushes up on the answers that s is made of. Batches are evaluated
// on several goroutines at once, so Eval must not change what f points to.
type Functional interface {
	// Name is the name that commands and files use, such as "square_square".
	Name() string
	// Statistic tells which statistic of the answers' energies the formula takes, and
	// what it asks of the energies.
	Statistic() Statistic
	// Eval returns the loss and its derivatives by the two.
	Eval(correct, other float64) (loss, dCorrect, dOther float64)
}

// Kind says how a statistic is made from the energies of the answers.
type Kind uint8

// The kinds of statistics. Of equal minima, the correct answer comes first, and then
// the one with the least index: it alone takes the derivative.
const (
	None       Kind = iota // no statistic: s is 0
	Minimum                // min over all answers
	Offending              // min over the incorrect answers: the most offending one's energy
	FreeEnergy             // −(1/β) log ∫ exp(−β E(y)) dy over all answers
	CostSum                // Σ over the incorrect answers of max(0, E⁺ − E(y) + C(Yⁱ, y))
	CostMax                // max over the incorrect answers of max(0, E⁺ − E(y) + C(Yⁱ, y))
	Wrong                  // −(1/β) log Σ exp(−β E(y)) over the incorrect answers: their free energy F⁻
)

// String returns a kind's name in words.
func (k Kind) String() string {
	names := [...]string{
		"none", "minimum", "most offending", "free energy", "sum of cost-augmented hinges", "greatest cost-augmented hinge",
		"free energy of the wrong answers",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Statistic names a statistic of the energies of all answers to one sample, with its
// settings, and what must hold of the energies.
type Statistic struct {
	Kind Kind
	Beta float64 // of FreeEnergy and Wrong: inverse temperature, positive and finite

	// Of CostSum and CostMax: C[correct][other], at least 0; its diagonal is not read.
	// If Cost is nil, every C is Margin.
	Cost   [][]float64
	Margin float64

	// Relative says that the formula takes E⁺ and s through E⁺ − s alone. An answer
	// space that has E⁺ − s without cancellation may then call Eval(E⁺ − s, 0).
	Relative bool
	// NonNegative says that the formula makes sense for energies of at least 0 only.
	// Answer spaces check it.
	NonNegative bool
}
