package op

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

var reductions = slices.Concat(
	reduction("ReduceSum", 13, reduceSum), reduction("ReduceMean", 18, reduceMean), reduction("ReduceProd", 18, reduceProd),
	reduction("ReduceMax", 18, reduceMax), reduction("ReduceMin", 18, reduceMin),
	reduction("ReduceL1", 18, reduceL1), reduction("ReduceL2", 18, reduceL2), reduction("ReduceSumSquare", 18, reduceSumSquare),
	reduction("ReduceLogSum", 18, reduceLogSum), reduction("ReduceLogSumExp", 18, reduceLogSumExp),
)

// reduceOp names what makes one number of many.
type reduceOp int

const (
	reduceSum reduceOp = iota
	reduceMean
	reduceProd
	reduceMax
	reduceMin
	reduceL1
	reduceL2
	reduceSumSquare
	reduceLogSum
	reduceLogSumExp
)

// reduction is an operator whose axes are an attribute at first, and an input from version asInput on.
func reduction(name string, asInput int, o reduceOp) []Operator {
	return []Operator{
		{Name: name, Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
			return &reduce{op: o, axes: n.Ints("axes"), keep: n.Bool("keepdims", true)}, nil
		}},
		{Name: name, Since: asInput, In: [2]int{1, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
			k := &reduce{op: o, keep: n.Bool("keepdims", true), noop: n.Bool("noop_with_empty_axes", false)}
			if !n.HasInput(1) {
				return k, nil
			}
			v := n.Constant(1)
			if k.read = v == nil; k.read {
				return k, nil
			}
			var err error
			k.axes, err = listOf(v, "axes")
			return k, err
		}},
	}
}

// reduce computes one number of all that differ in the axes alone. Sums are taken in float64, those of integers wrap around. Of nothing, a sum is 0, a product 1, the
// greatest −Inf or the least of the type, a logarithm −Inf, the mean of floats NaN and of integers 0.
type reduce struct {
	op   reduceOp
	axes []int
	read bool // the axes are read from an input in each run
	keep bool
	noop bool // without axes each element is a set of its own, instead of all being one
	form layout
	f    reducer
	kind format.DataType
	back reaches
}

func (k *reduce) Run(c *Call) error {
	x := c.In[0]
	if k.read {
		var err error
		if k.axes, err = listOf(c.In[1], "axes"); err != nil {
			return err
		}
	}
	if err := k.form.of(x.Shape, k.axes, k.noop, k.keep); err != nil {
		return err
	}
	if k.f == nil || k.kind != x.Kind {
		k.kind = x.Kind
		if k.f = reducerOf(x.Memory(), k.op); k.f == nil {
			return notFor(x.Kind)
		}
	}
	out, err := c.Result(0, x.Kind, k.form.out...)
	if err != nil {
		return err
	}
	k.f.reduce(out, x, &k.form)
	return nil
}

// layout says how the elements of a tensor are reduced: to each of kept results go cols elements.
type layout struct {
	shape, axes []int
	noop        bool
	reduced     []bool // by axis
	dims        []int  // with neighbours of one sort merged, and without those of 1
	across      []bool // which of dims are reduced
	kept, cols  int
	out         []int // the shape of the result
}

// of plans the reduction of a shape over axes.
func (l *layout) of(shape, axes []int, noop, keep bool) error {
	if l.reduced != nil && l.noop == noop && slices.Equal(l.shape, shape) && slices.Equal(l.axes, axes) {
		return nil
	}
	reduced := make([]bool, len(shape))
	list, err := axesWithin(axes, len(shape))
	if err != nil {
		return err
	}
	for _, a := range list {
		reduced[a] = true
	}
	if len(axes) == 0 && !noop {
		for i := range reduced {
			reduced[i] = true
		}
	}
	*l = layout{shape: slices.Clone(shape), axes: slices.Clone(axes), noop: noop, reduced: reduced, kept: 1, cols: 1}
	for i, d := range shape {
		if reduced[i] {
			l.cols *= d
			if keep {
				l.out = append(l.out, 1)
			}
		} else {
			l.kept *= d
			l.out = append(l.out, d)
		}
		if d == 1 {
			continue
		}
		if n := len(l.dims); n > 0 && l.across[n-1] == reduced[i] {
			l.dims[n-1] *= d
		} else {
			l.dims, l.across = append(l.dims, d), append(l.across, reduced[i])
		}
	}
	return nil
}

// rows tells whether what is reduced to one result lies side by side.
func (l *layout) rows() bool {
	n := len(l.dims)
	return n == 0 || n == 1 || n == 2 && l.across[1]
}

