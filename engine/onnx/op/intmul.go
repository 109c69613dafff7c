package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var intProducts = []Operator{
	{Name: "MatMulInteger", Since: 10, In: [2]int{2, 4}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &intMatMul{constant: n.Constant(1) != nil && (!n.HasInput(3) || n.Constant(3) != nil)}, nil
	}},
	{Name: "QLinearMatMul", Since: 10, In: [2]int{8, 8}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &quantMatMul{intMatMul{constant: n.Constant(3) != nil && n.Constant(5) != nil}}, nil
	}},
}

// Products of 8-bit integers are taken in float32, which is exact for as many terms as exactTerms: a difference of an element and its zero point
// is at most 255, and 255²·258 < 2²⁴. The sums of such stretches are added as int32.
const exactTerms = 258

// intMatMul computes (A − a's zero point)·(B − b's zero point) for matrices, and stacks of them that broadcast, as int32.
type intMatMul struct {
	constant bool                   // B and its zero point never change
	b        []float32              // B less its zero point
	panels   []gemm.Panels[float32] // B, where it never changes
	a        []float32
	done     bool
	spare    []float32
}

// matrices are the operands of a product.
type matrices struct {
	a, b       *value.Value
	aZero      []int32 // of all rows, or of each, or of each of all stacked matrices
	bZero      []int32 // likewise of columns
	m, n, k    int
	lead       []int // the stack of the result
	result     []int
	aAt, bAt   []int // of each matrix of the stack: which of A's and of B's
	aOne, bOne bool  // a vector
}

func (k *intMatMul) Run(c *Call) error {
	x, err := matricesOf(c.In[0], c.In[1], c.Input(2), c.Input(3))
	if err != nil {
		return err
	}
	out, err := c.Result(0, format.Int32, x.result...)
	if err != nil {
		return err
	}
	k.multiply(x, value.Data[int32](out))
	return nil
}

// stackLimit is the greatest number of stacked matrices, against files that claim many of no elements.
const stackLimit = 1 << 24

// matricesOf checks operands by numpy's rules of products: a vector is a row on the left and a column on the right.
func matricesOf(a, b, aZero, bZero *value.Value) (*matrices, error) {
	if len(a.Shape) == 0 || len(b.Shape) == 0 {
		return nil, fmt.Errorf("operands are %s and %s, must have at least one dimension", a, b)
	}
	for _, v := range []*value.Value{a, b} {
		if v.Memory() != value.U8 && v.Memory() != value.I8 {
			return nil, fmt.Errorf("operand is %s, must be int8 or uint8", v)
		}
	}
	x := &matrices{a: a, b: b}
	as, bs := a.Shape, b.Shape
	if len(as) == 1 {
		x.aOne, as = true, []int{1, as[0]}
	}
	if len(bs) == 1 {
		x.bOne, bs = true, []int{bs[0], 1}
	}
	ra, rb := len(as)-2, len(bs)-2
	x.m, x.k, x.n = as[ra], as[ra+1], bs[rb+1]
	if bs[rb] != x.k {
		return nil, fmt.Errorf("operands are %s and %s, whose inner dimensions %d and %d differ", a, b, x.k, bs[rb])
	}
	var err error
	if x.lead, err = broadcastShape(as[:ra], bs[:rb]); err != nil {
		return nil, err
	}
	if n, err := value.Volume(x.lead); err != nil || n > stackLimit {
		return nil, fmt.Errorf("operands are %s and %s, stacks of more than %d matrices", a, b, stackLimit)
	}
	x.aAt, x.bAt = places(x.lead, as[:ra]), places(x.lead, bs[:rb])
	x.result = slices.Clone(x.lead)
	if !x.aOne {
		x.result = append(x.result, x.m)
	}
	if !x.bOne {
		x.result = append(x.result, x.n)
	}
	if x.aZero, err = zeros("zero point of A", aZero, a, x.m, x.m*volume(as[:ra])); err != nil {
		return nil, err
	}
	x.bZero, err = zeros("zero point of B", bZero, b, x.n, x.n*volume(bs[:rb]))
	return x, err
}

// places lists, for each index of a stack of shape to, the index of one of shape from, which broadcasts to it.
func places(to, from []int) []int {
	n := volume(from)
	index := make([]int32, n)
	for i := range index {
		index[i] = int32(i)
	}
	all := make([]int32, volume(to))
	stretch(all, to, index, from)
	at := make([]int, len(all))
	for i, e := range all {
		at[i] = int(e)
	}
	return at
}

