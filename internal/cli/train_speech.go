package cli

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
	"github.com/spf13/cobra"
)

func newTrainSpeech() *cobra.Command {
	c, defaults := recipe.DefaultSpeech(), recipe.DefaultSpeech()
	run := runFlags{recipe: "speech"}
	cmd := &cobra.Command{
		Use:   "speech --data FILE.csv",
		Short: "Train a recogniser of speech from recordings and texts, unsegmented (CTC)",
		Long: `Trains a convolutional network to write what is said in recordings, character by character, by CTC: it is told what
is said, never when. The energy of a text is −log of its probability with all alignments summed out.

--data is a CSV file whose header names the columns path and text: WAV files of any rate, paths
beginning at the file's own folder. --test names more such files, each measured by itself; without it the last
recordings of --data, which are held out, are. Texts are read in lower case.

The run's folder also has reader.json, which transcribe and align need, and times.safetensors,
a hidden Markov model of when words are said, which align finds exact times by. A run that lacks it gets it by
--resume.`,
		Example: `  energo train speech --data corpus/train.csv --test corpus/heard.csv --test corpus/test.csv
  energo transcribe runs/speech-1 recording.wav
  energo align runs/speech-1 recording.wav "one two three"`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, &run, &c, defaults, recipe.ReadSpeechConfig); err != nil {
				return err
			}
			c.Test = slices.Clone(c.Test)
			for i := range c.Test {
				if err := locate(&c.Test[i]); err != nil {
					return err
				}
			}
			if err := locate(&c.Data); err != nil {
				return err
			}
			resolved, err := c.Resolve()
			if err != nil {
				return usageError{err}
			}
			return trainSpeech(cmd, resolved, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "CSV `file` of recordings and texts")
	f.StringArrayVar(&c.Test, "test", c.Test, "CSV `file` of test recordings; may be given again")
	f.IntVar(&c.Rate, "rate", c.Rate, "samples a second that recordings are brought to")
	f.IntVar(&c.Mels, "mels", c.Mels, "bands of the features")
	f.IntVar(&c.Channels, "channels", c.Channels, "channels of the convolutions along time")
	f.BoolVar(&c.Augment, "augment", c.Augment, "play recordings faster, slower, louder and softer, and hide parts of them")
	f.Float64Var(&c.Priors, "priors", c.Priors, "weight of the label priors that are divided out in training, from 0 to 1; 0.3 gives the emissions themselves sharper times, and more errors")
	addTraining(f, &c.Training)
	run.add(f)
	return cmd
}

func trainSpeech(cmd *cobra.Command, c recipe.SpeechConfig, run runFlags) error {
	if err := run.claim("speech"); err != nil {
		return err
	}
	defer run.release()
	dir := run.dir
	p := newProgress(cmd.ErrOrStderr(), run.quiet)
	p.say("reading the recordings")
	emit := func(e train.Event) {
		p.emit(e)
		if done, ok := e.(train.Done); ok && done.Reason != "interrupted" && done.Reason != "diverged" {
			p.say("learning when words are said")
		}
	}
	r, err := recipe.Speech(cmd.Context(), c, recipe.Options{Dir: dir, Folder: run.claimed, Resume: run.resume, Emit: emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, run.recipe, dir, r.Steps)
	}
	if err := report.Write(dir, nil); err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (energo train speech --run %s --resume tries again): %w", shellQuote(dir), err)
	}
	out := cmd.OutOrStdout()
	summariseReading(out, r, "CHARACTERS")
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\nNext: energo transcribe %s FILE.wav\n", shown(dir), shown(filepath.Join(dir, "report.html")), shellQuote(dir))
	return printJSON(out, r, run.json)
}

func evalSpeech(cmd *cobra.Command, dir, manifest string, asJSON bool) error {
	r, err := recipe.EvalSpeech(cmd.Context(), dir, manifest)
	if err != nil {
		return err
	}
	summariseReading(cmd.OutOrStdout(), r, "CHARACTERS")
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
