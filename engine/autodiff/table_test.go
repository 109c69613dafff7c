package autodiff_test

import (
	"math"
	"math/rand/v2"

	. "github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// A row is an operation at some shapes; every check of an operation runs over all rows.
type row struct {
	op     string // the function's name
	detail string // of what the row is about, if an operation has several
	shapes [][]int
	build  func(t *Tape, x []*Var) *Var
	domain func(float64) float64 // maps a normal draw to an input; nil leaves it
}

func (r row) String() string {
	if r.detail == "" {
		return r.op
	}
	return r.op + "/" + r.detail
}

// inputs draws the row's inputs.
func (r row) inputs(dt tensor.DType) []*tensor.Tensor {
	rng := rand.New(rand.NewPCG(7, 11))
	xs := make([]*tensor.Tensor, len(r.shapes))
	for i, s := range r.shapes {
		x := tensor.New(tensor.Float64, s...)
		for j := range x.Float64s() {
			v := float64(float32(rng.NormFloat64()))
			if r.domain != nil {
				v = float64(float32(r.domain(v)))
			}
			x.Float64s()[j] = v
		}
		xs[i] = x.Convert(dt)
	}
	return xs
}

func positive(v float64) float64 { return math.Exp(v / 2) }

func shapes(s ...[]int) [][]int { return s }

// one and two make the builders of operations with one and two values.
func one(f func(*Var) *Var) func(*Tape, []*Var) *Var {
	return func(_ *Tape, x []*Var) *Var { return f(x[0]) }
}

func two(f func(a, b *Var) *Var) func(*Tape, []*Var) *Var {
	return func(_ *Tape, x []*Var) *Var { return f(x[0], x[1]) }
}

// training sets the tape to training.
func training(f func(*Tape, []*Var) *Var) func(*Tape, []*Var) *Var {
	return func(t *Tape, x []*Var) *Var {
		t.Training = true
		return f(t, x)
	}
}

func rows() []row {
	all := append(elementwiseRows(), productRows()...)
	all = append(all, shapeRows()...)
	all = append(all, attentionRows()...)
	return append(all, normRows()...)
}

func elementwiseRows() []row {
	odd, pair := shapes([]int{3, 7}), shapes([]int{3, 7}, []int{3, 7})
	return []row{
		{op: "Add", shapes: pair, build: two(Add)},
		{op: "Add", detail: "to itself", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return Add(x[0], x[0]) }},
		{op: "Sub", shapes: pair, build: two(Sub)},
		{op: "Mul", shapes: pair, build: two(Mul)},
		{op: "Mul", detail: "by itself", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return Mul(x[0], x[0]) }},
		{op: "Div", shapes: pair, build: two(Div), domain: positive},
		{op: "Div", detail: "by itself", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return Div(x[0], x[0]) }, domain: positive},
		{op: "AddRow", shapes: shapes([]int{2, 3, 5}, []int{5}), build: two(AddRow)},
		{op: "Scale", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return Scale(x[0], -2.5) }},
		{op: "AddScalar", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return AddScalar(x[0], 1.5) }},
		{op: "Neg", shapes: odd, build: one(Neg)},
		{op: "ReLU", shapes: odd, build: one(ReLU)},
		{op: "LeakyReLU", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return LeakyReLU(x[0], 0.1) }},
		{op: "LeakyReLU", detail: "negative slope", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return LeakyReLU(x[0], -0.3) }},
		{op: "Tanh", shapes: odd, build: one(Tanh)},
		{op: "Sigmoid", shapes: odd, build: one(Sigmoid)},
		{op: "Softplus", shapes: odd, build: one(Softplus)},
		{op: "SiLU", shapes: odd, build: one(SiLU)},
		{op: "GELU", shapes: odd, build: one(GELU)},
		{op: "ELU", shapes: odd, build: func(_ *Tape, x []*Var) *Var { return ELU(x[0], 0.7) }},
		{op: "HardSigmoid", shapes: odd, build: one(HardSigmoid), domain: func(v float64) float64 { return 3 * v }},
		{op: "HardSwish", shapes: odd, build: one(HardSwish), domain: func(v float64) float64 { return 3 * v }},
		{op: "Exp", shapes: odd, build: one(Exp)},
		{op: "Log", shapes: odd, build: one(Log), domain: positive},
		{op: "Square", shapes: odd, build: one(Square)},
		{op: "Sqrt", shapes: odd, build: one(Sqrt), domain: positive},
		{op: "Abs", shapes: odd, build: one(Abs)},
		{op: "Dropout", shapes: odd, build: dropout},
		{op: "Dropout", detail: "outside training", shapes: odd, build: func(_ *Tape, x []*Var) *Var {
			return Dropout(x[0], 0.5, nil)
		}},
	}
}

