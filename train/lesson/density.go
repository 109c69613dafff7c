package lesson

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// Edge is that of the square [−Edge, Edge]² that densities live on.
const Edge = 4.5

// Settings of the objectives, the same for all sets.
const (
	quadratureSide = 80 // nodes of the quadrature, which moves by a part of a cell each step
	chainSteps     = 10
	chainStep      = 0.02 // of MALA
	chainCount     = 5000
	restarted      = 0.02
	noise          = 0.1 // that denoising takes away
)

// Objectives are the ways to train a density over the plane: by quadrature, contrastive divergence without and with chains that persist,
// score matching, and against noise.
func Objectives() []string { return []string{"nll", "cd", "pcd", "denoising", "sliced", "nce"} }

// Trained is how a density is trained.
type Trained struct {
	objective.Objective
	More   []*autodiff.Param // that are trained besides the surface
	Chains *tensor.Tensor    // that persist, [n, 2]; nil for none

	fromData *sampler.Chains[float32] // of contrastive divergence, to look at; nil for none
	byDraws  bool                     // the negatives are the model's
}

// box is the square.
var box = sampler.Uniform[float32]{D: 2, Low: -Edge, High: Edge}

// newChains are those of contrastive divergence.
func newChains() *sampler.Chains[float32] {
	return &sampler.Chains[float32]{Sampler: &sampler.MALA[float32]{StepSize: chainStep}, Steps: chainSteps, Fresh: box.Draw}
}

// NewObjective makes an objective for densities on the square.
func NewObjective(name string, rng *rand.Rand) (Trained, error) {
	chains := newChains()
	switch name {
	case "nll":
		return Trained{Objective: newPlaneQuadrature(), byDraws: true}, nil
	case "cd":
		return Trained{Objective: &objective.Contrast[float32]{Chains: chains}, fromData: newChains()}, nil
	case "pcd":
		var err error
		if chains.Buffer, err = sampler.NewBuffer(chainCount, 2, restarted, func(y []float32) { box.Draw(rng, y) }); err != nil {
			return Trained{}, err
		}
		kept, err := tensor.FromFloat32(chains.Buffer.Y, chainCount, 2)
		return Trained{Objective: &objective.Contrast[float32]{Chains: chains}, Chains: kept}, err
	case "denoising":
		return Trained{Objective: &objective.DenoisingScore[float32]{Sigma: noise}}, nil
	case "sliced":
		return Trained{Objective: &objective.SlicedScore[float32]{}}, nil
	case "nce":
		o := objective.NewNCE[float32](box)
		return Trained{Objective: o, More: o.Params()}, nil
	}
	return Trained{}, fmt.Errorf("objective is %q; it must be one of %q", name, Objectives())
}

// planeQuadrature is the negative log-likelihood with its free energy by quadrature over the
// square, whose nodes move by a part of a cell each step.
type planeQuadrature struct {
	nodes   *tensor.Tensor
	weights []float64
	record  energy.AnswerLoss
}

const planeCell = 2 * Edge / quadratureSide

func newPlaneQuadrature() *planeQuadrature {
	q := &planeQuadrature{nodes: tensor.New(tensor.Float32, quadratureSide*quadratureSide, 2), weights: make([]float64, quadratureSide*quadratureSide)}
	for i := range q.weights {
		q.weights[i] = 2 * math.Log(planeCell)
	}
	return q
}

func (q *planeQuadrature) Record(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error) {
	a, b := rng.Float64(), rng.Float64() // where in their cells the nodes lie
	for i := range q.weights {
		q.nodes.Float32s()[2*i] = float32(-Edge + planeCell*(float64(i/quadratureSide)+a))
		q.nodes.Float32s()[2*i+1] = float32(-Edge + planeCell*(float64(i%quadratureSide)+b))
	}
	answers := &energy.PointAnswers{Surface: s, Y: tape.Const(y), Nodes: q.nodes, LogWeights: q.weights}
	losses, err := q.record.Record(answers, functional.NLL{Beta: 1})
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(losses), nil
}
