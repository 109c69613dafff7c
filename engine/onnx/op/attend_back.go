package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// attendBack goes back through attention. It computes the weights again, block by block, and the heads of queries that share one of keys one after the other.
type attendBack[T simd.Float] struct {
	*attend[T]
	up       heads[T] // the gradient of the result; no data for none
	upScores []T      // that of the scores, nil for none

	dq, dk, dv heads[T] // the gradients, [batch, heads, rows, size]
	masked     []T      // those of the scores that a mask was added to, [batch, heads, rows, columns of the mask]; nil where nobody asks for them
	columns    int      // of that mask

	places []attendPlace[T] // of each worker
}

// attendPlace is a worker's scratch.
type attendPlace[T simd.Float] struct{ weights, slopes, raw []T }

// outOf makes room for the gradients of rows of heads.
func outOf[T simd.Float](h heads[T]) heads[T] {
	return splitHeads(make([]T, h.batch*h.heads*h.rows*h.size), []int{h.batch, h.heads, h.rows, h.size})
}

// run computes the gradients. up is that of the result, of three or four dimensions, or nil.
func (a *attendBack[T]) run(up *value.Value) {
	a.attend.scores = nil
	a.dq, a.dk, a.dv = outOf(a.q), outOf(a.k), outOf(a.v)
	switch {
	case up == nil:
	case len(up.Shape) == 3:
		a.up = packedHeads(value.Data[T](up), a.q.batch, a.q.rows, a.q.heads, a.v.size)
	default:
		a.up = splitHeads(value.Data[T](up), up.Shape)
	}
	if a.q.rows == 0 || a.k.rows == 0 {
		return
	}
	a.block = min(a.q.rows, max(1, blockOf/a.k.rows))
	a.places = make([]attendPlace[T], simd.Threads())
	simd.Run(a.q.batch*a.k.heads, a)
}

// Do goes back through a head of keys.
func (a *attendBack[T]) Do(task, worker int) {
	batch, kv, group := task/a.k.heads, task%a.k.heads, a.q.heads/a.k.heads
	for head := kv * group; head < (kv+1)*group; head++ {
		for first := 0; first < a.q.rows; first += a.block {
			a.rows(&a.places[worker], batch, head, kv, first, min(a.block, a.q.rows-first))
		}
	}
}

// rows goes back through a block of rows of a head: with weights P = softmax(S),
//
//	dV = Pᵀ·dY, dP = dY·Vᵀ, dS = P∘(dP − Σ P∘dP)
func (a *attendBack[T]) rows(w *attendPlace[T], batch, head, kv, first, rows int) {
	last := a.k.rows // no row of the block sees a column from here on
	if a.upScores == nil {
		_, last = a.sees(batch, first+rows-1)
	}
	if last == 0 {
		return
	}
	w.weights, w.slopes = scratch.Sized(w.weights, rows*last), scratch.Sized(w.slopes, rows*last)
	p, ds := w.weights, w.slopes
	q, key, v := a.q.from(batch, head, first), a.k.from(batch, kv, 0), a.v.from(batch, kv, 0)
	gemm.Mul(false, true, rows, last, a.q.size, q, a.q.perRow, key, a.k.perRow, 0, p, last)
	simd.Scale(p, p, a.scale)
	if a.softcap > 0 {
		w.raw = append(w.raw[:0], p...)
	}
	for i := range rows {
		row := p[i*last : (i+1)*last]
		a.soften(row, row, batch, head, first+i)
	}
	if a.up.data == nil {
		clear(ds)
	} else {
		dy := a.up.from(batch, head, first)
		gemm.Mul(false, true, rows, last, a.v.size, dy, a.up.perRow, v, a.v.perRow, 0, ds, last)
		gemm.Mul(true, false, last, a.v.size, rows, p, last, dy, a.up.perRow, 1, a.dv.from(batch, kv, 0), a.dv.perRow)
	}
	for i := range rows {
		a.row(w, ds[i*last:(i+1)*last], p[i*last:(i+1)*last], i, batch, head, first+i)
	}
	simd.Scale(ds, ds, a.scale)
	gemm.Mul(false, false, rows, a.q.size, last, ds, last, key, a.k.perRow, 1, a.dq.from(batch, head, first), a.dq.perRow)
	gemm.Mul(true, false, last, a.q.size, rows, ds, last, q, a.q.perRow, 1, a.dk.from(batch, kv, 0), a.dk.perRow)
}

