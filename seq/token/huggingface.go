package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// huggingFaceLayout is what a tokenizer.json is called.
const huggingFaceLayout = "Hugging Face's tokenizer.json"

// modelFile is the model of a tokenizer.json.
type modelFile struct {
	Type       string          `json:"type"`
	Vocab      json.RawMessage `json:"vocab"`
	Merges     json.RawMessage `json:"merges"`
	Unknown    *int            `json:"unk_id"`
	Prefix     *string         `json:"continuing_subword_prefix"`
	Suffix     *string         `json:"end_of_word_suffix"`
	Fallback   bool            `json:"byte_fallback"`
	Whole      bool            `json:"ignore_merges"`
	Dropout    *float64        `json:"dropout"`
	MostLetter *int            `json:"max_input_chars_per_word"`
}

func decodeHuggingFace(text []byte) (*Tokenizer, error) {
	var file struct {
		Added []struct {
			Content string `json:"content"`
		} `json:"added_tokens"`
		Normalizer   json.RawMessage `json:"normalizer"`
		PreTokenizer json.RawMessage `json:"pre_tokenizer"`
		Model        *modelFile      `json:"model"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, excerpt.Error(err)
	}
	if file.Model == nil {
		return nil, errors.New("it has no model, as a tokenizer.json of Hugging Face has")
	}
	t := &Tokenizer{Layout: huggingFaceLayout, text: spaced}
	for _, a := range file.Added {
		if a.Content != "" {
			t.added = append(t.added, a.Content)
		}
	}
	var err error
	if t.normalise, err = normaliser(file.Normalizer); err != nil {
		return nil, err
	}
	parts, err := preTokeniser(file.PreTokenizer)
	if err != nil {
		return nil, err
	}
	t.split = func(text string) []string {
		var all []string
		for _, p := range parts(part{text, true}) {
			all = append(all, p.text)
		}
		return all
	}
	if strings.Contains(string(file.Normalizer)+string(file.PreTokenizer), `"ByteLevel"`) {
		t.text = byteText
	}
	t.model, err = file.Model.open()
	if w, ok := t.model.(*wordPiece); ok {
		t.text = w.text
	}
	return t, err
}

// open makes the model.
func (m *modelFile) open() (model, error) {
	kind := m.Type
	if kind == "" { // of old files
		switch {
		case len(m.Merges) > 0:
			kind = "BPE"
		case len(m.Vocab) > 0 && m.Vocab[0] == '[':
			kind = "Unigram"
		default:
			kind = "WordPiece"
		}
	}
	switch kind {
	case "BPE":
		return m.bpe()
	case "Unigram":
		return m.unigram()
	case "WordPiece":
		return m.wordPiece()
	}
	return nil, fmt.Errorf("its model %q is not supported; BPE, Unigram and WordPiece are", excerpt.Of(kind))
}

// names is the vocabulary of models without scores.
func (m *modelFile) names() (map[string]int, error) {
	names := map[string]int{}
	if err := json.Unmarshal(m.Vocab, &names); err != nil {
		return nil, fmt.Errorf("model.vocab: %w", excerpt.Error(err))
	}
	if len(names) == 0 {
		return nil, errors.New("model.vocab has no tokens")
	}
	return names, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (m *modelFile) wordPiece() (model, error) {
	names, err := m.names()
	if err != nil {
		return nil, err
	}
	w := &wordPiece{has: func(name string) bool { _, ok := names[name]; return ok }, prefix: Continues, longest: 100}
	if m.Prefix != nil {
		w.prefix = *m.Prefix
	}
	if m.MostLetter != nil {
		w.longest = *m.MostLetter
	}
	return w, nil
}

func (m *modelFile) unigram() (model, error) {
	var pairs [][]any
	if err := json.Unmarshal(m.Vocab, &pairs); err != nil {
		return nil, fmt.Errorf("model.vocab: %w", excerpt.Error(err))
	}
	scores := map[string]float64{}
	for i, p := range pairs {
		if len(p) != 2 {
			return nil, fmt.Errorf("model.vocab[%d] has %d elements; it must be a piece and its score", i, len(p))
		}
		name, ok := p[0].(string)
		score, number := p[1].(float64)
		if !ok || !number {
			return nil, fmt.Errorf("model.vocab[%d] is %v; it must be a piece and its score", i, excerpt.Of(fmt.Sprint(p)))
		}
		if _, twice := scores[name]; twice {
			return nil, fmt.Errorf("model.vocab[%d] is %q, which is there twice", i, excerpt.Of(name))
		}
		scores[name] = score
	}
	if len(scores) == 0 {
		return nil, errors.New("model.vocab has no tokens")
	}
	least := leastOf(scores)
	if m.Unknown != nil {
		if *m.Unknown < 0 || *m.Unknown >= len(pairs) {
			return nil, fmt.Errorf("model.unk_id is %d; it must be from 0 to %d", *m.Unknown, len(pairs)-1)
		}
		delete(scores, pairs[*m.Unknown][0].(string)) // it spells nothing
	}
	delete(scores, "")
	return newUnigram(scores, least, m.Fallback), nil
}

func (m *modelFile) bpe() (model, error) {
	names, err := m.names()
	if err != nil {
		return nil, err
	}
	if m.Dropout != nil && *m.Dropout != 0 {
		return nil, fmt.Errorf("model.dropout is %v: its spellings are drawn, which is not supported", *m.Dropout)
	}
	b := &bpe{
		has:    func(name string) bool { _, ok := names[name]; return ok },
		prefix: orEmpty(m.Prefix), suffix: orEmpty(m.Suffix), whole: m.Whole, fallback: m.Fallback,
	}
	merges, err := m.merges()
	if err != nil {
		return nil, err
	}
	ranks := map[[2]string]int{}
	for i, p := range merges {
		for _, name := range []string{p[0], p[1], b.joined(p[0], p[1])} {
			if !b.has(name) {
				return nil, fmt.Errorf("model.merges[%d] is %q and %q; %q is not in model.vocab", i, excerpt.Of(p[0]), excerpt.Of(p[1]), excerpt.Of(name))
			}
		}
		ranks[p] = i
	}
	b.merge = func(left, right string) (string, float64, bool) {
		rank, ok := ranks[[2]string{left, right}]
		if !ok {
			return "", math.Inf(1), false
		}
		return b.joined(left, right), float64(rank), true
	}
	return b, nil
}

// joined is the name of two pieces that are merged.
func (b *bpe) joined(left, right string) string {
	return left + strings.TrimPrefix(right, b.prefix)
}

// merges reads pairs, or texts with a space between the two.
func (m *modelFile) merges() (all [][2]string, err error) {
	var texts []string
	if json.Unmarshal(m.Merges, &texts) == nil {
		for i, s := range texts {
			if i == 0 && strings.HasPrefix(s, "#version") {
				continue
			}
			left, right, ok := strings.Cut(s, " ")
			if !ok || left == "" || right == "" || strings.Contains(right, " ") {
				return nil, fmt.Errorf("model.merges[%d] is %q; it must be two pieces with a space between", i, excerpt.Of(s))
			}
			all = append(all, [2]string{left, right})
		}
		return all, nil
	}
	var pairs [][]string
	if err := json.Unmarshal(m.Merges, &pairs); err != nil {
		return nil, fmt.Errorf("model.merges: %w", excerpt.Error(err))
	}
	for i, p := range pairs {
		if len(p) != 2 {
			return nil, fmt.Errorf("model.merges[%d] has %d elements; it must have two", i, len(p))
		}
		all = append(all, [2]string{p[0], p[1]})
	}
	return all, nil
}
