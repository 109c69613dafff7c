package read

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/token"
	"github.com/energo-ml/energo/train"
)

// stride is how many columns of a line a frame of emissions stands for.
const stride = 2

// Blank is the class of the blank; token i is class i + 1.
const Blank = 0

// A Spec says what lines a network reads, and what it writes.
type Spec struct {
	Height    int       `json:"height"`    // rows of a line: pixels or mels
	Tokens    []string  `json:"tokens"`    // class 0 is the blank, token i class i + 1; texts as token.Set has them: those of a model of another system may be "", for its special tokens, and begin with the space before a word
	Channels  int       `json:"channels"`  // of the convolutions along the columns
	Dilations []int     `json:"dilations"` // of each of those convolutions but the first
	Imported  *Imported `json:"imported"`  // of a network that begins with a model of another system, which has neither of those two; else nil
}

// Bounds of what a Spec may say.
const (
	MaxHeight    = 256
	MaxChannels  = 1 << 12
	maxTokens    = 1 << 16
	maxDilations = 16
	maxDilation  = 1 << 10
)

// check refuses what is out of range.
func (s Spec) check() error {
	channels := s.Channels
	if s.Imported != nil {
		if err := s.Imported.check(s.Height); err != nil {
			return err
		}
		channels = 1
	}
	for _, b := range []struct {
		name        string
		value, most int
	}{{"height", s.Height, MaxHeight}, {"channels", channels, MaxChannels}, {"the number of tokens", len(s.Tokens), maxTokens}} {
		if b.value < 1 || b.value > b.most {
			return fmt.Errorf("%s is %d; it must be a whole number from 1 to %d", b.name, b.value, b.most)
		}
	}
	if len(s.Dilations) > maxDilations {
		return fmt.Errorf("there are %d dilations; there may be %d", len(s.Dilations), maxDilations)
	}
	for i, d := range s.Dilations {
		if d < 1 || d > maxDilation {
			return fmt.Errorf("dilation %d is %d; it must be a whole number from 1 to %d", i, d, maxDilation)
		}
	}
	seen := map[string]bool{}
	for i, t := range s.Tokens {
		if s.Imported == nil && (t == "" || seen[t]) {
			return fmt.Errorf("token %d is %q; it must be some text, and there once", i, excerpt.Of(t))
		}
		seen[t] = true
	}
	return nil
}

// A Network reads lines: it gives the emissions of each frame, and the energy of
// a text is the negative logarithm of its probability, all alignments summed. The
// probabilities of all texts add up to 1.
//
// It is for one goroutine.
type Network struct {
	Spec
	Module nn.Module // lines side by side [N, 1, Height, W] → logits [N, C, T]
	reach  int       // frames on either side that a frame of emissions looks at
	atOnce int       // columns of a line that the network sees at once, besides their context

	tape  *autodiff.Tape
	input *tensor.Tensor
	alone loss.CTC[float32] // of one line
	log   []float32
}

// NewNetwork returns an untrained network with weights drawn from the seed: convolutions over
// the picture down to an eighth of its height and half its width, then over the columns alone, with
// the dilations of the Spec.
//
// Errors: a Spec that is out of range.
func NewNetwork(s Spec, seed uint64) (*Network, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Imported != nil {
		return nil, errors.New("a network that begins with a model of another system is made by a Base")
	}
	return newNetwork(s, layersFor(s, train.Rand(seed, "init", 0)))
}

// newNetwork returns a network with a module of its form.
func newNetwork(s Spec, m nn.Module) (*Network, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	r := &Network{
		Spec: s, Module: m, atOnce: columnsAtOnce,
		reach: 3, // of the convolutions before those with dilations
		tape:  autodiff.NewTape(tensor.Float32), input: tensor.New(tensor.Float32),
		alone: loss.CTC[float32]{Blank: Blank, Reduction: loss.Sum},
	}
	for _, d := range s.Dilations {
		r.reach += d
	}
	r.tape.NoGrad = true
	return r, nil
}

func layersFor(s Spec, rng *rand.Rand) nn.Module {
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
	layers = append(layers, nn.MaxPool2D{Kernel: stride})
	stage(columns(first, second), second)
	stage(columns(second, third), third)
	rows := third * ((s.Height + 7) / 8)
	layers = append(layers, joinRows{rows})
	stage(nn.NewConv1D(rows, s.Channels, 3, nn.ConvOptions{Pad: 1}, rng), s.Channels)
	for _, d := range s.Dilations {
		stage(nn.NewConv1D(s.Channels, s.Channels, 3, nn.ConvOptions{Pad: d, Dilation: d}, rng), s.Channels)
	}
	return nn.NewSequential(append(layers, nn.NewConv1D(s.Channels, len(s.Tokens)+1, 1, nn.ConvOptions{}, rng))...)
}

// joinRows makes the rows of all channels channels: [B, C, H, W] → [B, C·H, W].
type joinRows struct{ rows int } // C·H

// Params implements nn.Module: there are none.
func (joinRows) Params() []*autodiff.Param { return nil }

// Forward implements nn.Module.
func (j joinRows) Forward(x *autodiff.Var) *autodiff.Var {
	s := x.Shape()
	return autodiff.Reshape(x, s[0], j.rows, s[3])
}

// Export implements export.Exporter.
func (j joinRows) Export(g *export.Graph, x export.Value) export.Value {
	return g.Reshape(x, 0, j.rows, -1)
}

// Classes is the number of classes: the tokens and the blank.
func (r *Network) Classes() int { return len(r.Tokens) + 1 }

// context is how many columns on either side of a frame's own the network looks at, even.
func (r *Network) context() int { return stride*r.reach + 4 }

