package sampler

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
)

// Buffer is a replay buffer: chains that continue from where earlier steps of training left
// them, some of them started afresh.
//
// Source: [tieleman2008] for chains that persist, [du2019] for the buffer.
type Buffer[T tensor.Float] struct {
	Y       []T // [size, Dim]; to be saved with a checkpoint
	Dim     int
	Restart float64 // fraction of the chains that Take starts afresh

	taken []bool // scratch
}

// NewBuffer returns a buffer of size chains that fresh starts.
func NewBuffer[T tensor.Float](size, dim int, restart float64, fresh func(y []T)) (*Buffer[T], error) {
	if size < 1 || dim < 1 || !(restart >= 0 && restart <= 1) {
		return nil, fmt.Errorf("sampler: a buffer of %d chains of %d numbers with %v started afresh; want at least 1, 1, and a fraction", size, dim, restart)
	}
	b := &Buffer[T]{Y: make([]T, size*dim), Dim: dim, Restart: restart}
	fresh(b.Y)
	return b, nil
}

// Len returns the number of chains.
func (b *Buffer[T]) Len() int { return len(b.Y) / b.Dim }

// Take copies len(at) chains of the buffer, no two the same unless there are too few, to y
// [len(at), Dim] and their places to at; those that start afresh are fresh's.
func (b *Buffer[T]) Take(rng *rand.Rand, y []T, at []int, fresh func(y []T)) {
	n := b.Len()
	b.taken = scratch.Sized(b.taken, n)
	clear(b.taken)
	for i := range at {
		place := rng.IntN(n)
		for len(at) <= n && b.taken[place] {
			place = rng.IntN(n)
		}
		b.taken[place] = true
		at[i] = place
		row := y[i*b.Dim : (i+1)*b.Dim]
		if rng.Float64() < b.Restart {
			fresh(row)
			continue
		}
		copy(row, b.Y[place*b.Dim:(place+1)*b.Dim])
	}
}

// Put stores the chains of a state where Take read them. One whose position, energy or slope is
// not finite is left out: the buffer keeps what it had.
func (b *Buffer[T]) Put(s *State[T], at []int) {
	for i, place := range at {
		if s.Finite(i) {
			copy(b.Y[place*b.Dim:(place+1)*b.Dim], s.Row(i))
		}
	}
}
