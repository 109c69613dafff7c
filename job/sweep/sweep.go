package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/job"
)

// Searches.
const (
	Grid    = "grid"
	Random  = "random"
	Halving = "halving"
)

// Searches lists what can take trials from a space.
var Searches = []string{Grid, Random, Halving}

// File is the file of a sweep's folder that tells what is tried.
const File = "sweep.json"

const fileFormat = 1

// MaxTrials bounds the trials of a sweep.
const MaxTrials = 10000

// A Sweep is what is tried: written into its folder once, before the first trial.
type Sweep struct {
	Format   int                        `json:"format"`
	Job      string                     `json:"job"`
	Search   string                     `json:"search"`
	Seed     uint64                     `json:"seed"`   // of the draws
	Points   int                        `json:"points"` // of a range in a grid
	Budget   int                        `json:"budget"` // epochs of all trials of a halving together
	Eta      int                        `json:"eta"`    // one in Eta trials of a round is continued
	Axes     []Axis                     `json:"axes"`
	Settings map[string]json.RawMessage `json:"settings"` // fixed ones
	Trials   []Trial                    `json:"trials"`
	Checksum string                     `json:"checksum"` // SHA-256 of the rest

	dir string
}

// A Trial is one training.
type Trial struct {
	Number int               `json:"number"` // from 1
	Folder string            `json:"folder"` // within the sweep's
	Values map[string]string `json:"values"` // of the axes, as flags have them; without those that have no effect
}

// Dir is the sweep's folder.
func (w *Sweep) Dir() string { return w.dir }

// Write writes the sweep into its folder, whole or not at all.
func (w *Sweep) Write(dir string) error {
	sum, err := w.sum()
	if err != nil {
		return err
	}
	w.Checksum, w.dir = sum, dir
	return card.Write(filepath.Join(dir, File), w)
}

// sum is the checksum of all but the checksum.
func (w *Sweep) sum() (string, error) {
	rest := *w
	rest.Checksum = ""
	text, err := json.Marshal(rest)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// Is tells whether a folder has a sweep.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, File))
	return err == nil
}

// Open reads the sweep of a folder.
//
// Errors: there is none; the file is damaged, which its checksum tells; it is of another format.
func Open(dir string) (*Sweep, error) {
	path := filepath.Join(dir, File)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no sweep: it has no %s", dir, File)
	}
	if err != nil {
		return nil, err
	}
	w := &Sweep{dir: dir}
	if err := card.Decode(text, w); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if w.Format != fileFormat {
		return nil, fmt.Errorf("%s: format is %d; this program reads and writes format %d", path, w.Format, fileFormat)
	}
	sum, err := w.sum()
	if err == nil && sum != w.Checksum {
		err = fmt.Errorf("it is damaged: checksum is %s, of what it holds %s", excerpt.Of(w.Checksum), sum)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// Folder is the folder of a trial.
func (w *Sweep) Folder(t Trial) string { return filepath.Join(w.dir, t.Folder) }

// Spec returns the resolved settings of a trial with some values of the axes. A setting that is fixed or of an axis and has no
// effect beside the others is at its default; void has the reasons.
func (w *Sweep) Spec(j job.Job, values map[string]string) (s job.Spec, void map[string]string, err error) {
	s, defaults := j.New(), j.New().Options()
	options := s.Options()
	fixed, err := json.Marshal(w.Settings)
	if err != nil {
		return nil, nil, err
	}
	names, err := options.Read(File, fixed) // JSON is YAML
	if err != nil {
		return nil, nil, err
	}
	for _, a := range w.Axes {
		value, ok := values[a.Name]
		if !ok {
			continue
		}
		o := options.Find(a.Name)
		if o == nil {
			return nil, nil, fmt.Errorf("%s has no setting %s", j.Name, a.Name)
		}
		if err := o.Set(value); err != nil {
			return nil, nil, fmt.Errorf("%s: %q is no %s", a.Name, excerpt.Of(value), o.Type())
		}
		names = append(names, a.Name)
	}
	if w.Search == Halving {
		rounds, err := w.Rounds()
		if err != nil {
			return nil, nil, err
		}
		s.Base().Epochs = rounds[len(rounds)-1].Epochs
	}
	void = map[string]string{}
	for _, name := range names {
		o := options.Find(name)
		if why := o.Void(); why != "" {
			void[name] = why
			o.Assign(defaults.Find(name))
		}
	}
	return s, void, job.Resolve(j, s)
}
