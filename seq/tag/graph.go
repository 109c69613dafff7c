package tag

import (
	"errors"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
	onnx "github.com/energo-ml/energo/engine/onnx/format"
)

// ErrNoNetwork is for taggers whose energies are of features.
var ErrNoNetwork = errors.New("the tagger's energies are of features that stand in a table, not of a network: they have no form in ONNX")

// Graph returns a tagger's network as an ONNX model that is being built: the energies of the tags of words, and of pairs of tags, of whose sum over
// a sentence the best tags are the least. It takes numbers for words: the word's own, and one each for its last two letters, its last three, its first
// three and its shape (runs of capitals as AA, of other letters as aa, of digits as 00). 0 stands behind the last word of a shorter sentence.
//
// The metadata, as JSON: labels (the tags), and words (a map of the words of training to their numbers; 1 is a word that is not there, and another with
// the same ends, beginning or shape has its other numbers).
//
// Errors: the tagger's energies are not those of a network.
func (m *Model) Graph() (*export.Graph, error) {
	n, ok := m.Energies.(*Network)
	if !ok {
		return nil, ErrNoNetwork
	}
	return n.graph(), nil
}

func (n *Network) graph() *export.Graph {
	const columns = numAffixes + 1
	k := len(n.words.tags)
	g := export.New("tagger", "Energies of the tags of the words of sentences.")
	ids := g.Input(export.Port{
		Name: "words", Doc: "numbers of each word: its own, those of its last two and last three letters, of its first three, of its shape; 0 where there is no word",
		Kind: onnx.Int64, Shape: fmt.Sprintf("batch,words,%d", columns),
	})
	g.Output(export.Port{Name: "energies", Doc: "of each tag of each word, in the order of the labels", Shape: fmt.Sprintf("batch,words,%d", k)}, n.unary(g, ids))
	g.Output(export.Port{Name: "pairs", Doc: "energies of a tag, by column, behind another one, by row", Shape: fmt.Sprintf("%d,%d", k, k)}, g.Param(n.pairs.Weight))
	g.JSON("labels", n.words.tags)
	g.JSON("words", n.numbersOfWords())
	return g
}

// unary adds the network over words [B, T, columns], between gaps as lookUp has them.
func (n *Network) unary(g *export.Graph, ids export.Value) export.Value {
	ids = g.Add("Pad", 3, []export.Value{ids, g.Ints(0, gapWidth, 0, 0, gapWidth, 0)}) // 0 is gapID
	var parts []export.Value
	for i, e := range slices.Concat([]*nn.Embedding{n.word}, n.affixes) {
		parts = append(parts, g.Reshape(g.Module(e, g.Gather(ids, g.Ints(i), 2)), 0, 0, e.Weight.Value.Dim(1)))
	}
	x := g.Transpose(g.Concat(2, parts...), 0, 2, 1)
	for _, c := range n.convs {
		x = g.Module(c, x)
	}
	x = g.Transpose(x, 0, 2, 1)
	x = g.Add("Slice", 3, []export.Value{x, g.Ints(gapWidth), g.Ints(-gapWidth), g.Ints(1)})
	return g.Module(n.head, x)
}

// numbersOfWords are those that lookUp gives the words of training.
func (n *Network) numbersOfWords() map[string][]int {
	all := map[string][]int{}
	for w, id := range n.ids {
		info := &n.words.words[w]
		numbers := []int{id}
		for part := range numAffixes {
			numbers = append(numbers, affixID(info, part))
		}
		all[info.text] = numbers
	}
	return all
}
