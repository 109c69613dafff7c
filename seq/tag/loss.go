package tag

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/lattice"
)

// Loss is a functional of the energies of sentences' tags, which are paths of their chains: what trains Features and a Network. It has
// one goroutine's memory, which is kept: a warm call allocates nothing.
//
// Errors of its methods: those of lattice.Solver.Energies; chains have no statistic that the functional takes
// (*answers.NoStatistic); an energy that is NaN.
type Loss struct {
	Functional functional.Functional
	Base       answers.Base // what energies are counted from
	PerWord    bool         // divide E⁺ and the statistic by the words of the sentence

	Unary, Pair []float32 // derivatives of the sum of the losses by the chains' energies, as Eval leaves them

	answers answers.Chains[float32]
	loss    answers.Loss
	each    []float64               // [chains] losses
	raw     answers.Chains[float32] // of diagnoses

	// Of the likelihood alone.
	solver      lattice.Solver[float32]
	right, free []float64
	down        []float32 // −1 for each chain
}

// Eval returns the sum of the losses of chains whose right states are gold, as States has them, and writes its derivatives to Unary and Pair.
func (l *Loss) Eval(c *lattice.Chains[float32], gold []int) (float64, error) {
	l.Unary, l.Pair = scratch.Sized(l.Unary, len(c.Unary)), scratch.Sized(l.Pair, len(c.Pair))
	if f, ok := l.Functional.(functional.NLL); ok && f.Beta == 1 && !l.PerWord {
		return l.likelihood(c, gold)
	}
	clear(l.Unary)
	clear(l.Pair)
	if err := l.set(c, gold); err != nil {
		return 0, err
	}
	l.each = scratch.Sized(l.each, len(c.Lengths))
	if _, err := l.loss.Eval(&l.answers, l.Functional, l.each); err != nil {
		return 0, err
	}
	var sum float64
	for _, v := range l.each {
		sum += v
	}
	return sum, l.loss.AddGrads(1)
}

// set makes the paths of chains the answers.
func (l *Loss) set(c *lattice.Chains[float32], gold []int) error {
	l.answers.Base, l.answers.PerPlace = l.Base, l.PerWord
	return l.answers.Set(c, gold, l.Unary, l.Pair)
}

// likelihood is Eval of nll, E(ȳ) − F: package answers runs the forward algorithm once for F and once more for the
// shares, which are the derivatives whatever the loss is, and so can be computed with F.
// Source: [lafferty2001].
func (l *Loss) likelihood(c *lattice.Chains[float32], gold []int) (float64, error) {
	n := len(c.Lengths)
	l.right, l.free = scratch.Sized(l.right, n), scratch.Sized(l.free, n)
	for len(l.down) < n {
		l.down = append(l.down, -1)
	}
	if err := l.solver.Energies(l.right, gold, c); err != nil {
		return 0, err
	}
	if err := l.solver.Marginals(l.free, l.Unary, l.Pair, l.down[:n], c); err != nil {
		return 0, err
	}
	if err := l.solver.AddPaths(l.Unary, l.Pair, gold, nil, c); err != nil {
		return 0, err
	}
	var sum float64
	for i, e := range l.right {
		loss := e - l.free[i]
		if loss != loss {
			return 0, fmt.Errorf("the energy of the right tags is %v, that of all %v", e, l.free[i])
		}
		sum += max(loss, 0) // below only by rounding
	}
	return sum, nil
}

// Stats looks at one chain, for a diagnosis of its energies: the right path's, the least of the other paths', the spread of its places'
// energies over their states, mean over the places, and the loss. It overwrites Unary and Pair.
func (l *Loss) Stats(c *lattice.Chains[float32], gold []int) (functional.LabelStats, error) {
	s := functional.LabelStats{Answer: -1, Places: len(gold)}
	var correct, other [1]float64
	l.Unary, l.Pair = scratch.Sized(l.Unary, len(c.Unary)), scratch.Sized(l.Pair, len(c.Pair))
	if err := l.set(c, gold); err != nil {
		return s, err
	}
	if err := l.answers.Eval(l.Functional.Statistic(), correct[:], other[:]); err != nil {
		return s, err
	}
	loss, down, up := l.Functional.Eval(correct[0], other[0])
	s.Loss, s.Push = loss, max(math.Abs(down), math.Abs(up))
	if err := l.raw.Set(c, gold, l.Unary, l.Pair); err != nil {
		return s, err
	}
	if err := l.raw.Eval(functional.Statistic{Kind: functional.Offending}, correct[:], other[:]); err != nil {
		return s, err
	}
	s.Correct, s.Offending = correct[0], other[0]
	at := 0
	for v := range gold {
		k := c.States[min(v, len(c.States)-1)]
		s.Spread += deviation(c.Unary[at:at+k]) / float64(len(gold))
		at += k
	}
	return s, nil
}

func deviation(x []float32) float64 {
	var mean, square float64
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		square += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	return math.Sqrt(square)
}

// Guessed is the error of giving every word of sentences their most frequent tag, which a tagger is held against; NaN of no words.
func (l *Lexicon) Guessed(set []Sentence) float64 {
	counts := make([]int, len(l.tags))
	places, most := 0, 0
	for _, s := range set {
		for _, y := range s.Tags {
			places++
			if y >= 0 { // the others are tags that training did not have
				counts[y]++
				most = max(most, counts[y])
			}
		}
	}
	return 1 - measure.Ratio(float64(most), float64(places))
}
