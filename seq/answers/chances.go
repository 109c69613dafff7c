package answers

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/trellis"
)

// chances are a walker's energies as probabilities p ∝ exp(−βE) of the classes in each frame. Sums over paths are then
// sums of products, without a logarithm. What they cannot hold, join adds up in logarithms.
type chances struct {
	beta   float64   // what p is of; 0: nothing yet
	p      []float64 // [frames, classes]
	frames []chanceFrame
	least  float64 // Σ of the frames' least energies
	free   float64 // Σ of their free energies

	right  trellis.CTC[float64]
	spells []float64 // [frames, classes]: shares of the paths that spell the text

	// What pass collects: shares over probabilities that leave by each of the likeliest two, and by each of the others.
	leaving [2]float64
	others  float64
}

// A chanceFrame has the two likeliest classes of a frame but the blank, and what the others have together.
type chanceFrame struct {
	class [2]int
	p     [2]float64
	rest  float64
	least float64 // of the energies
}

// reserve makes room for a sequence.
func (c *chances) reserve(frames, classes, labels int) {
	c.p, c.frames = scratch.Sized(c.p, frames*classes), scratch.Sized(c.frames, frames)
	c.spells = scratch.Sized(c.spells, frames*classes)
	c.right.Reserve(labels, frames)
}

// soften fills in the chances at β, and reports whether each frame has a class that is not forbidden.
func (w *walker) soften(beta float64) bool {
	c := &w.chances
	if c.beta == beta {
		return !math.IsInf(c.free, 1)
	}
	c.beta, c.least, c.free = beta, 0, 0
	for t := range w.frames {
		least := math.Inf(1)
		for _, v := range w.row(t) {
			least = min(least, v)
		}
		c.frames[t].least = least
		if c.least += least; math.IsInf(least, 1) {
			c.free = least
			return false
		}
		for i, v := range w.row(t) {
			c.p[t*w.classes+i] = -beta * (v - least)
		}
	}
	p := c.p[:w.frames*w.classes]
	simd.Exp(p, p)
	logs := 0.0
	for t := range w.frames {
		row := w.chancesOf(t)
		sum := simd.Sum(row)
		logs += math.Log(sum)
		simd.Scale(row, row, 1/sum)
		c.frames[t].rank(row, w.blank)
	}
	c.free = c.least - logs/beta
	return true
}

// chancesOf is the probabilities of frame t.
func (w *walker) chancesOf(t int) []float64 { return w.chances.p[t*w.classes:][:w.classes] }

// rank finds the likeliest two classes but the blank.
func (f *chanceFrame) rank(row []float64, blank int) {
	f.class, f.p, f.rest = [2]int{noClass, noClass}, [2]float64{}, 0
	for c, p := range row {
		switch {
		case c == blank:
		case p > f.p[0]:
			f.rest += f.p[1]
			f.p, f.class = [2]float64{p, f.p[0]}, [2]int{c, f.class[0]}
		case p > f.p[1]:
			f.rest += f.p[1]
			f.p[1], f.class[1] = p, c
		default:
			f.rest += p
		}
	}
}

// besides is the probability of all classes but the blank and two: the likeliest ones, as far as they are not among the
// two, and a difference that is no greater than those.
func (f *chanceFrame) besides(row []float64, own, next int) float64 {
	sum, rest := 0.0, f.rest
	for j, c := range f.class {
		if c != own && c != next {
			sum += f.p[j]
		}
	}
	if own != noClass && own != f.class[0] && own != f.class[1] {
		rest -= row[own]
	}
	if next != noClass && next != f.class[0] && next != f.class[1] {
		rest -= row[next]
	}
	return sum + max(rest, 0)
}

// enough is the probability of a wrong path from which on all digits are there: what is lost on the way is below 1e-300.
const enough = 1e-250

