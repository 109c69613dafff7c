package jobs

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
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

// suffixed is tinyTagged with words as attributes: the word, and its last two letters.
func suffixed(string) ([]data.TaggedFile, error) {
	all := tinyTagged(8, 40)
	for _, f := range all {
		for _, s := range f.Sentences {
			for i, w := range s.Words {
				s.Words[i] = w + "\tend=" + w[max(0, len(w)-2):] + ":0.5"
			}
		}
	}
	return all, nil
}

// TestUnknownWordsFeatures: without them, words are tagged by their neighbours alone.
func TestUnknownWordsFeatures(t *testing.T) {
	accuracy := map[string]float64{}
	for _, unknown := range []string{"lower,prefix,suffix,shape", "shape,suffix", "none"} {
		c := tinyTagger("features", "nll")
		c.Unknown, c.Bits = strings.Split(unknown, ","), 18 // hardly any share a row
		dir := filepath.Join(t.TempDir(), "run")
		r, err := tagIn(t.Context(), c, dir, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := job.Eval(t.Context(), dir, tagJobs(), job.Env{})
		if err != nil || !reflect.DeepEqual(again.Figures, r.Figures) {
			t.Errorf("%s: %+v, in training %+v (%v)", unknown, again, r, err)
		}
		m, err := tag.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		a, err := m.Answer([]string{"zzzize"}) // a verb by its end, though a sentence begins with an article
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.Answer([]string{"zzzly"})
		if err != nil {
			t.Fatal(err)
		}
		accuracy[unknown] = a.All[0][5]
		if differ := a.Energy != b.Energy; differ != (unknown != "none") {
			t.Errorf("%s: ends make a difference: %v", unknown, differ)
		}
	}
	if !(accuracy["none"] < accuracy["shape,suffix"]) {
		t.Errorf("P(vb) %v", accuracy)
	}
}

// tinyTagger is a short job over tinyTagged.
func tinyTagger(model, functional string) *Tagger {
	c := atDefaults[*Tagger](taggerJob)
	c.Model, c.Functional, c.Test, c.Seed = model, functional, 0.25, 5
	c.Files = func(string) ([]data.TaggedFile, error) { return tinyTagged(8, 40), nil }
	if model == "attributes" { // each word is an item with one attribute
		return c
	}
	c.Batch, c.Validation = 4, 20
	if model == "network" {
		c.LR, c.Epochs = 0.01, 4
	} else {
		c.Bits = 12
	}
	return c
}

// tagJobs has the job tagger over tinyTagged.
func tagJobs() []job.Job {
	j := taggerJob
	j.New = func() job.Spec {
		c := atDefaults[*Tagger](taggerJob)
		c.Files = tinyTagger("features", "nll").Files
		return c
	}
	return []job.Job{j}
}

func tagIn(ctx context.Context, c *Tagger, dir string, resume bool, emit func(train.Event)) (*job.Result, error) {
	return job.Train(ctx, taggerJob, c, job.Options{Dir: dir, Resume: resume, Emit: emit})
}

// figures are those of a result by their keys.
func figures(r *job.Result) map[string]float64 {
	all := map[string]float64{}
	for _, f := range r.Figures {
		all[f.Key] = float64(f.Value)
	}
	return all
}

// kept is what a finished run keeps of its model.
func kept(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	for _, name := range []string{tag.WeightsFile, tag.WordsFile, tag.CardFile} {
		all = append(all, file(t, dir, name)...)
	}
	return all
}

// TestTaggersLearnATinyLanguage: those that do; what else trains does not have to learn, but to end.
func TestTaggersLearnATinyLanguage(t *testing.T) {
	for _, x := range []struct {
		model, functional string
		set               func(c *Tagger)
		fails             bool
	}{
		{"features", "nll", func(c *Tagger) {}, false},
		{"features", "nll", func(c *Tagger) { c.Prune = true }, false},
		{"features", "perceptron", func(c *Tagger) {}, false},
		{"features", "perceptron", func(c *Tagger) { c.Prune = true }, false},
		{"features", "perceptron", func(c *Tagger) { c.Average, c.Batch = true, 1 }, false},
		{"features", "margin_cost_max", func(c *Tagger) {}, false},
		{"features", "margin_cost_max", func(c *Tagger) { c.Prune = true }, false},
		{"features", "hinge", func(c *Tagger) {}, false},
		{"features", "hinge", func(c *Tagger) { c.Rival = "wrong" }, false},
		{"features", "log", func(c *Tagger) {}, false},
		{"features", "mce", func(c *Tagger) {}, false},
		{"features", "mee", func(c *Tagger) { c.PerWord = true }, false},
		{"features", "lvq2", func(c *Tagger) { c.PerWord = true }, false},
		{"features", "square_square", func(c *Tagger) {}, false},
		{"features", "energy", func(c *Tagger) {}, true},
		{"attributes", "nll", func(c *Tagger) { c.Files = suffixed }, false},
		{"attributes", "nll", func(c *Tagger) { c.Files, c.PossibleStates, c.PossibleTransitions, c.C2 = suffixed, true, true, 0.1 }, false},
		{"network", "nll", func(c *Tagger) {}, false},
		{"network", "margin_cost_max", func(c *Tagger) {}, false},
		{"network", "hinge", func(c *Tagger) { c.Rival = "wrong" }, false},
	} {
		c := tinyTagger(x.model, x.functional)
		x.set(c)
		var start train.Start
		r, err := tagIn(t.Context(), c, filepath.Join(t.TempDir(), "run"), false, func(e train.Event) {
			if s, ok := e.(train.Start); ok {
				start = s
			}
		})
		if err != nil {
			t.Fatalf("%s %s: %v", x.model, x.functional, err)
		}
		a := figures(r)
		if x.fails {
			if !r.Collapsed {
				t.Errorf("%s %s: %+v", x.model, x.functional, r)
			}
		} else if !(a["accuracy"] >= 0.97 && a["accuracy_unknown"] >= 0.8 && a["accuracy"] == 1-float64(r.TestError)) || r.Collapsed {
			t.Errorf("%s %s: %v, %s", x.model, x.functional, a, r.Verdict)
		}
		if !strings.HasSuffix(r.Figures[0].Note, "one of 6 tags") || start.Params < 6*6 {
			t.Errorf("%s %s: %s, %d weights", x.model, x.functional, r.Figures[0].Note, start.Params)
		}
	}
}

// TestTaggerResumesWithTheSameBits: also within an epoch.
func TestTaggerResumesWithTheSameBits(t *testing.T) {
	for _, model := range TaggerModels {
		c := tinyTagger(model, "nll")
		c.Epochs = 2
		least := 70
		if model == "attributes" {
			c.Epochs, least = 15, 10
		}
		whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
		want, err := tagIn(t.Context(), c, whole, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		r, err := tagIn(ctx, c, parts, false, func(e train.Event) {
			if s, ok := e.(train.Step); ok && s.Step == least {
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
		if err != nil || !reflect.DeepEqual(got.Measured, want.Measured) {
			t.Fatalf("%s: %+v, want %+v (%v)", model, got, want, err)
		}
		if !bytes.Equal(kept(t, whole), kept(t, parts)) {
			t.Errorf("%s: other weights than an unbroken run's", model)
		}
		c.Seed++
		if _, err := tagIn(t.Context(), c, parts, true, nil); err == nil || !strings.Contains(err.Error(), "seed was") {
			t.Errorf("%s: resumes with other settings: %v", model, err)
		}
	}
}

func TestTaggerDoesNotDependOnThreads(t *testing.T) {
	defer simd.SetThreads(0)
	for _, prune := range []bool{false, true} {
		var first []byte
		for _, n := range []int{1, 3} {
			c := tinyTagger("features", "margin_cost_max")
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
		again, err := job.Eval(t.Context(), dir, tagJobs(), job.Env{})
		if err != nil || !reflect.DeepEqual(again.Figures, r.Figures) {
			t.Errorf("%s: %+v, in training %+v (%v)", model, again, r, err)
		}
		words := 0 // of other data, all is tested on
		for _, f := range tinyTagged(8, 40) {
			for _, s := range f.Sentences {
				words += len(s.Words)
			}
		}
		if again, err = job.Eval(t.Context(), dir, tagJobs(), job.Env{Data: "other"}); err != nil || !strings.Contains(again.Figures[0].Note, fmt.Sprintf("of %d ", words)) {
			t.Errorf("%s: %+v (%v)", model, again, err)
		}
		tags, err := tag.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		text := [][]string{{"the", "run", "they", "zzzize", "."}, {}, {"this", "zzzing", "we", "walk", "."}}
		want := [][]string{{"at", "nn", "pp", "vb", "."}, {}, {"at", "nn", "pp", "vb", "."}}
		if model == "attributes" { // labels are as the text has them
			want[0][0], want[2][0] = "at-tl", "at-tl"
		}
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
	for want, change := range map[string]func(c *Tagger){
		"model is":      func(c *Tagger) { c.Model = "x" },
		"functional is": func(c *Tagger) { c.Functional = "x" },
		"zero is":       func(c *Tagger) { c.Functional, c.Zero = "energy", "x" },
		"tags is":       func(c *Tagger) { c.Tags = "x" },
		"margin is -1":  func(c *Tagger) { c.Functional, c.Margin = "hinge", -1 },
		"functional is margin_cost: answers: chains have no statistic": func(c *Tagger) { c.Functional = "margin_cost" },
		"no lower bound":           func(c *Tagger) { c.Functional, c.Zero = "square_square", "raw" },
		"zero raw has no effect":   func(c *Tagger) { c.Zero = "raw" },
		"rival wrong has no effe":  func(c *Tagger) { c.Rival = "wrong" },
		"average true has no eff":  func(c *Tagger) { c.Average = true },
		"test is 1":                func(c *Tagger) { c.Test = 1 },
		"bits is 3":                func(c *Tagger) { c.Bits = 3 },
		"epochs is -1":             func(c *Tagger) { c.Epochs = -1 },
		"clip 1 has no":            func(c *Tagger) { c.Clip = 1 },
		"functional hinge has no":  func(c *Tagger) { *c = *tinyTagger("attributes", "hinge") },
		"batch 4 has no":           func(c *Tagger) { *c = *tinyTagger("attributes", "nll"); c.Batch = 4 },
		"c2 2 has no":              func(c *Tagger) { c.C2 = 2 },
		"possible_states true has": func(c *Tagger) { c.PossibleStates = true },
		`unknown has "x"`:          func(c *Tagger) { c.Unknown = []string{"shape", "x"} },
		"unknown none has":         func(c *Tagger) { *c = *tinyTagger("network", "nll"); c.Unknown = []string{"none"} },
		"word form has":            func(c *Tagger) { c.Word = "form" },
		"prune true has":           func(c *Tagger) { c.Model, c.Bits, c.Prune = "network", 17, true },
		"and the features model":   func(c *Tagger) { c.Model, c.Bits, c.Functional, c.Average = "network", 17, "perceptron", true },
		"data is not":              func(c *Tagger) { c.Files = nil },
	} {
		c := tinyTagger("features", "nll")
		change(c)
		if err := job.Resolve(taggerJob, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for average, want := range map[bool]struct {
		batch int
		lr    float64
	}{false: {16, 0.5}, true: {1, 1}} { // Collins' steps after each sentence
		c := tagJobs()[0].New().(*Tagger)
		c.Functional, c.Average = "perceptron", average
		for range 2 { // resolved again it is the same
			if err := job.Resolve(taggerJob, c); err != nil || c.Batch != want.batch || c.LR != want.lr {
				t.Errorf("average %v: batch %d, lr %v, want %d and %v (%v)", average, c.Batch, c.LR, want.batch, want.lr, err)
			}
		}
		if first, last := c.Course(100).At(0, 100), c.Course(100).At(99, 100); (first == last) != average {
			t.Errorf("average %v: steps from %v to %v", average, first, last)
		}
	}
	c := tinyTagger("features", "nll")
	c.Files = func(string) ([]data.TaggedFile, error) { return tinyTagged(1, 5), nil }
	if _, err := tagIn(t.Context(), c, t.TempDir(), false, nil); err == nil || !strings.Contains(err.Error(), "at least 2") {
		t.Errorf("one file: %v", err)
	}
}
