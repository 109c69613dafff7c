package recipe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// Sizes of encoders.
const (
	encoderLeast  = 8   // pixels of a side
	encoderMost   = 256 // …
	encoderSmall  = 40  // up to this side, the digits' network; beyond, one that halves the picture until little is left
	encoderWidest = 256 // channels
	encoderGroups = 8   // of channels that are normalised together
	encoderEnd    = 8   // pixels of the side of what is left, at most
	widestVector  = 1 << 12
)

// embedder is a network that maps pictures to vectors.
type embedder struct {
	net     nn.Module
	c, h, w int
	dim     int
	unit    bool   // vectors are brought to length 1
	metric  string // as Encoder.Metric
}

// newEmbedder returns an untrained embedder for pictures of c channels and h×w pixels, with
// weights drawn from the seed.
func newEmbedder(c, h, w, dim int, unit bool, metric string, seed uint64) (*embedder, error) {
	if h < encoderLeast || w < encoderLeast || h > encoderMost || w > encoderMost {
		return nil, fmt.Errorf("the pictures have %d×%d pixels; sides must be from %d to %d", h, w, encoderLeast, encoderMost)
	}
	if c != 1 && c != 3 {
		return nil, fmt.Errorf("the pictures have %d channels; 1 or 3 are wanted", c)
	}
	if dim < 1 || dim > widestVector {
		return nil, fmt.Errorf("dim is %d; it must be a whole number from 1 to %d", dim, widestVector)
	}
	rng := train.Rand(seed, "init", 0)
	return &embedder{net: encoderNetwork(c, h, w, dim, rng), c: c, h: h, w: w, dim: dim, unit: unit, metric: metric}, nil
}

// encoderNetwork maps pictures [B, c, h, w] to [B, dim].
func encoderNetwork(c, h, w, dim int, rng *rand.Rand) nn.Module {
	same := nn.ConvOptions{Pad: 1}
	if max(h, w) <= encoderSmall {
		return nn.NewSequential(
			nn.NewConv2D(c, channels1, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.NewConv2D(channels1, channels2, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.Flatten{}, nn.NewLinear(channels2*(h/4)*(w/4), dim, rng),
		)
	}
	var layers []nn.Module
	stage := func(in, out int, o nn.ConvOptions) {
		layers = append(layers, nn.NewConv2D(in, out, 3, o, rng), nn.NewGroupNorm(encoderGroups, out), nn.ReLU{})
	}
	half := nn.ConvOptions{Pad: 1, Stride: 2}
	width := channels1
	stage(c, width, half)
	for side := (max(h, w) + 1) / 2; side > encoderEnd; side = (side + 1) / 2 {
		next := min(2*width, encoderWidest)
		stage(width, next, half)
		width = next
	}
	stage(width, width, same)
	return nn.NewSequential(append(layers, nn.GlobalAvgPool2D{}, nn.NewLinear(width, dim, rng))...)
}

// pixels is the number of elements of a picture.
func (e *embedder) pixels() int { return e.c * e.h * e.w }

// vectors brings the network's output to length 1 where vectors have it.
func (e *embedder) vectors(out *autodiff.Var) *autodiff.Var {
	if !e.unit {
		return out
	}
	const least = 1e-12 // of the squared length: zeros stay zeros
	n := out.Shape()[0]
	length := autodiff.Sqrt(autodiff.AddScalar(autodiff.SumLast(autodiff.Square(out)), least))
	each := autodiff.RepeatRows(autodiff.Reshape(length, n, 1), e.dim)
	return autodiff.Div(out, autodiff.Reshape(each, n, e.dim))
}

// inference is an embedder at work on one goroutine.
type inference struct {
	e    *embedder
	tape *autodiff.Tape
	x    *tensor.Tensor
}

func (e *embedder) newInference() *inference {
	f := &inference{e: e, tape: autodiff.NewTape(tensor.Float32), x: tensor.New(tensor.Float32)}
	f.tape.NoGrad = true
	return f
}

// input returns where to put n pictures, [n, c, h, w] in [0, 1].
func (f *inference) input(n int) []float32 {
	f.x.Resize(n, f.e.c, f.e.h, f.e.w)
	return f.x.Float32s()
}

// run returns the vectors of the input; they are overwritten by the next run.
func (f *inference) run() []float32 {
	f.tape.Reset()
	return f.e.vectors(f.e.net.Forward(f.tape.Const(f.x))).Value.Float32s()
}

// embed returns the vectors of a set's pictures.
func (f *inference) embed(ctx context.Context, set *data.Pictures) ([]float32, error) {
	all := make([]int, set.N)
	for i := range all {
		all[i] = i
	}
	return f.embedSome(ctx, set, all)
}

// embedSome returns the vectors of the pictures of the given indices.
func (f *inference) embedSome(ctx context.Context, set *data.Pictures, indices []int) ([]float32, error) {
	all := make([]float32, 0, len(indices)*f.e.dim)
	for part := range slices.Chunk(indices, evalBatch) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		set.Batch(f.input(len(part)), part)
		all = append(all, f.run()...)
	}
	return all, nil
}
