package answers

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/lattice"
)

// Trellis is the lattice of CTC for one text, state by state: a path gives each frame a state of the extended text, blanks and labels in turn, and
// has the sum of the energies of their classes. From a frame to the next it stays, or moves by one state, or by two from a label to one of
// another class.
//
//	F = −(1/β) ln Σ exp(−β E)    over the paths
//	Least = min E                what F tends to as β grows
//
// Where no path spells the text, both are +Inf, Path is nil and Occupancy is 0.
//
// Source: [graves2006].
type Trellis struct {
	States    []int     // the class of each: 2L + 1 for L labels
	Frames    int       // of the sequence
	Free      float64   // F
	Least     float64   // the energy of Path
	Path      []int     // the state of each frame on the best path; of equal ones the one that stays
	Occupancy []float64 // [Frames, States]: the share exp(−βE)/Σ exp(−βE) of the paths that are in a state in a frame
}

// NewTrellis runs the recursions over a sequence of energies [frames, classes], which are finite, or +Inf, which forbids. Time and memory
// grow with frames times labels.
//
// Errors: energies that are no whole number of frames, NaN or −Inf; a blank or labels that are no classes, or labels that are the blank; β that is
// not above 0.
func NewTrellis[T tensor.Float](energies []T, classes, blank int, labels []int, beta float64) (*Trellis, error) {
	if classes < 2 || blank < 0 || blank >= classes || len(energies)%classes != 0 {
		return nil, fmt.Errorf("answers: there are %d energies of %d classes, of which the blank is %d; they must be whole frames of at least 2 classes, of which the blank is one", len(energies), classes, blank)
	}
	if !(beta > 0 && beta <= math.MaxFloat64) {
		return nil, fmt.Errorf("answers: beta is %v; it must be a number above 0", beta)
	}
	t := &Trellis{States: []int{blank}, Frames: len(energies) / classes}
	for i, c := range labels {
		if c < 0 || c >= classes || c == blank {
			return nil, fmt.Errorf("answers: labels[%d] is %d; it must be a class from 0 to %d, and not the blank, %d", i, c, classes-1, blank)
		}
		t.States = append(t.States, c, blank)
	}
	for i, v := range energies {
		if !(math.Abs(float64(v)) <= mostEnergy/beta) && !math.IsInf(float64(v), 1) {
			return nil, fmt.Errorf("answers: energies[%d] is %v; it must be a number from %g to %g, or +Inf to forbid", i, v, -mostEnergy/beta, mostEnergy/beta)
		}
	}
	t.Occupancy = make([]float64, t.Frames*len(t.States))
	g := t.graph(func(frame, class int) float64 { return beta * float64(energies[frame*classes+class]) })
	var s lattice.GraphSolver[float64]
	shares := make([]float64, len(g.From))
	free, err := s.FreeEnergy(shares, g)
	if err != nil {
		return nil, err
	}
	least, path, err := s.Minimum(nil, g)
	if err != nil {
		return nil, err
	}
	t.Free, t.Least = free/beta, least/beta
	for a, share := range shares {
		if at := g.To[a] - 1; at < len(t.Occupancy) {
			t.Occupancy[at] += share
		}
	}
	for _, a := range path {
		if at := g.To[a] - 1; at < len(t.Occupancy) {
			t.Path = append(t.Path, at%len(t.States))
		}
	}
	return t, nil
}

// graph is the lattice, whose node 0 is before the first frame, node 1 + frame·states + state in a frame, and the last behind all. States that no path can be in have no
// arcs.
func (t *Trellis) graph(energy func(frame, class int) float64) *lattice.Graph[float64] {
	n := len(t.States)
	g := &lattice.Graph[float64]{Nodes: t.Frames*n + 2}
	arc := func(from, to int, e float64) {
		g.From, g.To, g.Energy = append(g.From, from), append(g.To, to), append(g.Energy, e)
	}
	for frame := range t.Frames {
		first, last := t.band(frame)
		for s := first; s <= last; s++ {
			to, e := 1+frame*n+s, energy(frame, t.States[s])
			if frame == 0 {
				arc(0, to, e)
				continue
			}
			low, high := t.band(frame - 1)
			for from := s; from >= max(low, s-t.jump(s)); from-- {
				if from <= high {
					arc(1+(frame-1)*n+from, to, e)
				}
			}
		}
	}
	end := g.Nodes - 1
	if t.Frames == 0 {
		if n == 1 {
			arc(0, end, 0)
		}
		return g
	}
	low, high := t.band(t.Frames - 1)
	for s := high; s >= max(low, n-2); s-- {
		arc(1+(t.Frames-1)*n+s, end, 0)
	}
	return g
}

// jump is how many states a path may move by into one.
func (t *Trellis) jump(s int) int {
	if s%2 == 1 && s > 1 && t.States[s] != t.States[s-2] {
		return 2
	}
	return min(s, 1)
}

// band are the states that a path can have reached in a frame, and from which it can still come to the end.
func (t *Trellis) band(frame int) (first, last int) {
	n := len(t.States)
	return max(0, n-2*(t.Frames-frame)), min(n-1, 2*frame+1)
}
