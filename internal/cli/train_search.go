package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/search/encode"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newTrainSearch() *cobra.Command {
	c, defaults := recipe.DefaultSearch(), recipe.DefaultSearch()
	run := runFlags{recipe: "search", folder: "search-LOSS"}
	cmd := &cobra.Command{
		Use:   "search",
		Short: "Train an embedding for searching pictures by example",
		Long: `Trains a network that maps a picture to a vector, so that pictures of one class lie near each other and
others far away, and measures searching: each test picture is the query once, among all other test pictures and
among the training pictures.

The data is MNIST, any MNIST-like set of four IDX files, a folder with a subfolder of pictures (PNG, JPEG, GIF,
WebP) for each class, or a CSV file with rows path,label (--data). Pictures of a folder or a list are cropped
about their middle and scaled to --size; a fifth of each class is kept for the test, or --test names another folder or
list. --hold-out-classes keeps classes from training and searches among those: how well is found what was
never seen.

The run's folder then holds encoder.json and model.safetensors (the network), embeddings.safetensors (vectors of
the test pictures), result.json, config.yaml, events.jsonl and checkpoint.safetensors, and report.html with its pictures
under plots/.`,
		Example: `  energo train search
  energo train search --loss sup_con --hold-out-classes 6,7,8,9
  energo train search --data photos --size 96 --augment --flip
  energo train search --run runs/mine --resume`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadSearchConfig); err != nil {
				return err
			}
			if err := located(&c.Data, &c.Test); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainSearch(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	addPictures(f, &c.PictureSettings)
	f.StringSliceVar(&c.HoldOutClasses, "hold-out-classes", c.HoldOutClasses, "`names` of classes, joined by commas, that are searched among and not trained on")
	f.StringVar(&c.Loss, "loss", c.Loss, "loss of the vectors: "+strings.Join(recipe.MetricLosses(), ", "))
	f.StringVar(&c.Mining, "mining", c.Mining, "which triplets: "+strings.Join(recipe.Minings, ", "))
	f.BoolVar(&c.SoftMargin, "soft-margin", c.SoftMargin, "of triplet: softplus instead of the hinge; the margin is then 0 unless it is set")
	f.Float64Var(&c.Margin, "margin", c.Margin, "margin of the loss (default its own)")
	f.Float64Var(&c.Temperature, "temperature", c.Temperature, "temperature of the loss (default its own)")
	f.Float64Var(&c.Scale, "scale", c.Scale, "scale of the loss's similarities (default its own)")
	f.IntVar(&c.MPerClass, "m-per-class", c.MPerClass, "pictures of each class in a batch (default as few as there can be, at least 4 or half a batch below 8)")
	f.IntVar(&c.Memory, "memory", c.Memory, "vectors of earlier batches that a batch is compared with, too (cross-batch memory); 0 is none")
	f.BoolVar(&c.Raw, "raw", c.Raw, "vectors of any length; by default they have length 1")
	addEncoderTraining(f, &c.Training)
	run.add(f)
	complete(cmd, map[string][]string{"loss": recipe.MetricLosses(), "mining": recipe.Minings, "channels": recipe.ChannelChoices})
	return cmd
}

// addPictures binds the settings of pictures.
func addPictures(f *pflag.FlagSet, s *recipe.PictureSettings) {
	f.StringVar(&s.Data, "data", s.Data, "`folder` with a subfolder of pictures a class, CSV file path,label, or folder of four IDX files (default MNIST, fetched once)")
	f.StringVar(&s.Test, "test", s.Test, "test pictures, `folder` or list as --data (default a share of that; IDX files have their own)")
	f.Float64Var(&s.TestShare, "test-share", s.TestShare, "share of each class that is kept for the test where there is no test set")
	f.IntVar(&s.Size, "size", s.Size, "pixels of a side that pictures are scaled to; those in IDX files stay as they are")
	f.StringVar(&s.Channels, "channels", s.Channels, "auto (1 where all pictures are grey), 1 or 3")
	f.BoolVar(&s.SkipBad, "skip-bad", s.SkipBad, "leave out pictures that cannot be read, and say how many")
	f.IntVar(&s.Dim, "dim", s.Dim, "numbers of a vector")
	f.BoolVar(&s.Augment, "augment", s.Augment, "shift, turn and scale the training pictures a little at random")
	f.BoolVar(&s.Flip, "flip", s.Flip, "with --augment: mirror every other one, too")
	f.BoolVar(&s.Brightness, "brightness", s.Brightness, "with --augment: change brightness and contrast, too")
}

// addEncoderTraining binds the settings of training, of which validation has a default of its own.
func addEncoderTraining(f *pflag.FlagSet, t *recipe.Training) {
	addTraining(f, t)
	f.Lookup("validation").Usage = "training samples held out to choose the best epoch by (default a tenth, at most 5000)"
}

// complete gives the shell the values of flags.
func complete(cmd *cobra.Command, flags map[string][]string) {
	for name, values := range flags {
		err := cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		})
		if err != nil {
			panic(err)
		}
	}
}

// located makes paths absolute, so that a run is found right from anywhere.
func located(paths ...*string) error {
	for _, p := range paths {
		if err := locate(p); err != nil {
			return err
		}
	}
	return nil
}

