// Package tag gives each word of a sentence its tag, such as its part of speech: the tags of least energy of a chain,
//
//	E(y) = Σ_t U_t(y_t) + Σ_t P(y_{t−1}, y_t)
//
// A Lexicon has the words and tags of training text. Energies over it are Features, sums of weights of
// hashed features, or a Network. A Loss, or one of the caller's, trains them: both give chains of package lattice and take the
// derivatives of a loss by the chains' energies, Features in Step, a Network over its tape.
//
// A Model tags. Model.Save writes it into a folder that describes itself, and Open reads it:
//
//	tagger.json        the card: format number, kind of energies, bits of features, pruning
//	words.json         the lexicon
//	model.safetensors  the weights
//
// Source: [lafferty2001], [collins2002].
package tag

import (
	"slices"
	"sync"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/seq/lattice"
)

// Energies gives sentences' chains: Features, a Network or Attributes. It is not for several goroutines at once.
type Energies interface {
	// Chains returns the chains of sentences, a variable a word and a state a candidate tag, under
	// the weights to tag with. Their memory is used again by the next call.
	Chains(sentences []Sentence) *lattice.Chains[float32]
	// Candidates maps states to tags: the tags that a word of the last chains may have, one a
	// state, ascending. nil is for all tags: states are tags. Words are numbered through all sentences.
	Candidates(word int) []int32

	lexicon() *Lexicon
	card() modelCard
	weights() []tensor.Named // what is kept
}

// States appends the states of the right tags to dst, a word after another, for chains that e has given
// of the sentences last. It is false where a word's right tag is not among its candidates, or training did not have it.
func States(dst []int, e Energies, sentences []Sentence) ([]int, bool) {
	word := 0
	for _, s := range sentences {
		for _, tag := range s.Tags {
			at := int(tag)
			if among := e.Candidates(word); among != nil {
				at = slices.Index(among, tag)
			}
			if at < 0 {
				return dst, false
			}
			dst = append(dst, at)
			word++
		}
	}
	return dst, true
}

// Model tags sentences. Tag, Answer, Known and Tokens may be called from several goroutines at once, which take
// turns.
type Model struct {
	Energies
	turn   sync.Mutex
	solver lattice.Solver[float32]
	free   []float64
}

// NewModel returns a model that tags by energies. They may be trained further between its calls.
func NewModel(e Energies) *Model { return &Model{Energies: e} }

// Lexicon returns the words and tags of the model.
func (m *Model) Lexicon() *Lexicon { return m.lexicon() }

// Known reports whether the training text had a word.
func (m *Model) Known(word string) bool {
	m.turn.Lock()
	defer m.turn.Unlock()
	return m.lexicon().Known(word)
}

// Tokens splits a line of plain text into the words that Tag takes, as Tokens does with the words of training.
func (m *Model) Tokens(line string) []string { return Tokens(line, m.Known) }

// Spans is Tokens with the places of the words in the line.
func (m *Model) Spans(line string) []Token { return Spans(line, m.Known) }

// Tag returns the tags of sentences, each of which is its words: of all sequences of tags those of least energy.
func (m *Model) Tag(sentences [][]string) ([][]string, error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	words := m.lexicon()
	defer words.forget(words.met())
	if err := words.check(sentences...); err != nil {
		return nil, err
	}
	batch := make([]Sentence, len(sentences))
	for i, s := range sentences {
		batch[i].Words = words.numbers(s)
	}
	best, err := m.best(nil, batch)
	if err != nil {
		return nil, err
	}
	all := make([][]string, len(sentences))
	for i, s := range sentences {
		all[i] = make([]string, len(s))
		for j := range s {
			all[i][j] = words.tags[best[0]]
			best = best[1:]
		}
	}
	return all, nil
}

// best appends each sentence's tags of least energy to dst, one sentence after another.
func (m *Model) best(dst []int, sentences []Sentence) ([]int, error) {
	c := m.Chains(sentences)
	first, words := len(dst), 0
	for _, n := range c.Lengths {
		words += n
	}
	dst = slices.Grow(dst, words)[:first+words]
	m.free = scratch.Sized(m.free, len(sentences))
	if err := m.solver.Minima(m.free, dst[first:], nil, c); err != nil {
		return nil, err
	}
	for i := range words {
		if among := m.Candidates(i); among != nil {
			dst[first+i] = int(among[dst[first+i]])
		}
	}
	return dst, nil
}

// Answer is what a model says of one sentence.
type Answer struct {
	Tags       []string  // those of least energy
	Energy     float64   // E of these tags
	FreeEnergy float64   // F = −log Σ_y exp(−E(y)): the tags' probability is exp(F − E)
	Shares     []float64 // each word's probability of its tag, over all sequences of tags, in [0, 1]
	// All are each word's probabilities of all tags, in the order of Lexicon.Tags; 0 for tags that the word may not have.
	All [][]float64
}

// Answer tags one sentence, and says how sure the model is. The probabilities mean something if the model was trained
// by its likelihood; other losses leave the energies' scale open. A sentence without words has energies of 0.
func (m *Model) Answer(words []string) (*Answer, error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	x := m.lexicon()
	defer x.forget(x.met())
	if err := x.check(words); err != nil {
		return nil, err
	}
	c := m.Chains([]Sentence{{Words: x.numbers(words)}})
	energy, states := make([]float64, 1), make([]int, len(words))
	if err := m.solver.Minima(energy, states, nil, c); err != nil {
		return nil, err
	}
	free, unary := make([]float64, 1), make([]float32, len(c.Unary))
	if err := m.solver.Marginals(free, unary, nil, nil, c); err != nil {
		return nil, err
	}
	a := &Answer{Energy: energy[0], FreeEnergy: free[0]}
	at := 0
	for i, state := range states {
		tag, k := int32(state), len(x.tags)
		if among := m.Candidates(i); among != nil {
			tag, k = among[state], len(among)
		}
		a.Tags = append(a.Tags, x.tags[tag])
		a.Shares = append(a.Shares, float64(unary[at+state]))
		all := make([]float64, len(x.tags))
		for j, p := range unary[at : at+k] {
			if among := m.Candidates(i); among != nil {
				j = int(among[j])
			}
			all[j] = float64(p)
		}
		a.All = append(a.All, all)
		at += k
	}
	return a, nil
}
