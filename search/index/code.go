package index

import (
	"math"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// A row's code is its vector in whole numbers of −127 to 127, times a step of its own. What
// the rounding takes is known exactly, so that a scan of the codes, a quarter of the vectors'
// bytes, tells for all but a few rows that they cannot be among the nearest: see limit.
//
// With the metric cosine, the code is of the vector made as long as 1: half the square of the
// Euclidean distance between such vectors is the cosine distance.
const codeMost = 127

// rowCode is a row as a scan wants it.
type rowCode struct {
	codes []int8  // two a pair of coordinates
	step  float32 // the vector is about its codes times this
	scan  [simd.ScanColumns]float32
}

// The columns of rowCode.scan.
const (
	scanStep = iota // what the codes are to be multiplied by; with cosine not step
	scanNorm        // ‖scanStep·codes‖, or with Euclidean and cosine its square
	scanErr         // at least ‖vector − scanStep·codes‖
)

// pairsOf is how many pairs of coordinates a vector has; a last single one counts.
func pairsOf(dim int) int { return (dim + 1) / 2 }

// encode makes v's code in r, whose codes have room for it.
func (r *rowCode) encode(o Options, v []float32) {
	clear(r.codes)
	var top float64
	for _, x := range v {
		top = max(top, math.Abs(float64(x)))
	}
	r.step = float32(top / codeMost)
	switch {
	case r.step < smallestNormal && o.Metric == distance.Cosine && o.Storage == Int8:
		// No step is fine enough for so short a vector: its direction is kept.
		r.encodeDirection(v, top)
	case r.step > 0:
		for i, x := range v {
			c := math.RoundToEven(float64(x) / float64(r.step))
			r.codes[i] = int8(max(-codeMost, min(codeMost, c)))
		}
	}
	r.measure(o, v)
}

// smallestNormal is the least float32 that has all its digits.
const smallestNormal = 0x1p-126

// encodeDirection is encode for a vector whose step has few digits, or none.
func (r *rowCode) encodeDirection(v []float32, top float64) {
	r.step = max(r.step, math.SmallestNonzeroFloat32)
	for i, x := range v {
		r.codes[i] = int8(math.RoundToEven(float64(x) / top * codeMost))
	}
}

// measure finds what a scan wants of the code. With Int8 the codes times the step are the vector.
func (r *rowCode) measure(o Options, v []float32) {
	kept := func(i int) float64 {
		if o.Storage == Int8 {
			return float64(r.step * float32(r.codes[i]))
		}
		return float64(v[i])
	}
	factor, step := 1.0, r.step
	if o.Metric == distance.Cosine {
		var squares float64
		for i := range v {
			squares += kept(i) * kept(i)
		}
		factor = 1 / math.Sqrt(squares)
		step = float32(float64(r.step) * factor)
	}
	var norm, err float64
	for i := range v {
		coded := float64(float64(step) * float64(r.codes[i]))
		norm += coded * coded
		off := float64(kept(i)*factor) - coded
		err += off * off
	}
	if o.Metric == distance.Dot {
		norm = math.Sqrt(norm)
	}
	r.scan = [...]float32{scanStep: step, scanNorm: float32(norm), scanErr: above(math.Sqrt(err))}
}

// above is a float32 that is no less than x even if x is a little more than was computed.
func above(x float64) float32 {
	x += 1e-6 * math.Abs(x)
	return math.Nextafter32(float32(min(x, math.MaxFloat32/2)), math.MaxFloat32)
}

// put writes r as row i of a block.
func (r *rowCode) put(codes []int8, scan []float32, i int) {
	for p := range len(r.codes) / 2 {
		codes[p*2*simd.ScanRows+2*i] = r.codes[2*p]
		codes[p*2*simd.ScanRows+2*i+1] = r.codes[2*p+1]
	}
	for c, x := range r.scan {
		scan[c*simd.ScanRows+i] = x
	}
}

// A probe is a query's vector as a scan wants it, in whole numbers times a step, and as the
// distances to candidates want it.
type probe struct {
	metric distance.Kind
	exact  []float64 // the vector; with cosine made as long as 1
	single []float32 // the same, rounded
	length float64   // ‖exact‖
	step   float64
	coded  float64 // ‖step·words‖
	err    float64 // ‖exact − step·words‖
}

// newProbe writes the query's whole numbers to words, which has two a pair.
func newProbe(metric distance.Kind, v []float32, words []int16) *probe {
	p := &probe{metric: metric, exact: make([]float64, len(v))}
	for i, x := range v {
		p.exact[i] = float64(x)
	}
	if metric == distance.Cosine {
		divide(p.exact, length(v))
	}
	var top float64
	for _, x := range p.exact {
		p.length += x * x
		top = max(top, math.Abs(x))
	}
	p.length = math.Sqrt(p.length)
	// A row's product must stay within int32.
	most := float64(min(math.MaxInt16, math.MaxInt32/(codeMost*len(words))))
	p.step = float64(float32(top / most))
	clear(words)
	p.single = make([]float32, len(v))
	for i, x := range p.exact {
		p.single[i] = float32(x)
		if p.step > 0 {
			words[i] = int16(max(-most, min(most, math.RoundToEven(x/p.step))))
		}
		coded := float64(p.step * float64(words[i]))
		p.coded += coded * coded
		p.err += (x - coded) * (x - coded)
	}
	p.coded, p.err = math.Sqrt(p.coded), math.Sqrt(p.err)
	return p
}

// Every float32 result of a scan has a relative error of a few units of 2⁻²⁴, and below
// tiny not even that.
const (
	slack = 0x1p-20
	tiny  = 0x1p-100
)

// limit returns which rows a scan has to mark: all whose distance may be at most worst, which
// is +Inf as long as there is none. With x the row, x̂ its code times the step, e ≥ ‖x − x̂‖,
// and q, q̂, f likewise the query's:
//
//	‖x − q‖ ≥ ‖x̂ − q̂‖ − e − f           so that ‖x̂‖² − 2x̂·q̂ ≤ (worst + f + e)² − ‖q̂‖² is necessary,
//	−x·q ≥ −x̂·q̂ − ‖x̂‖f − e‖q‖           so that −x̂·q̂ − ‖x̂‖f ≤ worst + e‖q‖ is.
func (p *probe) limit(worst float64) simd.ScanLimit {
	if math.IsInf(worst, 1) {
		return simd.ScanLimit{Limit: math.MaxFloat32}
	}
	if p.metric == distance.Dot {
		return simd.ScanLimit{
			Product: float32(-p.step), Norm: -above(p.err + slack*p.coded),
			Limit: above(worst + slack*math.Abs(worst) + tiny), Slope: above(p.length),
		}
	}
	if p.metric == distance.Cosine {
		worst = math.Sqrt(2 * worst)
	}
	reach := (worst + p.err) * (1 + 1e-12)
	room := slack * (reach*reach + p.coded*p.coded)
	return simd.ScanLimit{
		Product: float32(-2 * p.step), Norm: 1 - slack,
		Limit: above(float64(reach*reach) - float64(p.coded*p.coded) + room + tiny), Slope: above(2 * reach), Curve: 1 + 1e-6,
	}
}

// beyond tells whether a vector is surely further than worst, by a distance in float32, which takes a fifth of the time of the
// exact one. Each term of its sums is rounded three times, and no sum is rounded more often than it has terms: it is off by room
// times the sum of its terms' sizes at most, which for products is at most the product of the lengths.
func (p *probe) beyond(v []float32, worst float64) bool {
	room := float64(float64(len(v)+8) * 0x1p-23)
	if p.metric == distance.Euclidean {
		var far [1]float32
		simd.SquaredDistances(far[:], p.single, v, 1, 1, len(v))
		return float64(float64(far[0])*(1-room))-tiny > worst*worst
	}
	dot, squares := simd.Dot(p.single, v), simd.SumSquares(v)
	if squares < leastSquares {
		return false
	}
	size := math.Sqrt(squares)
	if p.metric == distance.Dot {
		return -dot-float64(2*room*p.length*size)-tiny > worst
	}
	return 1-dot/size-2*room > worst
}

// leastSquares is below what a float32 sum of squares may have lost terms that count, since they were too small.
const leastSquares = 0x1p-70

// distance is the metric's, to a vector.
func (p *probe) distance(v []float32) float64 {
	switch p.metric {
	case distance.Dot:
		return 0 - p.dot(v) // not −0
	case distance.Cosine:
		return p.squares(v, length(v)) / 2
	}
	return math.Sqrt(p.squares(v, 1))
}

func (p *probe) dot(v []float32) float64 {
	var a, b float64
	q := p.exact[:len(v)]
	i := 0
	for ; i+2 <= len(v); i += 2 {
		a += q[i] * float64(v[i])
		b += q[i+1] * float64(v[i+1])
	}
	if i < len(v) {
		a += q[i] * float64(v[i])
	}
	return a + b
}

// squares is ‖exact − v/length‖². Four sums make the additions independent.
func (p *probe) squares(v []float32, length float64) float64 {
	if length != 1 {
		return p.scaledSquares(v, length)
	}
	var a, b, c, d float64
	q := p.exact[:len(v)]
	i := 0
	for ; i+4 <= len(v); i += 4 {
		w, x, y, z := q[i]-float64(v[i]), q[i+1]-float64(v[i+1]), q[i+2]-float64(v[i+2]), q[i+3]-float64(v[i+3])
		a += w * w
		b += x * x
		c += y * y
		d += z * z
	}
	for ; i < len(v); i++ {
		w := q[i] - float64(v[i])
		a += w * w
	}
	return (a + b) + (c + d)
}

func (p *probe) scaledSquares(v []float32, length float64) (sum float64) {
	for i, x := range v {
		d := p.exact[i] - float64(x)/length
		sum += d * d
	}
	return sum
}

func length(v []float32) float64 {
	var squares float64
	for _, x := range v {
		squares += float64(x) * float64(x)
	}
	return math.Sqrt(squares)
}

func divide(v []float64, by float64) {
	for i := range v {
		v[i] /= by
	}
}
