package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// heads is a tensor of rows of heads in either order: [batch, heads, rows, size] or [batch, rows, heads·size].
type heads[T simd.Float] struct {
	data               []T
	batch, heads, rows int
	size               int
	perBatch, perHead  int // elements from one to the next
	perRow             int
}

// headsOf reads a tensor of four dimensions, or of three with that number of heads.
func headsOf[T simd.Float](v *value.Value, name string, number int) (heads[T], error) {
	data, err := floatsAs[T](v)
	if err != nil {
		return heads[T]{}, fmt.Errorf("%s: %w", name, err)
	}
	if len(v.Shape) == 3 {
		if number <= 0 || v.Shape[2]%number != 0 {
			return heads[T]{}, fmt.Errorf("%s is %s, whose last dimension does not make %d heads", name, v, number)
		}
		return packedHeads(data, v.Shape[0], v.Shape[1], number, v.Shape[2]/number), nil
	}
	if len(v.Shape) != 4 {
		return heads[T]{}, fmt.Errorf("%s is %s, must have three dimensions or four", name, v)
	}
	if number > 0 && v.Shape[1] != number {
		return heads[T]{}, fmt.Errorf("%s is %s, must have %d heads", name, v, number)
	}
	return splitHeads(data, v.Shape), nil
}

// splitHeads is data of shape [batch, heads, rows, size].
func splitHeads[T simd.Float](data []T, shape []int) heads[T] {
	b, h, r, s := shape[0], shape[1], shape[2], shape[3]
	return heads[T]{data: data, batch: b, heads: h, rows: r, size: s, perBatch: h * r * s, perHead: r * s, perRow: s}
}

// packedHeads is data of shape [batch, rows, heads·size].
func packedHeads[T simd.Float](data []T, batch, rows, number, size int) heads[T] {
	return heads[T]{data: data, batch: batch, heads: number, rows: rows, size: size, perBatch: rows * number * size, perHead: size, perRow: number * size}
}

// from gives the elements from a row of a head on.
func (h *heads[T]) from(batch, head, row int) []T {
	return h.data[batch*h.perBatch+head*h.perHead+row*h.perRow:]
}

// appendTo writes the rows of every head into dst [batch, heads, total, size], from row at on.
func (h *heads[T]) appendTo(dst []T, at, total int) {
	for b := range h.batch {
		for i := range h.heads {
			for r := range h.rows {
				copy(dst[((b*h.heads+i)*total+at+r)*h.size:][:h.size], h.from(b, i, r))
			}
		}
	}
}

// bias is a mask that is added to scores, or whose false elements hide them. Its shape broadcasts to [batch, heads, rows, columns]; columns that
// it lacks at the end are hidden.
type bias[T simd.Float] struct {
	add     []T
	keep    []bool
	strides [3]int
	columns int
}

func biasOf[T simd.Float](v *value.Value, batch, number, rows, columns int) (bias[T], error) {
	var m bias[T]
	shape := v.Shape
	if len(shape) == 0 || len(shape) > 4 || shape[len(shape)-1] > columns {
		return m, fmt.Errorf("mask is %s, must broadcast to [%d,%d,%d,%d]", v, batch, number, rows, columns)
	}
	m.columns = shape[len(shape)-1]
	stride := m.columns
	full := [3]int{batch, number, rows}
	for i, j := len(shape)-2, 2; i >= 0; i, j = i-1, j-1 {
		switch shape[i] {
		case full[j]:
			m.strides[j] = stride
		case 1:
		default:
			return m, fmt.Errorf("mask is %s, must broadcast to [%d,%d,%d,%d]", v, batch, number, rows, columns)
		}
		stride *= shape[i]
	}
	if v.Memory() == value.Bool {
		m.keep = value.Data[bool](v)
		return m, nil
	}
	add, err := floatsAs[T](v)
	if err != nil {
		return m, fmt.Errorf("mask: %w", err)
	}
	m.add = add
	return m, nil
}

// apply adds the mask to a row of scores, and tells whether a column from lo on, before hi, is left.
func (m *bias[T]) apply(x []T, batch, head, row, lo, hi int) bool {
	hidden := T(math.Inf(-1))
	at := batch*m.strides[0] + head*m.strides[1] + row*m.strides[2]
	some := false
	n := min(hi, m.columns)
	switch {
	case m.keep != nil:
		for j, keep := range m.keep[at+lo : at+max(lo, n)] {
			if keep {
				some = true
			} else {
				x[lo+j] = hidden
			}
		}
	case lo < n:
		mask := m.add[at+lo : at+n]
		simd.Add(x[lo:n], x[lo:n], mask)
		some = simd.Max(mask) != hidden
	}
	for j := max(lo, n); j < hi; j++ {
		x[j] = hidden
	}
	return some
}

