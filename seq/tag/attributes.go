package tag

import (
	"errors"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/lattice"
)

// AttributeOptions are those of NewAttributes, with CRFsuite's meaning and defaults.
type AttributeOptions struct {
	MinFrequency        float64 // least sum of an attribute's values with a tag, or of occurrences of a pair of tags, to have a weight
	PossibleStates      bool    // attributes have weights for all tags, not only for those that they have in training
	PossibleTransitions bool    // all pairs of tags have weights
}

// Attributes is Energies that are sums of weights of attributes, which the text brings with it, and of pairs of tags:
//
//	E(y) = −Σ_t Σ_a v_a(t) · w(a, y_t) − Σ_t w(y_{t−1}, y_t)
//
// where v_a(t) are the values of the attributes of item t. Weights are of the attributes and tags that training has together, and of its
// pairs of tags; others are 0. An AttributeTrainer trains it. Source: [lafferty2001], [okazaki2007].
type Attributes struct {
	words *Lexicon // its words are the attributes; their tags are those that have weights
	first []int32  // of each attribute: its first weight
	// w are those of the attributes by their tags, then those of the pairs of tags that have some.
	w     []float64
	pairs []int32 // [tags, tags]: a pair's weight; −1 for none

	sentences []Sentence
	starts    []int // first place of each sentence
	chains    lattice.Chains[float32]
	double    lattice.Chains[float64]
}

// NewAttributes returns energies that are 0. The lexicon is NewAttributeLexicon's of the sentences, and factors are how much each sentence
// counts, nil for 1.
//
// Errors: a lexicon of words; a sentence with a tag that the lexicon does not have; a MinFrequency that is not a number of at least 0.
func NewAttributes(words *Lexicon, sentences []Sentence, factors []float64, o AttributeOptions) (*Attributes, error) {
	switch {
	case words.items == nil:
		return nil, errors.New("tag: the lexicon is of words; it must be of attributes")
	case !(o.MinFrequency >= 0):
		return nil, fmt.Errorf("tag: MinFrequency is %v; it must be at least 0", o.MinFrequency)
	}
	k := len(words.tags)
	frequency, pairs := make([][]float64, len(words.words)), make([]float64, k*k)
	there := make([]bool, k*k)
	for i, s := range sentences {
		factor := 1.0
		if factors != nil {
			factor = factors[i]
		}
		for t, y := range s.Tags {
			if y < 0 {
				return nil, fmt.Errorf("tag: sentence %d, item %d: the lexicon does not have its tag", i, t)
			}
			if t > 0 {
				pair := int(s.Tags[t-1])*k + int(y)
				pairs[pair] += factor
				there[pair] = true
			}
			it := &words.items.all[s.Words[t]]
			for j, a := range it.rows {
				w := &words.words[a]
				at, ok := slices.BinarySearch(w.tags, y)
				if !ok {
					w.tags, frequency[a] = slices.Insert(w.tags, at, y), slices.Insert(frequency[a], at, 0)
				}
				frequency[a][at] += factor * it.values[j]
			}
		}
	}
	for a := range words.words {
		words.words[a].tags = o.kept(words.words[a].tags, frequency[a], k)
	}
	a := newAttributes(words)
	for p, ok := range there {
		a.pairs[p] = -1
		if (ok || o.PossibleTransitions) && pairs[p] >= o.MinFrequency {
			a.pairs[p] = int32(len(a.w))
			a.w = append(a.w, 0)
		}
	}
	return a, nil
}

// kept returns those of an attribute's tags that have weights.
func (o *AttributeOptions) kept(tags []int32, frequency []float64, k int) (all []int32) {
	for y := range int32(k) {
		at, ok := slices.BinarySearch(tags, y)
		if f := 0.0; ok || o.PossibleStates {
			if ok {
				f = frequency[at]
			}
			if f >= o.MinFrequency {
				all = append(all, y)
			}
		}
	}
	return all
}

// newAttributes returns energies with the weights of the attributes and none of pairs.
func newAttributes(words *Lexicon) *Attributes {
	a := &Attributes{words: words, pairs: make([]int32, len(words.tags)*len(words.tags))}
	n := 0
	for _, w := range words.words {
		a.first = append(a.first, int32(n))
		n += len(w.tags)
	}
	a.w = make([]float64, words.states())
	return a
}

