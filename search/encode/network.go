package encode

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/train"
)

// Bounds of what a Spec may say.
const (
	MinSide = 8       // pixels of a side of the pictures
	MaxSide = 256     // …
	MaxDim  = 1 << 12 // coordinates of a vector
)

// The networks' sizes.
const (
	smallSide   = 40      // up to this side, two convolutions; beyond, a network that halves the picture until little is left
	narrow      = 32      // channels of the first convolution
	wide        = 64      // … of the second, for small pictures
	widest      = 256     // … of any
	groups      = 8       // of channels that are normalised together
	lastSide    = 8       // pixels of the side of what is left, at most
	batchSize   = 250     // pictures computed together, at most; more is no faster, and takes more memory
	batchFloats = 1 << 22 // of the pixels of all pictures computed together
	leastNorm2  = 1e-12   // added to the squared length, so that zeros stay zeros
)

// Described is the network of large pictures.
const Described = "described"

// Own names energo's network for pictures of a size.
func Own(height, width int) string {
	if max(height, width) <= smallSide {
		return ""
	}
	return Described
}

// metrics are what Spec.Metric may be.
var metrics = []distance.Kind{distance.Euclidean, distance.Cosine, distance.Dot}

// A Spec says what an encoder takes and gives.
type Spec struct {
	Job      string        `json:"job"` // that trained it, such as "search": the first part of Fingerprint
	Channels int           `json:"channels"`
	Height   int           `json:"height"` // pixels
	Width    int           `json:"width"`
	Dim      int           `json:"dim"`    // coordinates of a vector
	Unit     bool          `json:"unit"`   // vectors have length 1
	Metric   distance.Kind `json:"metric"` // the distance that vectors are trained for: Euclidean, Cosine or Dot
	// DarkBackground: training was on bright figures on dark ground. Pictures with a bright border, such as
	// ink on paper, are then turned into their negatives.
	DarkBackground bool `json:"dark_background"`
	// Network is energo's own network: "" for convolutions alone, Described for pictures of more than 40 pixels a side: a linear layer over the descriptor of a picture and what a small residual network says of it.
	Network string `json:"network,omitempty"`
	// Imported: the network begins with a model of another system, and stands in ImportedFile.
	Imported bool `json:"imported,omitempty"`
}

// Check refuses what is out of range.
func (s Spec) Check() error {
	if s.Height < MinSide || s.Width < MinSide || s.Height > MaxSide || s.Width > MaxSide {
		return fmt.Errorf("the pictures have %d×%d pixels; sides must be from %d to %d", s.Height, s.Width, MinSide, MaxSide)
	}
	if s.Channels != 1 && s.Channels != 3 {
		return fmt.Errorf("the pictures have %d channels; they must have 1 or 3", s.Channels)
	}
	if s.Dim < 1 || s.Dim > MaxDim {
		return fmt.Errorf("dim is %d; it must be a whole number from 1 to %d", s.Dim, MaxDim)
	}
	if s.Network != "" && (s.Network != Described || max(s.Height, s.Width) <= smallSide) {
		return fmt.Errorf("the network is %q; it must be %q, of pictures with more than %d pixels a side, or not named", excerpt.Of(s.Network), Described, smallSide)
	}
	return s.Metric.Check("metric", metrics)
}

// Fits refuses a set of pictures of another size or number of channels.
func (s Spec) Fits(set *data.Pictures) error {
	if set.C != s.Channels || set.H != s.Height || set.W != s.Width {
		return fmt.Errorf("the pictures are %d×%d×%d; the model takes %d×%d×%d", set.C, set.H, set.W, s.Channels, s.Height, s.Width)
	}
	return nil
}

// Together is how many pictures are to be computed together where nothing is trained: fewer of large ones, which take more memory.
func (s Spec) Together() int {
	return min(batchSize, max(1, batchFloats/(s.Channels*s.Height*s.Width)))
}

// Input says how pictures are read for the network.
func (s Spec) Input() data.PictureOptions {
	return data.PictureOptions{C: s.Channels, H: s.Height, W: s.Width}
}

