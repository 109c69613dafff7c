package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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

// containers are keys under which files of JSON have their tokens.
var containers = []string{"tokens", "labels", "vocab", "vocabulary", "characters", "charset", "alphabet"}

// ofJSON reads any form of JSON.
func ofJSON(path string, text []byte) (*listing, error) {
	if text[0] == '[' {
		return ofArray(text)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, excerpt.Error(err)
	}
	var tokenizer struct {
		Model *struct {
			Vocab json.RawMessage `json:"vocab"`
		} `json:"model"`
	}
	if json.Unmarshal(text, &tokenizer) == nil && tokenizer.Model != nil && len(tokenizer.Model.Vocab) > 0 {
		return ofTokenizer(text)
	}
	for _, key := range containers {
		if in, ok := object[key]; ok && len(in) > 0 && (in[0] == '[' || in[0] == '{') {
			return ofJSON(path, in)
		}
	}
	if l, ok, err := ofClassTokens(object); ok || err != nil {
		return l, err
	}
	classes := map[string]int{}
	for name, value := range object {
		var class int
		if err := json.Unmarshal(value, &class); err != nil {
			if len(value) > 0 && value[0] == '{' {
				return nil, fmt.Errorf("%q is an object: it has the tokens of several languages; take those of one into a file of their own", excerpt.Of(name))
			}
			return nil, fmt.Errorf("the class of %q is %s; it must be a whole number", excerpt.Of(name), excerpt.Of(value))
		}
		classes[name] = class
	}
	l := &listing{layout: "tokens and their classes as JSON", by: map[Role]string{}, named: map[Role]string{}}
	if filepath.Base(path) == "vocab.json" {
		l.layout = "Hugging Face's vocab.json"
		if err := l.beside(filepath.Dir(path), classes); err != nil {
			return nil, err
		}
	}
	var err error
	l.names, err = inOrder(classes)
	l.name()
	return l, err
}

// ofArray reads an array of tokens, or of pairs of a token and its score.
func ofArray(text []byte) (*listing, error) {
	l := &listing{layout: "a JSON array"}
	err := json.Unmarshal(text, &l.names)
	if err == nil {
		return l, nil
	}
	var pairs [][2]any
	if json.Unmarshal(text, &pairs) != nil {
		return nil, excerpt.Error(err)
	}
	l.names = nil
	for i, p := range pairs {
		name, ok := p[0].(string)
		if !ok {
			return nil, fmt.Errorf("token %d is %v; it must be a text", i, p[0])
		}
		l.names = append(l.names, name)
	}
	return l, nil
}

// ofClassTokens reads an object of classes and their tokens; ok reports whether it is one.
func ofClassTokens(object map[string]json.RawMessage) (l *listing, ok bool, err error) {
	classes := map[string]int{}
	for key, value := range object {
		class, err := strconv.Atoi(key)
		var name string
		if err != nil || json.Unmarshal(value, &name) != nil {
			return nil, false, nil
		}
		if _, twice := classes[name]; twice {
			return nil, false, fmt.Errorf("%q has two classes, %d and %d", excerpt.Of(name), min(class, classes[name]), max(class, classes[name]))
		}
		classes[name] = class
	}
	names, err := inOrder(classes)
	return &listing{names: names, layout: "classes and their tokens as JSON"}, len(object) > 0, err
}

// inOrder lists tokens by their classes.
func inOrder(classes map[string]int) ([]string, error) {
	names, taken := make([]string, len(classes)), make([]bool, len(classes))
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		c := classes[name]
		if c < 0 || c >= len(names) {
			return nil, fmt.Errorf("the class of %q is %d; with %d tokens it must be from 0 to %d", excerpt.Of(name), c, len(names), len(names)-1)
		}
		if taken[c] {
			return nil, fmt.Errorf("%q and %q are both class %d", excerpt.Of(names[c]), excerpt.Of(name), c)
		}
		names[c], taken[c] = name, true
	}
	return names, nil
}

// A content is a token as Hugging Face's files name one: its text, or an object that has it.
type content string

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(text []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if len(text) > 0 && text[0] == '{' {
		err := json.Unmarshal(text, &object)
		*c = content(object.Content)
		return err
	}
	return json.Unmarshal(text, (*string)(c))
}

// settings are what tokenizer_config.json and special_tokens_map.json say.
type settings struct {
	Pad       content `json:"pad_token"`
	Unknown   content `json:"unk_token"`
	Start     content `json:"bos_token"`
	End       content `json:"eos_token"`
	Delimiter content `json:"word_delimiter_token"`
	Added     map[string]struct {
		Content string `json:"content"`
	} `json:"added_tokens_decoder"`
}

