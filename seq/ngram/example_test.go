package ngram_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/energo-ml/energo/seq/ngram"
)

// Train a language model of word pairs and compare two sentences.
func Example() {
	text := "the cat sat\nthe dog sat\nthe cat ran\na cat sat\n"
	model, err := ngram.Train(strings.NewReader(text), ngram.Options{Order: 2, Fallback: ngram.DefaultFallback()})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Sentence("the", "cat", "sat") > model.Sentence("sat", "cat", "the"))
	// Output: true
}
