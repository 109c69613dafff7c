package studio

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/text"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// unlikely is the likelihood, or confidence, below which a word is hardly said: that of energo align.
const unlikely = 0.02

// betaMost bounds β, whose product with energies must be a number.
const betaMost = 1000

// alignedText is a text with its place in what was read. Energies are −log of probabilities.
type alignedText struct {
	Text      string        `json:"text"`
	Spelled   string        `json:"spelled"` // by the recogniser's tokens
	Words     []ctc.Timed   `json:"words"`
	Tokens    []ctc.Timed   `json:"tokens"`
	Free      float64       `json:"free"`  // of all alignments of the text together
	Least     float64       `json:"least"` // of the best one
	Trellis   *shownTrellis `json:"trellis,omitempty"`
	NoTrellis string        `json:"no_trellis,omitempty"`
}

// shownTrellis is a trellis with the probabilities of its classes.
type shownTrellis struct {
	Classes   []classNamed  `json:"classes"`
	States    []int         `json:"states"`    // places in Classes
	Emissions lesson.Floats `json:"emissions"` // [frames][classes]
	Occupancy lesson.Floats `json:"occupancy"` // [frames][states]
	Path      []int         `json:"path"`
	Beta      float64       `json:"beta"`
	Free      float64       `json:"free"`
	Least     float64       `json:"least"`
	All       float64       `json:"all"` // the free energy of all texts
}

// heardText aligns a text to what was read.
func (s *service) heardText(w http.ResponseWriter, r *http.Request) error {
	h, err := s.heard.of(r)
	if err != nil {
		return err
	}
	var asked *string
	states, beta := false, 1.0
	err = read(r, wire.Object(map[string]wire.Reader{"text": wire.Optional(&asked, wire.Text), "trellis": wire.Boolean(&states), "beta": wire.Number(&beta)}))
	if err != nil {
		return err
	}
	if !(beta > 0 && beta <= betaMost) {
		return wire.Invalid("beta", "beta is %v; it must be above 0 and at most %d", beta, betaMost)
	}
	if asked != nil && utf8.RuneCountInString(*asked) > textMost {
		return wire.Invalid("text", "text has %d characters; at most %d are allowed", utf8.RuneCountInString(*asked), textMost)
	}
	h.by.using.Lock()
	defer h.by.using.Unlock()
	a, err := h.by.it.align(h, asked)
	if err != nil {
		return err
	}
	if states {
		if err := h.by.it.addTrellis(h, &a, asked, beta); err != nil {
			return err
		}
	}
	wire.WriteJSON(w, http.StatusOK, a)
	return nil
}

// spelledText is a text as classes, and the words that they spell; nil is what was read.
func (m *recogniser) spelledText(h *heard, asked *string) (classes []int, words []text.Word, err error) {
	if asked == nil {
		return h.classes, nil, nil
	}
	words, err = m.spell.Words(*asked)
	if unknown := (*text.UnknownError)(nil); errors.As(err, &unknown) {
		return nil, nil, wire.Invalid("text", "text has %q in %q, which none of the recogniser's tokens spells; they are %s", unknown.Character, excerpt.Of(unknown.Word.Text), m.spellable())
	}
	if err != nil {
		return nil, nil, wire.Invalid("text", "%s", plainError(err))
	}
	spelling := m.spell.Spelling(words)
	if spelling == "" {
		return nil, nil, wire.Invalid("text", "text has nothing that the recogniser's tokens spell")
	}
	if classes, err = m.Spell(spelling); err != nil {
		return nil, nil, wire.Invalid("text", "%s", plainError(err))
	}
	return classes, words, nil
}

// tokensTold is how many tokens a message has.
const tokensTold = 60

// spellable are the tokens that spell texts, for a message.
func (m *recogniser) spellable() string {
	all := m.Spellable()
	if len(all) > tokensTold {
		return fmt.Sprintf("%q and %d more", all[:tokensTold], len(all)-tokensTold)
	}
	return fmt.Sprintf("%q", all)
}

// align finds when a text is said, or what was read.
func (m *recogniser) align(h *heard, asked *string) (a alignedText, err error) {
	classes, words, err := m.spelledText(h, asked)
	if err != nil {
		return a, err
	}
	line, err := m.AlignClasses(h.x, classes, true)
	if err != nil {
		return a, wire.Invalid("text", "text: %s", plainError(err))
	}
	a = alignedText{Spelled: m.Text(classes), Words: line.Words, Tokens: line.Tokens, Free: -line.Total, Least: -line.LogProb}
	a.Text = strings.TrimSpace(m.Spaced(a.Spelled))
	if asked != nil {
		a.Text = strings.Join(strings.Fields(*asked), " ")
		if m.Separator != "" { // without, tokens are the words
			if a.Words, err = text.Times(line.Tokens, words); err != nil {
				return a, err
			}
		}
	}
	for i, w := range a.Words {
		a.Words[i].Doubted = w.Doubtful(unlikely)
	}
	return a, nil
}

// addTrellis adds the states of a text, unless there are too many.
func (m *recogniser) addTrellis(h *heard, a *alignedText, asked *string, beta float64) error {
	classes, _, err := m.spelledText(h, asked)
	if err != nil {
		return err
	}
	all := len(m.Classes)
	if cells := h.x.Frames * (2*len(classes) + 1); cells > trellisMost {
		a.NoTrellis = fmt.Sprintf("the text has %d states in each of %d frames; at most %d states of all frames are drawn", 2*len(classes)+1, h.x.Frames, trellisMost)
		return nil
	}
	energies := make([]float32, len(h.x.LogProbs))
	for i, v := range h.x.LogProbs {
		energies[i] = -v
	}
	t, err := answers.NewTrellis(energies, all, m.Blank, classes, beta)
	if err != nil {
		return err
	}
	shown := &shownTrellis{Path: t.Path, Beta: beta, Free: t.Free, Least: t.Least, All: freeOfAll(h.x.LogProbs, all, beta)}
	place := map[int]int{}
	for _, c := range t.States {
		if _, ok := place[c]; !ok {
			place[c] = len(shown.Classes)
			shown.Classes = append(shown.Classes, classNamed{c, m.Classes[c]})
		}
		shown.States = append(shown.States, place[c])
	}
	for row := range slices.Chunk(h.x.LogProbs, all) {
		for _, c := range shown.Classes {
			shown.Emissions = append(shown.Emissions, float32(min(math.Exp(float64(row[c.Class])), 1)))
		}
	}
	for _, share := range t.Occupancy {
		shown.Occupancy = append(shown.Occupancy, float32(share))
	}
	a.Trellis = shown
	return nil
}
