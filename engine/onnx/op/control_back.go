package op

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back implements Differentiable: through the branch that ran.
func (k *branch) Back(b *Back) error {
	_, err := b.Rounds[0].Back(b.Up)
	return err
}

// Back implements Differentiable: through the rounds, from the last to the first.
func (k *loop) Back(b *Back) error {
	carried := slices.Clone(b.Up[:min(k.carried, len(b.Up))])
	for len(carried) < k.carried {
		carried = append(carried, nil)
	}
	for i, round := range slices.Backward(b.Rounds) {
		up := append([]*value.Value{nil}, carried...)
		for j := k.carried; j < k.body.Outputs()-1; j++ {
			var row *value.Value
			if j < len(b.Up) && b.Up[j] != nil {
				row = rowOf(b.Up[j], i)
			}
			up = append(up, row)
		}
		in, err := round.Back(up)
		if err != nil {
			return err
		}
		carried = in[2:]
	}
	for i, g := range carried {
		if err := b.add(2+i, g); err != nil {
			return err
		}
	}
	return nil
}

// rowOf is a view of what stands at place i of the first axis.
func rowOf(v *value.Value, i int) *value.Value {
	row := new(value.Value)
	row.Part(v, i*volume(v.Shape[1:]), v.Shape[1:]...)
	return row
}

// add adds to the gradient of input i.
func (b *Back) add(i int, g *value.Value) error {
	if g == nil || !b.Wants(i) {
		return nil
	}
	sum, add := b.Over(i)
	return deliverAs(sum, g, add)
}

// Back implements Differentiable: through the steps, from the last to the first.
func (k *scan) Back(b *Back) error {
	states := slices.Clone(b.Up[:min(k.states, len(b.Up))])
	for len(states) < k.states {
		states = append(states, nil)
	}
	steps := len(b.Rounds)
	for t, round := range slices.Backward(b.Rounds) {
		up := slices.Clone(states)
		for i := range k.outputs {
			g, err := k.reached(b, i, t, steps)
			if err != nil {
				return err
			}
			up = append(up, g)
		}
		in, err := round.Back(up)
		if err != nil {
			return err
		}
		states = in[:k.states]
		for i, g := range in[k.states:] {
			if g == nil || !b.Wants(k.states+i) {
				continue
			}
			axis, err := axisWithin(k.inAxes[i], len(g.Shape)+1)
			if err != nil {
				return err
			}
			addAt(b.Into(k.states+i), axis, turned(k.inBack[i], t, steps), g)
		}
	}
	for i, g := range states {
		if err := b.add(i, g); err != nil {
			return err
		}
	}
	return nil
}

// turned is the place of step t where an axis may go backward.
func turned(backward, t, steps int) int {
	if backward == 1 {
		return steps - 1 - t
	}
	return t
}

// reached is what reaches scan output i in step t.
func (k *scan) reached(b *Back, i, t, steps int) (*value.Value, error) {
	if k.states+i >= len(b.Up) || b.Up[k.states+i] == nil {
		return nil, nil
	}
	up := b.Up[k.states+i]
	axis, err := axisWithin(k.outAxes[i], len(up.Shape))
	if err != nil {
		return nil, err
	}
	return k.at(up, axis, turned(k.outBack[i], t, steps))
}

// addAt adds g to what stands at place i along an axis of sum that g does not have.
func addAt(sum *value.Value, axis, i int, g *value.Value) {
	outer, inner := insideOut(sum.Shape, axis)
	for o := range outer {
		from := (o*sum.Shape[axis] + i) * inner
		if sum.Memory() == value.F64 {
			simd.AddTo(value.Data[float64](sum)[from:from+inner], value.Data[float64](g)[o*inner:(o+1)*inner])
		} else {
			simd.AddTo(value.Data[float32](sum)[from:from+inner], value.Data[float32](g)[o*inner:(o+1)*inner])
		}
	}
}
