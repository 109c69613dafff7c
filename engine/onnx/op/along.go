package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// The operators of this file work along one axis.
var along = []Operator{
	{Name: "ArgMax", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeArg(false)},
	{Name: "ArgMin", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeArg(true)},
	{Name: "CumSum", Since: 11, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: makeCumulative(add)},
	{Name: "CumProd", Since: 26, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: makeCumulative(mul)},
	normalised("Softmax", 1, softmax), normalised("Softmax", 13, softmax),
	normalised("LogSoftmax", 1, logSoftmax), normalised("LogSoftmax", 13, logSoftmax),
	normalised("Hardmax", 1, hardmax), normalised("Hardmax", 13, hardmax),
}

// lines is a tensor along an axis: before × length lines of after elements, of which one line's neighbours are after elements apart.
type lines struct{ before, length, after int }

func linesOf(shape []int, axis int) (lines, error) {
	axis, err := axisWithin(axis, len(shape))
	if err != nil {
		return lines{}, err
	}
	before, after := insideOut(shape, axis)
	return lines{before, shape[axis], after}, nil
}

// arg gives the place of the greatest or the least along an axis: the first of equals, or the last. NaN is greater and less than all numbers.
type arg struct {
	axis              int
	keep, last, least bool
}

func makeArg(least bool) func(*Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		return &arg{n.Int("axis", 0), n.Bool("keepdims", true), n.Bool("select_last_index", false), least}, nil
	}
}

func (k *arg) Run(c *Call) error {
	x := c.In[0]
	l, err := linesOf(x.Shape, k.axis)
	if err != nil {
		return err
	}
	if l.length == 0 && l.before*l.after > 0 {
		return fmt.Errorf("%s has nothing along axis %d", x, k.axis)
	}
	axis, _ := axisWithin(k.axis, len(x.Shape))
	shape := slices.Clone(x.Shape)
	if k.keep {
		shape[axis] = 1
	} else {
		shape = slices.Delete(shape, axis, axis+1)
	}
	out, err := c.Result(0, format.Int64, shape...)
	if err != nil {
		return err
	}
	dst := value.Data[int64](out)
	switch x.Memory() {
	case value.F32:
		argOf(k, dst, value.Data[float32](x), l)
	case value.F64:
		argOf(k, dst, value.Data[float64](x), l)
	case value.I8:
		argOf(k, dst, value.Data[int8](x), l)
	case value.I16:
		argOf(k, dst, value.Data[int16](x), l)
	case value.I32:
		argOf(k, dst, value.Data[int32](x), l)
	case value.I64:
		argOf(k, dst, value.Data[int64](x), l)
	case value.U8:
		argOf(k, dst, value.Data[uint8](x), l)
	case value.U16:
		argOf(k, dst, value.Data[uint16](x), l)
	case value.U32:
		argOf(k, dst, value.Data[uint32](x), l)
	case value.U64:
		argOf(k, dst, value.Data[uint64](x), l)
	default:
		return notFor(x.Kind)
	}
	return nil
}

func argOf[T value.Number](k *arg, dst []int64, x []T, l lines) {
	if l.after == 1 {
		for i := range dst {
			dst[i] = int64(argOfRow(k, x[i*l.length:(i+1)*l.length]))
		}
		return
	}
	for b := range l.before {
		plane, best := x[b*l.length*l.after:(b+1)*l.length*l.after], dst[b*l.after:(b+1)*l.after]
		clear(best)
		for i := 1; i < l.length; i++ {
			for j, e := range plane[i*l.after : (i+1)*l.after] {
				top := plane[int(best[j])*l.after+j]
				better := e > top
				if k.least {
					better = e < top
				}
				if better && top == top || e != e && top == top || k.last && (e == top || e != e) {
					best[j] = int64(i)
				}
			}
		}
	}
}

func argOfRow[T value.Number](k *arg, x []T) int {
	if row, ok := any(x).([]float32); ok && !k.last {
		return firstOf(row, k.least)
	}
	best, top := 0, x[0]
	for i, e := range x {
		switch {
		case e != e:
			if !k.last {
				return i
			}
			best, top = i, e
		case !k.least && e > top, k.least && e < top, k.last && e == top:
			best, top = i, e
		}
	}
	return best
}

// firstOf gives the first place of the greatest or the least, which is NaN where there is one.
func firstOf(x []float32, least bool) int {
	if least {
		return simd.ArgMin(x)
	}
	top := simd.Max(x)
	for i, e := range x {
		if e == top || e != e {
			return i
		}
	}
	return 0 // top is one of x
}

// cumulative computes the sums or products of what comes before along an axis, and of the element itself unless exclusive. Floats are added and multiplied in float64,
// integers wrap around.
type cumulative struct {
	op                 pairOp
	exclusive, reverse bool
}

func makeCumulative(o pairOp) func(*Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		return &cumulative{o, n.Bool("exclusive", false), n.Bool("reverse", false)}, nil
	}
}

func (k *cumulative) Run(c *Call) error {
	x := c.In[0]
	axis, err := scalarOf(c.In[1], "axis")
	if err != nil {
		return err
	}
	l, err := linesOf(x.Shape, axis)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	switch x.Memory() {
	case value.F32:
		accumulate[float32, float64](k, out, x, l)
	case value.F64:
		accumulate[float64, float64](k, out, x, l)
	case value.I8:
		accumulate[int8, int8](k, out, x, l)
	case value.I16:
		accumulate[int16, int16](k, out, x, l)
	case value.I32:
		accumulate[int32, int32](k, out, x, l)
	case value.I64:
		accumulate[int64, int64](k, out, x, l)
	case value.U8:
		accumulate[uint8, uint8](k, out, x, l)
	case value.U16:
		accumulate[uint16, uint16](k, out, x, l)
	case value.U32:
		accumulate[uint32, uint32](k, out, x, l)
	case value.U64:
		accumulate[uint64, uint64](k, out, x, l)
	default:
		return notFor(x.Kind)
	}
	return nil
}

