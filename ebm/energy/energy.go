package energy

import (
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
)

// Answers is what a model says about every answer to each sample of a batch of
// size B. Labels, chains, alignments and continuous answers each implement it, and
// every functional works on each.
type Answers interface {
	// Correct returns the energies of the correct answers, [B].
	Correct() *autodiff.Var
	// Statistic returns s of the energies of all answers, [B], differentiably. The
	// error says what of s the answers do not have.
	Statistic(s functional.Statistic) (*autodiff.Var, error)
}

// Labeler is an energy function whose answers are K labels.
type Labeler interface {
	// Energies returns E(W, y, x) for every label: [B, K] for a batch x of B samples.
	Energies(x *autodiff.Var) *autodiff.Var
	// Labels returns K.
	Labels() int
	// Params returns the parameters, frozen ones included, in a fixed order.
	Params() []*autodiff.Param
}

// Module returns l as a network from inputs to energies, which nn can save, load and
// cast.
func Module(l Labeler) nn.Module { return module{l} }

type module struct{ Labeler }

func (m module) Forward(x *autodiff.Var) *autodiff.Var { return m.Energies(x) }
