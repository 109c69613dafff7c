package loss

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// AdaptiveLogSoftmaxWithLoss is the cross entropy of a softmax in clusters: frequent
// classes, the first ones, have scores of their own in the head, beside one for each
// cluster of rare classes, whose scores come from smaller projections.
//
//	log p(y) = log softmax(head)_y                                        y < Cutoffs[0]
//	log p(y) = log softmax(head)_{C₀+i} + log softmax(tailᵢ)_{y−Cutoffs[i]}   y in cluster i
//	ℓ = −log p(y)
//
// Shapes: input [N, D], target N classes. The classes of cluster i are those from Cutoffs[i] to
// Cutoffs[i+1]−1; the last ends with Classes.
// Units: nats.
// Kinks: none.
// Errors: parameters that are nil; lengths that do not fit; cutoffs that do not rise from 1 to below Classes; a class outside
// [0, Classes).
// PyTorch: nn.AdaptiveLogSoftmaxWithLoss, whose parameters the caller holds: Adaptive.
// Source: [grave2017].
type AdaptiveLogSoftmaxWithLoss[T tensor.Float] struct {
	Classes int
	Cutoffs []int // ends of the head and of all clusters but the last

	head, tail CrossEntropy[T]
}

// Adaptive holds the parameters, or the gradients by them.
type Adaptive[T tensor.Float] struct {
	Head  Linear[T] // [Cutoffs[0] + clusters, D]; PyTorch's head.weight and head.bias
	Tails []AdaptiveTail[T]
}

// AdaptiveTail is a cluster's: PyTorch's tail.i.0.weight and tail.i.1.weight.
type AdaptiveTail[T tensor.Float] struct {
	Project []T // [hidden, D]
	Out     []T // [classes of the cluster, hidden]
}

const adaptiveName = "AdaptiveLogSoftmaxWithLoss"

// Eval returns the mean loss and writes its gradients by input and by the parameters; dInput
// and grad may be nil.
func (l *AdaptiveLogSoftmaxWithLoss[T]) Eval(input []T, target []int, p *Adaptive[T], dInput []T, grad *Adaptive[T]) (float64, error) {
	n := len(target)
	losses, up := make([]T, n), make([]T, n)
	for i := range up {
		up[i] = 1 / T(n)
	}
	if err := l.Each(losses, up, input, target, p, dInput, grad); err != nil {
		return 0, err
	}
	return reduced(simd.Sum(losses), 1/float64(n)), nil
}

// Each writes each sample's loss to dst, and the gradients under the upstream gradient up
// of dst; nil stands for ones. PyTorch's output is −dst.
func (l *AdaptiveLogSoftmaxWithLoss[T]) Each(dst, up, input []T, target []int, p *Adaptive[T], dInput []T, grad *Adaptive[T]) error {
	d, err := l.check(input, target, p, dInput, grad)
	if err != nil {
		return err
	}
	n, wide := len(target), l.headSize()
	if err := alike(adaptiveName, n, of("the result", dst)); err != nil {
		return err
	}
	if err := optional(adaptiveName, n, of("the upstream gradient", up)); err != nil {
		return err
	}
	scores, slope := make([]T, n*wide), make([]T, n*wide)
	gemm.MulEpilogue(false, true, n, wide, d, input, d, p.Head.Weight, d, 0, scores, wide, gemm.Epilogue[T]{Bias: p.Head.Bias})
	first := make([]int, n)
	members := make([][]int, len(l.Cutoffs)) // samples of each cluster
	for i, y := range target {
		first[i] = y
		if c := l.cluster(y); c >= 0 {
			first[i] = l.Cutoffs[0] + c
			members[c] = append(members[c], i)
		}
	}
	if err := l.head.Each(dst, up, scores, Dims{Batch: n, Classes: wide}, first, slope); err != nil {
		return err
	}
	if dInput != nil {
		gemm.Mul(false, false, n, d, wide, slope, wide, p.Head.Weight, d, 0, dInput, d)
	}
	if grad != nil {
		gemm.Mul(true, false, wide, d, n, slope, wide, input, d, 0, grad.Head.Weight, d)
		if grad.Head.Bias != nil {
			simd.SumRows(grad.Head.Bias, slope, n, wide, false)
		}
	}
	for c, at := range members {
		var g *AdaptiveTail[T]
		if grad != nil {
			g = &grad.Tails[c]
			clear(g.Project)
			clear(g.Out)
		}
		if len(at) == 0 {
			continue
		}
		if err := l.rare(c, at, dst, up, input, target, d, &p.Tails[c], dInput, g); err != nil {
			return err
		}
	}
	return nil
}

