package predict

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// Bounds of requests to tag.
const (
	wordsOfItem  = 16      // words of a request at most, for each item that it may have
	maxMarginals = 1 << 20 // probabilities of all tags of all words
)

// tagger is one that is served.
type tagger struct {
	*tag.Model
	name     string
	unscaled string
	tags     int
	queue    *serve.Batcher[sentence, tag.Answer]
}

// sentence is what the queue takes.
type sentence struct {
	words []string
	full  bool // with probabilities
}

// PutTagger has a tagger answer by a name, once it is warmed up, which wait waits for: shelf.Shelf.Put. Of the queue, Items, Calls and Wait count; Calls are the model's places. unscaled says why its probabilities mean nothing; "" where they do.
// Errors: those of serve.Queue.Check and shelf.Shelf.Put.
func (s *Service) PutTagger(name string, t *tag.Model, unscaled string, queue serve.Queue) (wait func() error, err error) {
	m := &tagger{Model: t, name: name, unscaled: unscaled, tags: len(t.Lexicon().Tags())}
	if queue, err = s.queue(name, queue); err != nil {
		return nil, err
	}
	m.queue = serve.NewQueued(queue, m.work)
	return put(s.taggers, name, m, queue.Calls, m.warm, m.queue.Close)
}

// work is the work of the queue.
func (m *tagger) work(all []sentence) ([]tag.Answer, error) {
	out := make([]tag.Answer, len(all))
	for _, full := range []bool{false, true} {
		var words [][]string
		var at []int
		for i, s := range all {
			if s.full == full {
				words, at = append(words, s.words), append(at, i)
			}
		}
		answers, err := m.Answers(words, full)
		if err != nil {
			return nil, wire.Invalid("", "the words cannot be tagged: %v", err)
		}
		for i, a := range answers {
			out[at[i]] = a
		}
	}
	return out, nil
}

func (m *tagger) warm(ctx context.Context) error {
	_, err := m.queue.Do(ctx, nil, sentence{full: true})
	return err
}

// tagged is a request to tag. One of text, tokens and attributes is there.
type tagged struct {
	model                    *string
	text, attributes         *string
	tokens                   *[][]string
	probabilities, marginals bool
}

// readTagged reads a request.
func readTagged(r *http.Request, most int) (*tagged, error) {
	b, err := wire.Read(r)
	if err != nil {
		return nil, err
	}
	if b.JSON == nil {
		return nil, wire.Media("the body must be application/json")
	}
	q := &tagged{}
	return q, q.decode(b.JSON, most)
}

func (q *tagged) decode(text []byte, most int) error {
	words := func(v *[]string) wire.Reader { return wire.Elements(v, most*wordsOfItem, wire.Text) }
	err := wire.Decode(text, wire.Object(map[string]wire.Reader{
		"model":         wire.Optional(&q.model, wire.Text),
		"text":          wire.Optional(&q.text, wire.Text),
		"tokens":        wire.Optional(&q.tokens, func(v *[][]string) wire.Reader { return wire.Elements(v, most, words) }),
		"attributes":    wire.Optional(&q.attributes, wire.Text),
		"probabilities": wire.Boolean(&q.probabilities),
		"marginals":     wire.Boolean(&q.marginals),
	}))
	if err != nil {
		return err
	}
	n := 0
	for _, there := range []bool{q.text != nil, q.tokens != nil, q.attributes != nil} {
		if there {
			n++
		}
	}
	if n != 1 {
		return wire.Invalid("", "there must be one of text, tokens and attributes; there are %d", n)
	}
	return nil
}