// Words reports whether a space parts words, as a token or in one; else each token is a word.
func (s Spec) Words() bool { return s.set().Words() }

// set says what the classes mean.
func (s Spec) set() *token.Set { return token.OfTexts(append([]string{""}, s.Tokens...), Blank) }

// Text writes classes out.
func (r *Network) Text(classes []int) string {
	var b strings.Builder
	for _, c := range classes {
		b.WriteString(r.Tokens[c-1])
	}
	return b.String()
}

// Frames is how many frames of emissions a line has that is that many columns wide.
func (r *Network) Frames(columns int) int {
	if r.Imported != nil {
		return r.Imported.frames(columns)
	}
	return (columns + stride - 1) / stride
}

// columnsAtOnce bounds the memory that lines of hours take.
const columnsAtOnce = 1 << 13

// Emissions returns the log-probabilities [T, C] of a line, by itself. They are good until
// the next call.
func (r *Network) Emissions(l data.Line) ([]float32, error) {
	if l.H != r.Height {
		return nil, fmt.Errorf("the line has %d rows; this model reads lines of %d", l.H, r.Height)
	}
	if r.Imported != nil {
		return r.whole(l)
	}
	c := r.Classes()
	r.log = scratch.Sized(r.log, r.Frames(l.W)*c)
	for lo := 0; lo < l.W; lo += r.atOnce {
		hi := min(lo+r.atOnce, l.W)
		from := max(0, lo-r.context())
		r.sideBySide(r.input, columnsOf(l, from, min(hi+r.context(), l.W)))
		r.tape.Reset()
		y := r.Module.Forward(r.tape.Const(r.input)).Value.Float32s()
		frames, first := len(y)/c, r.Frames(lo-from)
		out := r.log[r.Frames(lo)*c : r.Frames(hi)*c]
		for k := range c {
			for t := range len(out) / c {
				out[t*c+k] = y[k*frames+first+t]
			}
		}
		simd.LogSoftmaxRows(out, out, len(out)/c, c)
	}
	return r.log, nil
}

// whole returns the emissions of a line by an imported model, which sees all of it at once: how far it looks is not known.
func (r *Network) whole(l data.Line) ([]float32, error) {
	frames, c := r.Frames(l.W), r.Classes()
	if frames < 1 {
		return nil, fmt.Errorf("the line has %d columns; for a frame of this model it must have %d", l.W, r.Imported.Step-r.Imported.Shift)
	}
	r.sideBySide(r.input, l)
	r.tape.Reset()
	y := r.Module.Forward(r.tape.Const(r.input)).Value.Float32s()
	if len(y) != frames*c {
		return nil, fmt.Errorf("for a line of %d columns the model has %d frames of %d classes; there must be %d", l.W, len(y)/c, c, frames)
	}
	r.log = scratch.Sized(r.log, len(y))
	turn(r.log, y, c, frames)
	simd.LogSoftmaxRows(r.log, r.log, frames, c)
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

// sideBySide puts lines side by side into x, [N, 1, Height, W], with zeros behind the shorter ones up to a
// common width of whole frames; for an imported model, with silence up to one frame or more, and the row of Imported.Lengths.
func (r *Network) sideBySide(x *tensor.Tensor, lines ...data.Line) {
	width, height := 0, r.rows()
	for _, l := range lines {
		width = max(width, l.W)
	}
	if r.Imported != nil {
		width = max(width, r.Imported.Step-r.Imported.Shift)
	} else {
		width += width % stride
	}
	x.Resize(len(lines), 1, height, width)
	out := x.Float32s()
	clear(out)
	for i, l := range lines {
		for row := range l.H {
			at := out[(i*height+row)*width:][:width]
			copy(at, l.Pixels[row*l.W:(row+1)*l.W])
			if r.Imported != nil {
				simd.Fill(at[l.W:], r.Imported.Silence[row])
			}
		}
		if height > r.Height {
			simd.Fill(out[(i*height+r.Height)*width:][:l.W], 1)
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

// Energy returns that of a text given a line's emissions: +Inf where there are too few
// frames for it.
func (r *Network) Energy(emissions []float32, target []int) (float64, error) {
	b := loss.CTCBatch[float32]{
		Scores: emissions, Frames: len(emissions) / r.Classes(), Batch: 1, Classes: r.Classes(),
		Targets: target, TargetLengths: []int{len(target)},
	}
	return r.alone.Eval(&b, nil)
}

// ClassesOf returns the classes of a line's tokens.
func ClassesOf(dst, tokens []int) []int {
	for _, t := range tokens {
		dst = append(dst, t+1)
	}
	return dst
}

// Spell returns a text as tokens, each of them a character; those of an imported model may have several, and a text is brought to their case.
//
// Errors: a character that is not a token.
func (s Spec) Spell(text string) ([]int, error) {
	if s.Imported != nil {
		return s.spellOwn(text)
	}
	var out []int
	for _, c := range text {
		i := slices.Index(s.Tokens, string(c))
		if i < 0 {
			return nil, fmt.Errorf("the text %q has the character %q; the model knows %q", excerpt.Of(text), c, strings.Join(s.Tokens, ""))
		}
		out = append(out, i)
	}
	return out, nil
}

// spellOwn returns a text as the fewest tokens of an imported model.
func (s Spec) spellOwn(text string) ([]int, error) {
	set := s.set()
	b := ctc.Beam{Tokens: set.Texts, Blank: Blank}
	classes, err := b.Spell(set.Form(caseOf(s.Tokens)(text)))
	for i := range classes {
		classes[i]--
	}
	return classes, err
}
