package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var products = []Operator{
	{Name: "MatMul", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: newMatMul},
	{Domain: Microsoft, Name: "FusedMatMul", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: fusedMatMul},
	{Domain: Microsoft, Name: "TransposeMatMul", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: fusedMatMul},
	{Name: "Gemm", Since: 7, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: gemmOf},
	{Name: "Gemm", Since: 11, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: gemmOf},
	{Name: "Det", Since: 11, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return det{}, nil }},
}

// batch is a list of products of matrices: op(A)·op(B), [m, k] by [k, n], into one result after the other.
type batch struct {
	transA, transB bool
	m, n, k        int
	placesA        []int // where each product's matrices begin
	placesB        []int
	a, b, out      *value.Value
	perTask        int
	vector         matVec
	panels         *gemm.Panels[float32] // op(B) of the one product, where it never changes
	bias           []float32             // added to each row of a product by panels
}

// taskProducts is about how many multiplications a task makes.
const taskProducts = 1 << 18

// multiply computes all products. Of float32 and float64 they are internal/simd/gemm's.
func (p *batch) multiply() error {
	if p.out.Len() == 0 {
		return nil
	}
	switch p.out.Memory() {
	case value.F32, value.F64, value.I8, value.I16, value.I32, value.I64, value.U8, value.U16, value.U32, value.U64:
	default:
		return notFor(p.out.Kind)
	}
	p.fold()
	each := float64(p.m) * float64(p.n) * float64(max(p.k, 1))
	p.perTask = max(1, int(taskProducts/each))
	n := len(p.placesA)
	simd.Run((n+p.perTask-1)/p.perTask, p)
	p.a, p.b, p.out = nil, nil, nil
	return nil
}

// fold makes one product of those that share B and whose matrices A follow each other.
func (p *batch) fold() {
	n := len(p.placesA)
	if p.transA || n < 2 {
		return
	}
	for i := range n {
		if p.placesB[i] != p.placesB[0] || p.placesA[i] != p.placesA[0]+i*p.m*p.k {
			return
		}
	}
	p.m *= n
	p.placesA, p.placesB = p.placesA[:1], p.placesB[:1]
}

// Do computes the products of a task.
func (p *batch) Do(task, _ int) {
	first, end := task*p.perTask, min((task+1)*p.perTask, len(p.placesA))
	switch p.out.Memory() {
	case value.F32:
		multiplyFloats[float32](p, first, end)
	case value.F64:
		multiplyFloats[float64](p, first, end)
	case value.I8:
		multiplyIntegers[int8](p, first, end)
	case value.I16:
		multiplyIntegers[int16](p, first, end)
	case value.I32:
		multiplyIntegers[int32](p, first, end)
	case value.I64:
		multiplyIntegers[int64](p, first, end)
	case value.U8:
		multiplyIntegers[uint8](p, first, end)
	case value.U16:
		multiplyIntegers[uint16](p, first, end)
	case value.U32:
		multiplyIntegers[uint32](p, first, end)
	case value.U64:
		multiplyIntegers[uint64](p, first, end)
	}
}

// operandsOf gives the three matrices of product i, A and B as they are stored, and the lengths of their rows.
func operandsOf[T value.Element](p *batch, i int) (a, b, out []T, lda, ldb int) {
	a = value.Data[T](p.a)[p.placesA[i]:][:p.m*p.k]
	b = value.Data[T](p.b)[p.placesB[i]:][:p.k*p.n]
	out = value.Data[T](p.out)[i*p.m*p.n:][:p.m*p.n]
	lda, ldb = p.k, p.n
	if p.transA {
		lda = p.m
	}
	if p.transB {
		ldb = p.k
	}
	return a, b, out, lda, ldb
}

func multiplyFloats[T float32 | float64](p *batch, first, end int) {
	if p.single() {
		multiplyNumbers[T](p, first, end)
		return
	}
	for i := first; i < end; i++ {
		if a, b, out, lda, ldb := operandsOf[T](p, i); !p.byVector(i) && !p.byPanels(i) {
			gemm.Mul(p.transA, p.transB, p.m, p.n, p.k, a, lda, b, ldb, 0, out, p.n)
		}
	}
}

// byVector computes product i where it is of float32 and one of the matrices is a row or a column; else it tells that it does not.
func (p *batch) byVector(i int) bool {
	if p.out.Memory() != value.F32 || p.k == 0 || p.m != 1 && p.n != 1 {
		return false
	}
	a, b, out, _, _ := operandsOf[float32](p, i)
	v := matVec{a: b, x: a, y: out, trans: !p.transB}
	if p.n == 1 {
		v = matVec{a: a, x: b, y: out, trans: p.transA}
	}
	if len(p.placesA) > 1 {
		v.all() // the products are shared out among the workers
		return true
	}
	p.vector = v
	p.vector.run()
	return true
}

