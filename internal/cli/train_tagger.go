package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newTrainTagger() *cobra.Command {
	c, defaults := recipe.DefaultTagger(), recipe.DefaultTagger()
	run := runFlags{recipe: "tagger", folder: "tagger-LOSS-MODEL"}
	cmd := &cobra.Command{
		Use:   "tagger",
		Short: "Train a tagger of words: chain energies over tags, on tagged text",
		Long: `Trains energies of chains, E(y) = Σ U_t(y_t) + Σ P(y_{t−1}, y_t), to give each word of a sentence its tag.
--data is a folder of files with word/TAG tokens, a sentence a line, such as the Brown corpus; whole files are
kept for the test. The model features adds up weights of hashed features: the word, its beginnings, ends and shape, and
those of the two words on either side. The model network is embeddings and temporal convolutions.

The losses: nll is E of the right tags less the free energy, by the forward algorithm (a conditional random
field); perceptron is less the minimum, by Viterbi's; hinge is less the minimum with a margin for each wrong
tag; averaged_perceptron takes the perceptron's steps with one size and averages the weights. The others
have AdaGrad's step sizes; nll and hinge average, too. Of features, the last epoch's weights are kept. The
network is for nll: a loss that pushes up one wrong path at a time teaches it slowly, and perceptron, which asks for
no margin, next to nothing.

Words look at all tags; with --prune those seen five times or more in training look at the tags that they had
there alone, and rarer and unknown ones at those and the open classes.`,
		Example: `  energo train tagger --data brown
  energo train tagger --data brown --loss hinge
  energo train tagger --data brown --model network`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadTaggerConfig); err != nil {
				return err
			}
			if c.Data == "" {
				return usagef("--data is missing: the folder of tagged text")
			}
			if err := locate(&c.Data); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainTagger(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "`folder` of tagged text: word/TAG tokens, a sentence a line; with a cats.txt the files that it lists")
	f.StringVar(&c.Model, "model", c.Model, "energies: "+strings.Join(recipe.TaggerModels, ", "))
	f.StringVar(&c.Loss, "loss", c.Loss, "what trains: "+strings.Join(recipe.TaggerLosses, ", "))
	f.Float64Var(&c.Margin, "margin", c.Margin, "cost of a wrong tag, of hinge")
	f.StringVar(&c.Tags, "tags", c.Tags, "base: Brown's tags without -TL, -HL, -NC and FW-; full: as the text has them")
	f.Float64Var(&c.Test, "test", c.Test, "share of the files that is kept for the test")
	f.IntVar(&c.Bits, "bits", c.Bits, "features are hashed to 2^bits rows of weights")
	f.BoolVar(&c.Prune, "prune", c.Prune, "let words that training has often have the tags that they had there alone")
	addTraining(f, &c.Training)
	run.add(f)
	for name, values := range map[string][]string{"model": recipe.TaggerModels, "loss": recipe.TaggerLosses, "tags": recipe.TagSets} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err)
		}
	}
	return cmd
}

func trainTagger(cmd *cobra.Command, c recipe.TaggerConfig, run runFlags) error {
	if err := run.claim("tagger-" + c.Loss + "-" + c.Model); err != nil {
		return err
	}
	defer run.release()
	dir := run.dir
	p := newProgress(cmd.ErrOrStderr(), run.quiet)
	files, err := data.LoadTagged(c.Data)
	if err != nil {
		return err
	}
	r, err := recipe.Tagger(cmd.Context(), c, recipe.TaggerOptions{Dir: dir, Folder: run.claimed, Resume: run.resume, Files: files, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, dir, r.Steps)
	}
	if err := report.Write(dir, nil); err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train tagger --run %s --resume tries again): %w", shellQuote(dir), err)
	}
	out := cmd.OutOrStdout()
	summariseTagger(out, r)
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\nNext: energo tag %s FILE.\n", shown(dir), shown(filepath.Join(dir, "report.html")), shellQuote(dir))
	return printJSON(out, r, run.json)
}

func summariseTagger(out io.Writer, r *recipe.TaggerResult) {
	a := r.Accuracy
	fmt.Fprintf(out, "tagger, %s, %s, seed %d\n", r.Model, r.Loss, r.Seed)
	fmt.Fprintf(out, "  accuracy     %s of %d words right; known words %s, unknown (%d) %s\n", share(a.All), a.Words, share(a.Known), a.New, share(a.Unknown))
	fmt.Fprintf(out, "  sentences    %s without a wrong tag\n", share(a.Whole))
	summariseMeasured(out, r.Measured)
	fmt.Fprintf(out, "  tag set      %d tags, %d words\n", r.Tags, r.Vocabulary)
	fmt.Fprintf(out, "  speed        %.0f words a second in training, %.0f in tagging\n", r.WordsPerSecond, r.TagsPerSecond)
}
