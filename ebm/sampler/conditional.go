package sampler

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
)

// Conditional is the density of some coordinates given all others: as a Target over
// points of len(Free) numbers, the energy of whole points that have them at the places
// Free and keep their own numbers elsewhere. Sampling from it fills in what is missing,
// such as the covered half of a picture.
type Conditional[T tensor.Float] struct {
	whole Target[T]
	y     []T // [N, Dim of whole]
	free  []int
	grad  []T
}

// NewConditional returns the conditional density of the coordinates free given the other
// ones of y [N, target.Dim()], which is copied. Its chains are N, one for each row.
func NewConditional[T tensor.Float](target Target[T], y []T, free []int) (*Conditional[T], error) {
	d := target.Dim()
	if len(y) == 0 || len(y)%d != 0 {
		return nil, fmt.Errorf("sampler: %d numbers are not points of %d", len(y), d)
	}
	if len(free) == 0 {
		return nil, fmt.Errorf("sampler: no coordinate is free")
	}
	for i, k := range free {
		if k < 0 || k >= d {
			return nil, fmt.Errorf("sampler: free[%d] is %d; it must be from 0 to %d", i, k, d-1)
		}
	}
	return &Conditional[T]{whole: target, y: append([]T(nil), y...), free: append([]int(nil), free...)}, nil
}

// Dim implements Target.
func (c *Conditional[T]) Dim() int { return len(c.free) }

// Energies implements Target, for all N rows at once.
func (c *Conditional[T]) Energies(energy []float64, grad, part []T) {
	d, k := c.whole.Dim(), len(c.free)
	if len(energy)*d != len(c.y) {
		panic(fmt.Sprintf("sampler: Conditional: %d chains for %d points", len(energy), len(c.y)/d))
	}
	c.Whole(part)
	if grad == nil {
		c.whole.Energies(energy, nil, c.y)
		return
	}
	c.grad = scratch.Sized(c.grad, len(c.y))
	c.whole.Energies(energy, c.grad, c.y)
	for i := range energy {
		for j, at := range c.free {
			grad[i*k+j] = c.grad[i*d+at]
		}
	}
}

// Part copies the free coordinates of whole points to part [N, Dim].
func (c *Conditional[T]) Part(part, whole []T) {
	d, k := c.whole.Dim(), len(c.free)
	for i := range len(whole) / d {
		for j, at := range c.free {
			part[i*k+j] = whole[i*d+at]
		}
	}
}

// Whole returns the whole points [N, Dim of the whole] whose free coordinates are part; it
// shares their memory with the next call and with Energies.
func (c *Conditional[T]) Whole(part []T) []T {
	d, k := c.whole.Dim(), len(c.free)
	for i := range len(c.y) / d {
		for j, at := range c.free {
			c.y[i*d+at] = part[i*k+j]
		}
	}
	return c.y
}
