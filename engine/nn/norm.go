package nn

import (
	"fmt"

	"github.com/energo-ml/energo/engine/autodiff"
)

// BatchNorm normalises each channel over the batch and its positions [ioffe2015],
//
//	y = (x − μ)/√(σ² + Eps)·weight + bias
//
// In training μ and σ² are the batch's, and the running ones move towards them by
// Momentum (the variance in its unbiased form); otherwise they are the running ones.
//
// Shapes: [B, C] or [B, C, ...], kept.
// Parameters: weight (1) and bias (0), which do not decay, running_mean (0) and
// running_var (1), which are frozen, all [C].
// PyTorch: nn.BatchNorm1d, 2d, 3d; their num_batches_tracked is not kept.
type BatchNorm struct {
	Weight, Bias            *autodiff.Param
	RunningMean, RunningVar *autodiff.Param
	Momentum                float64
	Eps                     float64
}

// NewBatchNorm returns a BatchNorm with Momentum 0.1 and Eps 1e-5.
func NewBatchNorm(channels int) *BatchNorm {
	return &BatchNorm{
		Weight: newVector("weight", 1, channels), Bias: newVector("bias", 0, channels),
		RunningMean: newBuffer("running_mean", 0, channels), RunningVar: newBuffer("running_var", 1, channels),
		Momentum: 0.1, Eps: 1e-5,
	}
}

// Params implements Module.
func (n *BatchNorm) Params() []*autodiff.Param {
	return []*autodiff.Param{n.Weight, n.Bias, n.RunningMean, n.RunningVar}
}

// Forward implements Module.
func (n *BatchNorm) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	return autodiff.BatchNorm(x, t.Param(n.Weight), t.Param(n.Bias), n.RunningMean, n.RunningVar, n.Momentum, n.Eps)
}

// LayerNorm normalises along the last axis [ba2016], as BatchNorm's formula says with
// μ and σ² of that axis alone.
//
// Shapes: [..., width], kept.
// Parameters: weight (1) and bias (0), which do not decay, both [width].
// PyTorch: nn.LayerNorm(width).
type LayerNorm struct {
	Weight, Bias *autodiff.Param
	Eps          float64
}

// NewLayerNorm returns a LayerNorm with Eps 1e-5.
func NewLayerNorm(width int) *LayerNorm {
	return &LayerNorm{Weight: newVector("weight", 1, width), Bias: newVector("bias", 0, width), Eps: 1e-5}
}

// Params implements Module.
func (n *LayerNorm) Params() []*autodiff.Param { return []*autodiff.Param{n.Weight, n.Bias} }

// Forward implements Module.
func (n *LayerNorm) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	return autodiff.LayerNorm(x, t.Param(n.Weight), t.Param(n.Bias), n.Eps)
}

// GroupNorm normalises each of Groups equal groups of channels of each sample
// [wu2018], as BatchNorm's formula says with μ and σ² of that group alone.
//
// Shapes: [B, C, ...], kept.
// Parameters: weight (1) and bias (0), which do not decay, both [C].
// PyTorch: nn.GroupNorm(Groups, C).
type GroupNorm struct {
	Groups       int
	Weight, Bias *autodiff.Param
	Eps          float64
}

// NewGroupNorm returns a GroupNorm with Eps 1e-5. It panics if groups does not divide
// channels.
func NewGroupNorm(groups, channels int) *GroupNorm {
	if groups <= 0 || channels%groups != 0 {
		panic(fmt.Sprintf("nn: NewGroupNorm: %d groups of %d channels", groups, channels))
	}
	return &GroupNorm{
		Groups: groups,
		Weight: newVector("weight", 1, channels), Bias: newVector("bias", 0, channels), Eps: 1e-5,
	}
}

// Params implements Module.
func (n *GroupNorm) Params() []*autodiff.Param { return []*autodiff.Param{n.Weight, n.Bias} }

// Forward implements Module.
func (n *GroupNorm) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	return autodiff.GroupNorm(x, n.Groups, t.Param(n.Weight), t.Param(n.Bias), n.Eps)
}
