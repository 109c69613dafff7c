package answers

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// paths says which paths a sum or a minimum is over.
type paths uint8

const (
	allPaths   paths = iota
	rightPaths       // those that spell the text
	wrongPaths       // the others
)

// The places of a text of L labels: 0 is before all, 2l + 1 is at label l, 2l + 2 at a blank
// behind it; 2L + 1 is away from the text for good.

// widen copies the energies of sequence i, less costs if they are to be taken away.
func (a *Alignments[T]) widen(i int, costs bool) {
	c := a.frames.Classes
	lo, hi := a.frame[i], a.frame[i+1]
	a.energies = scratch.Sized(a.energies, (hi-lo)*c)
	for at, v := range a.frames.Energies[lo*c : hi*c] {
		a.energies[at] = float64(v)
		if costs {
			a.energies[at] -= costOf(&a.stat, a.aligned[lo+at/c], at%c)
		}
	}
}

// next is the place after place p and a frame of a class.
func (a *Alignments[T]) next(text []int, p, class int) int {
	away := 2*len(text) + 1
	label := p / 2 // the next one, if p is a blank or before all
	switch {
	case p == away:
		return away
	case p%2 == 1 && class == text[label]:
		return p
	case p%2 == 1 && class == a.frames.Blank:
		return p + 1
	case p%2 == 1:
		label++
	case class == a.frames.Blank:
		return p
	}
	if label < len(text) && class == text[label] {
		return 2*label + 1
	}
	return away
}

// ends reports whether a path of p may end at a place.
func (p paths) ends(place, labels int) bool {
	right := place == 2*labels || place == 2*labels-1
	return p == allPaths || right == (p == rightPaths)
}

// total is the sum, or with beta 0 the minimum, over paths of sequence i; it leaves what
// follows each place in cells.
func (a *Alignments[T]) total(i int, which paths, beta float64) float64 {
	text, n := a.frames.Targets[a.text[i]:a.text[i+1]], a.frames.Lengths[i]
	places := 2*len(text) + 2
	a.cells = scratch.Sized(a.cells, (n+1)*places)
	for p := range places {
		a.cells[n*places+p] = math.Inf(1)
		if which.ends(p, len(text)) {
			a.cells[n*places+p] = 0
		}
	}
	for t := n - 1; t >= 0; t-- {
		// Places that t frames do not reach are not looked at; the one away always is.
		for p := range places {
			if p > 2*t && p != places-1 {
				continue
			}
			m := newSoftMin(beta)
			for class := range a.frames.Classes {
				m.add(a.step(text, t, p, class), class)
			}
			a.cells[t*places+p] = m.value()
		}
	}
	return a.cells[0]
}

// step is the energy of class in frame t from place p, and of what follows.
func (a *Alignments[T]) step(text []int, t, p, class int) float64 {
	places := 2*len(text) + 2
	return a.energies[t*a.frames.Classes+class] + a.cells[(t+1)*places+a.next(text, p, class)]
}

// add adds by times the derivatives of a total: the shares of its paths, handed on from frame to
// frame, or with beta 0 its best path.
func (a *Alignments[T]) add(i int, which paths, beta, by float64) {
	if by == 0 {
		return
	}
	v := a.total(i, which, beta)
	if math.IsInf(v, 1) {
		return
	}
	if beta == 0 {
		a.follow(i, which, func(t, class int) { a.grads[(a.frame[i]+t)*a.frames.Classes+class] += T(by) })
		return
	}
	text := a.frames.Targets[a.text[i]:a.text[i+1]]
	places, c := 2*len(text)+2, a.frames.Classes
	a.here, a.there = scratch.Sized(a.here, places), scratch.Sized(a.there, places)
	clear(a.here)
	a.here[0] = 1
	for t := range a.frames.Lengths[i] {
		clear(a.there)
		grads := a.grads[(a.frame[i]+t)*c:][:c]
		for p, sum := range a.here {
			if sum == 0 {
				continue
			}
			for class := range c {
				q := sum * share(beta, a.step(text, t, p, class), a.cells[t*places+p])
				grads[class] += T(by * q)
				a.there[a.next(text, p, class)] += q
			}
		}
		a.here, a.there = a.there, a.here
	}
}

// follow calls visit with the class of each frame of the best path that the last total found.
// Where right and wrong paths tie for the minimum over all, it follows a wrong one.
func (a *Alignments[T]) follow(i int, which paths, visit func(t, class int)) {
	if which == allPaths {
		least := a.total(i, allPaths, 0)
		if a.total(i, wrongPaths, 0) > least {
			a.total(i, rightPaths, 0)
		}
	}
	text := a.frames.Targets[a.text[i]:a.text[i+1]]
	p := 0
	for t := range a.frames.Lengths[i] {
		m := newSoftMin(0)
		for class := range a.frames.Classes {
			m.add(a.step(text, t, p, class), class)
		}
		visit(t, m.at)
		p = a.next(text, p, m.at)
	}
}

// align fills aligned with the classes of the best path of sequence i's text; where there is
// none, E⁺ is +Inf, and the costs do not matter.
func (a *Alignments[T]) align(i int) {
	lo := a.frame[i]
	if math.IsInf(a.total(i, rightPaths, 0), 1) {
		for t := range a.frames.Lengths[i] {
			a.aligned[lo+t] = a.frames.Blank
		}
		return
	}
	a.follow(i, rightPaths, func(t, class int) { a.aligned[lo+t] = class })
}