// columns tells whether what is reduced to one result lies in a column of a matrix, of which there may be several: [matrices, rows, cols].
func (l *layout) columns() (matrices, rows, cols int, ok bool) {
	switch n := len(l.dims); {
	case n == 2 && l.across[0]:
		return 1, l.dims[0], l.dims[1], true
	case n == 3 && l.across[1]:
		return l.dims[0], l.dims[1], l.dims[2], true
	}
	return 0, 0, 0, false
}

// reducer reduces tensors of one type of memory.
type reducer interface {
	reduce(out, x *value.Value, l *layout)
}

// rowReducer reduces rows, into which it brings tensors that are not.
type rowReducer[T value.Number] struct {
	rows    func(dst, x []T, cols int)
	columns func(dst, x []T, rows, cols int) // of a matrix, where there is a faster way; may be nil
	buffer  []T
	dst, x  []T
	cols    int
	group   int // rows of a task
}

func (r *rowReducer[T]) reduce(out, x *value.Value, l *layout) {
	if l.kept == 0 {
		return
	}
	dst, src := numbers[T](out), numbers[T](x)
	if matrices, rows, cols, ok := l.columns(); ok && r.columns != nil && l.cols > 0 {
		for i := range matrices {
			r.columns(dst[i*cols:(i+1)*cols], src[i*rows*cols:(i+1)*rows*cols], rows, cols)
		}
		return
	}
	if !l.rows() && l.cols > 0 {
		r.buffer = scratch.Sized(r.buffer, len(src))
		gather(r.buffer, src, l)
		src = r.buffer
	}
	r.dst, r.x, r.cols, r.group = dst, src, l.cols, max(1, 2*piece/max(l.cols, 1))
	simd.Run((l.kept+r.group-1)/r.group, r)
	r.dst, r.x = nil, nil
}

// Do computes a task.
func (r *rowReducer[T]) Do(task, _ int) {
	lo := task * r.group
	hi := min(lo+r.group, len(r.dst))
	r.rows(r.dst[lo:hi], r.x[lo*r.cols:hi*r.cols], r.cols)
}

// numbers gives the elements; truth values are uint8.
func numbers[T value.Number](v *value.Value) []T {
	if v.Memory() == value.Bool {
		b, _ := any(value.Bits[uint8](v)).([]T)
		return b
	}
	return value.Data[T](v)
}

// gather writes the elements to dst so that those that are reduced to one result lie side by side.
func gather[T any](dst, src []T, l *layout) {
	var size, stride []int
	at := 1
	strides := make([]int, len(l.dims))
	for i := len(l.dims) - 1; i >= 0; i-- {
		strides[i] = at
		at *= l.dims[i]
	}
	for _, across := range []bool{false, true} {
		for i, d := range l.dims {
			if l.across[i] == across {
				size, stride = append(size, d), append(stride, strides[i])
			}
		}
	}
	last := len(size) - 1
	index := make([]int, last)
	from := 0
	for to := 0; to < len(dst); to += size[last] {
		for i, j := 0, from; i < size[last]; i, j = i+1, j+stride[last] {
			dst[to+i] = src[j]
		}
		for i := last - 1; i >= 0; i-- {
			index[i]++
			from += stride[i]
			if index[i] < size[i] {
				break
			}
			from -= size[i] * stride[i]
			index[i] = 0
		}
	}
}

func reducerOf(m value.Memory, o reduceOp) reducer {
	switch m {
	case value.F32:
		return floatReducer[float32](o)
	case value.F64:
		return floatReducer[float64](o)
	case value.I8:
		return integerReducer[int8, int64](o)
	case value.I16:
		return integerReducer[int16, int64](o)
	case value.I32:
		return integerReducer[int32, int64](o)
	case value.I64:
		return integerReducer[int64, int64](o)
	case value.U8:
		return integerReducer[uint8, uint64](o)
	case value.U16:
		return integerReducer[uint16, uint64](o)
	case value.U32:
		return integerReducer[uint32, uint64](o)
	case value.U64:
		return integerReducer[uint64, uint64](o)
	case value.Bool:
		return truthReducer(o)
	}
	return nil
}

// truthReducer reduces truth values, of which false is the less.
func truthReducer(o reduceOp) reducer {
	switch o {
	case reduceMax:
		return &rowReducer[uint8]{rows: foldRows(func(x []uint8) uint8 { return one[uint8](slices.Contains(x, 1)) })}
	case reduceMin:
		return &rowReducer[uint8]{rows: foldRows(func(x []uint8) uint8 { return one[uint8](!slices.Contains(x, 0)) })}
	}
	return nil
}

