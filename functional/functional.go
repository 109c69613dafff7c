// Package functional holds the loss functionals of energy-based learning.
package functional

// Functional is a loss over an energy surface: a formula q(E⁺, s) in the energy of
// the correct answer and one statistic s of the energies of the others.
type Functional interface {
	// Name is the name that commands and files use, such as "square_square".
	Name() string
	// Statistic tells which statistic of the answers' energies the formula takes.
	Statistic() Statistic
	// Eval returns the loss and its derivatives by the two.
	Eval(correct, other float64) (loss, dCorrect, dOther float64)
}

// Kind says how a statistic is made from the energies of the answers.
type Kind uint8

const (
	None          Kind = iota // no statistic: s is 0
	Minimum                   // min over all answers
	Offending                 // min over the incorrect answers: the most offending one's energy
	FreeEnergy                // −(1/β) log ∫ exp(−β E(y)) dy over all answers
	MarginCost                // Σ over the incorrect answers of max(0, E⁺ − E(y) + C(Yⁱ, y)); labels only
	MarginCostMax             // max(0, max over the incorrect answers of E⁺ − E(y) + C(Yⁱ, y))
)

// Statistic names a statistic of the energies of all answers to one sample, with its settings.
type Statistic struct {
	Kind Kind
	Beta float64     // of FreeEnergy: inverse temperature, > 0
	Cost [][]float64 // of the margin costs: C[correct][other] ≥ 0; nil means 1 off the diagonal
}
