package ctc

import (
	"encoding/json"
	"math"
	"strings"
)

// Timed is something that was said, and when: in seconds, or in pixels of a strip.
type Timed struct {
	Text       string  `json:"text"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	LogProb    float64 `json:"log_prob"`   // of the path in these frames
	Confidence float64 `json:"confidence"` // posterior probability, the mean over the frames
	Likelihood float64 `json:"likelihood"` // exp(LogProb / frames), at most 1: what the emissions give it in a frame, the geometric mean. It is low where something else is said

	Doubted bool `json:"doubtful,omitempty"` // the caller holds that this is hardly where it was put (Doubtful)

	Joined bool `json:"joined,omitempty"` // no space stands between the word before and this one
	Unsaid bool `json:"unsaid,omitempty"` // of a text alone: the sound has nothing of it, and Start is End
	Line   int  `json:"line,omitempty"`   // of a text, from 1 on; 0 where there is no text

	wildcard bool // in JSON, too
}

// plainTimed is a Timed as encoding/json writes it by itself.
type plainTimed Timed

// markedTimed is a Timed in JSON.
type markedTimed struct {
	plainTimed
	IsWildcard bool `json:"wildcard,omitempty"`
}

// MarshalJSON implements json.Marshaler: a wildcard has "wildcard": true.
func (t Timed) MarshalJSON() ([]byte, error) {
	return json.Marshal(markedTimed{plainTimed(t), t.wildcard})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Timed) UnmarshalJSON(text []byte) error {
	var m markedTimed
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	*t = Timed(m.plainTimed)
	t.wildcard = m.IsWildcard
	return nil
}

// Timeline is an alignment in the unit of what is aligned. Package seq/timedtext writes it to files.
type Timeline struct {
	File     string  `json:"file"`
	Unit     string  `json:"unit"` // "seconds", or "pixels"
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
			Likelihood: math.Exp(min(s.LogProb/float64(max(s.End-s.Start, 1)), 0)), wildcard: s.Token == Wildcard,
		}
		if s.Token != Wildcard {
			all[i].Text = text(s.Token)
		}
	}
	return all
}

// TimedWords joins tokens to words, from the first one's start to the last one's end, which
// stand between separators and wildcards; without a separator each token is a word, joined to the one before, as each wildcard is one. A separator is a token's
// text, or in it, as the space before a piece that begins a word; parts of several words share their token's time alike. A token without a text is in no word. A
// word's confidence is the mean over its tokens' time, its likelihood the geometric mean.
func TimedWords(tokens []Timed, separator string) []Timed {
	words, fresh := []Timed{}, true
	for _, t := range tokens {
		if t.wildcard || separator == "" {
			t.Joined = separator == "" && !t.wildcard && len(words) > 0 && !words[len(words)-1].wildcard
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
	return !t.wildcard && !t.Unsaid && (t.Likelihood < least || t.Confidence < least)
}

// Wildcard reports whether this is a wildcard's stretch.
func (t Timed) Wildcard() bool { return t.wildcard }

func mean(a, wa, b, wb float64) float64 {
	if wa+wb <= 0 {
		return (a + b) / 2
	}
	return (a*wa + b*wb) / (wa + wb)
}

// JoinWords returns the text of words, with spaces between those that are not joined.
func JoinWords(words []Timed) string {
	var text strings.Builder
	for i, w := range words {
		if i > 0 && !w.Joined {
			text.WriteByte(' ')
		}
		text.WriteString(w.Text)
	}
	return text.String()
}
