package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradients by query, key, value, the past state, decay and beta. It keeps the state of every step of the heads that are worked on.
func (k *linearAttention) Back(b *Back) error {
	return onFloats(b.In[0], func() error { return linearAttentionBack[float32](k, b) }, func() error { return linearAttentionBack[float64](k, b) })
}

func linearAttentionBack[T simd.Float](k *linearAttention, b *Back) error {
	forth, err := linearOperands[T](k, &Call{In: b.In})
	if err != nil {
		return err
	}
	q, v := &forth.q, &forth.v
	l := &linearBack[T]{
		linearRun: forth, dq: outOf(forth.q), dk: outOf(forth.k), dv: outOf(forth.v),
		dDecay: make([]T, len(forth.decay)), dBeta: make([]T, q.batch*q.rows*k.kvHeads), upState: upOf[T](b, 1),
	}
	if b.Up[0] != nil {
		l.up = packedHeads(value.Data[T](b.Up[0]), q.batch, q.rows, k.heads, v.size)
	}
	if len(b.In) > 3 && b.In[3] != nil {
		l.state = value.Data[T](b.In[3])
	}
	size := q.size * v.size
	l.dState = make([]T, q.batch*k.kvHeads*size)
	copy(l.dState, l.upState)
	inParts(q.batch*k.kvHeads, q.rows*size, func(from, to int) {
		w := linearPlace[T]{states: make([]T, (q.rows+1)*size), faded: make([]T, size), exp: make([]T, q.size), moved: make([]T, v.size), slope: make([]T, v.size)}
		for i := from; i < to; i++ {
			l.head(&w, i/k.kvHeads, i%k.kvHeads)
		}
	})
	for i, h := range []*heads[T]{&l.dq, &l.dk, &l.dv} {
		passNumbers(b, i, h.gatherRows(0, h.rows, 3), b.In[i].Shape)
	}
	if l.state != nil {
		pass(b, 3, l.dState, b.In[3].Shape)
	}
	if k.gated {
		passNumbers(b, 4, l.dDecay, b.In[4].Shape)
	}
	if k.delta {
		passNumbers(b, 5, l.dBeta, []int{q.batch, q.rows, k.kvHeads})
	}
	return nil
}

// linearBack goes back through linear attention.
type linearBack[T simd.Float] struct {
	*linearRun[T]
	up                    heads[T] // the gradient of the result; no data for none
	upState               []T      // that of the last state, nil for none
	dq, dk, dv            heads[T]
	dDecay, dBeta, dState []T // those of decay, of beta for every head, and of the past state
}

// linearPlace is the scratch of a task: the states before each step and after the last, one that a gate has faded, and rows.
type linearPlace[T simd.Float] struct{ states, faded, exp, moved, slope []T }

// head goes back through the steps of a head of keys.
func (l *linearBack[T]) head(w *linearPlace[T], batch, head int) {
	size := l.q.size * l.v.size
	at := (batch*l.kvHeads + head) * size
	clear(w.states[:size])
	if l.state != nil {
		copy(w.states, l.state[at:at+size])
	}
	for t := range l.q.rows {
		next := w.states[(t+1)*size : (t+2)*size]
		copy(next, w.states[t*size:])
		l.step(next, w.exp, w.moved, batch, head, t)
	}
	ds := l.dState[at : at+size]
	for t := l.q.rows - 1; t >= 0; t-- {
		if l.up.data != nil {
			l.results(ds, w.states[(t+1)*size:(t+2)*size], batch, head, t)
		}
		l.stepBack(w, ds, w.states[t*size:(t+1)*size], batch, head, t)
	}
}

// results goes back from y = scale·Sᵀq of a step.
func (l *linearBack[T]) results(ds, state []T, batch, head, t int) {
	width, group := l.v.size, l.heads/l.kvHeads
	for h := head * group; h < (head+1)*group; h++ {
		dy, q, dq := l.up.from(batch, h, t)[:width], l.q.from(batch, h, t), l.dq.from(batch, h, t)[:l.q.size]
		for i := range dq {
			dq[i] = T(float64(l.scale) * simd.Dot(dy, state[i*width:(i+1)*width]))
			simd.AXPY(ds[i*width:(i+1)*width], l.scale*q[i], dy)
		}
	}
}

// stepBack makes of the gradient ds of the state after a step that of the state before.
func (l *linearBack[T]) stepBack(w *linearPlace[T], ds, before []T, batch, head, t int) {
	width, step := l.v.size, batch*l.q.rows+t
	key, v := l.k.from(batch, head, t)[:l.q.size], l.v.from(batch, head, t)[:width]
	dk, dv := l.dk.from(batch, head, t)[:l.q.size], l.dv.from(batch, head, t)[:width]
	copy(w.faded, before)
	if l.gated {
		l.fade(w.faded, w.exp, step, head)
	}
	copy(w.moved, v)
	beta := T(1)
	if l.delta {
		l.differ(w.moved, w.faded, key, v)
		beta = l.beta[step*l.betas+min(head, l.betas-1)]
	}
	clear(w.slope) // of what k is multiplied with
	for i, e := range key {
		row := ds[i*width : (i+1)*width]
		dk[i] = T(float64(beta) * simd.Dot(row, w.moved))
		simd.AXPY(w.slope, e, row)
	}
	if l.delta {
		l.dBeta[step*l.kvHeads+head] = T(simd.Dot(w.slope, w.moved))
		simd.Scale(w.slope, w.slope, beta)
		for i, e := range key {
			dk[i] -= T(simd.Dot(w.slope, w.faded[i*width:(i+1)*width]))
			simd.AXPY(ds[i*width:(i+1)*width], -e, w.slope)
		}
	}
	copy(dv, w.slope)
	if !l.gated {
		return
	}
	if l.decays == l.kvHeads {
		l.dDecay[step*l.decays+head] = T(simd.Dot(ds, w.faded))
		simd.Scale(ds, ds, w.exp[0])
		return
	}
	for i := range key {
		row := ds[i*width : (i+1)*width]
		l.dDecay[step*l.decays+head*l.q.size+i] = T(simd.Dot(row, w.faded[i*width:(i+1)*width]))
		simd.Scale(row, row, w.exp[i])
	}
}
