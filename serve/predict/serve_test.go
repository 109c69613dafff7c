package predict

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/internal/openapitest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The pool of kernel workers stays for the life of a program.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/energo-ml/energo/internal/simd.(*helper).serve"))
}

// classes are those of the classifiers.
var classes = []string{"cat", "dog", "a, b"}

// network is a classifier with random weights.
func network(t testing.TB) *classify.Model {
	t.Helper()
	m, err := classify.New(classify.Spec{Channels: 3, Height: 9, Width: 12, Classes: classes}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// taggers are one of words and one of attributes, with random weights.
func taggerOf(t testing.TB) *tag.Model {
	t.Helper()
	words, err := tag.NewLexicon([]data.Sentence{
		{Words: strings.Fields("the dog sees the cat ."), Tags: strings.Fields("at nn vbz at nn .")},
		{Words: strings.Fields("dogs run ."), Tags: strings.Fields("nns vb .")},
	}, 10)
	if err != nil {
		t.Fatal(err)
	}
	return tag.NewModel(tag.NewNetwork(words, rand.New(rand.NewPCG(1, 2))))
}

const pets = "species,length,colour,tags,group\ncat,46,black,small;soft,a\ndog,80,brown,,a\ncat,40,red,small,b\ndog,75,black,,b\n"

// tableOf is a model of pets with random weights.
func tableOf(t testing.TB, target data.TableTarget) *tabular.Model {
	t.Helper()
	table, err := data.ParseTable(strings.NewReader(pets), "pets.csv")
	if err != nil {
		t.Fatal(err)
	}
	ignore := []string{"species", "tags", "group"}
	schema, err := table.Fit(table.All(), target, ignore)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tabular.New(tabular.Spec{Network: "mlp", Hidden: 5, Schema: schema}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// targets are the kinds of answers of tables, by the names of the models.
var targets = map[string]data.TableTarget{
	"class": {Column: "species"}, "classes": {Column: "tags", Separator: ";"},
	"number": {Column: "length"}, "rank": {Kind: data.TableRank, Column: "length", Group: "group"},
}

// start serves a model of each kind until the test ends.
func start(t testing.TB, o Options) (*openapitest.Client, *Service) {
	t.Helper()
	server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Mount(server, o)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		web.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	c := network(t).Classifier()
	c.Beta, c.Unscaled = 2, ""
	if err := c.SetThreshold([]float32{0, 1, 2, 1, 0, 3}); err != nil {
		t.Fatal(err)
	}
	settled(t)(s.PutClassifier("pets", c, serve.Queue{}))
	settled(t)(s.PutClassifier("plain", network(t).Classifier(), serve.Queue{Wait: time.Millisecond}))
	settled(t)(s.PutTagger("words", taggerOf(t), "the loss is a margin's", serve.Queue{}))
	for name, target := range targets {
		settled(t)(s.PutTable(name, tableOf(t, target), serve.Queue{}))
	}
	return openapitest.New(t, web.URL), s
}

// settled waits for a model that was put.
func settled(t testing.TB) func(wait func() error, err error) {
	return func(wait func() error, err error) {
		t.Helper()
		if err == nil {
			err = wait()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// picture is one of some size, as a file.
func picture(t testing.TB, w, h, seed int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, speckled(w, h, seed)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func speckled(w, h, seed int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{R: byte(x * (seed + 3)), G: byte(y * 7), B: byte(x * y * seed), A: 255})
		}
	}
	return m
}

func dataURL(file []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)
}

// jsonOf is a value as JSON.
func jsonOf(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// read reads an answer.
func read[T any](t testing.TB, r openapitest.Reply) (v T) {
	t.Helper()
	if r.Status != http.StatusOK {
		t.Fatalf("status %d: %s", r.Status, r.Text)
	}
	d := json.NewDecoder(strings.NewReader(r.Text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", r.Text, err)
	}
	return v
}

// Every route is described.
func TestDescription(t *testing.T) {
	c, s := start(t, Options{})
	for _, r := range s.Routes() {
		c.Described(t, r.Pattern)
	}
	if got := fmt.Sprint(s.Names()); got != "[pets plain words class classes number rank]" {
		t.Errorf("names are %s", got)
	}
	if !s.DropTable("rank") || s.DropTable("rank") || s.DropTagger("pets") || !s.DropTagger("words") || !s.DropClassifier("plain") {
		t.Error("a model that is dropped is still there")
	}
	r := c.Ask("GET", "/metrics", "", "")
	for _, want := range []string{`energo_predict_seconds_count{model="pets"} 1`, `energo_predict_max_wait_seconds{model="pets"} 0`, `energo_model_ready{model="class",service="predict"} 1`} {
		if !strings.Contains(r.Text, want) {
			t.Errorf("the metrics do not have %s", want)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Items: -1}, {Items: 1 << 21}} {
		server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Mount(server, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
		server.Close()
	}
	_, s := start(t, Options{})
	for _, q := range []serve.Queue{{Items: -1}, {Calls: 1 << 17}, {Wait: -1}} {
		if _, err := s.PutClassifier("a", network(t).Classifier(), q); err == nil {
			t.Errorf("the queue %+v is taken", q)
		}
	}
	if _, err := s.PutTable("a/b", tableOf(t, targets["class"]), serve.Queue{}); err == nil {
		t.Error("the name a/b is taken")
	}
}
