package lesson

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/internal/simd"
)

// CodeDistance is ‖G₁(x) − G₂(y)‖₁, or without a second branch |G₁(x) − y|. It is a network for what keeps its weights.
type CodeDistance struct{ X, Y nn.Module }

// Architectures are the names of what [NewCodeDistance] makes.
func Architectures() []string { return []string{"output", "codes"} }

// NewCodeDistance draws the tutorial's networks for its parabola: branches of 20 hidden tanh units, with 10 codes where there are two.
func NewCodeDistance(architecture string, rng *rand.Rand) (CodeDistance, error) {
	net := func(out int) nn.Module {
		const hidden = 20
		return nn.NewSequential(nn.NewLinear(1, hidden, rng), nn.Tanh{}, nn.NewLinear(hidden, out, rng))
	}
	const codes = 10
	switch architecture {
	case "output":
		return CodeDistance{X: net(1)}, nil
	case "codes":
		return CodeDistance{nn.Prefix("x", net(codes)), nn.Prefix("y", net(codes))}, nil
	}
	return CodeDistance{}, fmt.Errorf("architecture is %q; it must be one of %q", architecture, Architectures())
}

// String is the formula.
func (d CodeDistance) String() string {
	if d.Y == nil {
		return "|G(x) − y|"
	}
	return "‖G₁(x) − G₂(y)‖₁"
}

// Energy implements energy.Surface.
func (d CodeDistance) Energy(x, y *autodiff.Var) *autodiff.Var {
	if d.Y != nil {
		y = d.Y.Forward(y)
	}
	return autodiff.SumLast(autodiff.Abs(autodiff.Sub(d.X.Forward(x), y)))
}

// Forward implements nn.Module: G₁(x).
func (d CodeDistance) Forward(x *autodiff.Var) *autodiff.Var { return d.X.Forward(x) }

// Dim implements energy.Surface.
func (d CodeDistance) Dim() int { return 1 }

// Params implements nn.Module and energy.Surface.
func (d CodeDistance) Params() []*autodiff.Param {
	if d.Y == nil {
		return d.X.Params()
	}
	return slices.Concat(d.X.Params(), d.Y.Params())
}

// NewPlane draws a network for a density over the plane. Its first layer's weights are drawn larger, so that it has sharp features to begin with.
func NewPlane(rng *rand.Rand) energy.Density {
	const width, sharp = 128, 5
	d := energy.Density{D: 2, Net: nn.NewSequential(
		nn.NewLinear(2, width, rng), nn.SiLU{}, nn.NewLinear(width, width, rng), nn.SiLU{},
		nn.NewLinear(width, width, rng), nn.SiLU{}, nn.NewLinear(width, 1, rng),
	)}
	for _, p := range d.Params()[:2] {
		simd.Scale(p.Value.Float32s(), p.Value.Float32s(), sharp)
	}
	return d
}
