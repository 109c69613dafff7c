package data_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/energo-ml/energo/data"
)

// Read tagged text, a sentence a line.
func Example() {
	sentences, err := data.ReadTagged(strings.NewReader("The/at grand/jj jury/nn said/vbd ./.\n"))
	if err != nil {
		log.Fatal(err)
	}
	for i, word := range sentences[0].Words {
		fmt.Print(word, " is ", sentences[0].Tags[i], "; ")
	}
	// Output: The is at; grand is jj; jury is nn; said is vbd; . is .;
}

// An error names the line.
func ExampleReadTagged_error() {
	_, err := data.ReadTagged(strings.NewReader("The/at jury/nn\nsaid\n"))
	fmt.Println(err)
	// Output: line 2: token 1 is "said"; it must be word/TAG
}