var (
	dropoutSource = rand.NewPCG(0, 0)
	dropoutRand   = rand.New(dropoutSource)
)

func dropout(t *Tape, x []*Var) *Var {
	t.Training = true
	dropoutSource.Seed(3, 4)
	return Dropout(x[0], 0.3, dropoutRand)
}

func productRows() []row {
	matMul := func(transA, transB bool) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return MatMul(x[0], x[1], transA, transB) }
	}
	linear := func(act Activation) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return Linear(x[0], x[1], x[2], act) }
	}
	conv := func(o ConvOptions, act Activation) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return Conv2D(x[0], x[1], x[2], o, act) }
	}
	convTranspose2D := func(o ConvTransposeOptions) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return ConvTranspose2D(x[0], x[1], x[2], o) }
	}
	return []row{
		{op: "MatMul", shapes: shapes([]int{3, 5}, []int{5, 2}), build: matMul(false, false)},
		{op: "MatMul", detail: "AᵀB", shapes: shapes([]int{5, 3}, []int{5, 2}), build: matMul(true, false)},
		{op: "MatMul", detail: "ABᵀ", shapes: shapes([]int{3, 5}, []int{2, 5}), build: matMul(false, true)},
		{op: "MatMul", detail: "AᵀBᵀ", shapes: shapes([]int{5, 3}, []int{2, 5}), build: matMul(true, true)},
		{op: "MatMul", detail: "Gram", shapes: shapes([]int{3, 4}), build: func(_ *Tape, x []*Var) *Var { return MatMul(x[0], x[0], false, true) }},
		{op: "Linear", shapes: shapes([]int{3, 5}, []int{4, 5}, []int{4}), build: linear(Identity)},
		{op: "Linear", detail: "ReLU", shapes: shapes([]int{3, 5}, []int{7, 5}, []int{7}), build: linear(Rectify)},
		{op: "Linear", detail: "sequence", shapes: shapes([]int{2, 3, 5}, []int{4, 5}, []int{4}), build: linear(Rectify)},
		{op: "Linear", detail: "no bias", shapes: shapes([]int{3, 5}, []int{4, 5}), build: func(_ *Tape, x []*Var) *Var {
			return Linear(x[0], x[1], nil, Rectify)
		}},
		{op: "Conv2D", shapes: shapes([]int{2, 3, 5, 4}, []int{2, 3, 3, 2}, []int{2}), build: conv(ConvOptions{}, Identity)},
		{op: "Conv2D", detail: "ReLU", shapes: shapes([]int{2, 2, 6, 5}, []int{3, 2, 3, 3}, []int{3}), build: conv(ConvOptions{PadH: 1, PadW: 1}, Rectify)},
		{
			op: "Conv2D", detail: "strided", shapes: shapes([]int{1, 2, 7, 6}, []int{3, 2, 2, 3}, []int{3}),
			build: conv(ConvOptions{StrideH: 2, StrideW: 3, PadH: 1, PadW: 2, DilationH: 2}, Rectify),
		},
		{op: "Conv2D", detail: "no bias", shapes: shapes([]int{2, 1, 4, 4}, []int{2, 1, 3, 3}), build: func(_ *Tape, x []*Var) *Var {
			return Conv2D(x[0], x[1], nil, ConvOptions{}, Identity)
		}},
		{op: "Conv2D", detail: "then pool", shapes: shapes([]int{2, 1, 6, 6}, []int{2, 1, 3, 3}, []int{2}), build: func(_ *Tape, x []*Var) *Var {
			return MaxPool2D(Conv2D(x[0], x[1], x[2], ConvOptions{}, Rectify), PoolOptions{KernelH: 2, KernelW: 2})
		}},
		{op: "Conv2D", detail: "used twice then pool", shapes: shapes([]int{2, 1, 6, 6}, []int{2, 1, 3, 3}, []int{2}), build: func(_ *Tape, x []*Var) *Var {
			h := Conv2D(x[0], x[1], x[2], ConvOptions{}, Rectify)
			o := PoolOptions{KernelH: 2, KernelW: 2}
			return Add(Add(MaxPool2D(AddScalar(h, 1), o), MaxPool2D(h, o)), MaxPool2D(Scale(h, -1), o))
		}},
		{op: "Conv2D", detail: "pooled then used", shapes: shapes([]int{2, 1, 6, 6}, []int{2, 1, 3, 3}, []int{2}), build: func(_ *Tape, x []*Var) *Var {
			h := Conv2D(x[0], x[1], x[2], ConvOptions{}, Rectify)
			p := MaxPool2D(h, PoolOptions{KernelH: 2, KernelW: 2})
			return Add(p, MaxPool2D(Scale(h, -1), PoolOptions{KernelH: 2, KernelW: 2}))
		}},
		{op: "Conv1D", shapes: shapes([]int{2, 3, 9}, []int{4, 3, 3}, []int{4}), build: func(_ *Tape, x []*Var) *Var {
			return Conv1D(x[0], x[1], x[2], Conv1DOptions{Dilation: 2, PadLeft: 4}, Rectify)
		}},
		{op: "Conv1D", detail: "strided", shapes: shapes([]int{2, 2, 9}, []int{3, 2, 4}, []int{3}), build: func(_ *Tape, x []*Var) *Var {
			return Conv1D(x[0], x[1], x[2], Conv1DOptions{Stride: 2, PadLeft: 1, PadRight: 2}, Identity)
		}},
		{
			op: "Conv2D", detail: "groups", shapes: shapes([]int{2, 4, 5, 6}, []int{6, 2, 3, 2}, []int{6}),
			build: conv(ConvOptions{StrideH: 2, PadTop: 1, PadRight: 2, PadW: 1, Groups: 2}, Rectify),
		},
		{
			op: "Conv2D", detail: "depthwise", shapes: shapes([]int{2, 3, 6, 5}, []int{6, 1, 3, 3}, []int{6}),
			build: conv(ConvOptions{PadH: 1, PadBottom: 1, PadLeft: 2, Groups: 3}, Rectify),
		},
		{
			op: "Conv2D", detail: "strided depthwise", shapes: shapes([]int{3, 3, 7, 6}, []int{3, 1, 3, 2}, []int{3}),
			build: conv(ConvOptions{StrideH: 2, StrideW: 3, DilationH: 2, PadH: 2, PadW: 1, Groups: 3}, Identity),
		},
		{op: "Conv1D", detail: "depthwise", shapes: shapes([]int{2, 3, 9}, []int{3, 1, 4}, []int{3}), build: func(_ *Tape, x []*Var) *Var {
			return Conv1D(x[0], x[1], x[2], Conv1DOptions{PadLeft: 3, Groups: 3}, Rectify)
		}},
		{op: "ConvTranspose2D", shapes: shapes([]int{2, 3, 3, 4}, []int{3, 2, 3, 2}, []int{2}), build: convTranspose2D(ConvTransposeOptions{})},
		{
			op: "ConvTranspose2D", detail: "strided", shapes: shapes([]int{2, 4, 3, 4}, []int{4, 3, 3, 3}, []int{6}),
			build: convTranspose2D(ConvTransposeOptions{
				ConvOptions: ConvOptions{StrideH: 2, StrideW: 3, DilationW: 2, PadH: 1, PadLeft: 1, PadRight: 2, Groups: 2}, OutputPadH: 1, OutputPadW: 3,
			}),
		},
		{
			op: "ConvTranspose2D", detail: "depthwise", shapes: shapes([]int{2, 3, 4, 3}, []int{3, 1, 2, 3}, []int{3}),
			build: convTranspose2D(ConvTransposeOptions{ConvOptions: ConvOptions{StrideW: 2, Groups: 3}}),
		},
		{op: "ConvTranspose2D", detail: "no bias", shapes: shapes([]int{1, 2, 3, 3}, []int{2, 2, 2, 2}), build: func(_ *Tape, x []*Var) *Var {
			return ConvTranspose2D(x[0], x[1], nil, ConvTransposeOptions{})
		}},
		{op: "ConvTranspose1D", shapes: shapes([]int{2, 4, 5}, []int{4, 3, 4}, []int{6}), build: func(_ *Tape, x []*Var) *Var {
			return ConvTranspose1D(x[0], x[1], x[2], ConvTranspose1DOptions{
				Conv1DOptions: Conv1DOptions{Stride: 3, Dilation: 2, PadLeft: 1, PadRight: 2, Groups: 2}, OutputPad: 2,
			})
		}},
		{op: "SquaredDistances", shapes: shapes([]int{5, 3}, []int{4, 3}), build: two(SquaredDistances)},
		{op: "SquaredDistances", detail: "to itself", shapes: shapes([]int{4, 3}), build: func(_ *Tape, x []*Var) *Var {
			return SquaredDistances(x[0], x[0])
		}},
	}
}

