package tag

import (
	"errors"
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/lattice"
)

// AttributeTraining is how an AttributeTrainer trains.
type AttributeTraining struct {
	C2      float64 // of the penalty C2·Σ w²
	Epsilon float64 // settle at a gradient whose norm is so much of that of the weights, or of 1; 0 means 1e-5
	Delta   float64 // settle where 10 steps lower the objective by less than this share of it; 0 means 1e-5
}

// AttributeTrainer trains Attributes on all sentences at once, by L-BFGS, as CRFsuite does: it minimises
//
//	−Σ_i c_i log p(y_i | x_i) + C2 · Σ w²
//
// where c_i is how much sentence i counts. With C2 above 0 there is one minimum.
type AttributeTrainer struct {
	a         *Attributes
	sentences []Sentence
	factors   []float64
	c2        float64
	optimiser *lbfgs
	state     []tensor.Named

	solver      lattice.Solver[float64]
	gold        []int
	right, free []float64
	unary, pair []float64
	up          []float64
	bounds      []int32 // of the attributes that a task of scatter has
	grad        []float64
}

// NewAttributeTrainer returns a trainer of weights on the sentences that they are of. factors are how much each sentence counts; nil is for 1.
//
// Errors: C2, Epsilon or Delta is not a number of at least 0.
func NewAttributeTrainer(a *Attributes, sentences []Sentence, factors []float64, o AttributeTraining) (*AttributeTrainer, error) {
	for _, x := range []struct {
		name  string
		value *float64
		zero  float64
	}{{"C2", &o.C2, 0}, {"Epsilon", &o.Epsilon, 1e-5}, {"Delta", &o.Delta, 1e-5}} {
		if !(*x.value >= 0 && *x.value <= math.MaxFloat64) {
			return nil, fmt.Errorf("tag: %s is %v; it must be a number of at least 0", x.name, *x.value)
		}
		if *x.value == 0 {
			*x.value = x.zero
		}
	}
	t := &AttributeTrainer{a: a, sentences: sentences, factors: factors, c2: o.C2}
	t.optimiser = newLBFGS(len(a.w), o.Epsilon, o.Delta, t.evaluate)
	t.state = t.optimiser.tensors()
	t.bounds = a.divided()
	return t, nil
}

// State returns the tensors of everything that training changes, for checkpoints.
func (t *AttributeTrainer) State() []tensor.Named { return t.state }

// Objective is what is minimised, at the weights as they stand.
func (t *AttributeTrainer) Objective() (float64, error) {
	err := t.optimiser.begin()
	return t.optimiser.state[lbfgsValue], err
}

// Step takes a step of the optimiser.
func (t *AttributeTrainer) Step() error {
	err := t.optimiser.step()
	t.Settle()
	return err
}

// Settle puts the optimiser's weights into the energies: a State that was written to, or what a line search has left.
func (t *AttributeTrainer) Settle() { copy(t.a.w, t.optimiser.x) }

// Settled reports whether the steps have come to their end: Step no longer changes anything.
func (t *AttributeTrainer) Settled() bool { return t.optimiser.state[lbfgsSettled] == 1 }

// blockEnergies bounds the energies that are worked out together.
const blockEnergies = 1 << 20

// evaluate returns the objective at weights, and its gradient.
func (t *AttributeTrainer) evaluate(weights, grad []float64) (float64, error) {
	copy(t.a.w, weights)
	clear(grad)
	t.grad = grad
	var sum float64
	k := len(t.a.words.tags)
	for lo := 0; lo < len(t.sentences); {
		hi, places := lo, 0
		for hi < len(t.sentences) && (hi == lo || (places+len(t.sentences[hi].Words))*k <= blockEnergies) {
			places += len(t.sentences[hi].Words)
			hi++
		}
		loss, err := t.block(lo, hi)
		if err != nil {
			return 0, err
		}
		sum += loss
		lo = hi
	}
	if t.c2 > 0 {
		sum += t.c2 * dot(weights, weights)
		addScaled(grad, weights, 2*t.c2)
	}
	return sum, nil
}

// block adds the gradient of some sentences, and returns their loss.
func (t *AttributeTrainer) block(lo, hi int) (float64, error) {
	part, a := t.sentences[lo:hi], t.a
	a.load(part)
	var ok bool
	if t.gold, ok = States(t.gold[:0], a, part); !ok {
		return 0, errors.New("tag: a sentence has a tag that the lexicon does not have")
	}
	c := &a.double
	t.right, t.free = scratch.Sized(t.right, len(part)), scratch.Sized(t.free, len(part))
	t.unary, t.pair = scratch.Sized(t.unary, len(c.Unary)), scratch.Sized(t.pair, len(c.Pair))
	t.up = scratch.Sized(t.up, len(part))
	for i := range t.up {
		t.up[i] = -t.factor(lo + i)
	}
	if err := t.solver.Energies(t.right, t.gold, c); err != nil {
		return 0, err
	}
	if err := t.solver.Marginals(t.free, t.unary, t.pair, t.up, c); err != nil {
		return 0, err
	}
	var sum float64
	for i, e := range t.right {
		t.up[i] = -t.up[i]
		sum += t.up[i] * (e - t.free[i])
	}
	if err := t.solver.AddPaths(t.unary, t.pair, t.gold, t.up, c); err != nil {
		return 0, err
	}
	for p, n := range a.pairs {
		if n >= 0 {
			t.grad[n] -= t.pair[p]
		}
	}
	simd.Run(len(t.bounds)-1, (*scatterJob)(t))
	return sum, nil
}

func (t *AttributeTrainer) factor(sentence int) float64 {
	if t.factors == nil {
		return 1
	}
	return t.factors[sentence]
}

// scatterJobs is how many tasks share the attributes.
const scatterJobs = 8

// divided returns bounds of ranges of the attributes with about as much to do.
func (a *Attributes) divided() []int32 {
	total := 0
	for _, w := range a.words.words {
		total += w.count
	}
	bounds, sum := []int32{0}, 0
	for i, w := range a.words.words {
		if sum += w.count; sum*scatterJobs >= len(bounds)*total && len(bounds) < scatterJobs {
			bounds = append(bounds, int32(i+1))
		}
	}
	return append(bounds, int32(len(a.words.words)))
}

// scatterJob adds the derivatives of the energies to those of the weights of a range of attributes: whoever does it, each weight gets
// its parts in the order of the items.
type scatterJob AttributeTrainer

// Do implements simd.Job.
func (j *scatterJob) Do(part, _ int) {
	lo, hi := j.bounds[part], j.bounds[part+1]
	a := j.a
	k := len(a.words.tags)
	for i, s := range a.sentences {
		for t, n := range s.Words {
			at := (a.starts[i] + t) * k
			d, it := j.unary[at:at+k], &a.words.items.all[n]
			for r, row := range it.rows {
				if row < lo || row >= hi {
					continue
				}
				grad := j.grad[a.first[row]:]
				for m, y := range a.words.words[row].tags {
					grad[m] -= float64(it.values[r] * d[y])
				}
			}
		}
	}
}
