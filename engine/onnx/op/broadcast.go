package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// broadcastShape is numpy's rule: shapes are aligned at the end, and a dimension of 1, or one that is missing, stretches.
func broadcastShape(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
		for _, s := range shapes {
			j := i - (rank - len(s))
			if j < 0 || s[j] == 1 || s[j] == out[i] {
				continue
			}
			if out[i] != 1 {
				return nil, fmt.Errorf("shapes %v do not broadcast: dimension %d is %d and %d", shapes, i, out[i], s[j])
			}
			out[i] = s[j]
		}
	}
	return out, nil
}

// pairShape keeps the shape that the two operands it saw last broadcast to.
type pairShape struct{ a, b, out []int }

func (p *pairShape) of(a, b []int) ([]int, error) {
	if p.out != nil && slices.Equal(p.a, a) && slices.Equal(p.b, b) {
		return p.out, nil
	}
	out, err := broadcastShape(a, b)
	if err != nil {
		return nil, err
	}
	p.a, p.b, p.out = slices.Clone(a), slices.Clone(b), out
	return out, nil
}

// walk cuts an elementwise operation over broadcast operands into runs: stretches of the output, contiguous, along which each operand either goes with it or stays.
type walk struct {
	run     int     // the length of a run
	outer   []int   // the dimensions above
	strides [][]int // of each operand, along outer
	moves   []bool  // whether an operand goes along a run
	cuts    int     // the tasks of one run, or 1
	group   int     // the runs of one task, or 1
}

// piece is how many elements of an elementwise operation are one task. How the work is cut follows from the shapes alone.
const piece = 16 << 10

// newWalk plans the runs of an output shape for operands of given shapes, which broadcast to it.
func newWalk(out []int, operands ...[]int) *walk {
	// Dimensions that all operands either have or lack are merged with their right neighbour.
	var dims []int
	var has [][]bool
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] == 1 {
			continue
		}
		row := make([]bool, len(operands))
		for k, s := range operands {
			j := i - (len(out) - len(s))
			row[k] = j >= 0 && s[j] != 1
		}
		if n := len(dims); n > 0 && slices.Equal(has[n-1], row) {
			dims[n-1] *= out[i]
			continue
		}
		dims, has = append(dims, out[i]), append(has, row)
	}
	w := &walk{run: 1, moves: make([]bool, len(operands)), strides: make([][]int, len(operands))}
	if len(dims) > 0 {
		w.run, w.moves = dims[0], has[0]
	}
	for k := range operands {
		stride := 1
		if w.moves[k] {
			stride = w.run
		}
		for i := 1; i < len(dims); i++ {
			if has[i][k] {
				w.strides[k] = append(w.strides[k], stride)
				stride *= dims[i]
			} else {
				w.strides[k] = append(w.strides[k], 0)
			}
		}
	}
	if len(dims) > 1 {
		w.outer = dims[1:]
	}
	w.cuts, w.group = max(1, (w.run+piece-1)/piece), max(1, piece/max(w.run, 1))
	return w
}

// tasks is the number of tasks that the work is cut into.
func (w *walk) tasks() int {
	if w.cuts > 1 {
		return w.runs() * w.cuts
	}
	return (w.runs() + w.group - 1) / w.group
}

// task gives the runs of task i, from first to before end, and the part of each, from lo to before hi.
func (w *walk) task(i int) (first, end, lo, hi int) {
	if w.cuts > 1 {
		lo = i % w.cuts * piece
		return i / w.cuts, i/w.cuts + 1, lo, min(lo+piece, w.run)
	}
	return i * w.group, min((i+1)*w.group, w.runs()), 0, w.run
}

// span is where the elements lo to before hi of operand k's run i lie.
func (w *walk) span(k, i, lo, hi int) (from, to int) {
	at := w.offset(k, i)
	if w.moves[k] {
		return at + lo, at + hi
	}
	return at, at + 1
}

// walker keeps the walk of the shapes that it saw last.
type walker struct {
	shapes [][]int
	walk   *walk
}

// over gives the walk of an output over its operands.
func (k *walker) over(out *value.Value, operands ...*value.Value) *walk {
	same := len(k.shapes) == 1+len(operands) && slices.Equal(k.shapes[0], out.Shape)
	for i := 0; same && i < len(operands); i++ {
		same = slices.Equal(k.shapes[i+1], operands[i].Shape)
	}
	if same {
		return k.walk
	}
	k.shapes = [][]int{slices.Clone(out.Shape)}
	for _, v := range operands {
		k.shapes = append(k.shapes, slices.Clone(v.Shape))
	}
	k.walk = newWalk(out.Shape, k.shapes[1:]...)
	return k.walk
}

// runs is the number of runs.
func (w *walk) runs() int {
	n := 1
	for _, d := range w.outer {
		n *= d
	}
	return n
}

// offset is where operand k begins in run i.
func (w *walk) offset(k, i int) int {
	if len(w.outer) == 1 {
		return i * w.strides[k][0]
	}
	at := 0
	for j, d := range w.outer {
		at += i % d * w.strides[k][j]
		i /= d
	}
	return at
}

// zipped computes an output from two operands that broadcast to its shape. out may be the first operand.
type zipped interface {
	zip(out, a, b *value.Value)
}

// zipper computes f over two broadcast operands. f gets a part of a run: n elements of dst, and of each operand as many, or one that stands for all.
type zipper[A, B, R value.Element] struct {
	f   func(dst []R, a []A, b []B)
	dst []R
	a   []A
	b   []B
	walker
}

func (z *zipper[A, B, R]) zip(out, a, b *value.Value) {
	if out.Len() == 0 {
		return
	}
	z.dst, z.a, z.b = value.Data[R](out), value.Data[A](a), value.Data[B](b)
	simd.Run(z.over(out, a, b).tasks(), z)
	z.dst, z.a, z.b = nil, nil, nil
}

// Do computes a task.
func (z *zipper[A, B, R]) Do(task, _ int) {
	w := z.walk
	first, end, lo, hi := w.task(task)
	for i := first; i < end; i++ {
		a, aEnd := w.span(0, i, lo, hi)
		b, bEnd := w.span(1, i, lo, hi)
		z.f(z.dst[i*w.run+lo:i*w.run+hi], z.a[a:aEnd], z.b[b:bEnd])
	}
}

// pairwise makes a run's function of one of two elements.
func pairwise[A, B, R value.Element](f func(a A, b B) R) func(dst []R, a []A, b []B) {
	return func(dst []R, a []A, b []B) {
		switch {
		case len(a) == len(dst) && len(b) == len(dst):
			for i := range dst {
				dst[i] = f(a[i], b[i])
			}
		case len(a) == len(dst):
			for i := range dst {
				dst[i] = f(a[i], b[0])
			}
		case len(b) == len(dst):
			for i := range dst {
				dst[i] = f(a[0], b[i])
			}
		default:
			e := f(a[0], b[0])
			for i := range dst {
				dst[i] = e
			}
		}
	}
}
