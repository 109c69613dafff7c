package tabular

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// Networks are the networks that a Spec may name.
var Networks = []string{"linear", "mlp"}

// MostHidden is the greatest number of units that a hidden layer may have.
const MostHidden = 1 << 14

// Spec says what a model looks at and what it answers.
type Spec struct {
	Network string            `json:"network"` // one of Networks
	Hidden  int               `json:"hidden"`  // units of each of the two hidden layers of mlp; linear has none, and New puts 0
	Schema  *data.TableSchema `json:"schema"`
}

// check refuses what no model has.
func (s Spec) check() error {
	switch {
	case s.Schema == nil:
		return fmt.Errorf("there is no schema")
	case s.Network != "linear" && s.Network != "mlp":
		return fmt.Errorf("network is %q; it must be linear or mlp", s.Network)
	case s.Network == "mlp" && (s.Hidden < 1 || s.Hidden > MostHidden):
		return fmt.Errorf("hidden is %d; it must be from 1 to %d", s.Hidden, MostHidden)
	}
	return s.Schema.Check()
}

// layers returns the shapes of the weights of the linear layers, [out, in].
func (s Spec) layers() [][2]int {
	in, out := s.Schema.Width(), max(1, len(s.Schema.Target.Classes))
	if s.Network == "linear" {
		return [][2]int{{out, in}}
	}
	return [][2]int{{s.Hidden, in}, {s.Hidden, s.Hidden}, {out, s.Hidden}}
}

// Decay returns the weight of ‖W‖²/2 beside the mean loss that trains a model on n samples where no other is named: that of a prior, which
// is the same for tables of all sizes in the sum of the losses,
//
//	2/n    linear: as Ridge of scikit-learn has it, and LogisticRegression with C = 1 of two classes
//	5/n    mlp
//	20/n   mlp, of numbers
//
// Those of mlp were chosen by cross-validation within training rows, and spare the rows that would be held out to stop by.
func (s Spec) Decay(n int) float64 {
	prior := 2.0
	switch {
	case s.Network == "mlp" && s.Schema.Target.Kind == data.TableNumber:
		prior = 20
	case s.Network == "mlp":
		prior = 5
	}
	return prior / float64(n)
}

// Model is a network over the rows of tables. Answer and Write may be called from several goroutines at once, while nothing trains it.
type Model struct {
	Spec
	net nn.Module
}

// New returns an untrained model. Errors: a Spec out of range.
func New(s Spec, rng *rand.Rand) (*Model, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Network == "linear" {
		s.Hidden = 0
	}
	var layers []nn.Module
	for i, shape := range s.layers() {
		if i > 0 {
			layers = append(layers, nn.ReLU{})
		}
		layers = append(layers, nn.NewLinear(shape[1], shape[0], rng))
	}
	return &Model{s, nn.Prefix("net", nn.NewSequential(layers...))}, nil
}

// Params returns the weights.
func (m *Model) Params() []*autodiff.Param { return m.net.Params() }

// forward records the network over some rows of x, [n, Width], which it copies to batch: [len(rows), outputs].
func (m *Model) forward(tape *autodiff.Tape, batch *tensor.Tensor, x []float32, rows []int) *autodiff.Var {
	width := m.Schema.Width()
	batch.Resize(len(rows), width)
	to := batch.Float32s()
	for i, r := range rows {
		copy(to[i*width:(i+1)*width], x[r*width:])
	}
	return m.net.Forward(tape.Const(batch))
}
