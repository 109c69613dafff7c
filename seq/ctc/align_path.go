package ctc

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Work on states is cut into blocks of places and frames that stay near the processor. A block needs of the places
// before it what the pieces there were worth before each of its frames, and are after the last: its left edge. It may
// change those places' values; they are put back from the edge.
const (
	blockFrames = 16
	blockPlaces = 256
)

// blockEnd is where the block ends that begins at a place; the last of a range takes the rest.
func blockEnd(at, hi, reach int) int {
	width := max(blockPlaces, reach)
	if hi-at < 2*width {
		return hi
	}
	return at + width
}

// before are the pieces that begin less than the longest piece before a place, so that they may end behind it.
func (g *graph) before(place int) (lo, hi int) {
	return int(g.first[max(0, place-g.reach)]), int(g.first[place])
}

// A pathPass finds the likeliest path. It keeps the states every some frames; on the way back it computes again how states were
// reached, of those that can lie on the path.
type pathPass struct {
	a       *Aligner
	g       *graph
	ids     []int32
	skip    []float64 // of a chain: 0 where piece i may follow piece i−1 at once, else −Inf
	parts   [2]pathPart
	chunk   int         // frames between those whose states are kept
	saved   []float64   // the states before each chunk: of blanks, then of pieces
	kept    []savedRow  // where they are
	edges   [][]float64 // between the two parts, of each block of frames
	ready   chan struct{}
	logProb float64
	steps   []byte
	spelled []int32 // the pieces of the path
}

type savedRow struct{ lo, hi, at int } // places, and the first of saved

// A pathPart is what one of two workers needs: states of all places, of which it has its own.
type pathPart struct {
	blanks []float64
	labels []float64 // of piece i − 1
	edges  [2][]float64
	scores []float32 // of a block's frames
	row    []float32
	steps  []byte
}

// run finds the logarithm of the likeliest path's probability.
func (p *pathPass) run(a *Aligner) {
	p.set(a)
	own := &p.parts[0]
	for t := 0; t < a.frames; t += p.chunk {
		p.save(own, t)
		p.sweep(t, min(t+p.chunk, a.frames))
	}
	last := p.g.places
	p.logProb = own.blanks[last]
	for _, k := range p.g.endingAt(last) {
		p.logProb = max(p.logProb, own.labels[k+1])
	}
}

func (p *pathPass) set(a *Aligner) {
	p.a, p.g = a, a.g
	p.ids = paddedIDs(p.ids, p.g, a.classes)
	none := math.Inf(-1)
	n := len(p.ids)
	p.skip = scratch.Sized(p.skip, n)
	for i := range p.skip {
		p.skip[i] = none
		if p.g.chain && i > 0 && i < len(p.g.pieces) && !p.g.repeat[i] {
			p.skip[i] = 0
		}
	}
	for i := range p.parts {
		w := &p.parts[i]
		w.blanks, w.labels = scratch.Sized(w.blanks, n), scratch.Sized(w.labels, n+1)
		simd.Fill(w.blanks, none)
		simd.Fill(w.labels, none)
		w.scores = scratch.Sized(w.scores, blockFrames*a.columns())
		w.row, w.steps = scratch.Sized(w.row, n), scratch.Sized(w.steps, p.stepBytes(0, n))
	}
	p.parts[0].blanks[0] = 0 // before any frame
	p.chunk = p.chunkFrames()
	p.saved, p.kept = p.saved[:0], p.kept[:0]
}

// chunkFrames is how many frames are a chunk, with the least memory for states and steps together.
func (p *pathPass) chunkFrames() int {
	row := 8 * (p.g.places + 1 + len(p.g.pieces))
	best, least := blockFrames, math.MaxInt
	for chunk := blockFrames; ; chunk *= 2 {
		places := min(p.g.places+1, chunk*p.g.reach)
		step := p.stepBytes(0, len(p.ids)) * places / (p.g.places + 1)
		if bytes := p.a.frames/chunk*row + chunk*step; bytes < least {
			best, least = chunk, bytes
		}
		if chunk >= p.a.frames {
			return best
		}
	}
}

// stepBytes is how many bytes the steps to places lo to hi − 1 take in a frame: for a chain three bits a place, whole blocks, and
// else a byte a state.
func (p *pathPass) stepBytes(lo, hi int) int {
	if p.g.chain {
		return (hi - lo) / simd.CTCPathBlock * 3
	}
	lo, hi = min(lo, p.g.places+1), min(hi, p.g.places+1)
	return p.stepAt(hi) - p.stepAt(lo)
}

