package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// grid copies elements between two tensors along a grid: element (i0, i1, …) goes from place from + Σ i·source to place at + Σ i·target.
// It is what Transpose, Slice, Concat and all their kind have in common. Its zero value is an empty grid, a single element.
type grid struct {
	lengths, target, source []int // of the dimensions, outermost first, and how far a step along each goes

	to, of   *value.Value
	at, from int
	plan     gridPlan
}

// gridPlan cuts a grid into pieces of two dimensions, and the pieces into tasks.
type gridPlan struct {
	outer                  int // how many dimensions the pieces are counted along
	mid, last              axisStep
	pieceMid, pieceLast    int
	piecesMid, piecesLast  int
	pieces, perTask, tasks int
}

// axisStep is a dimension of a grid.
type axisStep struct{ n, target, source int }

func (r *grid) reset() {
	r.lengths, r.target, r.source = r.lengths[:0], r.target[:0], r.source[:0]
}

// add puts in a dimension below those that are there, and merges it with the one above where both tensors allow that.
func (r *grid) add(n, target, source int) {
	if n == 1 {
		return
	}
	if k := len(r.lengths) - 1; k >= 0 && r.target[k] == n*target && r.source[k] == n*source {
		r.lengths[k] *= n
		r.target[k], r.source[k] = target, source
		return
	}
	r.lengths, r.target, r.source = append(r.lengths, n), append(r.target, target), append(r.source, source)
}

// pieceElements is about how many elements a task copies.
const pieceElements = 1 << 14

// copy copies the elements of a grid that lies within both tensors, which have elements of one size.
func (r *grid) copy(to *value.Value, at int, of *value.Value, from int) {
	for _, n := range r.lengths {
		if n == 0 {
			return
		}
	}
	r.to, r.at, r.of, r.from = to, at, of, from
	r.cut()
	simd.Run(r.plan.tasks, r)
	r.to, r.of = nil, nil
}

// cut plans the pieces. The last dimension is one of a piece; the other is that along which the source is contiguous, where it is not so along
// the last, so that a transposition reads and writes whole cache lines.
func (r *grid) cut() {
	p := &r.plan
	p.mid, p.last = axisStep{n: 1}, axisStep{1, 1, 1}
	p.outer = len(r.lengths)
	take := func(i int) axisStep {
		s := axisStep{r.lengths[i], r.target[i], r.source[i]}
		end := p.outer - 1
		for ; i < end; i++ {
			r.lengths[i], r.target[i], r.source[i] = r.lengths[i+1], r.target[i+1], r.source[i+1]
		}
		r.lengths, r.target, r.source = r.lengths[:end], r.target[:end], r.source[:end]
		p.outer = end
		return s
	}
	if p.outer > 0 {
		p.last = take(p.outer - 1)
	}
	if p.outer > 0 {
		m := p.outer - 1
		if p.last.source != 0 && p.last.source != 1 {
			for i, s := range r.source {
				if s == 1 {
					m = i
				}
			}
		}
		p.mid = take(m)
	}
	p.pieceLast = min(p.last.n, pieceElements)
	p.pieceMid = min(p.mid.n, (pieceElements/p.pieceLast+copyTile-1)/copyTile*copyTile)
	p.piecesLast = (p.last.n + p.pieceLast - 1) / p.pieceLast
	p.piecesMid = (p.mid.n + p.pieceMid - 1) / p.pieceMid
	p.pieces = p.piecesLast * p.piecesMid
	for _, n := range r.lengths {
		p.pieces *= n
	}
	p.perTask = max(1, pieceElements/(p.pieceMid*p.pieceLast))
	p.tasks = (p.pieces + p.perTask - 1) / p.perTask
}

// Do copies the pieces of a task.
func (r *grid) Do(task, _ int) {
	switch r.of.Memory().Size() {
	case 1:
		copyPieces(r, value.Bits[uint8](r.to), value.Bits[uint8](r.of), task)
	case 2:
		copyPieces(r, value.Bits[uint16](r.to), value.Bits[uint16](r.of), task)
	case 4:
		copyPieces(r, value.Bits[uint32](r.to), value.Bits[uint32](r.of), task)
	case 8:
		copyPieces(r, value.Bits[uint64](r.to), value.Bits[uint64](r.of), task)
	}
}

