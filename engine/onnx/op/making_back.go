package op

import "github.com/energo-ml/energo/engine/onnx/value"

// Back brings the gradient to the elements that are kept.
func (k *trilu) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return written(b, 0, true, func(to *value.Value) error {
		return k.keep(to, b.Up[0], inputOf(b.In, 1))
	})
}
