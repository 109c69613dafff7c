package energy_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// The marginal energy is −log of the labels' weights summed, and its slope is the mean
// of the labels' slopes under p(k|y).
func TestMarginal(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	net := nn.NewSequential(nn.NewLinear(3, 7, rng), nn.SiLU{}, nn.NewLinear(7, 4, rng))
	nn.Cast(net, tensor.Float64)
	head := energy.NewHead(net, 4)
	slopes := energy.NewSlopes[float64](energy.Marginal{Labeler: head, D: 3})
	y := tensor.New(tensor.Float64, 5, 3)
	for i := range y.Float64s() {
		y.Float64s()[i] = rng.NormFloat64()
	}
	got, grad := make([]float64, 5), make([]float64, 15)
	slopes.Energies(got, grad, y.Float64s())
	all := energy.NewPredictor(head, tensor.Float64).Energies(y).Float64s()
	for i := range 5 {
		var sum float64
		for _, e := range all[i*4 : (i+1)*4] {
			sum += math.Exp(-e)
		}
		if want := -math.Log(sum); math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("energy %d is %v, want %v", i, got[i], want)
		}
	}
	const h = 1e-6
	up, down := make([]float64, 5), make([]float64, 5)
	for j := range 3 {
		for _, at := range []struct {
			dst  []float64
			step float64
		}{{up, h}, {down, -h}} {
			moved := append([]float64(nil), y.Float64s()...)
			for i := range 5 {
				moved[3*i+j] += at.step
			}
			slopes.Energies(at.dst, nil, moved)
		}
		for i := range 5 {
			if want := (up[i] - down[i]) / (2 * h); math.Abs(grad[3*i+j]-want) > 1e-7 {
				t.Errorf("slope [%d, %d] is %v, by differences %v", i, j, grad[3*i+j], want)
			}
		}
	}
}
