package lexical_test

import (
	"context"
	"fmt"
	"iter"

	"github.com/energo-ml/energo/search/lexical"
)

// Which documents have a word, and how often.
func Example() {
	texts := []string{"A red bus", "Blue sea", "red_red_wine.jpg"}
	x, err := lexical.Build(context.Background(), len(texts), func(doc int) iter.Seq[string] { return lexical.Words(texts[doc]) })
	if err != nil {
		fmt.Println(err)
		return
	}
	docs, counts := x.Find("red")
	fmt.Println(docs, counts)
	// Output: [0 2] [1 2]
}
