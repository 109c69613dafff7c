package onnx

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// pool keeps the memory of results from one step, and one run, to the next. A model's steps ask for the same sizes in the same order each time, so
// that a warm run finds all it needs.
type pool struct {
	free  []*chunk // by size
	owned map[unsafe.Pointer]*chunk
}

// chunk is memory that as many values share as refs counts.
type chunk struct {
	mem  unsafe.Pointer
	size int
	refs int
}

func newPool() *pool { return &pool{owned: map[unsafe.Pointer]*chunk{}} }

// take gives memory for size bytes, which holds anything: the smallest that is free and large enough, but for one of more than twice the size, which
// a larger result may need.
func (p *pool) take(size int) *chunk {
	size = (size + 63) &^ 63
	i, _ := slices.BinarySearchFunc(p.free, size, func(c *chunk, size int) int { return cmp.Compare(c.size, size) })
	var c *chunk
	if i < len(p.free) && p.free[i].size <= 2*size {
		c = p.free[i]
		p.free = slices.Delete(p.free, i, i+1)
	} else {
		c = &chunk{mem: value.Chunk(size), size: size}
	}
	c.refs = 1
	p.owned[c.mem] = c
	return c
}

// share notes another user of the memory of v; nil where it is not the pool's.
func (p *pool) share(v *value.Value) *chunk {
	c := p.owned[v.Pointer()]
	if c != nil {
		c.refs++
	}
	return c
}

// release ends the use of a chunk by one value.
func (p *pool) release(c *chunk) {
	if c == nil {
		return
	}
	if c.refs--; c.refs > 0 {
		return
	}
	delete(p.owned, c.mem)
	i, _ := slices.BinarySearchFunc(p.free, c.size, func(c *chunk, size int) int { return cmp.Compare(c.size, size) })
	p.free = slices.Insert(p.free, i, c)
}
