package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newTrainStrips() *cobra.Command {
	c, defaults := recipe.DefaultStrips(), recipe.DefaultStrips()
	run := runFlags{recipe: "strips"}
	cmd := &cobra.Command{
		Use:   "strips",
		Short: "Train a reader of handwritten digit strings, unsegmented (CTC)",
		Long: `Joins digits to strips of handwriting, in which neighbours may stand apart, touch or overlap, and
trains a convolutional network to read them by CTC: it is told what a strip says, never where. The
energy of a text is −log of its probability with all alignments summed out; the offending
energy is the free energy of all other texts.

Every step draws new strips of 1 to --longest training digits; the figures are of fixed strips of test digits, of 1 to
5 and of 6 to 12. The data is MNIST, or any MNIST-like set of four IDX files (--data).`,
		Example: `  energo train strips
  energo train strips --longest 12 --epochs 12 --seed 7
  energo transcribe runs/strips-1 strip.png`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadStripsConfig); err != nil {
				return err
			}
			if err := locate(&c.Data); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainStrips(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "`folder` with the four IDX files of an MNIST-like set, gzipped or not (default MNIST, fetched once)")
	f.IntVar(&c.Longest, "longest", c.Longest, "digits of the longest training strips")
	f.IntVar(&c.Strips, "strips", c.Strips, "strips of an epoch")
	f.IntVar(&c.Channels, "channels", c.Channels, "channels of the convolutions along the strip")
	f.BoolVar(&c.Augment, "augment", c.Augment, "shift, turn and scale each digit a little at random")
	addTraining(f, &c.Training)
	run.add(f)
	return cmd
}

func trainStrips(cmd *cobra.Command, c recipe.StripsConfig, run runFlags) error {
	p, trainSet, testSet, err := run.begin(cmd, c.Data, "strips")
	if err != nil {
		return err
	}
	defer run.release()
	r, err := recipe.Strips(cmd.Context(), c, recipe.Options{Dir: run.dir, Folder: run.claimed, Resume: run.resume, Train: trainSet, Test: testSet, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, run.dir, r.Steps)
	}
	err = report.WriteSheets(run.dir, []report.Sheet{stripSheet(testSet)})
	if err == nil {
		err = report.Write(run.dir, nil)
	}
	if err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train strips --run %s --resume tries again): %w", shellQuote(run.dir), err)
	}
	out := cmd.OutOrStdout()
	summariseReading(out, r, "DIGITS")
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, "report.html")))
	return printJSON(out, r, run.json)
}

// summariseReading says how lines were read; what names their tokens.
func summariseReading(out io.Writer, r *recipe.RecogniserResult, what string) {
	fmt.Fprintf(out, "%s, seed %d\n", r.Recipe, r.Seed)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	words := len(r.Groups) > 0 && r.Groups[0].Words > 0
	fmt.Fprintf(w, "  \tLINES\tEXACT\t%s\tERROR RATE\tSUBST\tINS\tDEL\t", what)
	if words {
		fmt.Fprint(w, "WORDS\tERROR RATE\t")
	}
	fmt.Fprintln(w)
	for _, g := range r.Groups {
		fmt.Fprintf(w, "  %s\t%d\t%s\t%d\t%s\t%d\t%d\t%d\t", g.Name, g.Lines, share(g.Exact), g.Tokens, share(g.ErrorRate), g.Substitutions, g.Insertions, g.Deletions)
		if words {
			fmt.Fprintf(w, "%d\t%s\t", g.Words, share(g.WordErrorRate))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
	summariseMeasured(out, r.Measured)
}

// stripSheet shows some strips of test digits.
func stripSheet(set *data.Images) report.Sheet {
	lines := recipe.TestStrips(set, 12)
	s := report.Sheet{Name: "strips", Title: "Strips", Columns: 2, H: data.StripHeight, Note: "Strips of test digits, as they are read."}
	for _, l := range lines {
		s.W = max(s.W, l.W)
	}
	for _, l := range lines {
		picture := make([]float32, s.H*s.W)
		for row := range l.H {
			copy(picture[row*s.W:], l.Pixels[row*l.W:(row+1)*l.W])
		}
		s.Pixels = append(s.Pixels, picture...)
	}
	return s
}

func evalStrips(cmd *cobra.Command, dir, dataDir string, asJSON bool) error {
	c, err := recipe.ReadStripsConfig(filepath.Join(dir, recipe.ConfigFile), recipe.DefaultStrips())
	if err != nil {
		return err
	}
	if dataDir == "" {
		dataDir = c.Data
	}
	_, testSet, err := newProgress(cmd.ErrOrStderr(), false).load(cmd.Context(), dataDir)
	if err != nil {
		return err
	}
	r, err := recipe.EvalStrips(cmd.Context(), dir, testSet)
	if err != nil {
		return err
	}
	summariseReading(cmd.OutOrStdout(), r, "DIGITS")
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
