package energy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// Code is the squared distance of a network's output to the label's code,
//
//	E(x, y) = ‖G(x) − c_y‖² ≥ 0
//
// With fixed codes it is a regression, safe with the energy loss: no network brings
// every energy to 0. Learned codes are a second branch: with the energy loss they and
// G(x) shrink to one point, where all energies are 0, while losses that push incorrect
// answers up keep them apart.
// Parameters: the network's, behind "net.", then the codes' [K, D], which the
// functions that make them name "codes".
// Source: [lecun2006].
type Code struct {
	net   nn.Module
	codes *autodiff.Param
}

// NewCode returns the energies of a network [B, …] → [B, D] and codes [K, D].
func NewCode(net nn.Module, codes *autodiff.Param) *Code {
	if codes.Value.Rank() != 2 {
		panic(fmt.Sprintf("energy: NewCode: codes of shape %v; they must be [K, D]", codes.Value.Shape()))
	}
	checkCount("NewCode", codes.Value.Dim(0))
	return &Code{nn.Prefix("net", net), codes}
}

// Energies implements Labeler.
func (c *Code) Energies(x *autodiff.Var) *autodiff.Var {
	return autodiff.SquaredDistances(c.net.Forward(x), x.Tape().Param(c.codes))
}

// Labels implements Labeler.
func (c *Code) Labels() int { return c.codes.Value.Dim(0) }

// Params implements Labeler.
func (c *Code) Params() []*autodiff.Param {
	return slices.Concat(c.net.Params(), []*autodiff.Param{c.codes})
}

// OneHotCodes returns the fixed codes 1 at y, 0 elsewhere, in k dimensions.
func OneHotCodes(k int) *autodiff.Param {
	c := newCodes("OneHotCodes", k, k, true)
	for y := range k {
		c.Value.Float32s()[y*k+y] = 1
	}
	return c
}

// SignCodes returns fixed random codes of ±1, no two of them alike [lecun1998].
func SignCodes(k, d int, rng *rand.Rand) *autodiff.Param {
	c := newCodes("SignCodes", k, d, true)
	if d < 63 && k > 1<<d {
		panic(fmt.Sprintf("energy: SignCodes: %d dimensions have no %d different codes", d, k))
	}
	seen := map[string]bool{}
	for y := 0; y < k; {
		row, key := c.Value.Float32s()[y*d:(y+1)*d], make([]byte, d)
		for i := range row {
			key[i] = byte(rng.IntN(2))
			row[i] = 2*float32(key[i]) - 1
		}
		if !seen[string(key)] {
			seen[string(key)] = true
			y++
		}
	}
	return c
}

// UnitCodes returns fixed random codes of length 1, uniform on the sphere.
func UnitCodes(k, d int, rng *rand.Rand) *autodiff.Param {
	c := newCodes("UnitCodes", k, d, true)
	normal(c.Value, rng)
	for y := range k {
		row, sum := c.Value.Float32s()[y*d:(y+1)*d], 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		for i := range row {
			row[i] = float32(float64(row[i]) / math.Sqrt(sum))
		}
	}
	return c
}

// LearnedCodes returns trainable codes, from N(0, 1) at first.
func LearnedCodes(k, d int, rng *rand.Rand) *autodiff.Param {
	c := newCodes("LearnedCodes", k, d, false)
	normal(c.Value, rng)
	return c
}

func newCodes(op string, k, d int, frozen bool) *autodiff.Param {
	checkCount(op, k)
	if d < 1 {
		panic(fmt.Sprintf("energy: %s: codes of %d dimensions", op, d))
	}
	return &autodiff.Param{Name: "codes", Value: tensor.New(tensor.Float32, k, d), Frozen: frozen}
}

func normal(t *tensor.Tensor, rng *rand.Rand) {
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(rng.NormFloat64())
	}
}
