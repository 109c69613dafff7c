package recipe

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
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
)

// Encoder is the trained network of a search or siamese run at work: pictures in, vectors out.
type Encoder interface {
	// Dim is how many coordinates a vector has.
	Dim() int
	// Fingerprint tells encoders apart: vectors of different ones do not compare.
	Fingerprint() string
	// Metric is the distance that the vectors were trained for: "euclidean", "cosine" or "dot".
	Metric() string
	// Size is that of the pictures that the network takes: others are fitted to it, as data.Fit does.
	Size() image.Point
	// Encode writes the vectors of pictures of any size and colour to dst, Dim elements each.
	// It may be called from several goroutines at once.
	Encode(dst []float32, pictures []image.Image) error
}

// encoderMetrics are what Encoder.Metric may be.
var encoderMetrics = []string{"euclidean", "cosine", "dot"}

// EncoderFile says what an encoder takes and gives.
const EncoderFile = "encoder.json"

// encoderCard is the content of EncoderFile.
type encoderCard struct {
	Recipe   string `json:"recipe"`
	Channels int    `json:"channels"`
	Height   int    `json:"height"` // pixels
	Width    int    `json:"width"`
	Dim      int    `json:"dim"`
	Unit     bool   `json:"unit"`   // vectors have length 1
	Metric   string `json:"metric"` // as Encoder.Metric
	// DarkBackground: training was on bright figures on dark ground. Pictures with a bright border, such as
	// ink on paper, are then turned into their negatives.
	DarkBackground bool `json:"dark_background"`
}

// cardOf describes an embedder that was trained on a set of pictures.
func cardOf(recipe string, e *embedder, set *data.Pictures) encoderCard {
	return encoderCard{
		Recipe: recipe, Channels: e.c, Height: e.h, Width: e.w, Dim: e.dim, Unit: e.unit, Metric: e.metric,
		DarkBackground: set.DarkBackground(),
	}
}

// save writes a trained network into a run's folder, and then what it takes: a card says that the weights are whole.
func (card encoderCard) save(dir string, e *embedder) error {
	text, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return err
	}
	if err := nn.Save(filepath.Join(dir, ModelFile), e.net); err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, EncoderFile), append(text, '\n'))
}

// misfit says that pictures are not as the network takes them.
func (card encoderCard) misfit(set *data.Pictures) error {
	return fmt.Errorf("the pictures are %d×%d×%d; the model takes %d×%d×%d", set.C, set.H, set.W, card.Channels, card.Height, card.Width)
}

// LoadEncoder returns the encoder of a finished run of search or siamese. Every picture is fitted to
// the size that the network was trained for (data.Fit). If the training pictures were bright figures on dark ground, as the
// digits are, a picture whose border is bright is turned into its negative first (data.Darken).
func LoadEncoder(dir string) (Encoder, error) {
	e, err := loadEncoder(dir)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func loadEncoder(dir string) (*runEncoder, error) {
	name, err := RunRecipe(dir)
	if err != nil {
		return nil, err
	}
	if name != "search" && name != "siamese" {
		return nil, fmt.Errorf("%s is a run of %s; runs of search and siamese have encoders", dir, name)
	}
	path := filepath.Join(dir, EncoderFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s: the run is not finished; go on with it by --resume", dir, EncoderFile)
	}
	if err != nil {
		return nil, err
	}
	e := &runEncoder{}
	if err := card.Decode(text, &e.card); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if e.net, err = newEmbedder(e.card.Channels, e.card.Height, e.card.Width, e.card.Dim, e.card.Unit, e.card.Metric, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := oneOf("metric", e.card.Metric, encoderMetrics); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	model := filepath.Join(dir, ModelFile)
	weights, err := os.ReadFile(model)
	if err != nil {
		return nil, err
	}
	f, err := tensor.Decode(weights)
	if err == nil {
		err = nn.Restore(e.net.net, f.Tensors)
	}
	if err != nil {
		return nil, &os.PathError{Op: "load", Path: model, Err: err}
	}
	hash := sha256.New()
	hash.Write(text)
	hash.Write(weights)
	e.fingerprint = fmt.Sprintf("%s-%x", name, hash.Sum(nil)[:12])
	return e, nil
}

// runEncoder is the encoder of a run.
type runEncoder struct {
	card        encoderCard
	net         *embedder
	fingerprint string
	seats       sync.Pool // of *seat
}

// Dim implements Encoder.
func (e *runEncoder) Dim() int { return e.card.Dim }

// Fingerprint implements Encoder: the recipe, and a hash of the weights and of what the network takes.
func (e *runEncoder) Fingerprint() string { return e.fingerprint }

// Metric implements Encoder.
func (e *runEncoder) Metric() string { return e.card.Metric }

// Size implements Encoder.
func (e *runEncoder) Size() image.Point { return image.Pt(e.card.Width, e.card.Height) }

// seat is what one goroutine needs to encode.
type seat struct {
	*inference
	bytes []byte // of one picture
}

// Encode implements Encoder. A picture without pixels is refused.
func (e *runEncoder) Encode(dst []float32, pictures []image.Image) error {
	dim := e.card.Dim
	if len(dst) != len(pictures)*dim {
		return fmt.Errorf("Encode: dst has %d elements; it must have %d, %d for each of %d pictures", len(dst), len(pictures)*dim, dim, len(pictures))
	}
	for i, m := range pictures {
		if m == nil || m.Bounds().Empty() {
			return fmt.Errorf("Encode: picture %d has no pixels", i)
		}
	}
	s, ok := e.seats.Get().(*seat)
	if !ok {
		s = &seat{inference: e.net.newInference(), bytes: make([]byte, e.net.pixels())}
	}
	defer e.seats.Put(s)
	for lo := 0; lo < len(pictures); lo += evalBatch {
		part := pictures[lo:min(lo+evalBatch, len(pictures))]
		x := s.input(len(part))
		for i, m := range part {
			e.card.fit(s.bytes, m)
			for j, v := range s.bytes {
				x[i*len(s.bytes)+j] = float32(v) / 255
			}
		}
		out := dst[lo*dim:][:len(part)*dim]
		copy(out, s.run())
		if simd.HasNonFinite(out) {
			return fmt.Errorf("Encode: the vector of a picture from %d to %d is not finite: the model's weights are of no use", lo, lo+len(part)-1)
		}
	}
	return nil
}

// fit turns a picture into the network's input bytes.
func (card encoderCard) fit(dst []byte, m image.Image) {
	data.Fit(dst, m, card.Channels, card.Height, card.Width)
	if card.DarkBackground {
		data.Darken(dst, card.Height, card.Width)
	}
}