// Size is how many weights there are.
func (a *Attributes) Size() int { return len(a.w) }

// load works out the chains of sentences.
func (a *Attributes) load(sentences []Sentence) {
	k := len(a.words.tags)
	c := &a.double
	a.sentences, a.starts = sentences, a.starts[:0]
	c.Lengths, c.States = c.Lengths[:0], append(c.States[:0], k)
	places := 0
	for _, s := range sentences {
		a.starts = append(a.starts, places)
		c.Lengths = append(c.Lengths, len(s.Words))
		places += len(s.Words)
	}
	c.Unary, c.Pair = scratch.Sized(c.Unary, places*k), scratch.Sized(c.Pair, k*k)
	simd.Run(len(sentences), (*attributeJob)(a))
	for p, n := range a.pairs {
		c.Pair[p] = 0
		if n >= 0 {
			c.Pair[p] = -a.w[n]
		}
	}
}

// attributeJob works out the energies of a sentence's items.
type attributeJob Attributes

// Do implements simd.Job.
func (j *attributeJob) Do(i, _ int) {
	k := len(j.words.tags)
	for t, n := range j.sentences[i].Words {
		at := (j.starts[i] + t) * k
		energies, it := j.double.Unary[at:at+k], &j.words.items.all[n]
		clear(energies)
		for r, row := range it.rows {
			weights := j.w[j.first[row]:]
			for m, y := range j.words.words[row].tags {
				energies[y] -= float64(it.values[r] * weights[m])
			}
		}
	}
}

// Chains implements Energies.
func (a *Attributes) Chains(sentences []Sentence) *lattice.Chains[float32] {
	a.load(sentences)
	c, d := &a.chains, &a.double
	c.Lengths, c.States = d.Lengths, d.States
	c.Unary, c.Pair = narrowed(c.Unary, d.Unary), narrowed(c.Pair, d.Pair)
	return c
}

func narrowed(dst []float32, x []float64) []float32 {
	dst = scratch.Sized(dst, len(x))
	for i, v := range x {
		dst[i] = float32(v)
	}
	return dst
}

// Candidates implements Energies: nil, which stands for all tags.
func (a *Attributes) Candidates(int) []int32 { return nil }

// card implements Energies.
func (a *Attributes) card() modelCard {
	return modelCard{Format: format, Model: "attributes", Bits: a.words.bits}
}

// lexicon implements Energies.
func (a *Attributes) lexicon() *Lexicon { return a.words }

// weights implements Energies: those of attributes, and those of pairs, with 0 where there is none.
func (a *Attributes) weights() []tensor.Named {
	k := len(a.words.tags)
	states, pairs := tensor.New(tensor.Float64, a.words.states()), tensor.New(tensor.Float64, k, k)
	copy(states.Float64s(), a.w)
	for p, n := range a.pairs {
		if n >= 0 {
			pairs.Float64s()[p] = a.w[n]
		}
	}
	return []tensor.Named{{Name: "states", Tensor: states}, {Name: "pairs", Tensor: pairs}}
}

// states is the number of weights of a lexicon's attributes.
func (x *Lexicon) states() (n int) {
	for _, w := range x.words {
		n += len(w.tags)
	}
	return n
}

// restoredAttributes returns energies with the weights of a file.
func restoredAttributes(words *Lexicon, file *tensor.File) (*Attributes, error) {
	k := len(words.tags)
	for _, t := range []struct {
		name  string
		shape []int
	}{{"states", []int{words.states()}}, {"pairs", []int{k, k}}} { // before memory is taken for what the words say
		x := file.Get(t.name)
		if x == nil || x.DType() != tensor.Float64 || !slices.Equal(x.Shape(), t.shape) {
			return nil, fmt.Errorf("it has no float64 tensor %q of shape %v", t.name, t.shape)
		}
	}
	a := newAttributes(words)
	copy(a.w, file.Get("states").Float64s())
	for p, w := range file.Get("pairs").Float64s() {
		a.pairs[p] = int32(len(a.w))
		a.w = append(a.w, w)
	}
	return a, nil
}
