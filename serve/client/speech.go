package client

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/energo-ml/energo/seq/ctc"
)

// Decoding says how a model's frames become text. The zero value takes the best class of each.
type Decoding struct {
	LanguageModel string   // a name of the server's
	LMWeight      *float64 // of the language model; nil is the server's default
	HotWords      []string // words and phrases that are likelier; each may end in =NATS
	HotBoost      *float64 // nats for a hot word without its own; nil is the server's default
	Normaliser    string   // how hot words are spelled: basic, en, de, fr, es
	Beam          int      // prefixes that a search keeps; 0 is the server's default where there is one
}

// fields are those of a form or an address.
func (d *Decoding) fields() (all fields) {
	all.text("language_model", d.LanguageModel)
	all.number("lm_weight", d.LMWeight)
	for _, w := range d.HotWords {
		all = append(all, field{"hot_words[]", w})
	}
	all.number("hot_boost", d.HotBoost)
	all.text("normaliser", d.Normaliser)
	if d.Beam != 0 {
		all.text("beam", strconv.Itoa(d.Beam))
	}
	return all
}

// fields are those of a form.
type fields []field

// text adds a field, unless it is empty.
func (f *fields) text(name, value string) {
	if value != "" {
		*f = append(*f, field{name, value})
	}
}

// number adds a field, unless it is nil.
func (f *fields) number(name string, value *float64) {
	if value != nil {
		f.text(name, strconv.FormatFloat(*value, 'g', -1, 64))
	}
}

// TranscribeOptions say how a recording is read.
type TranscribeOptions struct {
	Model   string // "" is the only model of speech
	Channel string // mix, left, right, or a number from 1; "" is mix
	Decoding
}

func (o *TranscribeOptions) fields(format string) fields {
	all := fields{{"response_format", format}}
	all.text("model", o.Model)
	all.text("channel", o.Channel)
	return append(all, o.Decoding.fields()...)
}

// Transcription is what a recording says.
type Transcription struct {
	Text     string    `json:"text"`
	Warning  string    `json:"warning"` // of a recording that is cut off: how much of it there is
	Duration float64   `json:"duration"`
	Words    []Word    `json:"words"`
	Segments []Segment `json:"segments"`
}

// Word is one that is said, in seconds.
type Word struct {
	Word       string  `json:"word"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"` // posterior probability, the mean over the frames
	Likelihood float64 `json:"likelihood"` // what the model gives it in a frame, the geometric mean
}

// Segment is what is said between two pauses.
type Segment struct {
	Start    float64 `json:"start"`
	End      float64 `json:"end"`
	Text     string  `json:"text"`
	LogProb  float64 `json:"avg_logprob"`    // mean over the tokens
	NoSpeech float64 `json:"no_speech_prob"` // that none of its frames says a token
}

// Transcribe returns the text of a recording, which is read while it is sent. Only Text and Warning are set.
func (c *Client) Transcribe(ctx context.Context, recording File, o TranscribeOptions) (*Transcription, error) {
	var out Transcription
	return &out, c.askForm(ctx, "/v1/audio/transcriptions", o.fields("json"), recording, &out)
}

// TranscribeTimed is Transcribe with the times of words and segments.
func (c *Client) TranscribeTimed(ctx context.Context, recording File, o TranscribeOptions) (*Transcription, error) {
	all := append(o.fields("verbose_json"), field{"timestamp_granularities[]", "word"}, field{"timestamp_granularities[]", "segment"})
	var out Transcription
	return &out, c.askForm(ctx, "/v1/audio/transcriptions", all, recording, &out)
}

// TranscribeAs writes the text of a recording in a format: text, srt or vtt.
func (c *Client) TranscribeAs(ctx context.Context, w io.Writer, format string, recording File, o TranscribeOptions) error {
	return c.copyForm(ctx, w, "/v1/audio/transcriptions", o.fields(format), recording)
}

// AlignOptions say how a text is found in a recording.
type AlignOptions struct {
	Model      string // "" is the only model of speech
	Channel    string // as that of TranscribeOptions
	Normaliser string // how the text is taken to the tokens; "" is basic
	Unknown    string // what becomes of characters that no token spells: error, skip, wildcard; "" is error
	KeepLines  bool   // end a subtitle with each line of the text
}

func (o *AlignOptions) fields(format, text string) fields {
	all := fields{{"response_format", format}, {"text", text}}
	all.text("model", o.Model)
	all.text("channel", o.Channel)
	all.text("normaliser", o.Normaliser)
	all.text("unknown", o.Unknown)
	if o.KeepLines {
		all.text("keep_lines", "true")
	}
	return all
}

// Align returns when the words of a text are said in a recording, which is read while it is sent.
func (c *Client) Align(ctx context.Context, recording File, text string, o AlignOptions) (*ctc.Timeline, error) {
	var out ctc.Timeline
	return &out, c.askForm(ctx, "/v1/audio/alignments", o.fields("json", text), recording, &out)
}

// AlignAs writes what Align returns in a format: srt, vtt, ass, TextGrid, ctm, csv or json.
func (c *Client) AlignAs(ctx context.Context, w io.Writer, format string, recording File, text string, o AlignOptions) error {
	return c.copyForm(ctx, w, "/v1/audio/alignments", o.fields(format, text), recording)
}

func (c *Client) askForm(ctx context.Context, path string, all fields, recording File, out any) error {
	b, err := form(all, "file", recording)
	if err != nil {
		return err
	}
	return c.ask(ctx, http.MethodPost, path, &b, out)
}

func (c *Client) copyForm(ctx context.Context, w io.Writer, path string, all fields, recording File) error {
	b, err := form(all, "file", recording)
	if err != nil {
		return err
	}
	return c.copy(ctx, w, path, &b)
}
