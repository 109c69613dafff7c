package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradients by the input, the scale and the bias, also from the mean and 1/√(variance + ε) where these are outputs.
func (k *layerNorm) Back(b *Back) error {
	if b.In[0].Len() == 0 {
		return nil
	}
	return onFloats(b.In[0], func() error { return layerNormBack(k, &k.f32, b) }, func() error { return layerNormBack(k, &k.f64, b) })
}

func layerNormBack[T simd.Float](k *layerNorm, r *normRows[T], b *Back) error {
	x := b.In[0]
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	var bias *value.Value
	if len(b.In) > 2 {
		bias = b.In[2]
	}
	r.cols, r.epsilon, r.root = volume(x.Shape[axis:]), k.epsilon, k.root
	if err := r.affine(x.Shape, axis, b.In[1], bias); err != nil {
		return err
	}
	n := normBack[T]{normRows: r, x: value.Data[T](x), up: upOf[T](b, 0)}
	if k.root {
		n.upInverse = numbersOf(b, 1)
	} else {
		n.upMean, n.upInverse = numbersOf(b, 1), numbersOf(b, 2)
	}
	if g, add := b.Over(0); g != nil {
		n.input(value.Data[T](g), add)
	}
	return n.affineBack(b, x.Shape, 1, 2)
}

// upOf is the gradient of an output, nil for none.
func upOf[T value.Element](b *Back, i int) []T {
	if i >= len(b.Up) {
		return nil
	}
	return dataOf[T](b.Up[i])
}

// numbersOf is the gradient of an output of statistics, nil for none.
func numbersOf(b *Back, i int) []float64 {
	if i >= len(b.Up) || b.Up[i] == nil {
		return nil
	}
	x, err := floatsAs[float64](b.Up[i])
	if err != nil { // of no float type: nothing flows
		return nil
	}
	return x
}

// normBack goes back through the normalisation of rows, whose scale and bias it has in the form of normRows.
type normBack[T simd.Float] struct {
	*normRows[T]
	x, up             []T       // up may be nil
	upMean, upInverse []float64 // nil for none
}

// input writes the gradient of x, or adds it. With x̂ = (x − mean)·inverse and g = up·scale it is
//
//	inverse·(g − mean(g) − x̂·mean(g·x̂))
//
// without mean(g) for a root, and what reaches the statistics added.
func (n *normBack[T]) input(dx []T, add bool) {
	inParts(len(n.x)/n.cols, n.cols, func(from, to int) {
		hat, g := make([]T, n.cols), make([]T, n.cols)
		for i := from; i < to; i++ {
			_, inverse := standardise(hat, n.x[i*n.cols:(i+1)*n.cols], n.epsilon, n.root)
			var mean, slope float64
			clear(g)
			if n.up != nil {
				simd.Mul(g, n.up[i*n.cols:(i+1)*n.cols], n.rowOf(n.scale, i))
				slope = simd.Dot(g, hat) / float64(n.cols)
				if !n.root {
					mean = simd.Sum(g) / float64(n.cols)
				}
			}
			// The gradients of mean m and inverse v: m' = 1/n, v' = −v²·x̂/n.
			if n.upMean != nil {
				mean -= n.upMean[i] / inverse / float64(n.cols)
			}
			if n.upInverse != nil {
				slope += n.upInverse[i] * inverse / float64(n.cols)
			}
			simd.AXPY(g, T(-slope), hat)
			if mean != 0 {
				simd.AddScalar(g, g, T(-mean))
			}
			row := dx[i*n.cols : (i+1)*n.cols]
			if add {
				simd.AXPY(row, T(inverse), g)
			} else {
				simd.Scale(row, g, T(inverse))
			}
		}
	})
}

// affineBack gives the gradients of the inputs of scale and bias, Σ up·x̂ and Σ up.
func (n *normBack[T]) affineBack(b *Back, shape []int, scale, bias int) error {
	if n.up == nil {
		return nil
	}
	if b.Wants(scale) {
		memory := borrow[T](len(n.x))
		products := *memory
		inParts(len(n.x)/n.cols, n.cols, func(from, to int) {
			for i := from; i < to; i++ {
				row := products[i*n.cols : (i+1)*n.cols]
				standardise(row, n.x[i*n.cols:(i+1)*n.cols], n.epsilon, n.root)
				simd.Mul(row, row, n.up[i*n.cols:(i+1)*n.cols])
			}
		})
		passNumbers(b, scale, products, shape)
		giveBack(memory)
	}
	passNumbers(b, bias, n.up, shape)
	return nil
}

