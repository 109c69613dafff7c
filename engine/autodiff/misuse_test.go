package autodiff_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// Each misuse panics with the operation's name and the shapes; nothing is broadcast.
func TestMisuse(t *testing.T) {
	tape := NewTape(tensor.Float32)
	v := func(shape ...int) *Var { return tape.Input(tensor.New(tensor.Float32, shape...)) }
	stranger := NewTape(tensor.Float32).Input(tensor.New(tensor.Float32, 2, 3))
	param := func(n int) *Param { return &Param{Value: tensor.New(tensor.Float32, n)} }
	for _, c := range []struct {
		want string // what the message must hold, parted by |
		f    func()
	}{
		{"Add|[2 3]|[3]", func() { Add(v(2, 3), v(3)) }},
		{"Sub|[2 3]|[1 3]", func() { Sub(v(2, 3), v(1, 3)) }},
		{"Mul|[2 3]|[]", func() { Mul(v(2, 3), v()) }},
		{"Div|[2 3]|[3 2]", func() { Div(v(2, 3), v(3, 2)) }},
		{"Add|another tape", func() { Add(v(2, 3), stranger) }},
		{"AddRow|[2 3]|[2]", func() { AddRow(v(2, 3), v(2)) }},
		{"MatMul|[2 3]|[2 3]|3 and 2", func() { MatMul(v(2, 3), v(2, 3), false, false) }},
		{"MatMul|[2]", func() { MatMul(v(2), v(2, 3), false, false) }},
		{"Linear|[2 3]|[4 2]", func() { Linear(v(2, 3), v(4, 2), nil, Identity) }},
		{"Linear|[3]|[4 3]", func() { Linear(v(2, 3), v(4, 3), v(3), Identity) }},
		{"Conv2D|[1 2 4 4]|[1 3 3 3]", func() { Conv2D(v(1, 2, 4, 4), v(1, 3, 3, 3), nil, ConvOptions{}, Identity) }},
		{"Conv2D|[1 2 2 2]|[1 2 3 3]|not fit", func() { Conv2D(v(1, 2, 2, 2), v(1, 2, 3, 3), nil, ConvOptions{}, Identity) }},
		{"Conv1D|[1 2 9]|StrideW is -1", func() { Conv1D(v(1, 2, 9), v(1, 2, 3), nil, Conv1DOptions{Stride: -1}, Identity) }},
		{"Conv2D|[1 4 4 4]|[2 2 3 3]|3 groups|multiple", func() { Conv2D(v(1, 4, 4, 4), v(2, 2, 3, 3), nil, ConvOptions{Groups: 3}, Identity) }},
		{"Conv2D|[1 4 4 4]|[3 2 3 3]|2 groups", func() { Conv2D(v(1, 4, 4, 4), v(3, 2, 3, 3), nil, ConvOptions{Groups: 2}, Identity) }},
		{"Conv2D|PadTop is -1", func() { Conv2D(v(1, 1, 4, 4), v(1, 1, 3, 3), nil, ConvOptions{PadTop: -1}, Identity) }},
		{"ConvTranspose2D|[1 2 4 4]|[3 2 3 3]|1 groups", func() { ConvTranspose2D(v(1, 2, 4, 4), v(3, 2, 3, 3), nil, ConvTransposeOptions{}) }},
		{"ConvTranspose2D|b has shape [2]|must be [6]", func() {
			ConvTranspose2D(v(1, 2, 4, 4), v(2, 3, 3, 3), v(2), ConvTransposeOptions{ConvOptions: ConvOptions{Groups: 2}})
		}},
		{"ConvTranspose2D|output padding|less than the stride", func() { ConvTranspose2D(v(1, 2, 4, 4), v(2, 3, 3, 3), nil, ConvTransposeOptions{OutputPadW: 1}) }},
		{"ConvTranspose2D|output padding", func() {
			ConvTranspose2D(v(1, 2, 4, 4), v(2, 3, 3, 3), nil, ConvTransposeOptions{ConvOptions: ConvOptions{StrideH: 2}, OutputPadH: -1})
		}},
		{"ConvTranspose1D|Conv2D.W is 0", func() {
			ConvTranspose1D(v(1, 2, 1), v(2, 3, 3), nil, ConvTranspose1DOptions{Conv1DOptions: Conv1DOptions{PadLeft: 3}})
		}},
		{"ConvTranspose1D|[1 2 4 4]", func() { ConvTranspose1D(v(1, 2, 4, 4), v(2, 3, 3), nil, ConvTranspose1DOptions{}) }},
		{"Pad|[]", func() { Pad(v(), Padding{Left: 1}) }},
		{"Pad|[3]", func() { Pad(v(3), Padding{Top: 1}) }},
		{"Pad|-1 and 0|axis 1|[2 3]|at least 0", func() { Pad(v(2, 3), Padding{Left: -1}) }},
		{"Pad|0 and 3|axis 1|[2 3]|at most 2", func() { Pad(v(2, 3), Padding{Right: 3, Mode: PadReflect}) }},
		{"Pad|3 and 0|axis 0|[2 3]|at most 2", func() { Pad(v(2, 3), Padding{Top: 3, Mode: PadCircular}) }},
		{"Pad|0 and 1|axis 1|[2 0]|at most 0", func() { Pad(v(2, 0), Padding{Right: 1, Mode: PadReplicate}) }},
		{"Pad|mode 9", func() { Pad(v(2, 3), Padding{Mode: 9}) }},
		{"SwapFirstAxes|[3]", func() { SwapFirstAxes(v(3)) }},
		{"AttentionWeights|[2 3 4]|[2 5 6]|2 heads", func() { AttentionWeights(v(2, 3, 4), v(2, 5, 6), 2, AttentionMask{}) }},
		{"AttentionWeights|[2 3 4]|3 heads", func() { AttentionWeights(v(2, 3, 4), v(2, 5, 4), 3, AttentionMask{}) }},
		{"AttentionWeights|[2 0 4]", func() { AttentionWeights(v(2, 3, 4), v(2, 0, 4), 2, AttentionMask{}) }},
		{"AttentionWeights|Keys|9 elements|10", func() { AttentionWeights(v(2, 3, 4), v(2, 5, 4), 2, AttentionMask{Keys: make([]bool, 9)}) }},
		{"AttentionWeights|Scores|[5 3]|[3 5]|[4 3 5]", func() {
			AttentionWeights(v(2, 3, 4), v(2, 5, 4), 2, AttentionMask{Scores: tensor.New(tensor.Float32, 5, 3)})
		}},
		{"AttentionWeights|Scores|float64|float32", func() {
			AttentionWeights(v(2, 3, 4), v(2, 5, 4), 2, AttentionMask{Scores: tensor.New(tensor.Float64, 3, 5)})
		}},
		{"AttentionSum|[2 2 3 5]|[2 4 4]", func() { AttentionSum(v(2, 2, 3, 5), v(2, 4, 4)) }},
		{"AttentionSum|[2 3 3 5]|[2 5 4]", func() { AttentionSum(v(2, 3, 3, 5), v(2, 5, 4)) }},
		{"Conv1D|[2 9]", func() { Conv1D(v(2, 9), v(1, 2, 3), nil, Conv1DOptions{}, Identity) }},
		{"MaxPool2D|[2 4 4]", func() { MaxPool2D(v(2, 4, 4), PoolOptions{KernelH: 2, KernelW: 2}) }},
		{"AvgPool2D|[1 2 4 4]|window", func() { AvgPool2D(v(1, 2, 4, 4), PoolOptions{KernelH: 5, KernelW: 2}) }},
		{"GlobalAvgPool2D|[2 3]", func() { GlobalAvgPool2D(v(2, 3)) }},
		{"Reshape|[2 3]|[4]", func() { Reshape(v(2, 3), 4) }},
		{"Reshape|[2 3]|[]", func() { Reshape(v(2, 3)) }},
		{"Reshape|[2 3]|[-2 -3]", func() { Reshape(v(2, 3), -2, -3) }},
		{"Reshape|[2 3]", func() { Reshape(v(2, 3), -1, 4) }},
		{"Flatten|scalar", func() { Flatten(v()) }},
		{"Transpose|[2]", func() { Transpose(v(2)) }},
		{"Concat|nothing", func() { Concat(0) }},
		{"Concat|[2 3]|[3 3]|axis 1", func() { Concat(-1, v(2, 3), v(3, 3)) }},
		{"Concat|axis 2|[2 3]", func() { Concat(2, v(2, 3)) }},
		{"Slice|1 to 4|axis 1|[2 3]", func() { Slice(v(2, 3), 1, 1, 4) }},
		{"Slice|axis -3", func() { Slice(v(2, 3), -3, 0, 1) }},
		{"RepeatRows|-1|[2 3]", func() { RepeatRows(v(2, 3), -1) }},
		{"TileRows|[]", func() { TileRows(v(), 2) }},
		{"SumAxis|axis 0|[]", func() { SumAxis(v(), 0) }},
		{"Embedding|index 1 is 2|[0, 2)", func() { Embedding(v(2, 3), []int{0, 2}) }},
		{"Embedding|[2]", func() { Embedding(v(2), nil) }},
		{"Gather|index 0 is -1|[0, 3)", func() { Gather(v(2, 3), []int{-1, 0}) }},
		{"Gather|[2 3]|1 indices", func() { Gather(v(2, 3), []int{0}) }},
		{"SquaredDistances|[2 3]|[2 4]", func() { SquaredDistances(v(2, 3), v(2, 4)) }},
		{"LogSumExp|[3]", func() { LogSumExp(v(3)) }},
		{"Softmax|[2 0]", func() { Softmax(v(2, 0)) }},
		{"Dropout|1.5", func() { Dropout(v(2), 1.5, rand.New(rand.NewPCG(1, 2))) }},
		{"LayerNorm|gain|[2]|[2 3]", func() { LayerNorm(v(2, 3), v(2), nil, 1e-5) }},
		{"GroupNorm|2 groups|[1 3 2]", func() { GroupNorm(v(1, 3, 2), 2, nil, nil, 1e-5) }},
		{"BatchNorm|bias|[2]|[2 3]", func() { BatchNorm(v(2, 3), nil, v(2), nil, nil, 0.1, 1e-5) }},
		{"BatchNorm|running|[3]", func() { BatchNorm(v(2, 3), nil, nil, param(3), nil, 0.1, 1e-5) }},
		{"BatchNorm|running|[3]", func() { BatchNorm(v(2, 3), nil, nil, param(3), param(2), 0.1, 1e-5) }},
		{"Backward|[2 3]", func() { tape.Backward(v(2, 3)) }},
		{"Backward|another tape", func() { tape.BackwardFrom(stranger, nil) }},
		{"Backward|[3]|[2 3]", func() { tape.BackwardFrom(v(2, 3), tensor.New(tensor.Float32, 3)) }},
		{"Backward|float64", func() { tape.BackwardFrom(v(3), tensor.New(tensor.Float64, 3)) }},
		{"float64 tensor of shape [2]|float32", func() { tape.Const(tensor.New(tensor.Float64, 2)) }},
	} {
		func() {
			defer func() {
				message := fmt.Sprint(recover())
				for _, part := range append(strings.Split(c.want, "|"), "autodiff: ") {
					if !strings.Contains(message, part) {
						t.Errorf("message %q does not hold %q", message, part)
					}
				}
			}()
			c.f()
		}()
	}
}
