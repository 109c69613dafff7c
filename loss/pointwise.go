package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// points is one call of a pointwise loss. Its arguments are named for errors.
type points[T tensor.Float] struct {
	simd.PointArgs[T]
	loss      string
	point     simd.Point
	names     [3]string
	domains   [3]string // what each argument must be, for the error that names the element outside
	unchecked bool      // what is outside the domain passes
	batch     int       // of batchMean
	total     float64   // what a mean is over
}

// A meanOver says what a mean is divided by.
type meanOver uint8

const (
	countMean    meanOver = iota // the number of elements
	weightedMean                 // the sum of the weights
	batchMean                    // the size of the batch
)

// check checks lengths and weights, and finds what a mean is over.
func (p *points[T]) check(over meanOver) error {
	n := len(p.A)
	if err := alike(p.loss, n, of(p.names[1], p.B)); err != nil {
		return err
	}
	if p.names[2] != "" {
		if err := alike(p.loss, n, of(p.names[2], p.C)); err != nil {
			return err
		}
	}
	if err := optional(p.loss, n,
		by(p.names[0], p.DA), by(p.names[1], p.DB), by(p.names[2], p.DC)); err != nil {
		return err
	}
	p.total = float64(n)
	if over == batchMean {
		p.total = float64(p.batch)
	}
	if p.Weight == nil {
		return nil
	}
	if err := repeats(p.loss, "weight", p.Weight, n); err != nil {
		return err
	}
	if over == weightedMean {
		p.total = simd.Sum(p.Weight) * float64(n/max(len(p.Weight), 1))
	}
	return nil
}

// repeats checks that w, repeated, covers n elements, and that it holds finite numbers.
func repeats[T tensor.Float](loss, arg string, w []T, n int) error {
	if len(w) == 0 && n > 0 || len(w) > 0 && (n%len(w) != 0 || n == 0) {
		return badLength(loss, arg, len(w), n)
	}
	return finite(loss, arg, w)
}

// finite checks that all of x are finite.
func finite[T tensor.Float](loss, arg string, x []T) error {
	if !simd.HasNonFinite(x) {
		return nil
	}
	for i, v := range x {
		if v-v != 0 {
			return badValue(loss, arg, i, v, "a finite number")
		}
	}
	return nil
}

// residual is a call of a loss of input and target.
func residual[T tensor.Float](loss string, point simd.Point, input, target, dInput, dTarget, weight []T, k ...float64) points[T] {
	p := points[T]{
		loss: loss, point: point, names: [3]string{"input", "target"},
		PointArgs: simd.PointArgs[T]{A: input, B: target, DA: dInput, DB: dTarget, Weight: weight},
	}
	copy(p.K[:], k)
	return p
}

// reduce checks, evaluates and reduces.
func (p *points[T]) reduce(over meanOver, r Reduction) (float64, error) {
	if err := p.check(over); err != nil {
		return 0, err
	}
	scale, err := r.scale(p.loss, p.total)
	if err != nil {
		return 0, err
	}
	p.Scale = scale
	sum, bad := simd.Points(p.point, &p.PointArgs)
	if bad >= 0 && !p.unchecked {
		return 0, p.outside(bad)
	}
	return reduced(sum, scale), nil
}

// each checks, and evaluates every element into dst.
func (p *points[T]) each(dst, up []T) error {
	if err := p.check(countMean); err != nil {
		return err
	}
	if err := alike(p.loss, len(p.A), of("the result", dst)); err != nil {
		return err
	}
	if err := optional(p.loss, len(p.A), of("the upstream gradient", up)); err != nil {
		return err
	}
	p.L, p.Up, p.Scale = dst, up, 1
	if _, bad := simd.Points(p.point, &p.PointArgs); bad >= 0 && !p.unchecked {
		return p.outside(bad)
	}
	return nil
}

// outside names the argument of element i that lies outside the loss's domain: the
// first whose own value does when the others are harmless.
func (p *points[T]) outside(i int) error {
	for j, x := range [3][]T{p.A, p.B, p.C} {
		if p.domains[j] == "" || x == nil {
			continue
		}
		if !inDomain(p.domains[j], float64(x[i%len(x)])) {
			return badValue(p.loss, p.names[j], i, x[i%len(x)], p.domains[j])
		}
	}
	return badValue(p.loss, p.names[0], i, p.A[i], "in the loss's domain")
}

// The domains that arguments may have, in the words of the errors.
const (
	plusMinusOne = "1 or -1"
	unitInterval = "a number from 0 to 1"
	nonNegative  = "a number of at least 0"
)

func inDomain(domain string, v float64) bool {
	switch domain {
	case plusMinusOne:
		return v == 1 || v == -1
	case unitInterval:
		return v >= 0 && v <= 1
	case nonNegative:
		return v >= 0
	}
	return !math.IsNaN(v)
}

// at2 is a pointwise loss of two arguments at one point.
func at2(p simd.Point, a, b float64, k ...float64) (l, da, db float64) {
	var all [simd.PointFactors]float64
	copy(all[:], k)
	l, da, db, _ = simd.PointAt(p, a, b, math.NaN(), all)
	return l, da, db
}
