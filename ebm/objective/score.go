package objective

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// DenoisingScore is denoising score matching: the slope of the energy at data with noise
// has to point back to the data.
//
//	mean ½‖σ·∇E(y + σξ) − ξ‖²   ξ standard normal
//
// What it learns is the data's density blurred by noise of scale σ. The value is exact.
// Its gradient by the weights needs ∇_W⟨u, ∇_yE⟩ for the fixed directions
// u = σ(σ∇E − ξ)/B, which is the central difference of ∇_WE at y + σξ ± H·u/‖u‖: exact
// for energies of second degree, and off by O(H²) for others.
//
// Source: [vincent2011]; [pang2020] for the differences.
type DenoisingScore[T tensor.Float] struct {
	Sigma float64
	H     float64 // step of the difference; 0: 0.01

	slopes *energy.Slopes[T]
	of     energy.Surface
	noisy  *tensor.Tensor // [2B, D]
	xi     []T
	slope  []T
	e      []float64
	grad   frozen[T]
}

// Record implements Objective.
func (o *DenoisingScore[T]) Record(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error) {
	if err := o.check(tape, s, y); err != nil {
		return nil, err
	}
	o.slopes = slopesOf(o.slopes, &o.of, s)
	b, d := y.Dim(0), s.Dim()
	if o.noisy == nil {
		o.noisy = tensor.New(tape.DType())
	}
	o.noisy.Resize(2*b, d)
	points := tensor.Data[T](o.noisy)
	at := points[:b*d]
	o.xi, o.slope, o.e = scratch.Sized(o.xi, b*d), scratch.Sized(o.slope, b*d), scratch.Sized(o.e, b)
	for i := range o.xi {
		o.xi[i] = T(rng.NormFloat64())
	}
	copy(at, tensor.Data[T](y))
	simd.AXPY(at, T(o.Sigma), o.xi)
	o.slopes.Energies(o.e, o.slope, at)
	if err := checkFinite(denoising, o.e); err != nil {
		return nil, err
	}
	return o.record(s.Energy(nil, tape.Const(o.spread(points, b, d)))), nil
}

const denoising = "denoising_score"

func (o *DenoisingScore[T]) check(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor) error {
	switch {
	case !(o.Sigma > 0 && o.Sigma <= math.MaxFloat64):
		return outOfRange(denoising, "Sigma", o.Sigma, "a finite number above 0")
	case !(o.H >= 0 && o.H <= math.MaxFloat64):
		return outOfRange(denoising, "H", o.H, "a finite number from 0 on")
	}
	return checkArguments[T](denoising, tape, s, y)
}

// spread turns the slopes into the residuals σ∇E − ξ and moves the points apart along
// them: the first half to +H, the second to −H.
func (o *DenoisingScore[T]) spread(points []T, b, d int) *tensor.Tensor {
	simd.Scale(o.slope, o.slope, T(o.Sigma))
	simd.AXPY(o.slope, -1, o.xi)
	copy(points[b*d:], points[:b*d])
	for i := range b {
		r := o.slope[i*d : (i+1)*d]
		o.e[i] = math.Sqrt(simd.SumSquares(r))
		if o.e[i] > 0 {
			step := T(o.step() / o.e[i])
			simd.AXPY(points[i*d:(i+1)*d], step, r)
			simd.AXPY(points[(b+i)*d:(b+i+1)*d], -step, r)
		}
	}
	return o.noisy
}

// record records the value with the derivatives ±‖u‖/(2H) by the energies at both ends.
func (o *DenoisingScore[T]) record(e *autodiff.Var) *autodiff.Var {
	b := len(o.e)
	o.grad.d = scratch.Sized(o.grad.d, 2*b)
	var value float64
	for i, norm := range o.e {
		value += norm * norm / (2 * float64(b))
		g := T(o.Sigma * norm / (2 * o.step() * float64(b)))
		o.grad.d[i], o.grad.d[b+i] = g, -g
	}
	return o.grad.record(e, value)
}

func (o *DenoisingScore[T]) step() float64 {
	if o.H == 0 {
		return 0.01
	}
	return o.H
}

// SlicedScore is sliced score matching by finite differences, which takes nothing but
// energies:
//
//	mean ½((E(y+Hv) − E(y−Hv))/2H)² − (E(y+Hv) − 2E(y) + E(y−Hv))/H²   v random signs
//
// As H goes to 0 that is ½⟨v, ∇E⟩² − vᵀ∇²E v, whose mean over v is the score matching
// objective ½‖∇E‖² − ΔE; its minimum is the data's own density. The value is unbounded
// below where the data are few points. In float32 the second difference loses digits
// below H of about 0.03.
//
// Source: [hyvarinen2005], [song2019] for slices, [pang2020] for the differences.
type SlicedScore[T tensor.Float] struct {
	H float64 // 0: 0.1

	points *tensor.Tensor // [3B, D]
	grad   frozen[T]
}

// Record implements Objective.
func (o *SlicedScore[T]) Record(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error) {
	const name = "sliced_score"
	if err := checkArguments[T](name, tape, s, y); err != nil {
		return nil, err
	}
	if !(o.H >= 0 && o.H <= math.MaxFloat64) {
		return nil, outOfRange(name, "H", o.H, "a finite number from 0 on")
	}
	b, d := y.Dim(0), s.Dim()
	if o.points == nil {
		o.points = tensor.New(tape.DType())
	}
	o.points.Resize(3*b, d)
	points, h := tensor.Data[T](o.points), o.step()
	for i, v := range tensor.Data[T](y) {
		step := T(h)
		if rng.Uint64()&1 == 0 {
			step = -step
		}
		points[i], points[b*d+i], points[2*b*d+i] = v, v+step, v-step
	}
	e := s.Energy(nil, tape.Const(o.points))
	energies := tensor.Data[T](e.Value)
	if err := checkFinite(name, energies); err != nil {
		return nil, err
	}
	o.grad.d = scratch.Sized(o.grad.d, 3*b)
	var value float64
	for i := range b {
		at, up, down := float64(energies[i]), float64(energies[b+i]), float64(energies[2*b+i])
		slope, bend := (up-down)/(2*h), (up-2*at+down)/(h*h)
		value += (float64(slope*slope/2) - bend) / float64(b)
		first, second := slope/(2*h*float64(b)), 1/(h*h*float64(b))
		o.grad.d[i], o.grad.d[b+i], o.grad.d[2*b+i] = T(2*second), T(first-second), T(-first-second)
	}
	return o.grad.record(e, value), nil
}

func (o *SlicedScore[T]) step() float64 {
	if o.H == 0 {
		return 0.1
	}
	return o.H
}
