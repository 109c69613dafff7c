package recipe

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/lattice"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// Sizes of the network.
const (
	wordWidth    = 64
	affixWidth   = 24
	affixRows    = 4096 // that ends, beginnings and shapes are hashed to
	taggerWidth  = 160  // of the convolutions
	taggerKernel = 3
	taggerGap    = taggerKernel - 1 // places between sentences, as far as two convolutions see
	taggerDrop   = 0.25
	leastOften   = 2 // words seen less often have one vector, the unknown words'
)

// Ids that embeddings begin with.
const (
	gapID = iota
	unknownID
	firstID
)

// networkTagger is a chain whose states' energies are a network's: embeddings of the word
// and of its beginning, ends and shape, two temporal convolutions, a linear layer.
// The pair energies are a table.
type networkTagger struct {
	words   *lexicon
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

func newNetworkTagger(words *lexicon, rng *rand.Rand) *networkTagger {
	n := &networkTagger{words: words, tape: autodiff.NewTape(tensor.Float32)}
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
		c := nn.NewConv1D(in, taggerWidth, taggerKernel, nn.ConvOptions{Pad: taggerKernel / 2}, rng)
		c.Activation = autodiff.Rectify
		n.convs = append(n.convs, nn.Prefix(fmt.Sprintf("conv%d", i), c))
		in = taggerWidth
	}
	k := len(words.tags)
	n.head = nn.Prefix("head", nn.NewLinear(taggerWidth, k, rng))
	n.pairs = nn.Prefix("pairs", nn.NewEmbedding(k, k, rng))
	nn.Constant(n.pairs.Weight.Value, 0)
	return n
}

// Params implements nn.Module.
func (n *networkTagger) Params() (all []*autodiff.Param) {
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
func (n *networkTagger) lookUp(sentences []sample) int {
	for i := range n.table {
		n.table[i] = n.table[i][:0]
	}
	n.places = n.places[:0]
	gap := func() {
		for i := range n.table {
			for range taggerGap {
				n.table[i] = append(n.table[i], gapID)
			}
		}
	}
	gap()
	for _, s := range sentences {
		for _, w := range s.words {
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
func (n *networkTagger) energies(t *autodiff.Tape, sentences []sample, rng *rand.Rand) *autodiff.Var {
	places := n.lookUp(sentences)
	parts := []*autodiff.Var{n.word.Lookup(t, n.table[0])}
	for i, e := range n.affixes {
		parts = append(parts, e.Lookup(t, n.table[1+i]))
	}
	x := autodiff.Concat(1, parts...)
	if rng != nil {
		x = autodiff.Dropout(x, taggerDrop, rng)
	}
	x = autodiff.Reshape(autodiff.Transpose(x), 1, x.Shape()[1], places)
	for _, c := range n.convs {
		x = c.Forward(x)
	}
	x = autodiff.Transpose(autodiff.Reshape(x, taggerWidth, places))
	if rng != nil {
		x = autodiff.Dropout(x, taggerDrop, rng)
	}
	return n.head.Forward(autodiff.Embedding(x, n.places))
}

// lay makes chains of energies.
func (n *networkTagger) lay(sentences []sample, unary, pair []float32) *lattice.Chains[float32] {
	c := &n.chains
	c.Lengths, c.States = c.Lengths[:0], append(c.States[:0], len(n.words.tags))
	for _, s := range sentences {
		c.Lengths = append(c.Lengths, len(s.words))
	}
	c.Unary, c.Pair = unary, pair
	return c
}

// chainsOf implements chainModel.
func (n *networkTagger) chainsOf(sentences []sample) *lattice.Chains[float32] {
	n.tape.Reset()
	n.tape.Training = false
	e := n.energies(n.tape, sentences, nil)
	return n.lay(sentences, e.Value.Float32s(), n.pairs.Weight.Value.Float32s())
}

// candidates implements chainModel.
func (n *networkTagger) candidates(int) []int32 { return nil }

// weights implements chainModel.
func (n *networkTagger) weights() []tensor.Named { return nn.State(weightsOf{n}) }

// weightsOf is a networkTagger as a module that is saved and restored.
type weightsOf struct{ *networkTagger }

// Forward implements nn.Module; the network reads words, not numbers.
func (weightsOf) Forward(*autodiff.Var) *autodiff.Var {
	panic("recipe: the network of a tagger has no Forward")
}

// networkTask is the network tagger as train sees it.
type networkTask struct {
	tagger
	network *networkTagger
	c       TaggerConfig
	text    *taggerText
	subject train.Subject
	loss    chainLoss
	record  nn.Criterion
	batch   []sample
	states  []int
}

func newNetworkTask(ctx context.Context, c TaggerConfig, text *taggerText) (*networkTask, error) {
	n := newNetworkTagger(text.words, train.Rand(c.Seed, "init", 0))
	t := &networkTask{
		tagger: tagger{chainModel: n, words: text.words}, network: n, c: c, text: text,
		subject: c.subject(), loss: chainLoss{name: c.Loss, margin: float32(c.Margin)},
	}
	first, err := t.diagnose(ctx, text.held, t.subject, TagAccuracy{})
	t.subject.Scale = first.Diagnosis.Spread
	return t, err
}

// Params implements train.Task.
func (t *networkTask) Params() []*autodiff.Param { return t.network.Params() }

// Samples implements train.Task.
func (t *networkTask) Samples() int { return len(t.text.train) }

// Loss implements train.Task.
func (t *networkTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.batch, t.states = t.batch[:0], t.states[:0]
	for _, i := range b.Samples {
		s := t.text.train[i]
		t.batch = append(t.batch, s)
		for _, tag := range s.tags {
			t.states = append(t.states, int(tag))
		}
	}
	unary := t.network.energies(tape, t.batch, b.Rand)
	pairs := tape.Param(t.network.pairs.Weight)
	return t.record.Record(func(g nn.Grads) (float64, error) {
		c := t.network.lay(t.batch, unary.Value.Float32s(), pairs.Value.Float32s())
		sum, err := t.loss.eval(c, t.states)
		if err != nil {
			return 0, err
		}
		n := float32(len(t.batch))
		for i, d := range [][]float32{t.loss.unary, t.loss.pair} {
			for j, v := range d {
				g.Float32s(i)[j] = v / n
			}
		}
		return sum / float64(n), nil
	}, unary, pairs)
}

// Evaluate implements train.Task.
func (t *networkTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	return t.evaluate(ctx, t.text.held, t.subject)
}
