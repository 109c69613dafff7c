package energy

import "github.com/energo-ml/energo/engine/autodiff"

// NonNegative makes the energies of another energy function positive by a softplus,
//
//	E(x, y) = log(1 + exp(E′(x, y)))
//
// so that square-square and square-exponential apply to it. The order of the answers
// stays. Parameters: the other's, by the same names.
type NonNegative struct{ Labeler }

// Energies implements Labeler.
func (n NonNegative) Energies(x *autodiff.Var) *autodiff.Var {
	return autodiff.Softplus(n.Labeler.Energies(x))
}
