package simd

import "math"

// The functions of this file are the recursions of CTC over the states of one sequence:
// blank 0, label 0, blank 1, …, label S−1, blank S. Each probability is a pair m·2ᵉ of a
// mantissa and a whole exponent, both of T, so that nothing underflows: states of one frame
// may differ by far more than the range of T.
//
// A row of states holds blank i and label i side by side in blocks of Lanes:
//
//	Lanes mantissas of blanks, their exponents, the labels' mantissas, their exponents
//
// A row has 4·Width numbers, where Width is a multiple of Lanes above S. What is beyond
// blank S and label S−1 stays without influence.

// CTCNone is the exponent of probability 0, whatever the mantissa; anything below half of it
// is taken for it too. It is finite, so that differences of exponents are no NaN.
const CTCNone = -1e30

// CTCFar bounds logarithms: one below −CTCFar is that of 0, and one above CTCFar no number. Sums of
// some thousand within it are exact in float64 to a fraction of 1.
const CTCFar = 1e12

// CTCKernels are the recursions at one level.
type CTCKernels[T Float] struct {
	Lanes int

	// Emit computes m·2ᵉ = exp(x) with m in [√½, √2], whole blocks of Lanes, and returns the
	// greatest |e| of those that are not 0: +Inf where an x is NaN or above CTCFar. An x below −CTCFar
	// has exp(x) = 0.
	Emit func(m, e, x []T) T

	// Forward computes the rows 1 to frames of alpha from row 0:
	//
	//	B'[i] = (B[i] + L[i−1])·p_blank
	//	L'[i] = (L[i] + B[i] + skip[i]·L[i−1])·p[i]
	//
	// A frame has width emissions: S labels', then the blank's. skip holds exponents, 0 or
	// CTCNone.
	Forward func(alpha, m, e, skip []T, frames, width, labels int)

	// Backward goes from the last frame to the first. beta is a row of q = β·p of the frame
	// after, and is overwritten with that of the first frame. With
	//
	//	β_B[i] = qB[i] + qL[i]
	//	β_L[i] = qL[i] + qB[i+1] + skip[i+1]·qL[i+1]
	//
	// it computes share[t,i] = α_L[i]·β_L[i]·2^shift and sums[2t] = Σ_i α_B[i]·β_B[i]·2^shift,
	// sums[2t+1] = Σ_i share[t,i]. alpha is as Forward left it; skip has width + 1 exponents.
	Backward func(share, sums, beta, alpha, m, e, skip []T, frames, width, labels int, shift T)
}

// CTC returns the recursions of the current level.
func CTC[T Float]() *CTCKernels[T] { return &tableOf[T]().ctc }

func plainCTC[T Float]() CTCKernels[T] {
	return CTCKernels[T]{Lanes: 8, Emit: ctcEmit[T], Forward: ctcForward[T], Backward: ctcBackward[T]}
}

// pow2 returns 2ᵈ for a whole d, at most 1000; far below 1 it is 0.
func pow2(d float64) float64 {
	if d < -1000 {
		return 0
	}
	return math.Float64frombits(uint64(1023+int64(d)) << 52)
}

// parts splits a normal positive v·2ᵉ.
func parts[T Float](v, e float64) (m, exponent T) {
	b := math.Float64bits(v)
	k := int64(b>>52) - 1023
	return T(math.Float64frombits(b&(1<<52-1) | 1023<<52)), T(e + float64(k))
}

func ctcEmit[T Float](m, e, x []T) T {
	const (
		hi = 6.93147180369123816490e-01 // 32 bits
		lo = math.Ln2 - hi
	)
	most := 0.0
	for i, v := range x {
		n := math.Round(float64(v) * math.Log2E)
		r := math.FMA(-n, lo, math.FMA(-n, hi, float64(v)))
		switch {
		case v < -CTCFar:
			n, r = CTCNone, 0
		case !(v <= CTCFar):
			most = math.Inf(1)
		default:
			most = max(most, math.Abs(n))
		}
		m[i], e[i] = T(math.Exp(r)), T(n)
	}
	return T(most)
}

// A ctcRow gives the states of a row by their number.
type ctcRow[T Float] []T

const ctcLanes = 8 // of plain Go

func (r ctcRow[T]) at(i int) (bm, be, lm, le float64) {
	r = r[i/ctcLanes*4*ctcLanes+i%ctcLanes:]
	return float64(r[0]), float64(r[ctcLanes]), float64(r[2*ctcLanes]), float64(r[3*ctcLanes])
}

func (r ctcRow[T]) set(i int, b, be, l, le float64) {
	r = r[i/ctcLanes*4*ctcLanes+i%ctcLanes:]
	r[0], r[ctcLanes] = parts[T](b, be)
	r[2*ctcLanes], r[3*ctcLanes] = parts[T](l, le)
}

func ctcForward[T Float](alpha, m, e, skip []T, frames, width, labels int) {
	for t := range frames {
		from, to := ctcRow[T](alpha[t*4*width:]), ctcRow[T](alpha[(t+1)*4*width:])
		pm, pe := m[t*width:][:width], e[t*width:][:width]
		blank, blankE := float64(pm[labels]), float64(pe[labels])
		beforeM, beforeE := 1.0, float64(CTCNone) // label i−1
		for i := range width {
			bm, be, lm, le := from.at(i)
			top := max(be, beforeE)
			b := bm*pow2(be-top) + beforeM*pow2(beforeE-top)
			skipE := beforeE + float64(skip[i])
			peak := max(be, le, skipE)
			l := bm*pow2(be-peak) + lm*pow2(le-peak) + beforeM*pow2(skipE-peak)
			to.set(i, b*blank, top+blankE, l*float64(pm[i]), peak+float64(pe[i]))
			beforeM, beforeE = lm, le
		}
	}
}

func ctcBackward[T Float](share, sums, beta, alpha, m, e, skip []T, frames, width, labels int, shift T) {
	for t := frames - 1; t >= 0; t-- {
		a, q := ctcRow[T](alpha[(t+1)*4*width:]), ctcRow[T](beta)
		pm, pe, out := m[t*width:][:width], e[t*width:][:width], share[t*width:][:width]
		blank, blankE := float64(pm[labels]), float64(pe[labels])
		nextBM, nextBE, nextLM, nextLE := 1.0, float64(CTCNone), 1.0, float64(CTCNone) // of i+1
		var blanks, all float64
		for i := width - 1; i >= 0; i-- {
			bm, be, lm, le := q.at(i)
			top := max(be, le)
			b := bm*pow2(be-top) + lm*pow2(le-top)
			skipE := nextLE + float64(skip[i+1])
			peak := max(le, nextBE, skipE)
			l := lm*pow2(le-peak) + nextBM*pow2(nextBE-peak) + nextLM*pow2(skipE-peak)
			abm, abe, alm, ale := a.at(i)
			blanks += abm * b * pow2(abe+top+float64(shift))
			part := alm * l * pow2(ale+peak+float64(shift))
			out[i] = T(part)
			all += part
			q.set(i, b*blank, top+blankE, l*float64(pm[i]), peak+float64(pe[i]))
			nextBM, nextBE, nextLM, nextLE = bm, be, lm, le
		}
		sums[2*t], sums[2*t+1] = T(blanks), T(all)
	}
}