func shapeRows() []row {
	cube := shapes([]int{2, 3, 4})
	axis := func(a int) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return SumAxis(x[0], a) }
	}
	pool := func(f func(*Var, PoolOptions) *Var, o PoolOptions) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return f(x[0], o) }
	}
	padding := func(p Padding) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return Square(Pad(x[0], p)) }
	}
	images := shapes([]int{2, 3, 6, 5})
	overlapping := PoolOptions{KernelH: 3, KernelW: 2, StrideH: 2, StrideW: 1, PadH: 1, PadW: 1}
	return []row{
		{op: "Reshape", shapes: cube, build: func(_ *Tape, x []*Var) *Var { return Square(Reshape(x[0], 4, -1)) }},
		{op: "Flatten", shapes: cube, build: func(_ *Tape, x []*Var) *Var { return Square(Flatten(x[0])) }},
		{op: "Transpose", shapes: shapes([]int{35, 33}), build: one(Transpose), domain: func(v float64) float64 { return v / 10 }},
		{op: "SwapFirstAxes", shapes: cube, build: func(_ *Tape, x []*Var) *Var { return Square(SwapFirstAxes(x[0])) }},
		{op: "Concat", shapes: shapes([]int{2, 3}, []int{1, 3}, []int{2, 3}), build: func(_ *Tape, x []*Var) *Var { return Concat(0, x[0], x[1], x[2]) }},
		{op: "Concat", detail: "middle", shapes: shapes([]int{2, 3, 2}, []int{2, 1, 2}), build: func(_ *Tape, x []*Var) *Var {
			return Concat(-2, x[0], x[1], x[0])
		}},
		{op: "Slice", shapes: shapes([]int{5, 3}), build: func(_ *Tape, x []*Var) *Var { return Slice(x[0], 0, 1, 4) }},
		{op: "Slice", detail: "last", shapes: shapes([]int{2, 3, 4}), build: func(_ *Tape, x []*Var) *Var {
			return Mul(Slice(x[0], -1, 0, 2), Slice(x[0], -1, 1, 3))
		}},
		{op: "RepeatRows", shapes: shapes([]int{3, 2, 2}), build: func(_ *Tape, x []*Var) *Var { return RepeatRows(x[0], 3) }},
		{op: "TileRows", shapes: shapes([]int{3, 2, 2}), build: func(_ *Tape, x []*Var) *Var { return TileRows(x[0], 3) }},
		{op: "Pad", shapes: images, build: padding(Padding{Top: 1, Left: 2, Right: 3})},
		{op: "Pad", detail: "reflect", shapes: images, build: padding(Padding{Top: 5, Bottom: 2, Left: 1, Right: 4, Mode: PadReflect})},
		{op: "Pad", detail: "replicate", shapes: cube, build: padding(Padding{Top: 1, Bottom: 2, Left: 5, Right: 3, Mode: PadReplicate})},
		{op: "Pad", detail: "circular", shapes: cube, build: padding(Padding{Top: 3, Bottom: 1, Left: 4, Right: 2, Mode: PadCircular})},
		{op: "Pad", detail: "of a vector", shapes: shapes([]int{5}), build: padding(Padding{Left: 2, Mode: PadReflect})},
		{op: "Embedding", shapes: shapes([]int{4, 3}), build: func(_ *Tape, x []*Var) *Var { return Embedding(x[0], []int{2, 0, 2, 3, 2}) }},
		{op: "Gather", shapes: shapes([]int{3, 4}), build: func(_ *Tape, x []*Var) *Var { return Gather(x[0], []int{3, 0, 3}) }},
		{op: "Sum", shapes: cube, build: one(Sum)},
		{op: "Mean", shapes: cube, build: one(Mean)},
		{op: "SumAxis", shapes: cube, build: axis(0)},
		{op: "SumAxis", detail: "middle", shapes: cube, build: axis(1)},
		{op: "SumAxis", detail: "last", shapes: cube, build: axis(-1)},
		{op: "SumLast", shapes: cube, build: one(SumLast)},
		{op: "LogSumExp", shapes: shapes([]int{3, 5}), build: one(LogSumExp)},
		{op: "Softmax", shapes: cube, build: one(Softmax)},
		{op: "LogSoftmax", shapes: cube, build: one(LogSoftmax)},
		{op: "MaxPool2D", shapes: images, build: pool(MaxPool2D, PoolOptions{KernelH: 2, KernelW: 2})},
		{op: "MaxPool2D", detail: "overlapping", shapes: images, build: pool(MaxPool2D, overlapping)},
		{op: "MaxPool2D", detail: "of negative sums", shapes: shapes([]int{1, 2, 4, 6}, []int{1, 2, 4, 6}), build: func(_ *Tape, x []*Var) *Var {
			return MaxPool2D(Add(x[0], x[1]), PoolOptions{KernelH: 2, KernelW: 2})
		}, domain: func(v float64) float64 { return v - 1 }},
		{op: "AvgPool2D", shapes: images, build: pool(AvgPool2D, PoolOptions{KernelH: 2, KernelW: 2})},
		{op: "AvgPool2D", detail: "overlapping", shapes: images, build: pool(AvgPool2D, overlapping)},
		{op: "GlobalAvgPool2D", shapes: images, build: one(GlobalAvgPool2D)},
	}
}