// stepAt is where the steps to a place begin, the blank's and then its pieces'.
func (p *pathPass) stepAt(place int) int { return int(p.g.first[place]) + place }

// whole widens a range of places to whole blocks of the kernel.
func (p *pathPass) whole(lo, hi int) (int, int) {
	if !p.g.chain {
		return lo, hi
	}
	const block = simd.CTCPathBlock
	return lo / block * block, (hi + block - 1) / block * block
}

// save keeps the states before a frame.
func (p *pathPass) save(w *pathPart, t int) {
	lo, _ := p.g.band(max(t-1, 0), p.a.frames)
	_, hi := p.g.band(t, p.a.frames)
	p.kept = append(p.kept, savedRow{lo, hi, len(p.saved)})
	p.saved = append(append(p.saved, w.blanks[lo:hi]...), w.labels[p.g.first[lo]+1:p.g.first[hi]+1]...)
}

// restore is the inverse of save, from place lo on, with −Inf for what was not kept.
func (p *pathPass) restore(w *pathPart, chunk, lo, hi int) {
	from := p.kept[chunk]
	simd.Fill(w.blanks[lo:hi], math.Inf(-1))
	first, last := p.g.before(lo)
	last = max(last, int(p.g.first[min(hi, p.g.places+1)]))
	simd.Fill(w.labels[first:last+1], math.Inf(-1))
	saved := p.saved[from.at:]
	if b, e := max(lo, from.lo), min(hi, from.hi); b < e {
		copy(w.blanks[b:e], saved[b-from.lo:])
	}
	labels := saved[from.hi-from.lo:]
	base := int(p.g.first[from.lo])
	if b, e := max(first, base), min(last, int(p.g.first[from.hi])); b < e {
		copy(w.labels[b+1:e+1], labels[b-base:])
	}
}

// sweep takes the states of the first part through frames t0 to t1 − 1; where there are many places, in two halves side by side, the
// later one a block of frames behind.
func (p *pathPass) sweep(t0, t1 int) {
	lo, _ := p.g.band(t0, p.a.frames)
	_, hi := p.g.band(t1-1, p.a.frames)
	first, later := &p.parts[0], &p.parts[1]
	all := half{p, first, 0, p.g.places + 1, false, false}
	if hi-lo < 4*max(blockPlaces, p.g.reach) {
		all.run(t0, t1)
		return
	}
	mid, _ := p.whole((lo+hi)/2, 0)
	from, to := p.g.before(mid)
	copy(later.blanks[mid:], first.blanks[mid:])
	copy(later.labels[from+1:], first.labels[from+1:])
	blocks := (t1 - t0 + blockFrames - 1) / blockFrames
	p.edges, p.ready = scratch.Sized(p.edges, blocks), make(chan struct{}, blocks)
	for i := range p.edges {
		p.edges[i] = scratch.Sized(p.edges[i], (blockFrames+1)*(to-from))
	}
	done := make(chan struct{})
	go func() {
		half{p, first, 0, mid, false, true}.run(t0, t1)
		close(done)
	}()
	half{p, later, mid, p.g.places + 1, true, false}.run(t0, t1)
	<-done
	copy(first.blanks[mid:], later.blanks[mid:])
	copy(first.labels[to+1:], later.labels[to+1:])
}

// A half is a range of places, and whether another part has those before it, or needs what its last are worth.
type half struct {
	p           *pathPass
	w           *pathPart
	from, to    int
	left, right bool
}

// run takes the states through frames t0 to t1 − 1.
func (h half) run(t0, t1 int) {
	p, w := h.p, h.w
	for b, t := 0, t0; t < t1; b, t = b+1, t+blockFrames {
		end := min(t+blockFrames, t1)
		lo, _ := p.g.band(t, p.a.frames)
		_, hi := p.g.band(end-1, p.a.frames)
		lo, _ = p.whole(lo, 0)
		lo, hi = max(lo, h.from), min(hi, h.to)
		for i := t; i < end; i++ {
			p.a.scores(w.scores[(i-t)*p.a.columns():], i)
		}
		block := pathBlock{half: h, frames: end - t}
		if h.left {
			<-p.ready
			block.left = p.edges[b]
			if lo > h.from { // the places before are not needed any more in these frames
				w.edge(p.g, h.from, block.left, block.frames, false)
				block.left = nil
			}
		}
		if h.right {
			block.right = p.edges[b]
		}
		block.run(lo, hi)
		if h.right {
			p.ready <- struct{}{}
		}
	}
}

