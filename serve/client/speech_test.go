package client_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read/readtest"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/client"
	"github.com/energo-ml/energo/serve/speech"
)

// speaking is a client of a server of a network that hears "o" and "i" in tones, and a recording of "o i i".
func speaking(t *testing.T) (*client.Client, client.File) {
	t.Helper()
	dir := t.TempDir()
	must(t, readtest.Save(dir, 16, 2))
	s, err := serve.New(t.Context(), serve.Options{})
	must(t, err)
	t.Cleanup(s.Close)
	service, err := speech.Mount(s, speech.Options{Seconds: 20, StreamSeconds: 20})
	must(t, err)
	model, err := speech.Open(dir)
	must(t, err)
	wait, err := service.Put("tones", model)
	if err == nil {
		err = wait()
	}
	must(t, err)
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	path := filepath.Join(dir, "talk.wav")
	must(t, audio.Write(path, readtest.Say("o", "i", "i")))
	recording, err := client.OpenFile(path)
	must(t, err)
	c, err := client.New(web.URL, client.Options{HTTP: web.Client(), Retries: -1})
	must(t, err)
	return c, recording
}

// TestTranscribe reads a recording in every form.
func TestTranscribe(t *testing.T) {
	c, recording := speaking(t)
	ctx := t.Context()
	boost := 2.0
	for _, o := range []client.TranscribeOptions{
		{},
		{Model: "tones", Channel: "1", Decoding: client.Decoding{Beam: 8, HotWords: []string{"o", "i=1"}, HotBoost: &boost, Normaliser: "basic"}},
	} {
		said, err := c.Transcribe(ctx, recording, o)
		must(t, err)
		if said.Text != "o i i" || said.Words != nil {
			t.Errorf("%+v: %+v", o, said)
		}
	}
	said, err := c.TranscribeTimed(ctx, recording, client.TranscribeOptions{})
	must(t, err)
	if said.Text != "o i i" || len(said.Words) != 3 || said.Words[2].Word != "i" || !(said.Words[2].Start > 1.5 && said.Words[2].End < 2.1) || len(said.Segments) == 0 || !(said.Duration > 2.2) {
		t.Errorf("the transcription is %+v", said)
	}
	var w strings.Builder
	must(t, c.TranscribeAs(ctx, &w, "vtt", recording, client.TranscribeOptions{}))
	if !strings.HasPrefix(w.String(), "WEBVTT") {
		t.Errorf("the subtitles are %q", w.String())
	}
	p := (*client.Error)(nil)
	if _, err := c.Transcribe(ctx, recording, client.TranscribeOptions{Decoding: client.Decoding{LanguageModel: "none"}}); !errors.As(err, &p) || p.Status != 400 || p.Field != "language_model" || p.Code != "invalid" {
		t.Errorf("the error is %#v", err)
	}
}

// TestAlign finds a text's words.
func TestAlign(t *testing.T) {
	c, recording := speaking(t)
	line, err := c.Align(t.Context(), recording, "O? I, i!", client.AlignOptions{Model: "tones", Unknown: "skip"})
	must(t, err)
	if len(line.Words) != 3 || line.File != "talk.wav" || !(line.Words[1].Start > 0.9 && line.Words[1].End < 1.6) {
		t.Errorf("the alignment is %+v", line)
	}
	var w strings.Builder
	must(t, c.AlignAs(t.Context(), &w, "srt", recording, "o i i", client.AlignOptions{KeepLines: true}))
	if !strings.Contains(w.String(), "-->") {
		t.Errorf("the subtitles are %q", w.String())
	}
}

// TestStream: what is settled, all together, is the text of the segment, and the end comes once.
func TestStream(t *testing.T) {
	c, _ := speaking(t)
	s, err := c.Stream(t.Context(), client.StreamOptions{Rate: readtest.Rate, Decoding: client.Decoding{Beam: 4}})
	must(t, err)
	defer s.Close()
	if s.Model != "tones" || s.Rate != readtest.Rate {
		t.Errorf("the stream is of %s at %d", s.Model, s.Rate)
	}
	go func() {
		if err := errors.Join(s.Send(readtest.Say("o", "i", "i").Samples), s.End()); err != nil {
			t.Error(err)
		}
	}()
	settled, text := "", ""
	for {
		e, err := s.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		switch settled += e.Settled; e.Type {
		case "segment":
			text += e.Text
		case "done":
			if e.Segments != 1 || !(e.Time > 2.2) {
				t.Errorf("the end is %+v", e)
			}
		}
	}
	if settled != "o i i" || text != settled {
		t.Errorf("settled is %q, the segments are %q", settled, text)
	}
	if _, err := s.Next(); err != io.EOF {
		t.Errorf("the error after the end is %v", err)
	}
}

// TestStreamRefused: settings are refused as other requests are, and what is wrong later with a message.
func TestStreamRefused(t *testing.T) {
	c, _ := speaking(t)
	p := (*client.Error)(nil)
	if _, err := c.Stream(t.Context(), client.StreamOptions{Model: "none"}); !errors.As(err, &p) || p.Status != 404 || p.Path != "/v1/audio/stream" {
		t.Errorf("the error is %v", err)
	}
	if _, err := c.Stream(t.Context(), client.StreamOptions{Rate: 7}); !errors.As(err, &p) || p.Status != 400 || p.Field != "rate" {
		t.Errorf("the error is %v", err)
	}
	s, err := c.Stream(t.Context(), client.StreamOptions{})
	must(t, err)
	defer s.Close()
	go s.Send(make([]float32, 30*readtest.Rate)) // which fails when the server closes
	for {
		if _, err = s.Next(); err != nil {
			break
		}
	}
	if !errors.As(err, &p) || p.Status != 413 || !strings.Contains(p.Detail, "seconds") {
		t.Errorf("the error is %v", err)
	}
}
