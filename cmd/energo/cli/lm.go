package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/seq/ngram"
	"github.com/spf13/cobra"
)

func newLM() *cobra.Command {
	cmd := &cobra.Command{
		Use: "lm", Short: "Train and measure language models of words (ARPA, KenLM)",
	}
	return group(cmd, "there is no command %[1]q of energo lm%[2]s", newLMTrain(), newLMEval(), newLMScore())
}

func newLMTrain() *cobra.Command {
	var order int
	var out, prune, fallback string
	cmd := &cobra.Command{
		Use: "train [FILE]", Short: "Train an n-gram model of text, a sentence a line",
		Long: `Counts the words of a text (stdin without a file), a sentence a line, smooths by modified Kneser–Ney, and writes an
ARPA file, which energo transcribe --lm and other systems read. The text may be gzipped, in UTF-8 or UTF-16.

--prune takes thresholds as lmplz does, of one word, two words and so on, the last of all longer n-grams: an n-gram that is in the
text no more often than its threshold is left out. --prune 0 0 1 leaves out those of three words and more that are there once.

Small and artificial texts give no discounts to smooth by: no n-gram of an order is there once, or twice, or three times, or a discount is out of its
range. The order then has those of --discount-fallback, of counts 1, 2, and 3 and above, which a line tells; none refuses such a text, as lmplz does
without its option of that name. The models are those of lmplz.`,
		Example: `  energo lm train corpus.txt --order 3 --out corpus.arpa
  energo lm train corpus.txt.gz --order 4 --prune 0 0 1 --out small.arpa`,
		Args: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			if order < 1 || order > 10 {
				return usagef("--order is %d; it must be from 1 to 10", order)
			}
			if out == "" {
				return usagef("energo lm train: where to? Name a file with --out")
			}
			o := ngram.Options{Order: order, FellBack: func(why *ngram.DiscountError) {
				fmt.Fprintf(cmd.ErrOrStderr(), "%v: it has the discounts %s\n", why, fallback)
			}}
			var err error
			if o.Fallback, err = discounts(fallback); err != nil {
				return err
			}
			if o.Prune, args, err = pruning(prune, args); err != nil {
				return err
			}
			if err := positional(1)(cmd, args); err != nil {
				return err
			}
			text, close, err := textOf(cmd, args)
			if err != nil {
				return err
			}
			defer close()
			m, err := ngram.Train(text, o)
			if bad := (*ngram.DiscountError)(nil); errors.As(err, &bad) {
				return fmt.Errorf("%w; --discount-fallback names discounts for such orders", err)
			}
			if err != nil {
				return err
			}
			if err := m.Save(out); err != nil {
				return err
			}
			fmt.Fprintf(messages(cmd, out), "%s, order %d, in %s\n", counted(len(m.Words()), "word", "words"), m.Order(), shown(out))
			return nil
		},
	}
	cmd.Flags().IntVar(&order, "order", 3, "most words of an n-gram")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write, in ARPA's format")
	cmd.Flags().StringVar(&prune, "prune", "", "`thresholds` by the number of words, with spaces or commas between: rarer n-grams are left out")
	cmd.Flags().StringVar(&fallback, "discount-fallback", "0.5,1,1.5", "three `discounts` of orders for which the text gives none, or none")
	return cmd
}

// discounts takes those of --discount-fallback; nil for none.
func discounts(flag string) (all []float64, err error) {
	if flag == "none" {
		return nil, nil
	}
	for i, f := range strings.Split(flag, ",") {
		d, err := strconv.ParseFloat(strings.TrimSpace(f), 64)
		if err != nil || !(d >= 0 && d <= float64(i+1)) {
			return nil, usagef("--discount-fallback has the discount %q of count %d; it must be a number from 0 to %d", f, i+1, i+1)
		}
		all = append(all, d)
	}
	if len(all) != 3 {
		return nil, usagef("--discount-fallback is %q; it must be three numbers with commas between, or none", flag)
	}
	return all, nil
}

// pruning takes the thresholds of --prune: its own, and whole numbers that follow it as arguments.
func pruning(flag string, args []string) (thresholds []int, rest []string, err error) {
	if flag == "" {
		return nil, args, nil
	}
	fields := strings.FieldsFunc(flag, func(c rune) bool { return c == ',' || c == ' ' })
	for _, a := range args {
		if _, err := strconv.Atoi(a); err == nil {
			fields = append(fields, a)
		} else {
			rest = append(rest, a)
		}
	}
	for _, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil || n < 0 {
			return nil, nil, usagef("--prune has the threshold %q; it must be a whole number from 0 on", f)
		}
		thresholds = append(thresholds, n)
	}
	return thresholds, rest, nil
}

