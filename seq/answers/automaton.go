package answers

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
)

// paths says which paths a sum or a minimum is over.
type paths uint8

const (
	allPaths   paths = iota
	rightPaths       // those that spell the text
	wrongPaths       // the others
)

// A walker sums, or with β = 0 minimises, over the paths of one sequence, and adds the derivatives. It is one worker's
// memory.
//
// The places of a text of L labels: 0 is before all, 2l + 1 is at label l, 2l + 2 at a blank behind it; 2L + 1 is away
// from the text for good. From a place of the text, three classes at most lead on along it: the blank, the label that the
// place is at, and the next label. All others lead away, and are taken together (wayOut), so that a frame costs O(L + C).
type walker struct {
	blank, classes, frames int
	text                   []int
	energies               []float64 // [frames, classes], less costs

	cells       []float64 // [frames+1, places]: all that may follow a place, before each frame
	here, there []float64 // [places]: shares of the places before a frame, and after it
	shares      []float64 // [classes]: derivatives of a frame
	out         wayOut
	chances     chances
	byChances   bool // the last total is a sum by chances
}

// reserve makes room for a sequence, so that total and add allocate nothing.
func (w *walker) reserve(frames, classes, labels int) {
	places := 2*labels + 2
	w.energies = scratch.Sized(w.energies, frames*classes)
	w.cells = scratch.Sized(w.cells, (frames+1)*places)
	w.here, w.there = scratch.Sized(w.here, places), scratch.Sized(w.there, places)
	w.shares = scratch.Sized(w.shares, classes)
	w.chances.reserve(frames, classes, labels)
	w.out.weights, w.out.held = scratch.Sized(w.out.weights, classes), scratch.Sized(w.out.held, classes)
}

// set makes w a walker over a sequence.
func set[T tensor.Float](w *walker, energies []T, blank, classes int, text []int) {
	w.blank, w.classes, w.frames, w.text = blank, classes, len(energies)/classes, text
	w.reserve(w.frames, classes, len(text))
	widen(w, energies)
}

// widen copies the energies of the sequence.
func widen[T tensor.Float](w *walker, energies []T) {
	w.chances.beta = 0
	for i, v := range energies {
		w.energies[i] = float64(v)
	}
}

// row is the energies of a frame.
func (w *walker) row(t int) []float64 { return w.energies[t*w.classes:][:w.classes] }

// away is the last place.
func (w *walker) away() int { return 2*len(w.text) + 1 }

// after is what may follow each place, before frame t.
func (w *walker) after(t int) []float64 {
	places := w.away() + 1
	return w.cells[t*places:][:places]
}

// noClass stands where a place has no label.
const noClass = -1

// leads returns the label that a place is at, and the next one, or noClass where it is the same: a blank must stand
// between.
func (w *walker) leads(place int) (own, next int) {
	own, next = noClass, noClass
	label := (place + 1) / 2
	if label < len(w.text) {
		next = w.text[label]
	}
	if place%2 == 1 {
		if own = w.text[place/2]; own == next {
			next = noClass
		}
	}
	return own, next
}

// A step is what a class, or all classes that lead away, of a frame adds to what follows.
type step struct {
	energy float64 // of the class, and of what follows
	times  float64 // how often, in relation to that energy: 1 but for those that lead away
	class  int
	to     int
}

// steps fills all with the steps from a place of the text before the frame of next, where w.out is that frame's.
func (w *walker) steps(all *[4]step, row, next []float64, place int) []step {
	own, label := w.leads(place)
	behind := place + place%2
	all[0] = step{row[w.blank] + next[behind], 1, w.blank, behind}
	n := 1
	if own != noClass {
		all[n] = step{row[own] + next[place], 1, own, place}
		n++
	}
	if label != noClass {
		to := behind + 1
		all[n] = step{row[label] + next[to], 1, label, to}
		n++
	}
	if a := w.away(); !math.IsInf(next[a], 1) {
		k, times := w.out.rest(own, label)
		all[n] = step{w.out.energies[k] + next[a], times, w.out.classes[k], a}
		n++
	}
	return all[:n]
}

