package speech

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/ngram"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/read/readtest"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/internal/openapitest"
	"github.com/energo-ml/energo/serve/openai"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The pool of kernel workers stays for the life of a program.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/energo-ml/energo/internal/simd.(*helper).serve"))
}

// tones is a model of the tones "o" and "i".
func tones(t testing.TB) *Model {
	t.Helper()
	dir := t.TempDir()
	if err := readtest.Save(dir, 16, 2); err != nil {
		t.Fatal(err)
	}
	m, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// language is a language model in which "i" follows everything.
func language(t testing.TB) ctc.LanguageModel {
	t.Helper()
	path := filepath.Join(t.TempDir(), "i.arpa")
	text := "\\data\\\nngram 1=4\n\n\\1-grams:\n-99\t<s>\n-1\t</s>\n-3\to\n-0.1\ti\n\n\\end\\\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := ngram.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// options have the language model "i".
func options(t testing.TB) Options {
	t.Helper()
	return Options{Languages: map[string]ctc.LanguageModel{"i": language(t)}, Seconds: 20, HotWords: 5}
}

// put has a service serve a model, warm.
func put(t testing.TB, s *Service, name string, m *Model) {
	t.Helper()
	wait, err := s.Put(name, m)
	if err == nil {
		err = wait()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// start serves the tones as "tones" until the test ends.
func start(t testing.TB, o Options, limits ...serve.Limits) (*Service, string) {
	t.Helper()
	so := serve.Options{Log: slog.New(slog.DiscardHandler)}
	for _, l := range limits {
		so.Limits = l
	}
	server, err := serve.New(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Mount(server, o)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "tones", tones(t))
	openai.Mount(server, func() []openai.Model { return []openai.Model{{Name: "tones", Created: time.Now()}} })
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		server.Close()
		web.Close()
	})
	return s, web.URL
}

// wav is a clip as a file.
func wav(t testing.TB, c audio.Clip) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.wav")
	if err := audio.Write(path, c); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// form is a request's form: a file, and pairs of a field and its value.
func form(t testing.TB, content []byte, pairs ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if content != nil {
		p, err := w.CreateFormFile("file", "talk.wav")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.Write(content)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

type reply struct {
	status int
	header http.Header
	text   string
}

// post sends a body, and holds the answer to the server's description.
func post(t testing.TB, url, kind string, body []byte) reply {
	t.Helper()
	r, err := http.NewRequest("POST", url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	got := openapitest.Do(t, r, nil)
	return reply{got.Status, got.Header, got.Text}
}

// ask sends a form for a recording of words.
func ask(t testing.TB, url string, clip audio.Clip, pairs ...string) reply {
	t.Helper()
	kind, body := form(t, wav(t, clip), pairs...)
	return post(t, url, kind, body)
}

const (
	transcriptions = "/v1/audio/transcriptions"
	alignments     = "/v1/audio/alignments"
)

// said is an answer that must be one.
func said(t testing.TB, r reply, v any) {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.text)
	}
	if err := json.Unmarshal([]byte(r.text), v); err != nil {
		t.Fatal(err)
	}
}

// A recording is read in every format, with and without a search.
func TestTranscriptions(t *testing.T) {
	_, at := start(t, options(t))
	clip := readtest.Say("o", "i", "i")
	clip.Samples = append(clip.Samples, readtest.Say("i").Samples...) // behind a pause of 0.8 s
	for _, more := range [][]string{nil, {"beam", "8"}, {"hot_words[]", "o i", "hot_words", "i=0.1", "language", "en", "hot_boost", "0.2"}, {"language_model", "i", "lm_weight", "0.1"}} {
		var plain plainText
		if said(t, ask(t, at+transcriptions, clip, more...), &plain); plain.Text != "o i i i" {
			t.Errorf("%v: the text is %q", more, plain.Text)
		}
		for format, want := range map[string]string{
			"text": "o i i i\n",
			"srt":  "1\n00:00:00,4",
			"vtt":  "WEBVTT\n",
		} {
			r := ask(t, at+transcriptions, clip, append([]string{"model", "tones", "response_format", format}, more...)...)
			if r.status != 200 || !strings.HasPrefix(r.text, want) {
				t.Errorf("%v, %s: status %d, %q", more, format, r.status, r.text)
			}
		}
		var v verbose
		said(t, ask(t, at+transcriptions, clip, append([]string{"response_format", "verbose_json", "timestamp_granularities[]", "word", "timestamp_granularities[]", "segment"}, more...)...), &v)
		if len(v.Words) != 4 || len(v.Segments) != 2 || v.Text != "o i i i" || v.Duration < 3.3 || v.Duration > 3.5 {
			t.Fatalf("%v: %+v", more, v)
		}
		for i, begin := range []float64{0.5, 1.1, 1.7, 2.8} {
			if w := v.Words[i]; w.Start < begin-0.06 || w.Start > begin+0.06 || w.End < begin+0.24 || w.End > begin+0.36 || !(w.Confidence > 0.9) {
				t.Errorf("%v: word %d is %+v; it begins at %v", more, i, w, begin)
			}
		}
		s := v.Segments
		if s[0].Text != "o i i" || s[1].Text != "i" || s[1].ID != 1 || s[0].End > s[1].Start || len(s[0].Tokens) < 5 || s[0].NoSpeech > 0.01 {
			t.Errorf("%v: the segments are %+v", more, s)
		}
	}
	var v verbose
	said(t, ask(t, at+transcriptions, readtest.Say("o"), "response_format", "verbose_json", "timestamp_granularities[]", "word"), &v)
	if v.Segments != nil || len(v.Words) != 1 {
		t.Errorf("of words alone: %+v", v)
	}
}

// Hot words and language models change what is read, as they do in a search of one's own.
func TestDecodingMatters(t *testing.T) {
	o := options(t)
	_, at := start(t, o)
	clip := readtest.Say("o") // and "i" beside it, softer
	for i, v := range readtest.Say("i").Samples {
		clip.Samples[i] += 0.5 * v
	}
	seen := map[string]bool{}
	for _, c := range []struct {
		more []string
		beam func(b *ctc.Beam)
	}{
		{[]string{"beam", "16"}, func(b *ctc.Beam) { b.Width = 16 }},
		{[]string{"language_model", "i", "lm_weight", "20"}, func(b *ctc.Beam) { b.Model, b.LMWeight = o.Languages["i"], 20 }},
		{[]string{"hot_words", "i=7", "beam", "10"}, func(b *ctc.Beam) { b.Width, b.Hot = 10, []ctc.HotWord{{Tokens: []int{2}, Boost: 7}} }},
		{[]string{"hot_words", "I", "normaliser", "basic"}, func(b *ctc.Beam) { b.Hot = []ctc.HotWord{{Tokens: []int{2}, Boost: defaultBoost}} }},
	} {
		to := read.Transcriber{Emitter: tones(t).about}
		b := to.Beam()
		c.beam(&b)
		var err error
		if to.Search, err = ctc.NewDecoder(b); err != nil {
			t.Fatal(err)
		}
		x, err := to.Hear("clip", clip)
		if err != nil {
			t.Fatal(err)
		}
		best, err := to.Decode(x)
		if err != nil {
			t.Fatal(err)
		}
		want, plain := to.Spaced(to.Text(best[0].Tokens)), plainText{}
		if said(t, ask(t, at+transcriptions, clip, c.more...), &plain); plain.Text != want {
			t.Errorf("%v: the text is %q, want %q", c.more, plain.Text, want)
		}
		seen[want] = true
	}
	if len(seen) < 3 {
		t.Errorf("of all settings there are the texts %v; they should differ more", seen)
	}
}

// A text is aligned, and written as every format has it.
func TestAlignments(t *testing.T) {
	_, at := start(t, options(t))
	clip := readtest.Say("o", "i")
	var line ctc.Timeline
	said(t, ask(t, at+alignments, clip, "text", "O, i!"), &line)
	if len(line.Words) != 2 || line.Words[0].Text != "O," || line.Words[1].Text != "i!" || line.File != "talk.wav" || len(line.Tokens) != 3 {
		t.Fatalf("%+v", line)
	}
	if s := line.Words[1].Start; s < 1.05 || s > 1.15 {
		t.Errorf("the second word begins at %v", s)
	}
	for format, want := range map[string]string{
		"srt": "00:00:00,4", "vtt": "WEBVTT", "ass": "[Script Info]", "TextGrid": "IntervalTier", "ctm": "talk.wav 1 ", "csv": "path,word,start",
	} {
		if r := ask(t, at+alignments, clip, "text", "o i", "response_format", format); r.status != 200 || !strings.Contains(r.text, want) {
			t.Errorf("%s: status %d, %q", format, r.status, r.text)
		}
	}
	for pairs, want := range map[string]string{
		"text= ": "no text",
		"text=x": "no token spells",
		"text=o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i o i": "frames",
		"text=o;unknown=all":          "error, skip, wildcard",
		"text=o;normaliser=xx":        "none, basic",
		"text=o;keep_lines=true":      "subtitles",
		"text=o;response_format=text": "srt, vtt",
		"text=?!":                     "nothing that is said",
		"text=o;beam=3":               "there is no field",
	} {
		var all []string
		for _, p := range strings.Split(pairs, ";") {
			name, value, _ := strings.Cut(p, "=")
			all = append(all, name, value)
		}
		if r := ask(t, at+alignments, clip, all...); r.status != 400 || !strings.Contains(r.text, want) {
			t.Errorf("%s: status %d, %s; want %q", pairs, r.status, r.text, want)
		}
	}
}

// What cannot be, or has no effect, is refused by its name, in OpenAI's form.
func TestRefusals(t *testing.T) {
	o := options(t)
	o.Memory = 4 << 20
	_, at := start(t, o)
	clip := readtest.Say("o")
	for _, c := range []struct {
		status int
		param  string
		pairs  []string
	}{
		{404, "model", []string{"model", "other"}},
		{400, "response_format", []string{"response_format", "xml"}},
		{400, "prompt", []string{"prompt", "hello"}},
		{400, "include", []string{"include[]", "logprobs"}},
		{400, "chunking_strategy", []string{"chunking_strategy", "auto"}},
		{400, "temperature", []string{"temperature", "0.2"}},
		{400, "temperature", []string{"temperature", "warm"}},
		{400, "temperature", []string{"temperature", "NaN"}},
		{400, "stream", []string{"stream", "true"}},
		{400, "stream", []string{"stream", "perhaps"}},
		{400, "timestamp_granularities", []string{"timestamp_granularities[]", "word"}},
		{400, "timestamp_granularities", []string{"response_format", "verbose_json", "timestamp_granularities[]", "letter"}},
		{400, "timestamp_granularities", []string{"response_format", "verbose_json", "timestamp_granularities[]", "word", "timestamp_granularities[]", "word"}},
		{400, "language", []string{"language", "en"}},
		{400, "language", []string{"language", "tlh", "hot_words", "o"}},
		{400, "language", []string{"language", "en", "normaliser", "de", "hot_words", "o"}},
		{400, "normaliser", []string{"normaliser", "en"}},
		{400, "normaliser", []string{"normaliser", "x", "hot_words", "o"}},
		{400, "language_model", []string{"language_model", "general"}},
		{400, "lm_weight", []string{"lm_weight", "1"}},
		{400, "lm_weight", []string{"lm_weight", "-1", "language_model", "i"}},
		{400, "lm_weight", []string{"lm_weight", "NaN", "language_model", "i"}},
		{400, "hot_boost", []string{"hot_boost", "1"}},
		{400, "hot_boost", []string{"hot_boost", "1", "hot_words", "o=2"}},
		{400, "hot_boost", []string{"hot_boost", "Inf", "hot_words", "o"}},
		{400, "hot_words[0]", []string{"hot_words", "x"}},
		{400, "hot_words[1]", []string{"hot_words", "o", "hot_words", " "}},
		{400, "hot_words[0]", []string{"hot_words", "o=1e9"}},
		{400, "hot_words", []string{"hot_words", "o", "hot_words", "o", "hot_words", "o", "hot_words", "o", "hot_words", "o", "hot_words", "o"}},
		{400, "beam", []string{"beam", "0"}},
		{400, "beam", []string{"beam", "257"}},
		{400, "beam", []string{"beam", "two"}},
		{400, "beam", []string{"beam", "2", "beam", "3"}},
		{400, "channel", []string{"channel", "each"}},
		{400, "file", []string{"channel", "2"}},
		{400, "speed", []string{"speed", "2"}},
		{400, "beam[]", []string{"beam[]", "2"}},
		{400, "normaliser", []string{"normaliser", "\xff"}},
	} {
		r := ask(t, at+transcriptions, clip, c.pairs...)
		var f struct {
			Error struct{ Message, Type, Param, Code string }
		}
		if err := json.Unmarshal([]byte(r.text), &f); err != nil {
			t.Fatal(err)
		}
		if r.status != c.status || f.Error.Param != c.param || f.Error.Type != "invalid_request_error" || f.Error.Message == "" {
			t.Errorf("%q: status %d, %s; want %d of %s", c.pairs, r.status, r.text, c.status, c.param)
		}
	}
	long := audio.Clip{Rate: 1000, Samples: make([]float32, 20001)}
	large := audio.Clip{Rate: 48000, Samples: make([]float32, 19*48000)}
	fast := audio.Clip{Rate: 192000, Samples: make([]float32, 6*192000)}
	for _, c := range []struct {
		name    string
		status  int
		content []byte
	}{
		{"none", 400, nil},
		{"empty", 400, []byte{}},
		{"a text", 400, []byte("hello, this is a text")},
		{"another kind", 400, []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom")},
		{"too long", 413, wav(t, long)},
		{"too large", 413, wav(t, large)},
		{"too many samples", 413, wav(t, fast)},
	} {
		kind, body := form(t, c.content)
		if r := post(t, at+transcriptions, kind, body); r.status != c.status || !strings.Contains(r.text, `"param":"file"`) {
			t.Errorf("%s: status %d, %s; want %d", c.name, r.status, r.text, c.status)
		}
	}
	kind, body := form(t, wav(t, clip))
	for _, c := range []struct {
		name, url, kind string
		status          int
		body            []byte
	}{
		{"JSON", at + transcriptions, "application/json", 415, []byte("{}")},
		{"a cut form", at + transcriptions, kind, 400, body[:len(body)-10]},
		{"another boundary", at + transcriptions, "multipart/form-data; boundary=x", 400, body},
		{"parameters", at + transcriptions + "?beam=2", kind, 400, body},
	} {
		if r := post(t, c.url, c.kind, c.body); r.status != c.status {
			t.Errorf("%s: status %d, %s", c.name, r.status, r.text)
		}
	}
}

// A recording that is cut off is read up to there, with a warning.
func TestCutOff(t *testing.T) {
	_, at := start(t, options(t))
	content := wav(t, readtest.Say("o", "i"))
	kind, body := form(t, content[:len(content)-3000])
	var plain plainText
	if said(t, post(t, at+transcriptions, kind, body), &plain); plain.Text != "o i" || !strings.Contains(plain.Warning, "cut off") {
		t.Errorf("%+v", plain)
	}
}

// A model that is full refuses, and one that is replaced answers on.
func TestFullAndReplaced(t *testing.T) {
	service, at := start(t, options(t))
	narrow := func() *Model {
		m := tones(t)
		m.Places = 1
		return m
	}
	put(t, service, "narrow", narrow())
	held, err := service.take("narrow")
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := ask(t, at+transcriptions, readtest.Say("o"), "model", "narrow"); r.status != 429 || r.header.Get("Retry-After") == "" {
		t.Errorf("of a model that is full: status %d, %s", r.status, r.text)
	}
	if r := ask(t, at+transcriptions, readtest.Say("o")); r.status != 404 {
		t.Errorf("without a name, of two models: status %d, %s", r.status, r.text)
	}
	put(t, service, "narrow", narrow())
	if r := ask(t, at+transcriptions, readtest.Say("o"), "model", "narrow"); r.status != 200 {
		t.Errorf("of the model that replaced it: status %d, %s", r.status, r.text)
	}
	held.Done()
	if !service.Drop("narrow") || service.Drop("narrow") || len(service.Names()) != 1 {
		t.Errorf("after one is dropped there are %v", service.Names())
	}
	if _, err := service.Put("a/b", tones(t)); err == nil {
		t.Error("a name with a slash is taken")
	}
}

// Options that cannot be are errors.
func TestOptions(t *testing.T) {
	service, _ := start(t, options(t))
	good := options(t)
	for name, change := range map[string]func(*Options){
		"Seconds":       func(o *Options) { o.Seconds = -1 },
		"StreamSeconds": func(o *Options) { o.StreamSeconds = 1e7 },
		"Memory":        func(o *Options) { o.Memory = -1 },
		"Beam":          func(o *Options) { o.Beam = -1 },
		"HotWords":      func(o *Options) { o.HotWords = 1 << 20 },
		"once":          func(*Options) {},
	} {
		o := good
		change(&o)
		if _, err := Mount(service.server, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there is opened")
	}
}

// within fails where something does not happen soon.
func within(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}
