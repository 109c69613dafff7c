package loss

import (
	"fmt"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// TripletMarginWithDistance is TripletMargin with a distance of the user's choice.
//
//	ℓ = max(0, Margin + d(anchor, positive) − d(anchor, negative))
//
// and with Swap, min(d(anchor, negative), d(positive, negative)) instead of the last.
//
// Shapes: three times N rows of dim coordinates; a loss for each triple. The mean divides
// by N.
// Units: Margin and ℓ have the distance's.
// Kinks: the gradient passes at ℓ = 0; with Swap, equal distances share it by halves.
// Special cases: an infinite distance makes ℓ NaN or +Inf, never 0.
// Errors: Margin that is not above 0; a measure that is not allowed; lengths that differ or do not fit.
// PyTorch: nn.TripletMarginWithDistanceLoss(distance_function=…, margin=Margin, swap=Swap).
// Source: [schroff2015], Swap [balntas2016].
type TripletMarginWithDistance[T tensor.Float] struct {
	Distance  DistanceFunction[T] // nil: NewPairwiseDistance's
	Margin    float64             // NewTripletMarginWithDistance's is 1
	Swap      bool
	Reduction Reduction

	byDefault PairwiseDistance[T]
	job       tripletJob[T]
}

// NewTripletMarginWithDistance returns the loss with PyTorch's defaults.
func NewTripletMarginWithDistance[T tensor.Float]() *TripletMarginWithDistance[T] {
	return &TripletMarginWithDistance[T]{Margin: 1}
}

// TripletMarginWithDistanceLoss returns the mean loss with PyTorch's defaults, for a
// distance between rows of dim coordinates, and writes its gradients:
// F.triplet_margin_with_distance_loss.
func TripletMarginWithDistanceLoss[T tensor.Float](
	d DistanceFunction[T], anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T,
) (float64, error) {
	l := TripletMarginWithDistance[T]{Distance: d, Margin: 1}
	return l.Eval(anchor, positive, negative, dim, dAnchor, dPositive, dNegative)
}

// Eval returns the loss and writes its gradients.
func (l *TripletMarginWithDistance[T]) Eval(
	anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T,
) (float64, error) {
	x := l.args(anchor, positive, negative, dim, dAnchor, dPositive, dNegative)
	if err := l.check(&x); err != nil {
		return 0, err
	}
	return l.job.eval("TripletMarginWithDistance", l.distance(), x, l.Reduction)
}

// Each writes the loss of each triple to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *TripletMarginWithDistance[T]) Each(
	dst, up, anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T,
) error {
	x := l.args(anchor, positive, negative, dim, dAnchor, dPositive, dNegative)
	if err := l.check(&x); err != nil {
		return err
	}
	return l.job.each("TripletMarginWithDistance", l.distance(), x, dst, up)
}

func (l *TripletMarginWithDistance[T]) check(x *simd.TripletArgs[T]) error {
	const name = "TripletMarginWithDistance"
	if m, ok := l.Distance.(Measured[T]); ok {
		if err := checkMeasure(name, m.Measure); err != nil {
			return err
		}
	}
	return checkTriplet(name, x)
}

func (l *TripletMarginWithDistance[T]) args(
	anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T,
) simd.TripletArgs[T] {
	return simd.TripletArgs[T]{
		A: anchor, P: positive, N: negative, Dim: dim, Margin: l.Margin, Swap: l.Swap,
		DA: dAnchor, DP: dPositive, DN: dNegative,
	}
}

func (l *TripletMarginWithDistance[T]) distance() DistanceFunction[T] {
	if l.Distance == nil {
		l.byDefault = *NewPairwiseDistance[T]()
		return &l.byDefault
	}
	return l.Distance
}

// A tripletJob evaluates triplet losses, whatever their distance. It has one goroutine's
// scratch memory, and is cut into runs of step rows.
type tripletJob[T tensor.Float] struct {
	simd.TripletArgs[T]
	d       DistanceFunction[T]
	step    int
	partial []float64
	wide    []float64 // three rows of each worker: gradients add up in float64
}

func (j *tripletJob[T]) eval(loss string, d DistanceFunction[T], x simd.TripletArgs[T], r Reduction) (float64, error) {
	scale, err := r.scale(loss, float64(len(x.A)/x.Dim))
	if err != nil {
		return 0, err
	}
	x.Scale = scale
	return reduced(j.run(d, x), scale), nil
}

func (j *tripletJob[T]) each(loss string, d DistanceFunction[T], x simd.TripletArgs[T], dst, up []T) error {
	if err := eachOf(loss, len(x.A)/x.Dim, dst, up); err != nil {
		return err
	}
	x.L, x.Up, x.Scale = dst, up, 1
	j.run(d, x)
	return nil
}

