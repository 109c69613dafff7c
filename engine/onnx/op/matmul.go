package op

import (
	"fmt"
	"unsafe"

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

// matMul multiplies matrices in numpy's way: the last two dimensions are the matrices', the others broadcast, and a list is a row on the left and a column on
// the right, which the result does not have. The result is multiplied by alpha.
type matMul struct {
	transA, transB bool
	alpha          float32
	batch          batch
	bias           []float32 // of the next node, added to each row
}

func newMatMul(n *Node) (Kernel, error) {
	return &matMul{alpha: 1, batch: batch{panels: panelsOf(n, 1, false)}}, nil
}

// Arranged holds the weights of a model that nodes have arranged for their products, so that those that several nodes have in common are there once: exporters
// write the layers of one initial state by one tensor.
type Arranged struct {
	panels map[arrangedKey]arrangedPanels
}

type arrangedPanels struct {
	*gemm.Panels[float32]
	of *value.Value // which stays while it is compared with others, or its memory could become another's
}

// arrangedKey is a matrix: its memory, and how it is stored.
type arrangedKey struct {
	mem           unsafe.Pointer
	rows, columns int
	trans         bool
}

// panelsOf arranges input i, a matrix of float32 that never changes, for products; nil where it is another.
func panelsOf(n *Node, i int, trans bool) *gemm.Panels[float32] {
	v := n.Constant(i)
	if v == nil || v.Kind != format.Float || len(v.Shape) != 2 || v.Len() == 0 {
		return nil
	}
	rows, columns := lastTwo(v.Shape, trans)
	key := arrangedKey{v.Pointer(), rows, columns, trans}
	if n.Arranged != nil && n.Arranged.panels[key].of != nil {
		return n.Arranged.panels[key].Panels
	}
	p := new(gemm.Panels[float32])
	p.Pack(trans, rows, columns, value.Data[float32](v), v.Shape[1])
	if n.Arranged != nil {
		if n.Arranged.panels == nil {
			n.Arranged.panels = map[arrangedKey]arrangedPanels{}
		}
		n.Arranged.panels[key] = arrangedPanels{p, v}
	}
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
