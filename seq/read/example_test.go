package read_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
)

// A service that reads a stream of 16-bit samples while it comes, and answers the text. What is settled
// earlier is in ctc.Stream.Stable. The folder is that of a run of speech; an untrained network stands for it here.
func Example_service() {
	dir, err := untrained()
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	transcribe := func(w http.ResponseWriter, r *http.Request) {
		reader, err := read.Open(dir) // one for each request: a reader is for one goroutine
		if err == nil {
			err = stream(w, r.Body, reader)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(transcribe))
	defer server.Close()
	answer, err := http.Post(server.URL, "audio/l16", strings.NewReader(strings.Repeat("\x00\x01", 8000)))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, strings.HasSuffix(string(text), "\n"))
	// Output: 200 OK true
}

// stream writes what is said in a body of little-endian samples, which are read as they come.
func stream(w io.Writer, body io.Reader, reader *read.Reader) error {
	sound, err := reader.Stream()
	if err != nil {
		return err
	}
	decoder, err := ctc.NewDecoder(ctc.Beam{Tokens: reader.Classes, Blank: read.Blank, Separator: reader.Separator, Width: 8, Delay: 10})
	if err != nil {
		return err
	}
	search := decoder.Stream()
	var samples []float32
	buffer := make([]byte, 1<<12)
	for {
		n, end := io.ReadFull(body, buffer)
		samples = samples[:0]
		for i := 0; i+1 < n; i += 2 {
			samples = append(samples, float32(int16(uint16(buffer[i])|uint16(buffer[i+1])<<8))/(1<<15))
		}
		emissions, err := sound.Push(samples)
		if err != nil {
			return err
		}
		if err := search.Push(emissions); err != nil {
			return err
		}
		if end != nil {
			break
		}
	}
	emissions, err := sound.Finish()
	if err != nil {
		return err
	}
	if err := search.Push(emissions); err != nil {
		return err
	}
	best, err := search.Finish()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, decoder.Text(best[0].Tokens))
	return err
}

// untrained is a folder with a reader of the words of a few letters.
func untrained() (dir string, err error) {
	features, err := read.NewFeatures(audio.LogMel{Rate: 8000, Mels: 16})
	if err != nil {
		return "", err
	}
	network, err := read.NewNetwork(read.Spec{Height: 16, Tokens: []string{" ", "a", "b"}, Channels: 8, Dilations: []int{1, 2}}, 1)
	if err != nil {
		return "", err
	}
	features.Fit([][]float32{make([]float32, 160)})
	if dir, err = os.MkdirTemp("", "reader"); err != nil {
		return "", err
	}
	return dir, read.Save(dir, network, features, nil)
}
