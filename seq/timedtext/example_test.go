package timedtext_test

import (
	"log"
	"os"

	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/timedtext"
)

// Words and their times as subtitles; the pause ends a cue.
func Example() {
	said := &ctc.Timeline{Unit: "seconds", Duration: 4, Words: []ctc.Timed{
		{Text: "Seven", Start: 0.25, End: 0.5}, {Text: "four.", Start: 0.75, End: 1}, {Text: "Nine.", Start: 3, End: 3.5},
	}}
	if err := timedtext.Write(os.Stdout, timedtext.VTT, timedtext.Rules{}, said); err != nil {
		log.Fatal(err)
	}
	// Output:
	// WEBVTT
	//
	// 00:00:00.250 --> 00:00:01.083
	// Seven four.
	//
	// 00:00:03.000 --> 00:00:03.833
	// Nine.
}
