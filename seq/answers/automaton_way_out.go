package answers

import (
	"math"

	"github.com/energo-ml/energo/internal/simd"
)

// wayOut is the classes of a frame but the blank, of which all but two at most lead away from a place of the text.
//
// Their sum without those two is the sum of the three of the least energies, as far as they are not among the two, and
// of the others. A class that is taken off the others again has no less an energy than one that stays, so that no
// digits are lost.
type wayOut struct {
	energies [3]float64 // the least, in order; +Inf where there are fewer classes
	classes  [3]int
	beta     float64
	ratios   [3]float64 // exp(−β(e₁ − e₀)), exp(−β(e₂ − e₀)), exp(−β(e₂ − e₁))
	weights  []float64  // [classes] of the others: exp(−β(e − e₂)); 0 for the three and the blank
	sum      float64    // of weights

	// What pass collects: the shares per weight that leave by each of the three, and by each of the others.
	leaving [3]float64
	others  float64
	held    []float64 // [classes]: what others has too much for a class
}

// set takes the energies of a frame.
func (o *wayOut) set(row []float64, blank int, beta float64) {
	inf := math.Inf(1)
	o.beta, o.energies, o.classes = beta, [3]float64{inf, inf, inf}, [3]int{noClass, noClass, noClass}
	e, k := &o.energies, &o.classes
	for c, v := range row {
		if c == blank || !(v < e[2]) {
			continue
		}
		switch {
		case v < e[0]:
			e[0], e[1], e[2] = v, e[0], e[1]
			k[0], k[1], k[2] = c, k[0], k[1]
		case v < e[1]:
			e[1], e[2] = v, e[1]
			k[1], k[2] = c, k[1]
		default:
			e[2], k[2] = v, c
		}
	}
	if beta == 0 {
		return
	}
	o.ratios = [3]float64{ratio(beta, e[1], e[0]), ratio(beta, e[2], e[0]), ratio(beta, e[2], e[1])}
	o.sum = 0
	if math.IsInf(e[2], 1) {
		clear(o.weights)
		return
	}
	for c, v := range row {
		o.weights[c] = beta * (e[2] - v)
	}
	simd.Exp(o.weights, o.weights)
	o.weights[blank] = 0
	for _, c := range k {
		o.weights[c] = 0
	}
	o.sum = simd.Sum(o.weights)
}

// ratio is exp(−β(e − least)) of e ≥ least; 0 where e is +Inf.
func ratio(beta, e, least float64) float64 {
	if math.IsInf(e, 1) {
		return 0
	}
	return expOf(beta, e-least)
}

// rest returns which of the three has the least energy of all classes but two, and the sum of these, in relation to it.
func (o *wayOut) rest(own, next int) (k int, times float64) {
	third := 1.0
	switch {
	case !o.among(0, own, next):
		k = 0
	case !o.among(1, own, next):
		k = 1
	default:
		return 2, 1 + o.beyond(own, next)
	}
	if o.among(2, own, next) {
		third = 0
	}
	if k == 1 {
		return 1, 1 + o.ratios[2]*(third+o.beyond(own, next))
	}
	times = 1 + o.ratios[1]*(third+o.beyond(own, next))
	if !o.among(1, own, next) {
		times += o.ratios[0]
	}
	return 0, times
}

// among reports whether one of the three is one of two classes.
func (o *wayOut) among(k, own, next int) bool {
	c := o.classes[k]
	return c != noClass && (c == own || c == next)
}

// beyond is the sum of the classes beyond the three without two; 0 for a minimum, which needs none.
func (o *wayOut) beyond(own, next int) float64 {
	if o.beta == 0 {
		return 0
	}
	sum := o.sum
	if own != noClass {
		sum -= o.weights[own]
	}
	if next != noClass {
		sum -= o.weights[next]
	}
	return max(sum, 0)
}

// open begins to collect what leaves.
func (o *wayOut) open() {
	clear(o.held)
	o.leaving, o.others = [3]float64{}, 0
}

// leave notes that a share q, in relation to the least energy of rest, leaves by all classes but two.
func (o *wayOut) leave(own, next int, q float64) {
	k := 0
	for ; k < 2 && o.among(k, own, next); k++ {
	}
	to := [3]float64{1, o.ratios[0], o.ratios[1]} // the three's, in relation to the first
	switch k {
	case 1:
		to = [3]float64{0, 1, o.ratios[2]}
	case 2:
		to = [3]float64{0, 0, 1}
	}
	for j := k; j < 3; j++ {
		if !o.among(j, own, next) {
			o.leaving[j] += q * to[j]
		}
	}
	far := q * to[2]
	o.others += far
	if own != noClass {
		o.held[own] += far
	}
	if next != noClass {
		o.held[next] += far
	}
}

// close adds what has left to the classes' shares.
func (o *wayOut) close(shares []float64) {
	for j, c := range o.classes {
		if c != noClass {
			shares[c] += o.leaving[j]
		}
	}
	if o.others == 0 {
		return
	}
	for c, v := range o.weights {
		if v > 0 {
			shares[c] += v * max(o.others-o.held[c], 0)
		}
	}
}
