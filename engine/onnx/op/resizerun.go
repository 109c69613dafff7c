package op

import (
	"cmp"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// move copies elements to where the tables say, of which each place has one tap.
func (k *resize) move(y, x *value.Value) {
	switch x.Memory().Size() {
	case 1:
		k.gather8.run(k.tables, value.Bits[uint8](y), value.Bits[uint8](x))
	case 2:
		k.gather16.run(k.tables, value.Bits[uint16](y), value.Bits[uint16](x))
	case 4:
		k.gather32.run(k.tables, value.Bits[uint32](y), value.Bits[uint32](x))
	default:
		k.gather64.run(k.tables, value.Bits[uint64](y), value.Bits[uint64](x))
	}
}

// resizeGather copies elements, row by row of the last dimension.
type resizeGather[T uint8 | uint16 | uint32 | uint64] struct {
	tables []resizeTable
	y, x   []T
	rows   int
}

func (g *resizeGather[T]) run(tables []resizeTable, y, x []T) {
	if len(tables) == 0 {
		copy(y, x)
		return
	}
	g.tables, g.y, g.x = tables, y, x
	last := tables[len(tables)-1].out
	g.rows = len(y) / last
	simd.Run(parts(g.rows, last), g)
	g.y, g.x = nil, nil
}

// Do copies a part of the rows.
func (g *resizeGather[T]) Do(task, _ int) {
	last := &g.tables[len(g.tables)-1]
	n := parts(g.rows, last.out)
	before := -1 // where the last row came from
	for row := g.rows * task / n; row < g.rows*(task+1)/n; row++ {
		from, rest, stride := 0, row, last.in
		for i := len(g.tables) - 2; i >= 0; i-- {
			t := &g.tables[i]
			from += t.at[rest%t.out] * stride
			rest, stride = rest/t.out, stride*t.in
		}
		y := g.y[row*last.out:][:last.out]
		if from == before {
			copy(y, g.y[(row-1)*last.out:])
			continue
		}
		before = from
		gatherRow(last, y, g.x[from:][:last.in])
	}
}

func gatherRow[T any](t *resizeTable, y, x []T) {
	switch {
	case t.doubled && len(y) == 2*len(x):
		for i, v := range x {
			pair := y[2*i:][:2]
			pair[0], pair[1] = v, v
		}
	default:
		at := t.at[:len(y)]
		for i := range y {
			y[i] = x[at[i]]
		}
	}
}

// double tells whether each element stands twice.
func (t *resizeTable) double() bool {
	for i, at := range t.at {
		if at != i/2 {
			return false
		}
	}
	return t.out == 2*t.in && len(t.at) == t.out
}

// interpolate computes weighted sums, dimension by dimension, those that shrink most first.
func (k *resize) interpolate(y, x *value.Value) error {
	switch x.Memory() {
	case value.F32:
		k.single, k.single2 = interpolate(&k.singlePass, k.tables, value.Data[float32](y), value.Data[float32](x), k.single, k.single2)
	case value.F64:
		interpolate(new(resizePass[float64]), k.tables, value.Data[float64](y), value.Data[float64](x), nil, nil)
	case value.I8:
		interpolateIntegers(k.tables, value.Data[int8](y), value.Data[int8](x), math.MinInt8, math.MaxInt8)
	case value.U8:
		interpolateIntegers(k.tables, value.Data[uint8](y), value.Data[uint8](x), 0, math.MaxUint8)
	case value.I16:
		interpolateIntegers(k.tables, value.Data[int16](y), value.Data[int16](x), math.MinInt16, math.MaxInt16)
	case value.U16:
		interpolateIntegers(k.tables, value.Data[uint16](y), value.Data[uint16](x), 0, math.MaxUint16)
	case value.I32:
		interpolateIntegers(k.tables, value.Data[int32](y), value.Data[int32](x), math.MinInt32, math.MaxInt32)
	default:
		return notFor(x.Kind)
	}
	return nil
}

// interpolateIntegers rounds half to even and keeps within the type.
func interpolateIntegers[T int8 | uint8 | int16 | uint16 | int32](tables []resizeTable, y, x []T, least, greatest float64) {
	from, to := make([]float64, len(x)), make([]float64, len(y))
	for i, v := range x {
		from[i] = float64(v)
	}
	interpolate(new(resizePass[float64]), tables, to, from, nil, nil)
	for i, v := range to {
		y[i] = T(min(max(math.RoundToEven(v), least), greatest))
	}
}

// interpolate goes from x over the intermediate results a and b, which it gives back for the next time, to y.
func interpolate[T float32 | float64](p *resizePass[T], tables []resizeTable, y, x, a, b []T) (again, again2 []T) {
	var order []int
	for i := range tables {
		if !tables[i].same() {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(tables[i].growth(), tables[j].growth()), j-i) })
	if len(order) == 0 {
		copy(y, x)
		return a, b
	}
	shape := make([]int, len(tables))
	for i := range tables {
		shape[i] = tables[i].in
	}
	for n, axis := range order {
		shape[axis] = tables[axis].out
		to := y
		if n < len(order)-1 {
			size := 1
			for _, d := range shape {
				size *= d
			}
			a = scratch.Sized(a, size)
			to = a
		}
		p.inner = 1
		for _, d := range shape[axis+1:] {
			p.inner *= d
		}
		p.run(&tables[axis], to, x)
		x = to
		a, b = b, a
	}
	return a, b
}

// growth is how many times as long as before the dimension becomes.
func (t *resizeTable) growth() float64 { return float64(t.out) / float64(t.in) }

