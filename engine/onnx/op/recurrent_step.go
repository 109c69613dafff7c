package op

import (
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// stepJob is a step of a direction.
type stepJob[T simd.Float] struct {
	s      *lanes[T]
	k      *recurrent
	l      *lane[T]
	d, t   int
	gates  []T // of the step, the input's part
	y      []T // nil: the states are not asked for
	tasks  int
	second bool // GRU: the third gate, whose state the second scales first
}

// stepWork is the number of multiplications from which a step is worth a task.
const stepWork = 1 << 16

// ready prepares l for the steps of direction d.
func (l *lane[T]) ready(s *lanes[T], k *recurrent, d int) {
	gates := k.cell.gates()
	l.next = scratch.Sized(l.next, s.batch*s.hidden)
	if k.cell == gruCell {
		l.spare = scratch.Sized(l.spare, s.batch*gates*s.hidden)
	}
	panels := (s.hidden + l.r[0].Width() - 1) / l.r[0].Width()
	// What a unit computes does not depend on the cut, so that is by cores: of few units a task, the calls for short rows cost more than they compute.
	tasks := max(1, min(panels, simd.Threads(), s.batch*gates*s.hidden*s.hidden/stepWork))
	l.job = stepJob[T]{s: s, k: k, l: l, d: d, tasks: tasks}
}

// step moves the state of the direction on by step t.
func (l *lane[T]) step(t int, gates, y []T) {
	j := &l.job
	j.t, j.gates, j.y, j.second = t, gates, y, false
	simd.Run(j.tasks, j)
	if j.k.cell == gruCell && !j.k.linearBeforeReset {
		j.second = true
		simd.Run(j.tasks, j)
	}
	l.h, l.next = l.next, l.h
}

// Do computes some units of all sequences.
func (j *stepJob[T]) Do(task, _ int) {
	n, width := j.s.hidden, j.l.r[0].Width()
	panels := (n + width - 1) / width
	lo, hi := panels*task/j.tasks*width, min(n, panels*(task+1)/j.tasks*width)
	switch {
	case j.k.cell != gruCell:
		for g := range j.k.cell.gates() {
			j.product(g, lo, hi, j.l.h, j.gates)
		}
		j.finish(lo, hi)
	case j.k.linearBeforeReset:
		j.product(0, lo, hi, j.l.h, j.gates)
		j.product(1, lo, hi, j.l.h, j.gates)
		for b := range j.s.batch {
			copy(j.l.spare[b*3*n+2*n:][lo:hi], j.l.late[lo:hi])
		}
		j.product(2, lo, hi, j.l.h, j.l.spare)
		j.resets(lo, hi)
		j.finish(lo, hi)
	case !j.second:
		j.product(0, lo, hi, j.l.h, j.gates)
		j.product(1, lo, hi, j.l.h, j.gates)
		j.resets(lo, hi)
	default:
		j.product(2, lo, hi, j.l.spare, j.gates)
		j.finish(lo, hi)
	}
}

// product adds that of a state with the weights of gate g, whose results stand in [batch, gates·hidden].
func (j *stepJob[T]) product(g, lo, hi int, state, to []T) {
	n := j.s.hidden
	j.l.r[g].AddColumns(j.s.batch, state, n, lo, hi, to[g*n:], j.k.cell.gates()*n)
}

// resets computes units of the gates z and r of GRU, and what r scales: the state's part of the third gate, which is added to it, or the state.
func (j *stepJob[T]) resets(lo, hi int) {
	l, n := j.l, j.s.hidden
	for b := range j.s.batch {
		g := j.gates[b*3*n : (b+1)*3*n]
		z, r := g[lo:hi], g[n+lo:n+hi]
		activate(j.k.functions[j.d][0], z, j.k.clip)
		activate(j.k.functions[j.d][0], r, j.k.clip)
		if j.k.linearBeforeReset {
			simd.MulAdd(g[2*n+lo:2*n+hi], r, l.spare[b*3*n+2*n:][lo:hi])
		} else {
			simd.Mul(l.spare[b*n:][lo:hi], r, l.h[b*n:][lo:hi])
		}
	}
}

// finish computes units of the new state from the gates, and writes them.
func (j *stepJob[T]) finish(lo, hi int) {
	k, l, n := j.k, j.l, j.s.hidden
	all := k.cell.gates() * n
	f := k.functions[j.d]
	for b := range j.s.batch {
		old, h := l.h[b*n+lo:b*n+hi], l.next[b*n+lo:b*n+hi]
		if j.s.over(j.t, b) {
			copy(h, old)
			j.write(b, lo, hi, nil)
			continue
		}
		g := j.gates[b*all : (b+1)*all]
		switch k.cell {
		case lstmCell:
			l.lstm(k, f, g, lo, hi, h, l.c[b*n+lo:b*n+hi])
		case gruCell:
			z, candidate := g[lo:hi], g[2*n+lo:2*n+hi]
			activate(f[1], candidate, k.clip)
			simd.Sub(h, old, candidate) // (1 − z)·candidate + z·h
			simd.Mul(h, h, z)
			simd.Add(h, h, candidate)
		case rnnCell:
			activate(f[0], g[lo:hi], k.clip)
			copy(h, g[lo:hi])
		}
		j.write(b, lo, hi, h)
	}
}

// write puts units of the state of sequence b into the output; nil is behind its end.
func (j *stepJob[T]) write(b, lo, hi int, h []T) {
	if j.y == nil {
		return
	}
	s, directions := j.s, len(j.k.reverse)
	at := ((j.t*directions+j.d)*s.batch + b) * s.hidden
	if j.k.batchFirst {
		at = ((b*s.steps+j.t)*directions + j.d) * s.hidden
	}
	if h == nil {
		clear(j.y[at+lo : at+hi])
	} else {
		copy(j.y[at+lo:], h)
	}
}

// lstm is one step of some units of one sequence, with gates i, o, f, c.
func (l *lane[T]) lstm(k *recurrent, f []gateFunction, g []T, lo, hi int, h, c []T) {
	n := len(g) / 4
	i, o, forget, candidate := g[lo:hi], g[n+lo:n+hi], g[2*n+lo:2*n+hi], g[3*n+lo:3*n+hi]
	if p := l.peephole; p != nil {
		simd.MulAdd(i, p[lo:hi], c)
		simd.MulAdd(forget, p[2*n+lo:2*n+hi], c)
	}
	activate(f[1], candidate, k.clip)
	activate(f[0], i, k.clip)
	activate(f[0], forget, k.clip)
	if k.coupled {
		simd.Scale(forget, i, -1)
		simd.AddScalar(forget, forget, 1)
	}
	simd.Mul(c, c, forget)
	simd.MulAdd(c, i, candidate)
	if p := l.peephole; p != nil {
		simd.MulAdd(o, p[n+lo:n+hi], c)
	}
	activate(f[0], o, k.clip)
	copy(h, c)
	activate(f[2], h, 0)
	simd.Mul(h, h, o)
}
