package recipe

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/train"
)

// tinyTagged makes files of a language with four classes of words: what a word is
// depends on its end, but for words that are noun or verb, by the word before.
func tinyTagged(files, sentences int) (all []data.TaggedFile) {
	rng := rand.New(rand.NewPCG(21, 22))
	for f := range files {
		file := data.TaggedFile{Name: fmt.Sprintf("f%d", f)}
		for range sentences {
			var s data.Sentence
			add := func(word, tag string) { s.Words, s.Tags = append(s.Words, word), append(s.Tags, tag) }
			for range 1 + rng.IntN(3) {
				add([]string{"the", "a", "this"}[rng.IntN(3)], "at-tl")
				if rng.IntN(2) == 0 {
					add(fmt.Sprintf("q%dy", rng.IntN(60)), "jj")
				}
				add([]string{"run", "walk", "talk", fmt.Sprintf("n%ding", rng.IntN(60))}[rng.IntN(4)], "nn")
				add([]string{"they", "we"}[rng.IntN(2)], "pp")
				add([]string{"run", "walk", "talk", fmt.Sprintf("v%dize", rng.IntN(60))}[rng.IntN(4)], "vb")
			}
			add(".", ".")
			file.Sentences = append(file.Sentences, s)
		}
		all = append(all, file)
	}
	return all
}

// tinyTagger is a short job over tinyTagged.
func tinyTagger(model, loss string) TaggerConfig {
	c := DefaultTagger()
	c.Model, c.Loss, c.Batch, c.Test, c.Seed, c.Validation = model, loss, 4, 0.25, 5, 20
	if model == "network" {
		c.LR, c.Epochs = 0.01, 4
	} else {
		c.Bits = 12
	}
	return c
}

func tagIn(ctx context.Context, c TaggerConfig, dir string, resume bool, emit func(train.Event)) (*TaggerResult, error) {
	return Tagger(ctx, c, TaggerOptions{Dir: dir, Resume: resume, Files: tinyTagged(8, 40), Emit: emit})
}

// kept is what a finished run keeps of its model.
func kept(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	for _, name := range []string{tag.WeightsFile, tag.WordsFile, tag.CardFile} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}

func TestTaggersLearnATinyLanguage(t *testing.T) {
	for _, x := range []struct{ model, loss string }{
		{"features", "nll"},
		{"features", "perceptron"},
		{"features", "hinge"},
		{"features", "averaged_perceptron"},
		{"network", "nll"},
		{"network", "hinge"},
	} {
		for _, prune := range []bool{false, true} {
			if prune && x.model == "network" {
				continue
			}
			c := tinyTagger(x.model, x.loss)
			c.Prune = prune
			var start train.Start
			r, err := tagIn(t.Context(), c, filepath.Join(t.TempDir(), "run"), false, func(e train.Event) {
				if s, ok := e.(train.Start); ok {
					start = s
				}
			})
			if err != nil {
				t.Fatalf("%v prune %v: %v", x, prune, err)
			}
			a := r.Accuracy
			if a.All < 0.97 || a.New == 0 || a.Unknown < 0.8 || a.Words == 0 || r.Tags != 6 {
				t.Errorf("%v prune %v: %+v of %d tags", x, prune, a, r.Tags)
			}
			if start.Params < 6*6 {
				t.Errorf("%v: %d weights", x, start.Params)
			}
		}
	}
}

