package nn

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/autodiff"
)

// A norm without Weight has a scale of 1, and one without Bias a shift of 0; they are set to nil before the layer goes into a
// container (PyTorch's affine=False, elementwise_affine=False, bias=False).

// BatchNorm normalises each channel over the batch and its positions [ioffe2015],
//
//	y = (x − μ)/√(σ² + Eps)·weight + bias
//
// In training μ and σ² are the batch's, and the running ones move towards them by
// Momentum (the variance in its unbiased form); otherwise they are the running ones.
// Without running ones, which are set to nil before the layer goes into a container, they are always the batch's.
//
// Shapes: [B, C] or [B, C, ...], kept.
// Parameters: weight (1) and bias (0), which do not decay, running_mean (0) and
// running_var (1), which are frozen, all [C].
// PyTorch: nn.BatchNorm1d, 2d, 3d, with track_running_stats=False if there are no running ones; their
// num_batches_tracked is not kept.
type BatchNorm struct {
	Weight, Bias            *autodiff.Param // nil for none
	RunningMean, RunningVar *autodiff.Param // nil, both, for none
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
	return present(n.Weight, n.Bias, n.RunningMean, n.RunningVar)
}

// Forward implements Module.
func (n *BatchNorm) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	return autodiff.BatchNorm(x, optional(t, n.Weight), optional(t, n.Bias), n.RunningMean, n.RunningVar, n.Momentum, n.Eps)
}

// LayerNorm normalises along the last axis, or the last few together [ba2016], as BatchNorm's formula says with
// μ and σ² of those axes alone.
//
// Shapes: [..., Sizes], kept.
// Parameters: weight (1) and bias (0), which do not decay, both of shape Sizes.
// PyTorch: nn.LayerNorm(Sizes).
type LayerNorm struct {
	Sizes        []int
	Weight, Bias *autodiff.Param // nil for none
	Eps          float64
}

// NewLayerNorm returns a LayerNorm over axes of some sizes, with Eps 1e-5. It panics without sizes.
func NewLayerNorm(sizes ...int) *LayerNorm {
	if len(sizes) == 0 {
		panic("nn: NewLayerNorm: there must be a size")
	}
	return &LayerNorm{
		Sizes:  slices.Clone(sizes),
		Weight: newVector("weight", 1, sizes...), Bias: newVector("bias", 0, sizes...), Eps: 1e-5,
	}
}

// Params implements Module.
func (n *LayerNorm) Params() []*autodiff.Param { return present(n.Weight, n.Bias) }

// Forward implements Module. It panics if x does not end in Sizes.
func (n *LayerNorm) Forward(x *autodiff.Var) *autodiff.Var {
	t, s := x.Tape(), x.Shape()
	axes := len(n.Sizes)
	if len(s) < axes || !slices.Equal(s[len(s)-axes:], n.Sizes) {
		panic(fmt.Sprintf("nn: LayerNorm: x has shape %v; it must end in %v", s, n.Sizes))
	}
	if axes == 1 {
		return autodiff.LayerNorm(x, optional(t, n.Weight), optional(t, n.Bias), n.Eps)
	}
	width := 1
	for _, d := range n.Sizes {
		width *= d
	}
	flat := func(v *autodiff.Var, shape ...int) *autodiff.Var {
		if v == nil {
			return nil
		}
		return autodiff.Reshape(v, shape...)
	}
	y := autodiff.LayerNorm(flat(x, -1, width), flat(optional(t, n.Weight), width), flat(optional(t, n.Bias), width), n.Eps)
	return autodiff.Reshape(y, s...)
}

// GroupNorm normalises each of Groups equal groups of channels of each sample
// [wu2018], as BatchNorm's formula says with μ and σ² of that group alone.
//
// Shapes: [B, C, ...], kept.
// Parameters: weight (1) and bias (0), which do not decay, both [C].
// PyTorch: nn.GroupNorm(Groups, C).
type GroupNorm struct {
	Groups       int
	Weight, Bias *autodiff.Param // nil for none
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
func (n *GroupNorm) Params() []*autodiff.Param { return present(n.Weight, n.Bias) }

// Forward implements Module.
func (n *GroupNorm) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	return autodiff.GroupNorm(x, n.Groups, optional(t, n.Weight), optional(t, n.Bias), n.Eps)
}

// InstanceNorm normalises each channel of each sample over its positions [ulyanov2016], as BatchNorm's formula says with μ
// and σ² of that channel alone, in training and in evaluation.
//
// Shapes: [B, Channels, ...], kept.
// Parameters, if affine: weight (1) and bias (0), which do not decay, both [Channels].
// PyTorch: nn.InstanceNorm1d, 2d, 3d without track_running_stats; they refuse a single position, of which the result is
// here the bias.
type InstanceNorm struct {
	Channels     int
	Weight, Bias *autodiff.Param // nil for none
	Eps          float64
}

// NewInstanceNorm returns an InstanceNorm with Eps 1e-5, and with a scale and a shift of each channel if it is affine,
// which PyTorch's is not by default.
func NewInstanceNorm(channels int, affine bool) *InstanceNorm {
	n := &InstanceNorm{Channels: channels, Eps: 1e-5}
	if affine {
		n.Weight, n.Bias = newVector("weight", 1, channels), newVector("bias", 0, channels)
	}
	return n
}

// Params implements Module.
func (n *InstanceNorm) Params() []*autodiff.Param { return present(n.Weight, n.Bias) }

// Forward implements Module. It panics if x has another number of channels.
func (n *InstanceNorm) Forward(x *autodiff.Var) *autodiff.Var {
	if s := x.Shape(); len(s) < 3 || s[1] != n.Channels {
		panic(fmt.Sprintf("nn: InstanceNorm: x has shape %v; it must be [B, %d, ...] with positions", s, n.Channels))
	}
	t := x.Tape()
	return autodiff.GroupNorm(x, n.Channels, optional(t, n.Weight), optional(t, n.Bias), n.Eps)
}
