package tabular

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/wholefile"
)

// The files of a model's folder.
const (
	CardFile    = "table.json"
	WeightsFile = "model.safetensors"
)

// format is the number of the folder's format.
const format = 1

// modelCard is the content of CardFile.
type modelCard struct {
	Format int `json:"format"`
	Spec
}

// Save writes the model into a folder, which must exist: first the weights, then the card, which says that they are whole.
func (m *Model) Save(dir string) error {
	path := filepath.Join(dir, CardFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := nn.Save(filepath.Join(dir, WeightsFile), m.net); err != nil {
		return err
	}
	text, err := json.MarshalIndent(modelCard{format, m.Spec}, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(text, '\n'))
}

// Open opens the model in a folder.
//
// Errors: a folder without a card; damaged files, and a card of another format, by the file's name; weights of shapes
// that the card does not have.
func Open(dir string) (*Model, error) {
	path := filepath.Join(dir, CardFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s: it is not the folder of a table's model, or its training is not finished", dir, CardFile)
	}
	if err != nil {
		return nil, err
	}
	spec, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	weights := filepath.Join(dir, WeightsFile)
	file, err := tensor.ReadFile(weights)
	if err != nil {
		return nil, err
	}
	m, err := restored(spec, file)
	if err != nil {
		return nil, fmt.Errorf("%s does not have the weights that %s describes: %w", weights, path, err)
	}
	return m, nil
}

func decode(text []byte) (Spec, error) {
	var other struct {
		Format *int `json:"format"`
	}
	if json.Unmarshal(text, &other) == nil && other.Format != nil && *other.Format != format {
		return Spec{}, fmt.Errorf("format is %d; this version opens format %d", *other.Format, format)
	}
	var c modelCard
	if err := card.Decode(text, &c); err != nil {
		return Spec{}, err
	}
	if err := c.check(); err != nil {
		return Spec{}, excerpt.Error(err)
	}
	return c.Spec, nil
}

// restored returns the model with the weights of a file.
func restored(s Spec, file *tensor.File) (*Model, error) {
	for i, shape := range s.layers() { // before memory is taken for what a card says
		name := fmt.Sprintf("net.%d.weight", 2*i)
		if x := file.Get(name); x == nil || !slices.Equal(x.Shape(), shape[:]) {
			return nil, fmt.Errorf("it has no tensor %q of shape %v", name, shape)
		}
	}
	m, err := New(s, rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return nil, err
	}
	return m, nn.Restore(m.net, file.Tensors)
}

// Load reads the weights of a folder. Errors: those of Open; the folder's card is another one than the model's, such as
// one that was fitted on other rows.
func (m *Model) Load(dir string) error {
	stored, err := Open(dir)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(stored.Spec, m.Spec) {
		return fmt.Errorf("%s: the columns, or what the training rows say of them, are not those of the table", filepath.Join(dir, CardFile))
	}
	to := m.Params()
	for i, p := range stored.Params() {
		copy(to[i].Value.Float32s(), p.Value.Float32s())
	}
	return nil
}
