package speech

import (
	"bytes"
	"compress/zlib"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/timedtext"
	"github.com/energo-ml/energo/serve/wire"
)

// plainText is a transcription as OpenAI's clients take it without times.
type plainText struct {
	Text    string `json:"text"`
	Warning string `json:"warning,omitempty"`
}

// verbose is a transcription with times.
type verbose struct {
	Task     string    `json:"task"`
	Language string    `json:"language"`
	Duration float64   `json:"duration"`
	Text     string    `json:"text"`
	Warning  string    `json:"warning,omitempty"`
	Segments []segment `json:"segments,omitempty"`
	Words    []word    `json:"words,omitempty"`
}

// word is one that was said, with its scores.
type word struct {
	Word       string  `json:"word"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"`
	Likelihood float64 `json:"likelihood"`
}

func wordsOf(all []ctc.Timed) []word {
	words := make([]word, len(all))
	for i, t := range all {
		words[i] = word{t.Text, t.Start, t.End, t.Confidence, t.Likelihood}
	}
	return words
}

// segment is what is said between two pauses, in the form of Whisper.
type segment struct {
	ID          int     `json:"id"`
	Seek        int     `json:"seek"` // in hundredths of a second; a recording is read as a whole, from 0
	Start       float64 `json:"start"`
	End         float64 `json:"end"`
	Text        string  `json:"text"`
	Tokens      []int   `json:"tokens"` // classes
	Temperature float64 `json:"temperature"`
	LogProb     float64 `json:"avg_logprob"`       // mean over the tokens
	Compression float64 `json:"compression_ratio"` // bytes of the text, over those of it by zlib
	NoSpeech    float64 `json:"no_speech_prob"`    // that no frame of it says a token
}

// pause is the seconds of silence that part segments.
const pause = 0.5

// answer sends a transcription in the format of the request.
func (q *transcription) answer(w http.ResponseWriter, said *transcribed) error {
	switch q.format {
	case formatJSON:
		wire.WriteJSON(w, http.StatusOK, plainText{said.text, said.warning})
		return nil
	case formatText:
		writeText(w, "text/plain", []byte(said.text+"\n"))
		return nil
	case formatVerbose:
		v := verbose{Task: "transcribe", Language: q.language, Duration: said.line.Duration, Text: said.text, Warning: said.warning}
		if len(q.granularities) == 0 || slices.Contains(q.granularities, "segment") {
			v.Segments = said.segments()
		}
		if slices.Contains(q.granularities, "word") {
			v.Words = wordsOf(said.line.Words)
		}
		wire.WriteJSON(w, http.StatusOK, v)
		return nil
	}
	return writeTimed(w, timedtext.Format(q.format), timedtext.Rules{}, said.line)
}

// mediaTypes are those of formats that have one of their own.
var mediaTypes = map[timedtext.Format]string{timedtext.VTT: "text/vtt", timedtext.CSV: "text/csv"}

// writeTimed answers with a timeline as a file of some format.
func writeTimed(w http.ResponseWriter, f timedtext.Format, r timedtext.Rules, line *ctc.Timeline) error {
	var b bytes.Buffer
	if err := timedtext.Write(&b, f, r, line); err != nil {
		return err
	}
	kind := "text/plain"
	if own, ok := mediaTypes[f]; ok {
		kind = own
	}
	writeText(w, kind, b.Bytes())
	return nil
}

func writeText(w http.ResponseWriter, kind string, text []byte) {
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(text) // a client that has gone does not hear it
}

// segments cuts the words at pauses.
func (a *transcribed) segments() []segment {
	all, words, tokens := []segment{}, a.line.Words, a.line.Tokens
	for lo := 0; lo < len(words); {
		hi := lo + 1
		for hi < len(words) && words[hi].Start-words[hi-1].End < pause {
			hi++
		}
		s := segment{ID: len(all), Start: words[lo].Start, End: words[hi-1].End, Text: ctc.JoinWords(words[lo:hi]), Tokens: []int{}}
		for len(tokens) > 0 && (hi == len(words) || tokens[0].Start < words[hi].Start) {
			if t := tokens[0]; t.Start >= s.Start && t.End <= s.End {
				s.Tokens = append(s.Tokens, a.classes[t.Text])
				s.LogProb += t.LogProb
			}
			tokens = tokens[1:]
		}
		if len(s.Tokens) > 0 {
			s.LogProb /= float64(len(s.Tokens))
		}
		s.Compression, s.NoSpeech = compression(s.Text), a.silence(s.Start, s.End)
		all, lo = append(all, s), hi
	}
	return all
}

// compression is how much zlib makes a text shorter.
func compression(text string) float64 {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil || z.Close() != nil {
		panic("a buffer takes what is written")
	}
	return float64(len(text)) / float64(b.Len())
}

// silences sums up the logarithms of the probabilities that frames say nothing, blank or separator: those before each frame.
func silences(e *read.Emitter, logProbs []float32) []float64 {
	c := len(e.Classes)
	sums := make([]float64, len(logProbs)/c+1)
	silent := make([]bool, c)
	for class, text := range e.Classes {
		silent[class] = class == e.Blank || e.Separator != "" && strings.Trim(text, e.Separator) == "" && !e.Tokens.Special(class)
	}
	for t := range len(logProbs) / c {
		p := 0.0
		for class, v := range logProbs[t*c : (t+1)*c] {
			if silent[class] {
				p += math.Exp(float64(v))
			}
		}
		sums[t+1] = sums[t] + math.Log(max(p, math.SmallestNonzeroFloat64))
	}
	return sums
}

// silence is the probability that nothing is said from one time to another.
func (a *transcribed) silence(start, end float64) float64 {
	at := func(seconds float64) int {
		return min(max(int(math.Round((seconds-a.offset)/a.frame)), 0), len(a.silences)-1)
	}
	return math.Exp(min(a.silences[max(at(end), at(start))]-a.silences[at(start)], 0))
}
