package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newTrainAutoencoder() *cobra.Command {
	c, defaults := recipe.DefaultAutoencoder(), recipe.DefaultAutoencoder()
	run := runFlags{recipe: "autoencoder", folder: "autoencoder-LOSS"}
	cmd := &cobra.Command{
		Use:   "autoencoder",
		Short: "Train an auto-encoder of pictures by their reconstruction error",
		Long: `Squeezes pictures into a few numbers and back, and trains that to lose as little as it can. The
reconstruction error is an energy of the picture: low for pictures like those of training, high for
others as far as they do not pass through so few numbers, which the run measures on the test
pictures with their pixels shuffled.

The data is MNIST, or any MNIST-like set of four IDX files (--data). The run's folder is as that of train
digits, with plots/reconstructions.png: test pictures above, their reconstructions below.`,
		Example: `  energo train autoencoder
  energo train autoencoder --latent 8 --loss mse --seed 7
  energo train autoencoder --run runs/mine --resume`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadAutoencoderConfig); err != nil {
				return err
			}
			if err := locate(&c.Data); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainAutoencoder(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "`folder` with the four IDX files of an MNIST-like set, gzipped or not (default MNIST, fetched once)")
	f.IntVar(&c.Latent, "latent", c.Latent, "numbers that a picture is squeezed into")
	f.IntVar(&c.Hidden, "hidden", c.Hidden, "units of the hidden layers")
	f.StringVar(&c.Loss, "loss", c.Loss, "loss of the pixels: "+strings.Join(recipe.PixelLosses, ", "))
	addTraining(f, &c.Training)
	run.add(f)
	return cmd
}

func trainAutoencoder(cmd *cobra.Command, c recipe.AutoencoderConfig, run runFlags) error {
	p, trainSet, testSet, err := run.begin(cmd, c.Data, "autoencoder-"+c.Loss)
	if err != nil {
		return err
	}
	defer run.release()
	r, pictures, err := recipe.Autoencoder(cmd.Context(), c, recipe.Options{Dir: run.dir, Folder: run.claimed, Resume: run.resume, Train: trainSet, Test: testSet, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, run.dir, r.Steps)
	}
	err = report.WriteSheets(run.dir, []report.Sheet{reconstructions(testSet, pictures)})
	if err == nil {
		err = report.Write(run.dir, nil)
	}
	if err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train autoencoder --run %s --resume tries again): %w", shellQuote(run.dir), err)
	}
	out := cmd.OutOrStdout()
	summarise(cmd, r)
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, "report.html")))
	return printJSON(out, r, run.json)
}

// reconstructions shows the first test pictures, a row of them above a row of what came back.
func reconstructions(set *data.Images, rebuilt []float32) report.Sheet {
	const columns = 10
	n := set.Size()
	s := report.Sheet{
		Name: "reconstructions", Title: "Reconstructions", Columns: columns, Band: 2, H: set.H, W: set.W,
		Note: "Test pictures, and below each what comes back from the few numbers that it was squeezed into.",
	}
	for lo := 0; lo < len(rebuilt)/n; lo += columns {
		hi := min(lo+columns, len(rebuilt)/n)
		row := make([]float32, columns*n)
		for i, p := range set.Pixels[lo*n : hi*n] {
			row[i] = float32(p) / 255
		}
		s.Pixels = append(s.Pixels, row...)
		clear(row)
		copy(row, rebuilt[lo*n:hi*n])
		s.Pixels = append(s.Pixels, row...)
	}
	return s
}

// summarise says what a run came to.
func summarise(cmd *cobra.Command, r *recipe.AutoencoderResult) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s, %d numbers, loss %s, seed %d\n", r.Recipe, r.Latent, r.Loss, r.Seed)
	fmt.Fprintf(out, "  loss         %.5f a pixel\n", r.TestLoss)
	fmt.Fprintf(out, "  squares      %.5f a pixel\n", r.TestMSE)
	summariseMeasured(out, r.Measured)
}

func evalAutoencoder(cmd *cobra.Command, dir, dataDir string, asJSON bool) error {
	c, err := recipe.ReadAutoencoderConfig(filepath.Join(dir, recipe.ConfigFile), recipe.DefaultAutoencoder())
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
	r, err := recipe.EvalAutoencoder(cmd.Context(), dir, testSet)
	if err != nil {
		return err
	}
	summarise(cmd, r)
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
