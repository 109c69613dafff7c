package cli

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newTrainRBM() *cobra.Command {
	c, defaults := recipe.DefaultRBM(), recipe.DefaultRBM()
	run := runFlags{recipe: "rbm"}
	cmd := &cobra.Command{
		Use:   "rbm",
		Short: "Train a restricted Boltzmann machine, and bracket its partition function",
		Long: `Trains a restricted Boltzmann machine over pictures in black and white by contrastive divergence, with
chains that persist (PCD) or, with --chains 0, that start from the data (CD-k). The chains move by Gibbs
sampling.

In the end log Z is estimated by annealed importance sampling, forwards from the machine without weights and
backwards from the machine's own draws, which brackets it; up to 20 hidden units it is also computed exactly.
With it come the log-likelihoods of training and test pictures in nat. The run's folder is as that of train
digits, with sheets of draws and of the hidden units' weights under plots/.

The data is MNIST, or any MNIST-like set of four IDX files (--data).`,
		Example: `  energo train rbm
  energo train rbm --hidden 20
  energo train rbm --chains 0 --k 25`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadRBMConfig); err != nil {
				return err
			}
			if err := locate(&c.Data); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainRBM(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "`folder` with the four IDX files of an MNIST-like set, gzipped or not (default MNIST, fetched once)")
	f.IntVar(&c.Hidden, "hidden", c.Hidden, "hidden units")
	f.IntVar(&c.K, "k", c.K, "Gibbs sweeps in a step of training")
	f.IntVar(&c.Chains, "chains", c.Chains, "chains that persist; 0 lets them start from the data (CD-k)")
	f.BoolVar(&c.Stochastic, "stochastic", c.Stochastic, "make pixels 1 with the probability that is their grey, anew each time, in the place of a threshold")
	f.IntVar(&c.Annealing, "annealing", c.Annealing, "temperatures of the estimates of log Z in the end")
	addTraining(f, &c.Training)
	run.add(f)
	return cmd
}

func trainRBM(cmd *cobra.Command, c recipe.RBMConfig, run runFlags) error {
	p, trainSet, testSet, err := run.begin(cmd, c.Data, run.recipe)
	if err != nil {
		return err
	}
	defer run.release()
	r, err := recipe.RBM(cmd.Context(), c, recipe.Options{Dir: run.dir, Folder: run.claimed, Resume: run.resume, Train: trainSet, Test: testSet, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, run.dir, r.Steps)
	}
	err = report.WriteSheets(run.dir, rbmSheets(r, testSet))
	if err == nil {
		err = report.Write(run.dir, nil)
	}
	if err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train rbm --run %s --resume tries again): %w", shellQuote(run.dir), err)
	}
	out := cmd.OutOrStdout()
	summariseRBM(out, r)
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, "report.html")))
	return printJSON(out, r, run.json)
}

func rbmSheets(r *recipe.RBMResult, set *data.Images) []report.Sheet {
	sheets := []report.Sheet{
		{Name: "chains", Title: "Draws", Note: "Probabilities of the pixels after a thousand Gibbs sweeps from where training left the chains.", Pixels: r.Pictures.Chains},
		{Name: "from-noise", Title: "Draws from noise", Note: "Probabilities of the pixels after two thousand Gibbs sweeps from noise.", Pixels: r.Pictures.FromNoise},
		{Name: "filters", Title: "Weights of hidden units", Note: "Each from its least to its greatest weight.", Pixels: r.Pictures.Filters},
	}
	for i := range sheets {
		sheets[i].H, sheets[i].W, sheets[i].Columns = set.H, set.W, 20
	}
	return sheets
}

func summariseRBM(out io.Writer, r *recipe.RBMResult) {
	fmt.Fprintf(out, "%s, %d hidden units, seed %d\n", r.Recipe, r.Hidden, r.Seed)
	fmt.Fprintf(out, "  likelihood   log, of the test pictures %.2f nat a picture (%.2f with log Z from backwards), training %.2f\n", r.TestLog, r.TestLeast, r.TrainLog)
	fmt.Fprintf(out, "  log Z        forwards %.3f ± %.3f, backwards %.3f ± %.3f\n", r.Forward.LogZ, r.Forward.StdErr, r.Backward.LogZ, r.Backward.StdErr)
	if r.Exact != nil {
		fmt.Fprintf(out, "               exactly %.3f: forwards is off by %+.3f, backwards by %+.3f\n", r.Exact.LogZ, r.Forward.LogZ-r.Exact.LogZ, r.Backward.LogZ-r.Exact.LogZ)
	}
	summariseMeasured(out, r.Measured)
}

func evalRBM(cmd *cobra.Command, dir, dataDir string, asJSON bool) error {
	c, err := recipe.ReadRBMConfig(filepath.Join(dir, recipe.ConfigFile), recipe.DefaultRBM())
	if err != nil {
		return err
	}
	trainSet, testSet, err := evalSets(cmd, c.Data, dataDir)
	if err != nil {
		return err
	}
	r, err := recipe.EvalRBM(cmd.Context(), dir, trainSet, testSet)
	if err != nil {
		return err
	}
	summariseRBM(cmd.OutOrStdout(), r)
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
