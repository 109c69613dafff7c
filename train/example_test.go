package train_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/train"
)

// doubling is a task of one's own: find w so that w·x is 2x.
type doubling struct{ w *autodiff.Param }

func (d doubling) Params() []*autodiff.Param { return []*autodiff.Param{d.w} }
func (d doubling) Samples() int              { return 8 }

func (d doubling) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	x := tensor.New(tensor.Float32, len(b.Samples), 1)
	for i, s := range b.Samples {
		tensor.Data[float32](x)[i] = float32(s) / 8
	}
	in := tape.Const(x)
	out := autodiff.Linear(in, tape.Param(d.w), nil, autodiff.Identity)
	return autodiff.Mean(autodiff.Square(autodiff.Sub(out, autodiff.Scale(in, 2)))), nil
}

func (d doubling) Evaluate(context.Context) (train.Evaluation, error) {
	w := float64(tensor.Data[float32](d.w.Value)[0])
	distance := measure.Quantity{Key: "distance", Name: "Squared distance of w from 2"}
	return train.Evaluation{Error: distance.Of((w - 2) * (w - 2))}, nil
}

// Train a task of one's own in a run's folder, where events and checkpoints go.
func Example() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	task := doubling{&autodiff.Param{Name: "w", Value: tensor.New(tensor.Float32, 1, 1)}}
	epochs := 0
	out, err := train.Run(context.Background(), task, train.Config{
		Recipe: "doubling", Run: dir, Epochs: 40, Batch: 4, Seed: 1, Optimizer: &optim.Adam{}, LR: 0.1,
	}, func(e train.Event) {
		if _, ok := e.(train.Epoch); ok {
			epochs++
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out.Reason, "after", epochs, "epochs")
	fmt.Printf("w is %.1f\n", tensor.Data[float32](task.w.Value)[0])
	// Output:
	// finished after 40 epochs
	// w is 2.0
}

// Fit a curve of one's own: a network whose output a loss brings to numbers.
func ExampleFit() {
	var x, y []float32
	for i := range 200 {
		v := float32(i)/100 - 1
		x, y = append(x, v), append(y, v*v)
	}
	rng := rand.New(rand.NewPCG(1, 0))
	net := nn.NewSequential(nn.NewLinear(1, 16, rng), nn.Tanh{}, nn.NewLinear(16, 1, rng))
	task := &train.OutputTask{Net: net, X: x, N: len(x), Targets: y, Criterion: train.LossOf(loss.MSELoss[float32])}
	out, err := train.Fit(context.Background(), task, train.Config{Epochs: 100, LR: 0.01})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("squared error below a thousandth:", out.BestError < 1e-3)
	// Output: squared error below a thousandth: true
}
