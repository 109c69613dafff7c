package recipe

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/objective"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/tensor"
)

// Toy2DObjectives are the ways to train a density over the plane.
var Toy2DObjectives = []string{"nll", "cd", "pcd", "denoising", "sliced", "nce"}

// Settings of the objectives: found by hand, the same for all sets.
const (
	toyChainSteps = 10
	toyChainStep  = 0.02 // of MALA
	toyChains     = 5000
	toyRestart    = 0.02
	toySlow       = 0.1 // part of the step size that persistent chains can follow
	toySigma      = 0.1 // of the noise that denoising takes away
)

// objective returns the settings' objective, and what it trains besides the surface.
func (c Toy2DConfig) objective(rng *rand.Rand) (objective.Objective, []*autodiff.Param, error) {
	box := sampler.Uniform[float32]{D: 2, Low: -toyEdge, High: toyEdge}
	chains := &sampler.Chains[float32]{Sampler: &sampler.MALA[float32]{StepSize: toyChainStep}, Steps: toyChainSteps, Fresh: box.Draw}
	switch c.Objective {
	case "cd":
		return &objective.Contrast[float32]{Chains: chains}, nil, nil
	case "pcd":
		buffer, err := sampler.NewBuffer(toyChains, 2, toyRestart, func(y []float32) { box.Draw(rng, y) })
		chains.Buffer = buffer
		return &objective.Contrast[float32]{Chains: chains}, nil, err
	case "denoising":
		return &objective.DenoisingScore[float32]{Sigma: toySigma}, nil, nil
	case "sliced":
		return &objective.SlicedScore[float32]{}, nil, nil
	case "nce":
		o := objective.NewNCE[float32](box)
		return o, o.Params(), nil
	}
	return newToyQuadrature(), nil, nil
}

// rate returns the settings' step size.
func (c Toy2DConfig) rate() float64 {
	if c.Objective == "pcd" {
		return toySlow * toyRate
	}
	return toyRate
}

// toyQuadrature is the negative log-likelihood with its free energy by quadrature over the
// square, whose nodes move by a part of a cell each step.
type toyQuadrature struct {
	nodes   *tensor.Tensor
	weights []float64
	record  energy.AnswerLoss
}

func newToyQuadrature() *toyQuadrature {
	q := &toyQuadrature{nodes: tensor.New(tensor.Float32, toySide*toySide, 2), weights: make([]float64, toySide*toySide)}
	for i := range q.weights {
		q.weights[i] = 2 * math.Log(toyCell)
	}
	return q
}

const toyCell = 2 * toyEdge / toySide

// Record implements objective.Objective.
func (q *toyQuadrature) Record(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error) {
	a, b := rng.Float64(), rng.Float64() // where in their cells the nodes lie
	for i := range q.weights {
		q.nodes.Float32s()[2*i] = float32(-toyEdge + toyCell*(float64(i/toySide)+a))
		q.nodes.Float32s()[2*i+1] = float32(-toyEdge + toyCell*(float64(i%toySide)+b))
	}
	answers := &energy.PointAnswers{Surface: s, Y: tape.Const(y), Nodes: q.nodes, LogWeights: q.weights}
	losses, err := q.record.Record(answers, functional.NLL{Beta: 1})
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(losses), nil
}