// rare adds what cluster c has of the losses and gradients of its samples.
func (l *AdaptiveLogSoftmaxWithLoss[T]) rare(c int, at []int, dst, up, input []T, target []int, d int, p *AdaptiveTail[T], dInput []T, grad *AdaptiveTail[T]) error {
	n, k, h := len(at), l.end(c)-l.Cutoffs[c], len(p.Project)/d
	x, z, dz := make([]T, n*d), make([]T, n*k), make([]T, n*k)
	hidden, dHidden := make([]T, n*h), make([]T, n*h)
	own, losses, y := make([]T, n), make([]T, n), make([]int, n)
	for i, s := range at {
		copy(x[i*d:(i+1)*d], input[s*d:(s+1)*d])
		y[i], own[i] = target[s]-l.Cutoffs[c], 1
		if up != nil {
			own[i] = up[s]
		}
	}
	gemm.Mul(false, true, n, h, d, x, d, p.Project, d, 0, hidden, h)
	gemm.Mul(false, true, n, k, h, hidden, h, p.Out, h, 0, z, k)
	if err := l.tail.Each(losses, own, z, Dims{Batch: n, Classes: k}, y, dz); err != nil {
		return err
	}
	gemm.Mul(false, false, n, h, k, dz, k, p.Out, h, 0, dHidden, h)
	if grad != nil {
		gemm.Mul(true, false, k, h, n, dz, k, hidden, h, 0, grad.Out, h)
		gemm.Mul(true, false, h, d, n, dHidden, h, x, d, 0, grad.Project, d)
	}
	gemm.Mul(false, false, n, d, h, dHidden, h, p.Project, d, 0, x, d) // x is now the gradient by it
	for i, s := range at {
		dst[s] += losses[i]
		if dInput != nil {
			simd.AXPY(dInput[s*d:(s+1)*d], 1, x[i*d:(i+1)*d])
		}
	}
	return nil
}

// LogProb writes log p of every class, [N, Classes], to dst.
func (l *AdaptiveLogSoftmaxWithLoss[T]) LogProb(dst, input []T, n int, p *Adaptive[T]) error {
	d, err := l.check(input, make([]int, n), p, nil, nil)
	if err != nil {
		return err
	}
	if err := alike(adaptiveName, n*l.Classes, of("the result", dst)); err != nil {
		return err
	}
	wide, first := l.headSize(), l.Cutoffs[0]
	head := make([]T, n*wide)
	gemm.MulEpilogue(false, true, n, wide, d, input, d, p.Head.Weight, d, 0, head, wide, gemm.Epilogue[T]{Bias: p.Head.Bias})
	simd.LogSoftmaxRows(head, head, n, wide)
	for i := range n {
		copy(dst[i*l.Classes:], head[i*wide:i*wide+first])
	}
	for c, t := range p.Tails {
		k, h := l.end(c)-l.Cutoffs[c], len(t.Project)/d
		hidden, z := make([]T, n*h), make([]T, n*k)
		gemm.Mul(false, true, n, h, d, input, d, t.Project, d, 0, hidden, h)
		gemm.Mul(false, true, n, k, h, hidden, h, t.Out, h, 0, z, k)
		simd.LogSoftmaxRows(z, z, n, k)
		for i := range n {
			simd.AddScalar(dst[i*l.Classes+l.Cutoffs[c]:][:k], z[i*k:(i+1)*k], head[i*wide+first+c])
		}
	}
	return nil
}