// row makes of the gradients of a row's weights p those of its scaled products.
func (a *attendBack[T]) row(w *attendPlace[T], ds, p []T, i, batch, head, row int) {
	var up []T // of the scores
	if a.upScores != nil {
		up = a.upScores[((batch*a.q.heads+head)*a.q.rows+row)*len(ds):][:len(ds)]
	}
	if up != nil && a.mode == probabilities {
		simd.AddTo(ds, up)
	}
	simd.AddScalar(ds, ds, T(-simd.Dot(ds, p)))
	simd.Mul(ds, ds, p)
	if up != nil && a.mode == maskedScores {
		lo, hi := a.sees(batch, row)
		for j := lo; j < hi; j++ {
			if !a.hidden(batch, head, row, j) {
				ds[j] += up[j]
			}
		}
	}
	if a.masked != nil {
		copy(a.masked[((batch*a.q.heads+head)*a.q.rows+row)*a.columns:][:a.columns], ds)
	}
	if up != nil && a.mode == cappedScores {
		simd.AddTo(ds, up)
	}
	if a.softcap > 0 {
		raw := w.raw[i*len(ds) : (i+1)*len(ds)]
		simd.Scale(raw, raw, 1/a.softcap)
		simd.Tanh(raw, raw)
		simd.TanhGrad(ds, ds, raw)
	}
	if up != nil && a.mode == rawScores {
		simd.AddTo(ds, up)
	}
}

// hidden tells whether a mask hides a column from a row.
func (a *attend[T]) hidden(batch, head, row, column int) bool {
	for i := range a.masks {
		m := &a.masks[i]
		if column >= m.columns || m.keep != nil && !m.keep[batch*m.strides[0]+head*m.strides[1]+row*m.strides[2]+column] {
			return true
		}
	}
	return false
}

// gatherRows gives rows of heads from row at on in the order of an input: with three dimensions the heads of a row side by side.
func (h *heads[T]) gatherRows(at, rows, rank int) []T {
	y := make([]T, h.batch*h.heads*rows*h.size)
	to := splitHeads(y, []int{h.batch, h.heads, rows, h.size})
	if rank == 3 {
		to = packedHeads(y, h.batch, rows, h.heads, h.size)
	}
	for b := range h.batch {
		for i := range h.heads {
			for r := range rows {
				copy(to.from(b, i, r)[:h.size], h.from(b, i, at+r))
			}
		}
	}
	return y
}

// wantMask makes room for the gradient of the mask that is input i, where anybody asks for it.
func (a *attendBack[T]) wantMask(b *Back, i int) {
	if i < len(b.In) && b.In[i] != nil && b.In[i].Memory() != value.Bool && b.Wants(i) {
		shape := b.In[i].Shape
		a.columns = shape[len(shape)-1]
		a.masked = make([]T, a.q.batch*a.q.heads*a.q.rows*a.columns)
	}
}

// mask gives input i, a mask, its gradient.
func (a *attendBack[T]) mask(b *Back, i int) {
	if a.masked != nil {
		passNumbers(b, i, a.masked, []int{a.q.batch, a.q.heads, a.q.rows, a.columns})
	}
}

// split gives an input of rows and that of past ones, which stand before them, their gradients. up is that of the whole, where it is an output, or nil.
func (h *heads[T]) split(b *Back, input, past int, up []T) {
	if up != nil {
		simd.AddTo(h.data, up)
	}
	before := h.past(b, past)
	v := b.In[input]
	passNumbers(b, input, h.gatherRows(before, h.rows-before, len(v.Shape)), v.Shape)
}

// past gives the past rows of an input their gradients, and tells how many there are.
func (h *heads[T]) past(b *Back, input int) int {
	if input >= len(b.In) || b.In[input] == nil {
		return 0
	}
	v := b.In[input]
	passNumbers(b, input, h.gatherRows(0, v.Shape[2], 4), v.Shape)
	return v.Shape[2]
}

// Back gives the gradients by query, key, value, a mask of floats and past keys and values.
func (k *attention) Back(b *Back) error {
	return onFloats(b.In[0], func() error { return attentionBack(k, &k.f32, b) }, func() error { return attentionBack(k, &k.f64, b) })
}

