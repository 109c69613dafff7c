package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// sureLoss is the loss below which a sequence of logits is sure: its probability P is so
// near 1 that −log P has lost digits.
const sureLoss = 1.0 / 64

// sureStates is how many states, frames × (2·labels + 1), a sure sequence may have to be
// worked out anew.
const sureStates = 1 << 24

// A ctcSure works out a sure sequence from what misses the target, all in float64.
//
// Reading classes frame by frame, a sequence is in the state of its last blank or label, or
// is lost once it has spelled what the target does not begin with. The probability Q that
// it is lost, or ends too early, is a sum of products of probabilities, without a
// difference: ℓ = −log(1 − Q) has all its digits however small it is. So has the gradient,
//
//	∂ℓ/∂x[t, c] = p[t, c]·(Q[t, c] − Q)/(1 − Q),
//
// where Q[t, c] is the probability of missing the target given class c in frame t.
type ctcSure struct {
	of      []int // the slot of each label, among the distinct ones
	classes []int // of each slot
	slots   []int // of each class, −1 without one

	p      []float64 // [frames, slots + 1], the blank's last
	frames []sureFrame
	alpha  []float64 // [frames + 1, states]: the probability of each state before a frame
	span   [][2]int  // [frames + 1]: from which state on, and before which one, it is not 0
	lost   []float64 // that of none, before a frame
	after  []float64 // [states]: the probability of missing the target from each state on
	before []float64
	masses []float64 // [slots]: that of the states which a slot's class leads on from
	shares []float64 // [slots + 1]: that of missing the target with the class in this frame
}

// A sureFrame is what a frame has besides the blank: its two likeliest classes, and the sum
// of the others.
type sureFrame struct {
	slot [2]int // −2 for a class that is no label
	p    [2]float64
	rest float64
}

const noSlot, noLabel = -2, -1

// start makes room for a sequence.
func (s *ctcSure) start(labels []int, classes, frames int) {
	s.slots = scratch.Sized(s.slots, classes)
	for i := range s.slots {
		s.slots[i] = noSlot
	}
	s.of, s.classes = s.of[:0], s.classes[:0]
	for _, c := range labels {
		if s.slots[c] == noSlot {
			s.slots[c] = len(s.classes)
			s.classes = append(s.classes, c)
		}
		s.of = append(s.of, s.slots[c])
	}
	states, k := s.states(), len(s.classes)
	s.p = scratch.Sized(s.p, frames*(k+1))
	s.frames, s.lost = scratch.Sized(s.frames, frames), scratch.Sized(s.lost, frames+1)
	s.alpha, s.span = scratch.Sized(s.alpha, (frames+1)*states), scratch.Sized(s.span, frames+1)
	clear(s.alpha)
	s.after, s.before = scratch.Sized(s.after, states), scratch.Sized(s.before, states)
	s.masses, s.shares = scratch.Sized(s.masses, k), scratch.Sized(s.shares, k+1)
}

func (s *ctcSure) states() int { return 2*len(s.of) + 1 }

// leads returns the slots of the labels that state i may be followed by: its own, and the
// next one.
func (s *ctcSure) leads(i int) (own, next int) {
	own, next = noLabel, noLabel
	if j := (i + 1) / 2; j < len(s.of) {
		next = s.of[j]
	}
	if i%2 == 1 {
		if own = s.of[i/2]; own == next { // a blank must stand between
			next = noLabel
		}
	}
	return own, next
}

// row returns a frame's probabilities.
func (s *ctcSure) row(t int) []float64 {
	k := len(s.classes) + 1
	return s.p[t*k : (t+1)*k]
}

// read takes the softmax of frame t's logits.
func readSure[T tensor.Float](s *ctcSure, t int, x []T, top T, blank int) {
	f, p := sureFrame{slot: [2]int{noSlot, noSlot}}, s.row(t)
	clear(p)
	var sum float64
	for c, v := range x {
		e := 1.0
		if v != top {
			e = math.Exp(float64(v) - float64(top)) // 0 beside an infinite top
		}
		sum += e
		slot := s.slots[c]
		switch {
		case c == blank:
			p[len(p)-1] = e
			continue
		case slot >= 0:
			p[slot] = e
		}
		if e > f.p[1] {
			f.slot[1] = slot
			e, f.p[1] = f.p[1], e
			if f.p[1] > f.p[0] {
				f.p[0], f.p[1] = f.p[1], f.p[0]
				f.slot[0], f.slot[1] = f.slot[1], f.slot[0]
			}
		}
		f.rest += e
	}
	for i := range p {
		p[i] /= sum
	}
	f.p[0], f.p[1], f.rest = f.p[0]/sum, f.p[1]/sum, f.rest/sum
	s.frames[t] = f
}

// others returns the probability of all classes but the blank and two slots. It is the sum
// of the likeliest ones and a difference that is no greater than those.
func (s *ctcSure) others(t, own, next int) (sum float64) {
	f, p := &s.frames[t], s.row(t)
	rest := f.rest
	for i, slot := range f.slot {
		if slot != own && slot != next {
			sum += f.p[i]
		}
	}
	for _, slot := range [2]int{own, next} {
		if slot >= 0 && slot != f.slot[0] && slot != f.slot[1] {
			rest -= p[slot]
		}
	}
	return sum + max(rest, 0)
}

// negligible is the probability of a state, in relation to that of being lost already, that
// no digit of the result sees, and least one whose products would be subnormal, and slow.
const (
	negligible = 1e-24
	least      = 1e-280
)

