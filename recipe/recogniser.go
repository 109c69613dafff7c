package recipe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
)

// recogniserStride is how many columns of a line a frame of emissions stands for.
const recogniserStride = 2

// blank is the class of the blank; token i is class i + 1.
const blank = 0

// A recogniser reads lines: a network gives the emissions of each frame, and the energy of
// a text is the negative logarithm of its probability, all alignments summed. The
// probabilities of all texts add up to 1.
type recogniser struct {
	net    nn.Module
	height int // of the lines
	reach  int // frames on either side that a frame of emissions looks at
	tokens []string
	atOnce int // columns of a line that the network sees at once, besides their context

	tape  *autodiff.Tape
	input *tensor.Tensor
	alone loss.CTC[float32] // of one line
	log   []float32
}

// newRecogniser returns an untrained network for lines of so many rows: convolutions over
// the picture down to an eighth of its height and half its width, then over the columns alone, with
// the given dilations.
func newRecogniser(height int, tokens []string, channels int, dilations []int, rng *rand.Rand) *recogniser {
	const first, second, third = 32, 64, 64
	columns := func(in, out int) *nn.Conv2D {
		c := nn.NewConv2D(in, out, 3, nn.ConvOptions{Pad: 1}, rng)
		c.Options.StrideH = 2
		return c
	}
	var layers []nn.Module
	stage := func(convolution nn.Module, channels int) {
		layers = append(layers, convolution, nn.NewBatchNorm(channels), nn.ReLU{})
	}
	stage(nn.NewConv2D(1, first, 5, nn.ConvOptions{Pad: 2}, rng), first)
	layers = append(layers, nn.MaxPool2D{Kernel: recogniserStride})
	stage(columns(first, second), second)
	stage(columns(second, third), third)
	layers = append(layers, joinRows{})
	stage(nn.NewConv1D(third*((height+7)/8), channels, 3, nn.ConvOptions{Pad: 1}, rng), channels)
	for _, d := range dilations {
		stage(nn.NewConv1D(channels, channels, 3, nn.ConvOptions{Pad: d, Dilation: d}, rng), channels)
	}
	layers = append(layers, nn.NewConv1D(channels, len(tokens)+1, 1, nn.ConvOptions{}, rng))
	reach := 3 // of the convolutions before
	for _, d := range dilations {
		reach += d
	}
	r := &recogniser{
		reach: reach,
		net:   nn.NewSequential(layers...), height: height, tokens: tokens, atOnce: columnsAtOnce,
		tape: autodiff.NewTape(tensor.Float32), input: tensor.New(tensor.Float32),
		alone: loss.CTC[float32]{Blank: blank, Reduction: loss.Sum},
	}
	r.tape.NoGrad = true
	return r
}

// joinRows makes the rows of all channels channels: [B, C, H, W] → [B, C·H, W].
type joinRows struct{}

// Params implements nn.Module: there are none.
func (joinRows) Params() []*autodiff.Param { return nil }

// Forward implements nn.Module.
func (joinRows) Forward(x *autodiff.Var) *autodiff.Var {
	s := x.Shape()
	return autodiff.Reshape(x, s[0], s[1]*s[2], s[3])
}

func (r *recogniser) classes() int { return len(r.tokens) + 1 }

// context is how many columns on either side of a frame's own the network looks at, even.
func (r *recogniser) context() int { return recogniserStride*r.reach + 4 }

// separator is the class of the space between words; blank where there is none.
func (r *recogniser) separator() int { return slices.Index(r.tokens, " ") + 1 }

// text writes classes out.
func (r *recogniser) text(classes []int) string {
	var b strings.Builder
	for _, c := range classes {
		b.WriteString(r.tokens[c-1])
	}
	return b.String()
}

// frames is how many frames of emissions a line of so many columns has.
func (r *recogniser) frames(columns int) int {
	return (columns + recogniserStride - 1) / recogniserStride
}

// columnsAtOnce bounds the memory that lines of hours take.
const columnsAtOnce = 1 << 13

// emissions returns the log-probabilities [T, C] of a line, by itself. They are good until
// the next call.
func (r *recogniser) emissions(l data.Line) ([]float32, error) {
	if l.H != r.height {
		return nil, fmt.Errorf("the line has %d rows; this model reads lines of %d", l.H, r.height)
	}
	c := r.classes()
	r.log = scratch.Sized(r.log, r.frames(l.W)*c)
	for lo := 0; lo < l.W; lo += r.atOnce {
		hi := min(lo+r.atOnce, l.W)
		from := max(0, lo-r.context())
		sideBySide(r.input, r.height, columnsOf(l, from, min(hi+r.context(), l.W)))
		r.tape.Reset()
		y := r.net.Forward(r.tape.Const(r.input)).Value.Float32s()
		frames, first := len(y)/c, r.frames(lo-from)
		out := r.log[r.frames(lo)*c : r.frames(hi)*c]
		for k := range c {
			for t := range len(out) / c {
				out[t*c+k] = y[k*frames+first+t]
			}
		}
		simd.LogSoftmaxRows(out, out, len(out)/c, c)
	}
	return r.log, nil
}

// columnsOf returns columns lo to hi-1 of a line.
func columnsOf(l data.Line, lo, hi int) data.Line {
	if lo == 0 && hi == l.W {
		return l
	}
	part := data.Line{H: l.H, W: hi - lo}
	for row := range l.H {
		part.Pixels = append(part.Pixels, l.Pixels[row*l.W+lo:row*l.W+hi]...)
	}
	return part
}

// sideBySide puts lines side by side into x, [N, 1, height, W], with zeros behind the shorter ones up to a
// common width of whole frames.
func sideBySide(x *tensor.Tensor, height int, lines ...data.Line) {
	width := 0
	for _, l := range lines {
		width = max(width, l.W)
	}
	width += width % recogniserStride
	x.Resize(len(lines), 1, height, width)
	out := x.Float32s()
	clear(out)
	for i, l := range lines {
		for row := range l.H {
			copy(out[(i*height+row)*width:], l.Pixels[row*l.W:(row+1)*l.W])
		}
	}
}

// turn writes x [rows, cols] as [cols, rows].
func turn(dst, x []float32, rows, cols int) {
	for i := range rows {
		for j, v := range x[i*cols : (i+1)*cols] {
			dst[j*rows+i] = v
		}
	}
}

// energy returns that of a text given a line's emissions: +Inf where there are too few
// frames for it.
func (r *recogniser) energy(emissions []float32, target []int) (float64, error) {
	b := loss.CTCBatch[float32]{
		Scores: emissions, Frames: len(emissions) / r.classes(), Batch: 1, Classes: r.classes(),
		Targets: target, TargetLengths: []int{len(target)},
	}
	return r.alone.Eval(&b, nil)
}

// others returns the free energy of all other texts, where one has energy e: their
// probabilities add up to 1 − exp(−e).
func others(e float64) functional.LabelStats {
	const least = 1e-12 // of the energy, so that the others' is finite
	e = max(e, least)
	rest := -math.Log(-math.Expm1(-e))
	return functional.LabelStats{Correct: e, Offending: rest, Answer: 1, Spread: abs(rest-e) / 2}
}

// classesOf returns the classes of a line's tokens.
func classesOf(dst, tokens []int) []int {
	for _, t := range tokens {
		dst = append(dst, t+1)
	}
	return dst
}
