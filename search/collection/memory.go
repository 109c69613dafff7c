package collection

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/internal/bytetext"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/wholefile"
)

// MemoryFile is the file of an index's folder that says which run's network made its vectors.
const MemoryFile = "run.json"

type memory struct {
	Run bytetext.String `json:"run"` // relative to the index's folder, if that is in the run's
}

// Remember notes in an index's folder that the network of the run in another folder made its vectors.
func Remember(dir, run string) error {
	run, err := filepath.Abs(run)
	if err != nil {
		return err
	}
	home, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if inside, err := filepath.Rel(run, home); err == nil && filepath.IsLocal(inside) {
		if run, err = filepath.Rel(home, run); err != nil {
			return err
		}
	}
	text, err := json.Marshal(memory{bytetext.String(filepath.ToSlash(run))})
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, MemoryFile), append(text, '\n'))
}

// Run returns the folder of the run whose network made the vectors of the index in a folder, as Remember noted it; "" where nothing
// is noted.
func Run(dir string) (string, error) {
	path := filepath.Join(dir, MemoryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var r memory
	if err := card.Decode(text, &r); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	run := filepath.FromSlash(string(r.Run))
	if !filepath.IsAbs(run) {
		run = filepath.Join(dir, run)
	}
	return run, nil
}