func TestTaggerResumesWithTheSameBits(t *testing.T) {
	for _, model := range TaggerModels {
		c := tinyTagger(model, "nll")
		whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
		want, err := tagIn(t.Context(), c, whole, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		r, err := tagIn(ctx, c, parts, false, func(e train.Event) {
			if s, ok := e.(train.Step); ok && s.Step == 70 {
				stop()
			}
		})
		stop()
		if err != nil || r.Reason != "interrupted" {
			t.Fatalf("%s: %+v (%v)", model, r, err)
		}
		if _, err := tag.Open(parts); err == nil || !strings.Contains(err.Error(), "tagger.json") {
			t.Errorf("%s: an unfinished run opens with %v", model, err)
		}
		got, err := tagIn(t.Context(), c, parts, true, nil)
		if err != nil || got.Accuracy != want.Accuracy {
			t.Fatalf("%s: %+v, want %+v (%v)", model, got, want, err)
		}
		if !bytes.Equal(kept(t, whole), kept(t, parts)) {
			t.Errorf("%s: other weights than an unbroken run's", model)
		}
		c.Tags = "full"
		if _, err := tagIn(t.Context(), c, parts, true, nil); err == nil || !strings.Contains(err.Error(), "tags was") {
			t.Errorf("%s: goes on with other settings: %v", model, err)
		}
	}
}

func TestTaggerDoesNotDependOnThreads(t *testing.T) {
	defer simd.SetThreads(0)
	for _, prune := range []bool{false, true} {
		var first []byte
		for _, n := range []int{1, 3} {
			c := tinyTagger("features", "hinge")
			c.Threads, c.Prune = n, prune
			dir := filepath.Join(t.TempDir(), "run")
			if _, err := tagIn(t.Context(), c, dir, false, nil); err != nil {
				t.Fatal(err)
			}
			got := kept(t, dir)
			if first == nil {
				first = got
			}
			if !bytes.Equal(first, got) {
				t.Errorf("prune %v: %d threads give other bits", prune, n)
			}
		}
	}
}

func TestOpenedTaggersAgreeWithTheirTraining(t *testing.T) {
	for _, model := range TaggerModels {
		dir := filepath.Join(t.TempDir(), "run")
		r, err := tagIn(t.Context(), tinyTagger(model, "nll"), dir, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := EvalTagger(t.Context(), dir, tinyTagged(8, 40), false)
		if err != nil || again.Accuracy != r.Accuracy {
			t.Errorf("%s: %+v, in training %+v (%v)", model, again.Accuracy, r.Accuracy, err)
		}
		tags, err := tag.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		text := [][]string{{"the", "run", "they", "zzzize", "."}, {}, {"this", "zzzing", "we", "walk", "."}}
		want := [][]string{{"at", "nn", "pp", "vb", "."}, {}, {"at", "nn", "pp", "vb", "."}}
		for range 2 { // new words do not stay
			got, err := tags.Tag(text)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v (%v)", model, got, err)
			}
		}
		if !tags.Known("run") || tags.Known("zzzize") {
			t.Errorf("%s: known words", model)
		}
	}
}

func TestTaggerSettings(t *testing.T) {
	for want, change := range map[string]func(c *TaggerConfig){
		"model is":        func(c *TaggerConfig) { c.Model = "x" },
		"loss is":         func(c *TaggerConfig) { c.Loss = "x" },
		"tags is":         func(c *TaggerConfig) { c.Tags = "x" },
		"margin is 0":     func(c *TaggerConfig) { c.Margin = 0 },
		"test is 1":       func(c *TaggerConfig) { c.Test = 1 },
		"bits is 3":       func(c *TaggerConfig) { c.Bits = 3 },
		"epochs is -1":    func(c *TaggerConfig) { c.Epochs = -1 },
		"clip 1 has no":   func(c *TaggerConfig) { c.Clip = 1 },
		"prune true has":  func(c *TaggerConfig) { c.Model, c.Prune = "network", true },
		"is of the feat":  func(c *TaggerConfig) { c.Model, c.Loss = "network", "averaged_perceptron" },
		"recipe is \"x\"": func(c *TaggerConfig) { c.Recipe = "x" },
	} {
		c := DefaultTagger()
		change(&c)
		if _, err := c.Resolve(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	c, err := DefaultTagger().Resolve()
	if again, errAgain := c.Resolve(); err != nil || errAgain != nil || again != c {
		t.Errorf("%+v resolved again is %+v (%v, %v)", c, again, err, errAgain)
	}
	for loss, want := range map[string]struct {
		batch int
		lr    float64
	}{"nll": {16, 0.5}, "averaged_perceptron": {1, 1}} { // Collins' steps after each sentence
		c := DefaultTagger()
		c.Loss = loss
		if c, err := c.Resolve(); err != nil || c.Batch != want.batch || c.LR != want.lr {
			t.Errorf("%s: batch %d, lr %v, want %d and %v (%v)", loss, c.Batch, c.LR, want.batch, want.lr, err)
		}
	}
	_, err = Tagger(t.Context(), tinyTagger("features", "nll"), TaggerOptions{Dir: t.TempDir(), Files: tinyTagged(1, 5)})
	if err == nil || !strings.Contains(err.Error(), "at least 2") {
		t.Errorf("one file: %v", err)
	}
}
