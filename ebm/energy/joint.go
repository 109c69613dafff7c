package energy

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
)

// Joint feeds the answer into the network:
//
//	E(x, y) = H(G(x) + V·y)
//
// for a one-hot y, or any y of K numbers: the energy is differentiable by y too. The
// trunk G: [B, …] → [B, D] runs once a sample and the upper part H: [N, D] → [N, 1]
// once for each of its K labels. H should begin with a nonlinearity, or y cannot
// interact with x; a linear layer over the joined [features, y] is this sum, its
// product with the features computed once.
//
// The energies are free, of either sign; see NonNegative.
// Parameters: the trunk's behind "trunk.", V as "answer.weight" [K, D], the upper
// part's behind "upper.".
type Joint struct {
	trunk, upper nn.Module
	answer       *nn.Embedding
	d            int
}

// NewJoint returns the energies of a trunk with d outputs and an upper part, over k
// labels; V is from N(0, 1) at first.
func NewJoint(trunk, upper nn.Module, k, d int, rng *rand.Rand) *Joint {
	checkCount("NewJoint", k)
	return &Joint{
		trunk:  nn.Prefix("trunk", trunk),
		upper:  nn.Prefix("upper", upper),
		answer: nn.Prefix("answer", nn.NewEmbedding(k, d, rng)),
		d:      d,
	}
}

// Energies implements Labeler.
func (j *Joint) Energies(x *autodiff.Var) *autodiff.Var {
	h, v := j.features(x), x.Tape().Param(j.answer.Weight)
	batch, k := h.Shape()[0], j.Labels()
	both := autodiff.Add(autodiff.RepeatRows(h, k), autodiff.TileRows(v, batch))
	return autodiff.Reshape(j.energies(both), batch, k)
}

// Energy returns E(x, y), [B], for an answer y [B, K] to each sample: one-hot, a
// distribution over the labels, or anything else.
func (j *Joint) Energy(x, y *autodiff.Var) *autodiff.Var {
	h, v := j.features(x), x.Tape().Param(j.answer.Weight)
	return j.energies(autodiff.Add(h, autodiff.MatMul(y, v, false, false)))
}

// Labels implements Labeler.
func (j *Joint) Labels() int { return j.answer.Weight.Value.Dim(0) }

// Params implements Labeler.
func (j *Joint) Params() []*autodiff.Param {
	return slices.Concat(j.trunk.Params(), j.answer.Params(), j.upper.Params())
}

// features returns G(x), [B, D].
func (j *Joint) features(x *autodiff.Var) *autodiff.Var {
	h := j.trunk.Forward(x)
	if s := h.Shape(); len(s) != 2 || s[1] != j.d {
		panic(fmt.Sprintf("energy: Joint: the trunk gives shape %v; it must be [B, %d]", s, j.d))
	}
	return h
}

// energies returns H of each row, [N].
func (j *Joint) energies(rows *autodiff.Var) *autodiff.Var {
	e := j.upper.Forward(rows)
	n := rows.Shape()[0]
	if e.Value.Len() != n {
		panic(fmt.Sprintf("energy: Joint: the upper part gives shape %v for %d answers; it must be [N, 1]", e.Shape(), n))
	}
	return autodiff.Reshape(e, n)
}