// byPanels computes product i, of float32, where its B was arranged when the model was loaded; else it tells that it does not.
func (p *batch) byPanels(i int) bool {
	if p.panels == nil || p.transA || len(p.placesA) > 1 {
		return false
	}
	a, _, out, lda, _ := operandsOf[float32](p, i)
	gemm.MulPanels(p.m, a, lda, p.panels, 0, out, p.n, gemm.Epilogue[float32]{Bias: p.bias})
	return true
}

// single tells whether the matrices have one element each.
func (p *batch) single() bool { return p.m == 1 && p.n == 1 && p.k == 1 }

func multiplyNumbers[T value.Number](p *batch, first, end int) {
	a, b, out := value.Data[T](p.a), value.Data[T](p.b), value.Data[T](p.out)
	for i := first; i < end; i++ {
		out[i] = a[p.placesA[i]] * b[p.placesB[i]]
	}
}

func multiplyIntegers[T value.Number](p *batch, first, end int) {
	if p.single() {
		multiplyNumbers[T](p, first, end)
		return
	}
	for i := first; i < end; i++ {
		multiplyPlain[T](p, i)
	}
}

// multiplyPlain computes product i row by row.
func multiplyPlain[T value.Number](p *batch, i int) {
	a, b, out, lda, ldb := operandsOf[T](p, i)
	alongM, alongK := lda, 1
	if p.transA {
		alongM, alongK = 1, lda
	}
	alongN, downK := 1, ldb
	if p.transB {
		alongN, downK = ldb, 1
	}
	clear(out)
	for r := range p.m {
		row := out[r*p.n : (r+1)*p.n]
		for k := range p.k {
			e := a[r*alongM+k*alongK]
			at := k * downK
			for j := range row {
				row[j] += e * b[at]
				at += alongN
			}
		}
	}
}

// matMul multiplies matrices in numpy's way: the last two dimensions are the matrices', the others broadcast, and a list is a row on the left and a column on
// the right, which the result does not have. The result is multiplied by alpha.
type matMul struct {
	transA, transB bool
	alpha          float32
	batch          batch
	bias           []float32 // of the next node, added to each row
}

func newMatMul(n *Node) (Kernel, error) {
	return &matMul{alpha: 1, batch: batch{panels: panelsOf(n.Constant(1), false)}}, nil
}

// panelsOf arranges a matrix of float32 that never changes for products; nil where v is another.
func panelsOf(v *value.Value, trans bool) *gemm.Panels[float32] {
	if v == nil || v.Kind != format.Float || len(v.Shape) != 2 || v.Len() == 0 {
		return nil
	}
	rows, columns := lastTwo(v.Shape, trans)
	p := new(gemm.Panels[float32])
	p.Pack(trans, rows, columns, value.Data[float32](v), v.Shape[1])
	return p
}

// Fuse adds the bias of a linear layer: a row that never changes, as long as the result's.
func (k *matMul) Fuse(next *Node, input int) (Kernel, error) {
	if next.Op.Domain != "" || next.Op.Name != "Add" || k.batch.panels == nil || k.bias != nil {
		return nil, nil
	}
	bias := next.Constant(1 - input)
	if bias == nil || bias.Kind != format.Float || len(bias.Shape) != 1 || bias.Len() != k.batch.panels.Columns() {
		return nil, nil
	}
	return &matMul{alpha: 1, batch: batch{panels: k.batch.panels}, bias: value.Data[float32](bias)}, nil
}

func fusedMatMul(n *Node) (Kernel, error) {
	for _, name := range []string{"transBatchA", "transBatchB"} {
		if n.Bool(name, false) {
			return nil, fmt.Errorf("attribute %q is 1, only 0 is supported", name)
		}
	}
	return &matMul{transA: n.Bool("transA", false), transB: n.Bool("transB", false), alpha: n.Float("alpha", 1)}, nil
}

func (k *matMul) Run(c *Call) error {
	a, b := c.In[0], c.In[1]
	if a.Kind != b.Kind {
		return fmt.Errorf("inputs are %s and %s, must be of one type", a, b)
	}
	if len(a.Shape) == 0 || len(b.Shape) == 0 {
		return fmt.Errorf("inputs are %s and %s, must have a dimension each", a, b)
	}
	p := &k.batch
	p.transA, p.transB = k.transA && len(a.Shape) > 1, k.transB && len(b.Shape) > 1
	rows, columns := asMatrices(a.Shape, b.Shape)
	m, depth := lastTwo(rows, p.transA)
	depthB, n := lastTwo(columns, p.transB)
	if depth != depthB {
		return fmt.Errorf("inputs are %s and %s: the columns of the first are %d, the rows of the second %d", a, b, depth, depthB)
	}
	p.m, p.n, p.k = m, n, depth
	full, err := p.place(rows[:len(rows)-2], columns[:len(columns)-2])
	if err != nil {
		return err
	}
	if len(a.Shape) > 1 {
		full = append(full, m)
	}
	if len(b.Shape) > 1 {
		full = append(full, n)
	}
	out, err := c.Result(0, a.Kind, full...)
	if err != nil || out.Len() == 0 {
		return err
	}
	p.a, p.b, p.out = a, b, out
	p.bias = k.bias
	if err := p.multiply(); err != nil {
		return err
	}
	if k.bias != nil && (p.m == 1 || p.n == 1) { // by vectors
		y := value.Data[float32](out)
		simd.AddRow(y, y, k.bias, out.Len()/n, n)
	}
	return scaleBy(out, k.alpha)
}