func accumulate[T, W value.Number](k *cumulative, out, x *value.Value, l lines) {
	dst, src := value.Data[T](out), value.Data[T](x)
	for b := range l.before {
		for j := range l.after {
			at, step := b*l.length*l.after+j, l.after
			if k.reverse {
				at, step = at+(l.length-1)*l.after, -l.after
			}
			sum := W(0)
			if k.op == mul {
				sum = 1
			}
			for range l.length {
				before, e := sum, W(src[at])
				if k.op == mul {
					sum *= e
				} else {
					sum += e
				}
				if k.exclusive {
					dst[at] = T(before)
				} else {
					dst[at] = T(sum)
				}
				at += step
			}
		}
	}
}

// normOp names a function of a line.
type normOp int

const (
	softmax normOp = iota
	logSoftmax
	hardmax // 1 at the first of the greatest, else 0
)

// normalised is an operator on the lines of an axis: before version 13, of all axes from one on, the second by default, and then of one axis, the last by default.
func normalised(name string, since int, o normOp) Operator {
	return Operator{Name: name, Since: since, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		if since < 13 {
			return &norm{op: o, axis: n.Int("axis", 1), flat: true}, nil
		}
		return &norm{op: o, axis: n.Int("axis", -1)}, nil
	}}
}

type norm struct {
	op   normOp
	axis int
	flat bool
	f32  columns[float32]
	f64  columns[float64]
}

func (k *norm) Run(c *Call) error {
	x := c.In[0]
	l, err := k.lines(x.Shape)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	if out.Len() == 0 {
		return nil
	}
	switch x.Memory() {
	case value.F32:
		normalise(k.op, value.Data[float32](out), value.Data[float32](x), l, &k.f32)
	case value.F64:
		normalise(k.op, value.Data[float64](out), value.Data[float64](x), l, &k.f64)
	default:
		return notFor(x.Kind)
	}
	return nil
}

func (k *norm) lines(shape []int) (lines, error) {
	if !k.flat {
		return linesOf(shape, k.axis)
	}
	axis := k.axis
	if axis != len(shape) { // all axes before
		var err error
		if axis, err = axisWithin(axis, len(shape)); err != nil {
			return lines{}, err
		}
	}
	return lines{volume(shape[:axis]), volume(shape[axis:]), 1}, nil
}

func normalise[T simd.Float](o normOp, dst, x []T, l lines, columns *columns[T]) {
	switch {
	case o == hardmax:
		clear(dst)
		places := make([]int64, l.before*l.after)
		argOf(&arg{}, places, x, l)
		for i, p := range places {
			dst[(i/l.after*l.length+int(p))*l.after+i%l.after] = 1
		}
	case l.after > 1:
		columns.run(o, dst, x, l)
	case o == softmax:
		simd.SoftmaxRows(dst, x, l.before, l.length)
	default:
		simd.LogSoftmaxRows(dst, x, l.before, l.length)
	}
}

// columns computes the softmax, or its logarithm, along an axis that is not the last.
type columns[T simd.Float] struct {
	op     normOp
	dst, x []T
	lines
	blocks  int // of columns, side by side
	scratch []columnScratch[T]
}

const blockColumns = 128

type columnScratch[T simd.Float] struct {
	top, exp [blockColumns]T
	sum      [blockColumns]float64
}

func (k *columns[T]) run(o normOp, dst, x []T, l lines) {
	if n := simd.Threads(); len(k.scratch) < n {
		k.scratch = make([]columnScratch[T], n)
	}
	k.op, k.dst, k.x, k.lines, k.blocks = o, dst, x, l, (l.after+blockColumns-1)/blockColumns
	simd.Run(l.before*k.blocks, k)
	k.dst, k.x = nil, nil
}

// Do computes a task: a block of columns.
func (k *columns[T]) Do(task, worker int) {
	at := task / k.blocks * k.length * k.after
	lo := task % k.blocks * blockColumns
	n := min(blockColumns, k.after-lo)
	at += lo
	s := &k.scratch[worker]
	top, exp, sum := s.top[:n], s.exp[:n], s.sum[:n]
	copy(top, k.x[at:at+n])
	for r := 1; r < k.length; r++ {
		simd.Greater(top, top, k.x[at+r*k.after:][:n])
	}
	clear(sum)
	for r := range k.length {
		row := k.dst[at+r*k.after:][:n]
		simd.Sub(row, k.x[at+r*k.after:][:n], top)
		e := row
		if k.op == logSoftmax {
			e = exp
		}
		simd.Exp(e, row)
		for j, v := range e {
			sum[j] += float64(v)
		}
	}
	for j := range top {
		if k.op == logSoftmax {
			top[j] = T(math.Log(sum[j]))
		} else {
			top[j] = T(1 / sum[j])
		}
	}
	for r := range k.length {
		row := k.dst[at+r*k.after:][:n]
		if k.op == logSoftmax {
			simd.Sub(row, row, top)
		} else {
			simd.Mul(row, row, top)
		}
	}
}
