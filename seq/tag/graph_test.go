package tag

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// TestGraph: the ONNX model of a tagger's network, which is asked by the numbers of its metadata, gives the energies of sentences, one alone and
// several of different lengths at once.
func TestGraph(t *testing.T) {
	words := farmLexicon(t)
	rng := rand.New(rand.NewPCG(1, 2))
	n := NewNetwork(words, rng)
	nn.Normal(n.pairs.Weight.Value, 1, rng)
	g, err := NewModel(n).Graph()
	if err != nil {
		t.Fatal(err)
	}
	f, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string][]int64{}
	for _, e := range f.Metadata {
		if e.Key == "words" {
			if err := json.Unmarshal([]byte(e.Value), &numbers); err != nil {
				t.Fatal(err)
			}
		}
	}
	k := len(words.tags)
	pairs := exporttest.Of(t, n.pairs.Weight.Value.Float32s(), k, k)
	m := exporttest.Model{Graph: g}
	for _, text := range []string{"the", "the dog sees the cat .", "a unicorn"} {
		sentence := strings.Fields(text)
		var ids []int64
		for _, w := range sentence {
			known, ok := numbers[w]
			if !ok { // as the network has it, from the word's letters
				info := words.describe(w)
				known = []int64{unknownID}
				for part := range numAffixes {
					known = append(known, int64(affixID(&info, part)))
				}
			}
			ids = append(ids, known...)
		}
		c := n.Chains(words.Encode([]data.Sentence{{Words: sentence}}))
		m.Cases = append(m.Cases, exporttest.Case{
			In:  map[string]*value.Value{"words": exporttest.Of(t, ids, 1, len(sentence), numAffixes+1)},
			Out: map[string]*value.Value{"energies": exporttest.Of(t, c.Unary, 1, len(sentence), k), "pairs": pairs},
		})
	}
	exporttest.Check(t, m)
	together(t, n, numbers)
}

// together runs sentences of two lengths at once: what stands behind the shorter one changes nothing in it.
func together(t *testing.T, n *Network, numbers map[string][]int64) {
	t.Helper()
	long, short := strings.Fields("the dog sees the cat ."), strings.Fields("dogs run .")
	var ids []int64
	for _, s := range [][]string{long, short} {
		for _, w := range s {
			ids = append(ids, numbers[w]...)
		}
	}
	ids = append(ids, make([]int64, (len(long)-len(short))*(numAffixes+1))...)
	alone := slices.Clone(n.Chains(n.words.Encode([]data.Sentence{{Words: short}})).Unary)
	k := len(n.words.tags)
	g := n.graph()
	f, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	out := exporttest.Run(t, f, map[string]*value.Value{"words": exporttest.Of(t, ids, 2, len(long), numAffixes+1)})
	all := value.Data[float32](out["energies"])
	for i, want := range alone {
		if got := all[len(long)*k+i]; !(got-want <= 1e-5 && want-got <= 1e-5) {
			t.Fatalf("energy %d of the shorter sentence is %v, alone %v", i, got, want)
		}
	}
}

// TestGraphOfFeatures: a tagger of features has none.
func TestGraphOfFeatures(t *testing.T) {
	if _, err := models(t)["features"].Graph(); err == nil || !strings.Contains(err.Error(), "energies are of features") {
		t.Errorf("the error is %v", err)
	}
}