// Predict writes the likeliest class of each sample to dst, the first of equals.
func (l *AdaptiveLogSoftmaxWithLoss[T]) Predict(dst []int, input []T, p *Adaptive[T]) error {
	all := make([]T, len(dst)*max(l.Classes, 0))
	if err := l.LogProb(all, input, len(dst), p); err != nil {
		return err
	}
	for i := range dst {
		row := all[i*l.Classes : (i+1)*l.Classes]
		dst[i] = slices.Index(row, slices.Max(row))
	}
	return nil
}

// headSize is how many scores the head has.
func (l *AdaptiveLogSoftmaxWithLoss[T]) headSize() int { return l.Cutoffs[0] + len(l.Cutoffs) }

// end is where cluster c's classes end.
func (l *AdaptiveLogSoftmaxWithLoss[T]) end(c int) int {
	if c+1 < len(l.Cutoffs) {
		return l.Cutoffs[c+1]
	}
	return l.Classes
}

// cluster returns the cluster of class y, −1 for the head's.
func (l *AdaptiveLogSoftmaxWithLoss[T]) cluster(y int) int {
	c := -1
	for c+1 < len(l.Cutoffs) && y >= l.Cutoffs[c+1] {
		c++
	}
	return c
}

func (l *AdaptiveLogSoftmaxWithLoss[T]) checkCutoffs() error {
	if len(l.Cutoffs) == 0 {
		return badOption(adaptiveName, "cutoffs", "empty", "at least one class index")
	}
	last := 0
	for i, c := range l.Cutoffs {
		if c <= last || c >= l.Classes {
			return badValue(adaptiveName, "cutoffs", i, c, fmt.Sprintf("above the one before, and below the %d classes", l.Classes))
		}
		last = c
	}
	return nil
}

// check checks everything and returns D.
func (l *AdaptiveLogSoftmaxWithLoss[T]) check(input []T, target []int, p *Adaptive[T], dInput []T, grad *Adaptive[T]) (d int, err error) {
	if p == nil {
		return 0, fmt.Errorf("loss: %s: the parameters are nil", adaptiveName)
	}
	if err := l.checkCutoffs(); err != nil {
		return 0, err
	}
	if err := classesIn(adaptiveName, "target", target, l.Classes); err != nil {
		return 0, err
	}
	wide := l.headSize()
	if d = len(p.Head.Weight) / wide; d < 1 || len(p.Head.Weight)%wide != 0 {
		return 0, fmt.Errorf("loss: %s: head.weight has %d elements; it must have %d rows", adaptiveName, len(p.Head.Weight), wide)
	}
	if len(input) != len(target)*d {
		return 0, badLength(adaptiveName, "input", len(input), len(target)*d)
	}
	if len(p.Tails) != len(l.Cutoffs) {
		return 0, badLength(adaptiveName, "the tails", len(p.Tails), len(l.Cutoffs))
	}
	if err := optional(adaptiveName, wide, of("head.bias", p.Head.Bias)); err != nil {
		return 0, err
	}
	if err := optional(adaptiveName, len(input), by("input", dInput)); err != nil {
		return 0, err
	}
	for i, t := range p.Tails {
		k := l.end(i) - l.Cutoffs[i]
		if h := len(t.Project) / d; h < 1 || len(t.Project)%d != 0 || len(t.Out) != k*h {
			return 0, fmt.Errorf("loss: %s: tail.%d has weights of %d and %d elements; they must be [hidden, %d] and [%d, hidden]", adaptiveName, i, len(t.Project), len(t.Out), d, k)
		}
	}
	if grad != nil {
		return d, sameParams(p, grad)
	}
	return d, nil
}

// sameParams checks that gradients have their parameters' sizes.
func sameParams[T tensor.Float](p, grad *Adaptive[T]) error {
	fits := len(grad.Head.Weight) == len(p.Head.Weight) && len(grad.Tails) == len(p.Tails) &&
		(grad.Head.Bias == nil || len(grad.Head.Bias) == len(p.Head.Bias))
	for i := 0; fits && i < len(p.Tails); i++ {
		fits = len(grad.Tails[i].Project) == len(p.Tails[i].Project) && len(grad.Tails[i].Out) == len(p.Tails[i].Out)
	}
	if !fits {
		return fmt.Errorf("loss: %s: the gradients have not the parameters' sizes", adaptiveName)
	}
	return nil
}

