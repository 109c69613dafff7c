package ctc

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// A sumBlock is some places in a run of frames.
type sumBlock struct {
	*sumPass
	run         sumRun
	lo, hi      int // places
	left, right *sumEdge
}

// A sumEdge is what the pieces before a place are worth before each frame of a run, and after the last.
type sumEdge struct {
	states
	pieces int
	most   []int64 // of each piece: the greatest exponent before any of the frames
}

func (e *sumEdge) resize(pieces int) {
	e.pieces = pieces
	e.m, e.e = scratch.Sized(e.m, (blockFrames+1)*pieces), scratch.Sized(e.e, (blockFrames+1)*pieces)
}

// drift returns how far exponents move in n frames from those before the first, and the greatest of each piece.
func (e *sumEdge) drift(n int) (far int64) {
	e.most = scratch.Sized(e.most, e.pieces)
	copy(e.most, e.e)
	for i, m := range e.m[:n*e.pieces] {
		if m != 0 {
			k := i % e.pieces
			d := e.e[i] - e.e[k]
			far, e.most[k] = max(far, d, -d), max(e.most[k], normal(state{m, e.e[i]}).e)
		}
	}
	return far
}

// do takes the places through the run.
func (b *sumBlock) do() {
	n := b.run.to - b.run.from
	b.enterEdge(0, false)
	if b.right != nil {
		from, to := b.g.before(b.hi)
		b.right.resize(to - from)
	}
	var into, enter spread
	if b.g.chain {
		into, enter = b.chainFactors()
	} else {
		into, enter = b.graphFactors()
	}
	fast := b.fits(into, enter)
	for i := range n {
		b.enterEdge(i, fast)
		b.leaveEdge(i)
		switch {
		case !fast:
			b.careful(i)
		case b.g.chain:
			b.chainFrame(i)
		default:
			b.graphFrame(i)
		}
		b.a.record.note(b, b.frame(b.run, i))
	}
	b.enterEdge(n, false)
	b.leaveEdge(n)
}

// enterEdge makes the pieces before the block what they are before frame i. fast keeps the exponents that they had
// before the first.
func (b *sumBlock) enterEdge(i int, fast bool) {
	from, to := b.g.before(b.lo)
	for k := from; k < to; k++ {
		x := b.labels.at(k + 1)
		if b.left != nil {
			x = b.left.at(i*b.left.pieces + k - from)
		}
		if fast {
			if b.left != nil {
				b.labels.m[k+1] = x.m * scale(x.e-b.labels.e[k+1])
			}
			continue
		}
		b.labels.set(k+1, normal(x))
	}
}

// leaveEdge notes what the last pieces of the block are before frame i, for the next block.
func (b *sumBlock) leaveEdge(i int) {
	if b.right == nil {
		return
	}
	from, to := b.g.before(b.hi)
	for k := from; k < to; k++ {
		b.right.set(i*b.right.pieces+k-from, b.labels.at(k+1))
	}
}

// A spread is how far exponents rise and fall along the arrows of a graph, from state to state.
type spread struct{ rise, fall int64 }

// factor returns 2^(from − to) for an arrow between states with these exponents, and notes it.
func (s *spread) factor(from, to int64) float64 {
	d := from - to
	if d > nowhere/2 {
		s.rise, s.fall = max(s.rise, d), max(s.fall, -d)
	}
	return scale(min(d, runRange))
}

// fits reports whether a fast run is exact: a frame takes each state along at most two arrows, into a blank and into a label. States do not
// fall by more than the scores do, since they may stay; where some scores are −Inf, by more than the arrows.
func (b *sumBlock) fits(into, enter spread) bool {
	n := b.run.to - b.run.from
	switch {
	case b.run.fall > runRange,
		b.run.holes && int64(n)*(into.fall+enter.fall) > runRange,
		b.left != nil && b.left.drift(n) > edgeRange:
		return false
	case b.g.chain:
		return b.chainRise() <= runRange
	}
	return b.graphRise(n, into.rise+enter.rise) <= runRange
}

