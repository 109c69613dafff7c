package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/search/encode"
	"github.com/spf13/cobra"
)

func newTrainSiamese() *cobra.Command {
	c, defaults := recipe.DefaultSiamese(), recipe.DefaultSiamese()
	run := runFlags{recipe: "siamese", folder: "siamese-LOSS"}
	cmd := &cobra.Command{
		Use:   "siamese",
		Short: "Train a network that tells whether two pictures show the same",
		Long: `Trains two branches with the same weights on pairs of pictures: the energy of a pair is the distance of the branches'
vectors, low for pictures of the same and high for others. Two pictures then count as the same up to a
threshold, which is chosen on held-out pairs; the figures are of test pairs.

The data is as that of train search: MNIST, IDX files, or pictures in folders of classes, of which pairs are drawn,
half of them of one class, anew in every epoch. Or --pairs names a CSV file with rows path1,path2,same, where same is 1 or 0. A
fifth of these pairs is kept for the test, though its pictures may be in other pairs, too; --test-pairs names
pairs of other pictures.

The run's folder is as that of train search, with verification.json: the ROC curve, and pairs.safetensors: the test
pairs with their distances.`,
		Example: `  energo train siamese
  energo train siamese --loss cosine_embedding --epochs 10
  energo train siamese --data photos --size 96
  energo train siamese --pairs faces/train.csv --test-pairs faces/test.csv`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadSiameseConfig); err != nil {
				return err
			}
			if err := located(&c.Data, &c.Test, &c.Pairs, &c.TestPairs); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainSiamese(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	addPictures(f, &c.PictureSettings)
	f.StringVar(&c.Pairs, "pairs", c.Pairs, "CSV `file` of pairs path1,path2,same in --data's place")
	f.StringVar(&c.TestPairs, "test-pairs", c.TestPairs, "CSV `file` of test pairs (default a share of --pairs)")
	f.StringVar(&c.Loss, "loss", c.Loss, "loss of the pairs: "+strings.Join(recipe.PairLosses, ", "))
	f.Float64Var(&c.Margin, "margin", c.Margin, "how far apart others are to be; of cosine_embedding a cosine (default the loss's own)")
	addEncoderTraining(f, &c.Training)
	run.add(f)
	complete(cmd, map[string][]string{"loss": recipe.PairLosses, "channels": recipe.ChannelChoices})
	return cmd
}

func trainSiamese(cmd *cobra.Command, c recipe.SiameseConfig, run runFlags) error {
	p, sets, err := beginPictured(cmd, &run, "siamese-"+c.Loss, c.Load)
	if err != nil {
		return err
	}
	defer run.release()
	r, err := recipe.Siamese(cmd.Context(), c, sets, recipe.Options{Dir: run.dir, Folder: run.claimed, Resume: run.resume, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, run.dir, r.Steps)
	}
	test, err := recipe.SiameseTest(run.dir, sets)
	if err != nil {
		return err
	}
	if err := writePictured(run, test); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	summariseVerification(out, r)
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, "report.html")))
	return printJSON(out, r, run.json)
}

// summariseVerification says how pairs were told apart.
func summariseVerification(out io.Writer, r *recipe.SiameseResult) {
	fmt.Fprintf(out, "%s, loss %s, vectors of %d numbers, %s distance, seed %d\n", r.Recipe, r.Loss, r.Dim, r.Metric, r.Seed)
	fmt.Fprintf(out, "  test pairs   %d of the same, %d of others\n", r.Same, r.Different)
	fmt.Fprintf(out, "  accuracy     %s at the threshold %s, which was chosen on %d held-out pairs (at best %s)\n", share(r.Accuracy), number(r.Threshold), r.Held, share(r.Best))
	fmt.Fprintf(out, "  ROC          AUC %.5f, equal error rate %s\n", r.AUC, share(r.EER))
	for _, t := range r.TARAtFAR {
		fmt.Fprintf(out, "  accepted     %s of the same where at most %g %% of the others are\n", share(t.TAR), 100*t.FAR)
	}
	summariseMeasured(out, r.Measured)
}

// evalSiamese measures a run on its own test pairs or on those of other pictures, or of a file of pairs.
func evalSiamese(cmd *cobra.Command, dir, source string, asJSON bool) error {
	c, err := recipe.ReadSiameseConfig(filepath.Join(dir, recipe.ConfigFile), recipe.DefaultSiamese())
	if err != nil {
		return err
	}
	m, err := encode.Open(dir)
	if err != nil {
		return err
	}
	c.Channels, c.Size = fmt.Sprint(m.Network().Channels), m.Network().Height
	if source != "" {
		c.Test, c.TestPairs = "", ""
		if c.Pairs != "" {
			c.Pairs = source
		} else {
			c.Data = source
		}
	}
	p := newProgress(cmd.ErrOrStderr(), false)
	sets, err := loadPictures(cmd.Context(), p, c.Load)
	if err != nil {
		return err
	}
	r, err := recipe.EvalSiamese(cmd.Context(), dir, sets, source == "")
	if err != nil {
		return err
	}
	summariseVerification(cmd.OutOrStdout(), r)
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