// beginPictured claims the run's folder and reads pictures by a recipe's loader, as runFlags.begin does for digits.
func beginPictured[S any](
	cmd *cobra.Command, run *runFlags, base string, load func(context.Context, data.Progress) (S, []error, error),
) (p *progress, sets S, err error) {
	if err := run.claim(base); err != nil {
		return nil, sets, err
	}
	p = newProgress(cmd.ErrOrStderr(), run.quiet)
	if sets, err = loadPictures(cmd.Context(), p, load); err != nil {
		run.release()
	}
	return p, sets, err
}

// loadPictures calls a recipe's loader, showing a download, and says what was skipped.
func loadPictures[S any](ctx context.Context, p *progress, load func(context.Context, data.Progress) (S, []error, error)) (S, error) {
	sets, skipped, err := load(ctx, p.download)
	p.end()
	const named = 5
	for i, s := range skipped {
		if i == named {
			p.say("… and %d more", len(skipped)-named)
			break
		}
		p.say("skipped: %v", s)
	}
	if len(skipped) > 0 {
		p.say("%d pictures that cannot be read are left out", len(skipped))
	}
	return sets, err
}

func trainSearch(cmd *cobra.Command, c recipe.SearchConfig, run runFlags) error {
	p, sets, err := beginPictured(cmd, &run, "search-"+c.Loss, c.Load)
	if err != nil {
		return err
	}
	defer run.release()
	r, err := recipe.Search(cmd.Context(), c, sets, recipe.Options{Dir: run.dir, Folder: run.claimed, Resume: run.resume, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, run.dir, r.Steps)
	}
	test, err := recipe.SearchTest(run.dir, sets)
	if err != nil {
		return err
	}
	if err := writePictured(run, test); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	summariseSearch(out, r)
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, "report.html")))
	return printJSON(out, r, run.json)
}

// writePictured writes the page of a run whose test pictures are at hand.
func writePictured(run runFlags, test *data.Pictures) error {
	images, err := report.PlaneImages(test.Pixels, test.C, test.H, test.W)
	if err == nil {
		err = report.Write(run.dir, images)
	}
	if err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train %s --run %s --resume tries again): %w", run.recipe, shellQuote(run.dir), err)
	}
	return nil
}

// summariseSearch says what a run came to.
func summariseSearch(out io.Writer, r *recipe.SearchResult) {
	fmt.Fprintf(out, "%s, loss %s, vectors of %d numbers, %s distance, seed %d\n", r.Recipe, r.Loss, r.Dim, r.Metric, r.Seed)
	what := "test pictures"
	if len(r.HeldOut) > 0 {
		what = "test pictures of classes that were not trained on (" + strings.Join(r.HeldOut, ", ") + ")"
	}
	summariseRetrieval(out, what, r.Among)
	if r.InTraining != nil {
		fmt.Fprintf(out, "  among the %d training pictures: precision@1 %s, MAP@R %s\n", r.InTraining.Gallery, share(r.InTraining.Precision1), share(r.InTraining.MAPAtR))
	}
	summariseMeasured(out, r.Measured)
}

// summariseRetrieval says how well pictures find their like among one another.
func summariseRetrieval(out io.Writer, what string, r *retrieval.Report) {
	fmt.Fprintf(out, "  %s, each searched for among the others: %d queries\n", what, r.Queries)
	if r.LeftOut > 0 {
		fmt.Fprintf(out, "  left out     %d pictures that are alone in their class\n", r.LeftOut)
	}
	fmt.Fprintf(out, "  precision@1  %s  (%d wrong)\n", share(r.Precision1), r.Wrong)
	fmt.Fprint(out, "  recall      ")
	for _, k := range r.Recall {
		fmt.Fprintf(out, " @%d %s", k.K, share(k.Share))
	}
	fmt.Fprintf(out, "\n  R-precision  %s, MAP@R %s\n", share(r.RPrecision), share(r.MAPAtR))
	if r.NMI != nil {
		fmt.Fprintf(out, "  clusters     NMI %.3f\n", *r.NMI)
	}
}

func evalSearch(cmd *cobra.Command, dir, dataDir string, asJSON bool) error {
	c, err := recipe.ReadSearchConfig(filepath.Join(dir, recipe.ConfigFile), recipe.DefaultSearch())
	if err != nil {
		return err
	}
	m, err := encode.Open(dir)
	if err != nil {
		return err
	}
	c.Channels, c.Size = fmt.Sprint(m.Network().Channels), m.Network().Height
	own := dataDir == ""
	if !own {
		c.Data, c.Test = dataDir, ""
	}
	p := newProgress(cmd.ErrOrStderr(), false)
	sets, err := loadPictures(cmd.Context(), p, c.Load)
	if err != nil {
		return err
	}
	set := cmp.Or(sets.Test, sets.Train)
	if own {
		if set, err = recipe.SearchTest(dir, sets); err != nil {
			return err
		}
	}
	r, err := recipe.EvalSearch(cmd.Context(), dir, set)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s\n", shown(dir))
	summariseRetrieval(out, "pictures", r)
	return printJSON(out, r, asJSON)
}
