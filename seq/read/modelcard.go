package read

import (
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/token"
	"go.yaml.in/yaml/v3"
)

// CardEnding is what a model's card has in its name instead of ".onnx".
const CardEnding = card.ModelEnding

// What features may be: without them, a model reads pictures.
const (
	waveform = "waveform"
	logMel   = "log_mel"
)

// The orders of the dimensions of log-mel features.
const (
	framesFirst = "btc" // [batch, frames, mels]
	melsFirst   = "bct" // [batch, mels, frames]
)

// A modelCard says of an ONNX model what its graph does not.
type modelCard struct {
	*card.Model
	file     string // the model's
	metadata []format.Entry

	input, output string
	tokens        tokenList
	blank         string
	separator     string
	emissions     string
	scale         float64
	mean          card.Numbers
	deviation     card.Numbers

	// Of models of pictures.
	height         int
	channels       string
	widthMultiple  int
	leastWidth     int
	darkBackground bool

	// Of models of sound.
	features       string
	layout         string
	length         string
	frame          float64
	window, hop    span
	melScale, norm string
	front          audio.FrontEnd
}

// A cardKey is a key, and which features it is of.
type cardKey struct {
	card.Key
	of string
}

// What cardKey.of may be besides one of the features.
const (
	anyFeatures = ""
	pictures    = "pictures"
	sound       = "sound"
)

// keys lists what a card may say.
func (c *modelCard) keys() []cardKey {
	whole := func(of, name string, p *int, least, most int) cardKey {
		return cardKey{card.Key{Name: name, To: p, OK: func() bool { return *p >= least && *p <= most }, Must: fmt.Sprintf("a whole number from %d to %d", least, most)}, of}
	}
	number := func(of, name string, p *float64, least float64) cardKey {
		return cardKey{card.Key{Name: name, To: p, OK: func() bool { return *p > least && *p <= math.MaxFloat32 }, Must: fmt.Sprintf("a number above %v", least)}, of}
	}
	from0 := func(of, name string, p *float64, most float64) cardKey {
		return cardKey{card.Key{Name: name, To: p, OK: func() bool { return *p >= 0 && *p <= most }, Must: fmt.Sprintf("a number from 0 to %v", most)}, of}
	}
	name := func(of, name string, p *string, what string) cardKey {
		return cardKey{card.Key{Name: name, To: p, OK: func() bool { return *p != "" }, Must: what}, of}
	}
	truth := func(of, name string, p *bool) cardKey {
		return cardKey{card.Key{Name: name, To: p, Must: "true or false"}, of}
	}
	list := func(name string, p *card.Numbers, least float64, must string) cardKey {
		return cardKey{card.Key{Name: name, To: p, OK: func() bool { return eachAbove(least, *p) }, Must: must}, anyFeatures}
	}
	f := &c.front
	return []cardKey{
		name(anyFeatures, "input", &c.input, "the name of an input"),
		name(anyFeatures, "output", &c.output, "the name of an output"),
		{card.Key{Name: "tokens", To: &c.tokens, Must: "the name of a file, or a list of texts"}, anyFeatures},
		name(anyFeatures, "blank", &c.blank, "a token, the number of a class, last or none+1"),
		name(anyFeatures, "separator", &c.separator, "a token, none, ▁ or ##"),
		oneOf(anyFeatures, "emissions", &c.emissions, logProbs, logits, probabilities),
		number(anyFeatures, "scale", &c.scale, 0),
		list("mean", &c.mean, math.Inf(-1), "a finite number, or a list of them"),
		list("deviation", &c.deviation, 0, "a finite number above 0, or a list of them"),
		oneOf(anyFeatures, "features", &c.features, waveform, logMel),

		whole(pictures, "height", &c.height, 1, maxHeight),
		oneOf(pictures, "channels", &c.channels, "grey", "rgb", "bgr"),
		whole(pictures, "width_multiple", &c.widthMultiple, 1, maxHeight),
		whole(pictures, "least_width", &c.leastWidth, 1, maxHeight),
		truth(pictures, "dark_background", &c.darkBackground),

		whole(sound, "rate", &f.Rate, 1, maxRate),
		name(sound, "length", &c.length, "the name of an input"),
		number(sound, "frame", &c.frame, 0),
		oneOf(sound, "normalise", &f.Normalise, audio.NotNormalised, audio.WholeRecording, audio.EachMel),

		whole(logMel, "mels", &f.Mels, 1, MaxHeight),
		{card.Key{Name: "window", To: &c.window, OK: c.window.ok, Must: spanMust}, logMel},
		{card.Key{Name: "hop", To: &c.hop, OK: c.hop.ok, Must: spanMust}, logMel},
		whole(logMel, "fft", &f.FFT, 1, maxRate),
		from0(logMel, "low", &f.LowHz, maxRate),
		number(logMel, "high", &f.HighHz, 0),
		oneOf(logMel, "mel_scale", &c.melScale, "htk", "slaney"),
		oneOf(logMel, "norm", &c.norm, "none", "slaney"),
		oneOf(logMel, "log", &f.Log, audio.Natural, audio.Log10, audio.Decibels),
		number(logMel, "floor", &f.Floor, 0),
		truth(logMel, "add_floor", &f.AddFloor),
		truth(logMel, "symmetric_window", &f.Symmetric),
		from0(logMel, "preemphasis", &f.Preemphasis, 1),
		oneOf(logMel, "padding", &f.Padding, audio.NoPadding, audio.Reflect, audio.Zeros),
		truth(logMel, "drop_last", &f.DropLast),
		number(logMel, "range", &f.Range, 0),
		oneOf(logMel, "layout", &c.layout, framesFirst, melsFirst),
	}
}

