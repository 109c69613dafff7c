package energy

import (
	"fmt"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
)

// Head takes a network's K outputs for the labels' energies: E(x, y) = G(x)_y.
//
// The energies are free, of either sign: functionals that need E ≥ 0 want NonNegative
// around it, and with the energy loss they sink without end.
// Parameters: the network's, behind "net.".
// Source: [lecun2006].
type Head struct {
	// Scores says that the network gives scores or logits, high where a label fits:
	// then E = −G(x)_y, as for the weights of a classifier trained elsewhere.
	Scores bool

	net nn.Module
	k   int
}

// NewHead returns the energies of a network [B, …] → [B, k].
func NewHead(net nn.Module, k int) *Head {
	checkCount("NewHead", k)
	return &Head{net: nn.Prefix("net", net), k: k}
}

// Energies implements Labeler.
func (h *Head) Energies(x *autodiff.Var) *autodiff.Var {
	e := h.net.Forward(x)
	if s := e.Shape(); len(s) != 2 || s[1] != h.k {
		panic(fmt.Sprintf("energy: Head: the network gives shape %v; it must be [B, %d]", s, h.k))
	}
	if h.Scores {
		return autodiff.Neg(e)
	}
	return e
}

// Labels implements Labeler.
func (h *Head) Labels() int { return h.k }

// Params implements Labeler.
func (h *Head) Params() []*autodiff.Param { return h.net.Params() }

// checkCount panics unless there are at least two labels.
func checkCount(op string, k int) {
	if k < 2 {
		panic(fmt.Sprintf("energy: %s: %d labels; there must be at least 2", op, k))
	}
}
