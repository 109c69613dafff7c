package pair

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// Memory keeps the embeddings of the latest samples and their labels, those of batches
// before among them, so that a batch can be compared with more than itself: cross-batch
// memory. When it is full, new ones take the place of the oldest.
//
// The embeddings are as they were when they were put in. A loss that compares a batch with
// the memory should be evaluated before the batch is put in, or it meets each sample's like.
//
// Source: [wang2020xbm].
type Memory[T tensor.Float] struct {
	dim        int
	embeddings []T
	labels     []T
	place      []T // the next place to write, and how many are filled
	ints       []int
}

// NewMemory returns an empty memory for size embeddings of dim coordinates.
//
// Errors: size outside [1, 2²⁴]; dim below 1; more than [MaxMemory] coordinates in all.
func NewMemory[T tensor.Float](size, dim int) (*Memory[T], error) {
	if size < 1 || size > maxWhole {
		return nil, fmt.Errorf("pair: Memory: size is %d; it must be from 1 to %d", size, maxWhole)
	}
	if dim < 1 {
		return nil, fmt.Errorf("pair: Memory: dim is %d; it must be at least 1", dim)
	}
	if dim > MaxMemory/size {
		return nil, fmt.Errorf("pair: Memory: size is %d and dim %d; there must be at most %d coordinates in all", size, dim, MaxMemory)
	}
	return &Memory[T]{
		dim: dim, embeddings: make([]T, size*dim), labels: make([]T, size), place: make([]T, 2), ints: make([]int, size),
	}, nil
}

// MaxMemory is how many coordinates a memory may hold, of all embeddings together.
const MaxMemory = 1 << 26

// maxWhole is up to where float32 holds every whole number.
const maxWhole = 1 << 24

// Put puts a batch in: of more than the memory holds, the last. Nothing is put in with an
// error.
//
// Errors: lengths that do not fit; labels outside ±2²⁴; an embedding that is not finite;
// a place in the state that Check refuses.
func (m *Memory[T]) Put(embeddings []T, labels []int) error {
	if err := m.checkPlace(); err != nil {
		return err
	}
	if len(embeddings) != len(labels)*m.dim {
		return fmt.Errorf("pair: Memory: embeddings has %d elements; it must have %d, %d for each of %d labels", len(embeddings), len(labels)*m.dim, m.dim, len(labels))
	}
	for i, l := range labels {
		if l < -maxWhole || l > maxWhole {
			return fmt.Errorf("pair: Memory: labels[%d] is %d; it must be from %d to %d", i, l, -maxWhole, maxWhole)
		}
	}
	if err := finite("Memory: embeddings", embeddings); err != nil {
		return err
	}
	if extra := len(labels) - len(m.labels); extra > 0 {
		embeddings, labels = embeddings[extra*m.dim:], labels[extra:]
	}
	next := int(m.place[0])
	for i, l := range labels {
		copy(m.embeddings[next*m.dim:][:m.dim], embeddings[i*m.dim:])
		m.labels[next] = T(l)
		next = (next + 1) % len(m.labels)
	}
	m.place[0], m.place[1] = T(next), T(min(m.Len()+len(labels), len(m.labels)))
	return nil
}

// Len returns how many embeddings there are.
func (m *Memory[T]) Len() int { return int(m.place[1]) }

// Embeddings returns the rows themselves, in no order that means anything: they change
// with the next Put.
func (m *Memory[T]) Embeddings() []T { return m.embeddings[:m.Len()*m.dim] }

// Labels returns the labels of Embeddings, until the next call.
func (m *Memory[T]) Labels() []int {
	for i, l := range m.labels[:m.Len()] {
		m.ints[i] = int(l)
	}
	return m.ints[:m.Len()]
}

// State returns the memory's own slices, so that checkpoints can hold them: the embeddings,
// [size, dim], the labels, [size], and the place of the next one with the number filled,
// [2]. What is written into them is the memory's state; Check holds it to what may be.
func (m *Memory[T]) State() (embeddings, labels, place []T) {
	return m.embeddings, m.labels, m.place
}

// Check refuses a state that Put cannot have left.
func (m *Memory[T]) Check() error {
	if err := m.checkPlace(); err != nil {
		return err
	}
	for i, l := range m.labels[:m.Len()] {
		if !(l >= -maxWhole && l <= maxWhole) || l != T(int(l)) {
			return fmt.Errorf("pair: Memory: labels[%d] is %v; it must be a whole number from %d to %d", i, l, -maxWhole, maxWhole)
		}
	}
	return finite("Memory: embeddings", m.Embeddings())
}

func (m *Memory[T]) checkPlace() error {
	next, filled, size := m.place[0], m.place[1], T(len(m.labels))
	if !(filled >= 0 && filled <= size) || filled != T(int(filled)) {
		return fmt.Errorf("pair: Memory: the number filled is %v; it must be a whole number from 0 to %v", filled, size)
	}
	if !(next >= 0 && next < size) || next != T(int(next)) || (filled < size && next != filled) {
		return fmt.Errorf("pair: Memory: the next place is %v; it must be a whole number below %v, and the number filled until that is %v", next, size, size)
	}
	return nil
}

// finite refuses a value that is not.
func finite[T tensor.Float](what string, x []T) error {
	if !simd.HasNonFinite(x) {
		return nil
	}
	for i, v := range x {
		if v-v != 0 {
			return fmt.Errorf("pair: %s[%d] is %v; it must be finite", what, i, v)
		}
	}
	return nil
}
