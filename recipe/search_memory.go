package recipe

import (
	"math"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/pair"
	"github.com/energo-ml/energo/tensor"
)

// batchMemory has a batch compared not only with itself but with the vectors of batches before, as
// they were then. Their loss is added to the batch's once the memory is full: until then the vectors change too fast for
// old ones to say anything.
type batchMemory struct {
	*pair.Memory[float32]
	size  int
	eval  func(b metricBatch) (float64, error)
	extra []float32 // the gradient of the part against the memory
}

func newBatchMemory(size, dim int, eval func(b metricBatch) (float64, error)) (*batchMemory, error) {
	m, err := pair.NewMemory[float32](size, dim)
	return &batchMemory{Memory: m, size: size, eval: eval}, err
}

// loss evaluates a batch by itself and against the memory, and puts it in.
func (m *batchMemory) loss(b metricBatch) (float64, error) {
	sum, err := m.eval(b)
	if err != nil {
		return 0, err
	}
	if m.Len() == m.size {
		old := b
		m.extra = append(m.extra[:0], b.dx...)
		old.refs, old.refLabels, old.dx = m.Embeddings(), m.Labels(), m.extra
		more, err := m.eval(old)
		if err != nil {
			return 0, err
		}
		sum += more
		simd.AddTo(b.dx, m.extra)
	}
	if math.IsNaN(sum) { // the step will be taken back
		return sum, nil
	}
	return sum, m.Put(b.x, b.labels)
}

// state is what checkpoints hold.
func (m *batchMemory) state() []tensor.Named {
	vectors, labels, place := m.State()
	var all []tensor.Named
	for _, s := range []struct {
		name  string
		data  []float32
		shape []int
	}{
		{"memory.vectors", vectors, []int{m.size, len(vectors) / m.size}},
		{"memory.labels", labels, []int{m.size}},
		{"memory.place", place, []int{len(place)}},
	} {
		t, err := tensor.FromFloat32(s.data, s.shape...)
		if err != nil {
			panic(err) // the shapes are the slices' own
		}
		all = append(all, tensor.Named{Name: s.name, Tensor: t})
	}
	return all
}
