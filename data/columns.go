package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// AddedColumn is the name of a column that [ColumnText.Tagged] adds behind the others.
const AddedColumn = "add"

// The columns' names, in order.
var (
	conlluColumns = []string{"id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"}
	conllColumns  = []string{"word", "pos", "chunk", "ner"}
)

// ColumnText is text with a token a line, in columns, and an empty line between sentences:
//
//   - CoNLL-U: ten columns between tabs, of which the second is the word. Lines that begin with # are comments.
//     Ranges of words (1-2) and empty nodes (1.1) have no tags.
//   - CoNLL-2003 and its like: any number of columns, the same in all lines, between tabs or else between blanks; the
//     first is the word. Lines that begin with -DOCSTART- are no tokens.
//
// Text is CoNLL-U where the first line that is neither empty nor a comment has ten columns and begins with a number of a
// token.
//
// Source: [nivre2020], [tjong2003].
type ColumnText struct {
	lines     []string // with their ends
	conllu    bool
	tabs      bool
	columns   int
	word      int     // column of the words
	sentences [][]int // numbers of the lines of each one's tokens
}

// span is the place of a column in its line.
type span struct{ from, to int }

// ReadColumns reads text in columns. The text may be as package plaintext has it: compressed by gzip, UTF-8 or UTF-16.
//
// Errors, by their line: lines of other columns than the first, words that are empty, lines of more than 1 MiB, and
// text of more than 1 GiB.
func ReadColumns(r io.Reader) (*ColumnText, error) {
	r, err := plaintext.NewReader(r)
	if err != nil {
		return nil, err
	}
	t := &ColumnText{}
	if t.lines, err = linesWithEnds(r); err != nil {
		return nil, err
	}
	t.recognise()
	var sentence []int
	for i, line := range t.lines {
		switch text := trimEnd(line); {
		case strings.TrimSpace(text) == "" || !t.conllu && strings.HasPrefix(text, "-DOCSTART-"):
			if len(sentence) > 0 {
				t.sentences = append(t.sentences, sentence)
				sentence = nil
			}
		case t.conllu && text[0] == '#':
		default:
			token, err := t.token(text)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			if token {
				sentence = append(sentence, i)
			}
		}
	}
	if len(sentence) > 0 {
		t.sentences = append(t.sentences, sentence)
	}
	return t, nil
}