// attentionRows have 2 batches, 3 queries, 5 keys and 2 heads.
func attentionRows() []row {
	pair := shapes([]int{2, 3, 6}, []int{2, 5, 6})
	weights := func(m AttentionMask) func(*Tape, []*Var) *Var {
		return func(t *Tape, x []*Var) *Var {
			m := m
			if m.Scores != nil && t.DType() == tensor.Float32 {
				m.Scores = scoreMask32
			}
			return Square(AttentionWeights(x[0], x[1], 2, m))
		}
	}
	hidden := []bool{false, true, false, false, true, true, true, true, true, true}
	return []row{
		{op: "AttentionWeights", shapes: pair, build: weights(AttentionMask{})},
		{op: "AttentionWeights", detail: "causal", shapes: pair, build: weights(AttentionMask{Causal: true})},
		{op: "AttentionWeights", detail: "masked", shapes: pair, build: weights(AttentionMask{Keys: hidden, Scores: scoreMask64})},
		{op: "AttentionWeights", detail: "to itself", shapes: shapes([]int{2, 3, 4}), build: func(_ *Tape, x []*Var) *Var {
			return Square(AttentionWeights(x[0], x[0], 2, AttentionMask{Causal: true}))
		}},
		{op: "AttentionSum", shapes: shapes([]int{2, 2, 3, 5}, []int{2, 5, 4}), build: two(AttentionSum)},
	}
}

