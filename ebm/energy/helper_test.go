package energy

import (
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

const (
	inputs = 3
	labels = 4
)

func generator(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

// net is smooth, so that finite differences see no corner but the functional's.
func net(out int, rng *rand.Rand) nn.Module {
	return nn.NewSequential(nn.NewLinear(inputs, 5, rng), nn.Tanh{}, nn.NewLinear(5, out, rng))
}

// energies has a row for each type of energy function.
var energies = []struct {
	name        string
	nonNegative bool
	params      []string
	of          func(rng *rand.Rand) Labeler
}{
	{"head", false, nets("net"), func(rng *rand.Rand) Labeler { return NewHead(net(labels, rng), labels) }},
	{"head of scores", false, nets("net"), func(rng *rand.Rand) Labeler {
		h := NewHead(net(labels, rng), labels)
		h.Scores = true
		return h
	}},
	{"fixed codes", true, append(nets("net"), "codes"), func(rng *rand.Rand) Labeler {
		return NewCode(net(6, rng), SignCodes(labels, 6, rng))
	}},
	{"learned codes", true, append(nets("net"), "codes"), func(rng *rand.Rand) Labeler {
		return NewCode(net(2, rng), LearnedCodes(labels, 2, rng))
	}},
	{"branches", true, append(nets("x"), "y.0.weight", "y.1.1.weight", "y.1.1.bias"), func(rng *rand.Rand) Labeler {
		return NewBranches(net(2, rng), labels, 5, 2, rng)
	}},
	{"joint", false, append(nets("trunk"), "answer.weight", "upper.1.weight", "upper.1.bias"), func(rng *rand.Rand) Labeler {
		return newJoint(rng)
	}},
	{"non-negative head", true, nets("net"), func(rng *rand.Rand) Labeler {
		return NonNegative{NewHead(net(labels, rng), labels)}
	}},
}

func newJoint(rng *rand.Rand) *Joint {
	return NewJoint(net(6, rng), nn.NewSequential(nn.Tanh{}, nn.NewLinear(6, 1, rng)), labels, 6, rng)
}

func nets(prefix string) []string {
	return []string{prefix + ".0.weight", prefix + ".0.bias", prefix + ".2.weight", prefix + ".2.bias"}
}

// functionals returns one of each.
func functionals(t testing.TB) (all []functional.Functional) {
	t.Helper()
	for _, e := range functional.Catalogue() {
		f, err := functional.New(e.Name, functional.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return append(all, functional.NLL{Beta: 5}, functional.MEE{Beta: 0.2}, functional.LVQ2{Cap: 9, Delta: 0.5})
}

// sample returns n inputs and targets.
func sample(dt tensor.DType, n int, rng *rand.Rand) (*tensor.Tensor, []int) {
	x, target := tensor.New(tensor.Float64, n, inputs), make([]int, n)
	for i := range x.Float64s() {
		x.Float64s()[i] = rng.NormFloat64()
	}
	for i := range target {
		target[i] = rng.IntN(labels)
	}
	return x.Convert(dt), target
}

func must(t testing.TB, v *autodiff.Var, err error) *autodiff.Var {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// other hides what type answers have, so that Loss takes no short cut.
type other struct{ Answers }