// zeros reads a zero point: one number, one for each of the rows (or columns), or one for each of every matrix; nil for none.
func zeros(name string, v, like *value.Value, each, all int) ([]int32, error) {
	if v == nil {
		return nil, nil
	}
	if v.Kind != like.Kind {
		return nil, fmt.Errorf("%s is %s, must be of type %s", name, v, like.Kind)
	}
	if n := v.Len(); n != 1 && n != each && n != all {
		return nil, fmt.Errorf("%s is %s, must have 1 or %d elements", name, v, each)
	}
	z := make([]int32, v.Len())
	for i := range z {
		if v.Memory() == value.U8 {
			z[i] = int32(value.Data[uint8](v)[i])
		} else {
			z[i] = int32(value.Data[int8](v)[i])
		}
	}
	return z, nil
}

// minus gives the elements of a tensor of bytes, less a number each, as float32.
func minus(dst []float32, v *value.Value, from int, zero int32) {
	if v.Memory() == value.U8 {
		lessOf(dst, value.Data[uint8](v)[from:], zero)
	} else {
		lessOf(dst, value.Data[int8](v)[from:], zero)
	}
}

func lessOf[Q uint8 | int8](dst []float32, src []Q, zero int32) {
	src = src[:len(dst)]
	for i, e := range src {
		dst[i] = float32(int32(e) - zero)
	}
}

func (k *intMatMul) multiply(x *matrices, y []int32) {
	k.a = scratch.Sized(k.a, x.a.Len())
	for i := range len(k.a) / max(1, x.k) {
		minus(k.a[i*x.k:(i+1)*x.k], x.a, i*x.k, numberOf(x.aZero, i, x.m))
	}
	if !k.done {
		k.b = scratch.Sized(k.b, x.b.Len())
		for i := range len(k.b) / max(1, x.n) {
			row := k.b[i*x.n : (i+1)*x.n]
			minus(row, x.b, i*x.n, 0)
			if x.bZero == nil {
				continue
			}
			for j := range row {
				row[j] -= float32(numberOf(x.bZero, i/max(1, x.k)*x.n+j, x.n))
			}
		}
		k.done = k.constant
		k.pack(x)
	}
	if len(k.panels) > 0 {
		k.multiplyPanels(x, y)
		return
	}
	k.spare = scratch.Sized(k.spare, x.m*x.n)
	for i := range x.aAt {
		multiplyExact(y[i*x.m*x.n:(i+1)*x.m*x.n], k.a[x.aAt[i]*x.m*x.k:], k.b[x.bAt[i]*x.k*x.n:], k.spare, x.m, x.n, x.k)
	}
}

// pack arranges a constant B that is one matrix, a stretch of exactTerms rows after another.
func (k *intMatMul) pack(x *matrices) {
	k.panels = nil
	if !k.constant || len(k.b) == 0 || len(k.b) != x.k*x.n {
		return
	}
	k.panels = make([]gemm.Panels[float32], (x.k+exactTerms-1)/exactTerms)
	for i := range k.panels {
		at := i * exactTerms
		k.panels[i].Pack(false, min(exactTerms, x.k-at), x.n, k.b[at*x.n:], x.n)
	}
}

// multiplyPanels multiplies all rows of A by the matrix in panels.
func (k *intMatMul) multiplyPanels(x *matrices, y []int32) {
	rows := len(k.a) / x.k
	k.spare = scratch.Sized(k.spare, rows*x.n)
	for i := range k.panels {
		gemm.MulPanels(rows, k.a[min(i*exactTerms, len(k.a)):], x.k, &k.panels[i], 0, k.spare, x.n, gemm.Epilogue[float32]{})
		addInts(y, k.spare, i == 0)
	}
}

// numberOf gives the zero point of row i of all, where there is one for all, for each of a matrix's each rows, or for all rows.
func numberOf(zero []int32, i, each int) int32 {
	switch len(zero) {
	case 0:
		return 0
	case 1:
		return zero[0]
	case each:
		return zero[i%each]
	}
	return zero[i]
}

// multiplyExact computes Y = A·B, of integers within ±255 as float32, for A [m, k] and B [k, n]. spare has room for m·n elements.
func multiplyExact(y []int32, a, b, spare []float32, m, n, k int) {
	clear(y)
	if m == 0 || n == 0 {
		return
	}
	for at := 0; at < k; at += exactTerms {
		terms := min(exactTerms, k-at)
		if m > 2 {
			gemm.Mul(false, false, m, n, terms, a[at:], k, b[at*n:], n, 0, spare, n)
		} else {
			for i := range m {
				row := spare[i*n : (i+1)*n]
				clear(row)
				for j, e := range a[i*k+at : i*k+at+terms] {
					simd.AXPY(row, e, b[(at+j)*n:(at+j+1)*n])
				}
			}
		}
		addInts(y, spare, false)
	}
}