// maxRate bounds the samples a second.
const maxRate = 1 << 20

// oneOf is a key of one of some words.
func oneOf[T ~string](of, name string, p *T, words ...T) cardKey {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return cardKey{card.Key{Name: name, To: p, OK: func() bool { return slices.Contains(words, *p) }, Must: strings.Join(all, ", ")}, of}
}

// eachAbove reports whether all numbers are finite and above another.
func eachAbove(least float64, all []float64) bool {
	for _, v := range all {
		if !(v > least) || math.IsInf(v, 0) {
			return false
		}
	}
	return len(all) > 0
}

// A span of time is in samples, or in milliseconds.
type span struct {
	samples int
	ms      float64
}

const spanMust = "a number of samples, above 0, or of milliseconds, such as 25ms"

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *span) UnmarshalYAML(n *yaml.Node) (err error) {
	if text, ok := strings.CutSuffix(n.Value, "ms"); ok {
		s.ms, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
		return err
	}
	return n.Decode(&s.samples)
}

func (s *span) ok() bool {
	return s.samples > 0 && s.samples <= maxRate || s.ms > 0 && s.ms <= 1e6
}

// at is a span in samples of a rate.
func (s *span) at(rate int) int {
	if s.ms > 0 {
		return int(math.Round(s.ms * float64(rate) / 1000))
	}
	return s.samples
}

// A tokenList is a file of tokens, or a list of them.
type tokenList struct {
	file string
	list []string
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *tokenList) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&l.file)
	}
	return node.Decode(&l.list)
}

// readModelCard reads the card beside a model, if there is one, and the metadata for what the card leaves out.
func readModelCard(path string, metadata []format.Entry) (*modelCard, error) {
	c := &modelCard{file: path, metadata: metadata, widthMultiple: 1, leastWidth: 1}
	var keys []card.Key
	for _, k := range c.keys() {
		keys = append(keys, k.Key)
	}
	var err error
	if c.Model, err = card.ReadModel(path, keys, entries(metadata)); err != nil {
		return nil, err
	}
	return c, c.refuseOthers()
}

// entries are the names and texts of metadata.
func entries(all []format.Entry) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, e := range all {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// refuseOthers refuses keys of other features.
func (c *modelCard) refuseOthers() error {
	mine := []string{anyFeatures, pictures}
	if c.features != "" {
		mine = []string{anyFeatures, sound, c.features}
	}
	for _, k := range c.keys() {
		if !c.Says(k.Name) || slices.Contains(mine, k.of) {
			continue
		}
		if c.features == "" {
			return fmt.Errorf("%s: %s is of models of sound; a card of one must have features: %s or %s", c.Path, k.Name, waveform, logMel)
		}
		return fmt.Errorf("%s: %s is of models of %s; this one has features: %s", c.Path, k.Name, k.of, c.features)
	}
	return nil
}

// classes returns what count classes mean. The metadata "character" of PP-OCR's models counts where there are no tokens.
func (c *modelCard) classes(count int) (*token.Set, error) {
	if !c.Says("tokens") {
		return c.characters(count)
	}
	s, err := c.set(count)
	if err == nil {
		return s, nil
	}
	return nil, fmt.Errorf("%s has %d classes: %w", c.file, count, err)
}

// set reads the tokens; classes is 0 where their number is not known.
func (c *modelCard) set(classes int) (*token.Set, error) {
	o := token.Options{Blank: c.blank, Separator: c.separator, Classes: classes}
	if c.tokens.file == "" {
		s, err := token.Of(c.tokens.list, o)
		if err != nil {
			err = fmt.Errorf("%s: %w", c.Path, err)
		}
		return s, err
	}
	from := c.tokens.file
	if !filepath.IsAbs(from) {
		from = filepath.Join(filepath.Dir(c.Path), from)
	}
	s, err := token.Read(from, o)
	if err != nil {
		err = fmt.Errorf("%s: tokens: %w", c.Path, excerpt.Error(err))
	}
	return s, err
}

// characters returns the classes of PP-OCR's models: the blank, the characters of the metadata, a line each, and maybe a space.
func (c *modelCard) characters(count int) (*token.Set, error) {
	i := slices.IndexFunc(c.metadata, func(e format.Entry) bool { return e.Key == "character" })
	if i < 0 {
		return nil, c.Missing("tokens", "the texts of the classes")
	}
	texts := append([]string{""}, strings.Split(strings.TrimSuffix(c.metadata[i].Value, "\n"), "\n")...)
	if len(texts)+1 == count {
		texts = append(texts, " ")
	}
	if len(texts) != count {
		return nil, fmt.Errorf("%s has %d classes; its metadata has %d characters, to which a blank and maybe a space are added", c.file, count, len(texts)-1)
	}
	return token.OfTexts(texts, Blank), nil
}

// requires is the error of the first key that nothing says.
func (c *modelCard) requires(keys ...[2]string) error {
	for _, k := range keys {
		if !c.Says(k[0]) {
			return c.Missing(k[0], k[1])
		}
	}
	return nil
}

// badNumbers is the error of a list that does not fit.
func (c *modelCard) badNumbers(key string, n, of int, what string) error {
	return fmt.Errorf("%s: %s has %d numbers; it must have 1 or %d, one for each %s", c.Path, key, n, of, what)
}
