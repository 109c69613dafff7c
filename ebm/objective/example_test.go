package objective_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// centred is the energy of a normal density with a mean that is trained: (y − mean)²/2.
type centred struct{ mean *autodiff.Param }

func (c centred) Dim() int                  { return 1 }
func (c centred) Params() []*autodiff.Param { return []*autodiff.Param{c.mean} }

func (c centred) Energy(_, y *autodiff.Var) *autodiff.Var {
	mean := autodiff.Neg(y.Tape().Param(c.mean))
	return autodiff.Scale(autodiff.SumLast(autodiff.Square(autodiff.AddRow(y, mean))), 0.5)
}

// Train a density by denoising score matching: no chains, no partition function.
func Example() {
	model := centred{&autodiff.Param{Name: "mean", Value: tensor.New(tensor.Float64, 1)}}
	match := &objective.DenoisingScore[float64]{Sigma: 0.3}
	rng := rand.New(rand.NewPCG(1, 0))
	data := tensor.New(tensor.Float64, 256, 1)
	tape, sgd := autodiff.NewTape(tensor.Float64), &optim.SGD{}
	for range 300 {
		for i := range data.Len() {
			tensor.Data[float64](data)[i] = 1.5 + rng.NormFloat64()
		}
		tape.Reset()
		model.mean.ZeroGrad()
		loss, err := match.Record(tape, model, data, rng)
		if err != nil {
			log.Fatal(err)
		}
		tape.Backward(loss)
		sgd.Step(model.Params(), 0.3)
	}
	fmt.Printf("%.1f\n", tensor.Data[float64](model.mean.Value)[0])
	// Output: 1.5
}