// attend is scaled dot-product attention, of each head: softmax(cap(scale·Q·Kᵀ) + mask)·V. It is computed in blocks of rows.
type attend[T simd.Float] struct {
	q, k, v, y heads[T]
	scale      T
	softcap    T // 0: none
	masks      []bias[T]
	causal     bool
	left       int   // how far a row sees back, −1: to the beginning
	right      int   // and ahead
	offset     []int // of each batch: the position of row 0 among the columns
	valid      []int // of each batch: the columns that count; nil: all
	wide       bool  // the softmax is taken in float64
	scores     []T   // of all rows, [batch, heads, rows, columns] where a node asks for them
	mode       scoresMode
	spare      [][]T // of each worker
	block      int
}

// scoresMode is what the scores are that a node gives out.
type scoresMode int

const (
	rawScores scoresMode = iota
	cappedScores
	maskedScores
	probabilities
)

// blockOf is the number of scores that are computed at once.
const blockOf = 1 << 17

func (a *attend[T]) run() {
	columns := a.k.rows
	if a.q.rows == 0 || a.q.batch == 0 || a.q.heads == 0 {
		return
	}
	a.block = min(a.q.rows, max(1, blockOf/max(1, columns)))
	for len(a.spare) < simd.Threads() {
		a.spare = append(a.spare, nil)
	}
	simd.Run(a.q.batch*a.q.heads*a.blocks(), a)
}

func (a *attend[T]) blocks() int { return (a.q.rows + a.block - 1) / a.block }

// Do computes a block of rows of a head.
func (a *attend[T]) Do(task, worker int) {
	first := task % a.blocks() * a.block
	head := task / a.blocks() % a.q.heads
	batch := task / a.blocks() / a.q.heads
	rows := min(a.block, a.q.rows-first)
	kv := head / (a.q.heads / a.k.heads)
	columns := a.k.rows
	last := columns // no row of the block sees a column from here on
	if a.scores == nil {
		_, last = a.sees(batch, first+rows-1)
	}
	s := scratch.Sized(a.spare[worker], rows*last)
	a.spare[worker] = s
	if a.scores != nil {
		at := ((batch*a.q.heads+head)*a.q.rows + first) * columns
		s = a.scores[at : at+rows*columns]
	}
	gemm.Mul(false, true, rows, last, a.q.size, a.q.from(batch, head, first), a.q.perRow, a.k.from(batch, kv, 0), a.k.perRow, 0, s, last)
	simd.Scale(s, s, a.scale)
	weights := s
	if a.scores != nil && a.mode != probabilities {
		weights = scratch.Sized(a.spare[worker], rows*last)
		a.spare[worker] = weights
	}
	for i := range rows {
		a.soften(weights[i*last:(i+1)*last], s[i*last:(i+1)*last], batch, head, first+i)
	}
	gemm.Mul(false, false, rows, a.v.size, last, weights, last, a.v.from(batch, kv, 0), a.v.perRow, 0, a.y.from(batch, head, first), a.y.perRow)
}

// sees gives the columns [lo, hi) that the position of a row, the window and the batch's length leave it. hi does not fall from row to row.
func (a *attend[T]) sees(batch, row int) (lo, hi int) {
	hi = a.k.rows
	if a.valid != nil {
		hi = a.valid[batch]
	}
	at := a.offset[batch] + row
	if a.causal {
		hi = min(hi, at+1)
	}
	if a.right >= 0 && a.right < hi {
		hi = min(hi, at+a.right+1)
	}
	if a.left >= 0 && at > a.left {
		lo = at - a.left
	}
	hi = max(hi, 0)
	return min(lo, hi), hi
}

// soften makes weights of a row of scores. A row that sees nothing has weights of 0. Where the node gives out scores of an earlier stage, they
// stay in s, and the weights are elsewhere.
func (a *attend[T]) soften(weights, s []T, batch, head, row int) {
	if a.softcap > 0 {
		capped := s
		if a.scores != nil && a.mode == rawScores {
			capped = weights
		}
		simd.Scale(capped, s, 1/a.softcap)
		simd.Tanh(capped, capped)
		simd.Scale(capped, capped, a.softcap)
		s = capped
	}
	if a.scores != nil && a.mode < maskedScores && &s[0] != &weights[0] {
		copy(weights, s)
		s = weights
	}
	lo, hi := a.sees(batch, row)
	lo, hi = min(lo, len(s)), min(hi, len(s))
	simd.Fill(s[:lo], T(math.Inf(-1)))
	simd.Fill(s[hi:], T(math.Inf(-1)))
	some := lo < hi
	for i := range a.masks {
		some = a.masks[i].apply(s, batch, head, row, lo, hi) && some
	}
	if a.scores != nil && a.mode == maskedScores {
		copy(weights, s)
		s = weights
	}
	switch {
	case !some:
		clear(weights)
		return
	case a.wide:
		softmaxWide(s[lo:hi])
	default:
		simd.SoftmaxRows(s[lo:hi], s[lo:hi], 1, hi-lo)
	}
	clear(weights[:lo])
	clear(weights[hi:])
}

// softmaxWide is the softmax of a row, computed in float64.
func softmaxWide[T simd.Float](x []T) {
	wide := append([]float64(nil), convertTo[float64](x)...)
	simd.SoftmaxRows(wide, wide, 1, len(wide))
	for i, e := range wide {
		x[i] = T(e)
	}
}