// resizePass changes one dimension.
type resizePass[T float32 | float64] struct {
	table       *resizeTable
	y, x        []T
	inner, rows int // elements behind the dimension; rows of them, or of the dimension itself where it is the last, in the result
}

func (p *resizePass[T]) run(t *resizeTable, y, x []T) {
	p.table, p.y, p.x = t, y, x
	p.rows = len(y) / p.inner
	if p.inner == 1 {
		p.rows = len(y) / t.out
	}
	simd.Run(p.tasks(), p)
	p.y, p.x = nil, nil
}

func (p *resizePass[T]) tasks() int {
	work := len(p.y) / p.rows * (1 + len(p.table.at)/p.table.out)
	return parts(p.rows, work)
}

// Do computes a part of the rows.
func (p *resizePass[T]) Do(task, _ int) {
	n := p.tasks()
	for row := p.rows * task / n; row < p.rows*(task+1)/n; row++ {
		if p.inner == 1 {
			p.last(p.y[row*p.table.out:][:p.table.out], p.x[row*p.table.in:][:p.table.in])
		} else {
			p.row(p.y[row*p.inner:][:p.inner], row)
		}
	}
}

// last computes a row of the last dimension.
func (p *resizePass[T]) last(y, x []T) {
	t := p.table
	if t.pairs != nil {
		for i, e := range t.pairs[:len(y)] {
			y[i] = T(x[e.first]*T(e.weight)) + T(x[e.second]*T(e.other))
		}
		return
	}
	lo := t.first[0]
	for i, hi := range t.first[1:] {
		var sum T
		weight := t.weight[lo:hi]
		for k, e := range t.at[lo:hi] {
			sum += T(x[e] * T(weight[k]))
		}
		y[i] = sum
		lo = hi
	}
}

// resizePair is a place with two taps.
type resizePair struct {
	first, second int32
	weight, other float32
}

// pair makes the pairs, where no place has more than two taps and none has none.
func (t *resizeTable) pair() {
	pairs := make([]resizePair, 0, t.out)
	for i := range t.out {
		lo, hi := t.first[i], t.first[i+1]
		if hi == lo || hi > lo+2 || t.in > math.MaxInt32 {
			return
		}
		e := resizePair{first: int32(t.at[lo]), weight: t.weight[lo], second: int32(t.at[hi-1]), other: t.weight[hi-1]}
		if hi == lo+1 { // halves of one tap, since 0 times infinity is NaN
			e.weight, e.other = e.weight/2, e.other/2
		}
		pairs = append(pairs, e)
	}
	t.pairs = pairs
}

// row computes a row of what is behind the dimension.
func (p *resizePass[T]) row(y []T, row int) {
	t := p.table
	i := row % t.out
	x := p.x[row/t.out*t.in*p.inner:][:t.in*p.inner]
	if t.first[i] == t.first[i+1] {
		clear(y)
	}
	for k := t.first[i]; k < t.first[i+1]; k++ {
		from, weight := x[t.at[k]*p.inner:][:p.inner], T(t.weight[k])
		if k == t.first[i] {
			simd.Scale(y, from, weight)
		} else {
			simd.AXPY(y, weight, from)
		}
	}
}

// extrapolate fills in what comes from outside the input.
func (k *resize) extrapolate(y *value.Value) {
	if !slices.ContainsFunc(k.tables, func(t resizeTable) bool { return t.outside != nil }) {
		return
	}
	k.outsides(y.Len(), func(i int) { put(y, i, k.extrapolation) })
}

// outsides calls f for those of n elements of the result that come from outside the input.
func (k *resize) outsides(n int, f func(i int)) {
	for i := range n {
		rest, outside := i, false
		for a := len(k.tables) - 1; a >= 0; a-- {
			t := &k.tables[a]
			outside = outside || t.outside != nil && t.outside[rest%t.out]
			rest /= t.out
		}
		if outside {
			f(i)
		}
	}
}

// put sets element i of v to x, as near as its type allows.
func put(v *value.Value, i int, x float32) {
	switch v.Memory() {
	case value.F32:
		value.Data[float32](v)[i] = x
	case value.F64:
		value.Data[float64](v)[i] = float64(x)
	case value.I8:
		value.Data[int8](v)[i] = whole[int8](x, math.MinInt8, math.MaxInt8)
	case value.I16:
		value.Data[int16](v)[i] = whole[int16](x, math.MinInt16, math.MaxInt16)
	case value.I32:
		value.Data[int32](v)[i] = whole[int32](x, math.MinInt32, math.MaxInt32)
	case value.I64:
		value.Data[int64](v)[i] = whole[int64](x, -1<<62, 1<<62)
	case value.U8:
		value.Data[uint8](v)[i] = whole[uint8](x, 0, math.MaxUint8)
	case value.U16:
		value.Data[uint16](v)[i] = whole[uint16](x, 0, math.MaxUint16)
	case value.U32:
		value.Data[uint32](v)[i] = whole[uint32](x, 0, math.MaxUint32)
	case value.U64:
		value.Data[uint64](v)[i] = whole[uint64](x, 0, 1<<62)
	case value.Bool:
		value.Data[bool](v)[i] = x != 0
	}
}

// whole rounds half to even, and keeps within bounds; NaN becomes the lower one.
func whole[T integer](x float32, least, greatest float64) T {
	if x != x {
		return T(least)
	}
	return T(min(max(math.RoundToEven(float64(x)), least), greatest))
}
