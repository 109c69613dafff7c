package token_test

import (
	"fmt"
	"strings"

	"github.com/energo-ml/energo/seq/token"
)

// Example: pieces of words as SentencePiece writes them, and no blank among them, as NeMo's models have it.
func Example() {
	s, err := token.Of([]string{"<unk>", "▁HE", "LL", "O", "▁WORLD"}, token.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Blank, s.Text([]int{1, 2, 3, 0, 4}))
	fmt.Println(strings.Join(s.Why[1:], "\n"))
	// Output:
	// 5 HELLO WORLD
	// blank is class 5, behind all tokens: no token is called a blank, as NeMo's, flashlight's and TensorFlow's lists have none
	// pieces with ▁ begin a word: SentencePiece's mark
	// in no text: <unk> 0 (unknown)
}