// passNumbers is pass where the input may be of another float type than x, as scales of narrow floats may be.
func passNumbers[T simd.Float](b *Back, i int, x []T, shape []int) {
	if i >= len(b.In) || !b.Wants(i) {
		return
	}
	if b.In[i].Memory() == value.MemoryOf(value.KindOf[T]()) {
		pass(b, i, x, shape)
		return
	}
	sums := make([]T, b.In[i].Len())
	unstretch(sums, b.In[i].Shape, x, shape, false)
	addFloats(b, i, convertTo[float64](sums))
}

// numberAt reads an element of a float tensor.
func numberAt(v *value.Value, i int) float64 {
	if v.Memory() == value.F64 {
		return value.Data[float64](v)[i]
	}
	return float64(value.Data[float32](v)[i])
}

// Back gives the gradients by the input, the scale and the bias.
func (k *groupNorm) Back(b *Back) error {
	if b.Up[0] == nil || b.In[0].Len() == 0 {
		return nil
	}
	return onFloats(b.In[0], func() error { return groupNormBack[float32](k, b) }, func() error { return groupNormBack[float64](k, b) })
}

func groupNormBack[T simd.Float](k *groupNorm, b *Back) error {
	x := b.In[0]
	channels, groups := x.Shape[1], k.groups
	if k.each {
		groups = channels
	}
	factors := channels
	if k.perGroup {
		factors = groups
	}
	scale, err := vector[T](b.In[1], "scale", factors)
	if err != nil {
		return err
	}
	// Each plane is scaled by a number: as rows of groups, those of an image are one behind the other.
	members, plane := channels/groups, volume(x.Shape[2:])
	up, src := value.Data[T](b.Up[0]), value.Data[T](x)
	factor := func(ch int) int {
		if k.perGroup {
			return ch / members
		}
		return ch
	}
	hats := make([]T, len(src))
	size := members * plane
	if b.Wants(0) || b.Wants(1) {
		inParts(len(src)/size, size, func(from, to int) {
			for i := from; i < to; i++ {
				standardise(hats[i*size:(i+1)*size], src[i*size:(i+1)*size], k.epsilon, false)
			}
		})
	}
	if g, add := b.Over(0); g != nil {
		dx := value.Data[T](g)
		inParts(len(src)/size, size, func(from, to int) {
			scaled, spare := make([]T, size), make([]T, size)
			for i := from; i < to; i++ {
				for m := range members {
					at := i*size + m*plane
					simd.Scale(scaled[m*plane:(m+1)*plane], up[at:at+plane], scale[factor(i%groups*members+m)])
				}
				hat := hats[i*size : (i+1)*size]
				_, inverse := standardise(spare, src[i*size:(i+1)*size], k.epsilon, false)
				simd.AXPY(scaled, T(-simd.Dot(scaled, hat)/float64(size)), hat)
				simd.AddScalar(scaled, scaled, T(-simd.Sum(scaled)/float64(size)))
				row := dx[i*size : (i+1)*size]
				if add {
					simd.AXPY(row, T(inverse), scaled)
				} else {
					simd.Scale(row, scaled, T(inverse))
				}
			}
		})
	}
	sums, products := make([]float64, factors), make([]float64, factors)
	for i := range len(src) / plane {
		f := factor(i % channels)
		dy := up[i*plane : (i+1)*plane]
		sums[f] += simd.Sum(dy)
		products[f] += simd.Dot(dy, hats[i*plane:(i+1)*plane])
	}
	addFloats(b, 1, products)
	addFloats(b, 2, sums)
	return nil
}

// Back gives the gradients by the input, the tensor that is added, scale, shift and bias.
func (k *skipNorm) Back(b *Back) error {
	return onFloats(b.In[0], func() error { return skipNormBack(k, &k.f32, b) }, func() error { return skipNormBack(k, &k.f64, b) })
}