// sentences are the words of a request, with their places in the text, in characters, or without.
func (q *tagged) sentences(m *tagger, most int) (all [][]string, offsets [][][2]int, err error) {
	ofAttributes := m.Lexicon().OfAttributes()
	switch {
	case ofAttributes && q.attributes == nil:
		return nil, nil, wire.Invalid("model", "the tagger %s was trained on files of CRFsuite; it takes attributes, in that form", m.name)
	case !ofAttributes && q.attributes != nil:
		return nil, nil, wire.Invalid("attributes", "the tagger %s takes text or tokens", m.name)
	case q.attributes != nil:
		text, err := data.ReadAttributes(strings.NewReader(*q.attributes))
		if err != nil {
			return nil, nil, wire.Invalid("attributes", "attributes: %v", excerpt.Error(err))
		}
		for _, s := range text.Sequences {
			all = append(all, s.Words)
		}
	case q.tokens != nil:
		all = *q.tokens
	default:
		all, offsets = m.split(*q.text)
	}
	return all, offsets, q.bounded(m, all, most)
}

// bounded refuses more than is allowed, and words without a character.
func (q *tagged) bounded(m *tagger, all [][]string, most int) error {
	words := 0
	for i, s := range all {
		words += len(s)
		for j, w := range s {
			if w == "" || !utf8.ValidString(w) {
				return wire.Invalid("tokens["+strconv.Itoa(i)+"]["+strconv.Itoa(j)+"]", "tokens[%d][%d] is %q; a word has a character at least", i, j, excerpt.Of(w))
			}
		}
	}
	switch {
	case len(all) > most:
		return wire.Invalid("", "there are %d sentences; at most %d are allowed", len(all), most)
	case words > most*wordsOfItem:
		return wire.Invalid("", "there are %d words; at most %d are allowed", words, most*wordsOfItem)
	case q.marginals && words*m.tags > maxMarginals:
		return wire.Invalid("marginals", "marginals of %d words and %d tags are too many; at most %d numbers are allowed", words, m.tags, maxMarginals)
	}
	return nil
}

// split splits a text into sentences, a line each, and these into words.
func (m *tagger) split(text string) (all [][]string, offsets [][][2]int) {
	at := 0 // characters before the line
	for line := range strings.Lines(text) {
		words, places := []string{}, [][2]int{}
		chars, from := at, 0
		char := func(to int) int {
			chars += utf8.RuneCountInString(line[from:to])
			from = to
			return chars
		}
		for _, t := range m.Spans(line) {
			words = append(words, t.Word)
			places = append(places, [2]int{char(t.Start), char(t.End)})
		}
		at = char(len(line))
		all, offsets = append(all, words), append(offsets, places)
	}
	return all, offsets
}

// tagAnswer is an answer to a request to tag.
type tagAnswer struct {
	Model     string       `json:"model"`
	Sentences []tag.Report `json:"sentences"`
	Unscaled  string       `json:"no_probabilities,omitempty"` // why those that are there mean nothing
}

// tag answers POST /v1/tag.
func (s *Service) tag(w http.ResponseWriter, r *http.Request) error {
	q, err := readTagged(r, s.o.Items)
	if err != nil {
		return err
	}
	held, err := take(r, s.taggers, q.model)
	if err != nil {
		return err
	}
	defer held.Done()
	m := held.Model
	words, offsets, err := q.sentences(m, s.o.Items)
	if err != nil {
		return err
	}
	in := make([]sentence, len(words))
	for i := range words {
		in[i] = sentence{words[i], q.probabilities || q.marginals}
	}
	answers, err := m.queue.Do(r.Context(), nil, in...)
	if err != nil {
		return err
	}
	held.Leave()
	a := tagAnswer{Model: m.name, Sentences: []tag.Report{}}
	if q.probabilities || q.marginals {
		a.Unscaled = m.unscaled
	}
	for i := range answers {
		own := words[i]
		if q.attributes != nil {
			own = nil
		}
		report := m.Report(own, &answers[i], q.probabilities, q.marginals)
		if offsets != nil {
			report.Offsets = offsets[i]
		}
		a.Sentences = append(a.Sentences, report)
	}
	wire.WriteJSON(w, http.StatusOK, a)
	return nil
}
