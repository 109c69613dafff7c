package text_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/seq/text"
)

// A transcript as it is spelled by the letters of a model. Times gives its words the times of what is aligned to the spelling.
func Example() {
	letters := []string{"", " ", "'", "a", "b", "c", "d", "e", "h", "i", "m", "o", "r", "s", "t", "u"}
	n, err := text.New("en", letters)
	if err != nil {
		log.Fatal(err)
	}
	words, err := n.Words("Dr. Smith's 3 €!")
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range words {
		fmt.Printf("%s: %s\n", w.Text, w.Spelled)
	}
	// Output:
	// Dr.: doctor
	// Smith's: smith's
	// 3: three
	// €!: euros
}
