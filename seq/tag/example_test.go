package tag_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/seq/tag"
)

const text = `the/at dog/nn sees/vbz the/at cat/nn ./.
a/at cat/nn hears/vbz a/at bird/nn ./.
the/at bird/nn runs/vbz ./.`

// train fits a conditional random field: its loss of a sentence is E(ȳ) − F, the energy of the right tags less the
// free energy of all.
func train(text []data.Sentence) (*tag.Model, error) {
	words, err := tag.NewLexicon(text, 12)
	if err != nil {
		return nil, err
	}
	f := tag.NewFeatures(words, tag.FeatureOptions{Adaptive: true, Averaged: true})
	batch := words.Encode(text)
	loss := tag.Loss{Functional: functional.NLL{Beta: 1}}
	for range 20 {
		c := f.Current(batch)
		right, _ := tag.States(nil, f, batch) // every tag of this text is a candidate
		if _, err := loss.Eval(c, right); err != nil {
			return nil, err
		}
		f.Step(loss.Unary, loss.Pair, 0.5)
	}
	return tag.NewModel(f), nil
}

// A service that tags text. Its model could as well come from "energo train tagger", whose runs Open opens.
func Example() {
	sentences, err := data.ReadTagged(strings.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	trained, err := train(sentences)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "tagger")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := trained.Save(dir); err != nil {
		log.Fatal(err)
	}

	model, err := tag.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		words := model.Tokens(r.FormValue("text"))
		answer, err := model.Answer(words)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if err := json.NewEncoder(w).Encode(map[string][]string{"words": words, "tags": answer.Tags}); err != nil {
			log.Print(err)
		}
	}))
	defer service.Close()

	r, err := http.Get(service.URL + "?text=A+dog+hears+the+fox.")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	var reply struct{ Words, Tags []string }
	if err := json.NewDecoder(r.Body).Decode(&reply); err != nil {
		log.Fatal(err)
	}
	for i, word := range reply.Words {
		fmt.Printf("%s/%s ", word, reply.Tags[i])
	}
	// Output: A/at dog/nn hears/vbz the/at fox/nn ./.
}