// asMatrices makes a list a row on the left and a column on the right.
func asMatrices(a, b []int) (rows, columns []int) {
	rows, columns = a, b
	if len(rows) == 1 {
		rows = []int{1, rows[0]}
	}
	if len(columns) == 1 {
		columns = []int{columns[0], 1}
	}
	return rows, columns
}

// place computes where each product's matrices begin, and the shape that the dimensions before them, of A and of B, broadcast to.
func (p *batch) place(outerA, outerB []int) (shape []int, err error) {
	if shape, err = broadcastShape(outerA, outerB); err != nil {
		return nil, err
	}
	count, err := value.Volume(shape)
	if err != nil {
		return nil, err
	}
	p.placesA, p.placesB = p.placesA[:0], p.placesB[:0]
	if count*p.m*p.n == 0 {
		return shape, nil
	}
	w := newWalk(append(append([]int(nil), shape...), 1), append(append([]int(nil), outerA...), 1), append(append([]int(nil), outerB...), 1))
	for i := range count {
		p.placesA = append(p.placesA, w.element(0, i)*p.m*p.k)
		p.placesB = append(p.placesB, w.element(1, i)*p.k*p.n)
	}
	return shape, nil
}

// element is where operand k is at element i of the output.
func (w *walk) element(k, i int) int {
	at := w.offset(k, i/w.run)
	if w.moves[k] {
		at += i % w.run
	}
	return at
}

func lastTwo(shape []int, trans bool) (rows, columns int) {
	r := len(shape)
	if trans {
		return shape[r-1], shape[r-2]
	}
	return shape[r-2], shape[r-1]
}

// scaleBy multiplies a tensor of floats in place.
func scaleBy(v *value.Value, alpha float32) error {
	if alpha == 1 {
		return nil
	}
	switch v.Memory() {
	case value.F32:
		x := value.Data[float32](v)
		simd.Scale(x, x, alpha)
	case value.F64:
		x := value.Data[float64](v)
		simd.Scale(x, x, float64(alpha))
	default:
		return fmt.Errorf("a factor %v %w", alpha, notFor(v.Kind))
	}
	return nil
}

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
		g.batch.panels = panelsOf(n.Constant(1), g.transB)
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

// det computes the determinants of the matrices of the last two dimensions, by elimination with pivots, in float64.
type det struct{}

func (det) Run(c *Call) error {
	x := c.In[0]
	r := len(x.Shape)
	if r < 2 || x.Shape[r-1] != x.Shape[r-2] {
		return fmt.Errorf("input is %s, its last two dimensions must be equal", x)
	}
	if m := x.Memory(); m != value.F32 && m != value.F64 {
		return notFor(x.Kind)
	}
	out, err := c.Result(0, x.Kind, x.Shape[:r-2]...)
	if err != nil || out.Len() == 0 {
		return err
	}
	n := x.Shape[r-1]
	a := make([]float64, n*n)
	for i := range out.Len() {
		if x.Memory() == value.F32 {
			for j, e := range value.Data[float32](x)[i*n*n : (i+1)*n*n] {
				a[j] = float64(e)
			}
			value.Data[float32](out)[i] = float32(determinant(a, n))
		} else {
			copy(a, value.Data[float64](x)[i*n*n:])
			value.Data[float64](out)[i] = determinant(a, n)
		}
	}
	return nil
}

// determinant destroys a.
func determinant(a []float64, n int) float64 {
	det := 1.0
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[pivot*n+k]) {
				pivot = i
			}
		}
		if pivot != k {
			for j := range n {
				a[k*n+j], a[pivot*n+j] = a[pivot*n+j], a[k*n+j]
			}
			det = -det
		}
		p := a[k*n+k]
		det *= p
		if p == 0 {
			return det
		}
		for i := k + 1; i < n; i++ {
			f := a[i*n+k] / p
			for j := k + 1; j < n; j++ {
				a[i*n+j] -= float64(f * a[k*n+j])
			}
		}
	}
	return det
}
