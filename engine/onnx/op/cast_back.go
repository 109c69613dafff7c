package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Still tells that a cast to another type than one of floats stands still. Whether CastLike's does is seen when it runs.
func (k *cast) Still() bool {
	m := value.MemoryOf(k.to)
	return !k.like && m != value.F32 && m != value.F64
}

// Back brings the gradient to the input, as if the cast did not round.
func (k *cast) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	return deliverAs(g, b.Up[0], add)
}

// deliverAs writes floats to a gradient of floats of either type, or adds them.
func deliverAs(g, up *value.Value, add bool) error {
	return onFloats(g, func() error { return deliverTo[float32](g, up, add) }, func() error { return deliverTo[float64](g, up, add) })
}

func deliverTo[T simd.Float](g, up *value.Value, add bool) error {
	src, err := floatsAs[T](up)
	if err == nil {
		deliver(value.Data[T](g), src, add)
	}
	return err
}
