package tag

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/wholefile"
)

// The files of a model's folder.
const (
	CardFile    = "tagger.json"
	WordsFile   = "words.json"
	WeightsFile = "model.safetensors"
)

// format is the number of the folder's format.
const format = 1

// modelCard is the content of CardFile.
type modelCard struct {
	Format int    `json:"format"`
	Model  string `json:"model"` // features, network, attributes
	Bits   int    `json:"bits"`  // of the lexicon; of no effect for attributes
	Prune  bool   `json:"prune"` // of features
	// Unknown are the groups of features that unknown words have, or none; nil for all.
	Unknown []string `json:"unknown,omitempty"`
}

// noneUnknown is what modelCard.Unknown has instead of an empty list.
const noneUnknown = "none"

// storedLexicon is the content of WordsFile.
type storedLexicon struct {
	Tags  []string     `json:"tags"` // ascending
	Open  []int32      `json:"open"` // tags that unknown words may have when pruned
	Words []storedWord `json:"words"`
}

type storedWord struct {
	Word  string  `json:"word"` // or attribute
	Count int     `json:"count"`
	Tags  []int32 `json:"tags"` // that it may have when pruned; of an attribute those that have weights
}

// Save writes the model into a folder, which must exist: first the words and the weights, then the card, which says
// that they are whole.
func (m *Model) Save(dir string) error {
	path := filepath.Join(dir, CardFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	words, err := json.Marshal(m.lexicon().stored())
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, WordsFile), append(words, '\n')); err != nil {
		return err
	}
	if err := tensor.WriteFile(filepath.Join(dir, WeightsFile), &tensor.File{Tensors: m.weights()}); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m.card(), "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(text, '\n'))
}

func (x *Lexicon) stored() storedLexicon {
	s := storedLexicon{Tags: x.tags, Open: x.open}
	for _, w := range x.words[:x.trained] {
		if len(w.tags) == 0 {
			continue // an attribute without a weight
		}
		s.Words = append(s.Words, storedWord{w.text, w.count, w.tags})
	}
	return s
}

// Open opens the model in a folder. It is for tagging: a model of features has no averages
// and step sizes to train on with.
//
// Errors: a folder without a card, one of another format, and damaged files, by the file's name and the place in it;
// weights of shapes that do not fit the card and the words.
func Open(dir string) (*Model, error) {
	c, err := readCard(filepath.Join(dir, CardFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s: it is not the folder of a tagger, or its training is not finished", dir, CardFile)
	}
	if err != nil {
		return nil, err
	}
	words, err := readLexicon(filepath.Join(dir, WordsFile), c)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, WeightsFile)
	file, err := tensor.ReadFile(path)
	if err != nil {
		return nil, err
	}
	energies, err := c.restored(words, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return NewModel(energies), nil
}

func readCard(path string) (modelCard, error) {
	var c modelCard
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := c.decode(text); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *modelCard) decode(text []byte) error {
	var other struct {
		Format *int `json:"format"`
	}
	if json.Unmarshal(text, &other) == nil && other.Format != nil && *other.Format != format {
		return fmt.Errorf("format is %d; this version opens format %d", *other.Format, format)
	}
	if err := card.Decode(text, c); err != nil {
		return err
	}
	switch {
	case c.Model != "features" && c.Model != "network" && c.Model != "attributes":
		return fmt.Errorf("model is %q; it must be features, network or attributes", excerpt.Of(c.Model))
	case c.Bits < LeastBits || c.Bits > MostBits:
		return fmt.Errorf("bits is %d; it must be from %d to %d", c.Bits, LeastBits, MostBits)
	case c.Unknown != nil && c.Model != "features":
		return fmt.Errorf("unknown is %q; it is of the model features", excerpt.Of(strings.Join(c.Unknown, ",")))
	case c.Prune && c.Model != "features":
		return fmt.Errorf("prune is true; the model %s looks at all tags", c.Model)
	}
	return nil
}

func readLexicon(path string, c modelCard) (*Lexicon, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s storedLexicon
	if err := card.Decode(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	x, err := s.lexicon(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

func (s *storedLexicon) lexicon(c modelCard) (*Lexicon, error) {
	if len(s.Tags) == 0 {
		return nil, errors.New("it has no tags; there must be at least one")
	}
	x := emptyLexicon(c.Bits)
	if c.Model == "attributes" {
		x = attributeLexicon()
	}
	if groups := c.Unknown; groups != nil {
		if slices.Equal(groups, []string{noneUnknown}) {
			groups = nil
		}
		if err := x.SetUnknown(groups); err != nil {
			return nil, err
		}
	}
	x.tags, x.open = s.Tags, s.Open
	for i, t := range s.Tags {
		if i > 0 && t <= s.Tags[i-1] {
			return nil, fmt.Errorf("tag %d is %q, after %q; tags must be ascending", i, excerpt.Of(t), excerpt.Of(s.Tags[i-1]))
		}
		x.tagOf[t] = int32(i)
	}
	if err := x.checkTags("the open classes", s.Open); err != nil && x.items == nil {
		return nil, err
	}
	for i, w := range s.Words {
		if err := x.checkTags(fmt.Sprintf("word %d, %q,", i, excerpt.Of(w.Word)), w.Tags); err != nil {
			return nil, err
		}
		if _, ok := x.index[w.Word]; ok {
			return nil, fmt.Errorf("word %d, %q, is there twice", i, excerpt.Of(w.Word))
		}
		if w.Count < 1 {
			return nil, fmt.Errorf("word %d, %q, has the count %d; it must be at least 1", i, excerpt.Of(w.Word), w.Count)
		}
		n := x.added(w.Word)
		x.words[n].count, x.words[n].tags = w.Count, w.Tags
	}
	x.trained = len(x.words)
	return x, nil
}

// checkTags refuses lists of candidates that are empty or not ascending, and numbers that are not tags.
func (x *Lexicon) checkTags(of string, tags []int32) error {
	for i, t := range tags {
		if t < 0 || int(t) >= len(x.tags) || i > 0 && t <= tags[i-1] {
			return fmt.Errorf("tag %d of %s is %d; tags must be ascending numbers below %d", i, of, t, len(x.tags))
		}
	}
	if len(tags) == 0 {
		return fmt.Errorf("%s may have no tag", of)
	}
	return nil
}

// restored returns energies with the weights of a file.
func (c modelCard) restored(words *Lexicon, file *tensor.File) (Energies, error) {
	if c.Model == "network" {
		n := NewNetwork(words, rand.New(rand.NewPCG(0, 0)))
		return n, nn.Restore(weightsOf{n}, file.Tensors)
	}
	if c.Model == "attributes" {
		return restoredAttributes(words, file)
	}
	k := len(words.tags)
	for _, t := range []struct {
		name string
		rows int
	}{{"rows", 1 << c.Bits}, {"pairs", k}} { // before memory is taken for what a card says
		shape, x := []int{t.rows, k}, file.Get(t.name)
		if x == nil || x.DType() != tensor.Float32 || !slices.Equal(x.Shape(), shape) {
			return nil, fmt.Errorf("it has no float32 tensor %q of shape %v", t.name, shape)
		}
	}
	f := NewFeatures(words, FeatureOptions{Prune: c.Prune}) // the weights are averaged already
	copy(f.rows.weights, file.Get("rows").Float32s())
	copy(f.pairs.weights, file.Get("pairs").Float32s())
	return f, nil
}
