package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/energo-ml/energo/internal/plaintext"
	"github.com/energo-ml/energo/seq/tag"
)

// maxTextLine bounds a line of text to tag.
const maxTextLine = 1 << 20

// tagging is text on its way through a tagger.
type tagging struct {
	*tagFlags
	tagger *tag.Model
	out    *bufio.Writer
	lines  [][]string
}

func (j *tagging) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return j.read(f, path)
}

func (j *tagging) read(r io.Reader, name string) error {
	text, err := plaintext.NewReader(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxTextLine)
	n := 0
	for lines.Scan() {
		n++
		words := strings.Fields(lines.Text())
		if !j.tokens {
			words = j.tagger.Tokens(lines.Text())
		}
		if j.lines = append(j.lines, words); len(j.lines) == tagLines {
			if err := j.flush(); err != nil {
				return err
			}
		}
	}
	switch err = lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		err = fmt.Errorf("%s: line %d: it has more than %d bytes; a line holds one sentence", name, n+1, maxTextLine)
	case err != nil:
		err = fmt.Errorf("%s: %w", name, err)
	}
	return errors.Join(j.flush(), err)
}

// flush tags and writes the lines that are read.
func (j *tagging) flush() error {
	all, err := j.answers(j.tagger, j.lines)
	if err != nil {
		return err
	}
	for i, words := range j.lines {
		if err := j.write(words, &all[i]); err != nil {
			return err
		}
	}
	j.lines = j.lines[:0]
	return nil
}

func (j *tagging) write(words []string, a *tag.Answer) error {
	if j.json {
		return j.object(j.out, j.tagger, append([]string{}, words...), a)
	}
	for i, w := range words {
		if i > 0 {
			j.out.WriteByte(' ')
		}
		fmt.Fprintf(j.out, "%s/%s", w, a.Tags[i])
		if j.marginals {
			fmt.Fprintf(j.out, "/%.4f", a.Shares[i])
		}
	}
	return j.out.WriteByte('\n')
}

// object writes an answer as a JSON object; words are nil where the items are attributes.
func (f *tagFlags) object(w io.Writer, t *tag.Model, words []string, a *tag.Answer) error {
	text, err := json.Marshal(t.Report(words, a, f.marginals, f.all))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