// ends reports whether a path of p may end at a place.
func (p paths) ends(place, labels int) bool {
	right := place == 2*labels || place == 2*labels-1
	return p == allPaths || right == (p == rightPaths)
}

// total is the sum, or with β = 0 the minimum, over paths. Of right and wrong ones it leaves what follows each place in
// cells.
func (w *walker) total(which paths, beta float64) float64 {
	if w.byChances = beta > 0; w.byChances {
		if v, ok := w.sum(which, beta); ok {
			return v
		}
		w.byChances = false
	}
	if which == allPaths {
		sum := 0.0
		for t := w.frames - 1; t >= 0; t-- {
			sum += w.ofRow(t, beta)
		}
		return sum
	}
	away := w.away()
	last := w.after(w.frames)
	for p := range last {
		last[p] = math.Inf(1)
		if which.ends(p, len(w.text)) {
			last[p] = 0
		}
	}
	var all [4]step
	for t := w.frames - 1; t >= 0; t-- {
		row, next, cells := w.row(t), w.after(t+1), w.after(t)
		cells[away] = math.Inf(1)
		if which == wrongPaths {
			cells[away] = w.ofRow(t, beta) + next[away]
			w.out.set(row, w.blank, beta)
		}
		// Places that t frames do not reach are not looked at.
		for p := range min(2*t+1, away) {
			if beta == 0 {
				cells[p] = w.lowest(row, next, p)
				continue
			}
			cells[p] = join(w.steps(&all, row, next, p), beta)
		}
	}
	return w.cells[0]
}

// sum is total by chances; ok is false where these cannot hold it.
func (w *walker) sum(which paths, beta float64) (v float64, ok bool) {
	switch {
	case !w.soften(beta):
		return math.Inf(1), true
	case which == allPaths:
		return w.chances.free, true
	case which == rightPaths:
		return w.spell(beta)
	}
	q := w.miss()
	return w.chances.free - math.Log(q)/beta, q >= enough
}

// lowest is the least energy of steps.
func (w *walker) lowest(row, next []float64, place int) float64 {
	own, label := w.leads(place)
	behind := place + place%2
	least := row[w.blank] + next[behind]
	if own != noClass {
		least = min(least, row[own]+next[place])
	}
	if label != noClass {
		least = min(least, row[label]+next[behind+1])
	}
	if out := next[w.away()]; out <= math.MaxFloat64 {
		for k := range w.out.classes {
			if !w.out.among(k, own, label) {
				return min(least, w.out.energies[k]+out)
			}
		}
	}
	return least
}

// ofRow is the sum, or with β = 0 the minimum, over the classes of frame t.
func (w *walker) ofRow(t int, beta float64) float64 {
	row := w.row(t)
	least := math.Inf(1)
	for _, v := range row {
		least = min(least, v)
	}
	if beta == 0 || math.IsInf(least, 1) {
		return least
	}
	sum := 0.0
	for _, v := range row {
		sum += expOf(beta, v-least)
	}
	return least - math.Log(sum)/beta
}

// join is −(1/β) log Σ times·exp(−β·energy) over steps, or with β = 0 the minimum; +Inf of no steps.
func join(steps []step, beta float64) float64 {
	least := math.Inf(1)
	for i := range steps {
		least = min(least, steps[i].energy)
	}
	if beta == 0 || math.IsInf(least, 1) {
		return least
	}
	sum := 0.0
	for i := range steps {
		sum += steps[i].times * expOf(beta, steps[i].energy-least)
	}
	if sum == 1 {
		return least
	}
	return least - math.Log(sum)/beta
}

// nothing is the exponent of which no sum sees the exponential.
const nothing = 60