// A Network maps pictures to vectors.
type Network struct {
	Spec
	Module nn.Module // [B, Channels, Height, Width] → [B, Dim]; Vectors makes its output vectors
}

// NewNetwork returns an untrained network with weights drawn from the seed: what Spec.Network names, or, up to 40 pixels a side, two convolutions with
// pooling and a linear layer; beyond, convolutions of stride 2 down to 8 pixels a side, and the mean over what is left.
//
// Errors: a Spec that is out of range.
func NewNetwork(s Spec, seed uint64) (*Network, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	rng := train.Rand(seed, "init", 0)
	if s.Network == Described {
		return &Network{Spec: s, Module: newDescribed(s, rng)}, nil
	}
	return &Network{Spec: s, Module: layersFor(s, rng)}, nil
}

func layersFor(s Spec, rng *rand.Rand) nn.Module {
	same := nn.ConvOptions{Pad: 1}
	if max(s.Height, s.Width) <= smallSide {
		return nn.NewSequential(
			nn.NewConv2D(s.Channels, narrow, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.NewConv2D(narrow, wide, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.Flatten{}, nn.NewLinear(wide*(s.Height/4)*(s.Width/4), s.Dim, rng),
		)
	}
	var layers []nn.Module
	stage := func(in, out int, o nn.ConvOptions) {
		layers = append(layers, nn.NewConv2D(in, out, 3, o, rng), nn.NewGroupNorm(groups, out), nn.ReLU{})
	}
	half := nn.ConvOptions{Pad: 1, Stride: 2}
	width := narrow
	stage(s.Channels, width, half)
	for side := (max(s.Height, s.Width) + 1) / 2; side > lastSide; side = (side + 1) / 2 {
		next := min(2*width, widest)
		stage(width, next, half)
		width = next
	}
	stage(width, width, same)
	return nn.NewSequential(append(layers, nn.GlobalAvgPool2D{}, nn.NewLinear(width, s.Dim, rng))...)
}

// Vectors makes the module's output [B, Dim] vectors: where Unit is set, of length 1. A row of zeros stays so.
func (n *Network) Vectors(out *autodiff.Var) *autodiff.Var {
	if !n.Unit {
		return out
	}
	rows := out.Shape()[0]
	length := autodiff.Sqrt(autodiff.AddScalar(autodiff.SumLast(autodiff.Square(out)), leastNorm2))
	each := autodiff.RepeatRows(autodiff.Reshape(length, rows, 1), n.Dim)
	return autodiff.Div(out, autodiff.Reshape(each, rows, n.Dim))
}

// A Worker computes vectors with a network on one goroutine.
type Worker struct {
	network *Network
	tape    *autodiff.Tape
	x       *tensor.Tensor
}

// Worker returns one more worker.
func (n *Network) Worker() *Worker {
	w := &Worker{network: n, tape: autodiff.NewTape(tensor.Float32), x: tensor.New(tensor.Float32)}
	w.tape.NoGrad = true
	return w
}

// input returns where to put n pictures, [n, Channels, Height, Width] in [0, 1].
func (w *Worker) input(n int) []float32 {
	w.x.Resize(n, w.network.Channels, w.network.Height, w.network.Width)
	return w.x.Float32s()
}

// run returns the vectors of the input; they are overwritten by the next run.
func (w *Worker) run() []float32 {
	w.tape.Reset()
	return w.network.Vectors(w.network.Module.Forward(w.tape.Const(w.x))).Value.Float32s()
}

// Embed returns the vectors [set.N, Dim] of a set's pictures, which must fit the network. Its error is the context's.
func (w *Worker) Embed(ctx context.Context, set *data.Pictures) ([]float32, error) {
	all := make([]int, set.N)
	for i := range all {
		all[i] = i
	}
	return w.EmbedSome(ctx, set, all)
}

// EmbedSome is Embed for the pictures at some indices.
func (w *Worker) EmbedSome(ctx context.Context, set *data.Pictures, indices []int) ([]float32, error) {
	all := make([]float32, 0, len(indices)*w.network.Dim)
	for part := range slices.Chunk(indices, w.network.Together()) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		set.Batch(w.input(len(part)), part)
		all = append(all, w.run()...)
	}
	return all, nil
}