func newLMEval() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "eval MODEL [FILE]", Short: "Measure a language model on text, a sentence a line",
		Long: `Prints how many words a text has (stdin without a file), a sentence a line, and the model's perplexity. The model is an ARPA file or a
binary file of KenLM's. Words that it does not have count as its <unk>, or, if it has none, with the probability 10^-100, as in KenLM; the second
perplexity leaves them out.`,
		Example: `  energo lm eval corpus.arpa other.txt`,
		Args:    positional(2, "the model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := evaluate(cmd, args, nil)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), evaluation(e), true)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s, %s, %d not in the model; perplexity %.6g, without those %.6g\n",
				counted(e.Sentences, "sentence", "sentences"), counted(e.Words, "word", "words"), e.Unknown, e.Perplexity(), e.KnownPerplexity())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func newLMScore() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "score MODEL [FILE]", Short: "Show what a language model gives to each word of a text",
		Long: `Prints, as KenLM's query does, a line for each sentence of a text (stdin without a file): each word, its number in the model, how many
words the n-gram has that counts, and the logarithm of the probability, to the base 10; then the sentence's total and how many of its words the model
does not have (OOV). The text's perplexities follow. The model is an ARPA file or a binary file of KenLM's. Blank lines are skipped.

With --json, a line is an object with the words and their logarithms (to the base 10), and the last one has the perplexities.`,
		Example: `  energo lm score corpus.arpa other.txt
  echo the cat sat | energo lm score corpus.bin --json`,
		Args: positional(2, "the model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriter(cmd.OutOrStdout())
			show := showScores
			if asJSON {
				show = scoresAsJSON
			}
			e, err := evaluate(cmd, args, func(sentence []ngram.Scored) error { return show(out, sentence) })
			if err != nil {
				out.Flush()
				return err
			}
			if asJSON {
				err = printJSON(out, evaluation(e), true)
			} else {
				fmt.Fprintf(out, "Perplexity including OOVs:\t%.6g\nPerplexity excluding OOVs:\t%.6g\nOOVs:\t%d\nTokens:\t%d\n",
					e.Perplexity(), e.KnownPerplexity(), e.Unknown, e.Words+e.Sentences)
			}
			if err != nil {
				return err
			}
			return out.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line for each sentence, and one for all")
	return cmd
}

// totals returns the logarithm of a sentence's probability, to the base 10, and how many words are unknown.
func totals(sentence []ngram.Scored) (total float64, unknown int) {
	for _, w := range sentence {
		total += w.LogProb / math.Ln10
		if !w.Known {
			unknown++
		}
	}
	return total, unknown
}

func showScores(out io.Writer, sentence []ngram.Scored) error {
	for _, w := range sentence {
		fmt.Fprintf(out, "%s=%d %d %.6g\t", w.Text, w.Word, w.Order, w.LogProb/math.Ln10)
	}
	total, unknown := totals(sentence)
	_, err := fmt.Fprintf(out, "Total: %.6g OOV: %d\n", total, unknown)
	return err
}

// scored is a line of lm score --json.
type scored struct {
	Words   []scoredWord   `json:"words"`
	Total   measure.Number `json:"total"` // logarithms to the base 10
	Unknown int            `json:"unknown"`
}

type scoredWord struct {
	Word    string         `json:"word"`
	LogProb measure.Number `json:"log_prob"`
	Order   int            `json:"order"` // words of the n-gram that counts
	Unknown bool           `json:"unknown,omitempty"`
}

func scoresAsJSON(out io.Writer, sentence []ngram.Scored) error {
	var line scored
	for _, w := range sentence {
		line.Words = append(line.Words, scoredWord{w.Text, measure.Number(w.LogProb / math.Ln10), w.Order, !w.Known})
	}
	total, unknown := totals(sentence)
	line.Total, line.Unknown = measure.Number(total), unknown
	return printJSON(out, line, true)
}

// evaluate scores a text by the model that is the first argument.
func evaluate(cmd *cobra.Command, args []string, each func([]ngram.Scored) error) (e ngram.Evaluation, err error) {
	m, err := ngram.Open(args[0])
	if err != nil {
		return e, err
	}
	text, close, err := textOf(cmd, args[1:])
	if err != nil {
		return e, err
	}
	defer close()
	return ngram.Evaluate(m, text, each)
}

type lmEvaluation struct {
	Sentences       int            `json:"sentences"`
	Words           int            `json:"words"`
	Unknown         int            `json:"unknown"`
	Perplexity      measure.Number `json:"perplexity"`
	KnownPerplexity measure.Number `json:"known_perplexity"`
}

func evaluation(e ngram.Evaluation) lmEvaluation {
	return lmEvaluation{e.Sentences, e.Words, e.Unknown, measure.Number(e.Perplexity()), measure.Number(e.KnownPerplexity())}
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
