package read

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/wholefile"
)

// The files of a reader's folder; TimesFile is one more.
const (
	CardFile    = "reader.json"
	WeightsFile = "model.safetensors"
)

// cardFormat is the number of the card's form.
const cardFormat = 1

// cardContent is the content of CardFile.
type cardContent struct {
	Format int `json:"format"`
	Spec
	Speech *Features `json:"speech"` // null for pictures
}

// Save writes what Open reads: weights, the model of times where there is one, and then the card, which says that the
// rest is whole. features is nil for a network of pictures, times where there is no model.
func Save(dir string, n *Network, features *Features, times *Times) error {
	text, err := json.MarshalIndent(cardContent{cardFormat, n.Spec, features}, "", "  ")
	if err != nil {
		return err
	}
	if err := Keep(dir, n, features); err != nil {
		return err
	}
	if err := nn.Save(filepath.Join(dir, WeightsFile), n.Module); err != nil {
		return err
	}
	if times != nil {
		if err := times.save(filepath.Join(dir, TimesFile)); err != nil {
			return err
		}
	}
	return wholefile.Write(filepath.Join(dir, CardFile), append(text, '\n'))
}

// Open reads the reader of a folder: that of a finished run of strips or speech, or what Save wrote.
//
// Errors name the file: a folder without a card; a card that is damaged, has another format number or is out of range;
// weights, or a model of times, that are damaged or of another network.
func Open(dir string) (*Reader, error) {
	path := filepath.Join(dir, CardFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: finished runs of strips and speech have one; an unfinished run resumes by --resume", path)
	}
	if err != nil {
		return nil, err
	}
	r, err := readerOf(dir, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.speech != nil {
		if r.times, err = readTimes(filepath.Join(dir, TimesFile)); err != nil {
			return nil, err
		}
	}
	if err := nn.Load(filepath.Join(dir, WeightsFile), r.r.Module); err != nil {
		return nil, err
	}
	return r, nil
}

// networkOf returns the untrained network of a folder.
func networkOf(dir string, s Spec) (*Network, error) {
	if s.Imported == nil {
		return NewNetwork(s, 0)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return loadImported(filepath.Join(dir, ImportedFile), s)
}

// readerOf returns the reader that a card describes, with an untrained network.
func readerOf(dir string, text []byte) (*Reader, error) {
	var c cardContent
	if err := card.Decode(text, &c); err != nil {
		return nil, err
	}
	if c.Format != cardFormat {
		return nil, fmt.Errorf("format is %d; this version reads %d", c.Format, cardFormat)
	}
	n, err := networkOf(dir, c.Spec)
	if err != nil {
		return nil, err
	}
	r := &Reader{Classes: append([]string{""}, c.Tokens...), r: n, speech: c.Speech, Frame: stride}
	if n.Words() {
		r.Separator = " "
	}
	if r.speech == nil {
		if n.Imported != nil {
			r.Frame = float64(n.Imported.Step)
		}
		return r, nil
	}
	if err := r.speech.prepare(n.Height); err != nil {
		return nil, fmt.Errorf("speech: %w", err)
	}
	r.Frame, r.Offset = r.speech.Spacing(n)
	return r, nil
}
