package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runFlags are the flags of a job that trains into a run's folder.
type runFlags struct {
	base   string // of the default folder's name
	file   string // of settings
	dir    string
	resume bool
	json   bool
	quiet  bool
	studio bool
}

func (r *runFlags) add(f *pflag.FlagSet) {
	f.StringVar(&r.file, "config", "", "YAML `file` of settings, such as a run's config.yaml")
	f.StringVar(&r.dir, "run", "", "`folder` of the run, new or empty (default runs/"+r.base+" and a number)")
	f.BoolVar(&r.resume, "resume", false, "continue the run in --run, which gives what an unbroken run gives")
	jsonFlag(f, &r.json)
	f.BoolVar(&r.quiet, "quiet", false, "no progress")
	f.BoolVar(&r.studio, "studio", false, "show the run in a browser while it is trained, and until the command is interrupted")
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

// claim locks the run's folder: --run, or else the first free BASE-1, BASE-2 … in runs, which is --run from then on.
func (r *runFlags) claim(base string) (folder *job.Folder, err error) {
	if r.dir != "" {
		return job.Claim(r.dir, r.resume)
	}
	if folder, err = job.ClaimNew(filepath.Join("runs", base)); err == nil {
		r.dir = folder.Dir
	}
	return folder, err
}

// interrupted says how to resume a run that was stopped.
func interrupted(cmd *cobra.Command, j job.Job, dir string, steps int) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "Stopped after %s; a checkpoint is saved. To resume:\n  %s --run %s --resume\n", counted(steps, "step", "steps"), trainedBy(cmd, j), shellQuote(dir))
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
