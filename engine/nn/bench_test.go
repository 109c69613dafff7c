package nn

import (
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// BenchmarkStep is forward and backward of the sequence layers, 64 samples of 50 times:
// 64 inputs, 128 hidden values or channels.
func BenchmarkStep(b *testing.B) {
	rng := seeded()
	for name, m := range map[string]Module{
		"rnn":  NewRNN(64, 128, RecurrentOptions{}, rng),
		"gru":  NewGRU(64, 128, RecurrentOptions{}, rng),
		"lstm": NewLSTM(64, 128, RecurrentOptions{}, rng),
		"tcn":  NewTCN(64, []int{128}, 3, 0, rng),
	} {
		b.Run(name, func(b *testing.B) {
			x := tensor.New(tensor.Float32, 64, 50, 64)
			if name == "tcn" {
				x.Resize(64, 64, 50)
			}
			Normal(x, 1, rng)
			tape := autodiff.NewTape(tensor.Float32)
			b.ReportAllocs()
			for b.Loop() {
				tape.Reset()
				tape.BackwardFrom(m.Forward(tape.Input(x)), nil)
			}
		})
	}
}
