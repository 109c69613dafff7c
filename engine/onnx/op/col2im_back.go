package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradient by the blocks: each element takes that of its place in the image.
func (k *col2Im) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g := b.Into(0)
	if g == nil {
		return nil
	}
	s, _, err := k.space(b.In)
	if err != nil {
		return err
	}
	return onFloats(g, func() error { takeBlocks(s, value.Data[float32](g), value.Data[float32](b.Up[0])); return nil },
		func() error { takeBlocks(s, value.Data[float64](g), value.Data[float64](b.Up[0])); return nil })
}

// takeBlocks adds to the blocks dx what lies under them in the image dy.
func takeBlocks[T simd.Float](s *space, dx, dy []T) {
	in, out, kernel := s.volumes()
	inParts(len(dy)/in, in+out*kernel, func(from, to int) {
		for p := from; p < to; p++ {
			blocks, plane := dx[p*kernel*out:][:kernel*out], dy[p*in:][:in]
			s.each(func(y, x, tap int) { blocks[tap*out+y] += plane[x] })
		}
	})
}
