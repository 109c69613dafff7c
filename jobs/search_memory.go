package jobs

import (
	"errors"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/train"
)

// batchMemory has a batch compared not only with itself but with the vectors of batches before, as
// they were then. Their loss is added to the batch's once the memory is full: until then the vectors change too fast for
// old ones to say anything.
type batchMemory struct {
	*pair.Memory[float32]
	size    int
	eval    func(b metricBatch) (float64, error)
	extra   []float32 // the gradient of the part against the memory
	checked bool      // what a checkpoint has put in
}

func newBatchMemory(size, dim int, eval func(b metricBatch) (float64, error)) (*batchMemory, error) {
	m, err := pair.NewMemory[float32](size, dim)
	return &batchMemory{Memory: m, size: size, eval: eval}, err
}

// loss evaluates a batch by itself and against the memory, and puts it in.
func (m *batchMemory) loss(b metricBatch) (float64, error) {
	if !m.checked {
		if err := m.Check(); err != nil {
			return 0, err
		}
		m.checked = true
	}
	sum, err := m.eval(b)
	nothing := errors.Is(err, train.ErrNothing)
	if err != nil && !nothing {
		return 0, err
	}
	if m.Len() == m.size {
		old := b
		m.extra = append(m.extra[:0], b.dx...)
		old.refs, old.refLabels, old.dx = m.Embeddings(), m.Labels(), m.extra
		switch more, err := m.eval(old); {
		case err == nil:
			nothing = false
			sum += more
			simd.AddTo(b.dx, m.extra)
		case !errors.Is(err, train.ErrNothing):
			return 0, err
		}
	}
	if sum-sum != 0 { // not finite: the step will be taken back
		return sum, nil
	}
	if err := m.Put(b.x, b.labels); err != nil {
		return 0, err
	}
	if nothing {
		return 0, train.ErrNothing
	}
	return sum, nil
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
