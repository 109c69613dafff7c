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
	"github.com/spf13/pflag"
)

func newTrainGenerate() *cobra.Command {
	c, defaults := recipe.DefaultGenerate(), recipe.DefaultGenerate()
	run := runFlags{recipe: "generate"}
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Train an energy of pictures that draws digits",
		Long: `Trains a convolutional energy E(y) of pictures by contrastive divergence: real pictures are pushed
down, and what chains of Langevin dynamics come to is pushed up. The chains persist from step to step (PCD);
with --buffer 0 they start from the data (CD-k). In the end they draw pictures, also from noise, and fill in
the covered halves of test pictures.

What is drawn is held against the test pictures: squared maximum mean discrepancy (the run's error), the
confidence and the entropies of a classifier trained beside, the distance to the nearest training picture.
The run's folder is as that of train digits, with sheets of pictures under plots/.

The data is MNIST, or any MNIST-like set of four IDX files (--data).`,
		Example: `  energo train generate
  energo train generate --epochs 20 --width 32
  energo train generate --run runs/mine --resume`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadGenerateConfig); err != nil {
				return err
			}
			if err := locate(&c.Data); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainGenerate(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "`folder` with the four IDX files of an MNIST-like set, gzipped or not (default MNIST, fetched once)")
	addChains(f, &c.Chains)
	addTraining(f, &c.Training)
	run.add(f)
	return cmd
}

// addChains binds the settings of energies over pictures.
func addChains(f *pflag.FlagSet, c *recipe.Chains) {
	f.IntVar(&c.Width, "width", c.Width, "channels of the network's first layer; the others have 2, 4 and 4 times as many")
	f.BoolVar(&c.SpectralNorm, "spectral-norm", c.SpectralNorm, "divide the layers' weights by their greatest singular values")
	f.IntVar(&c.K, "k", c.K, "Langevin steps in a step of training")
	f.Float64Var(&c.StepSize, "step-size", c.StepSize, "step size of Langevin dynamics")
	f.Float64Var(&c.Noise, "noise", c.Noise, "standard deviation of the noise of a Langevin step")
	f.Float64Var(&c.SlopeClip, "slope-clip", c.SlopeClip, "bound of the energy's slope by each pixel; 0 is none")
	f.IntVar(&c.Buffer, "buffer", c.Buffer, "chains that persist; 0 lets them start from the data (CD-k)")
	f.Float64Var(&c.Restart, "restart", c.Restart, "part of the chains that starts afresh from noise")
	f.Float64Var(&c.EnergyL2, "energy-l2", c.EnergyL2, "weight of the squared energies in the loss")
	f.Float64Var(&c.DataNoise, "data-noise", c.DataNoise, "standard deviation of the noise on the data")
}

func trainGenerate(cmd *cobra.Command, c recipe.GenerateConfig, run runFlags) error {
	p, trainSet, testSet, err := run.begin(cmd, c.Data, run.recipe)
	if err != nil {
		return err
	}
	defer run.release()
	r, err := recipe.Generate(cmd.Context(), c, recipe.Options{Dir: run.dir, Folder: run.claimed, Resume: run.resume, Train: trainSet, Test: testSet, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, run.dir, r.Steps)
	}
	err = report.WriteSheets(run.dir, generatedSheets(r, testSet))
	if err == nil {
		err = report.Write(run.dir, nil)
	}
	if err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train generate --run %s --resume tries again): %w", shellQuote(run.dir), err)
	}
	out := cmd.OutOrStdout()
	if err := summariseGenerate(out, r); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, "report.html")))
	return printJSON(out, r, run.json)
}

// generatedSheets shows what was drawn and filled in.
func generatedSheets(r *recipe.GenerateResult, set *data.Images) []report.Sheet {
	const columns = 20
	p, n := r.Pictures, set.Size()
	sheet := func(name, title, note string, band int, rows ...[]float32) report.Sheet {
		s := report.Sheet{Name: name, Title: title, Note: note, H: set.H, W: set.W, Columns: columns, Band: band}
		for lo := 0; lo+columns*n <= len(rows[0]); lo += columns * n { // whole rows, one of each under another
			for _, y := range rows {
				s.Pixels = append(s.Pixels, y[lo:lo+columns*n]...)
			}
		}
		if s.Pixels == nil {
			s.Columns = len(rows[0]) / n
			for _, y := range rows {
				s.Pixels = append(s.Pixels, y...)
			}
		}
		return s
	}
	return []report.Sheet{
		sheet("from-noise", "Pictures from noise", "Langevin dynamics from noise, each chain on its own.", 0, p.FromNoise),
		sheet("chains", "The chains of training", "As the last step left them; some have started from noise just before.", 0, p.Chains),
		sheet("neighbours", "Nearest training pictures", "Pictures from noise, and below each the picture of the training set that is nearest to it.", 2, p.FromNoise, p.Neighbours),
		sheet("inpainting", "Covered halves filled in", "Test pictures; the same with their lower halves covered; and two fillings from different noise.", 4, p.Whole, p.Covered, p.Filled, p.Filled2),
	}
}

func summariseGenerate(out io.Writer, r *recipe.GenerateResult) error {
	fmt.Fprintf(out, "%s, seed %d\n", r.Recipe, r.Seed)
	summariseMeasured(out, r.Measured)
	fmt.Fprintf(out, "  chains       energy %s on average\n", number(r.ChainsEnergy))
	fmt.Fprintf(out, "  inpainting   a classifier sees the label in %s of the filled pictures, in %s of the covered, in %s of the whole\n",
		share(r.Inpainting.Filled), share(r.Inpainting.Covered), share(r.Inpainting.Whole))
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PICTURES\tCONFIDENCE\tENTROPY nat\tENTROPY OF LABELS nat\tNEAREST\tNEAR COPIES")
	for _, q := range r.Quality {
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.2f\t%s\n", q.Name, q.Confidence, q.Entropy, q.LabelEntropy, q.Nearest, share(q.Copies))
	}
	return w.Flush()
}

func evalGenerate(cmd *cobra.Command, dir, dataDir string, asJSON bool) error {
	c, err := recipe.ReadGenerateConfig(filepath.Join(dir, recipe.ConfigFile), recipe.DefaultGenerate())
	if err != nil {
		return err
	}
	trainSet, testSet, err := evalSets(cmd, c.Data, dataDir)
	if err != nil {
		return err
	}
	r, err := recipe.EvalGenerate(cmd.Context(), dir, trainSet, testSet)
	if err != nil {
		return err
	}
	if err := summariseGenerate(cmd.OutOrStdout(), r); err != nil {
		return err
	}
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
