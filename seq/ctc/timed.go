package ctc

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
)

// Timed is something that was said, and when: in seconds, or in pixels of a strip.
type Timed struct {
	Text       string  `json:"text"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	LogProb    float64 `json:"log_prob"`   // of the path in these frames
	Confidence float64 `json:"confidence"` // posterior probability, the mean over the frames
	Likelihood float64 `json:"likelihood"` // exp(LogProb / frames), at most 1: what the emissions give it in a frame, the geometric mean. It is low where something else is said

	wildcard bool
}

// Timeline is an alignment in the unit of what is aligned.
type Timeline struct {
	File     string  `json:"file"`
	Unit     string  `json:"unit"` // "seconds", or "pixels"; formats but JSON are of seconds
	Duration float64 `json:"duration"`
	LogProb  float64 `json:"log_prob"` // of the path
	Total    float64 `json:"total"`    // of all paths
	Words    []Timed `json:"words"`
	Tokens   []Timed `json:"tokens"`
}

// WildcardText is how a wildcard is written.
const WildcardText = "*"

// TimedTokens gives spans their texts and times: frame t begins at offset + t·frame seconds. Times
// are rounded to millionths.
func TimedTokens(spans []Span, text func(class int) string, frame, offset float64) []Timed {
	at := func(t int) float64 { return math.Round((offset+float64(t)*frame)*1e6) / 1e6 }
	all := make([]Timed, len(spans))
	for i, s := range spans {
		all[i] = Timed{
			Text: WildcardText, Start: at(s.Start), End: at(s.End), LogProb: s.LogProb, Confidence: s.Confidence,
			Likelihood: math.Exp(min(s.LogProb/float64(s.End-s.Start), 0)), wildcard: s.Token == Wildcard,
		}
		if s.Token != Wildcard {
			all[i].Text = text(s.Token)
		}
	}
	return all
}

// TimedWords joins tokens to words, from the first one's start to the last one's end, which
// stand between separators and wildcards; without a separator each token is a word, as each wildcard is. A separator is a token's
// text, or in it, as the space before a piece that begins a word; parts of several words share their token's time alike. A token without a text is in no word. A
// word's confidence is the mean over its tokens' time, its likelihood the geometric mean.
func TimedWords(tokens []Timed, separator string) []Timed {
	words, fresh := []Timed{}, true
	for _, t := range tokens {
		if t.wildcard || separator == "" {
			words = append(words, t)
			fresh = true
			continue
		}
		for i, part := range t.parts(separator) {
			if fresh = fresh || i > 0; part.Text == "" {
				continue
			}
			if fresh {
				words, fresh = append(words, part), false
				continue
			}
			w := &words[len(words)-1]
			// Weighted by time, of which the word has had so much of its own.
			w.Confidence = mean(w.Confidence, w.End-w.Start, part.Confidence, part.End-part.Start)
			w.Likelihood = math.Exp(mean(logarithm(w.Likelihood), w.End-w.Start, logarithm(part.Likelihood), part.End-part.Start))
			w.Text, w.End, w.LogProb = w.Text+part.Text, part.End, w.LogProb+part.LogProb
		}
	}
	return words
}

// parts cuts a token at separators. Those parts that have a text share its time.
func (t Timed) parts(separator string) []Timed {
	texts := strings.Split(t.Text, separator)
	n := 0
	for _, text := range texts {
		if text != "" {
			n++
		}
	}
	all := make([]Timed, len(texts))
	step, at := (t.End-t.Start)/float64(max(n, 1)), 0
	for i, text := range texts {
		all[i].Text = text
		if text == "" {
			continue
		}
		all[i] = t
		all[i].Text, all[i].LogProb = text, t.LogProb/float64(n)
		if n > 1 {
			all[i].Start, all[i].End = t.Start+float64(at)*step, t.Start+float64(at+1)*step
		}
		at++
	}
	return all
}

// logarithm is finite for a likelihood of 0, too: it is that of one so small that it is 0.
func logarithm(likelihood float64) float64 { return max(math.Log(likelihood), -1e3) }

// Doubtful reports whether this is hardly where it was put: a word whose likelihood or confidence is below least.
func (t Timed) Doubtful(least float64) bool {
	return !t.wildcard && (t.Likelihood < least || t.Confidence < least)
}

// Wildcard reports whether this is a wildcard's stretch.
func (t Timed) Wildcard() bool { return t.wildcard }

func mean(a, wa, b, wb float64) float64 {
	if wa+wb <= 0 {
		return (a + b) / 2
	}
	return (a*wa + b*wb) / (wa + wb)
}

// WriteJSON writes a timeline as one object.
func (t *Timeline) WriteJSON(w io.Writer) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// WriteCTM writes the words in NIST's format of time-marked conversations: a line each with
// file, channel, start, duration, word and confidence. White space becomes _, no file -, and a word
// without text <eps>.
func (t *Timeline) WriteCTM(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, x := range t.Words {
		fmt.Fprintf(out, "%s 1 %.3f %.3f %s %.3f\n", cmp.Or(unspaced(t.File), "-"), x.Start, x.End-x.Start, cmp.Or(unspaced(x.Text), "<eps>"), x.Confidence)
	}
	return out.Flush()
}

// unspaced is a text as one field of a line.
func unspaced(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, s)
}

// WriteTextGrid writes Praat's format, with interval tiers of words and tokens; what lies between
// has intervals without text.
func (t *Timeline) WriteTextGrid(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0\nxmax = %s\ntiers? <exists>\nsize = 2\nitem []:\n", seconds(t.end()))
	t.tier(out, 1, "words", t.Words)
	t.tier(out, 2, "tokens", t.Tokens)
	return out.Flush()
}

// end is where the timeline ends, at the latest word's or token's.
func (t *Timeline) end() float64 {
	end := t.Duration
	for _, all := range [][]Timed{t.Words, t.Tokens} {
		if n := len(all); n > 0 {
			end = max(end, all[n-1].End)
		}
	}
	return end
}

func seconds(v float64) string { return fmt.Sprintf("%.4f", v) }

func (t *Timeline) tier(out io.Writer, number int, name string, all []Timed) {
	var parts []Timed
	at := 0.0
	for _, x := range all {
		x.Start, x.End = max(x.Start, at), max(x.End, at)
		if seconds(x.Start) == seconds(x.End) { // Praat has no empty intervals
			continue
		}
		if seconds(x.Start) != seconds(at) {
			parts = append(parts, Timed{Start: at, End: x.Start})
		}
		parts, at = append(parts, x), x.End
	}
	if seconds(at) != seconds(t.end()) || len(parts) == 0 {
		parts = append(parts, Timed{Start: at, End: t.end()})
	}
	fmt.Fprintf(out, "    item [%d]:\n        class = \"IntervalTier\"\n        name = \"%s\"\n        xmin = 0\n        xmax = %s\n        intervals: size = %d\n",
		number, name, seconds(t.end()), len(parts))
	for i, x := range parts {
		fmt.Fprintf(out, "        intervals [%d]:\n            xmin = %s\n            xmax = %s\n            text = \"%s\"\n",
			i+1, seconds(x.Start), seconds(x.End), strings.ReplaceAll(x.Text, `"`, `""`))
	}
}

// What a subtitle holds at most, and the pause that ends one.
const (
	cueWords   = 10
	cueSeconds = 5.0
	cuePause   = 0.8
)

// WriteSRT writes subtitles: up to ten words and five seconds each, ended by a pause.
func (t *Timeline) WriteSRT(w io.Writer) error {
	out := bufio.NewWriter(w)
	number := 0
	for lo := 0; lo < len(t.Words); {
		hi := lo + 1
		for hi < len(t.Words) && hi-lo < cueWords && t.Words[hi].End-t.Words[lo].Start <= cueSeconds && t.Words[hi].Start-t.Words[hi-1].End < cuePause {
			hi++
		}
		var words []string
		for _, x := range t.Words[lo:hi] {
			words = append(words, strings.Join(strings.Fields(x.Text), " "))
		}
		number++
		fmt.Fprintf(out, "%d\n%s --> %s\n%s\n\n", number, stamp(t.Words[lo].Start), stamp(t.Words[hi-1].End), strings.Join(words, " "))
		lo = hi
	}
	return out.Flush()
}

// stamp is a time as subtitles have it.
func stamp(v float64) string {
	ms := int64(math.Round(max(v, 0) * 1000))
	return fmt.Sprintf("%02d:%02d:%02d,%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