// edge copies what the pieces before a place are worth: to frame i of an edge, or from there.
func (w *pathPart) edge(g *graph, place int, edge []float64, i int, to bool) {
	if edge == nil {
		return
	}
	lo, hi := g.before(place)
	edge, own := edge[i*(hi-lo):(i+1)*(hi-lo)], w.labels[lo+1:hi+1]
	if to {
		copy(edge, own)
	} else {
		copy(own, edge)
	}
}

// A pathBlock is some frames of a half.
type pathBlock struct {
	half
	frames      int
	left, right []float64 // edges, or nil
}

// run takes places lo to hi − 1 through the frames, block after block.
func (b pathBlock) run(lo, hi int) {
	p, w := b.p, b.w
	left := b.left
	for i, at := 0, lo; ; i++ {
		end, next := blockEnd(at, hi, p.g.reach), b.to
		right := b.right
		if end < hi {
			from, to := p.g.before(end)
			w.edges[i%2] = scratch.Sized(w.edges[i%2], (blockFrames+1)*(to-from))
			right, next = w.edges[i%2], end
		}
		for t := range b.frames {
			w.edge(p.g, at, left, t, false)
			w.edge(p.g, next, right, t, true)
			if at < end {
				p.step(w, at, end, w.scores[t*p.a.columns():], w.steps)
			}
		}
		w.edge(p.g, at, left, b.frames, false)
		w.edge(p.g, next, right, b.frames, true)
		if end >= hi {
			return
		}
		at, left = end, right
	}
}

// step takes places lo to hi − 1 through a frame, and notes how each state was reached.
func (p *pathPass) step(w *pathPart, lo, hi int, scores []float32, steps []byte) {
	if !p.g.chain {
		p.graphStep(w, lo, hi, scores, steps)
		return
	}
	lo, hi = p.whole(lo, hi)
	row := w.row[:hi-lo]
	for i, k := range p.ids[lo:hi] {
		row[i] = scores[k]
	}
	simd.CTCPath(steps[:p.stepBytes(lo, hi)], w.blanks[lo:hi], w.labels[lo:hi+1], row, p.skip[lo:hi], float64(scores[p.a.Blank]))
}

// How a state was reached, by a chain's bit of its block's three bytes.
const (
	blankLeft  = iota // the blank, from the label before; else it stayed
	fromBlank         // the label, from the blank before
	fromBefore        // … from the label before
)

// How a state of another graph was reached, by its byte: it stayed, or it comes from the blank where the piece begins, or from a piece
// that ends there, which are counted from here on.
const (
	stayed = iota
	afterBlank
	afterPiece
)

// maxEnding is how many pieces may end at a place.
const maxEnding = math.MaxUint8 - afterPiece

// graphStep is CTCPath for pieces of any length: the later places first, since they need what the earlier ones were.
func (p *pathPass) graphStep(w *pathPart, lo, hi int, scores []float32, steps []byte) {
	g, labels, blank := p.g, w.labels[1:], float64(scores[p.a.Blank])
	base := p.stepAt(lo)
	for i := hi - 1; i >= lo; i-- {
		stay := w.blanks[i]
		best, how := stay, byte(afterBlank)
		for j, k := range g.endingAt(i) {
			if labels[k] > best {
				best, how = labels[k], byte(afterPiece+j)
			}
		}
		own := steps[p.stepAt(i)-base:]
		for j, k := 1, int(g.first[i]); k < int(g.first[i+1]); j, k = j+1, k+1 {
			enter, from := best, how
			if g.repeat[k] {
				enter, from = p.unrepeated(w, i, g.pieces[k].Token)
			}
			own[j] = stayed
			if enter > labels[k] {
				labels[k], own[j] = enter, from
			}
			labels[k] += float64(scores[p.ids[k]])
		}
		w.blanks[i], own[0] = best+blank, how
		if how == afterBlank {
			own[0] = stayed
		}
	}
}

