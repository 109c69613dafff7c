package pair

import (
	"cmp"
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Strips computes the distances of the rows of x from the rows of y, some rows of the matrix
// at a time, so that it is never whole. Its zero value is ready for Set; it keeps its memory.
//
// Distances are sums of squared differences themselves, not an expanded square: those of
// near rows keep their digits, and that of a row from its like is 0. Only rows that the measure
// divides by their lengths are rounded to that first.
type Strips[T tensor.Float] struct {
	X, Y string // what errors call x and y; "" is "x" and "y"

	distance    distance.Measure
	x, y        []T // as the kernel takes them: of unit length where the measure says so, x negated for Dot
	n, m, dim   int
	ownX, ownY  []T
	negated     []T
	shortX      []int // of rows of unit length: those that are too short for that
	shortY      []int
	strip       []T
	differences normJob[T]
}

// Values of a strip, about, and rows of it at least, which its set-up is worth.
const (
	stripValues = 1 << 21
	stripRows   = 16
)

// Set chooses the rows, of dim coordinates, which must not change until the last strip.
//
// Errors: what distance.Measure.Check and [CheckRows] refuse.
func (s *Strips[T]) Set(d distance.Measure, x, y []T, dim int) error {
	if err := d.Check(); err != nil {
		return err
	}
	nameX, nameY := cmp.Or(s.X, "x"), cmp.Or(s.Y, "y")
	n, err := CheckRows(nameX, x, dim)
	if err != nil {
		return err
	}
	m, self := n, len(x) == len(y) && (n == 0 || &x[0] == &y[0])
	if !self {
		if m, err = CheckRows(nameY, y, dim); err != nil {
			return err
		}
	}
	s.distance, s.x, s.y, s.n, s.m, s.dim = d, x, y, n, m, dim
	s.shortX, s.shortY = s.shortX[:0], s.shortY[:0]
	if d.Normalize || d.Kind == distance.Cosine {
		s.divide(self)
	}
	if d.Kind == distance.Dot {
		s.negated = scratch.Sized(s.negated, len(s.x))
		simd.Neg(s.negated, s.x)
		s.x = s.negated
	}
	return nil
}

// divide divides the rows by their lengths; self tells that y is x.
func (s *Strips[T]) divide(self bool) {
	s.ownX, s.shortX = directions(s.ownX, s.shortX, s.x, s.dim)
	if s.x = s.ownX; self {
		s.y, s.shortY = s.ownX, append(s.shortY, s.shortX...)
		return
	}
	s.ownY, s.shortY = directions(s.ownY, s.shortY, s.y, s.dim)
	s.y = s.ownY
}

// directions returns rows at unit length and which are too short for that, in the memory of
// dst and short if that is enough.
func directions[T tensor.Float](dst []T, short []int, x []T, dim int) ([]T, []int) {
	dst = scratch.Sized(dst, len(x))
	for i := range len(x) / dim {
		if simd.Unit(dst[i*dim:][:dim], x[i*dim:][:dim]) == simd.ShortestRow {
			short = append(short, i)
		}
	}
	return dst, short
}

// CheckRows returns how many rows of dim coordinates x has.
//
// Errors: dim below 1; a length that dim does not divide; a value that is not finite; a row
// so long that T might not hold squared distances: above 9.2e18 in float32.
func CheckRows[T tensor.Float](name string, x []T, dim int) (int, error) {
	if dim < 1 {
		return 0, fmt.Errorf("dim is %d; it must be at least 1", dim)
	}
	if len(x)%dim != 0 {
		return 0, fmt.Errorf("%s has %d elements; it must have a multiple of dim, %d", name, len(x), dim)
	}
	bound := maxNorm[T]()
	for i := range len(x) / dim {
		row := x[i*dim:][:dim]
		if norm := math.Sqrt(simd.SumSquares(row)); !(norm <= bound) {
			return 0, badRow(name, i, row, norm, bound)
		}
	}
	return len(x) / dim, nil
}

// maxNorm is the greatest norm of two rows the square of whose distance T can hold.
func maxNorm[T tensor.Float]() float64 {
	if _, ok := any(T(0)).(float32); ok {
		return math.Sqrt(math.MaxFloat32) / 2
	}
	return math.Sqrt(math.MaxFloat64) / 2
}

func badRow[T tensor.Float](name string, i int, row []T, norm, bound float64) error {
	for j, v := range row {
		if v-v != 0 {
			return fmt.Errorf("%s[%d] (row %d, coordinate %d) is %v; it must be finite", name, i*len(row)+j, i, j, v)
		}
	}
	return fmt.Errorf("row %d of %s has the norm %.3g; it must be at most %.3g", i, name, norm, bound)
}

// At returns the distances of rows lo to hi−1 of x from all rows of y, row by row; how many
// rows depends on sizes alone. They are overwritten by the next call.
func (s *Strips[T]) At(lo int) (strip []T, hi int) {
	rows := min(max(stripRows, stripValues/max(s.m, 1)), s.n-lo)
	s.strip = scratch.Sized(s.strip, rows*s.m)
	x := s.x[lo*s.dim:][:rows*s.dim]
	switch s.distance.Kind {
	case distance.Dot:
		gemm.Mul(false, true, rows, s.m, s.dim, x, s.dim, s.y, s.dim, 0, s.strip, s.m)
	case distance.Lp:
		s.differences = normJob[T]{s.strip, x, s.y, s.m, s.dim, s.distance.P}
		simd.Run(rows, &s.differences)
	default:
		simd.SquaredDistances(s.strip, x, s.y, rows, s.m, s.dim)
	}
	switch s.distance.Kind {
	case distance.Cosine: // of unit vectors, ‖x − y‖² = 2 − 2·x·y
		simd.Scale(s.strip, s.strip, 0.5)
		s.ofShort(lo, lo+rows)
	case "", distance.Euclidean:
		simd.Sqrt(s.strip, s.strip)
	}
	return s.strip, lo + rows
}

// ofShort puts the cosine distances of rows that are shorter than a unit into the strip of rows
// lo to hi−1.
func (s *Strips[T]) ofShort(lo, hi int) {
	put := func(i, j int) {
		s.strip[(i-lo)*s.m+j] = T(1 - simd.Dot(s.x[i*s.dim:][:s.dim], s.y[j*s.dim:][:s.dim]))
	}
	for _, i := range s.shortX {
		if i < lo || i >= hi {
			continue
		}
		for j := range s.m {
			put(i, j)
		}
	}
	for _, j := range s.shortY {
		for i := lo; i < hi; i++ {
			put(i, j)
		}
	}
}

// A normJob computes Lp distances, a task for each row of x.
type normJob[T tensor.Float] struct {
	dst, x, y []T
	m, dim    int
	p         float64
}

func (j *normJob[T]) Do(task, _ int) {
	x := j.x[task*j.dim:][:j.dim]
	for i, dst := 0, j.dst[task*j.m:][:j.m]; i < j.m; i++ {
		dst[i] = T(simd.PairNorm(x, j.y[i*j.dim:][:j.dim], j.p, 0))
	}
}
