package encode

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/loss/distance"
)

// Encoder turns pictures into vectors. *Model, *Imported and Histogram are such.
type Encoder interface {
	// Dim is how many coordinates a vector has.
	Dim() int
	// Fingerprint tells encoders apart: vectors of different ones do not compare.
	Fingerprint() string
	// Metric is the distance that the vectors were trained for: Euclidean, Cosine or Dot.
	Metric() distance.Kind
	// Size is that of the pictures that the network takes: others are fitted to it, as data.Fit does.
	Size() image.Point
	// Channels is that of the pictures that the network takes: 1 is grey, 3 are colours.
	Channels() int
	// Encode writes the vectors of pictures of any size and colour to dst, Dim elements each.
	// It may be called from several goroutines at once.
	Encode(dst []float32, pictures []image.Image) error
}

// The files of an encoder's folder.
const (
	CardFile     = "encoder.json"
	WeightsFile  = "model.safetensors"
	ImportedFile = "encoder.onnx" // where the network begins with an imported model
)

// cardFormat is the number of the card's form.
const cardFormat = 1

// cardContent is the content of CardFile.
type cardContent struct {
	Format int `json:"format"`
	Spec
}

// Save writes the network into a folder, and then its card: a card says that the weights are whole.
func (n *Network) Save(dir string) error {
	text, err := json.MarshalIndent(cardContent{cardFormat, n.Spec}, "", "  ")
	if err != nil {
		return err
	}
	if err := nn.Save(filepath.Join(dir, WeightsFile), n.Module); err != nil {
		return err
	}
	if err := n.Keep(dir); err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, CardFile), append(text, '\n'))
}

// A Model is a trained encoder. Every picture is fitted to the size that the network was trained for (data.Fit). If the
// training pictures were bright figures on dark ground, as the digits are, a picture whose border is bright is turned
// into its negative first (data.Darken).
type Model struct {
	network     *Network
	fingerprint string
	workers     sync.Pool // of *encoding
	imported    *Imported // where the network begins with such a model: it computes the vectors
}

// Open reads the encoder of a folder: that of a finished run of search or siamese, or what Network.Save wrote.
//
// Errors name the file: a folder without a card; a card that is damaged, has another format number or is out of range;
// weights that are damaged or of another network.
func Open(dir string) (*Model, error) {
	path := filepath.Join(dir, CardFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: finished runs of search and siamese have one; an unfinished run resumes by --resume", path)
	}
	if err != nil {
		return nil, err
	}
	network, err := networkOf(text, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, WeightsFile)
	weights, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := tensor.Decode(weights)
	if err == nil {
		err = nn.Restore(network.Module, f.Tensors)
	}
	if err != nil {
		return nil, &os.PathError{Op: "load", Path: path, Err: err}
	}
	hash := sha256.New()
	hash.Write(text)
	hash.Write(weights)
	m, err := NewModel(network)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ImportedFile), err)
	}
	m.fingerprint = fmt.Sprintf("%s-%x", network.Job, hash.Sum(nil)[:12])
	return m, nil
}

// NewModel returns a network with the weights that it has now as an encoder, without a fingerprint.
//
// Errors: an imported model that cannot be run.
func NewModel(network *Network) (m *Model, err error) {
	m = &Model{network: network}
	if network.Imported {
		m.imported, err = network.encoder()
	}
	return m, err
}

// networkOf returns the untrained network that the card of a folder describes.
func networkOf(text []byte, dir string) (*Network, error) {
	var c cardContent
	if err := card.Decode(text, &c); err != nil {
		return nil, err
	}
	if c.Format != cardFormat {
		return nil, fmt.Errorf("format is %d; this version reads %d", c.Format, cardFormat)
	}
	if c.Imported {
		if err := c.Spec.Check(); err != nil {
			return nil, err
		}
		return loadImported(filepath.Join(dir, ImportedFile), c.Spec)
	}
	return NewNetwork(c.Spec, 0)
}

// Network returns the model's network, which must not be changed.
func (m *Model) Network() *Network { return m.network }

// Dim implements Encoder.
func (m *Model) Dim() int { return m.network.Dim }

// Fingerprint implements Encoder: the job, and a hash of the weights and of what the network takes.
func (m *Model) Fingerprint() string { return m.fingerprint }

// Metric implements Encoder.
func (m *Model) Metric() distance.Kind { return m.network.Metric }

// Size implements Encoder.
func (m *Model) Size() image.Point { return image.Pt(m.network.Width, m.network.Height) }

// Channels is that of the pictures that the network takes: 1 is grey, 3 are colours.
func (m *Model) Channels() int { return m.network.Channels }

// An encoding is what one goroutine needs to encode.
type encoding struct {
	*Worker
	bytes []byte // of one picture
}

// Encode implements Encoder.
//
// Errors: dst of another length; a picture without pixels, by its index; a vector that is not finite.
func (m *Model) Encode(dst []float32, pictures []image.Image) error {
	if m.imported != nil {
		return m.imported.Encode(dst, pictures)
	}
	dim := m.network.Dim
	if err := checkEncode(dst, pictures, dim); err != nil {
		return err
	}
	w, ok := m.workers.Get().(*encoding)
	if !ok {
		w = &encoding{Worker: m.network.Worker(), bytes: make([]byte, m.network.Channels*m.network.Height*m.network.Width)}
	}
	defer m.workers.Put(w)
	together := m.network.Together()
	for lo := 0; lo < len(pictures); lo += together {
		part := pictures[lo:min(lo+together, len(pictures))]
		x := w.input(len(part))
		for i, p := range part {
			m.network.Fit(w.bytes, p)
			for j, v := range w.bytes {
				x[i*len(w.bytes)+j] = float32(v) / 255
			}
		}
		out := dst[lo*dim:][:len(part)*dim]
		copy(out, w.run())
		if simd.HasNonFinite(out) {
			return fmt.Errorf("Encode: the vector of a picture from %d to %d is not finite: the model's weights are of no use", lo, lo+len(part)-1)
		}
	}
	return nil
}

// checkEncode refuses what Encode cannot take.
func checkEncode(dst []float32, pictures []image.Image, dim int) error {
	if len(dst) != len(pictures)*dim {
		return fmt.Errorf("Encode: dst has %d elements; it must have %d, %d for each of %d pictures", len(dst), len(pictures)*dim, dim, len(pictures))
	}
	for i, p := range pictures {
		if p == nil || p.Bounds().Empty() {
			return fmt.Errorf("Encode: picture %d has no pixels", i)
		}
	}
	return nil
}

// Fit turns a picture into the network's input bytes, [Channels, Height, Width].
func (s Spec) Fit(dst []byte, m image.Image) {
	data.Fit(dst, m, s.Channels, s.Height, s.Width)
	if s.DarkBackground {
		data.Darken(dst, s.Height, s.Width)
	}
}
