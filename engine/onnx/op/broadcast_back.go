package op

import (
	"sync"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// partial computes what reaches an operand of an elementwise function, over a part of a run: dst = up·∂y/∂operand. x holds up, y and the operands, each with as many elements as
// dst, or with one that stands for all.
type partial[T simd.Float] func(dst []T, x [4][]T)

// pointwise makes a partial of a function of single elements.
func pointwise[T simd.Float](f func(up, y, a, b T) T) partial[T] {
	return func(dst []T, x [4][]T) {
		none := [1]T{}
		for k, e := range x {
			if e == nil {
				x[k] = none[:]
			}
		}
		up, y, a, b := x[0], x[1], x[2], x[3]
		upStep, yStep, aStep, bStep := min(1, len(up)-1), min(1, len(y)-1), min(1, len(a)-1), min(1, len(b)-1)
		j, k, l, m := 0, 0, 0, 0
		for i := range dst {
			dst[i] = f(up[j], y[k], a[l], b[m])
			j, k, l, m = j+upStep, k+yStep, l+aStep, m+bStep
		}
	}
}

// scaledBy gives dst = up·x[k].
func scaledBy[T simd.Float](k int) partial[T] {
	return func(dst []T, x [4][]T) { product(dst, x[0], x[k]) }
}

// product computes dst = a∘b, where either may be one number.
func product[T simd.Float](dst, a, b []T) {
	switch {
	case len(a) == len(dst) && len(b) == len(dst):
		simd.Mul(dst, a, b)
	case len(a) == len(dst):
		simd.Scale(dst, a, b[0])
	case len(b) == len(dst):
		simd.Scale(dst, b, a[0])
	default:
		simd.Fill(dst, a[0]*b[0])
	}
}

// negated gives dst = −up.
func negated[T simd.Float](dst []T, x [4][]T) { simd.Neg(dst, x[0]) }

// reach brings gradients through elementwise functions of operands that broadcast.
type reach[T simd.Float] struct {
	f     partial[T]
	add   bool
	dst   []T
	n     int // operands
	x     [4][]T
	spare [][]T // of each worker
	walker
}

// reaches serves both types that floats are kept as.
type reaches struct {
	f32 reach[float32]
	f64 reach[float64]
}

// over computes f over out's shape, to which the operands broadcast, and writes it to dst, or adds it.
func (r *reach[T]) over(dst []T, add bool, out *value.Value, f partial[T], operands ...*value.Value) {
	if len(dst) == 0 {
		return
	}
	r.f, r.add, r.dst, r.n = f, add, dst, len(operands)
	for k, v := range operands {
		r.x[k] = value.Data[T](v)
	}
	if n := simd.Threads(); add && len(r.spare) < n {
		r.spare = make([][]T, n)
	}
	simd.Run(r.walker.over(out, operands...).tasks(), r)
	r.f, r.dst, r.x = nil, nil, [4][]T{}
}

// Do computes a task.
func (r *reach[T]) Do(task, worker int) {
	w := r.walk
	first, end, lo, hi := w.task(task)
	var part []T
	if r.add {
		part = scratch.Sized(r.spare[worker], hi-lo)
		r.spare[worker] = part
	}
	for i := first; i < end; i++ {
		var x [4][]T
		for k := range r.n {
			from, to := w.span(k, i, lo, hi)
			x[k] = r.x[k][from:to]
		}
		dst := r.dst[i*w.run+lo : i*w.run+hi]
		if !r.add {
			r.f(dst, x)
			continue
		}
		r.f(part, x)
		simd.AddTo(dst, part)
	}
}

// to brings what f computes over out's shape to the gradient of input i, summed over the dimensions along which that was stretched.
func (r *reach[T]) to(b *Back, i int, out *value.Value, f partial[T], operands ...*value.Value) {
	g, add := b.Over(i)
	if g == nil {
		return
	}
	dst := value.Data[T](g)
	if len(dst) == out.Len() {
		r.over(dst, add, out, f, operands...)
		return
	}
	s := borrow[T](out.Len())
	r.over(*s, false, out, f, operands...)
	unstretch(dst, g.Shape, *s, out.Shape, add)
	giveBack(s)
}

// pass brings a gradient of shape to that of input i as it is, summed over the dimensions along which that was stretched.
func pass[T simd.Float](b *Back, i int, up []T, shape []int) {
	if g, add := b.Over(i); g != nil {
		unstretch(value.Data[T](g), g.Shape, up, shape, add)
	}
}

// deliver writes src to dst, or adds it.
func deliver[T simd.Float](dst, src []T, add bool) {
	if add {
		simd.AddTo(dst, src)
	} else {
		copy(dst, src)
	}
}

// unstretch sums src, of a shape, over the dimensions along which one of shape from is stretched to it, and writes the sums to dst, or adds them. They are taken in float64 over fixed
// parts, and rounded to T where dimensions that stay lie between those that go.
func unstretch[T simd.Float](dst []T, from []int, src []T, shape []int, add bool) {
	switch {
	case len(src) == len(dst):
		deliver(dst, src, add)
	case len(src) > 0:
		foldAcross(dst, src, foldsOf(shape, from), add)
	case !add:
		clear(dst)
	}
}

// foldSpan is a dimension of what is folded, or several side by side.
type foldSpan struct {
	n    int
	goes bool
}

// foldsOf merges the dimensions of a shape that stay, and those that go, with their neighbours.
func foldsOf(shape, from []int) (spans []foldSpan) {
	for i, n := range shape {
		if n == 1 {
			continue
		}
		j := i - (len(shape) - len(from))
		goes := j < 0 || from[j] == 1
		if k := len(spans); k > 0 && spans[k-1].goes == goes {
			spans[k-1].n *= n
		} else {
			spans = append(spans, foldSpan{n, goes})
		}
	}
	return spans
}

// foldAcross sums over the last span that goes, and then over those before.
func foldAcross[T simd.Float](dst, src []T, spans []foldSpan, add bool) {
	inner, last := 1, len(spans)-1
	if !spans[last].goes {
		inner = spans[last].n
		last--
	}
	outer := len(src) / (spans[last].n * inner)
	if last < 2 {
		sumPlanes(dst, src, outer, spans[last].n, inner, add)
		return
	}
	s := borrow[T](outer * inner)
	sumPlanes(*s, src, outer, spans[last].n, inner, false)
	spans[last-1].n *= inner
	foldAcross(dst, *s, spans[:last], add)
	giveBack(s)
}

// sumPlanes sums each of outer matrices of rows × inner down its columns.
func sumPlanes[T simd.Float](dst, src []T, outer, rows, inner int, add bool) {
	inParts(outer, rows*inner, func(from, to int) {
		for i := from; i < to; i++ {
			plane := src[i*rows*inner : (i+1)*rows*inner]
			if inner > 1 {
				simd.SumRows(dst[i*inner:(i+1)*inner], plane, rows, inner, add)
				continue
			}
			s := simd.Sum(plane)
			if add {
				s += float64(dst[i])
			}
			dst[i] = T(s)
		}
	})
}

// Memory of what is summed or worked on before it reaches a gradient. Kernels share it, for they run one after the other.
var spares32, spares64 sync.Pool

func sparesOf[T simd.Float]() *sync.Pool {
	if _, ok := any(T(0)).(float64); ok {
		return &spares64
	}
	return &spares32
}

// borrow gives n elements that hold anything, until giveBack.
func borrow[T simd.Float](n int) *[]T {
	s, _ := sparesOf[T]().Get().(*[]T)
	if s == nil {
		s = new([]T)
	}
	*s = scratch.Sized(*s, n)
	return s
}

func giveBack[T simd.Float](s *[]T) { sparesOf[T]().Put(s) }
