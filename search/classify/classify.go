package classify

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// The files of a classifier's folder; encode.ImportedFile is one more where it begins with an imported model.
const (
	CardFile    = "classifier.json"
	WeightsFile = "model.safetensors"
)

// cardFormat is the number of the card's form.
const cardFormat = 1

// cardContent is the content of CardFile.
type cardContent struct {
	Format int `json:"format"`
	Spec
}

// A Spec says what a classifier takes and gives.
type Spec struct {
	Channels int      `json:"channels"` // 1 or 3
	Height   int      `json:"height"`   // pixels
	Width    int      `json:"width"`
	Classes  []string `json:"classes"` // names, in the order of the energies
	// NonNegative: the energies are E = log(1 + exp(y)) of the network's numbers y, as some functionals need them; else they are the numbers.
	NonNegative bool `json:"non_negative"`
	// DarkBackground is as that of encode.Spec.
	DarkBackground bool `json:"dark_background"`
	// Imported: the network begins with a model of another system.
	Imported bool `json:"imported"`
	// Encoder: the network begins with the vectors of energo's own network, which this describes; nil where it does not.
	Encoder *encode.Spec `json:"encoder,omitempty"`
}

// network describes the network as package encode does: its vectors are numbers of the classes.
func (s Spec) network() encode.Spec {
	return encode.Spec{
		Job: "pictures", Channels: s.Channels, Height: s.Height, Width: s.Width, Dim: len(s.Classes), Metric: distance.Euclidean,
		DarkBackground: s.DarkBackground, Imported: s.Imported,
	}
}

// A Model is a classifier: an energy E(x, y) of each class y of a picture x. It is an energy.Labeler and an nn.Module, which serve one goroutine at a time.
type Model struct {
	Spec
	network *encode.Network
	encoder *encode.Model // for what is answered; nil until then
}

// New returns an untrained classifier with weights drawn from the seed, a small residual network with a size that is fit for its pictures.
//
// Errors: a Spec that is out of range.
func New(s Spec, seed uint64) (*Model, error) {
	s.Imported, s.Encoder = false, nil
	if err := s.check(); err != nil {
		return nil, err
	}
	return &Model{Spec: s, network: &encode.Network{Spec: s.network(), Module: layersFor(s, train.Rand(seed, "init", 0))}}, nil
}

// Over returns a classifier that begins with a network of energo's own, whose weights it shares: a linear layer with weights drawn from the seed makes the numbers of the classes of the
// network's output, before this is brought to length 1.
//
// Errors: a Spec that is out of range; a network of pictures of another size or number of channels.
func Over(n *encode.Network, s Spec, seed uint64) (*Model, error) {
	s.Imported, s.Encoder = false, &n.Spec
	if err := s.check(); err != nil {
		return nil, err
	}
	head := nn.NewLinear(n.Dim, len(s.Classes), train.Rand(seed, "init", 0))
	return &Model{Spec: s, network: &encode.Network{Spec: s.network(), Module: nn.NewSequential(nn.Prefix("encoder", n.Module), nn.Prefix("head", head))}}, nil
}

// Begin returns a classifier that begins with a model of another system, a linear layer over its output giving the numbers of the classes.
//
// Errors: a Spec that is out of range; those of encode.Base.Network.
func Begin(base *encode.Base, s Spec, o encode.BaseOptions) (*Model, error) {
	s.Imported, o.Head = true, true
	if err := s.check(); err != nil {
		return nil, err
	}
	n, err := base.Network(s.network(), o)
	if err != nil {
		return nil, err
	}
	return &Model{Spec: s, network: n}, nil
}

// Energies implements energy.Labeler: pictures [B, Channels, Height, Width] in [0, 1] to [B, classes].
func (m *Model) Energies(x *autodiff.Var) *autodiff.Var {
	y := m.network.Module.Forward(x)
	if m.NonNegative {
		return autodiff.Softplus(y)
	}
	return y
}

// Together is encode.Spec.Together.
func (m *Model) Together() int { return m.network.Together() }

// Labels implements energy.Labeler.
func (m *Model) Labels() int { return len(m.Classes) }

// Params implements energy.Labeler.
func (m *Model) Params() []*autodiff.Param { return m.network.Module.Params() }

// Forward implements nn.Module.
func (m *Model) Forward(x *autodiff.Var) *autodiff.Var { return m.Energies(x) }

var _ energy.Labeler = (*Model)(nil)

// Keep is encode.Network.Keep.
func (m *Model) Keep(dir string) error { return m.network.Keep(dir) }

// Save writes the classifier into a folder, and then its card: a card says that the weights are whole.
func (m *Model) Save(dir string) error {
	text, err := json.MarshalIndent(cardContent{cardFormat, m.Spec}, "", "  ")
	if err != nil {
		return err
	}
	if err := nn.Save(filepath.Join(dir, WeightsFile), m); err != nil {
		return err
	}
	if err := m.Keep(dir); err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, CardFile), append(text, '\n'))
}

// Load reads the weights of a folder.
func (m *Model) Load(dir string) error { return nn.Load(filepath.Join(dir, WeightsFile), m) }

// Open reads the classifier of a folder: that of a finished run of pictures, or what Save wrote.
//
// Errors name the file: a folder without a card; a card that is damaged, has another format number or is out of range;
// weights that are damaged or of another network.
func Open(dir string) (*Model, error) {
	s, err := ReadSpec(dir)
	if err != nil {
		return nil, err
	}
	m, err := modelOf(s, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, CardFile), err)
	}
	return m, m.Load(dir)
}

// ReadSpec reads the card of a classifier's folder.
//
// Errors name the file: there is none; it is damaged, or has another format number.
func ReadSpec(dir string) (Spec, error) {
	path := filepath.Join(dir, CardFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Spec{}, fmt.Errorf("there is no %s: finished runs of pictures have one; an unfinished run resumes by --resume", path)
	}
	if err != nil {
		return Spec{}, err
	}
	var c cardContent
	if err := card.Decode(text, &c); err != nil {
		return Spec{}, fmt.Errorf("%s: %w", path, err)
	}
	if c.Format != cardFormat {
		return Spec{}, fmt.Errorf("%s: format is %d; this version reads %d", path, c.Format, cardFormat)
	}
	return c.Spec, nil
}

// modelOf returns the untrained classifier that the card of a folder describes.
func modelOf(s Spec, dir string) (*Model, error) {
	switch {
	case s.Encoder != nil && !s.Imported:
		if err := s.check(); err != nil {
			return nil, err
		}
		n, err := encode.NewNetwork(*s.Encoder, 0)
		if err != nil {
			return nil, err
		}
		return Over(n, s, 0)
	case !s.Imported:
		return New(s, 0)
	}
	base, err := encode.ReopenBase(dir)
	if err != nil {
		return nil, err
	}
	return Begin(base, s, encode.BaseOptions{})
}

// energies writes those of pictures of any size and colour, which are fitted as data.Fit does, to dst, a row of Labels for each.
//
// Errors: those of encode.Model.Encode.
func (m *Model) energies(dst []float32, pictures []image.Image) error {
	if m.encoder == nil {
		var err error
		if m.encoder, err = encode.NewModel(m.network); err != nil {
			return err
		}
	}
	if err := m.encoder.Encode(dst, pictures); err != nil {
		return err
	}
	if m.NonNegative {
		simd.Softplus(dst, dst)
	}
	return nil
}
