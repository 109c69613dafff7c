package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Gains of nonlinearities: what a layer before one multiplies its weights by, so
// that values keep their scale (torch.nn.init.calculate_gain).
const (
	LinearGain = 1.0
	TanhGain   = 5.0 / 3
	ReLUGain   = math.Sqrt2
)

// LeakyReLUGain is the gain of a leaky ReLU: √(2/(1 + slope²)).
func LeakyReLUGain(slope float64) float64 { return math.Sqrt(2 / (1 + slope*slope)) }

// A weight of shape [out, in, …] has fan-in in·(the rest) and fan-out out·(the rest).

// KaimingUniform fills t from U(−b, b) with b = gain·√(3/fan-in) [he2015], as
// torch.nn.init.kaiming_uniform_. It panics if t has fewer than two dimensions.
func KaimingUniform(t *tensor.Tensor, gain float64, rng *rand.Rand) {
	in, _ := fans(t)
	Uniform(t, gain*math.Sqrt(3/in), rng)
}

// KaimingNormal fills t from N(0, s²) with s = gain/√fan-in [he2015], as
// torch.nn.init.kaiming_normal_. It panics if t has fewer than two dimensions.
func KaimingNormal(t *tensor.Tensor, gain float64, rng *rand.Rand) {
	in, _ := fans(t)
	Normal(t, gain/math.Sqrt(in), rng)
}

// XavierUniform fills t from U(−b, b) with b = gain·√(6/(fan-in + fan-out))
// [glorot2010], as torch.nn.init.xavier_uniform_. It panics if t has fewer than two
// dimensions.
func XavierUniform(t *tensor.Tensor, gain float64, rng *rand.Rand) {
	in, out := fans(t)
	Uniform(t, gain*math.Sqrt(6/(in+out)), rng)
}

// XavierNormal fills t from N(0, s²) with s = gain·√(2/(fan-in + fan-out))
// [glorot2010], as torch.nn.init.xavier_normal_. It panics if t has fewer than two
// dimensions.
func XavierNormal(t *tensor.Tensor, gain float64, rng *rand.Rand) {
	in, out := fans(t)
	Normal(t, gain*math.Sqrt(2/(in+out)), rng)
}

func fans(t *tensor.Tensor) (in, out float64) {
	if t.Rank() < 2 {
		panic(fmt.Sprintf("nn: fans of shape %v; a weight has two dimensions or more", t.Shape()))
	}
	rest := 1
	for _, d := range t.Shape()[2:] {
		rest *= d
	}
	return float64(t.Dim(1) * rest), float64(t.Dim(0) * rest)
}

// Uniform fills t from U(−bound, bound).
func Uniform(t *tensor.Tensor, bound float64, rng *rand.Rand) {
	generate(t, func() float64 { return bound * (2*rng.Float64() - 1) })
}

// Normal fills t from N(0, deviation²).
func Normal(t *tensor.Tensor, deviation float64, rng *rand.Rand) {
	generate(t, func() float64 { return deviation * rng.NormFloat64() })
}

// Constant fills t with v.
func Constant(t *tensor.Tensor, v float64) { t.Fill(v) }

func generate(t *tensor.Tensor, next func() float64) {
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(next())
	}
	for i := range t.Float64s() {
		t.Float64s()[i] = next()
	}
}

// Orthogonal fills t, seen as the matrix [out, the rest], with gain times a random
// matrix whose rows are orthonormal, or its columns if there are more rows than
// columns; uniform over all such [saxe2014], as torch.nn.init.orthogonal_. It panics
// if t has fewer than two dimensions.
func Orthogonal(t *tensor.Tensor, gain float64, rng *rand.Rand) {
	fans(t)
	rows := t.Dim(0)
	cols := t.Len() / rows
	short, long := min(rows, cols), max(rows, cols)
	q := tensor.New(tensor.Float64, short, long)
	Normal(q, 1, rng)
	orthonormalise(q)
	flat := t.Reshape(rows, cols)
	for r := range rows {
		for c := range cols {
			if rows <= cols {
				flat.Set(gain*q.At(r, c), r, c)
			} else {
				flat.Set(gain*q.At(c, r), r, c)
			}
		}
	}
}

// orthonormalise makes the rows of q orthonormal by Gram and Schmidt's process, twice
// a row, since once loses digits where rows are nearly dependent.
func orthonormalise(q *tensor.Tensor) {
	for i := range q.Dim(0) {
		row := q.Row(i).Float64s()
		for range 2 {
			for j := range i {
				other := q.Row(j).Float64s()
				simd.AXPY(row, -simd.Dot(row, other), other)
			}
			simd.Scale(row, row, 1/math.Sqrt(simd.SumSquares(row)))
		}
	}
}
