package ngram

import "math"

// The words with a meaning of their own.
const (
	start   = "<s>"
	end     = "</s>"
	unknown = "<unk>"
)

// A Word is a word's number in a model; see [Model.Word].
type Word = int32

// A State is as much of a history as matters for what follows: histories that the model
// cannot tell apart share one. States of one model may be compared, and be keys of maps.
// The zero State is the empty history.
type State = int32

// Model is a back-off model. It does not change, so several goroutines may use it.
//
// The n-grams are a trie from the first word on. Node 0 is the empty n-gram, node 1 + w
// the word w. Each node knows its longest proper suffix that is a node too, so that
// backing off is following these links, and a state is a node.
type Model struct {
	order int
	words []string
	ids   map[string]Word
	nodes []node
	edges table // from a node and a word to the longer node, except from node 0
	unk   Word
	bound float64
}

type node struct {
	logProb float64 // NaN: no n-gram of the model, but longer ones begin with it
	backoff float64 // log
	parent  int32
	suffix  int32
	context State // the longest suffix, the node itself included, that matters for what follows
	word    Word  // the last
	depth   uint8
	inner   bool // longer n-grams begin with it
}

func newModel(order int) *Model {
	return &Model{order: order, ids: map[string]Word{}, nodes: make([]node, 1)}
}

// Order returns the number of words of the longest n-grams.
func (m *Model) Order() int { return m.order }

// Bound returns a bound that no result of [Model.Score] is above. It is above 0 only where back-off
// weights take probabilities above 1, as they do in some pruned models.
func (m *Model) Bound() float64 { return m.bound }

// Words returns all words of the model, each at its number. The caller must not change them.
func (m *Model) Words() []string { return m.words }

// Word returns the number of a word, or that of <unk> where the model does not have it.
func (m *Model) Word(s string) Word {
	if w, ok := m.ids[s]; ok {
		return w
	}
	return m.unk
}

// End returns the number of </s>, the word that ends a sentence.
func (m *Model) End() Word { return m.ids[end] }

// Start returns the state at the start of a sentence, the history <s>.
func (m *Model) Start() State { return m.nodes[1+m.ids[start]].context }

// Score returns the natural logarithm of the probability of w after the history s, and
// the state after w.
func (m *Model) Score(s State, w Word) (logProb float64, next State) {
	logProb, next, _ = m.Match(s, w)
	return logProb, next
}

// Match is Score, with the number of words of the n-gram that counts.
func (m *Model) Match(s State, w Word) (logProb float64, next State, order int) {
	back, known := 0.0, false
	for n := int32(s); ; n = m.nodes[n].suffix {
		if c := m.child(n, w); c != 0 {
			child := &m.nodes[c]
			if !known {
				next, known = child.context, true
			}
			if !math.IsNaN(child.logProb) {
				return back + child.logProb, next, int(child.depth)
			}
		}
		back += m.nodes[n].backoff
	}
}

// Sentence returns the log probability of a sentence's words and its end. The words do not
// contain <s> and </s>.
func (m *Model) Sentence(words ...string) float64 {
	s, sum := m.Start(), 0.0
	for _, w := range words {
		var p float64
		p, s = m.Score(s, m.Word(w))
		sum += p
	}
	p, _ := m.Score(s, m.End())
	return sum + p
}

// child returns the node that is n and one word more, or 0.
func (m *Model) child(n int32, w Word) int32 {
	if n == 0 {
		return 1 + int32(w)
	}
	return m.edges.find(n, w)
}

// addWord adds a word and its node, which must not be there. All words are added
// before any longer n-gram.
func (m *Model) addWord(s string) Word {
	w := Word(len(m.words))
	m.words = append(m.words, s)
	m.ids[s] = w
	m.nodes = append(m.nodes, node{logProb: math.NaN(), word: w, depth: 1})
	return w
}

// nameUnknown finds <unk>, or takes <UNK> for it.
func (m *Model) nameUnknown() (ok bool) {
	const capital = "<UNK>"
	if m.unk, ok = m.ids[unknown]; ok {
		return true
	}
	if m.unk, ok = m.ids[capital]; ok {
		m.words[m.unk], m.ids[unknown] = unknown, m.unk
	}
	return ok
}

// extend returns the node that is n and one word more, after making it if need be.
func (m *Model) extend(n int32, w Word) int32 {
	if c := m.child(n, w); c != 0 {
		return c
	}
	c := int32(len(m.nodes))
	m.nodes = append(m.nodes, node{logProb: math.NaN(), parent: n, word: w, depth: m.nodes[n].depth + 1})
	m.nodes[n].inner = true
	m.edges.insert(n, w, c)
	return c
}

// level calls f for each node of a depth, in the order in which they were made.
func (m *Model) level(depth int, f func(n int32, at *node)) {
	for i := range m.nodes {
		if int(m.nodes[i].depth) == depth {
			f(int32(i), &m.nodes[i])
		}
	}
}

// linkSuffixes finds each node's longest suffix. The nodes of a depth need those of the
// depths before.
func (m *Model) linkSuffixes() {
	for depth := 2; depth <= m.order; depth++ {
		m.level(depth, func(_ int32, at *node) {
			s := m.nodes[at.parent].suffix
			for m.child(s, at.word) == 0 {
				s = m.nodes[s].suffix
			}
			at.suffix = m.child(s, at.word)
		})
	}
}

// linkContexts finds what of each node matters for what follows: a node that begins no
// n-gram and has no back-off weight is as good as its suffix.
func (m *Model) linkContexts() {
	for depth := 1; depth <= m.order; depth++ {
		m.level(depth, func(n int32, at *node) {
			if at.inner || at.backoff != 0 {
				at.context = State(n)
			} else {
				at.context = m.nodes[at.suffix].context
			}
		})
	}
}

// findBound works out the bound: after each history, that of a longer n-gram's probability and of
// backing off.
func (m *Model) findBound() {
	most := make([]float64, len(m.nodes))
	for i := range most {
		most[i] = math.Inf(-1)
	}
	for i := range m.nodes[1:] {
		if n := &m.nodes[1+i]; !math.IsNaN(n.logProb) {
			most[n.parent] = max(most[n.parent], n.logProb)
		}
	}
	m.bound = most[0]
	for depth := 1; depth < m.order; depth++ {
		m.level(depth, func(n int32, at *node) {
			most[n] = max(most[n], at.backoff+most[at.suffix])
			m.bound = max(m.bound, most[n])
		})
	}
}
