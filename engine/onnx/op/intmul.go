package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var intProducts = []Operator{
	{Name: "MatMulInteger", Since: 10, In: [2]int{2, 4}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &intMatMul{constant: n.Constant(1) != nil && (!n.HasInput(3) || n.Constant(3) != nil)}, nil
	}},
	{Name: "QLinearMatMul", Since: 10, In: [2]int{8, 8}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &quantMatMul{intMatMul: intMatMul{constant: n.Constant(3) != nil && n.Constant(5) != nil}}, nil
	}},
}

// intMatMul computes (A − a's zero point)·(B − b's zero point) for matrices, and stacks of them that broadcast, as int32. Differences of an element and its zero
// point are multiplied as int16, in pairs that follow each other in the depth.
type intMatMul struct {
	constant bool // B and its zero point never change
	panels   []gemm.IntPanels
	a, b     []uint32
	done     bool
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

func (k *intMatMul) multiply(x *matrices, y []int32) {
	if len(y) == 0 {
		return
	}
	if x.k == 0 {
		clear(y)
		return
	}
	depth := (x.k + 1) / 2
	rows := x.a.Len() / x.k
	k.a = scratch.Sized(k.a, rows*depth)
	inParts(rows, x.k, func(from, to int) {
		for i := from; i < to; i++ {
			pairUp(k.a[i*depth:(i+1)*depth], x.a, i*x.k, x.k, numberOf(x.aZero, i, x.m))
		}
	})
	if !k.done {
		k.pack(x)
		k.done = k.constant
	}
	if len(k.panels) == 1 {
		gemm.MulInts(rows, k.a, depth, &k.panels[0], y, x.n)
		return
	}
	for i := range x.aAt {
		gemm.MulInts(x.m, k.a[x.aAt[i]*x.m*depth:], depth, &k.panels[x.bAt[i]], y[i*x.m*x.n:], x.n)
	}
}

// pack arranges the matrices of B.
func (k *intMatMul) pack(x *matrices) {
	depth := (x.k + 1) / 2
	size := x.k * x.n
	k.b = scratch.Sized(k.b, depth*x.n)
	k.panels = scratch.Sized(k.panels, x.b.Len()/size)
	zero, row := make([]int32, x.n), make([]int16, x.n)
	for i := range k.panels {
		for j := range zero {
			zero[j] = numberOf(x.bZero, i*x.n+j, x.n)
		}
		clear(k.b[(depth-1)*x.n:]) // where the depth is odd
		for r := range x.k {
			minusEach(row, x.b, i*size+r*x.n, zero)
			half(k.b[r/2*x.n:(r/2+1)*x.n], row, r%2)
		}
		k.panels[i].Pack(depth, x.n, k.b, x.n)
	}
	if k.constant {
		k.b = nil
	}
}

// half puts numbers into one half of each pair: 0 the first, which clears the other, or 1.
func half(pairs []uint32, x []int16, which int) {
	pairs = pairs[:len(x)]
	if which == 0 {
		for i, e := range x {
			pairs[i] = uint32(uint16(e))
		}
		return
	}
	for i, e := range x {
		pairs[i] |= uint32(uint16(e)) << 16
	}
}

// pairUp gives n bytes from one on, less a number, in pairs.
func pairUp(pairs []uint32, v *value.Value, from, n int, zero int32) {
	if v.Memory() == value.U8 {
		pairUpOf(pairs, value.Data[uint8](v)[from:from+n], zero)
	} else {
		pairUpOf(pairs, value.Data[int8](v)[from:from+n], zero)
	}
}

func pairUpOf[Q uint8 | int8](pairs []uint32, x []Q, zero int32) {
	for i := range len(x) / 2 {
		two := x[2*i : 2*i+2 : 2*i+2]
		pairs[i] = uint32(uint16(int32(two[0])-zero)) | uint32(int32(two[1])-zero)<<16
	}
	if n := len(x); n%2 == 1 {
		pairs[n/2] = uint32(uint16(int32(x[n-1]) - zero))
	}
}

// minusEach gives the bytes from one on, each less a number of its own.
func minusEach(dst []int16, v *value.Value, from int, zero []int32) {
	if v.Memory() == value.U8 {
		lessEach(dst, value.Data[uint8](v)[from:], zero)
	} else {
		lessEach(dst, value.Data[int8](v)[from:], zero)
	}
}

func lessEach[Q uint8 | int8](dst []int16, src []Q, zero []int32) {
	src, zero = src[:len(dst)], zero[:len(dst)]
	for i, e := range src {
		dst[i] = int16(int32(e) - zero[i])
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

// quantMatMul is QLinearMatMul: y = saturate(round(a·b·a's scale·b's scale/y's scale) + y's zero point).
type quantMatMul struct {
	intMatMul
	sums []int32
}

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
	k.sums = scratch.Sized(k.sums, x.m*x.n*len(x.aAt))
	k.multiply(x, k.sums)
	inParts(len(x.aAt)*x.m, x.n, func(from, to int) {
		for row := from; row < to; row++ {
			i, at := row/x.m, row*x.n
			r.row(out, at, k.sums[at:at+x.n], scaleOfRow(r.a, x.aAt[i]*x.m+row%x.m, x.m), r.b, x.bAt[i]*x.n, x.n)
		}
	})
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
	bytes gemm.Bytes
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
		r.bytes.Zero = float32(value.Data[uint8](r.zero)[0])
	case value.I8:
		r.bytes.Zero = float32(value.Data[int8](r.zero)[0])
	default:
		return fmt.Errorf("zero point of the result is %s, must be int8 or uint8", r.zero)
	}
	r.bytes.Low, r.bytes.High, _ = quantizedTo(r.zero.Kind)
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
		gemm.FromSums(r.bytes, y, sums, a*b[0]/r.y)
		return
	}
	for i := range sums {
		gemm.FromSums(r.bytes, y[i:i+1], sums[i:i+1], a*scaleOfRow(b, from+i, each)/r.y)
	}
}
