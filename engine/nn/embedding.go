package nn

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// Embedding is a table of vectors, one for each id.
//
// Parameters: weight [ids, width], from N(0, 1).
// PyTorch: nn.Embedding.
type Embedding struct {
	Weight *autodiff.Param
	ids    []int // room for Forward's
}

// NewEmbedding returns an Embedding of ids 0 to ids−1.
func NewEmbedding(ids, width int, rng *rand.Rand) *Embedding {
	e := &Embedding{Weight: newParam("weight", ids, width)}
	Normal(e.Weight.Value, 1, rng)
	return e
}

// Params implements Module.
func (e *Embedding) Params() []*autodiff.Param { return []*autodiff.Param{e.Weight} }

// Lookup records the vectors of ids on t: [len(ids), width]. It panics if an id is not
// in the table.
func (e *Embedding) Lookup(t *autodiff.Tape, ids []int) *autodiff.Var {
	return autodiff.Embedding(t.Param(e.Weight), ids)
}

// Forward implements Module for ids that stand in a tensor: [...] → [..., width]. It
// panics if an element is not a whole number in the table. No gradient flows to x.
func (e *Embedding) Forward(x *autodiff.Var) *autodiff.Var {
	e.ids = e.ids[:0]
	for i := range x.Value.Len() {
		v := 0.0
		if f := x.Value.Float64s(); f != nil {
			v = f[i]
		} else {
			v = float64(x.Value.Float32s()[i])
		}
		id := int(v)
		if v != float64(id) {
			panic(fmt.Sprintf("nn: Embedding: element %d is %v, not an id", i, v))
		}
		e.ids = append(e.ids, id)
	}
	y := e.Lookup(x.Tape(), e.ids)
	var dims [8]int
	return autodiff.Reshape(y, append(append(dims[:0], x.Shape()...), e.Weight.Value.Dim(1))...)
}