// run returns the sum of the losses. The distances that have a kernel take it.
func (j *tripletJob[T]) run(d DistanceFunction[T], x simd.TripletArgs[T]) (sum float64) {
	if p, ok := d.(*PairwiseDistance[T]); ok && simd.HasTriplet(p.P) {
		x.Norm, x.Eps = p.P, p.Eps
		return simd.TripletRows(&x)
	}
	const chunk = 8 << 10 // elements; sums depend on it
	step := max(1, chunk/x.Dim)
	tasks := (len(x.A)/x.Dim + step - 1) / step
	*j = tripletJob[T]{x, d, step, scratch.Sized(j.partial, tasks), scratch.Sized(j.wide, 3*max(simd.Threads(), 1)*x.Dim)}
	simd.Run(tasks, j)
	for _, s := range j.partial {
		sum += s
	}
	*j = tripletJob[T]{partial: j.partial, wide: j.wide} // keeps nothing of the caller's
	return sum
}

// Do does the rows of one task.
func (j *tripletJob[T]) Do(task, worker int) {
	wide := j.wide[3*worker*j.Dim:][:3*j.Dim]
	var sum float64
	for r := task * j.step; r < min((task+1)*j.step, len(j.A)/j.Dim); r++ {
		l := j.row(r, wide)
		sum += l
		if j.L != nil {
			j.L[r] = T(l)
		}
	}
	j.partial[task] = sum
}

func (j *tripletJob[T]) row(r int, wide []float64) float64 {
	lo, hi := r*j.Dim, (r+1)*j.Dim
	a, p, n := j.A[lo:hi], j.P[lo:hi], j.N[lo:hi]
	ap, an := j.d.Between(a, p), j.d.Between(a, n)
	var pn float64
	if j.Swap {
		pn = j.d.Between(p, n)
	}
	l, dap, dan, dpn := simd.TripletHinge(ap, an, pn, j.Margin, j.Swap)
	if j.DA == nil && j.DP == nil && j.DN == nil {
		return l
	}
	up := j.Scale
	if j.Up != nil {
		up *= float64(j.Up[r])
	}
	clear(wide)
	da, dp, dn := wide[:j.Dim], wide[j.Dim:2*j.Dim], wide[2*j.Dim:]
	for _, s := range [3]struct {
		dx, dy []float64
		x, y   []T
		d, up  float64
	}{{da, dp, a, p, ap, up * dap}, {da, dn, a, n, an, up * dan}, {dp, dn, p, n, pn, up * dpn}} {
		if s.up != 0 {
			j.d.Slope(s.dx, s.dy, s.x, s.y, s.d, s.up)
		}
	}
	for i, d := range [3][]T{j.DA, j.DP, j.DN} {
		if d == nil {
			continue
		}
		for k, v := range wide[i*j.Dim : (i+1)*j.Dim] {
			d[lo+k] = T(v)
		}
	}
	return l
}

func tripletMarginWithDistanceEntry() Entry {
	return Entry{
		Name: "triplet_with_distance", Type: "TripletMarginWithDistance", PyTorch: "TripletMarginWithDistanceLoss",
		Formula: tripletFormula, Domain: "rows of real numbers", Margin: "margin = 1",
		Kinks:  tripletKinks,
		Source: []string{"schroff2015", "balntas2016"},
		Inputs: tripletInputs,
		Options: []Option{
			{"distance_function", "pairwise_distance", "pairwise_distance, cosine_similarity (1 less it) or squared_euclidean"},
			{"margin", "1", "a number above 0"},
			swapOption, reductionOption,
		},
		run32: callTripletMarginWithDistance[float32], run64: callTripletMarginWithDistance[float64],
	}
}

func callTripletMarginWithDistance[T tensor.Float](c *Call[T]) error {
	d, err := distanceNamed[T](c.text("distance_function", "pairwise_distance"))
	if err != nil {
		c.fail("%v", err)
	}
	l := TripletMarginWithDistance[T]{
		Distance: d, Margin: c.number("margin", 1), Swap: c.flag("swap", false), Reduction: c.reduction(),
	}
	return c.triplet(&l)
}

// distanceNamed returns a distance by the name of PyTorch's function.
func distanceNamed[T tensor.Float](name string) (DistanceFunction[T], error) {
	switch name {
	case "pairwise_distance":
		return NewPairwiseDistance[T](), nil
	case "cosine_similarity":
		return CosineDistance[T]{}, nil
	case "squared_euclidean":
		return Measured[T]{distance.Measure{Kind: distance.Squared}}, nil
	}
	return nil, fmt.Errorf("option distance_function is %q; it must be pairwise_distance, cosine_similarity or squared_euclidean", excerpt.Of(name))
}
