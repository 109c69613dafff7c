package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/seq/ngram"
	"github.com/spf13/cobra"
)

func newLM() *cobra.Command {
	cmd := &cobra.Command{
		Use: "lm", Short: "Train and measure language models of words (ARPA)",
	}
	return group(cmd, "there is no command %[1]q of energo lm%[2]s", newLMTrain(), newLMEval())
}

func newLMTrain() *cobra.Command {
	var order int
	var out string
	cmd := &cobra.Command{
		Use: "train [FILE]", Short: "Train an n-gram model of text, a sentence a line",
		Long: `Counts the words of a text (stdin without a file), a sentence a line, smooths by modified Kneser–Ney, and writes an
ARPA file, which energo transcribe --lm and other systems read.`,
		Example: `  energo lm train corpus.txt --order 3 --out corpus.arpa`,
		Args:    positional(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if order < 1 || order > 10 {
				return usagef("--order is %d; it must be from 1 to 10", order)
			}
			if out == "" {
				return usagef("energo lm train: where to? Name a file with --out")
			}
			text, close, err := textOf(cmd, args)
			if err != nil {
				return err
			}
			defer close()
			m, err := ngram.Train(text, order)
			if err != nil {
				return err
			}
			if err := m.Save(out); err != nil {
				return err
			}
			fmt.Fprintf(messages(cmd, out), "%d words, order %d, in %s\n", len(m.Words()), m.Order(), shown(out))
			return nil
		},
	}
	cmd.Flags().IntVar(&order, "order", 3, "most words of an n-gram")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write, in ARPA's format")
	return cmd
}

func newLMEval() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "eval MODEL [FILE]", Short: "Measure a language model on text, a sentence a line",
		Long: `Prints how many words a text has (stdin without a file), a sentence a line, and the model's perplexity. Words that
the model does not have count as its <unk>, or, if it has none, with the probability 10^-100, as in KenLM; the second perplexity leaves them out.`,
		Example: `  energo lm eval corpus.arpa other.txt`,
		Args:    positional(2, "the model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := ngram.Load(args[0])
			if err != nil {
				return err
			}
			text, close, err := textOf(cmd, args[1:])
			if err != nil {
				return err
			}
			defer close()
			e, err := m.Evaluate(text)
			if err != nil {
				return err
			}
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "%d sentences, %d words, %d not in the model; perplexity %.6g, without those %.6g\n",
					e.Sentences, e.Words, e.Unknown, e.Perplexity(), e.KnownPerplexity())
				return nil
			}
			return printJSON(cmd.OutOrStdout(), lmEvaluation{e.Sentences, e.Words, e.Unknown, measure.Number(e.Perplexity()), measure.Number(e.KnownPerplexity())}, true)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

type lmEvaluation struct {
	Sentences       int            `json:"sentences"`
	Words           int            `json:"words"`
	Unknown         int            `json:"unknown"`
	Perplexity      measure.Number `json:"perplexity"`
	KnownPerplexity measure.Number `json:"known_perplexity"`
}

// textOf opens the file named, or stdin.
func textOf(cmd *cobra.Command, args []string) (text io.Reader, close func() error, err error) {
	if len(args) == 0 {
		return cmd.InOrStdin(), func() error { return nil }, nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}
