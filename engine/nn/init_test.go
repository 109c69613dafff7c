package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// moments returns mean, deviation and greatest magnitude.
func moments(t *tensor.Tensor) (mean, deviation, most float64) {
	x := t.Convert(tensor.Float64).Float64s()
	mean = simd.Sum(x) / float64(len(x))
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	return mean, math.Sqrt(simd.SumSquares(x)/float64(len(x)) - mean*mean), most
}

// The spread of each initialiser is what its formula says: fan-in 60·6, fan-out 80·6.
func TestInitialisersSpread(t *testing.T) {
	const in, out = 360.0, 480.0
	for name, c := range map[string]struct {
		fill      func(t *tensor.Tensor, gain float64, rng *rand.Rand)
		deviation float64
		uniform   bool
	}{
		"KaimingUniform": {KaimingUniform, 2 / math.Sqrt(in), true},
		"KaimingNormal":  {KaimingNormal, 2 / math.Sqrt(in), false},
		"XavierUniform":  {XavierUniform, 2 * math.Sqrt(2/(in+out)), true},
		"XavierNormal":   {XavierNormal, 2 * math.Sqrt(2/(in+out)), false},
		"Uniform":        {Uniform, 2 / math.Sqrt(3), true},
		"Normal":         {Normal, 2, false},
	} {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			x := tensor.New(dt, 80, 60, 2, 3)
			c.fill(x, 2, seeded())
			mean, deviation, most := moments(x)
			n := math.Sqrt(float64(x.Len()))
			if math.Abs(mean) > 5*c.deviation/n || math.Abs(deviation/c.deviation-1) > 5/n {
				t.Errorf("%s, %v: mean %v, deviation %v; want 0, %v", name, dt, mean, deviation, c.deviation)
			}
			if bound := c.deviation * math.Sqrt(3); c.uniform && (most > bound*(1+1e-7) || most < 0.999*bound) {
				t.Errorf("%s, %v: greatest %v, want just below %v", name, dt, most, bound)
			}
		}
	}
}

// A new layer's weights and biases are spread as PyTorch's: U(−1/√fan-in, 1/√fan-in).
func TestDefaultSpread(t *testing.T) {
	rng := seeded()
	for name, c := range map[string]struct {
		m     Module
		bound float64
	}{
		"linear":     {NewLinear(400, 3000, rng), 1.0 / 20},
		"conv2d":     {NewConv2D(16, 900, 5, ConvOptions{}, rng), 1.0 / 20},
		"conv1d":     {NewConv1D(40, 900, 10, ConvOptions{}, rng), 1.0 / 20},
		"grouped":    {NewConv2D(64, 900, 5, ConvOptions{Groups: 4}, rng), 1.0 / 20},
		"transposed": {NewConvTranspose2D(900, 64, 5, ConvTransposeOptions{ConvOptions: ConvOptions{Groups: 4}}, rng), 1.0 / 20},
		"lstm":       {NewLSTM(50, 400, RecurrentOptions{}, rng), 1.0 / 20},
	} {
		for _, p := range c.m.Params() {
			mean, deviation, most := moments(p.Value)
			if most > c.bound*(1+1e-6) || math.Abs(mean) > c.bound/10 || math.Abs(deviation*math.Sqrt(3)/c.bound-1) > 0.07 {
				t.Errorf("%s, %s: mean %v, deviation %v, greatest %v; want U(±%v)", name, p.Name, mean, deviation, most, c.bound)
			}
		}
	}
}

// Attention's weights are spread as PyTorch's: U(±√(6/(4·width))) and, of out_proj, U(±1/√width); biases are 0.
func TestAttentionSpread(t *testing.T) {
	const width = 100
	for _, p := range NewMultiheadAttention(width, 4, AttentionOptions{}, seeded()).Params() {
		bound := map[string]float64{"in_proj_weight": math.Sqrt(6.0 / (4 * width)), "out_proj.weight": 0.1}[p.Name]
		mean, deviation, most := moments(p.Value)
		if most > bound*(1+1e-6) || math.Abs(mean) > bound/10 || math.Abs(deviation*math.Sqrt(3)-bound) > 0.05*bound {
			t.Errorf("%s: mean %v, deviation %v, greatest %v; want U(±%v)", p.Name, mean, deviation, most, bound)
		}
	}
}

// Rows are orthonormal, or columns if there are fewer of them.
func TestOrthogonal(t *testing.T) {
	for _, shape := range [][]int{{1, 1}, {3, 3}, {4, 9}, {9, 4}, {64, 64}, {6, 2, 2}, {2, 3, 4}} {
		x := tensor.New(tensor.Float64, shape...)
		Orthogonal(x, 3, seeded())
		rows := shape[0]
		cols := x.Len() / rows
		m := x.Reshape(rows, cols)
		at := m.At
		if rows > cols {
			rows, cols = cols, rows
			at = func(index ...int) float64 { return m.At(index[1], index[0]) }
		}
		for i := range rows {
			for j := range rows {
				dot, want := 0.0, 0.0
				for k := range cols {
					dot += at(i, k) * at(j, k)
				}
				if i == j {
					want = 9
				}
				if math.Abs(dot-want) > 1e-12 {
					t.Fatalf("shape %v: product of %d and %d is %v, want %v", shape, i, j, dot, want)
				}
			}
		}
	}
}

// Over many draws the first element of a 2×2 orthogonal matrix, the cosine of a
// uniform angle, has mean 0 and variance 1/2, and both determinants occur.
func TestOrthogonalIsUniform(t *testing.T) {
	rng := seeded()
	const n = 20_000
	x := tensor.New(tensor.Float64, 2, 2)
	sum, squares, flips := 0.0, 0.0, 0
	for range n {
		Orthogonal(x, 1, rng)
		v := x.Float64s()
		sum += v[0]
		squares += v[0] * v[0]
		if v[0]*v[3]-v[1]*v[2] < 0 {
			flips++
		}
	}
	if math.Abs(sum/n) > 0.025 || math.Abs(squares/n-0.5) > 0.0125 || math.Abs(float64(flips)/n-0.5) > 0.018 {
		t.Errorf("mean %v, mean square %v, reflections %d of %d", sum/n, squares/n, flips, n)
	}
}

func TestConstant(t *testing.T) {
	x := tensor.New(tensor.Float32, 3)
	Constant(x, 0.5)
	if x.At(2) != 0.5 {
		t.Error(x)
	}
}

func TestSameSeedSameWeights(t *testing.T) {
	a, b := newCNN(seeded()), newCNN(seeded())
	c := newCNN(rand.New(rand.NewPCG(9, 9)))
	for i, p := range a.Params() {
		if distance(p.Value, b.Params()[i].Value) != 0 {
			t.Errorf("%s differs for one seed", p.Name)
		}
		if distance(p.Value, c.Params()[i].Value) == 0 {
			t.Errorf("%s is the same for two seeds", p.Name)
		}
	}
}