// scoreMask64 hides some keys from some queries of each head, and lowers the scores of others.
var scoreMask64, scoreMask32 = scoreMask(tensor.Float64), scoreMask(tensor.Float32)

func scoreMask(dt tensor.DType) *tensor.Tensor {
	m := tensor.New(dt, 4, 3, 5)
	for i := range 4 {
		for t := range 3 {
			for s := range 5 {
				if (i+t+s)%3 == 0 {
					m.Set(math.Inf(-1), i, t, s)
				} else {
					m.Set(0.25*float64(s-t), i, t, s)
				}
			}
		}
	}
	return m
}

func normRows() []row {
	batch := func(f func(x, gain, bias *Var) *Var) func(*Tape, []*Var) *Var {
		return func(_ *Tape, x []*Var) *Var { return f(x[0], x[1], x[2]) }
	}
	batchNorm := batch(func(x, gain, bias *Var) *Var { return BatchNorm(x, gain, bias, nil, nil, 0.1, 1e-3) })
	return []row{
		{op: "LayerNorm", shapes: shapes([]int{2, 3, 5}, []int{5}, []int{5}), build: batch(func(x, gain, bias *Var) *Var {
			return LayerNorm(x, gain, bias, 1e-3)
		})},
		{op: "LayerNorm", detail: "wide", shapes: shapes([]int{3, 35}, []int{35}, []int{35}), build: batch(func(x, gain, bias *Var) *Var {
			return LayerNorm(x, gain, bias, 1e-3)
		})},
		{op: "LayerNorm", detail: "plain", shapes: shapes([]int{3, 4}), build: func(_ *Tape, x []*Var) *Var { return LayerNorm(x[0], nil, nil, 1e-3) }},
		{op: "GroupNorm", shapes: shapes([]int{3, 6, 2, 2}, []int{6}, []int{6}), build: batch(func(x, gain, bias *Var) *Var {
			return GroupNorm(x, 2, gain, bias, 1e-3)
		})},
		{op: "GroupNorm", detail: "bias only", shapes: shapes([]int{2, 4, 3}, []int{4}), build: func(_ *Tape, x []*Var) *Var {
			return GroupNorm(x[0], 4, nil, x[1], 1e-3)
		}},
		{op: "BatchNorm", shapes: shapes([]int{5, 3}, []int{3}, []int{3}), build: batchNorm},
		{op: "BatchNorm", detail: "images", shapes: shapes([]int{3, 19, 2, 2}, []int{19}, []int{19}), build: training(batchNorm)},
		{op: "BatchNorm", detail: "running", shapes: shapes([]int{4, 3, 2}, []int{3}, []int{3}), build: batch(func(x, gain, bias *Var) *Var {
			mean, variance := running(x.Tape().DType())
			return BatchNorm(x, gain, bias, mean, variance, 0.1, 1e-3)
		})},
		{op: "BatchNorm", detail: "plain", shapes: shapes([]int{4, 3}), build: func(_ *Tape, x []*Var) *Var {
			return BatchNorm(x[0], nil, nil, nil, nil, 0.1, 1e-3)
		}},
	}
}

var running32, running64 = newRunning(tensor.Float32), newRunning(tensor.Float64)

// newRunning returns running statistics of three channels.
func newRunning(dt tensor.DType) [2]*Param {
	mean, variance := tensor.New(dt, 3), tensor.New(dt, 3)
	for i := range 3 {
		mean.Set(0.25*float64(i), i)
		variance.Set(0.5+float64(i), i)
	}
	return [2]*Param{{Name: "running_mean", Value: mean, Frozen: true}, {Name: "running_var", Value: variance, Frozen: true}}
}

func running(dt tensor.DType) (mean, variance *Param) {
	if dt == tensor.Float64 {
		return running64[0], running64[1]
	}
	return running32[0], running32[1]
}
