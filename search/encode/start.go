package encode

import (
	"context"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// withinShare is how much of the mean variance within classes every direction has at least, as part of a start's estimate.
const withinShare = 0.1

// A Sample is pictures of which a network's start is computed.
type Sample struct {
	Labels []int // one a picture
	Rounds int   // how often each picture is seen
	// Pictures writes some of the pictures [len(indices), Channels, Height, Width], in [0, 1], as they are seen in a round.
	Pictures func(dst []float32, indices []int, round int)
}

// Start sets the weights that lie over the descriptor of a network of large pictures, so that training need not begin at random: by a discriminant analysis [fisher1936] of the sample's
// descriptors d. With W their covariance within classes, 0.1 of its mean variance added to each direction, and T that of all, the axes v of greatest variance λ in the space
// where W is whitened,
//
//	T' = W^(−½) T W^(−½) = Σ λ v vᵀ
//
// give the first numbers of a vector, yᵢ = (1 − wᵢ/λᵢ) vᵢᵀ W^(−½) (d − d̄), where w is the variance within classes along an axis: directions in which classes do not differ count little. Vectors whose length is
// free are scaled to a mean square length of 1. Other networks stay as they are.
//
// Errors: no label that comes twice; descriptors that are alike; the context's.
func (n *Network) Start(ctx context.Context, s Sample) error {
	d, ok := n.Module.(*described)
	if !ok {
		return nil
	}
	x, labels, err := d.describe(ctx, s, n.Together())
	if err != nil {
		return err
	}
	a := analyse(x, labels)
	if a == nil {
		return errors.New("the pictures' descriptors do not differ within classes, or no class has two pictures")
	}
	a.write(d.head.Weight.Value.Float32s(), d.head.Bias.Value.Float32s(), n.Dim)
	if !n.Unit {
		a.scaled(d.head.Weight.Value.Float32s(), d.head.Bias.Value.Float32s(), x, n.Dim)
	}
	return nil
}

// describe returns the descriptors of all rounds, one a row, and their labels.
func (d *described) describe(ctx context.Context, s Sample, together int) (*mat.Dense, []int, error) {
	tape, pictures := autodiff.NewTape(tensor.Float32), tensor.New(tensor.Float32)
	x := mat.NewDense(s.Rounds*len(s.Labels), descriptorDim, nil)
	var labels []int
	for round := range s.Rounds {
		for lo := 0; lo < len(s.Labels); lo += together {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			var indices []int
			for i := lo; i < min(lo+together, len(s.Labels)); i++ {
				indices = append(indices, i)
			}
			pictures.Resize(len(indices), d.channels, d.height, d.width)
			s.Pictures(pictures.Float32s(), indices, round)
			tape.Reset()
			out := d.descriptor.Forward(tape.Const(pictures)).Value.Float32s()
			for k := range indices {
				for j, v := range out[k*descriptorDim:][:descriptorDim] {
					x.Set(len(labels)+k, j, float64(v))
				}
			}
			for _, i := range indices {
				labels = append(labels, s.Labels[i])
			}
		}
	}
	return x, labels, nil
}

// analysis is the axes of a discriminant analysis.
type analysis struct {
	mean []float64
	axes [][]float64 // scaled, the one of most variance first
}

// analyse returns nil where nothing varies within classes.
func analyse(x *mat.Dense, labels []int) *analysis {
	a := &analysis{mean: meanRow(x, nil, 0)}
	within := scatter(x, func() func(i int) []float64 {
		means := map[int][]float64{}
		return func(i int) []float64 {
			y := labels[i]
			if means[y] == nil {
				means[y] = meanRow(x, labels, y)
			}
			return means[y]
		}
	}())
	trace := mat.Trace(within) / descriptorDim
	if !(trace > 0) {
		return nil
	}
	raw := mat.NewSymDense(descriptorDim, nil)
	raw.CopySym(within)
	for i := range descriptorDim {
		within.SetSym(i, i, within.At(i, i)+withinShare*trace)
	}
	white := inverseRoot(within)
	if white == nil {
		return nil
	}
	total := sandwich(white, scatter(x, func(int) []float64 { return a.mean }))
	inside := sandwich(white, raw)
	var e mat.EigenSym
	if !e.Factorize(total, true) {
		return nil
	}
	var v, axes mat.Dense
	e.VectorsTo(&v)
	axes.Mul(white, &v) // columns
	for k := descriptorDim - 1; k >= 0; k-- {
		column := v.ColView(k)
		lambda, w := e.Values(nil)[k], mat.Inner(column, inside, column)
		count := 0.0
		if lambda > 0 {
			count = max(0, 1-w/lambda)
		}
		axis := mat.Col(nil, k, &axes)
		for i := range axis {
			axis[i] *= count
		}
		a.axes = append(a.axes, axis)
	}
	return a
}

// meanRow is the mean of the rows with a label; of all where labels is nil.
func meanRow(x *mat.Dense, labels []int, label int) []float64 {
	rows, dim := x.Dims()
	sum, n := make([]float64, dim), 0.0
	for i := range rows {
		if labels != nil && labels[i] != label {
			continue
		}
		n++
		for j, v := range x.RawRowView(i) {
			sum[j] += v
		}
	}
	for j := range sum {
		sum[j] /= n
	}
	return sum
}

// scatter is the mean of the products of rows' differences from what centre returns for each.
func scatter(x *mat.Dense, centre func(i int) []float64) *mat.SymDense {
	rows, dim := x.Dims()
	c := mat.NewDense(rows, dim, nil)
	for i := range rows {
		middle := centre(i)
		for j, v := range x.RawRowView(i) {
			c.Set(i, j, v-middle[j])
		}
	}
	s := mat.NewSymDense(dim, nil)
	s.SymOuterK(1/float64(rows), c.T())
	return s
}

// inverseRoot is m^(−½) of a positive definite matrix; nil where the eigenvalues are not found.
func inverseRoot(m *mat.SymDense) *mat.SymDense {
	var e mat.EigenSym
	if !e.Factorize(m, true) {
		return nil
	}
	var v mat.Dense
	e.VectorsTo(&v)
	values := e.Values(nil)
	out := mat.NewSymDense(len(values), nil)
	for k, lambda := range values {
		if !(lambda > 0) {
			return nil
		}
		out.SymRankOne(out, 1/math.Sqrt(lambda), v.ColView(k))
	}
	return out
}

// sandwich is a·m·a.
func sandwich(a, m *mat.SymDense) *mat.SymDense {
	var left, all mat.Dense
	left.Mul(a, m)
	all.Mul(&left, a)
	n := a.SymmetricDim()
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			out.SetSym(i, j, (all.At(i, j)+all.At(j, i))/2)
		}
	}
	return out
}

// write puts the axes into a linear layer's weights [dim, inputs], whose first inputs the descriptor is, and its bias.
func (a *analysis) write(weights, bias []float32, dim int) {
	inputs := len(weights) / dim
	for k := range dim {
		row, shift := weights[k*inputs:][:descriptorDim], 0.0
		clear(row)
		if k < len(a.axes) {
			for j, v := range a.axes[k] {
				row[j] = float32(v)
				shift -= float64(v * a.mean[j])
			}
		}
		bias[k] = float32(shift)
	}
}

// scaled brings the descriptors' part of the vectors to a mean square length of 1.
func (a *analysis) scaled(weights, bias []float32, x *mat.Dense, dim int) {
	rows, _ := x.Dims()
	inputs, sum := len(weights)/dim, 0.0
	for i := range rows {
		for k := range dim {
			y := float64(bias[k])
			for j, v := range x.RawRowView(i) {
				y += v * float64(weights[k*inputs+j])
			}
			sum += y * y
		}
	}
	if sum == 0 {
		return
	}
	factor := float32(math.Sqrt(float64(rows) / sum))
	for k := range dim {
		for j := range descriptorDim {
			weights[k*inputs+j] *= factor
		}
		bias[k] *= factor
	}
}