// expOf is exp(−β·x) of x ≥ 0, and 0 where a sum with a term of 1 does not see it.
func expOf(beta, x float64) float64 {
	switch y := beta * x; {
	case y == 0:
		return 1
	case y < nothing:
		return math.Exp(-y)
	}
	return 0
}

// add adds by times the derivatives of a total to grads: the shares of its paths, handed on from frame to frame, or with
// β = 0 its best path.
func add[T tensor.Float](w *walker, grads []T, which paths, beta, by float64) {
	if by == 0 {
		return
	}
	v := w.total(which, beta)
	if math.IsInf(v, 1) {
		return
	}
	if beta == 0 {
		w.follow(which, func(t, class int) { grads[t*w.classes+class] += T(by) })
		return
	}
	if which == rightPaths && w.byChances {
		clear(w.chances.spells)
		w.chances.right.Backward((*walkerSource)(w))
		for i, q := range w.chances.spells {
			grads[i] += T(by * q)
		}
		return
	}
	clear(w.here)
	w.here[0] = 1
	for t := range w.frames {
		clear(w.shares)
		switch {
		case which == allPaths:
			w.whole(t, beta, 1)
		case w.byChances:
			w.passChances(t)
		default:
			w.pass(t, which, beta)
		}
		to := grads[t*w.classes:][:w.classes]
		for c, q := range w.shares {
			to[c] += T(by * q)
		}
	}
}

// whole adds a share of all paths of frame t.
func (w *walker) whole(t int, beta, share float64) {
	if w.byChances {
		for c, p := range w.chancesOf(t) {
			w.shares[c] += share * p
		}
		return
	}
	row, sum := w.row(t), w.ofRow(t, beta)
	for c, v := range row {
		w.shares[c] += share * math.Exp(-beta*(v-sum))
	}
}

// pass hands the shares of the places on over frame t.
func (w *walker) pass(t int, which paths, beta float64) {
	row, next, cells := w.row(t), w.after(t+1), w.after(t)
	away := w.away()
	clear(w.there)
	if which == wrongPaths {
		w.out.set(row, w.blank, beta)
		w.out.open()
		if share := w.here[away]; share > 0 {
			w.there[away] = share
			w.whole(t, beta, share)
		}
	}
	var all [4]step
	for p, share := range w.here[:min(2*t+1, away)] {
		if share == 0 {
			continue
		}
		for _, s := range w.steps(&all, row, next, p) {
			q := share * expOf(beta, s.energy-cells[p])
			if q == 0 {
				continue
			}
			w.there[s.to] += q * s.times
			if s.to == away {
				own, label := w.leads(p)
				w.out.leave(own, label, q)
				continue
			}
			w.shares[s.class] += q
		}
	}
	if which == wrongPaths {
		w.out.close(w.shares)
	}
	w.here, w.there = w.there, w.here
}

// follow calls visit with the class of each frame of the best path that the last total found. Where right and wrong paths
// tie for the minimum over all, it follows a wrong one.
func (w *walker) follow(which paths, visit func(t, class int)) {
	if which == allPaths {
		least := w.total(allPaths, 0)
		if which = wrongPaths; w.total(wrongPaths, 0) > least {
			which = rightPaths
			w.total(rightPaths, 0)
		}
	}
	p, away := 0, w.away()
	var all [4]step
	for t := range w.frames {
		row := w.row(t)
		if p == away {
			visit(t, leastOf(row))
			continue
		}
		if which == wrongPaths {
			w.out.set(row, w.blank, 0)
		}
		best := step{energy: math.Inf(1), class: w.classes}
		for _, s := range w.steps(&all, row, w.after(t+1), p) {
			if s.energy < best.energy || s.energy == best.energy && s.class < best.class {
				best = s
			}
		}
		visit(t, best.class)
		p = best.to
	}
}

// leastOf is the class of the least energy, the first of equals.
func leastOf(row []float64) (at int) {
	for c, v := range row {
		if v < row[at] {
			at = c
		}
	}
	return at
}
