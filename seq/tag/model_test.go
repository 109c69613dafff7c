package tag

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/lattice"
)

// farm is text of which the right tags follow from the words.
var farm = []data.Sentence{
	{Words: strings.Fields("the dog sees the cat ."), Tags: strings.Fields("at nn vbz at nn .")},
	{Words: strings.Fields("a cat hears a dog ."), Tags: strings.Fields("at nn vbz at nn .")},
	{Words: strings.Fields("the cow runs ."), Tags: strings.Fields("at nn vbz .")},
	{},
	{Words: strings.Fields("dogs run ."), Tags: strings.Fields("nns vb .")},
}

func farmLexicon(t *testing.T) *Lexicon {
	t.Helper()
	x, err := NewLexicon(farm, 10)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// trained returns features after steps of a conditional random field.
func trained(t *testing.T, o FeatureOptions) *Features {
	t.Helper()
	x := farmLexicon(t)
	f, batch := NewFeatures(x, o), x.Encode(farm)
	var solver lattice.Solver[float32]
	down := slices.Repeat([]float32{-1}, len(batch))
	for range 10 {
		c := f.Current(batch)
		states, ok := States(nil, f, batch)
		if !ok {
			t.Fatal("a right tag is not among its word's candidates")
		}
		free, unary, pair := make([]float64, len(batch)), make([]float32, len(c.Unary)), make([]float32, len(c.Pair))
		if err := solver.Marginals(free, unary, pair, down, c); err != nil {
			t.Fatal(err)
		}
		if err := solver.AddPaths(unary, pair, states, nil, c); err != nil {
			t.Fatal(err)
		}
		f.Step(unary, pair, 0.5)
	}
	return f
}

// models are one of each kind.
func models(t *testing.T) map[string]*Model {
	return map[string]*Model{
		"features": NewModel(trained(t, FeatureOptions{Adaptive: true, Averaged: true})),
		"pruned":   NewModel(trained(t, FeatureOptions{Adaptive: true, Averaged: true, Prune: true})),
		"constant": NewModel(trained(t, FeatureOptions{})),
		"network":  NewModel(NewNetwork(farmLexicon(t), rand.New(rand.NewPCG(1, 2)))),
	}
}

// Features learn their text, and what Open gives answers as what was saved, energies and all.
func TestOpenedModelsAnswerAsBefore(t *testing.T) {
	for name, m := range models(t) {
		dir := t.TempDir()
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		text := [][]string{farm[0].Words, {}, {"The", "wolf", "sees", "."}}
		want, err := m.Tag(text)
		if err != nil {
			t.Fatal(err)
		}
		if name != "network" && !slices.Equal(want[0], farm[0].Tags) {
			t.Errorf("%s: %v, want %v", name, want[0], farm[0].Tags)
		}
		for range 2 { // words that training did not have leave nothing behind
			if tags, err := opened.Tag(text); err != nil || !reflect.DeepEqual(tags, want) {
				t.Errorf("%s: opened %v (%v), before %v", name, tags, err, want)
			}
		}
		for i, words := range text {
			a, err := m.Answer(words)
			if err != nil {
				t.Fatal(err)
			}
			b, err := opened.Answer(words)
			if err != nil || !slices.Equal(a.Tags, b.Tags) || !slices.Equal(a.Tags, want[i]) || math.Abs(a.Energy-b.Energy) > 1e-4 {
				t.Errorf("%s: opened %+v (%v), before %+v", name, b, err, a)
			}
		}
		if !opened.Known("cow") || opened.Known("wolf") || opened.Lexicon().Words() != m.Lexicon().Words() {
			t.Errorf("%s: known words", name)
		}
	}
}

// The energies and shares of an answer are those of an enumeration of all sequences of tags.
func TestAnswerIsThatOfEnumeration(t *testing.T) {
	for name, m := range models(t) {
		words := []string{"the", "wolf", "sees"}
		a, err := m.Answer(words)
		if err != nil {
			t.Fatal(err)
		}
		x := m.Lexicon()
		c := m.Chains([]Sentence{{Words: x.numbers(words)}})
		counts := make([]int, len(words))
		candidates := make([][]int32, len(words))
		for i := range words {
			if candidates[i] = m.Candidates(i); candidates[i] == nil {
				for k := range x.Tags() {
					candidates[i] = append(candidates[i], int32(k))
				}
			}
			counts[i] = len(candidates[i])
		}
		var solver lattice.Solver[float32]
		var total float64
		shares, e := make([]float64, len(words)), make([]float64, 1)
		for n := range counts[0] * counts[1] * counts[2] {
			path := []int{n / (counts[1] * counts[2]), n / counts[2] % counts[1], n % counts[2]}
			if err := solver.Energies(e, path, c); err != nil {
				t.Fatal(err)
			}
			if e[0] < a.Energy-1e-5 {
				t.Errorf("%s: path %v has the energy %v, below the answer's %v", name, path, e[0], a.Energy)
			}
			p := math.Exp(-e[0])
			total += p
			for i, state := range path {
				if x.Tags()[candidates[i][state]] == a.Tags[i] {
					shares[i] += p
				}
			}
		}
		if free := -math.Log(total); math.Abs(free-a.FreeEnergy) > 1e-4 {
			t.Errorf("%s: free energy %v, want %v", name, a.FreeEnergy, free)
		}
		for i := range shares {
			if math.Abs(shares[i]/total-a.Shares[i]) > 1e-5 {
				t.Errorf("%s: share %d is %v, want %v", name, i, a.Shares[i], shares[i]/total)
			}
		}
	}
}

// What has been encoded stays valid over calls of Tag, which meets words of its own.
func TestTagLeavesEncodedSentencesAlone(t *testing.T) {
	m := NewModel(trained(t, FeatureOptions{Adaptive: true}))
	set := m.Lexicon().Encode([]data.Sentence{{Words: []string{"wolf", "sees"}, Tags: []string{"nn", "new"}}})
	if set[0].Tags[1] != -1 {
		t.Errorf("a tag that training did not have is %d", set[0].Tags[1])
	}
	if _, err := m.Tag([][]string{{"fox"}}); err != nil {
		t.Fatal(err)
	}
	a, err := m.Measure(t.Context(), set)
	if err != nil || a.Words != 2 || a.New != 1 || a.Known != 0 || a.Whole != 0 {
		t.Errorf("%+v (%v)", a, err)
	}
	if _, ok := States(nil, m, set); ok {
		t.Error("there are states of a tag that training did not have")
	}
}

func TestModelsTakeTurns(t *testing.T) {
	m := NewModel(trained(t, FeatureOptions{Adaptive: true, Averaged: true}))
	want, err := m.Tag([][]string{farm[1].Words})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				tags, err := m.Tag([][]string{farm[1].Words})
				if err != nil || !reflect.DeepEqual(tags, want) {
					t.Errorf("%v (%v), want %v", tags, err, want)
				}
				if _, err := m.Answer(m.Tokens("An owl, a fox.")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestNewLexiconRefuses(t *testing.T) {
	for want, try := range map[string]struct {
		text []data.Sentence
		bits int
	}{
		"bits is 3; it must be from 4 to 24":      {farm, 3},
		"bits is 25":                              {farm, 25},
		"has no words":                            {farm[3:4], 8},
		"sentence 1 has 2 words and 1 tags; each": {[]data.Sentence{farm[0], {Words: []string{"a", "b"}, Tags: []string{"x"}}}, 8},
	} {
		if _, err := NewLexicon(try.text, try.bits); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// A spoiled folder is refused by file and place.
func TestSpoiledFoldersAreRefused(t *testing.T) {
	good := t.TempDir()
	if err := NewModel(trained(t, FeatureOptions{Adaptive: true})).Save(good); err != nil {
		t.Fatal(err)
	}
	words, err := os.ReadFile(filepath.Join(good, WordsFile))
	if err != nil {
		t.Fatal(err)
	}
	other := string(tensorOf(t))
	for _, x := range []struct{ file, text, want string }{
		{CardFile, `{"format":2,"layers":7}`, "format is 2; this version opens format 1"},
		{CardFile, `{"format":1,"model":"oracle","bits":10,"prune":false}`, `model is "oracle"; it must be features, network or attributes`},
		{CardFile, `{"format":1,"model":"features","bits":40,"prune":false}`, "bits is 40; it must be from 4 to 24"},
		{CardFile, `{"format":1,"model":"network","bits":10,"prune":true}`, "prune is true"},
		{CardFile, `{"format":1,"model":"features","bits":10}`, "prune is missing"},
		{CardFile, `{"model":"features","bits":10,"prune":false}`, "format is missing"},
		{CardFile, `{"format":1,"model":"features","bits":10,"prune":false,"x":1}`, "x"},
		{CardFile, `{"format":1,`, "cut off"},
		{WordsFile, string(words[:len(words)/2]), "cut off"},
		{WordsFile, `{"tags":null,"open":null,"words":null}`, "it has no tags"},
		{WordsFile, `{"tags":["b","a"],"open":[0],"words":null}`, `tag 1 is "a", after "b"`},
		{WordsFile, `{"tags":["a"],"open":null,"words":null}`, "the open classes may have no tag"},
		{WordsFile, `{"tags":["a"],"open":[1],"words":null}`, "tag 0 of the open classes is 1; tags must be ascending numbers below 1"},
		{WordsFile, `{"tags":["a"],"open":[0],"words":[{"word":"x","count":1,"tags":[0]},{"word":"x","count":1,"tags":[0]}]}`, `word 1, "x", is there twice`},
		{WordsFile, `{"tags":["a"],"open":[0],"words":[{"word":"x","count":0,"tags":[0]}]}`, `word 0, "x", has the count 0`},
		{WordsFile, `{"tags":["a"],"open":[0]}`, "words is missing"},
		{WeightsFile, other, `it has no float32 tensor "rows" of shape [1024 6]`},
		{WeightsFile, "x", WeightsFile},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, x.file)
		if err := os.WriteFile(path, []byte(x.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one with %q and %s", err, x.want, x.file)
		}
	}
	for _, name := range []string{CardFile, WordsFile, WeightsFile} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// tensorOf is a file of weights of another model.
func tensorOf(t *testing.T) []byte {
	t.Helper()
	text, err := tensor.Encode(&tensor.File{Tensors: []tensor.Named{{Name: "rows", Tensor: tensor.New(tensor.Float32, 3, 3)}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