// miss is the probability that a path is wrong; cells are those from each place on.
func (w *walker) miss() float64 {
	away := w.away()
	last := w.after(w.frames)
	for p := range last {
		last[p] = 0
		if wrongPaths.ends(p, len(w.text)) {
			last[p] = 1
		}
	}
	for t := w.frames - 1; t >= 0; t-- {
		row, next, cells := w.chancesOf(t), w.after(t+1), w.after(t)
		frame, blank := &w.chances.frames[t], row[w.blank]
		cells[away] = 1
		for p := range min(2*t+1, away) {
			own, label := w.leads(p)
			behind := p + p%2
			sum := blank*next[behind] + frame.besides(row, own, label)
			if own != noClass {
				sum += row[own] * next[p]
			}
			if label != noClass {
				sum += row[label] * next[behind+1]
			}
			cells[p] = sum
		}
	}
	return w.cells[0]
}

// negligible is a share of the paths that no derivative sees.
const negligible = 1e-30

// passChances is pass of wrong paths, after miss.
func (w *walker) passChances(t int) {
	row, next, cells := w.chancesOf(t), w.after(t+1), w.after(t)
	frame, c, held, away := &w.chances.frames[t], &w.chances, w.out.held, w.away()
	clear(w.there)
	clear(held)
	c.leaving, c.others = [2]float64{}, 0
	if share := w.here[away]; share > 0 {
		w.there[away] = share
		w.whole(t, c.beta, share)
	}
	for p, share := range w.here[:min(2*t+1, away)] {
		if share < negligible {
			continue
		}
		share /= cells[p]
		own, label := w.leads(p)
		behind := p + p%2
		q := share * row[w.blank] * next[behind]
		w.shares[w.blank] += q
		w.there[behind] += q
		if own != noClass {
			q := share * row[own] * next[p]
			w.shares[own] += q
			w.there[p] += q
			held[own] += share
		}
		if label != noClass {
			q := share * row[label] * next[behind+1]
			w.shares[label] += q
			w.there[behind+1] += q
			held[label] += share
		}
		w.there[away] += share * frame.besides(row, own, label)
		for j, class := range frame.class {
			if class != own && class != label {
				c.leaving[j] += share
			}
		}
		c.others += share
	}
	w.closeChances(row, frame)
	w.here, w.there = w.there, w.here
}

// closeChances adds what has left in a frame to the classes' shares.
func (w *walker) closeChances(row []float64, frame *chanceFrame) {
	c, held := &w.chances, w.out.held
	if c.others == 0 {
		return
	}
	for class, p := range row {
		if class != w.blank && class != frame.class[0] && class != frame.class[1] {
			w.shares[class] += p * max(c.others-held[class], 0)
		}
	}
	for j, class := range frame.class {
		if class != noClass {
			w.shares[class] += frame.p[j] * c.leaving[j]
		}
	}
}

// spell is −(1/β) log of the summed weight of the paths that spell the text, by the recursions of CTC; ok is false where
// these find none.
func (w *walker) spell(beta float64) (sum float64, ok bool) {
	logP, status := w.chances.right.Forward(w.text, w.frames, (*walkerSource)(w))
	return w.chances.least - logP/beta, status == trellis.OK
}

// walkerSource gives a frame's scores, −β(E − least), and takes shares.
type walkerSource walker

// Frame implements trellis.Source.
func (s *walkerSource) Frame(scores []float64, t int) bool {
	w := (*walker)(s)
	row, least, beta := w.row(t), w.chances.frames[t].least, w.chances.beta
	for i, c := range w.text {
		scores[i] = -beta * (row[c] - least)
	}
	scores[len(w.text)] = -beta * (row[w.blank] - least)
	return true
}

// Share implements trellis.Sink.
func (s *walkerSource) Share(t int, labels []float64, blanks, sum float64) {
	w := (*walker)(s)
	row := w.chances.spells[t*w.classes:][:w.classes]
	row[w.blank] += blanks / sum
	for i, share := range labels {
		row[w.text[i]] += share / sum
	}
}