func attentionBack[T simd.Float](k *attention, forth *attend[T], b *Back) error {
	a := &attendBack[T]{attend: forth}
	if err := attentionOperands(k, forth, &Call{In: b.In}); err != nil {
		return err
	}
	a.wantMask(b, 3)
	a.upScores = upOf[T](b, 3)
	a.run(b.Up[0])
	passNumbers(b, 0, a.dq.gatherRows(0, a.q.rows, len(b.In[0].Shape)), b.In[0].Shape)
	a.dk.split(b, 1, 4, upOf[T](b, 1))
	a.dv.split(b, 2, 5, upOf[T](b, 2))
	a.mask(b, 3)
	return nil
}

// Back gives the gradients by query, key, value, their biases, what is added to the scores, and past keys and values.
func (k *multiHead) Back(b *Back) error {
	return onFloats(b.In[0], func() error { return multiHeadBack(k, &k.f32, b) }, func() error { return multiHeadBack(k, &k.f64, b) })
}

func multiHeadBack[T simd.Float](k *multiHead, forth *contribution[T], b *Back) error {
	if err := multiHeadOperands(k, forth, &Call{In: b.In}); err != nil {
		return err
	}
	a := &attendBack[T]{attend: &forth.attend}
	a.wantMask(b, 5)
	a.run(b.Up[0])
	passNumbers(b, 0, a.dq.gatherRows(0, a.q.rows, 3), b.In[0].Shape)
	a.dk.split(b, 1, 6, upOf[T](b, 1))
	a.dv.split(b, 2, 7, upOf[T](b, 2))
	if len(b.In) > 3 && b.In[3] != nil && b.Wants(3) {
		a.biases(b)
	}
	a.mask(b, 5)
	return nil
}

// biases gives input 3, the biases of query, key and value, its gradient. Keys and values of four dimensions take none.
func (a *attendBack[T]) biases(b *Back) {
	sums, at := make([]T, b.In[3].Len()), 0
	for i, h := range []*heads[T]{&a.dq, &a.dk, &a.dv} {
		width := h.heads * h.size
		if v := b.In[i]; len(v.Shape) == 3 && v.Len() > 0 {
			rows := v.Shape[1]
			simd.SumRows(sums[at:at+width], h.gatherRows(h.rows-rows, rows, 3), h.batch*rows, width, false)
		}
		at += width
	}
	passNumbers(b, 3, sums, b.In[3].Shape)
}

// Back gives the gradients by the input, the weights, the biases, what is added to the scores, and past keys and values.
func (k *packedAttention) Back(b *Back) error {
	return onFloats(b.In[0], func() error { return packedAttentionBack(k, &k.f32, b) }, func() error { return packedAttentionBack(k, &k.f64, b) })
}

func packedAttentionBack[T simd.Float](k *packedAttention, forth *contribution[T], b *Back) error {
	if err := packedOperands(k, forth, &Call{In: b.In}); err != nil {
		return err
	}
	a := &attendBack[T]{attend: &forth.attend}
	a.wantMask(b, 5)
	a.run(b.Up[0])
	if up := upOf[T](b, 1); up != nil {
		simd.AddTo(a.dk.data, up[:len(up)/2])
		simd.AddTo(a.dv.data, up[len(up)/2:])
	}
	x, w := b.In[0], b.In[1]
	rows, width, columns, at := x.Shape[0]*x.Shape[1], x.Shape[2], w.Shape[1], 0
	all := make([]T, rows*columns) // the gradients of query, key and value side by side
	for _, h := range []*heads[T]{&a.dq, &a.dk, &a.dv} {
		part := h.gatherRows(h.rows-x.Shape[1], x.Shape[1], 3)
		n := h.heads * h.size
		for r := range rows {
			copy(all[r*columns+at:][:n], part[r*n:])
		}
		at += n
	}
	if g, add := b.Over(0); g != nil {
		gemm.Mul(false, true, rows, width, columns, all, columns, value.Data[T](w), columns, betaOf[T](add), value.Data[T](g), width)
	}
	if g, add := b.Over(1); g != nil {
		gemm.Mul(true, false, width, columns, rows, value.Data[T](x), width, all, columns, betaOf[T](add), value.Data[T](g), columns)
	}
	passNumbers(b, 2, all, []int{rows, columns})
	if len(b.In) > 4 && b.In[4] != nil && b.Wants(4) {
		old := b.In[4]
		past := append(a.dk.gatherRows(0, old.Shape[3], 4), a.dv.gatherRows(0, old.Shape[3], 4)...)
		passNumbers(b, 4, past, old.Shape)
	}
	a.mask(b, 5)
	return nil
}
