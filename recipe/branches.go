package recipe

import (
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/nn"
)

// branches is the squared distance of two networks' outputs,
//
//	E(x, y) = ‖G(x) − c_y‖²      c_y = G₂(y)
//
// so that the codes are learned by a branch of their own, as quick as the other: a
// one-hot y through a hidden layer. With the energy loss both shrink to one point,
// where all energies are 0, before G tells the classes apart. A bare table of codes
// would move so slowly under Adam that G would have them fitted first.
// Parameters: G's behind "x.", the hidden layer's weight of each label as "y.0.weight"
// [K, hidden], the rest of G₂ behind "y.1.".
// Source: [lecun2020], [lecun2006].
type branches struct {
	x, y   nn.Module
	labels *autodiff.Param
}

func newBranches(x nn.Module, k, hidden, d int, rng *rand.Rand) *branches {
	first := nn.NewEmbedding(k, hidden, rng)
	return &branches{
		x:      nn.Prefix("x", x),
		labels: nn.Prefix("y.0", first).Weight,
		y:      nn.Prefix("y.1", nn.NewSequential(nn.ReLU{}, nn.NewLinear(hidden, d, rng))),
	}
}

// Energies implements energy.Labeler.
func (b *branches) Energies(x *autodiff.Var) *autodiff.Var {
	codes := b.y.Forward(x.Tape().Param(b.labels))
	return autodiff.SquaredDistances(b.x.Forward(x), codes)
}

// Labels implements energy.Labeler.
func (b *branches) Labels() int { return b.labels.Value.Dim(0) }

// Params implements energy.Labeler.
func (b *branches) Params() []*autodiff.Param {
	return slices.Concat(b.x.Params(), []*autodiff.Param{b.labels}, b.y.Params())
}
