package op

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back brings the gradient of each element to what it is made of. Of updates of one element without reduction that is the last; of several greatest or least, equal parts go to each, as with
// PyTorch's scatter_reduce.
func (k *scatterElements) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if err := k.find(b.In[0], b.In[1]); err != nil {
		return err
	}
	return scatterBack(b, k.places, 1, k.reduction)
}

// Back brings the gradient of each element to what it is made of, as that of ScatterElements does.
func (k *scatterND) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	var err error
	if k.places, err = tuplePlaces(k.places, b.In[0], b.In[1], 0); err != nil {
		return err
	}
	indices := b.In[1].Shape
	return scatterBack(b, k.places, volume(b.In[0].Shape[indices[len(indices)-1]:]), k.reduction)
}

func scatterBack(b *Back, places []int, inner int, reduction string) error {
	return onFloats(b.In[0], func() error { return scatterBackOf[float32](b, places, inner, reduction) }, func() error { return scatterBackOf[float64](b, places, inner, reduction) })
}

func scatterBackOf[T simd.Float](b *Back, places []int, inner int, reduction string) error {
	up, x, y, updates := value.Data[T](b.Up[0]), value.Data[T](b.In[0]), value.Data[T](b.Out[0]), value.Data[T](b.In[2])
	if len(updates) == 0 {
		places = nil
	}
	var share func(at int, e T) T // of the gradient of the element at a place, for one of those that it is made of
	switch reduction {
	case "none":
		return overwrittenBack[T](b, places, inner)
	case "add":
		pass(b, 0, up, b.In[0].Shape)
		return written(b, 2, true, func(to *value.Value) error {
			r := rows{outer: 1, inner: inner, places: places}
			r.gather(to, b.Up[0])
			return nil
		})
	case "mul":
		all := make([]factors, len(x))
		for i, e := range x {
			all[i] = factors{product: 1}
			all[i].times(float64(e))
		}
		eachUpdate(places, inner, func(i, at int) { all[at].times(float64(updates[i])) })
		share = func(at int, e T) T { return T(float64(up[at]) * all[at].without(float64(e))) }
	default:
		counts := make([]T, len(x))
		is := func(at int, e T) bool { return e == y[at] || e != e && y[at] != y[at] }
		count := func(at int, e T) {
			if is(at, e) {
				counts[at]++
			}
		}
		for at, e := range x {
			count(at, e)
		}
		eachUpdate(places, inner, func(i, at int) { count(at, updates[i]) })
		share = func(at int, e T) T {
			if is(at, e) {
				return up[at] / counts[at]
			}
			return 0
		}
	}
	if g := b.Into(0); g != nil {
		dst := value.Data[T](g)
		for at, e := range x {
			dst[at] += share(at, e)
		}
	}
	if g := b.Into(2); g != nil {
		dst := value.Data[T](g)
		eachUpdate(places, inner, func(i, at int) { dst[i] += share(at, updates[i]) })
	}
	return nil
}

// eachUpdate calls f for the updates' elements and where each goes.
func eachUpdate(places []int, inner int, f func(i, at int)) {
	for i, at := range places {
		for j := range inner {
			f(i*inner+j, at+j)
		}
	}
}

// overwrittenBack is of updates that replace what is there.
func overwrittenBack[T simd.Float](b *Back, places []int, inner int) error {
	up := value.Data[T](b.Up[0])
	err := written(b, 0, true, func(to *value.Value) error {
		copy(value.Data[T](to), up)
		for _, at := range places {
			clear(value.Data[T](to)[at : at+inner])
		}
		return nil
	})
	if err != nil {
		return err
	}
	g := b.Into(2)
	if g == nil {
		return nil
	}
	dst, replaced := value.Data[T](g), make([]bool, len(up))
	for i, at := range slices.Backward(places) {
		if inner > 0 && !replaced[at] {
			replaced[at] = true
			simd.AddTo(dst[i*inner:(i+1)*inner], up[at:at+inner])
		}
	}
	return nil
}

// Back brings the gradient to the updates, and to what they leave of the cache.
func (k *tensorScatter) Back(b *Back) error {
	up := b.Up[0]
	if up == nil {
		return nil
	}
	starts, err := k.find(b.In)
	if err != nil {
		return err
	}
	zero, err := value.New(up.Kind)
	if err != nil {
		return err
	}
	cache, update := b.In[0].Shape, b.In[1].Shape
	err = written(b, 0, true, func(to *value.Value) error {
		if err := deliverAs(to, up, false); err != nil {
			return err
		}
		k.each(cache, update, starts, func(at, _ int) {
			clear(k.region.source) // all from one 0
			k.region.copy(to, at, zero, 0)
		})
		return nil
	})
	if err != nil {
		return err
	}
	return written(b, 1, true, func(to *value.Value) error {
		k.each(cache, update, starts, func(at, from int) { k.region.copyBack(to, at, up, from) })
		return nil
	})
}
