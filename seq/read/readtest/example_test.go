package readtest_test

import (
	"fmt"
	"log"
	"os"

	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/read/readtest"
)

// The network hears what is said in tones.
func Example() {
	dir, err := os.MkdirTemp("", "tones")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := readtest.Save(dir, 40, 8, 1, 2); err != nil {
		log.Fatal(err)
	}
	reader, err := read.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	t := read.Transcriber{Emitter: read.NewEmitter(reader)}
	x, err := t.Hear("tones", readtest.Say("i", "o", "o"))
	if err != nil {
		log.Fatal(err)
	}
	best, err := t.Decode(x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t.Spaced(t.Text(best[0].Tokens)))
	// Output: i o o
}
