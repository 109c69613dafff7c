package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newTrainDigits() *cobra.Command {
	var s settings
	var dir string
	var resume, asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "digits",
		Short: "Train an energy E(W, y, x) over the ten digits",
		Long: `Trains an energy-based model E(W, y, x) of handwritten digits x and labels y with the loss
functional that you name, and tells what the loss did to the energies.

The data is MNIST, which is fetched once through the Go module proxy or from the web, or any
MNIST-like set of four IDX files (--data). The run's folder then holds config.yaml (training
with it gives the same weights), events.jsonl, checkpoint.safetensors, model.safetensors (the
weights of the best epoch on held-out samples), test.safetensors (all energies of the test
set), result.json, and report.html with its pictures under plots/.`,
		Example: `  energo train digits
  energo train digits --model mlp --functional hinge --margin 2 --seed 7
  energo train digits --epochs 20 --augment --ema 0.999
  energo train digits --loss cross_entropy --label-smoothing 0.1
  energo train digits --run runs/mine          # stopped by Ctrl-C? then:
  energo train digits --run runs/mine --resume
  energo train digits --config runs/mine/config.yaml --run runs/again`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if resume && dir == "" {
				return usagef("--resume goes on with the run in a folder; name it with --run")
			}
			if resume && s.file == "" {
				if file := filepath.Join(dir, recipe.ConfigFile); exists(file) {
					s.file = file
				}
			}
			if err := s.resolve(cmd); err != nil {
				return err
			}
			return trainDigits(cmd, s.config, dir, resume, asJSON, quiet)
		},
	}
	s.add(cmd)
	f := cmd.Flags()
	f.StringVar(&dir, "run", "", "`folder` of the run, new or empty (default runs/digits-FUNCTIONAL-MODEL and a number)")
	f.BoolVar(&resume, "resume", false, "go on with the run in --run, which gives what an unbroken run gives")
	f.BoolVar(&asJSON, "json", false, "print the result as one JSON object, the last line of stdout")
	f.BoolVar(&quiet, "quiet", false, "no progress")
	return cmd
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func trainDigits(cmd *cobra.Command, c recipe.DigitsConfig, dir string, resume, asJSON, quiet bool) error {
	folder, err := claim(dir, resume, "digits-"+cmp.Or(c.Loss, c.Functional)+"-"+c.Model)
	if err != nil {
		return err
	}
	defer folder.Release()
	dir = folder.Dir
	p := newProgress(cmd.ErrOrStderr(), quiet)
	trainSet, testSet, err := p.load(cmd.Context(), c.Data)
	if err != nil {
		return err
	}
	r, err := recipe.Digits(cmd.Context(), c, recipe.Options{Dir: dir, Folder: folder, Resume: resume, Train: trainSet, Test: testSet, Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, "digits", dir, r.Steps)
	}
	images, err := report.GrayImages(testSet.Pixels, testSet.H, testSet.W)
	if err != nil {
		return err
	}
	if err := report.Write(dir, images); err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train digits --run %s --resume tries again): %w", shellQuote(dir), err)
	}
	out := cmd.OutOrStdout()
	summary(out, r, testSet.N)
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(dir), shown(filepath.Join(dir, "report.html")))
	fmt.Fprintf(out, "Next: energo eval %s, or energo compare digits.\n", shellQuote(dir))
	return printJSON(out, r, asJSON)
}

// claim locks the folder of a run: dir, or if that is empty the first free BASE-1, BASE-2 … in runs.
func claim(dir string, resume bool, base string) (*job.Folder, error) {
	if dir != "" {
		return job.Claim(dir, resume)
	}
	return job.ClaimNew(filepath.Join("runs", base))
}

// interrupted says how a run that was stopped goes on.
func interrupted(cmd *cobra.Command, recipe, dir string, steps int) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "Stopped after %d steps; a checkpoint is saved. To go on:\n  energo train %s --run %s --resume\n", steps, recipe, shellQuote(dir))
	return errInterrupted
}

func printJSON(out interface{ Write([]byte) (int, error) }, v any, wanted bool) error {
	if !wanted {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
}
