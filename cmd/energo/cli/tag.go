package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/spf13/cobra"
)

// tagLines are tagged together.
const tagLines = 64

// tagFlags are those of energo tag.
type tagFlags struct {
	json, tokens, text, marginals, all bool
	column, word, out                  string
	remembered                         bool // column and word are the run's
}

func newTag(all []job.Job) *cobra.Command {
	var f tagFlags
	cmd := &cobra.Command{
		Use: "tag RUN [FILE...]", Short: "Tag the words of text with a trained tagger", Args: positional(math.MaxInt, "the run's folder"),
		Long: `Reads text, a sentence a line, from files or from stdin, and writes its words as word/TAG. Punctuation is
cut off words as in the Brown corpus, except where training had the word with it (Mr.).

With --column the file is text in columns, CoNLL-U or as in CoNLL-2003, and is written again with the tags in that column;
all else stays as it is, byte for byte. The column is named (upos, xpos, feats, …; pos, chunk, ner), numbered from 1, or last;
add adds one behind the others, except to CoNLL-U. A run that was trained on text in columns takes such text without the flag, in the columns
of its settings (--column and --word), and adds the tags to text of words alone; --text or --tokens says that it is plain text.

A run of the model attributes takes files of CRFsuite, and writes a label a line, with an empty line behind each sequence, or with --out the files'
text again with other labels.

With --marginals each tag has its probability, over all sequences of tags, and with --marginals-all all tags have theirs. They mean something if the
tagger was trained by nll. Text has word/TAG/PROBABILITY. Text in columns has the probability in a column more, and all as TAG:PROBABILITY in columns behind;
CoNLL-U has Prob=0.98 and Prob:TAG=0.98 in the column misc. Files of CRFsuite give LABEL:PROBABILITY, and all in columns behind, as its options -i and -l do.`,
		Example: `  echo 'The jury said it did.' | energo tag runs/tagger-nll-features-1
  energo tag runs/tagger-nll-features-1 --json letter.txt
  energo tag runs/tagger-nll-features-1 --column upos text.conllu --out tagged.conllu
  energo tag runs/tagger-nll-attributes-1 --marginals test.crfsuite`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := tag.Open(args[0])
			if err != nil {
				return err
			}
			if t.Lexicon().OfAttributes() {
				return f.attributes(cmd, t, args[1:])
			}
			if err := f.remember(args[0], all); err != nil {
				return err
			}
			if f.column != "" {
				return f.columns(cmd, t, args[1:])
			}
			return f.plain(cmd, t, args[1:])
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line of text or sequence, with tags, and of text with words")
	cmd.Flags().BoolVar(&f.tokens, "tokens", false, "take the text's words as they stand between blanks")
	cmd.Flags().BoolVar(&f.text, "text", false, "the file is plain text, also with a run that was trained on text in columns")
	cmd.Flags().BoolVar(&f.marginals, "marginals", false, "write each tag's probability, in the JSON as probabilities")
	cmd.Flags().BoolVar(&f.all, "marginals-all", false, "write the probabilities of all tags, in the JSON as marginals")
	cmd.Flags().StringVar(&f.column, "column", "", "the file is text in columns; write it with the tags in this one, or add")
	cmd.Flags().StringVar(&f.word, "word", "", "with --column, the column of the words (default form in CoNLL-U, else the first)")
	cmd.Flags().StringVar(&f.out, "out", "", "with text in columns or files of CRFsuite, the `file` to write, instead of stdout")
	return cmd
}

// remember takes the columns of the run's settings, where flags say nothing else.
func (f *tagFlags) remember(dir string, all []job.Job) error {
	if f.column != "" || f.text || f.tokens || f.word != "" || !exists(filepath.Join(dir, job.ConfigFile)) {
		return nil
	}
	_, s, err := job.ReadConfig(dir, all)
	if err != nil {
		return err
	}
	if t, ok := s.(*jobs.Tagger); ok && t.Column != "" {
		f.column, f.word, f.remembered = t.Column, t.Word, true
	}
	return nil
}

// plain tags plain text.
func (f *tagFlags) plain(cmd *cobra.Command, t *tag.Model, files []string) error {
	switch {
	case f.out != "" || f.word != "":
		return errors.New("--out and --word have no effect without --column")
	case f.all && !f.json:
		return errors.New("--marginals-all has no effect on plain text without --json: word/TAG has no place for them")
	}
	j := tagging{tagFlags: f, tagger: t, out: bufio.NewWriter(cmd.OutOrStdout())}
	var err error
	if len(files) == 0 {
		err = j.read(cmd.InOrStdin(), "stdin")
	}
	for _, path := range files {
		if err = j.file(path); err != nil {
			break
		}
	}
	return errors.Join(err, j.out.Flush())
}

// opened opens the one file that is named, or stdin.
func opened(cmd *cobra.Command, files []string) (in io.ReadCloser, name string, err error) {
	if len(files) > 1 {
		return nil, "", fmt.Errorf("there are %d files; of text in columns and files of CRFsuite it must be one", len(files))
	}
	if len(files) == 0 {
		return io.NopCloser(cmd.InOrStdin()), "stdin", nil
	}
	in, err = os.Open(files[0])
	return in, files[0], err
}

// answers tags sentences, with probabilities where flags ask for them.
func (f *tagFlags) answers(t *tag.Model, sentences [][]string) ([]tag.Answer, error) {
	return t.Answers(sentences, f.marginals || f.all)
}
