package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/seq/tag"
	"github.com/spf13/cobra"
)

// Bounds of text to tag.
const (
	tagLines    = 64 // tagged together
	maxTextLine = 1 << 20
)

func newTag() *cobra.Command {
	var asJSON, tokens bool
	cmd := &cobra.Command{
		Use: "tag RUN [FILE...]", Short: "Tag the words of text with a trained tagger", Args: positional(math.MaxInt, "the run's folder"),
		Long: `Reads text, a sentence a line, from files or from stdin, and writes its words as word/TAG. Punctuation is
cut off words as in the Brown corpus, except where training had the word with it (Mr.).`,
		Example: `  echo 'The jury said it did.' | energo tag runs/tagger-nll-features-1
  energo tag runs/tagger-nll-features-1 --json letter.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := tag.Open(args[0])
			if err != nil {
				return err
			}
			j := tagging{tagger: t, out: bufio.NewWriter(cmd.OutOrStdout()), json: asJSON, tokens: tokens}
			if len(args) == 1 {
				err = j.read(cmd.InOrStdin(), "stdin")
			}
			for _, path := range args[1:] {
				if err = j.file(path); err != nil {
					break
				}
			}
			return errors.Join(err, j.out.Flush())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line of text, with words and tags")
	cmd.Flags().BoolVar(&tokens, "tokens", false, "take the text's words as they stand between blanks")
	return cmd
}

// tagging is text on its way through a tagger.
type tagging struct {
	tagger       *tag.Model
	out          *bufio.Writer
	json, tokens bool
	lines        [][]string
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
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTextLine)
	n := 0
	for lines.Scan() {
		n++
		if !utf8.Valid(lines.Bytes()) {
			return errors.Join(j.flush(), fmt.Errorf("%s: line %d: it is not UTF-8", name, n))
		}
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
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("%s: line %d: it has more than %d bytes; a line holds one sentence", name, n+1, maxTextLine)
	}
	return errors.Join(j.flush(), err)
}

// flush tags and writes the lines that are read.
func (j *tagging) flush() error {
	tags, err := j.tagger.Tag(j.lines)
	if err != nil {
		return err
	}
	for i, words := range j.lines {
		if err := j.write(words, tags[i]); err != nil {
			return err
		}
	}
	j.lines = j.lines[:0]
	return nil
}

func (j *tagging) write(words, tags []string) error {
	if j.json {
		text, err := json.Marshal(struct {
			Words []string `json:"words"`
			Tags  []string `json:"tags"`
		}{append([]string{}, words...), tags})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(j.out, "%s\n", text)
		return err
	}
	for i, w := range words {
		if i > 0 {
			j.out.WriteByte(' ')
		}
		fmt.Fprintf(j.out, "%s/%s", w, tags[i])
	}
	return j.out.WriteByte('\n')
}
