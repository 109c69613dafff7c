package jobs

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// Toy2DObjectives are the ways to train a density over the plane.
var Toy2DObjectives = []string{"nll", "cd", "pcd", "denoising", "sliced", "nce"}

// Settings of the objectives, the same for all sets.
const (
	toySide       = 80 // nodes of the quadrature, which moves by a part of a cell each step
	toyChainSteps = 10
	toyChainStep  = 0.02 // of MALA
	toyChains     = 5000
	toyRestart    = 0.02
	toySigma      = 0.1 // of the noise that denoising takes away
)

// objective sets what trains, and what is trained besides the surface.
func (m *planeDensity) objective(rng *rand.Rand) (err error) {
	box := sampler.Uniform[float32]{D: 2, Low: -toyEdge, High: toyEdge}
	chains := &sampler.Chains[float32]{Sampler: &sampler.MALA[float32]{StepSize: toyChainStep}, Steps: toyChainSteps, Fresh: box.Draw}
	m.trained = newToyQuadrature()
	switch m.c.Objective {
	case "cd":
		m.trained = &objective.Contrast[float32]{Chains: chains}
	case "pcd":
		if chains.Buffer, err = sampler.NewBuffer(toyChains, 2, toyRestart, func(y []float32) { box.Draw(rng, y) }); err != nil {
			return err
		}
		m.trained = &objective.Contrast[float32]{Chains: chains}
		m.chains, err = tensor.FromFloat32(chains.Buffer.Y, toyChains, 2)
	case "denoising":
		m.trained = &objective.DenoisingScore[float32]{Sigma: toySigma}
	case "sliced":
		m.trained = &objective.SlicedScore[float32]{}
	case "nce":
		o := objective.NewNCE[float32](box)
		m.trained, m.more = o, o.Params()
	}
	return err
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