func adaptiveLogSoftmaxEntry() Entry {
	return Entry{
		Name: "adaptive_log_softmax", Type: adaptiveName, PyTorch: adaptiveName,
		Formula: "−log p(y), p a softmax in clusters of classes", Domain: "x real; y a class", Margin: "> 0", Kinks: "none",
		Source: []string{"grave2017"},
		Inputs: []Input{
			{Name: "input", Grad: true, Is: "[N, D] or [D]"},
			{Name: "target", Is: "classes [N] or []"},
			{Name: "head.weight", Grad: true, Is: "[cutoffs[0] + clusters, D]"},
			{Name: "head.bias", Grad: true, Optional: true},
			{Name: "tail.*.0.weight", Grad: true, Optional: true, Is: "[hidden, D] of cluster *"},
			{Name: "tail.*.1.weight", Grad: true, Optional: true, Is: "[classes of cluster *, hidden]"},
		},
		Options: []Option{
			{"in_features", "D", "checked against head.weight"},
			{"n_classes", "none", "number of classes; must be given"},
			{"cutoffs", "none", "an array of class indices; must be given"},
			{"div_value", "none", "checked against tail.*.0.weight: hidden is D/div_value^(cluster + 1), rounded down"},
			{"head_bias", "whether head.bias is given", "checked against head.bias"},
		},
		run32: callAdaptive[float32], run64: callAdaptive[float64],
	}
}

func callAdaptive[T tensor.Float](c *Call[T]) error {
	x := c.float("input")
	y := c.ints("target")
	l := &AdaptiveLogSoftmaxWithLoss[T]{Classes: c.whole("n_classes", 0)}
	cutoffs, _ := c.array("cutoffs")
	for i, v := range cutoffs.Data {
		if float64(v) != math.Trunc(float64(v)) {
			c.fail("cutoffs[%d] is %v; it must be a whole number", i, v)
		}
		l.Cutoffs = append(l.Cutoffs, int(v))
	}
	if len(x.Shape) == 0 || len(x.Shape) > 2 {
		c.fail("input has shape %v; it must be [N, D] or [D]", x.Shape)
	} else {
		c.sameShape("target", y.Shape, "input without its features", x.Shape[:len(x.Shape)-1])
	}
	if c.err != nil {
		return c.err
	}
	if err := l.checkCutoffs(); err != nil {
		return err
	}
	d := x.Shape[len(x.Shape)-1]
	matrix := func(name string) (value, grad []T) {
		w := c.float(name)
		if !c.has(name) || len(w.Shape) != 2 {
			c.fail("%s has shape %v; it must be a matrix", name, w.Shape)
		}
		return w.Data, c.grad(name)
	}
	p, grad := &Adaptive[T]{}, &Adaptive[T]{}
	p.Head.Weight, grad.Head.Weight = matrix("head.weight")
	if c.has("head.bias") {
		p.Head.Bias, grad.Head.Bias = c.float("head.bias").Data, c.grad("head.bias")
	}
	for i := range l.Cutoffs {
		var t, g AdaptiveTail[T]
		t.Project, g.Project = matrix(fmt.Sprintf("tail.%d.0.weight", i))
		t.Out, g.Out = matrix(fmt.Sprintf("tail.%d.1.weight", i))
		p.Tails, grad.Tails = append(p.Tails, t), append(grad.Tails, g)
	}
	if c.whole("in_features", d) != d || c.flag("head_bias", p.Head.Bias != nil) != (p.Head.Bias != nil) {
		c.fail("in_features or head_bias do not fit the inputs")
	}
	if by := c.number("div_value", math.NaN()); !math.IsNaN(by) {
		for i, t := range p.Tails {
			hidden, want := len(t.Project)/max(d, 1), math.Floor(float64(d)/math.Pow(by, float64(i+1)))
			if float64(hidden) != want {
				c.fail("tail.%d.0.weight has %d rows; with div_value %v it must have %v", i, hidden, by, want)
			}
		}
	}
	dx := c.grad("input")
	return c.finish(nil, nil, func() (float64, error) { return l.Eval(x.Data, y.Data, p, dx, grad) })
}