// quantMatMul is QLinearMatMul: y = saturate(round(a·b·a's scale·b's scale/y's scale) + y's zero point).
type quantMatMul struct{ intMatMul }

func (k *quantMatMul) Run(c *Call) error {
	x, err := matricesOf(c.In[0], c.In[3], c.In[2], c.In[5])
	if err != nil {
		return err
	}
	r := requantizer{zero: c.In[7]}
	if r.a, err = scales("scale of A", c.In[1], x.m, x.a.Len()/max(1, x.k)); err != nil {
		return err
	}
	if r.b, err = scales("scale of B", c.In[4], x.n, x.b.Len()/max(1, x.k)); err != nil {
		return err
	}
	if err := r.output(c.In[6]); err != nil {
		return err
	}
	out, err := c.Result(0, c.In[7].Kind, x.result...)
	if err != nil {
		return err
	}
	sums := make([]int32, x.m*x.n*len(x.aAt))
	k.multiply(x, sums)
	for i := range x.aAt {
		for row := range x.m {
			at := (i*x.m + row) * x.n
			r.row(out, at, sums[at:at+x.n], scaleOfRow(r.a, x.aAt[i]*x.m+row, x.m), r.b, x.bAt[i]*x.n, x.n)
		}
	}
	return nil
}

// scales reads scales in the way of zeros.
func scales(name string, v *value.Value, each, all int) ([]float32, error) {
	if n := v.Len(); n != 1 && n != each && n != all {
		return nil, fmt.Errorf("%s is %s, must have 1 or %d elements", name, v, each)
	}
	s, err := floatsAs[float32](v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func scaleOfRow(s []float32, i, each int) float32 {
	switch len(s) {
	case 1:
		return s[0]
	case each:
		return s[i%each]
	}
	return s[i]
}

// requantizer brings sums of products to 8 bits.
type requantizer struct {
	a, b  []float32 // scales of the operands
	y     float32   // and of the result
	zero  *value.Value
	point float32 // the result's zero point
	lo    float32
	hi    float32
}

// output reads the result's scale and zero point, which must be of one element.
func (r *requantizer) output(scale *value.Value) error {
	if scale.Len() != 1 || r.zero.Len() != 1 {
		return fmt.Errorf("scale and zero point of the result are %s and %s, must have one element", scale, r.zero)
	}
	s, err := floatsAs[float32](scale)
	if err != nil {
		return fmt.Errorf("scale of the result: %w", err)
	}
	r.y = s[0]
	switch r.zero.Memory() {
	case value.U8:
		r.point = float32(value.Data[uint8](r.zero)[0])
	case value.I8:
		r.point = float32(value.Data[int8](r.zero)[0])
	default:
		return fmt.Errorf("zero point of the result is %s, must be int8 or uint8", r.zero)
	}
	r.lo, r.hi, _ = quantizedTo(r.zero.Kind)
	r.lo, r.hi = r.lo-r.point, r.hi-r.point
	return nil
}

// row writes a row of the result, from element at on, whose elements have the scale a and b, the latter of each from an index on.
func (r *requantizer) row(y *value.Value, at int, sums []int32, a float32, b []float32, from, each int) {
	if y.Memory() == value.U8 {
		requantize(r, value.Data[uint8](y)[at:at+len(sums)], sums, a, b, from, each)
	} else {
		requantize(r, value.Data[int8](y)[at:at+len(sums)], sums, a, b, from, each)
	}
}

func requantize[Q uint8 | int8](r *requantizer, y []Q, sums []int32, a float32, b []float32, from, each int) {
	if len(b) == 1 {
		requantizeRow(y, sums, a*b[0]/r.y, r.lo, r.hi, r.point)
		return
	}
	for i := range sums {
		requantizeRow(y[i:i+1], sums[i:i+1], a*scaleOfRow(b, from+i, each)/r.y, r.lo, r.hi, r.point)
	}
}

func requantizeRow[Q uint8 | int8](y []Q, sums []int32, factor, lo, hi, point float32) {
	y = y[:len(sums)]
	for i, s := range sums {
		y[i] = Q(int32(roundWithin(float32(float32(s)*factor), lo, hi) + point))
	}
}