// miss returns the probability of missing the target, after the recursion forwards.
func (s *ctcSure) miss(frames int) float64 {
	n := s.states()
	s.alpha[0], s.lost[0], s.span[0] = 1, 0, [2]int{0, 1}
	for t := range frames {
		from, to, p := s.alpha[t*n:(t+1)*n], s.alpha[(t+1)*n:(t+2)*n], s.row(t)
		lo, hi := s.span[t][0], s.span[t][1]
		s.lost[t+1] = s.lost[t]
		for i := lo; i < hi; i++ {
			own, next := s.leads(i)
			s.lost[t+1] += from[i] * s.others(t, own, next)
		}
		bound := max(s.lost[t+1]*negligible, least)
		span := [2]int{n, 0}
		for i := lo; i < min(hi+2, n); i++ {
			a := from[i]
			if i > 0 {
				a += from[i-1]
			}
			if i%2 == 0 {
				a *= p[len(p)-1]
			} else {
				if i > 1 && s.of[i/2] != s.of[i/2-1] {
					a += from[i-2]
				}
				a *= p[s.of[i/2]]
			}
			if a >= bound {
				to[i] = a
				span = [2]int{min(span[0], i), i + 1}
			}
		}
		s.span[t+1] = span
	}
	q := s.lost[frames]
	for _, a := range s.alpha[frames*n:][:max(0, n-2)] {
		q += a
	}
	return q
}

// end sets the chances of missing the target where all frames are read.
func (s *ctcSure) end() {
	for i := range s.after {
		s.after[i] = 1
		if i >= len(s.after)-2 {
			s.after[i] = 0
		}
	}
}

// back sets the chances of missing the target before frame t, of the states that there are
// then, to those after it.
func (s *ctcSure) back(t int) {
	p := s.row(t)
	blank := p[len(p)-1]
	for i := s.span[t][0]; i < s.span[t][1]; i++ {
		own, next := s.leads(i)
		miss := s.others(t, own, next) + blank*s.after[i+i%2]
		if own >= 0 {
			miss += p[own] * s.after[i]
		}
		if next >= 0 {
			miss += p[next] * s.after[i+1+i%2]
		}
		s.before[i] = miss
	}
	s.before, s.after = s.after, s.before
}

// share sets shares to the probabilities of having a class in frame t and missing the
// target, of each slot and the blank.
func (s *ctcSure) share(t int) {
	n := s.states()
	from, to, p := s.alpha[t*n:(t+1)*n], s.alpha[(t+1)*n:(t+2)*n], s.row(t)
	clear(s.masses)
	var all float64
	likeliest := s.span[t][0]
	for i := likeliest; i < s.span[t][1]; i++ {
		a := from[i]
		all += a
		if a > from[likeliest] {
			likeliest = i
		}
		own, next := s.leads(i)
		if own >= 0 {
			s.masses[own] += a
		}
		if next >= 0 {
			s.masses[next] += a
		}
	}
	ownOfMost, nextOfMost := s.leads(likeliest)
	for slot, mass := range s.masses {
		astray := all - mass // of the states that the class does not lead on from
		if slot == ownOfMost || slot == nextOfMost {
			astray = s.astray(t, slot) // the difference would cancel
		}
		s.shares[slot] = p[slot] * (s.lost[t] + max(astray, 0))
	}
	s.shares[len(p)-1] = p[len(p)-1] * s.lost[t]
	for i := s.span[t+1][0]; i < s.span[t+1][1]; i++ {
		if i%2 == 0 {
			s.shares[len(p)-1] += to[i] * s.after[i]
		} else {
			s.shares[s.of[i/2]] += to[i] * s.after[i]
		}
	}
}

// astray returns the probability of the states that a slot's class does not lead on from.
func (s *ctcSure) astray(t, slot int) (sum float64) {
	from := s.alpha[t*s.states():]
	for i := s.span[t][0]; i < s.span[t][1]; i++ {
		if own, next := s.leads(i); own != slot && next != slot {
			sum += from[i]
		}
	}
	return sum
}

// evalSure works out sequence n and returns its loss.
func evalSure[T tensor.Float](s *ctcSure, r *ctcRun[T], n int) float64 {
	b := r.batch
	frames := b.length(n)
	s.start(b.Targets[r.from[n]:][:b.TargetLengths[n]], b.Classes, frames)
	for t := range frames {
		row := b.row(t, n)
		readSure(s, t, b.Scores[row*b.Classes:][:b.Classes], r.top[row], r.blank)
	}
	q := s.miss(frames)
	if r.grad != nil {
		s.end()
		for t := frames - 1; t >= 0; t-- {
			s.share(t)
			row := b.row(t, n)
			writeSure(s, t, r.grad[row*b.Classes:][:b.Classes], r.blank, q, r.factor[n]/(1-q))
			s.back(t)
		}
	}
	return -math.Log1p(-q)
}

// writeSure writes the gradient of the blank and the labels to a row that has the softmax.
// That of the likeliest is less all others', for the sum is 0.
func writeSure[T tensor.Float](s *ctcSure, t int, row []T, blank int, q, factor float64) {
	p := s.row(t)
	top, likeliest := blank, p[len(p)-1]
	row[blank] = T(factor * (s.shares[len(p)-1] - float64(likeliest*q)))
	for slot, c := range s.classes {
		row[c] = T(factor * (s.shares[slot] - float64(p[slot]*q)))
		if p[slot] > likeliest {
			top, likeliest = c, p[slot]
		}
	}
	row[top] = 0
	row[top] = -T(simd.Sum(row))
}