// edgeExponent is the greatest exponent that a piece of the left edge has in the run.
func (b *sumBlock) edgeExponent(k int) int64 {
	if b.left == nil {
		return b.labels.e[k+1]
	}
	from, _ := b.g.before(b.lo)
	return b.left.most[k-from]
}

// chainFactors normalises the states of a chain and makes the factors of a fast run.
// A state of 0 takes the exponent of what leads to it.
func (b *sumBlock) chainFactors() (into, enter spread) {
	hi := b.end()
	before := int64(nowhere)
	if b.lo > 0 {
		before = b.labels.e[b.lo]
	}
	for i := b.lo; i < hi; i++ {
		blank, label := normal(b.blanks.at(i)), normal(b.labels.at(i+1))
		if blank.m == 0 {
			blank.e = before
		}
		if label.m == 0 {
			label.e = blank.e
		}
		b.blanks.set(i, blank)
		b.labels.set(i+1, label)
		b.into[i], b.enter[i] = into.factor(before, blank.e), enter.factor(blank.e, label.e)
		before = label.e
	}
	return into, enter
}

// chainRise is how far exponents rise to a state of a chain from those that come to it in a run, no more labels before it than
// a run has frames.
func (b *sumBlock) chainRise() (rise int64) {
	var latest [blockFrames]int64 // the greatest of as many labels before, without the first, the first two, …
	before := int64(nowhere)
	if b.lo > 0 {
		before = b.edgeExponent(b.lo - 1)
	}
	for j := range latest {
		latest[j] = before
	}
	hi := b.end()
	for at := b.lo; at < hi; at += blockFrames {
		blanks, labels := b.blanks.e[at:min(at+blockFrames, hi)], b.labels.e[at+1:]
		top := int64(nowhere)
		for j, blank := range blanks {
			label := labels[j]
			top = max(top, blank)
			rise = max(rise, max(top, latest[j])-blank)
			top = max(top, label)
			rise = max(rise, max(top, latest[j])-label)
		}
		top = nowhere
		for j := len(blanks) - 1; j >= 0; j-- {
			top = max(top, blanks[j], labels[j])
			latest[j] = top
		}
	}
	return rise
}

// end is hi in whole blocks of the kernel.
func (b *sumBlock) end() int {
	const block = simd.CTCPathBlock
	return (b.hi + block - 1) / block * block
}

// chainFrame takes a chain through the run's frame i.
func (b *sumBlock) chainFrame(i int) {
	lo, hi := b.lo, b.end()
	p, row := b.probs[i*b.a.columns():], b.row[:hi-lo]
	for j, k := range b.ids[lo:hi] {
		row[j] = p[k]
	}
	simd.CTCSum(b.blanks.m[lo:hi], b.labels.m[lo:hi+1], row, b.into[lo:hi], b.enter[lo:hi], b.follows[lo:hi], p[b.a.Blank])
}

// graphFactors is chainFactors for pieces of any length.
func (b *sumBlock) graphFactors() (into, enter spread) {
	g := b.g
	for i := b.lo; i < b.hi; i++ {
		blank := normal(b.blanks.at(i))
		if blank.m == 0 {
			blank.e = nowhere
			for _, k := range g.endingAt(i) {
				blank.e = max(blank.e, b.labels.e[k+1])
			}
		}
		b.blanks.set(i, blank)
		for j := g.ends[i]; j < g.ends[i+1]; j++ {
			b.into[j] = into.factor(b.labels.e[g.ending[j]+1], blank.e)
		}
		for k := g.first[i]; k < g.first[i+1]; k++ {
			label := normal(b.labels.at(int(k) + 1))
			if label.m == 0 {
				label.e = blank.e
			}
			b.labels.set(int(k)+1, label)
			b.enter[k] = enter.factor(blank.e, label.e)
		}
	}
	return into, enter
}

