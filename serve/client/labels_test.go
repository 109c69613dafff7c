package client_test

import (
	"image/color"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/client"
	"github.com/energo-ml/energo/serve/embeddings"
	"github.com/energo-ml/energo/serve/predict"
)

// labelled is a client of a server of models with random weights: pets, a classifier; words, a tagger; table; and corner, an encoder.
func labelled(t *testing.T) *client.Client {
	t.Helper()
	s, err := serve.New(t.Context(), serve.Options{})
	must(t, err)
	t.Cleanup(s.Close)
	labels, err := predict.Mount(s, predict.Options{})
	must(t, err)
	vectors, err := embeddings.Mount(s, embeddings.Options{})
	must(t, err)
	pets, err := classify.New(classify.Spec{Channels: 3, Height: 8, Width: 8, Classes: []string{"cat", "dog", "fox"}}, 3)
	must(t, err)
	lexicon, err := tag.NewLexicon([]data.Sentence{{Words: strings.Fields("the dog sees"), Tags: strings.Fields("at nn vbz")}}, 10)
	must(t, err)
	rows, err := data.ParseTable(strings.NewReader("species,length,colour\ncat,46,black\ndog,80,brown\n"), "pets.csv")
	must(t, err)
	schema, err := rows.Fit(rows.All(), data.TableTarget{Column: "species"}, nil)
	must(t, err)
	table, err := tabular.New(tabular.Spec{Network: "linear", Schema: schema}, rand.New(rand.NewPCG(1, 2)))
	must(t, err)
	for _, put := range []func() (func() error, error){
		func() (func() error, error) { return labels.PutClassifier("pets", pets.Classifier(), serve.Queue{}) },
		func() (func() error, error) {
			return labels.PutTagger("words", tag.NewModel(tag.NewNetwork(lexicon, rand.New(rand.NewPCG(1, 2)))), "", serve.Queue{})
		},
		func() (func() error, error) { return labels.PutTable("table", table, serve.Queue{}) },
		func() (func() error, error) { return vectors.PutPictures("corner", corner{}, serve.Queue{}) },
	} {
		wait, err := put()
		if err == nil {
			err = wait()
		}
		must(t, err)
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	c, err := client.New(web.URL, client.Options{HTTP: web.Client()})
	must(t, err)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestClassify: pictures in memory and a file that is streamed have the same classes.
func TestClassify(t *testing.T) {
	c, ctx := labelled(t), t.Context()
	red := picture(t, color.RGBA{255, 0, 0, 255})
	all, err := c.Classify(ctx, "pets", 2, red, picture(t, color.White))
	must(t, err)
	if len(all.Answers) != 2 || len(all.Answers[0].Classes) != 2 || all.Model != "pets" || all.Answers[0].Label != all.Answers[0].Classes[0].Label {
		t.Fatalf("the answers are %+v", all)
	}
	one, err := c.ClassifyFile(ctx, "", 2, client.Bytes("red.png", red))
	must(t, err)
	for i, class := range one.Answers[0].Classes {
		want := all.Answers[0].Classes[i]
		if class.Label != want.Label || class.Energy < want.Energy-1e-5 || class.Energy > want.Energy+1e-5 {
			t.Errorf("class %d is %+v, want %+v", i, class, want)
		}
	}
	if _, err := c.Classify(ctx, "none", 0, red); err == nil || !strings.Contains(err.Error(), "with 404") {
		t.Errorf("the error is %v", err)
	}
	if _, err := c.Classify(ctx, "pets", 0); err == nil || !strings.Contains(err.Error(), "images is empty") {
		t.Errorf("the error is %v", err)
	}
}

// TestTag: texts have offsets, and words that are lists have not.
func TestTag(t *testing.T) {
	c, ctx := labelled(t), t.Context()
	said, err := c.Tag(ctx, client.TagRequest{Text: "the dog\nsees", Probabilities: true, Marginals: true})
	must(t, err)
	first := said.Sentences[0]
	if len(said.Sentences) != 2 || !slices.Equal(first.Words, []string{"the", "dog"}) || first.Offsets[1] != [2]int{4, 7} || len(first.Tags) != 2 ||
		len(first.Probabilities) != 2 || first.Marginals[0][first.Tags[0]] != first.Probabilities[0] {
		t.Errorf("the tags are %+v", said)
	}
	same, err := c.Tag(ctx, client.TagRequest{Model: "words", Tokens: [][]string{{"the", "dog"}}})
	must(t, err)
	if !slices.Equal(same.Sentences[0].Tags, first.Tags) || same.Sentences[0].Offsets != nil {
		t.Errorf("the tags are %+v, want %v", same, first.Tags)
	}
}

// TestPredict: rows by name, as lists and in CSV have the same answers.
func TestPredict(t *testing.T) {
	c, ctx := labelled(t), t.Context()
	byName, err := c.Predict(ctx, client.PredictRequest{Rows: []any{map[string]any{"length": 78, "colour": nil}}})
	must(t, err)
	listed, err := c.Predict(ctx, client.PredictRequest{Model: "table", Columns: []string{"colour", "length"}, Rows: []any{[]any{nil, 78}}})
	must(t, err)
	a, b := byName.Answers[0], listed.Answers[0]
	if byName.Kind != "class" || byName.Column != "species" || string(a.Answer) != string(b.Answer) || len(a.Energies) != 2 || a.Energies["cat"] != b.Energies["cat"] {
		t.Errorf("the answers are %+v and %+v", byName, listed)
	}
	var w strings.Builder
	must(t, c.PredictCSV(ctx, &w, "table", client.Bytes("", []byte("length,colour\n78,\n"))))
	if !strings.HasPrefix(w.String(), "length,colour,") || !strings.Contains(w.String(), strings.Trim(string(a.Answer), `"`)) {
		t.Errorf("the table is %q, want the answer %s", w.String(), a.Answer)
	}
	if err := c.PredictCSV(ctx, &w, "table", client.Bytes("", []byte("colour\nred\n"))); err == nil || !strings.Contains(err.Error(), "length") {
		t.Errorf("the error is %v", err)
	}
}

// TestEmbed: vectors come in the order of the pictures.
func TestEmbed(t *testing.T) {
	c, ctx := labelled(t), t.Context()
	all, err := c.EmbedPictures(ctx, "corner", picture(t, color.RGBA{255, 0, 0, 255}), picture(t, color.RGBA{0, 255, 0, 255}))
	must(t, err)
	if len(all) != 2 || !slices.Equal(all[0], []float32{1, 0}) || !slices.Equal(all[1], []float32{0, 1}) {
		t.Errorf("the vectors are %v", all)
	}
	if _, err := c.Embed(ctx, "corner", "a text"); err == nil || !strings.Contains(err.Error(), "with 400: input[0] is \"a text\"; it must be a data URL") {
		t.Errorf("the error is %v", err)
	}
}
