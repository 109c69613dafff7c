package token

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"google.golang.org/protobuf/encoding/protowire"
)

// sentencePieceLayout is what .model files are called.
const sentencePieceLayout = "SentencePiece's .model"

// The kinds of pieces of a .model.
const (
	normalPiece = iota + 1
	unknownPiece
	controlPiece
	userPiece
	unusedPiece
	bytePiece
)

// The kinds of models, by their numbers.
var sentencePieceModels = []string{"", "unigram", "BPE", "word", "char"}

// A piecesFile is what a .model of SentencePiece holds, of what matters here.
//
// Source: [kudo2018].
type piecesFile struct {
	names  []string
	scores []float32
	kinds  []int

	model        int // 1 unigram, 2 BPE
	fallback     bool
	suffix       bool // spaces belong to the word before
	charsMap     []byte
	dummyPrefix  bool
	removeSpaces bool
	escapeSpaces bool
}

// sentencePiece reads a .model. Errors: a file that is not one.
func sentencePiece(text []byte) (*piecesFile, error) {
	if len(text) == 0 || text[0] != 1<<3|byte(protowire.BytesType) {
		return nil, errors.New("it is no tokenizer; it must be a tokenizer.json of Hugging Face, or a .model of SentencePiece")
	}
	m := &piecesFile{model: 1, dummyPrefix: true, removeSpaces: true, escapeSpaces: true}
	err := eachField(text, func(n protowire.Number, v field) error {
		switch n {
		case 1:
			return m.piece(v)
		case 2:
			return eachField(v.bytes, func(n protowire.Number, v field) error {
				switch n {
				case 3:
					m.model = int(v.number)
				case 24:
					m.suffix = v.number != 0
				case 35:
					m.fallback = v.number != 0
				}
				return nil
			})
		case 3:
			return eachField(v.bytes, func(n protowire.Number, v field) error {
				switch n {
				case 2:
					m.charsMap = v.bytes
				case 3:
					m.dummyPrefix = v.number != 0
				case 4:
					m.removeSpaces = v.number != 0
				case 5:
					m.escapeSpaces = v.number != 0
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("it is no .model of SentencePiece: piece %d or what is behind it: %w", len(m.names), err)
	}
	return m, nil
}

// piece reads one of the pieces.
func (m *piecesFile) piece(v field) error {
	name, score, kind := "", float32(0), normalPiece
	err := eachField(v.bytes, func(n protowire.Number, v field) error {
		switch n {
		case 1:
			name = string(v.bytes)
		case 2:
			score = math.Float32frombits(uint32(v.number))
		case 3:
			kind = int(v.number)
		}
		return nil
	})
	if err == nil && (name == "" || !utf8.ValidString(name)) {
		err = errors.New("a piece without a text")
	}
	m.names, m.scores, m.kinds = append(m.names, name), append(m.scores, score), append(m.kinds, kind)
	return err
}

// A field is the value of one of a message.
type field struct {
	number uint64
	bytes  []byte
}

// eachField calls do for the fields of a message.
func eachField(message []byte, do func(n protowire.Number, v field) error) error {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		var v field
		switch kind {
		case protowire.VarintType:
			v.number, size = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var bits uint32
			bits, size = protowire.ConsumeFixed32(message)
			v.number = uint64(bits)
		case protowire.BytesType:
			v.bytes, size = protowire.ConsumeBytes(message)
		default:
			size = protowire.ConsumeFieldValue(n, kind, message)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		if err := do(n, v); err != nil {
			return err
		}
	}
	return nil
}

// listing is the tokens, in the file's order.
func (m *piecesFile) listing() *listing {
	l := &listing{names: m.names, layout: sentencePieceLayout, roles: map[int]Role{}, by: map[Role]string{}, mark: Begins}
	for c, kind := range m.kinds {
		switch kind {
		case controlPiece:
			if !isBlankName(m.names[c]) {
				l.roles[c] = roleNamed(m.names[c])
			}
		case unknownPiece:
			l.roles[c] = Unknown
		case unusedPiece:
			l.roles[c] = Special
		}
	}
	return l
}

// tokenizer makes one. Errors: what is not known, by its name; scores that are no numbers, by the piece.
func (m *piecesFile) tokenizer() (*Tokenizer, error) {
	if m.suffix {
		return nil, errors.New("its pieces end with the space behind them (treat_whitespace_as_suffix), which is not supported")
	}
	if m.model != 1 && m.model != 2 {
		name := fmt.Sprint(m.model)
		if m.model >= 0 && m.model < len(sentencePieceModels) {
			name = sentencePieceModels[m.model]
		}
		return nil, fmt.Errorf("its model is %s; unigram and BPE are supported", name)
	}
	scores := map[string]float32{}
	var frozen []string
	least, most := float32(math.Inf(1)), float32(math.Inf(-1))
	for c, name := range m.names {
		score := m.scores[c]
		if score != score || math.IsInf(float64(score), 0) {
			return nil, fmt.Errorf("the score of piece %d, %q, is %v; it must be a number", c, excerpt.Of(name), score)
		}
		switch m.kinds[c] {
		case normalPiece:
			least, most = min(least, score), max(most, score)
		case userPiece:
			frozen = append(frozen, name)
		case bytePiece:
		case unusedPiece:
			return nil, fmt.Errorf("its piece %d, %q, is unused, as of a restricted vocabulary, which is not supported", c, excerpt.Of(name))
		default:
			continue
		}
		if _, twice := scores[name]; twice {
			return nil, fmt.Errorf("its piece %d, %q, is there twice", c, excerpt.Of(name))
		}
		scores[name] = score
	}
	if least > most {
		return nil, errors.New("it has no pieces of text")
	}
	slices.SortFunc(frozen, func(a, b string) int { return len(b) - len(a) })
	t := &Tokenizer{Layout: sentencePieceLayout, text: spaced, split: func(text string) []string { return []string{text} }}
	var err error
	if t.normalise, err = m.normaliser(frozen); err != nil {
		return nil, err
	}
	if m.model == 1 {
		for _, name := range frozen {
			scores[name] = float32(len(name))*most - 0.1
		}
		t.model = newUnigram(scores, least, m.fallback)
		return t, nil
	}
	has := func(name string) bool { _, ok := scores[name]; return ok }
	t.model = &bpe{has: has, frozen: frozen, fallback: m.fallback, merge: func(left, right string) (string, float64, bool) {
		score, ok := scores[left+right]
		return left + right, -float64(score), ok
	}}
	return t, nil
}

// normaliser is what the file does with texts: its table of characters, single spaces, one before the text, and ▁ for spaces.
func (m *piecesFile) normaliser(frozen []string) (func(text string) string, error) {
	var table *charsMap
	if len(m.charsMap) > 0 {
		var err error
		if table, err = newCharsMap(m.charsMap); err != nil {
			return nil, err
		}
	}
	next := func(text string) (written string, length int) {
		if f := frozenAt(frozen, text); f != "" {
			return f, len(f)
		}
		if table != nil {
			if written, length = table.lookup(text, false); length > 0 {
				return written, length
			}
		}
		_, length = utf8.DecodeRuneInString(text)
		return text[:length], length
	}
	return func(text string) string {
		for m.removeSpaces && text != "" {
			written, length := next(text)
			if written != " " {
				break
			}
			text = text[length:]
		}
		if text == "" {
			return ""
		}
		var b strings.Builder
		if m.dummyPrefix {
			b.WriteByte(' ')
		}
		spaced := m.removeSpaces
		for text != "" {
			written, length := next(text)
			text = text[length:]
			if spaced {
				written = strings.TrimLeft(written, " ")
			}
			if b.WriteString(written); written != "" {
				spaced = m.removeSpaces && strings.HasSuffix(written, " ")
			}
		}
		all := b.String()
		if m.removeSpaces {
			all = strings.TrimRight(all, " ")
		}
		if m.escapeSpaces {
			all = strings.ReplaceAll(all, " ", Begins)
		}
		return all
	}, nil
}
