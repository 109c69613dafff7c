package autodiff

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// PadMode says what stands beyond the edges of an image.
type PadMode uint8

const (
	PadZeros     PadMode = iota
	PadReflect           // the image in a mirror through the edge's own elements: c b | a b c | b a
	PadReplicate         // the edge's elements: a a | a b c | c c
	PadCircular          // the other end of the image: b c | a b c | a b
)

// Padding is how many elements stand beyond each side of an image.
type Padding struct {
	Top, Bottom int // rows
	Left, Right int // columns
	Mode        PadMode
}

// Pad enlarges the last two axes, or the last one where there is no padding of rows. The gradient of an
// element that stands at several places of the result is the sum of theirs.
//
// Shapes: x [..., H, W] → [..., Top + H + Bottom, Left + W + Right]. Padding must be at least 0; that of
// PadReflect must be less than the size of its axis, that of PadCircular at most the size.
// PyTorch: nn.functional.pad, with modes constant, reflect, replicate and circular.
func Pad(x *Var, p Padding) *Var {
	s := x.Shape()
	rank := len(s)
	rows := p.Top != 0 || p.Bottom != 0
	if rank == 0 || rows && rank == 1 {
		misuse("Pad", "x has shape %v; it must be [..., H, W], or [..., W] without padding of rows", s)
	}
	var dims [8]int
	shape := append(dims[:0], s...)
	h := 1
	if rank > 1 {
		h = s[rank-2]
		p.Mode.checkPad(h, p.Top, p.Bottom, rank-2, s)
		shape[rank-2] += p.Top + p.Bottom
	}
	p.Mode.checkPad(s[rank-1], p.Left, p.Right, rank-1, s)
	shape[rank-1] += p.Left + p.Right
	v := x.tape.result("Pad", []*Var{x}, shape...)
	w := s[rank-1]
	v.ints = [8]int{h, w, h + p.Top + p.Bottom, w + p.Left + p.Right, p.Left, p.Top, volume(s[:max(rank-2, 0)])}
	at := v.indices(v.ints[2] + v.ints[3])
	p.Mode.sources(at[:v.ints[2]], h, p.Top)
	p.Mode.sources(at[v.ints[2]:], w, p.Left)
	v.parallel(v.ints[6], pick(v, padPlane[float32], padPlane[float64]))
	if v.needs {
		v.back = padBack
	}
	return v
}

// checkPad panics unless an axis of n elements can have padding before and after it.
func (m PadMode) checkPad(n, before, after, axis int, shape []int) {
	most := math.MaxInt
	switch m {
	case PadZeros:
	case PadReplicate:
		if n == 0 {
			most = 0
		}
	case PadReflect:
		most = max(n-1, 0)
	case PadCircular:
		most = n
	default:
		misuse("Pad", "mode %d; it must be PadZeros, PadReflect, PadReplicate or PadCircular", m)
	}
	if before < 0 || after < 0 {
		misuse("Pad", "%d and %d elements beyond axis %d of shape %v; they must be at least 0", before, after, axis, shape)
	}
	if max(before, after) > most {
		misuse("Pad", "%d and %d elements beyond axis %d of shape %v; in this mode they must be at most %d", before, after, axis, shape, most)
	}
}

// sources writes which of n elements stands at each place of a padded axis; −1 for zero.
func (m PadMode) sources(at []int32, n, before int) {
	for i := range at {
		k := i - before
		switch {
		case k >= 0 && k < n:
		case m == PadZeros:
			k = -1
		case m == PadReplicate:
			k = min(max(k, 0), n-1)
		case m == PadCircular:
			k = (k + n) % n
		case k < 0:
			k = -k
		default:
			k = 2*(n-1) - k
		}
		at[i] = int32(k)
	}
}

// padded returns what Pad noted: sizes of x and of the result, the padding on the left, and where rows and columns come from.
func (v *Var) padded() (h, w, outH, outW, left int, rows, cols []int32) {
	return v.ints[0], v.ints[1], v.ints[2], v.ints[3], v.ints[4], v.index[:v.ints[2]], v.index[v.ints[2]:]
}

// padPlane fills one plane of the result.
func padPlane[T tensor.Float](v *Var, plane int) {
	h, w, outH, outW, left, rows, cols := v.padded()
	x, y := values[T](v.in[0])[plane*h*w:][:h*w], values[T](v)[plane*outH*outW:][:outH*outW]
	for i, from := range rows {
		row := y[i*outW:][:outW]
		if from < 0 {
			clear(row)
			continue
		}
		src := x[int(from)*w:][:w]
		copy(row[left:], src)
		padEdge(row[:left], src, cols[:left])
		padEdge(row[left+w:], src, cols[left+w:])
	}
}

// padEdge fills a part of a row from its columns of src.
func padEdge[T tensor.Float](row, src []T, cols []int32) {
	for k, c := range cols {
		row[k] = 0
		if c >= 0 {
			row[k] = src[c]
		}
	}
}

func padBack(v *Var) {
	if g, add := v.in[0].gradient(); !add {
		clear(g.Float32s())
		clear(g.Float64s())
	}
	v.parallel(v.ints[6], pick(v, padPlaneBack[float32], padPlaneBack[float64]))
}

// padPlaneBack adds the gradient of one plane.
func padPlaneBack[T tensor.Float](v *Var, plane int) {
	h, w, outH, outW, left, rows, cols := v.padded()
	dx, dy := upstream[T](v.in[0])[plane*h*w:][:h*w], upstream[T](v)[plane*outH*outW:][:outH*outW]
	for i, from := range rows {
		if from < 0 {
			continue
		}
		to, row := dx[int(from)*w:][:w], dy[i*outW:][:outW]
		simd.AddTo(to, row[left:][:w])
		padEdgeBack(to, row[:left], cols[:left])
		padEdgeBack(to, row[left+w:], cols[left+w:])
	}
}

// padEdgeBack adds the gradient of a part of a row to its columns of dx.
func padEdgeBack[T tensor.Float](dx, dy []T, cols []int32) {
	for k, c := range cols {
		if c >= 0 {
			dx[c] += dy[k]
		}
	}
}
