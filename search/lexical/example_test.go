package lexical_test

import (
	"fmt"
	"iter"

	"github.com/energo-ml/energo/search/lexical"
)

// Which documents have a word, and how often.
func Example() {
	texts := []string{"A red bus", "Blue sea", "red_red_wine.jpg"}
	x := lexical.Build(len(texts), func(doc int) iter.Seq[string] { return lexical.Words(texts[doc]) })
	docs, counts := x.Find("red")
	fmt.Println(docs, counts)
	// Output: [0 2] [1 2]
}
