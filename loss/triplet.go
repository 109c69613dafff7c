package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// TripletMargin wants an anchor nearer to its positive than to its negative by a margin.
//
// With d(a, b) = ‖a − b + Eps‖_P, Eps being added to every difference,
//
//	ℓ = max(0, Margin + d(anchor, positive) − d(anchor, negative))
//
// and with Swap, min(d(anchor, negative), d(positive, negative)) instead of the last.
//
// Shapes: three times N rows of dim coordinates; a loss for each triple. The mean divides
// by N.
// Units: Margin and ℓ have the inputs', except with P = 0.
// Kinks: the gradient passes at ℓ = 0; with Swap, equal distances share it by halves. The
// derivative of d is 0 where d is 0, and by differences that are 0; for P = +Inf it is
// divided among equal maxima; for P = 0 it is 0.
// Special cases: powers that overflow or vanish give the right distance; one that is infinite
// makes ℓ NaN or +Inf, never 0.
// Errors: Margin that is not above 0; P negative or NaN; Eps not finite; lengths that differ
// or do not fit.
// PyTorch: nn.TripletMarginLoss(margin=Margin, p=P, eps=Eps, swap=Swap).
// Source: [schroff2015], Swap [balntas2016].
type TripletMargin[T tensor.Float] struct {
	Margin    float64 // NewTripletMargin's is 1
	P         float64 // NewTripletMargin's is 2; +Inf is the greatest difference, 0 the number of differences
	Eps       float64 // NewTripletMargin's is 1e-6
	Swap      bool
	Reduction Reduction

	pairwise PairwiseDistance[T]
	job      tripletJob[T]
}

// NewTripletMargin returns the loss with PyTorch's defaults.
func NewTripletMargin[T tensor.Float]() *TripletMargin[T] {
	return &TripletMargin[T]{Margin: 1, P: 2, Eps: 1e-6}
}

// TripletMarginLoss returns the mean loss with PyTorch's defaults over rows of dim
// coordinates, and writes its gradients: F.triplet_margin_loss.
func TripletMarginLoss[T tensor.Float](anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T) (float64, error) {
	return NewTripletMargin[T]().Eval(anchor, positive, negative, dim, dAnchor, dPositive, dNegative)
}

// Eval returns the loss and writes its gradients.
func (l *TripletMargin[T]) Eval(anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T) (float64, error) {
	x := simd.TripletArgs[T]{A: anchor, P: positive, N: negative, Dim: dim, DA: dAnchor, DP: dPositive, DN: dNegative}
	if err := l.options(&x); err != nil {
		return 0, err
	}
	return l.job.eval("TripletMargin", &l.pairwise, x, l.Reduction)
}

// Each writes the loss of each triple to dst, and the gradients under the upstream
// gradient up of dst; nil stands for ones.
func (l *TripletMargin[T]) Each(dst, up, anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T) error {
	x := simd.TripletArgs[T]{A: anchor, P: positive, N: negative, Dim: dim, DA: dAnchor, DP: dPositive, DN: dNegative}
	if err := l.options(&x); err != nil {
		return err
	}
	return l.job.each("TripletMargin", &l.pairwise, x, dst, up)
}

func (l *TripletMargin[T]) options(x *simd.TripletArgs[T]) error {
	const name = "TripletMargin"
	if !(l.P >= 0) {
		return badOption(name, "p", l.P, "at least 0")
	}
	if err := finiteOption(name, "eps", l.Eps); err != nil {
		return err
	}
	l.pairwise = PairwiseDistance[T]{l.P, l.Eps}
	x.Margin, x.Swap = l.Margin, l.Swap
	return checkTriplet(name, x)
}

// checkTriplet checks what all triplet losses have.
func checkTriplet[T tensor.Float](loss string, x *simd.TripletArgs[T]) error {
	if err := above0(loss, "margin", x.Margin); err != nil {
		return err
	}
	if _, err := rowsOf(loss, "anchor", len(x.A), "dim", x.Dim); err != nil {
		return err
	}
	if err := alike(loss, len(x.A), of("positive", x.P), of("negative", x.N)); err != nil {
		return err
	}
	return optional(loss, len(x.A),
		by("anchor", x.DA), by("positive", x.DP), by("negative", x.DN))
}

const (
	tripletFormula = "max(0, margin + d(a, p) − d(a, n)); with swap, min(d(a, n), d(p, n)) for the last"
	tripletKinks   = "ℓ = 0: the gradient passes; equal distances under swap share it by halves; d = 0: derivative 0"
)

var tripletInputs = []Input{
	{Name: "anchor", Grad: true, Is: "rows [N, D] or [D]"},
	{Name: "positive", Grad: true, Is: "rows, of the same shape"},
	{Name: "negative", Grad: true, Is: "rows, of the same shape"},
}

var swapOption = Option{"swap", "false", "whether the positive's distance from the negative may stand in"}

func tripletMarginEntry() Entry {
	return Entry{
		Name: "triplet", Type: "TripletMargin", PyTorch: "TripletMarginLoss",
		Formula: tripletFormula + "; d(a, b) = ‖a − b + eps‖_p", Domain: "rows of real numbers", Margin: "margin = 1",
		Kinks:   tripletKinks,
		Differs: "powers that overflow or vanish give the right distance",
		Source:  []string{"schroff2015", "balntas2016"},
		Inputs:  tripletInputs,
		Options: []Option{
			{"margin", "1", "a number above 0"},
			{"p", "2", "the norm's degree, from 0 to Infinity"},
			{"eps", "1e-06", "a number"},
			swapOption, reductionOption,
		},
		run32: callTripletMargin[float32], run64: callTripletMargin[float64],
	}
}

func callTripletMargin[T tensor.Float](c *Call[T]) error {
	l := TripletMargin[T]{
		Margin: c.number("margin", 1), P: c.number("p", 2), Eps: c.number("eps", 1e-6),
		Swap: c.flag("swap", false), Reduction: c.reduction(),
	}
	return c.triplet(&l)
}

// triplet evaluates a loss of three inputs.
func (c *Call[T]) triplet(l interface {
	Eval(anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T) (float64, error)
	Each(dst, up, anchor, positive, negative []T, dim int, dAnchor, dPositive, dNegative []T) error
},
) error {
	a, dim, shape := c.samples("anchor")
	p, n := c.float("positive"), c.float("negative")
	c.sameShape("anchor", a.Shape, "positive", p.Shape)
	c.sameShape("anchor", a.Shape, "negative", n.Shape)
	da, dp, dn := c.grad("anchor"), c.grad("positive"), c.grad("negative")
	return c.finish(shape,
		func(dst []T) error { return l.Each(dst, nil, a.Data, p.Data, n.Data, dim, da, dp, dn) },
		func() (float64, error) { return l.Eval(a.Data, p.Data, n.Data, dim, da, dp, dn) })
}
