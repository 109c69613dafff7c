package op

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// gemmKernel is alpha·op(A)·op(B) + beta·C, where C broadcasts to the product.
type gemmKernel struct {
	alpha, beta    float32
	transA, transB bool
	batch          batch
	places         [1]int
	region         grid
}

func gemmOf(n *Node) (Kernel, error) {
	g := &gemmKernel{alpha: n.Float("alpha", 1), beta: n.Float("beta", 1), transA: n.Bool("transA", false), transB: n.Bool("transB", false)}
	if g.alpha == 1 && g.beta == 1 {
		g.batch.panels = panelsOf(n, 1, g.transB)
	}
	return g, nil
}

func (g *gemmKernel) Run(c *Call) error {
	a, b, bias := c.In[0], c.In[1], c.Input(2)
	if a.Kind != b.Kind || bias != nil && bias.Kind != a.Kind {
		return fmt.Errorf("inputs are %s, %s and %v, must be of one type", a, b, bias)
	}
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		return fmt.Errorf("inputs are %s and %s, must be matrices", a, b)
	}
	m, depth := lastTwo(a.Shape, g.transA)
	depthB, n := lastTwo(b.Shape, g.transB)
	if depth != depthB {
		return fmt.Errorf("inputs are %s and %s: the columns of the first are %d, the rows of the second %d", a, b, depth, depthB)
	}
	if bias != nil {
		if err := stretchesTo(bias, m, n); err != nil {
			return err
		}
	}
	out, err := c.Result(0, a.Kind, m, n)
	if err != nil || out.Len() == 0 {
		return err
	}
	p := &g.batch
	p.transA, p.transB, p.m, p.n, p.k, p.a, p.b, p.out = g.transA, g.transB, m, n, depth, a, b, out
	p.placesA, p.placesB = g.places[:], g.places[:]
	switch a.Memory() {
	case value.F32:
		gemmFloats[float32](g, bias)
	case value.F64:
		gemmFloats[float64](g, bias)
	default:
		if g.alpha != 1 || g.beta != 1 {
			return fmt.Errorf("factors alpha %v and beta %v %w", g.alpha, g.beta, notFor(a.Kind))
		}
		if err := p.multiply(); err != nil || bias == nil {
			return err
		}
		return addIntegers(out, bias, m, n)
	}
	return nil
}

// stretchesTo checks that C broadcasts to the product in one direction.
func stretchesTo(v *value.Value, m, n int) error {
	ok := len(v.Shape) <= 2
	for i, d := range v.Shape {
		ok = ok && (d == 1 || d == [2]int{m, n}[2-len(v.Shape)+i])
	}
	if !ok {
		return fmt.Errorf("input 2 is %s, must broadcast to [%d,%d]", v, m, n)
	}
	return nil
}

// gemmFloats adds a C of one row, which a linear layer has, while the product is stored. Another is put into the result before.
func gemmFloats[T float32 | float64](g *gemmKernel, bias *value.Value) {
	p := &g.batch
	a, b, out, lda, ldb := operandsOf[T](p, 0)
	alpha, beta := T(g.alpha), T(g.beta)
	defer func() { p.a, p.b, p.out = nil, nil, nil }()
	if p.byVector(0) {
		if alpha != 1 {
			simd.Scale(out, out, alpha)
		}
		if bias != nil && beta != 0 {
			addScaled(out, value.Data[T](bias), beta, bias.Shape, p.m, p.n)
		}
		return
	}
	row := bias != nil && bias.Len() == p.n && (len(bias.Shape) < 2 || bias.Shape[0] == 1)
	if p.panels != nil && (bias == nil || row) {
		p.bias = nil
		if row {
			p.bias = value.Data[float32](bias)
		}
		if p.byPanels(0) {
			return
		}
	}
	if bias == nil || beta == 0 {
		gemm.Mul(p.transA, p.transB, p.m, p.n, p.k, a, lda, b, ldb, 0, out, p.n)
		if alpha != 1 {
			simd.Scale(out, out, alpha)
		}
		return
	}
	if alpha == 1 && beta == 1 && row {
		gemm.MulEpilogue(p.transA, p.transB, p.m, p.n, p.k, a, lda, b, ldb, 0, out, p.n, gemm.Epilogue[T]{Bias: value.Data[T](bias)})
		return
	}
	if alpha == 0 {
		g.region.stretch(p.out, bias)
		simd.Scale(out, out, beta)
		return
	}
	// alpha·(A·B + beta/alpha·C) would round beta/alpha: C is scaled on its own.
	gemm.Mul(p.transA, p.transB, p.m, p.n, p.k, a, lda, b, ldb, 0, out, p.n)
	simd.Scale(out, out, alpha)
	addScaled(out, value.Data[T](bias), beta, bias.Shape, p.m, p.n)
}

// addScaled adds beta·c, which broadcasts to [m, n].
func addScaled[T value.Number](out, c []T, beta T, shape []int, m, n int) {
	down, along := 0, 0
	if r := len(shape); r > 0 && shape[r-1] != 1 {
		along = 1
	}
	if len(shape) == 2 && shape[0] != 1 {
		down = shape[1]
	}
	for i := range m {
		row, at := out[i*n:(i+1)*n], i*down
		for j := range row {
			row[j] += T(beta * c[at])
			at += along
		}
	}
}

// addIntegers adds v, which broadcasts to [m, n].
func addIntegers(out, v *value.Value, m, n int) error {
	switch out.Memory() {
	case value.I32:
		addScaled(value.Data[int32](out), value.Data[int32](v), 1, v.Shape, m, n)
	case value.I64:
		addScaled(value.Data[int64](out), value.Data[int64](v), 1, v.Shape, m, n)
	case value.U32:
		addScaled(value.Data[uint32](out), value.Data[uint32](v), 1, v.Shape, m, n)
	case value.U64:
		addScaled(value.Data[uint64](out), value.Data[uint64](v), 1, v.Shape, m, n)
	default:
		return notFor(out.Kind)
	}
	return nil
}