func floatReducer[T simd.Float](o reduceOp) reducer {
	if o == reduceLogSumExp {
		return &rowReducer[T]{rows: logSumExpRows[T]}
	}
	r := &rowReducer[T]{rows: foldRows(floatFold[T](o))}
	switch o {
	case reduceSum:
		r.columns = func(dst, x []T, rows, cols int) { simd.SumRows(dst, x, rows, cols, false) }
	case reduceMean:
		r.columns = func(dst, x []T, rows, cols int) {
			simd.SumRows(dst, x, rows, cols, false)
			simd.DivScalar(dst, dst, T(rows))
		}
	case reduceMax:
		r.columns = foldColumns(simd.Greater[T])
	case reduceMin:
		r.columns = foldColumns(simd.Lesser[T])
	}
	return r
}

func logSumExpRows[T simd.Float](dst, x []T, cols int) {
	if cols == 0 {
		simd.Fill(dst, T(math.Inf(-1)))
		return
	}
	simd.LogSumExpRows(dst, x, len(dst), cols)
}

// foldColumns combines the rows of a matrix from the first to the last.
func foldColumns[T simd.Float](f func(dst, a, b []T)) func(dst, x []T, rows, cols int) {
	return func(dst, x []T, rows, cols int) {
		copy(dst, x[:cols])
		for r := 1; r < rows; r++ {
			f(dst, dst, x[r*cols:(r+1)*cols])
		}
	}
}

func foldRows[T value.Number](f func(x []T) T) func(dst, x []T, cols int) {
	return func(dst, x []T, cols int) {
		for i := range dst {
			dst[i] = f(x[i*cols : (i+1)*cols])
		}
	}
}

func floatFold[T simd.Float](o reduceOp) func(x []T) T {
	switch o {
	case reduceMean:
		return func(x []T) T { return T(simd.Sum(x) / float64(len(x))) }
	case reduceProd:
		return func(x []T) T {
			p := 1.0
			for _, e := range x {
				p *= float64(e)
			}
			return T(p)
		}
	case reduceMax:
		return simd.Max[T]
	case reduceMin:
		return simd.Min[T]
	case reduceL1:
		return func(x []T) T { return T(simd.SumAbs(x)) }
	case reduceL2:
		return func(x []T) T { return T(math.Sqrt(simd.SumSquares(x))) }
	case reduceSumSquare:
		return func(x []T) T { return T(simd.SumSquares(x)) }
	case reduceLogSum:
		return func(x []T) T { return T(math.Log(simd.Sum(x))) }
	}
	return func(x []T) T { return T(simd.Sum(x)) }
}

// integerReducer reduces integers by way of W, the widest of their sort.
func integerReducer[T integer, W int64 | uint64](o reduceOp) reducer {
	return &rowReducer[T]{rows: foldRows(integerFold[T, W](o))}
}

func integerFold[T integer, W int64 | uint64](o reduceOp) func(x []T) T {
	sum := func(x []T, f func(T) W) (s W) {
		for _, e := range x {
			s += f(e)
		}
		return s
	}
	plain := func(e T) W { return W(e) }
	size := func(e T) W {
		if e < 0 {
			return -W(e)
		}
		return W(e)
	}
	square := func(e T) W { return W(e) * W(e) }
	switch o {
	case reduceMean: // truncates
		return func(x []T) T {
			if len(x) == 0 {
				return 0
			}
			return T(sum(x, plain) / W(len(x)))
		}
	case reduceProd:
		return func(x []T) T {
			p := W(1)
			for _, e := range x {
				p *= W(e)
			}
			return T(p)
		}
	case reduceMax:
		least, _ := limits[T]()
		return func(x []T) T {
			m := least
			for _, e := range x {
				m = max(m, e)
			}
			return m
		}
	case reduceMin:
		_, most := limits[T]()
		return func(x []T) T {
			m := most
			for _, e := range x {
				m = min(m, e)
			}
			return m
		}
	case reduceL1:
		return func(x []T) T { return T(sum(x, size)) }
	case reduceL2:
		return func(x []T) T { return fromFloat[T](math.Sqrt(float64(sum(x, square)))) }
	case reduceSumSquare:
		return func(x []T) T { return T(sum(x, square)) }
	case reduceLogSum:
		return func(x []T) T { return fromFloat[T](math.Log(float64(sum(x, plain)))) }
	case reduceLogSumExp:
		return func(x []T) T {
			if len(x) == 0 {
				return fromFloat[T](math.Inf(-1))
			}
			top, s := float64(slices.Max(x)), 0.0
			for _, e := range x {
				s += math.Exp(float64(e) - top)
			}
			return fromFloat[T](top + math.Log(s))
		}
	}
	return func(x []T) T { return T(sum(x, plain)) }
}
