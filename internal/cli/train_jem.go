package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newTrainJEM() *cobra.Command {
	c, defaults := recipe.DefaultJEM(), recipe.DefaultJEM()
	run := runFlags{recipe: "jem"}
	cmd := &cobra.Command{
		Use:   "jem",
		Short: "Train a classifier that is a density of its pictures, too",
		Long: `Trains a convolutional E(k, y) as a classifier, by cross-entropy over the labels k, and as a density of
the pictures y, by contrastive divergence with the labels summed out: E(y) = −log Σₖ exp(−E(k, y)). Such a
model tells pictures that are none of the data's by their energy. --density 0 trains the classifier alone, to
compare with.

Measured are the test error, the calibration of the probabilities, and how well test pictures are told from
foreign ones (areas under the curve): Fashion-MNIST's where it is installed, or those of --foreign; noise; test
pictures with their pixels shuffled. The run's folder is as that of train digits, with sheets of what the
model draws.`,
		Example: `  energo train jem
  energo train jem --density 0
  energo train jem --foreign fashion --epochs 10`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadJEMConfig); err != nil {
				return err
			}
			if err := locate(&c.Data); err != nil {
				return err
			}
			if err := locate(&c.Foreign); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainJEM(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "`folder` with the four IDX files of an MNIST-like set, gzipped or not (default MNIST, fetched once)")
	f.StringVar(&c.Foreign, "foreign", c.Foreign, "`folder` of an MNIST-like set whose test pictures are to be told from the data's (default Fashion-MNIST, if it is installed)")
	f.Float64Var(&c.Density, "density", c.Density, "weight of the density's contrast beside the cross-entropy")
	addChains(f, &c.Chains)
	addTraining(f, &c.Training)
	run.add(f)
	return cmd
}

// foreignPictures returns the test set of a folder, of Fashion-MNIST if none is named, and
// nil where that is not installed or of another size than the data.
func foreignPictures(ctx context.Context, dir string, like *data.Images) (*data.Images, error) {
	named := dir != ""
	if !named {
		var ok bool
		if dir, ok = data.InstalledFashion(); !ok {
			return nil, nil
		}
	}
	_, set, err := data.LoadDigits(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	if fits := set.H == like.H && set.W == like.W; !fits && !named {
		return nil, nil
	} else if !fits {
		return nil, fmt.Errorf("%s has pictures of %d×%d pixels; the data has %d×%d", dir, set.H, set.W, like.H, like.W)
	}
	return set, nil
}

func trainJEM(cmd *cobra.Command, c recipe.JEMConfig, run runFlags) error {
	p, trainSet, testSet, err := run.begin(cmd, c.Data, run.recipe)
	if err != nil {
		return err
	}
	defer run.release()
	foreign, err := foreignPictures(cmd.Context(), c.Foreign, testSet)
	if err != nil {
		return err
	}
	r, err := recipe.JEM(cmd.Context(), c, recipe.Options{Dir: run.dir, Folder: run.claimed, Resume: run.resume, Train: trainSet, Test: testSet, Emit: p.emit}, foreign)
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, run.dir, r.Steps)
	}
	err = report.WriteSheets(run.dir, jemSheets(r, testSet))
	if err == nil {
		err = report.Write(run.dir, nil)
	}
	if err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train jem --run %s --resume tries again): %w", shellQuote(run.dir), err)
	}
	out := cmd.OutOrStdout()
	if err := summariseJEM(out, r, testSet.N); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, "report.html")))
	return printJSON(out, r, run.json)
}

// jemSheets shows what the density draws.
func jemSheets(r *recipe.JEMResult, set *data.Images) (sheets []report.Sheet) {
	const columns = 20
	for _, s := range []report.Sheet{
		{Name: "of-labels", Title: "Pictures of each label, from noise", Note: "Langevin dynamics down E(k, y) for each label k, a row each.", Pixels: r.Pictures.OfLabels},
		{Name: "chains", Title: "The chains of training", Note: "As the last step left them; some have started from noise just before.", Pixels: r.Pictures.Chains},
	} {
		if s.Pixels != nil {
			s.H, s.W, s.Columns = set.H, set.W, columns
			sheets = append(sheets, s)
		}
	}
	return sheets
}

func summariseJEM(out io.Writer, r *recipe.JEMResult, n int) error {
	summary(out, &r.Result, n)
	fmt.Fprintf(out, "  calibration  expected error %s; negative log-likelihood %s\n",
		share(r.Calibration.ECE), measure.Nat.Text(float64(r.Calibration.NLL)))
	if r.Skipped != "" {
		fmt.Fprintf(out, "  foreign      skipped: %s\n", r.Skipped)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TOLD FROM\tAUROC BY ENERGY\tBY CONFIDENCE")
	for _, f := range r.Foreign {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\n", f.Name, f.ByEnergy, f.ByConfidence)
	}
	return w.Flush()
}

func evalJEM(cmd *cobra.Command, dir, dataDir string, asJSON bool) error {
	c, err := recipe.ReadJEMConfig(filepath.Join(dir, recipe.ConfigFile), recipe.DefaultJEM())
	if err != nil {
		return err
	}
	trainSet, testSet, err := evalSets(cmd, c.Data, dataDir)
	if err != nil {
		return err
	}
	foreign, err := foreignPictures(cmd.Context(), c.Foreign, testSet)
	if err != nil {
		return err
	}
	r, err := recipe.EvalJEM(cmd.Context(), dir, trainSet, testSet, foreign)
	if err != nil {
		return err
	}
	if err := summariseJEM(cmd.OutOrStdout(), r, testSet.N); err != nil {
		return err
	}
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