// graphRise is chainRise for pieces of any length. arrows is how far two arrows rise at most, one of each kind. Where that many may be too
// much, it takes the greatest exponents through the frames.
func (b *sumBlock) graphRise(n int, arrows int64) (rise int64) {
	g, blanks, labels := b.g, b.topBlanks, b.topLabels[1:]
	from, to := g.before(b.lo)
	for k := from; k < to; k++ {
		labels[k] = b.edgeExponent(k)
		rise = max(rise, labels[k]-b.labels.e[k+1])
	}
	if rise += int64(n) * arrows; rise <= runRange {
		return rise
	}
	copy(blanks[b.lo:b.hi], b.blanks.e[b.lo:])
	end := int(g.first[b.hi])
	copy(labels[to:end], b.labels.e[to+1:])
	for range n {
		rise = 0
		for place := b.hi - 1; place >= b.lo; place-- {
			for _, k := range g.endingAt(place) {
				blanks[place] = max(blanks[place], labels[k])
			}
			for k := int(g.first[place]); k < int(g.first[place+1]); k++ {
				labels[k] = max(labels[k], blanks[place])
				rise = max(rise, labels[k]-b.labels.e[k+1])
			}
			rise = max(rise, blanks[place]-b.blanks.e[place])
		}
		if rise > runRange {
			return rise
		}
	}
	return rise
}

// graphFrame takes pieces of any length through the run's frame i, the later places first, since they need what the earlier ones were.
func (b *sumBlock) graphFrame(i int) {
	g, labels, p := b.g, b.labels.m[1:], b.probs[i*b.a.columns():]
	for place := b.hi - 1; place >= b.lo; place-- {
		blank := b.blanks.m[place]
		all := blank
		for j := g.ends[place]; j < g.ends[place+1]; j++ {
			all += b.into[j] * labels[g.ending[j]]
		}
		for k := g.first[place]; k < g.first[place+1]; k++ {
			from := all
			if g.repeat[k] {
				from = blank
				for j := g.ends[place]; j < g.ends[place+1]; j++ {
					if before := g.ending[j]; g.ids[before] != g.ids[k] {
						from += b.into[j] * labels[before]
					}
				}
			}
			labels[k] = p[g.ids[k]] * (labels[k] + b.enter[k]*from)
		}
		b.blanks.m[place] = p[b.a.Blank] * all
	}
}

// careful takes any graph through the run's frame i with normalised states.
func (b *sumBlock) careful(i int) {
	g, row := b.g, i*b.a.columns()
	for place := min(b.hi, g.places+1) - 1; place >= b.lo; place-- {
		blank := b.blanks.at(place)
		all := blank
		for _, k := range g.endingAt(place) {
			all = normal(plus(all, b.labels.at(int(k)+1)))
		}
		for k := int(g.first[place]); k < int(g.first[place+1]); k++ {
			from := all
			if g.repeat[k] {
				from = blank
				for _, before := range g.endingAt(place) {
					if g.ids[before] != g.ids[k] {
						from = normal(plus(from, b.labels.at(int(before)+1)))
					}
				}
			}
			b.labels.set(k+1, times(plus(b.labels.at(k+1), from), b.exact.at(row+int(g.ids[k]))))
		}
		b.blanks.set(place, times(all, b.exact.at(row+b.a.Blank)))
	}
}

// times returns the product of two states, normalised.
func times(x, y state) state { return normal(state{x.m * y.m, x.e + y.e}) }

// exponential returns exp(v), of a mantissa near 1; v below all scores has 0.
func exponential(v float64) state {
	if v < -2*simd.CTCFar {
		return state{}
	}
	const (
		hi = 6.93147180369123816490e-01 // 32 bits
		lo = math.Ln2 - hi
	)
	n := math.Round(v * math.Log2E)
	return state{math.Exp(math.FMA(-n, lo, math.FMA(-n, hi, v))), int64(n)}
}