func linesWithEnds(r io.Reader) (lines []string, err error) {
	in := bufio.NewReaderSize(r, maxTaggedLine)
	for size := 0; ; {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("line %d: it has more than %d bytes; a line holds one token", len(lines)+1, maxTaggedLine)
		}
		if size += len(line); size > maxTaggedFile {
			return nil, fmt.Errorf("line %d: there are more than %d bytes", len(lines)+1, maxTaggedFile)
		}
		if len(line) > 0 {
			lines = append(lines, string(line))
		}
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// trimEnd returns a line without its end.
func trimEnd(line string) string { return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r") }

// recognise looks at the first token's line for the form of the text.
func (t *ColumnText) recognise() {
	first := ""
	for _, line := range t.lines {
		text := trimEnd(line)
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "-DOCSTART-") {
			continue
		}
		if first == "" {
			first = text
		}
		if text[0] != '#' {
			fields := strings.Split(text, "\t")
			t.conllu = len(fields) == len(conlluColumns) && isTokenID(fields[0])
			if t.conllu {
				first = text
			}
			break
		}
	}
	if t.conllu {
		t.word = 1
	}
	t.tabs = strings.ContainsRune(first, '\t')
	t.columns = len(t.spans(first))
}

// isTokenID reports whether s is a number of CoNLL-U: of a word, a range or an empty node.
func isTokenID(s string) bool {
	from, to, _ := strings.Cut(strings.Replace(s, ".", "-", 1), "-")
	isNumber := func(s string) bool {
		_, err := strconv.ParseUint(s, 10, 32)
		return err == nil
	}
	return isNumber(from) && (to == "" && from == s || isNumber(to))
}

// token checks a line. It is false for lines whose words have no tags.
func (t *ColumnText) token(line string) (bool, error) {
	spans := t.spans(line)
	if len(spans) != t.columns {
		return false, fmt.Errorf("it has %d columns; the lines before have %d", len(spans), t.columns)
	}
	if t.conllu {
		id := line[:spans[0].to]
		if !isTokenID(id) {
			return false, fmt.Errorf("column 1 is %q; it must be a token's number, such as 1, 1-2 or 1.1", excerpt.Of(id))
		}
		if strings.ContainsAny(id, "-.") {
			return false, nil
		}
	}
	if spans[t.word].from == spans[t.word].to {
		return false, fmt.Errorf("column %d is empty; it must be a word", t.word+1)
	}
	return true, nil
}

// spans are the columns of a line.
func (t *ColumnText) spans(line string) (all []span) {
	if t.tabs {
		from := 0
		for i := range len(line) {
			if line[i] == '\t' {
				all = append(all, span{from, i})
				from = i + 1
			}
		}
		return append(all, span{from, len(line)})
	}
	for i := 0; i < len(line); {
		if line[i] == ' ' {
			i++
			continue
		}
		from := i
		for i < len(line) && line[i] != ' ' {
			i++
		}
		all = append(all, span{from, i})
	}
	return all
}

// SetWord makes another column that of the words, named as Column has it; "" leaves it.
//
// Errors: those of Column; a column that is not there; a word that is empty, by its line.
func (t *ColumnText) SetWord(column string) error {
	if column == "" || len(t.sentences) == 0 {
		return nil
	}
	c, err := t.Column(column)
	if err != nil {
		return err
	}
	if c == t.columns {
		return errors.New("column is add; words are read from a column that is there")
	}
	for _, lines := range t.sentences {
		for i, w := range t.values(lines, c) {
			if w == "" {
				return fmt.Errorf("line %d: column %d is empty; it must be a word", lines[i]+1, c+1)
			}
		}
	}
	t.word = c
	return nil
}

// Columns is how many columns the text has.
func (t *ColumnText) Columns() int { return t.columns }

// CoNLLU reports whether the text is CoNLL-U.
func (t *ColumnText) CoNLLU() bool { return t.conllu }

// Words returns the words of each sentence.
func (t *ColumnText) Words() [][]string {
	all := make([][]string, len(t.sentences))
	for i, lines := range t.sentences {
		all[i] = t.values(lines, t.word)
	}
	return all
}

func (t *ColumnText) values(lines []int, column int) []string {
	all := make([]string, len(lines))
	for i, n := range lines {
		line := trimEnd(t.lines[n])
		s := t.spans(line)[column]
		all[i] = line[s.from:s.to]
	}
	return all
}

// Column returns the index of a column: by its number from 1; last; of CoNLL-U id, form, lemma, upos, xpos, feats, head,
// deprel, deps or misc; of four columns word, pos, chunk or ner. [AddedColumn] is one past the last.
//
// Errors: a column that the text does not have; an added one of CoNLL-U, whose columns are ten.
func (t *ColumnText) Column(name string) (int, error) {
	names := conllColumns
	if t.conllu {
		names = conlluColumns
	}
	if len(names) != t.columns {
		names = nil
	}
	switch i := slices.Index(names, name); {
	case i >= 0:
		return i, nil
	case name == "last" && t.columns > 0:
		return t.columns - 1, nil
	case name == AddedColumn && !t.conllu:
		return t.columns, nil
	case name == AddedColumn:
		return 0, errors.New("column is add; CoNLL-U has ten columns, and none can be added")
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= t.columns {
		return n - 1, nil
	}
	allowed := fmt.Sprintf("1 to %d or last", t.columns)
	if names != nil {
		allowed += ", or " + strings.Join(names, ", ")
	}
	return 0, fmt.Errorf("column is %q; it must be %s", excerpt.Of(name), allowed)
}

// Sentences returns the words with the tags of a column, named as Column has it.
//
// Errors: those of Column; a column that is the words' or not there; a tag that is empty, by its line.
func (t *ColumnText) Sentences(column string) ([]Sentence, error) {
	if len(t.sentences) == 0 {
		return nil, nil
	}
	c, err := t.tagColumn(column)
	if err != nil {
		return nil, err
	}
	if c == t.columns {
		return nil, errors.New("column is add; tags are read from a column that is there")
	}
	names := map[string]string{}
	all := make([]Sentence, len(t.sentences))
	for i, words := range t.Words() {
		tags := t.values(t.sentences[i], c)
		for j := range words {
			if tags[j] == "" {
				return nil, fmt.Errorf("line %d: column %d is empty; it must be a tag", t.sentences[i][j]+1, c+1)
			}
			words[j], tags[j] = interned(names, []byte(words[j])), interned(names, []byte(tags[j]))
		}
		all[i] = Sentence{words, tags}
	}
	return all, nil
}

// tagColumn is Column, but not that of the words.
func (t *ColumnText) tagColumn(name string) (int, error) {
	c, err := t.Column(name)
	if err == nil && (c == t.word || t.conllu && c == 0) {
		return 0, fmt.Errorf("column is %s; it must be one of tags, not of words or their numbers", name)
	}
	return c, err
}

// LoadColumns reads text in columns, a file or a folder of files by name, hidden ones and folders passed over, with
// the tags of a column; see [ReadColumns] and [ColumnText.Column]. The words are those of another column, of "" those of the text's form
// ([ColumnText.SetWord]). Errors name file and line.
func LoadColumns(path, word, column string) ([]TaggedFile, error) {
	return loadFiles(path, func(file string) (TaggedFile, error) {
		sentences, err := loadColumns(file, word, column)
		return TaggedFile{Sentences: sentences}, err
	})
}

func loadColumns(path, word, column string) ([]Sentence, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	t, err := ReadColumns(f)
	if err != nil {
		return nil, err
	}
	if err := t.SetWord(word); err != nil {
		return nil, err
	}
	return t.Sentences(column)
}

// loadFiles reads a file, or those of a folder as taggedNames has them.
func loadFiles(path string, read func(file string) (TaggedFile, error)) (all []TaggedFile, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, excerpt.Error(err)
	}
	names, dir := []string{filepath.Base(path)}, filepath.Dir(path)
	if info.IsDir() {
		dir = path
		if names, err = taggedNames(dir); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		f, err := read(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", excerpt.Of(filepath.Join(dir, name)), err)
		}
		f.Name = name
		all = append(all, f)
	}
	return all, nil
}