// unrepeated returns the best state from which a piece may begin that is not of a token.
func (p *pathPass) unrepeated(w *pathPart, place, token int) (best float64, how byte) {
	best, how = w.blanks[place], afterBlank
	for j, k := range p.g.endingAt(place) {
		if v := w.labels[k+1]; v > best && p.g.pieces[k].Token != token {
			best, how = v, byte(afterPiece+j)
		}
	}
	return best, how
}

// trace walks back from the end and returns the path's spans, chunk after chunk, of which only the states are computed again that lead to
// where the path is at its end.
func (p *pathPass) trace() []Span {
	w := &p.parts[0]
	at := pathState{p.g.places, blankState}
	best := w.blanks[at.place]
	for _, k := range p.g.endingAt(at.place) {
		if v := w.labels[k+1]; v > best || v == best && at.piece == blankState {
			best, at = v, pathState{p.g.pieces[k].From, int(k)}
		}
	}
	var spans []Span
	p.spelled = p.spelled[:0]
	for c := len(p.kept) - 1; c >= 0; c-- {
		t0, t1 := c*p.chunk, min((c+1)*p.chunk, p.a.frames)
		lo, hi := p.whole(max(0, at.place-(t1-t0)*p.g.reach), at.place+1)
		stride := p.stepBytes(lo, hi)
		p.again(c, lo, at.place)
		for t := t1 - 1; t >= t0; t-- {
			spans = p.note(spans, at, t)
			at = p.came(p.steps[(t-t0)*stride:][:stride], lo, at)
		}
	}
	slices.Reverse(spans)
	slices.Reverse(p.spelled)
	return spans
}

// A pathState is a blank's or a piece's, which begins at the place.
type pathState struct{ place, piece int }

const blankState = -1 // for a piece

// again computes the steps of a chunk once more, from place lo on, of the states from which the path can come to a place.
func (p *pathPass) again(chunk, lo, place int) {
	t0, t1 := chunk*p.chunk, min((chunk+1)*p.chunk, p.a.frames)
	_, hi := p.whole(lo, place+1)
	w, stride := &p.parts[0], p.stepBytes(lo, hi)
	p.restore(w, chunk, lo, hi)
	p.steps = scratch.Sized(p.steps, (t1-t0)*stride)
	for t := t0; t < t1; t++ {
		p.a.scores(w.scores, t)
		from, _ := p.whole(max(lo, place-(t1-1-t)*p.g.reach), 0)
		p.step(w, from, hi, w.scores, p.steps[(t-t0)*stride+p.stepBytes(lo, from):])
	}
}

// note adds a frame to the spans, the latest of which comes first.
func (p *pathPass) note(spans []Span, at pathState, t int) []Span {
	if at.piece == blankState {
		return spans
	}
	n := len(spans)
	if n == 0 || p.spelled[n-1] != int32(at.piece) {
		p.spelled = append(p.spelled, int32(at.piece))
		spans = append(spans, Span{Token: p.g.pieces[at.piece].Token, From: int(p.g.of[at.piece]), End: t + 1})
		n++
	}
	spans[n-1].Start = t
	spans[n-1].LogProb += float64(p.a.score(t, p.g.ids[at.piece]))
	return spans
}

// came returns the state before a frame by its steps, which are from place lo on.
func (p *pathPass) came(steps []byte, lo int, at pathState) pathState {
	how := p.how(steps, lo, at)
	switch {
	case how == stayed:
		return at
	case how == afterBlank:
		return pathState{at.place, blankState}
	}
	k := int(p.g.endingAt(at.place)[how-afterPiece])
	return pathState{p.g.pieces[k].From, k}
}

// how says how a state was reached.
func (p *pathPass) how(steps []byte, lo int, at pathState) byte {
	if !p.g.chain {
		i := p.stepAt(at.place) - p.stepAt(lo)
		if at.piece != blankState {
			i += 1 + at.piece - int(p.g.first[at.place])
		}
		return steps[i]
	}
	i := at.place - lo
	block := steps[i/simd.CTCPathBlock*3:]
	came := func(kind int) bool { return block[kind]>>(i%simd.CTCPathBlock)&1 != 0 }
	switch {
	case at.piece == blankState && came(blankLeft), at.piece != blankState && came(fromBefore):
		return afterPiece
	case at.piece != blankState && came(fromBlank):
		return afterBlank
	}
	return stayed
}
