// Package trellis runs the recursions of CTC over one sequence, in memory that grows with
// frames × labels, or with a small part of that where it would be much.
package trellis

import (
	"cmp"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// A Source gives the scores of a sequence, frame by frame: logarithms of what a path is the
// product of.
type Source[F simd.Float] interface {
	// Frame writes the scores of the labels and then the blank's, len(labels) + 1 in all. It
	// reports false if the frame is not to be used, as with a NaN somewhere.
	Frame(scores []F, t int) bool
}

// A Sink takes the posterior shares of a frame's states.
type Sink[F simd.Float] interface {
	// Share gives the shares of each label, that of all blanks together, and the sum of all,
	// near 1. The slice is good until Share returns.
	Share(t int, labels []F, blanks, sum F)
}

// A Status says what became of a sequence.
type Status uint8

const (
	OK         Status = iota
	Impossible        // no path has a probability above 0: too few frames, or scores of −Inf
	NaN               // a score was NaN or above simd.CTCFar, or its frame not to be used
	Range             // F has too few digits for the scores' range; float64 always has enough
)

// chunk is how many frames go without a new offset of the exponents. They are whole numbers of T, so
// they must stay far below 2²⁴ in float32.
const chunk = 256

// CTC is the memory of one sequence's recursions. It may be used again.
type CTC[F simd.Float] struct {
	// Keep is about how many numbers the rows of all frames may have; 0 means 2²⁵. Beyond it
	// only the first rows of chunks are kept, of the group of chunks at hand and of each group
	// the first one's, and the others are computed again on the way back. The results are the same.
	Keep int

	// Most is the greatest |score| that is worked with in F, if F is float32; 0 means the most that its
	// digits allow.
	Most float64

	kernels *simd.CTCKernels[F]
	source  Source[F]
	frames  int
	labels  int
	width   int // of a row, in states of a kind
	whole   bool

	skip       []F
	x, m, e    []F // emissions
	alpha      []F // each chunk's rows, its first being the last of the chunk before
	group      int // how many chunks are a group, where not all is kept
	current    []F // the last row so far, where not all is kept
	held       int // the group whose chunks' first rows are in inner
	saved      []F // the first row of each group
	inner      []F // the first row of each chunk of a group
	beta       []F
	share      []F
	sums       []F
	offset     []float64 // of the exponents of each chunk's alpha
	suspect    bool      // states that may count are far apart
	far        float64   // the greatest |shift| of the last Backward
	logP       float64   // log₂ of the sequence's probability, as the sum of these two
	logPOffset float64
}

// Forward returns the logarithm of the summed probability of all paths that spell the labels
// in a number of frames, from the source's scores.
func (c *CTC[F]) Forward(labels []int, frames int, source Source[F]) (float64, Status) {
	c.set(labels, frames, source)
	c.suspect = false
	for k := range c.chunks() {
		if s := c.forward(k); s != OK {
			return c.failed(s)
		}
	}
	logP, s := c.end()
	if s == OK && c.suspect {
		if c.Backward(nobody[F]{}); c.far > c.digits() {
			return c.failed(Range)
		}
	}
	return logP, s
}

// nobody is a sink that looks away.
type nobody[F simd.Float] struct{}

// Share implements Sink.
func (nobody[F]) Share(int, []F, F, F) {}

func (c *CTC[F]) failed(s Status) (float64, Status) {
	if s == Impossible {
		return math.Inf(-1), s
	}
	return math.NaN(), s
}

// chunks is at least 1, also where there are no frames.
func (c *CTC[F]) chunks() int { return max(1, (c.frames+chunk-1)/chunk) }

// length is the number of frames of chunk k.
func (c *CTC[F]) length(k int) int { return min(chunk, c.frames-k*chunk) }

func (c *CTC[F]) set(labels []int, frames int, source Source[F]) {
	c.source = source
	c.Reserve(len(labels), frames)
	for i := range c.skip {
		c.skip[i] = simd.CTCNone
		if i > 0 && i < len(labels) && labels[i] != labels[i-1] {
			c.skip[i] = 0
		}
	}
}

// Reserve makes room for a sequence, so that Forward and Backward of it allocate nothing.
func (c *CTC[F]) Reserve(labels, frames int) {
	c.kernels = simd.CTC[F]()
	lanes := c.kernels.Lanes
	c.frames, c.labels = frames, labels
	c.width = (labels/lanes + 1) * lanes
	rows := 4*c.width*(frames+c.chunks()) + 2*c.width*frames
	c.whole = rows <= cmp.Or(c.Keep, 1<<25)
	n, held := c.chunks(), 1
	if c.whole {
		held = n
	} else {
		c.group = int(math.Ceil(math.Sqrt(float64(n))))
		c.current = scratch.Sized(c.current, 4*c.width)
		c.saved, c.inner = scratch.Sized(c.saved, (n+c.group-1)/c.group*4*c.width), scratch.Sized(c.inner, c.group*4*c.width)
	}
	longest := min(chunk, frames)
	c.alpha = scratch.Sized(c.alpha, held*(longest+1)*4*c.width)
	c.m, c.e = scratch.Sized(c.m, held*longest*c.width), scratch.Sized(c.e, held*longest*c.width)
	c.x, c.share = scratch.Sized(c.x, longest*c.width), scratch.Sized(c.share, longest*c.width)
	c.sums, c.beta, c.offset = scratch.Sized(c.sums, 2*longest), scratch.Sized(c.beta, 4*c.width), scratch.Sized(c.offset, n)
	c.skip = scratch.Sized(c.skip, c.width+1)
}

// rows is the memory of chunk k: its emissions and its rows of alpha.
func (c *CTC[F]) rows(k int) (alpha, m, e []F) {
	if !c.whole {
		k = 0
	}
	longest := min(chunk, c.frames)
	return c.alpha[k*(longest+1)*4*c.width:], c.m[k*longest*c.width:], c.e[k*longest*c.width:]
}

// forward computes the emissions and rows of chunk k after those of chunk k − 1.
func (c *CTC[F]) forward(k int) Status {
	first := c.current
	if c.whole {
		alpha, _, _ := c.rows(k)
		first = alpha[:4*c.width]
	}
	if k == 0 {
		c.empty(first)
		first[c.kernels.Lanes] = 0 // blank 0, before any frame
		c.offset[0] = 0
	} else {
		copy(first, c.last(k-1))
		c.offset[k] = c.offset[k-1] + c.rebase(first)
		c.suspect = c.suspect || c.spread(first, k*chunk) > 2*c.digits()
	}
	if c.whole {
		return c.run(k)
	}
	c.held = k / c.group
	copy(c.first(c.inner, k%c.group), first)
	if k%c.group == 0 {
		copy(c.first(c.saved, k/c.group), first)
	}
	return c.sweep(k)
}

// last is the row after chunk k, the latest if not all is kept.
func (c *CTC[F]) last(k int) []F {
	if !c.whole {
		return c.current
	}
	alpha, _, _ := c.rows(k)
	return alpha[4*c.width*c.length(k):][:4*c.width]
}

// first returns a kept row.
func (c *CTC[F]) first(rows []F, i int) []F { return rows[i*4*c.width : (i+1)*4*c.width] }

// run computes the emissions of chunk k, and its rows from its first.
func (c *CTC[F]) run(k int) Status {
	alpha, m, e := c.rows(k)
	if s := c.emit(k*chunk, c.length(k), m, e); s != OK {
		return s
	}
	c.kernels.Forward(alpha, m, e, c.skip, c.length(k), c.width, c.labels)
	return OK
}

// sweepFrames is how many frames a sweep does at once, so few that they stay near the processor.
const sweepFrames = 8

// sweep takes the current row through chunk k without keeping any other.
func (c *CTC[F]) sweep(k int) Status {
	for lo := 0; lo < c.length(k); lo += sweepFrames {
		n := min(sweepFrames, c.length(k)-lo)
		if s := c.emit(k*chunk+lo, n, c.m, c.e); s != OK {
			return s
		}
		copy(c.alpha, c.current)
		c.kernels.Forward(c.alpha, c.m, c.e, c.skip, n, c.width, c.labels)
		copy(c.current, c.alpha[4*c.width*n:])
	}
	return OK
}

// again computes the rows of chunk k once more, on coming to another group after its first rows.
func (c *CTC[F]) again(k int) {
	if g := k / c.group; g != c.held {
		c.held = g
		copy(c.inner, c.first(c.saved, g))
		copy(c.current, c.inner)
		c.sweep(g * c.group)
		for at := g*c.group + 1; at <= k; at++ {
			c.forward(at)
		}
	}
	copy(c.alpha, c.first(c.inner, k%c.group))
	c.run(k)
}

// emit computes the emissions of n frames from frame from on.
func (c *CTC[F]) emit(from, n int, m, e []F) Status {
	ok, none := true, F(math.Inf(-1))
	for t := range n {
		x := c.x[t*c.width:][:c.width]
		ok = c.source.Frame(x[:c.labels+1], from+t) && ok
		for i := c.labels + 1; i < len(x); i++ {
			x[i] = none
		}
	}
	most := float64(c.kernels.Emit(m[:n*c.width], e[:n*c.width], c.x[:n*c.width]))
	switch {
	case !ok || math.IsInf(most, 1):
		return NaN
	case most*chunk > c.digits(), c.Most > 0 && most > c.Most*math.Log2E && c.digits() < 1<<30:
		return Range
	}
	return OK
}

// digits is how far exponents may go from 0 within a chunk.
func (c *CTC[F]) digits() float64 {
	if _, single := any(F(0)).(float32); single {
		return 1 << 22
	}
	return math.MaxFloat64
}

// spread returns how far the exponents of a row are below 0, the top one's, before frame t: of those
// states from which the frames that are left are enough for the labels. States may be farther apart than whole
// numbers of F go, if they do not count: a state's share is 2^(its exponents and shift), so those that do have exponents no
// larger than shift, which Backward knows. It is no larger than the spread.
func (c *CTC[F]) spread(row []F, t int) float64 {
	least := F(0)
	lanes := c.kernels.Lanes
	for i := max(0, c.labels-1-(c.frames-t)); i <= c.labels; i++ {
		for kind := lanes; kind < 4*lanes; kind += 2 * lanes {
			if e := row[c.state(i)+kind]; e > simd.CTCNone/2 {
				least = min(least, e)
			}
		}
	}
	return -float64(least)
}

// empty makes all states of a row impossible.
func (c *CTC[F]) empty(row []F) {
	lanes := c.kernels.Lanes
	for i := range row {
		row[i] = 1
		if i/lanes%2 == 1 {
			row[i] = simd.CTCNone
		}
	}
}

// rebase subtracts the greatest exponent of a row from all of them and returns it.
func (c *CTC[F]) rebase(row []F) float64 {
	lanes, top := c.kernels.Lanes, F(math.Inf(-1))
	for i := lanes; i < len(row); i += 2 * lanes {
		top = max(top, slices.Max(row[i:i+lanes]))
	}
	if top < simd.CTCNone/2 {
		return 0
	}
	for i := lanes; i < len(row); i += 2 * lanes {
		for j := range lanes {
			row[i+j] -= top
		}
	}
	return float64(top)
}

// state returns where blank i's mantissa is in a row.
func (c *CTC[F]) state(i int) int {
	lanes := c.kernels.Lanes
	return i/lanes*4*lanes + i%lanes
}

// end returns the logarithm of the probability of the paths that end in the last label or the
// last blank.
func (c *CTC[F]) end() (float64, Status) {
	k, lanes := c.chunks()-1, c.kernels.Lanes
	last := c.last(k)
	i := c.state(c.labels)
	m, e := float64(last[i]), float64(last[i+lanes])
	if c.labels > 0 {
		i = c.state(c.labels-1) + 2*lanes
		lm, le := float64(last[i]), float64(last[i+lanes])
		top := max(e, le)
		m, e = m*math.Exp2(e-top)+lm*math.Exp2(le-top), top
	}
	if e < simd.CTCNone/2 {
		return c.failed(Impossible)
	}
	c.logP, c.logPOffset = e, c.offset[k]
	return math.Log(m) + (e+c.offset[k])*math.Ln2, OK
}

// Backward gives the sink the shares of all frames, from the last to the first, after a
// Forward that was OK.
func (c *CTC[F]) Backward(sink Sink[F]) {
	c.empty(c.beta)
	c.beta[c.state(c.labels)+c.kernels.Lanes] = 0 // the last blank, after all frames
	var offset float64
	c.far = 0
	for k := c.chunks() - 1; k >= 0; k-- {
		if !c.whole {
			c.again(k)
		}
		alpha, m, e := c.rows(k)
		n := c.length(k)
		shift := c.offset[k] - c.logPOffset + offset - c.logP
		c.far = max(c.far, math.Abs(shift))
		c.kernels.Backward(c.share, c.sums, c.beta, alpha, m, e, c.skip, n, c.width, c.labels, F(shift))
		for t := n - 1; t >= 0; t-- {
			blanks, labels := c.sums[2*t], c.sums[2*t+1]
			sink.Share(k*chunk+t, c.share[t*c.width:][:c.labels], blanks, blanks+labels)
		}
		offset += c.rebase(c.beta)
	}
}