// beside reads what stands beside vocab.json, and adds tokens whose classes follow those of the vocabulary.
func (l *listing) beside(dir string, classes map[string]int) error {
	added := map[string]int{}
	if _, err := optional(filepath.Join(dir, "added_tokens.json"), &added); err != nil {
		return err
	}
	var said settings
	for _, file := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		there, err := optional(filepath.Join(dir, file), &said)
		if err != nil {
			return err
		}
		if there {
			l.roleNames(map[Role]content{Blank: said.Pad, Unknown: said.Unknown, Start: said.Start, End: said.End}, file)
		}
	}
	for class, t := range said.Added {
		if c, err := strconv.Atoi(class); err == nil {
			added[t.Content] = c
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(added), func(a, b string) int { return added[a] - added[b] }) {
		if _, there := classes[name]; !there && added[name] == len(classes) {
			classes[name] = added[name]
		}
	}
	l.separator, l.by[Separator] = string(said.Delimiter), "tokenizer_config.json says so"
	return nil
}

// roleNames notes which tokens a file gives which roles.
func (l *listing) roleNames(names map[Role]content, file string) {
	for role, name := range names {
		if name != "" {
			l.by[role], l.named[role] = file+" says so", string(name)
		}
	}
}

// name turns the names of roles into classes.
func (l *listing) name() {
	l.roles = map[int]Role{}
	for role, name := range l.named {
		if c := slices.Index(l.names, name); c >= 0 {
			if before, ok := l.roles[c]; !ok || before != Blank {
				l.roles[c] = role
			}
		}
	}
}

// optional reads a file of JSON that may be missing.
func optional(path string, to any) (there bool, err error) {
	text, err := plaintext.ReadFile(path, most)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", filepath.Base(path), excerpt.Error(err))
	}
	return true, nil
}

// ofTokenizer reads tokenizer.json.
func ofTokenizer(text []byte) (*listing, error) {
	var file struct {
		Added []struct {
			ID      int    `json:"id"`
			Content string `json:"content"`
			Special bool   `json:"special"`
		} `json:"added_tokens"`
		Decoder json.RawMessage `json:"decoder"`
		Model   struct {
			Type    string          `json:"type"`
			Unknown json.RawMessage `json:"unk_token"`
			Vocab   json.RawMessage `json:"vocab"`
			Prefix  string          `json:"continuing_subword_prefix"`
		} `json:"model"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, excerpt.Error(err)
	}
	l := &listing{layout: huggingFaceLayout}
	classes := map[string]int{}
	if file.Model.Vocab[0] == '[' {
		listed, err := ofArray(file.Model.Vocab)
		if err != nil {
			return nil, err
		}
		for i, name := range listed.names {
			classes[name] = i
		}
		if len(classes) != len(listed.names) {
			return nil, errors.New("model.vocab has a token twice")
		}
	} else if err := json.Unmarshal(file.Model.Vocab, &classes); err != nil {
		return nil, excerpt.Error(err)
	}
	for _, t := range file.Added {
		if c, there := classes[t.Content]; there && c != t.ID {
			return nil, fmt.Errorf("%q is class %d in model.vocab, and %d in added_tokens", excerpt.Of(t.Content), c, t.ID)
		}
		classes[t.Content] = t.ID
	}
	var err error
	if l.names, err = inOrder(classes); err != nil {
		return nil, err
	}
	l.roles, l.by = map[int]Role{}, map[Role]string{}
	for _, t := range file.Added {
		if t.Special && !isBlankName(t.Content) && t.Content != "|" {
			l.roles[t.ID] = roleNamed(t.Content)
		}
	}
	return l, l.decoder(file.Decoder, file.Model.Prefix)
}

// roleNamed is the role of a special token by its name.
func roleNamed(name string) Role {
	for _, role := range []Role{Unknown, Start, End} {
		if slices.Contains(marksOf[role], strings.ToLower(name)) {
			return role
		}
	}
	return Special
}

// decoder takes from a decoder of tokenizer.json what it says of blanks, spaces and pieces.
func (l *listing) decoder(text json.RawMessage, prefix string) error {
	var d struct {
		Type        string            `json:"type"`
		Pad         string            `json:"pad_token"`
		Delimiter   string            `json:"word_delimiter_token"`
		Replacement string            `json:"replacement"`
		Prefix      string            `json:"prefix"`
		Decoders    []json.RawMessage `json:"decoders"`
	}
	if len(text) == 0 || string(text) == "null" {
		if prefix == Continues && pieces(l.names, prefix) {
			l.mark = prefix
		}
		return nil
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return excerpt.Error(err)
	}
	switch d.Type {
	case "CTC":
		if c := slices.Index(l.names, d.Pad); c >= 0 {
			l.roles[c], l.by[Blank] = Blank, "tokenizer.json's decoder says so"
		}
		l.separator, l.by[Separator] = d.Delimiter, "tokenizer.json's decoder says so"
	case "Metaspace":
		l.mark = d.Replacement
	case "WordPiece":
		l.mark = d.Prefix
	case "ByteLevel":
		l.mark, l.bytes = byteSpace, true
	case "Sequence":
		for _, one := range d.Decoders {
			if err := l.decoder(one, ""); err != nil {
				return err
			}
		}
	}
	return nil
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
