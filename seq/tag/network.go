package tag

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/lattice"
)

// Sizes of the network.
const (
	wordWidth  = 64
	affixWidth = 24
	affixRows  = 4096 // that ends, beginnings and shapes are hashed to
	convWidth  = 160  // of the convolutions
	convKernel = 3
	gapWidth   = convKernel - 1 // places between sentences, as far as two convolutions see
	dropShare  = 0.25
	leastOften = 2 // words seen less often have one vector, the unknown words'
)

// Ids that embeddings begin with.
const (
	gapID = iota
	unknownID
	firstID
)

// Network is Energies of which those of words' tags are a network's: embeddings of the word
// and of its beginning, ends and shape, two temporal convolutions, a linear layer. The pair energies are a
// table. All words may have all tags. It is trained over a tape:
//
//	unary, pair := n.Record(tape, batch, rng)
//	c := n.Lay(batch, unary.Value.Float32s(), pair.Value.Float32s())
//	… the loss of the chains c, and its derivatives by unary and pair …
type Network struct {
	words   *Lexicon
	ids     []int // of the lexicon's words, by number
	word    *nn.Embedding
	affixes []*nn.Embedding // in the order of affixID
	convs   []*nn.Conv1D
	head    *nn.Linear
	pairs   *nn.Embedding // [tags, tags]: a row for each tag before

	tape   *autodiff.Tape
	chains lattice.Chains[float32]
	table  [numAffixes + 1][]int
	places []int
}

// numAffixes is how many parts of a word have embeddings of their own: its ends of two
// and three letters, its beginning of three, its shape.
const numAffixes = 4

// NewNetwork returns a network with weights that are drawn from rng.
func NewNetwork(words *Lexicon, rng *rand.Rand) *Network {
	n := &Network{words: words, tape: autodiff.NewTape(tensor.Float32)}
	rows := firstID
	for _, w := range words.words {
		id := unknownID
		if w.count >= leastOften {
			id = rows
			rows++
		}
		n.ids = append(n.ids, id)
	}
	n.word = nn.Prefix("word", nn.NewEmbedding(rows, wordWidth, rng))
	for i := range numAffixes {
		n.affixes = append(n.affixes, nn.Prefix(fmt.Sprintf("affix%d", i), nn.NewEmbedding(affixRows, affixWidth, rng)))
	}
	in := wordWidth + numAffixes*affixWidth
	for i := range 2 {
		c := nn.NewConv1D(in, convWidth, convKernel, nn.ConvOptions{Pad: convKernel / 2}, rng)
		c.Activation = autodiff.Rectify
		n.convs = append(n.convs, nn.Prefix(fmt.Sprintf("conv%d", i), c))
		in = convWidth
	}
	k := len(words.tags)
	n.head = nn.Prefix("head", nn.NewLinear(convWidth, k, rng))
	n.pairs = nn.Prefix("pairs", nn.NewEmbedding(k, k, rng))
	nn.Constant(n.pairs.Weight.Value, 0)
	return n
}

// Params returns the parameters, always in the same order.
func (n *Network) Params() (all []*autodiff.Param) {
	all = append(all, n.word.Params()...)
	for _, e := range n.affixes {
		all = append(all, e.Params()...)
	}
	for _, c := range n.convs {
		all = append(all, c.Params()...)
	}
	all = append(all, n.head.Params()...)
	return append(all, n.pairs.Params()...)
}

// affixID returns a word's id in one of the embeddings of its parts, which stand among
// the rows of its features.
func affixID(w *wordInfo, part int) int {
	at := [numAffixes]int{ownAffixes + 3, ownAffixes + 5, ownAffixes + 4, ownShape}[part]
	if at >= len(w.own) {
		return unknownID // too short for such an end
	}
	return firstID + int(w.own[at])%(affixRows-firstID)
}

// lookUp fills in the ids at each place, the sentences one after another with gaps
// between, and returns their number.
func (n *Network) lookUp(sentences []Sentence) int {
	for i := range n.table {
		n.table[i] = n.table[i][:0]
	}
	n.places = n.places[:0]
	gap := func() {
		for i := range n.table {
			for range gapWidth {
				n.table[i] = append(n.table[i], gapID)
			}
		}
	}
	gap()
	for _, s := range sentences {
		for _, w := range s.Words {
			id, info := unknownID, &n.words.words[w]
			if int(w) < len(n.ids) {
				id = n.ids[w]
			}
			n.places = append(n.places, len(n.table[0]))
			n.table[0] = append(n.table[0], id)
			for part := range numAffixes {
				n.table[1+part] = append(n.table[1+part], affixID(info, part))
			}
		}
		gap()
	}
	return len(n.table[0])
}

// energies records the energies of the tags of all words: [words, tags]. Dropout draws
// from rng; nil for none.
func (n *Network) energies(t *autodiff.Tape, sentences []Sentence, rng *rand.Rand) *autodiff.Var {
	places := n.lookUp(sentences)
	parts := []*autodiff.Var{n.word.Lookup(t, n.table[0])}
	for i, e := range n.affixes {
		parts = append(parts, e.Lookup(t, n.table[1+i]))
	}
	x := autodiff.Concat(1, parts...)
	if rng != nil {
		x = autodiff.Dropout(x, dropShare, rng)
	}
	x = autodiff.Reshape(autodiff.Transpose(x), 1, x.Shape()[1], places)
	for _, c := range n.convs {
		x = c.Forward(x)
	}
	x = autodiff.Transpose(autodiff.Reshape(x, convWidth, places))
	if rng != nil {
		x = autodiff.Dropout(x, dropShare, rng)
	}
	return n.head.Forward(autodiff.Embedding(x, n.places))
}

// Record records the energies of sentences on a tape: unary [words, tags], of the words of all sentences one
// after another, and pair [tags, tags], the left tag's by rows. Dropout draws from rng; nil is for none.
func (n *Network) Record(t *autodiff.Tape, sentences []Sentence, rng *rand.Rand) (unary, pair *autodiff.Var) {
	return n.energies(t, sentences, rng), t.Param(n.pairs.Weight)
}

// Lay returns the chains of sentences with the energies that Record gave. They are overwritten by
// the next call of Lay or Chains.
func (n *Network) Lay(sentences []Sentence, unary, pair []float32) *lattice.Chains[float32] {
	c := &n.chains
	c.Lengths, c.States = c.Lengths[:0], append(c.States[:0], len(n.words.tags))
	for _, s := range sentences {
		c.Lengths = append(c.Lengths, len(s.Words))
	}
	c.Unary, c.Pair = unary, pair
	return c
}

// Chains implements Energies.
func (n *Network) Chains(sentences []Sentence) *lattice.Chains[float32] {
	n.tape.Reset()
	n.tape.Training = false
	e := n.energies(n.tape, sentences, nil)
	return n.Lay(sentences, e.Value.Float32s(), n.pairs.Weight.Value.Float32s())
}

// Candidates implements Energies: nil, which stands for all tags.
func (n *Network) Candidates(int) []int32 { return nil }

// card implements Energies.
func (n *Network) card() modelCard {
	return modelCard{Format: format, Model: "network", Bits: n.words.bits}
}

// lexicon implements Energies.
func (n *Network) lexicon() *Lexicon { return n.words }

// weights implements Energies.
func (n *Network) weights() []tensor.Named { return nn.State(weightsOf{n}) }

// weightsOf is a Network as a module that is saved and restored.
type weightsOf struct{ *Network }

// Forward implements nn.Module; the network reads words, not numbers.
func (weightsOf) Forward(*autodiff.Var) *autodiff.Var {
	panic("tag: the network of a tagger has no Forward")
}
