package read

import (
	"math"
	"slices"
)

// A timesPath is a search for the likeliest path.
type timesPath struct {
	model  *Times
	x      []float32 // [frames][timesDims]
	places []timesPlace
	scores []float64    // of the best path to each place
	steps  []byte       // how the places of each frame were reached
	first  []timesFirst // of each frame
}

// timesFirst is the first place that a frame has a step of, and where that is.
type timesFirst struct{ place, step int }

// How a place was reached.
const (
	stayed  = iota
	came    // from the place before
	skipped // from the place before those that may be left out
)

// path returns the place of each frame along the path of the least energy, which goes from each place to
// itself, to the next, or over a silence (Viterbi's algorithm, within the places' frames). Ties are broken
// for staying, then for coming. Where no path goes through the frames it is nil.
// Source: [rabiner1989].
func (m *Times) path(x []float32, places []timesPlace) []int32 {
	frames := len(x) / timesDims
	if frames == 0 || len(places) == 0 {
		return nil
	}
	p := timesPath{model: m, x: x, places: places, scores: make([]float64, len(places)), first: make([]timesFirst, frames)}
	for i := range p.scores[1:] {
		p.scores[i+1] = math.Inf(-1)
	}
	lo, hi := 0, 1 // lo is the first place that the frame before had
	for t := range frames {
		for hi < len(places) && places[hi].lo <= t {
			hi++
		}
		p.step(t, lo, hi)
		for lo < hi && places[lo].hi <= t {
			lo++
		}
	}
	return p.trace()
}

// step extends the path to frame t, from behind, so that the scores before a place are still those of the last frame.
func (p *timesPath) step(t, lo, hi int) {
	p.first[t] = timesFirst{lo, len(p.steps)}
	p.steps = slices.Grow(p.steps, hi-lo)[:len(p.steps)+hi-lo]
	steps := p.steps[p.first[t].step:]
	frame := p.x[t*timesDims:][:timesDims]
	wildcard := math.NaN() // until one is met
	for i := hi - 1; i >= lo; i-- {
		at := &p.places[i]
		if t >= at.hi {
			p.scores[i] = math.Inf(-1)
			continue
		}
		best, how := p.scores[i], byte(stayed)
		if before := p.scores[i-1]; before > best {
			best, how = before, came
		}
		if at.skip > 0 {
			if before := p.scores[i-1-at.skip]; before > best {
				best, how = before, skipped
			}
		}
		steps[i-lo] = how
		switch {
		case at.row != anything:
			best += p.model.logDensity(at.row, frame)
		case math.IsNaN(wildcard):
			wildcard = p.model.anyDensity(frame)
			best += wildcard
		default:
			best += wildcard
		}
		p.scores[i] = best
	}
}

// trace walks back from the last silence, or the place before it.
func (p *timesPath) trace() []int32 {
	i := len(p.places) - 1
	if p.scores[i-1] >= p.scores[i] {
		i--
	}
	if !(p.scores[i] > math.Inf(-1)) {
		return nil
	}
	path := make([]int32, len(p.first))
	for t := len(path) - 1; t >= 0; t-- {
		path[t] = int32(i)
		switch p.steps[p.first[t].step+i-p.first[t].place] {
		case came:
			i--
		case skipped:
			i -= 1 + p.places[i].skip
		}
	}
	return path
}
