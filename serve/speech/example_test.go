package speech_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read/readtest"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/speech"
)

// A model of speech behind a port of one's own server, beside other handlers. The folder is that of a run of speech; here it is one whose network
// hears "o" and "i" in low and high tones.
func Example() {
	dir, err := os.MkdirTemp("", "tones")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := readtest.Save(dir, 16, 2); err != nil {
		log.Fatal(err)
	}

	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	service, err := speech.Mount(server, speech.Options{Seconds: 60})
	if err != nil {
		log.Fatal(err)
	}
	model, err := speech.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	warm, err := service.Put("tones", model)
	if err == nil {
		err = warm()
	}
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/audio/", server.Handler())
	web := httptest.NewServer(mux)
	defer web.Close()

	recording := filepath.Join(dir, "talk.wav")
	if err := audio.Write(recording, readtest.Say("o", "i", "i")); err != nil {
		log.Fatal(err)
	}
	kind, body := formOf(recording)
	answer, err := http.Post(web.URL+"/v1/audio/transcriptions", kind, body)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output: {"text":"o i i"}
}

// formOf is the form of a request for a file.
func formOf(path string) (kind string, body io.Reader) {
	content, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", filepath.Base(path))
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		log.Fatal(err)
	}
	return w.FormDataContentType(), &b
}
