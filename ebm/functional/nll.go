package functional

// NLL is the negative log-likelihood of the correct answer under p(y) ∝ exp(−β E(y)),
// over β: it pushes every answer up in proportion to its probability. In speech
// recognition it is known as maximum mutual information (MMI).
//
//	q = E⁺ + (1/β) log ∫ exp(−β E(y)) dy = E⁺ − F_β,  β = Beta
//
// Statistic: the free energy F_β.
// Margin: > 0.
// Units: the loss has those of the energy, Beta their inverse. Labels are counted:
// the integral is a sum.
// Kinks: none. As β → ∞ it becomes the perceptron loss.
// Special cases: over labels, full relative accuracy however small the loss is.
// Preconditions: the integral is finite; for labels, no energy is −Inf.
// PyTorch: with β = 1, nn.CrossEntropyLoss on logits −E.
// Print: the lecture has exp(+β E).
// Source: [lecun2006], [bahl1986].
type NLL struct {
	Beta float64 // β > 0; 0 means 1
}

// Name returns "nll".
func (NLL) Name() string { return "nll" }

// Statistic returns that of kind FreeEnergy.
func (f NLL) Statistic() Statistic {
	return Statistic{Kind: FreeEnergy, Beta: orOne(f.Beta), Relative: true}
}

// Eval returns E⁺ − F and its derivatives.
func (NLL) Eval(correct, other float64) (loss, dCorrect, dOther float64) {
	return correct - other, 1, -1
}
