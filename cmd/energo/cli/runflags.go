package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runFlags are the flags of a recipe that trains into a run's folder.
type runFlags struct {
	recipe string
	folder string // what the default folder's name says, if not the recipe
	file   string // of settings
	dir    string
	resume bool
	json   bool
	quiet  bool

	claimed *job.Folder // dir, once it is claimed
}

func (r *runFlags) add(f *pflag.FlagSet) {
	f.StringVar(&r.file, "config", "", "YAML `file` of settings, such as a run's config.yaml")
	f.StringVar(&r.dir, "run", "", "`folder` of the run, new or empty (default runs/"+cmp.Or(r.folder, r.recipe)+" and a number)")
	f.BoolVar(&r.resume, "resume", false, "continue the run in --run, which gives what an unbroken run gives")
	jsonFlag(f, &r.json)
	f.BoolVar(&r.quiet, "quiet", false, "no progress")
}

// configFile returns the file of settings to read, "" for none: a run that is resumed has
// its own.
func (r *runFlags) configFile() (string, error) {
	if r.resume && r.dir == "" {
		return "", usagef("--resume continues the run in a folder; name it with --run")
	}
	if own := filepath.Join(r.dir, job.ConfigFile); r.resume && r.file == "" && exists(own) {
		return own, nil
	}
	return r.file, nil
}

// claim claims the run's folder, by default one of base's name and a number.
func (r *runFlags) claim(base string) (err error) {
	if r.claimed, err = claim(r.dir, r.resume, base); err == nil {
		r.dir = r.claimed.Dir
	}
	return err
}

// release gives the run's folder free.
func (r *runFlags) release() { r.claimed.Release() }

// claim locks the folder of a run: dir, or if that is empty the first free BASE-1, BASE-2 … in runs.
func claim(dir string, resume bool, base string) (*job.Folder, error) {
	if dir != "" {
		return job.Claim(dir, resume)
	}
	return job.ClaimNew(filepath.Join("runs", base))
}

// interrupted says how to resume a run that was stopped.
func interrupted(cmd *cobra.Command, j job.Job, dir string, steps int) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "Stopped after %d steps; a checkpoint is saved. To resume:\n  %s --run %s --resume\n", steps, trainedBy(cmd, j), shellQuote(dir))
	return errInterrupted
}

func printJSON(out interface{ Write([]byte) (int, error) }, v any, asked bool) error {
	if !asked {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
