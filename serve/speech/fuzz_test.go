package speech

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/energo-ml/energo/seq/read/readtest"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
)

// fuzzed is a service that is asked without a network between.
func fuzzed(f *testing.F) *Service {
	server, err := serve.New(f.Context(), serve.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	o := Options{Seconds: 5, HotWords: 5}
	if err := o.setDefaults(); err != nil {
		f.Fatal(err)
	}
	s := newService(server, o)
	put(f, s, "tones", tones(f))
	f.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return s
}

// problem fails where an error is not what a client is told.
func problem(t *testing.T, err error) {
	t.Helper()
	if p := wire.Of(err); err != nil && p.Code == wire.CodeInternal {
		t.Errorf("an internal error: %v", err)
	}
}

// FuzzForm reads bodies as forms of transcriptions and alignments.
func FuzzForm(f *testing.F) {
	s := fuzzed(f)
	content := wav(f, readtest.Say("o"))[:200]
	for _, pairs := range [][]string{
		nil,
		{"model", "tones", "response_format", "verbose_json", "timestamp_granularities[]", "word"},
		{"hot_words[]", "o=1", "beam", "3", "language", "en"},
		{"text", "o i", "unknown", "skip"},
		{"prompt", "x"},
		{"temperature", "0", "stream", "false"},
	} {
		kind, body := form(f, content, pairs...)
		f.Add(kind, body)
	}
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nRIFF\r\n--x--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		for _, read := range []func() error{
			func() error {
				r := httptest.NewRequest("POST", transcriptions, bytes.NewReader(body))
				r.Header.Set("Content-Type", kind)
				q, err := s.readTranscription(r)
				if err == nil {
					_, err = s.transcriber(must(s.take("tones")), &q.decoding, false)
				}
				return err
			},
			func() error {
				r := httptest.NewRequest("POST", alignments, bytes.NewReader(body))
				r.Header.Set("Content-Type", kind)
				_, err := s.readAlignment(r)
				return err
			},
		} {
			problem(t, read())
		}
	})
}

func must(held *shelf.Held[*Model], err error) *Model {
	if err != nil {
		panic(err)
	}
	defer held.Done()
	return held.Model
}

// FuzzStream reads bytes as the settings of a stream, as a message that ends it, and as samples.
func FuzzStream(f *testing.F) {
	s := fuzzed(f)
	for _, text := range []string{"{}", `{"model":"tones","rate":16000,"format":"f32le","silence":0.5,"delay":0.5,"beam":3,"hot_words":["o"]}`, end, `{"type":1}`, "\x00\x00\xc0\x7f"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		q := newStreamSettings()
		err := q.object(message, s.o.HotWords)
		if err == nil {
			var one *session
			if one, err = s.session(q); err == nil {
				one.held.Done()
			}
		}
		problem(t, err)
		if err := control(message); !errors.Is(err, errEnd) {
			problem(t, err)
		}
		for _, format := range []string{formatS16, formatF32} {
			if _, err := samplesOf(nil, format, message); err != nil && wire.Of(err).Code != codeSamples {
				t.Errorf("%v", err)
			}
		}
	})
}
