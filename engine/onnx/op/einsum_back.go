package op

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradients by all operands: each is the sum of products of the result's gradient with the other operands, over the labels that the operand does not have.
func (k *einsum) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	operands, _, labels, err := k.label(&Call{In: b.In})
	if err != nil {
		return err
	}
	empty := b.Up[0].Len() == 0
	for _, t := range operands {
		empty = empty || slices.Contains(t.lengths, 0)
	}
	if empty {
		for i := range operands {
			b.Into(i)
		}
		return nil
	}
	up := labelled{v: b.Up[0], labels: labels}
	for _, l := range labels {
		for _, t := range operands {
			if at := t.find(l); at >= 0 {
				up.lengths = append(up.lengths, t.lengths[at])
				break
			}
		}
	}
	up.stride = stridesOf(nil, up.lengths)
	for i, t := range operands {
		if !b.Wants(i) {
			continue
		}
		others := slices.Concat([]labelled{up}, operands[:i], operands[i+1:])
		from, err := k.product(others, t.labels)
		if err != nil {
			return err
		}
		g := b.Into(i)
		if err := onFloats(g, func() error { addLabelled[float32](g, &t, &from); return nil }, func() error { addLabelled[float64](g, &t, &from); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// product multiplies tensors and sums over the labels that are not to be kept.
func (k *einsum) product(operands []labelled, keep []int) (t labelled, err error) {
	c := &Call{}
	t = operands[0]
	for i, next := range operands[1:] {
		stay := slices.Clone(keep)
		for _, later := range operands[2+i:] {
			stay = append(stay, later.labels...)
		}
		if t, err = k.contract(c, t, next, stay, nil); err != nil {
			return t, err
		}
	}
	return k.reduce(c, t, keep)
}

// addLabelled adds the elements of from to those of g, which lie as those of like do. Labels that from does not have are broadcast.
func addLabelled[T simd.Float](g *value.Value, like, from *labelled) {
	dst, src := value.Data[T](g), value.Data[T](from.v)
	n := len(like.labels)
	strides := make([]int, n)
	for i, l := range like.labels {
		if at := from.find(l); at >= 0 {
			strides[i] = from.stride[at]
		}
	}
	run, to, step := 1, 1, 1
	if n > 0 {
		run, to, step = like.lengths[n-1], like.stride[n-1], strides[n-1]
	}
	for row := range volume(like.lengths) / run {
		at, of := 0, 0
		for i := n - 2; i >= 0; i-- {
			at, of, row = at+row%like.lengths[i]*like.stride[i], of+row%like.lengths[i]*strides[i], row/like.lengths[i]
		}
		if to == 1 && step == 1 {
			simd.AddTo(dst[at:at+run], src[of:of+run])
			continue
		}
		for range run {
			dst[at] += src[of]
			at, of = at+to, of+step
		}
	}
}
