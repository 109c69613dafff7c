package energy

import (
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
)

// Branches is the squared distance of two learned branches,
//
//	E(x, y) = ‖G₁(x) − G₂(y)‖²
//
// G₂ taking a one-hot y through a hidden layer of rectified units. With the energy
// loss both shrink to one point, where all energies are 0, before G₁ tells the labels
// apart: the lecture's collapse. A bare table of codes (Code with LearnedCodes) can do
// so too, but under Adam it moves so slowly that G₁ has fitted it first.
//
// The energies are at least 0.
// Parameters: G₁'s behind "x.", the hidden layer of each label as "y.0.weight"
// [K, hidden], the rest of G₂ as "y.1.1.weight" and "y.1.1.bias".
// Source: [lecun2020], [lecun2006].
type Branches struct {
	x, y   nn.Module
	labels *autodiff.Param
}

// NewBranches returns the energies of a network x with d outputs over k labels.
func NewBranches(x nn.Module, k, hidden, d int, rng *rand.Rand) *Branches {
	checkCount("NewBranches", k)
	first := nn.NewEmbedding(k, hidden, rng)
	return &Branches{
		x:      nn.Prefix("x", x),
		labels: nn.Prefix("y.0", first).Weight,
		y:      nn.Prefix("y.1", nn.NewSequential(nn.ReLU{}, nn.NewLinear(hidden, d, rng))),
	}
}

// Energies implements Labeler.
func (b *Branches) Energies(x *autodiff.Var) *autodiff.Var {
	codes := b.y.Forward(x.Tape().Param(b.labels))
	return autodiff.SquaredDistances(b.x.Forward(x), codes)
}

// Labels implements Labeler.
func (b *Branches) Labels() int { return b.labels.Value.Dim(0) }

// Params implements Labeler.
func (b *Branches) Params() []*autodiff.Param {
	return slices.Concat(b.x.Params(), []*autodiff.Param{b.labels}, b.y.Params())
}
