package op

import "github.com/energo-ml/energo/engine/onnx/value"

// Back brings to each input its part of the gradient.
func (k *concat) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	axis, err := axisWithin(k.axis, len(up.Shape))
	if err != nil {
		return err
	}
	outer, inner := insideOut(up.Shape, axis)
	row, at := up.Shape[axis]*inner, 0
	for i, v := range b.In {
		n := v.Shape[axis] * inner
		err := written(b, i, true, func(to *value.Value) error {
			k.region.reset()
			k.region.add(outer, n, row)
			k.region.add(n, 1, 1)
			k.region.copy(to, 0, up, at)
			return nil
		})
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

// Back puts the gradients of the parts together.
func (k *split) Back(b *Back) error {
	x := b.In[0]
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	sizes, err := k.cut(x.Shape[axis], inputOf(b.In, 1))
	if err != nil {
		return err
	}
	any, all := false, len(b.Up) == len(sizes)
	for _, up := range b.Up {
		any, all = any || up != nil, all && up != nil
	}
	if !any {
		return nil
	}
	outer, inner := insideOut(x.Shape, axis)
	return written(b, 0, all, func(to *value.Value) error {
		at := 0
		for i, up := range b.Up {
			n := sizes[i] * inner
			if up != nil {
				k.region.reset()
				k.region.add(outer, x.Shape[axis]*inner, n)
				k.region.add(n, 1, 1)
				k.region.copy(to, at, up, 0)
			}
			at += n
		}
		return nil
	})
}
