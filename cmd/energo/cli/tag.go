package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/plaintext"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/spf13/cobra"
)

// Bounds of text to tag.
const (
	tagLines    = 64 // tagged together
	maxTextLine = 1 << 20
)

func newTag() *cobra.Command {
	var asJSON, tokens, marginals bool
	var column, out string
	cmd := &cobra.Command{
		Use: "tag RUN [FILE...]", Short: "Tag the words of text with a trained tagger", Args: positional(math.MaxInt, "the run's folder"),
		Long: `Reads text, a sentence a line, from files or from stdin, and writes its words as word/TAG. Punctuation is
cut off words as in the Brown corpus, except where training had the word with it (Mr.).

With --column the file is text in columns, CoNLL-U or as in CoNLL-2003, and is written again with the tags in that column;
all else stays as it is, byte for byte. The column is named (upos, xpos, feats, …; pos, chunk, ner), numbered from 1, or last;
add adds one behind the others, except to CoNLL-U.

With --marginals each tag has its probability, over all sequences of tags. It means something if the tagger was trained by nll.`,
		Example: `  echo 'The jury said it did.' | energo tag runs/tagger-nll-features-1
  energo tag runs/tagger-nll-features-1 --json letter.txt
  energo tag runs/tagger-nll-features-1 --column upos text.conllu --out tagged.conllu`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case out != "" && column == "":
				return errors.New("--out has no effect without --column")
			case column != "" && (asJSON || marginals || tokens):
				return errors.New("--json, --marginals and --tokens have no effect with --column: a file in columns is written again")
			case column != "" && len(args) > 2:
				return fmt.Errorf("there are %d files; with --column it must be one", len(args)-1)
			}
			t, err := tag.Open(args[0])
			if err != nil {
				return err
			}
			if column != "" {
				return tagColumns(cmd, t, args[1:], column, out)
			}
			j := tagging{marginals: marginals, tagger: t, out: bufio.NewWriter(cmd.OutOrStdout()), json: asJSON, tokens: tokens}
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
	cmd.Flags().BoolVar(&marginals, "marginals", false, "write each tag's probability, as word/TAG/PROBABILITY or in the JSON as probabilities")
	cmd.Flags().StringVar(&column, "column", "", "the file is text in columns; write it with the tags in this one, or add")
	cmd.Flags().StringVar(&out, "out", "", "with --column, the file to write, instead of stdout")
	return cmd
}

// tagColumns tags the words of text in columns, one file or stdin, and writes it with the tags.
func tagColumns(cmd *cobra.Command, tagger *tag.Model, files []string, column, out string) error {
	in, name := cmd.InOrStdin(), "stdin"
	if len(files) > 0 {
		f, err := os.Open(files[0])
		if err != nil {
			return err
		}
		defer f.Close()
		in, name = f, files[0]
	}
	text, err := data.ReadColumns(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var tags [][]string
	for part := range slices.Chunk(text.Words(), tagLines) {
		some, err := tagger.Tag(part)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		tags = append(tags, some...)
	}
	var b bytes.Buffer
	if err := text.Tagged(&b, column, tags); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if out != "" {
		return wholefile.Write(out, b.Bytes())
	}
	_, err = cmd.OutOrStdout().Write(b.Bytes())
	return err
}

// tagging is text on its way through a tagger.
type tagging struct {
	tagger       *tag.Model
	out          *bufio.Writer
	json, tokens bool
	marginals    bool
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
	tags, shares, err := j.tags()
	if err != nil {
		return err
	}
	for i, words := range j.lines {
		if err := j.write(words, tags[i], shares[i]); err != nil {
			return err
		}
	}
	j.lines = j.lines[:0]
	return nil
}

// tags returns the tags of the lines, and with marginals their probabilities.
func (j *tagging) tags() (tags [][]string, shares [][]float64, err error) {
	shares = make([][]float64, len(j.lines))
	if !j.marginals {
		tags, err = j.tagger.Tag(j.lines)
		return tags, shares, err
	}
	for i, words := range j.lines {
		a, err := j.tagger.Answer(words)
		if err != nil {
			return nil, nil, err
		}
		tags, shares[i] = append(tags, append([]string{}, a.Tags...)), a.Shares
	}
	return tags, shares, nil
}

func (j *tagging) write(words, tags []string, shares []float64) error {
	if j.json {
		text, err := json.Marshal(struct {
			Words         []string  `json:"words"`
			Tags          []string  `json:"tags"`
			Probabilities []float64 `json:"probabilities,omitempty"`
		}{append([]string{}, words...), tags, shares})
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
		if j.marginals {
			fmt.Fprintf(j.out, "/%.4f", shares[i])
		}
	}
	return j.out.WriteByte('\n')
}
