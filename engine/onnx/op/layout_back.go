package op

import "github.com/energo-ml/energo/engine/onnx/value"

// Back brings each gradient to the element that went there.
func (k *transpose) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	k.order(len(up.Shape))
	return written(b, 0, true, func(to *value.Value) error {
		k.region.transposeBack(to, up, to.Shape, k.perm)
		return nil
	})
}

// Back brings each gradient to the element that went there.
func (k *blocks) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	return written(b, 0, true, func(to *value.Value) error {
		view, _, err := k.views(to)
		if err != nil {
			return err
		}
		k.region.transposeBack(to, up, view, k.perm)
		return nil
	})
}

// Back reverses the gradients as Run reverses the elements.
func (k *reverseSequence) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	lengths, err := listOf(b.In[1], "the lengths")
	if err != nil {
		return err
	}
	return written(b, 0, true, func(to *value.Value) error {
		k.turn(to, up, lengths)
		return nil
	})
}
