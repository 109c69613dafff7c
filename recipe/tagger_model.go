package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// LexiconFile holds the words and tags of a tagger's training text.
const LexiconFile = "words.json"

// storedLexicon is a LexiconFile.
type storedLexicon struct {
	Tags  []string     `json:"tags"` // ascending
	Open  []int32      `json:"open"` // tags that unknown words may have under --prune
	Words []storedWord `json:"words"`
}

type storedWord struct {
	Word  string  `json:"word"`
	Count int     `json:"count"`
	Tags  []int32 `json:"tags"` // that it may have under --prune
}

// save writes a model and its words into a run's folder.
func (t *tagger) save(dir string) error {
	s := storedLexicon{Tags: t.words.tags, Open: t.words.open}
	for _, w := range t.words.words {
		if w.count > 0 {
			s.Words = append(s.Words, storedWord{w.text, w.count, w.tags})
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, LexiconFile), append(text, '\n')); err != nil {
		return err
	}
	return tensor.WriteFile(filepath.Join(dir, ModelFile), &tensor.File{Tensors: t.chainModel.weights()})
}

// readLexicon reads a LexiconFile.
func readLexicon(path string, bits int) (*lexicon, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s storedLexicon
	if err := card.Decode(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	x, err := s.lexicon(bits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

func (s *storedLexicon) lexicon(bits int) (*lexicon, error) {
	if len(s.Tags) == 0 || len(s.Tags) > math.MaxInt32 {
		return nil, fmt.Errorf("it has %d tags", len(s.Tags))
	}
	x := emptyLexicon(bits)
	x.tags, x.open = s.Tags, s.Open
	for i, t := range s.Tags {
		x.tagOf[t] = int32(i)
	}
	if err := x.checkTags("the open classes", s.Open); err != nil {
		return nil, err
	}
	for _, w := range s.Words {
		if err := x.checkTags(fmt.Sprintf("the word %q", w.Word), w.Tags); err != nil {
			return nil, err
		}
		if _, ok := x.index[w.Word]; ok || w.Count < 1 {
			return nil, fmt.Errorf("the word %q is there twice, or with a count of %d", excerpt.Of(w.Word), w.Count)
		}
		n := x.word(w.Word)
		x.words[n].count, x.words[n].tags = w.Count, w.Tags
	}
	return x, nil
}

// checkTags refuses candidates that are none, not ascending or no tags.
func (x *lexicon) checkTags(of string, tags []int32) error {
	for i, t := range tags {
		if t < 0 || int(t) >= len(x.tags) || i > 0 && t <= tags[i-1] {
			return fmt.Errorf("the tags of %s are %v; they must be ascending numbers below %d", of, tags, len(x.tags))
		}
	}
	if len(tags) == 0 {
		return fmt.Errorf("%s may have no tag", of)
	}
	return nil
}

// Tags is a trained tagger. It is not for several goroutines at once.
type Tags struct {
	tagger
	config TaggerConfig
	known  int // words of training
}

// OpenTagger opens the tagger of a finished run.
func OpenTagger(dir string) (*Tags, error) {
	name, err := RunRecipe(dir)
	if err != nil {
		return nil, err
	}
	if name != "tagger" {
		return nil, fmt.Errorf("%s is a run of %s; energo train tagger makes taggers", dir, name)
	}
	c, err := ReadTaggerConfig(filepath.Join(dir, ConfigFile), DefaultTagger())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	words, err := readLexicon(filepath.Join(dir, LexiconFile), c.Bits)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s: the run is not finished; go on with it by --resume", dir, LexiconFile)
	}
	if err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	path := filepath.Join(dir, ModelFile)
	file, err := tensor.ReadFile(path)
	if err != nil {
		return nil, err
	}
	model, err := c.restored(words, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Tags{tagger: tagger{chainModel: model, words: words}, config: c, known: len(words.words)}, nil
}

// restored returns a model with weights of a file.
func (c TaggerConfig) restored(words *lexicon, file *tensor.File) (chainModel, error) {
	if c.Model == "network" {
		n := newNetworkTagger(words, train.Rand(c.Seed, "init", 0))
		return n, nn.Restore(weightsOf{n}, file.Tensors)
	}
	c.Loss = "perceptron" // without averages: the weights are averaged already
	f := newFeatureTagger(c, words)
	for name, t := range map[string]*sparseTable{"rows": f.rows, "pairs": f.pairs} {
		want := []int{len(t.weights) / t.cols, t.cols}
		x := file.Get(name)
		if x == nil || x.DType() != tensor.Float32 || !slices.Equal(x.Shape(), want) {
			return nil, fmt.Errorf("it has no float32 tensor %q of shape %v", name, want)
		}
		copy(t.weights, x.Float32s())
	}
	return f, nil
}

// Tag returns the tags of sentences, each of which is its words.
func (t *Tags) Tag(sentences [][]string) ([][]string, error) {
	samples := make([]sample, len(sentences))
	for i, s := range sentences {
		samples[i].words = t.words.numbers(s)
	}
	best, err := t.tag(nil, samples)
	t.words.forget(t.known)
	if err != nil {
		return nil, err
	}
	all := make([][]string, len(sentences))
	for i, s := range sentences {
		all[i] = make([]string, len(s))
		for j := range s {
			all[i][j] = t.words.tags[best[0]]
			best = best[1:]
		}
	}
	return all, nil
}

// Known reports whether training had a word.
func (t *Tags) Known(word string) bool {
	_, ok := t.words.index[word]
	return ok
}

// EvalTagger measures the tagger of a finished run: on the files that its training kept
// for the test or, where all is set, on all files given. It writes nothing.
func EvalTagger(ctx context.Context, dir string, files []data.TaggedFile, all bool) (*TaggerResult, error) {
	t, err := OpenTagger(dir)
	if err != nil {
		return nil, err
	}
	r := &TaggerResult{}
	if err := readFinished(dir, r); err != nil {
		return nil, err
	}
	r.Run = dir
	if !all {
		if _, files, err = data.SplitFiles(files, t.config.Test, train.Rand(t.config.Seed, "split", 0)); err != nil {
			return nil, err
		}
	}
	r.TestFiles = len(files)
	test := t.words.encode(t.config.sentences(files))
	return r, r.take(ctx, &t.tagger, test, t.config.subject())
}
