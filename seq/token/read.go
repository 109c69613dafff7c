package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// most bounds a file of tokens, in bytes.
const most = 1 << 26

// Read reads a file of tokens, compressed by gzip or not, in UTF-8 or UTF-16, in one of these layouts, which it recognises:
//
//	vocab.json           Hugging Face's: an object of tokens and their classes. added_tokens.json, special_tokens_map.json and
//	                     tokenizer_config.json beside it count, too
//	tokenizer.json       Hugging Face's tokenizers: the vocabulary of the model, added_tokens, and what the decoder takes for the blank, for spaces and pieces
//	.model               SentencePiece's, whatever its model
//	JSON                 an array of tokens, an object of classes and their tokens, or either under tokens, labels, vocab, vocabulary or characters
//	token and class      a line each, as k2, icefall, sherpa, wenet and ESPnet write them; a class alone is a space's. #0, #1 … at the end are symbols of
//	                     a lexicon. Where the first class is 1, class 0 is the blank
//	token and score      a line each with a tab, as SentencePiece's .vocab
//	token and count      a line each, as fairseq's dictionaries, to which <s>, the blank, <pad>, </s> and <unk> are added in front
//	one token a line     the lists of torchaudio, flashlight, NeMo, PaddleOCR, WordPiece (vocab.txt), TensorFlow and Keras; lines that begin with "# " are comments, and
//	                     \# is #, as in DeepSpeech's alphabet.txt
//
// The blank is the token that is called so (<blank>, <blk>, <eps> …), or the padding (<pad>, [PAD]), or - and the like at either end of a list. A list
// without one has it behind all tokens, as NeMo, flashlight and TensorFlow have; lists of characters as PaddleOCR's have it before them, and a space
// behind them where Options.Classes has two more. If Options.Classes is one more than the tokens, only a token that is called the blank is it.
//
// Words are parted by a space (or <space>); without one by | or by the marks of pieces, ▁ and ##. Beside a space, | is a character.
//
// Errors: no tokens; one that is there twice; classes that are not 0, 1, 2 and so on; what is not UTF-8, by the line; Options that name what is not there.
func Read(path string, o Options) (*Set, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	s, err := parse(path, text, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// readFile reads a file of tokens or of a tokenizer: what SentencePiece writes as it is, and texts as people have them.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(content) > most {
		err = fmt.Errorf("there are more than %d bytes of tokens", most)
	}
	if _, other := sentencePiece(content); err == nil && other != nil && !strings.EqualFold(filepath.Ext(path), ".model") {
		content, err = plaintext.ReadAll(bytes.NewReader(content), most)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

// Of makes a set of a list of tokens, which are class 0, 1 and so on.
//
// Errors: those of [Read].
func Of(names []string, o Options) (*Set, error) {
	l := listing{names: names, layout: "a list"}
	return l.understand(o)
}

func parse(path string, text []byte, o Options) (*Set, error) {
	l, err := listingOf(path, text)
	if err != nil {
		return nil, err
	}
	return l.understand(o)
}

func listingOf(path string, text []byte) (*listing, error) {
	m, err := sentencePiece(text)
	if err == nil || strings.EqualFold(filepath.Ext(path), ".model") {
		if err != nil {
			return nil, err
		}
		return m.listing(), nil
	}
	trimmed := bytes.TrimSpace(text)
	isJSON := len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[')
	if isJSON && (json.Valid(trimmed) || strings.EqualFold(filepath.Ext(strings.TrimSuffix(path, ".gz")), ".json")) {
		return ofJSON(path, trimmed)
	}
	return ofLines(string(text))
}

// The forms of a line.
var (
	classLine = regexp.MustCompile(`^(?:(.*?)[ \t]+)?([0-9]+)$`)
	scoreLine = regexp.MustCompile(`^(.+?)\t(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)$`)
)

// ofLines reads a text file.
func ofLines(text string) (*listing, error) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return nil, errors.New("there are no tokens")
	}
	if l, err := ofClassLines(lines); l != nil || err != nil {
		return l, err
	}
	if l := ofScores(lines); l != nil {
		return l, nil
	}
	l := &listing{layout: "one token a line", lines: true}
	for _, line := range lines {
		if strings.HasPrefix(line, "# ") && len(line) > 2 {
			l.layout, l.noBlank = "one token a line with comments, as DeepSpeech's alphabets", true
			continue
		}
		if line == `\#` {
			line = "#"
		}
		l.names = append(l.names, line)
	}
	return l, nil
}

// ofClassLines reads lines of a token and its class or count; it returns nil where they are not.
func ofClassLines(lines []string) (*listing, error) {
	type row struct {
		name   string
		number int
		line   int
	}
	var rows []row
	alone, falling := 0, true
	for i, line := range lines {
		m := classLine.FindStringSubmatch(line)
		if m == nil {
			if strings.TrimSpace(line) == "" {
				continue
			}
			return nil, nil
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return nil, nil
		}
		if m[1] == "" {
			alone++
			m[1] = " " // what white space is around is not read
		}
		falling = falling && (len(rows) == 0 || n <= rows[len(rows)-1].number)
		rows = append(rows, row{m[1], n, i + 1})
	}
	if alone > 1 || alone == len(rows) {
		return nil, nil
	}
	least := slices.MinFunc(rows, func(a, b row) int { return a.number - b.number }).number
	if falling && least > 0 && alone == 0 && len(rows) > 1 {
		l := &listing{
			layout: "tokens and their counts, as fairseq's dictionaries", names: []string{"<s>", "<pad>", "</s>", "<unk>"},
			roles: map[int]Role{0: Blank}, by: map[Role]string{Blank: "fairseq takes the first token for it"},
		}
		for _, r := range rows {
			l.names = append(l.names, r.name)
		}
		return l, nil
	}
	l := &listing{layout: "a token and its class a line, as of k2, icefall, sherpa, wenet and ESPnet"}
	if least == 1 {
		l.names, l.roles, l.by = []string{""}, map[int]Role{0: Blank}, map[Role]string{Blank: "the classes of the tokens begin with 1"}
	}
	l.names = append(l.names, make([]string, len(rows))...)
	lineOf := make([]int, len(l.names))
	for _, r := range rows {
		if r.number >= len(l.names) {
			return nil, fmt.Errorf("line %d: the class of %q is %d; with %d tokens it must be below %d", r.line, excerpt.Of(r.name), r.number, len(rows), len(l.names))
		}
		if lineOf[r.number] > 0 {
			return nil, fmt.Errorf("line %d: %q is class %d, which line %d has, too", r.line, excerpt.Of(r.name), r.number, lineOf[r.number])
		}
		l.names[r.number], lineOf[r.number] = r.name, r.line
	}
	return l, nil
}

// ofScores reads lines of a token and its score; it returns nil where they are not.
func ofScores(lines []string) *listing {
	l := &listing{layout: "a token and its score a line, as SentencePiece's .vocab"}
	for _, line := range lines {
		m := scoreLine.FindStringSubmatch(line)
		if m == nil {
			return nil
		}
		l.names = append(l.names, m[1])
	}
	return l
}