// word is an element that is only moved.
type word interface {
	uint8 | uint16 | uint32 | uint64
}

func copyPieces[T word](r *grid, dst, src []T, task int) {
	p := &r.plan
	for i := task * p.perTask; i < min((task+1)*p.perTask, p.pieces); i++ {
		at, from, rest := r.at, r.from, i
		l := rest % p.piecesLast * p.pieceLast
		rest /= p.piecesLast
		m := rest % p.piecesMid * p.pieceMid
		rest /= p.piecesMid
		at += l*p.last.target + m*p.mid.target
		from += l*p.last.source + m*p.mid.source
		for k := p.outer - 1; k >= 0; k-- {
			j := rest % r.lengths[k]
			rest /= r.lengths[k]
			at += j * r.target[k]
			from += j * r.source[k]
		}
		mid, last := p.mid, p.last
		mid.n, last.n = min(p.pieceMid, mid.n-m), min(p.pieceLast, last.n-l)
		copyPiece(dst, src, at, from, mid, last)
	}
}

// copyTile is how long both dimensions of a piece are at least where it goes by transposition.
const copyTile = 8

func copyPiece[T word](dst, src []T, at, from int, mid, last axisStep) {
	switch {
	case last.target == 1 && last.source == 1 && last.n < 8:
		copyRows(dst, src, at, from, mid, last)
	case last.target == 1 && last.source == 1:
		for range mid.n {
			copy(dst[at:at+last.n], src[from:from+last.n])
			at += mid.target
			from += mid.source
		}
	case last.target == 1 && last.source == 0:
		for range mid.n {
			repeat(dst[at:at+last.n], src[from])
			at += mid.target
			from += mid.source
		}
	case last.target == 1 && mid.source == 1 && mid.n >= copyTile && last.n >= copyTile:
		transposePiece(dst, src, at, from, mid, last)
	case mid.n > last.n:
		copyRows(dst, src, at, from, last, mid)
	default:
		copyRows(dst, src, at, from, mid, last)
	}
}

// repeat fills dst with e.
func repeat[T word](dst []T, e T) {
	n := min(len(dst), 16)
	for k := range dst[:n] {
		dst[k] = e
	}
	for n < len(dst) {
		n += copy(dst[n:], dst[:n])
	}
}

// transposePiece reads four lines of the source at a time, and writes four elements of each line of the target.
func transposePiece[T word](dst, src []T, at, from int, mid, last axisStep) {
	n := mid.n
	for last.n >= 4 {
		a, b, c, d := src[from:][:n], src[from+last.source:][:n], src[from+2*last.source:][:n], src[from+3*last.source:][:n]
		to := at
		for i := range a {
			four := dst[to : to+4 : to+4]
			four[0], four[1], four[2], four[3] = a[i], b[i], c[i], d[i]
			to += mid.target
		}
		at += 4
		from += 4 * last.source
		last.n -= 4
	}
	copyRows(dst, src, at, from, last, mid)
}

func copyRows[T word](dst, src []T, at, from int, rows, columns axisStep) {
	for range rows.n {
		switch {
		case columns.target == 1:
			d, s, f := dst[at:at+columns.n], src[from:], 0
			if columns.source < 0 { // from the other end
				s, f = src[from+(columns.n-1)*columns.source:], -(columns.n-1)*columns.source
			}
			for k := range d {
				d[k] = s[f]
				f += columns.source
			}
		case columns.source == 1:
			d, a := dst[at:], 0
			for _, e := range src[from : from+columns.n] {
				d[a] = e
				a += columns.target
			}
		default:
			a, f := at, from
			for range columns.n {
				dst[a] = src[f]
				a += columns.target
				f += columns.source
			}
		}
		at += rows.target
		from += rows.source
	}
}

// stridesOf appends how far a step along each dimension of a shape goes.
func stridesOf(strides, shape []int) []int {
	strides = append(strides[:0], shape...)
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = n
		n *= shape[i]
	}
	return strides
}

// volume multiplies dimensions, which are those of a tensor that is there.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
