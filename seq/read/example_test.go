package read_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
)

// A service that listens to 16-bit samples while they come, and answers each word, and when it is said, as soon as both are
// settled. The folder is that of a run of speech; here it is one whose network hears "o" and "i" in low and high tones.
func Example_service() {
	dir := tones()
	defer os.RemoveAll(dir)

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reader, err := read.Open(dir) // one for each request: a reader is for one goroutine
		if err == nil {
			err = listen(w, r.Body, reader)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	defer server.Close()

	answer, err := http.Post(server.URL, "audio/l16", samples("o", "i", "i"))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"word":"o","start":0.5,"end":0.8}
	// {"word":"i","start":1.1,"end":1.4}
	// {"word":"i","start":1.7,"end":2}
}

// A word that is settled.
type word struct {
	Word  string  `json:"word"`
	Start float64 `json:"start"` // in seconds, to a tenth
	End   float64 `json:"end"`
}

// listen writes the words of a body of samples, a line each.
func listen(w http.ResponseWriter, body io.Reader, reader *read.Reader) error {
	live, err := newLive(reader)
	if err != nil {
		return err
	}
	control, out := http.NewResponseController(w), json.NewEncoder(w)
	if err := control.EnableFullDuplex(); err != nil { // answers come before the body ends
		return err
	}
	chunk := make([]byte, 1<<10)
	for ended := false; !ended; {
		n, err := io.ReadFull(body, chunk)
		switch {
		case err == nil:
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			ended = true
		default:
			return err
		}
		words, err := live.push(decode16(chunk[:n]), ended)
		if err != nil {
			return err
		}
		for _, s := range words {
			if err := out.Encode(word{s.Text, tenth(s.Start), tenth(s.End)}); err != nil {
				return err
			}
		}
		if err := control.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// live turns sound into words while it comes.
type live struct {
	emitter *read.Emitter
	sound   *read.Stream // samples to emissions
	search  *ctc.Stream  // emissions to labels, and their times
	count   int          // of the words that push has returned
}

func newLive(reader *read.Reader) (*live, error) {
	sound, err := reader.Stream()
	if err != nil {
		return nil, err
	}
	decoder, err := ctc.NewDecoder(ctc.Beam{
		Tokens: reader.Classes, Blank: read.Blank, Separator: reader.Separator,
		Width: 8, Delay: 25, Times: true, // settled after half a second
	})
	if err != nil {
		return nil, err
	}
	return &live{emitter: read.NewEmitter(reader), sound: sound, search: decoder.Stream()}, nil
}

// push takes samples, and returns the words that are settled since; at the end, those that are left.
func (l *live) push(samples []float32, ended bool) ([]ctc.Timed, error) {
	emissions, err := l.sound.Push(samples)
	if err != nil {
		return nil, err
	}
	if err := l.search.Push(emissions); err != nil { // before the next call of sound, which takes the memory of emissions
		return nil, err
	}
	if !ended {
		words := l.words(l.search.Spans())
		return l.fresh(words[:max(l.count, len(words)-1)]), nil // the last one may have more letters
	}
	if emissions, err = l.sound.Finish(); err != nil {
		return nil, err
	}
	if err := l.search.Push(emissions); err != nil {
		return nil, err
	}
	best, err := l.search.Finish()
	if err != nil {
		return nil, err
	}
	return l.fresh(l.words(best[0].Spans)), nil
}

// words are those that spans of labels make up.
func (l *live) words(spans []ctc.Span) []ctc.Timed {
	return l.emitter.TimelineOf(read.Emissions{Frame: l.emitter.Frame, Offset: l.emitter.Offset}, spans).Words
}

// fresh returns the words that were not returned before.
func (l *live) fresh(words []ctc.Timed) []ctc.Timed {
	rest := words[l.count:]
	l.count = len(words)
	return rest
}

// When the words of a text are said in a file.
func ExampleEmitter_Align() {
	dir := tones()
	defer os.RemoveAll(dir)
	reader, err := read.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	recording := record(dir, "i", "o")

	emitter := read.NewEmitter(reader)
	emissions, err := emitter.Emit(recording)
	if err != nil {
		log.Fatal(err)
	}
	text := "I o"
	said, err := emitter.Align(emissions, &text, true)
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range said.Words {
		fmt.Printf("%s from %.1f to %.1f seconds, confidence %.1f\n", w.Text, w.Start, w.End, w.Confidence)
	}
	// Output:
	// i from 0.5 to 0.8 seconds, confidence 1.0
	// o from 1.1 to 1.4 seconds, confidence 1.0
}