func skipNormBack[T simd.Float](k *skipNorm, r *normRows[T], b *Back) error {
	x, rank := b.In[0], len(b.In[0].Shape)
	input := func(i int) *value.Value {
		if i < 0 || i >= len(b.In) {
			return nil
		}
		return b.In[i]
	}
	beta, bias := 3, 4
	if k.root {
		beta, bias = -1, 3
	}
	r.cols, r.epsilon, r.root = x.Shape[rank-1], k.epsilon, k.root
	if err := r.affine(x.Shape, rank-1, b.In[2], input(beta)); err != nil {
		return err
	}
	sum := make([]T, x.Len())
	added, err := floatsAs[T](b.In[1])
	if err != nil {
		return err
	}
	stretch(sum, x.Shape, added, b.In[1].Shape)
	simd.AddTo(sum, value.Data[T](x))
	if v := input(bias); v != nil {
		row, err := vector[T](v, "bias", r.cols)
		if err != nil {
			return err
		}
		simd.AddRow(sum, sum, row, len(sum)/r.cols, r.cols)
	}
	n := normBack[T]{normRows: r, x: sum, up: upOf[T](b, 0), upMean: numbersOf(b, 1), upInverse: numbersOf(b, 2)}
	if k.root {
		n.upMean = nil // it is always 0
	}
	ds := make([]T, len(sum))
	n.input(ds, false)
	if up := upOf[T](b, 3); up != nil {
		simd.AddTo(ds, up)
	}
	for _, i := range []int{0, 1, bias} {
		passNumbers(b, i, ds, x.Shape)
	}
	if beta < 0 {
		beta = len(b.In) // there is none
	}
	return n.affineBack(b, x.Shape, 2, beta)
}

// Back gives the gradients by the three tables, scale and bias.
func (k *embedNorm) Back(b *Back) error {
	return onFloats(b.In[2], func() error { return embedNormBack(k, &k.f32, b) }, func() error { return embedNormBack(k, &k.f64, b) })
}

func embedNormBack[T simd.Float](k *embedNorm, r *normRows[T], b *Back) error {
	ids, width := b.In[0], b.In[2].Shape[1]
	shape := []int{ids.Shape[0], ids.Shape[1], width}
	input := func(i int) *value.Value {
		if i >= len(b.In) {
			return nil
		}
		return b.In[i]
	}
	tables := []struct {
		name       string
		ids, table int
	}{{"input_ids", 0, 2}, {"position_ids", 8, 3}}
	if input(1) != nil && input(4) != nil {
		tables = append(tables, tables[0])
		tables[2].name, tables[2].ids, tables[2].table = "segment_ids", 1, 4
	}
	sum := make([]T, volume(shape))
	for _, t := range tables {
		if err := embed(sum, t.name, input(t.ids), ids.Shape, input(t.table), width); err != nil {
			return err
		}
	}
	r.cols, r.epsilon, r.root = width, k.epsilon, false
	if err := r.affine(shape, 2, b.In[5], b.In[6]); err != nil {
		return err
	}
	n := normBack[T]{normRows: r, x: sum, up: upOf[T](b, 0)}
	ds := make([]T, len(sum))
	n.input(ds, false)
	if up := upOf[T](b, 2); up != nil {
		simd.AddTo(ds, up)
	}
	for _, t := range tables {
		if g := b.Into(t.table); g != nil {
			if err := embedBack(value.Data[T](g), input(t.ids), shape, ds); err != nil {
				return err
			}
		}
	}
	return n.affineBack(b, shape, 5, 6)
}

// embedBack adds the rows of up [batch, length, width] to those of a table that ids name; without ids to the rows in order.
func embedBack[T simd.Float](table []T, ids *value.Value, shape []int, up []T) error {
	var index []int64
	if ids != nil {
		var err error
		if index, err = value.Integers(ids); err != nil {
			return err
		}
	}
	width := shape[2]
	for i := range shape[0] * shape[1] {
		at := i % shape[1]
		if index != nil {
			at = int(index[i%len(index)])
		}
		simd.AddTo(table[at*width:(at+1)*width], up[i*width:(i+1)*width])
	}
	return nil
}

