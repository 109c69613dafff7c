package jobs

import (
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

// Keep implements job.Keeper: a run that is opened again finds its settings resolved, and no longer knows which of them the data has chosen.
func (t *encoderTask) Keep(dir string) error {
	if len(t.notes) > 0 {
		if err := card.Write(filepath.Join(dir, job.NotesFile), t.notes); err != nil {
			return err
		}
	}
	return t.Network.Keep(dir)
}

// keptNotes returns the notes of the run that is opened again; those of now where there is none, or where it has kept none.
func keptNotes(env job.Env, now []string) (notes []string, err error) {
	if env.Run == "" {
		return now, nil
	}
	path := filepath.Join(env.Run, job.NotesFile)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return now, nil
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(text, &notes); err != nil {
		return nil, fmt.Errorf("%s: %w; it must be a list of texts", path, excerpt.Error(err))
	}
	return notes, nil
}