// Back gives the gradient: with s = bias + alpha/size·Σx², of the channels around, it is
//
//	up·s^−β − 2·alpha/size·β·x·Σ up·y/s
//
// with the sum over the channels that x is around of.
func (k *lrn) Back(b *Back) error {
	if b.Up[0] == nil || b.In[0].Len() == 0 {
		return nil
	}
	return onFloats(b.In[0], func() error { lrnBack[float32](k, b); return nil }, func() error { lrnBack[float64](k, b); return nil })
}

func lrnBack[T simd.Float](k *lrn, b *Back) {
	g, add := b.Over(0)
	if g == nil {
		return
	}
	shape := b.In[0].Shape
	channels, plane := shape[1], volume(shape[2:])
	x, y, up, dx := value.Data[T](b.In[0]), value.Data[T](b.Out[0]), value.Data[T](b.Up[0]), value.Data[T](g)
	size := channels * plane
	around := func(ch int) (lo, hi int) { return max(0, ch-(k.size-1)/2), min(channels-ch, k.size/2+1) + ch }
	inParts(shape[0], size, func(from, to int) {
		s, ratio, sum := make([]T, size), make([]T, size), make([]T, plane)
		for i := from; i < to; i++ {
			x, y, up, dx := x[i*size:(i+1)*size], y[i*size:(i+1)*size], up[i*size:(i+1)*size], dx[i*size:(i+1)*size]
			clear(s)
			for ch := range channels {
				lo, hi := around(ch)
				row := s[ch*plane : (ch+1)*plane]
				for j := lo; j < hi; j++ {
					simd.MulAdd(row, x[j*plane:(j+1)*plane], x[j*plane:(j+1)*plane])
				}
			}
			simd.Scale(s, s, T(k.alpha/float64(k.size)))
			simd.AddScalar(s, s, T(k.bias))
			simd.Mul(ratio, up, y)
			simd.Div(ratio, ratio, s)
			simd.Log(s, s)
			simd.Scale(s, s, T(-k.beta))
			simd.Exp(s, s)
			simd.Mul(s, s, up)
			if add {
				simd.AddTo(dx, s)
			} else {
				copy(dx, s)
			}
			for ch := range channels {
				clear(sum)
				for j := range channels {
					if lo, hi := around(j); ch >= lo && ch < hi {
						simd.AddTo(sum, ratio[j*plane:(j+1)*plane])
					}
				}
				simd.Mul(sum, sum, x[ch*plane:(ch+1)*plane])
				simd.AXPY(dx[ch*plane:(ch+1)*plane], T(-2*k.alpha/float64(k.size)*k.beta), sum)
			}
		}
	})
}

// Back gives the gradient: with deviation d and y = (x − mean)/(d + 1e-9) it is (up − mean(up) − y·mean(up·y)·(d + 1e-9)/d)/(d + 1e-9). Where d is 0 the last part is left out.
func (k *meanVariance) Back(b *Back) error {
	if b.Up[0] == nil || b.In[0].Len() == 0 {
		return nil
	}
	return onFloats(b.In[0], func() error { return meanVarianceBack[float32](k, b) }, func() error { return meanVarianceBack[float64](k, b) })
}

func meanVarianceBack[T simd.Float](k *meanVariance, b *Back) error {
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	x, up, dx := value.Data[T](b.In[0]), value.Data[T](b.Up[0]), value.Data[T](g)
	each, groups, err := k.groups(b.In[0].Shape)
	if err != nil {
		return err
	}
	n := float64(len(x) / groups)
	mean, deviation := meanDeviation(x, each, groups)
	sums, products := make([]float64, groups), make([]float64, groups)
	each(func(i, g int) {
		sums[g] += float64(up[i]) / n
		products[g] += float64(float64(up[i])*(float64(x[i])-mean[g])) / n
	})
	each(func(i, g int) {
		d := deviation[g]
		slope := float64(up[i]) - sums[g]
		if d > 0 {
			slope -= (float64(x[i]) - mean[g]) / (d + 1e-9) * products[g] / d
		}
		e := T(slope / (d + 1e-9))
		if add {
			e += dx[i]
		}
		dx[i] = e
	})
	return nil
}
