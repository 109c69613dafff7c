package read

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/surround"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/card"
)

// ImportedFile is, in a reader's folder, the network that began with an imported model.
const ImportedFile = "encoder.onnx"

// A Base is a model of another system that a network begins with, of recordings or of lines of text: an ONNX file with a card, as ONNXEmitter takes it.
type Base struct {
	model
	sound *soundModel // nil for one of pictures
	lines *lineModel  // nil for one of recordings
	kept  *kept       // instead of all: what ReopenBase has read
}

// kept is a network that began with an imported model, as a folder has it.
type kept struct {
	cardContent
	path string
	file *format.Model
}

// contentKey is the metadata of ImportedFile with what CardFile has, which is written last.
const contentKey = "energo.reader"

// OpenBase reads a model of recordings and its card. What its output holds need not be said where there are no tokens.
//
// Errors: those of ONNXEmitter; a model of pictures; one that takes one recording at a time, as training takes many.
func OpenBase(path string) (*Base, error) {
	m, err := openModel(path)
	if err != nil {
		return nil, err
	}
	if m.card.features == "" {
		return nil, m.card.Missing("features", "what it takes of recordings, waveform or log_mel")
	}
	s := &soundModel{model: m}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return &Base{model: m, sound: s}, m.many("recording")
}

// OpenLineBase is OpenBase of a model of lines of text.
//
// Errors: those of ONNXEmitter; a model of recordings; one that takes one line at a time, or lines of one width or of multiples of one.
func OpenLineBase(path string) (*Base, error) {
	m, err := openModel(path)
	if err != nil {
		return nil, err
	}
	if m.card.features != "" {
		return nil, fmt.Errorf("%s: features is %s; a model of lines of text takes pictures", m.card.Path, m.card.features)
	}
	l := &lineModel{model: m}
	if err := l.prepare(); err != nil {
		return nil, err
	}
	switch {
	case l.width > 0:
		return nil, fmt.Errorf("%s: input %s takes lines of one width; to be trained, the model must leave its last dimension open", path, m.input)
	case l.card.widthMultiple > 1:
		return nil, fmt.Errorf("%s: width_multiple is %d; to be trained, the model must take lines of any width", l.card.Path, l.card.widthMultiple)
	case l.card.height > MaxHeight:
		return nil, fmt.Errorf("%s: the model takes lines of %d rows; to be trained, it may take %d", path, l.card.height, MaxHeight)
	}
	return &Base{model: m, lines: l}, m.many("line")
}

// many refuses a model that takes one sample at a time.
func (m *model) many(what string) error {
	if m.input.HasShape && m.input.Shape[0].Size >= 0 {
		return fmt.Errorf("%s: input %s takes one %s at a time; to be trained, the model must leave its first dimension open", m.card.file, m.input, what)
	}
	return nil
}

// ReopenBase opens the network that Keep or Save has left in a folder as what a network begins with: its tokens and its features are that network's, whatever BaseOptions say of a head.
//
// Errors name the file: a model that is damaged, or is not such a network.
func ReopenBase(dir string) (*Base, error) {
	path := filepath.Join(dir, ImportedFile)
	f, err := format.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k := &kept{path: path, file: f}
	if err := k.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Base{kept: k}, nil
}

// read reads what the metadata say of the network.
func (k *kept) read() error {
	at := slices.IndexFunc(k.file.Metadata, func(e format.Entry) bool { return e.Key == contentKey })
	if at < 0 {
		return fmt.Errorf("the model is not the network of a run: its metadata lack %s", contentKey)
	}
	if err := card.Decode([]byte(k.file.Metadata[at].Value), &k.cardContent); err != nil {
		return fmt.Errorf("metadata %s: %w", contentKey, err)
	}
	switch {
	case k.Format != cardFormat:
		return fmt.Errorf("metadata %s: format is %d; this version reads %d", contentKey, k.Format, cardFormat)
	case k.Imported == nil:
		return fmt.Errorf("metadata %s: imported is missing", contentKey)
	}
	if err := k.check(); err != nil {
		return fmt.Errorf("metadata %s: %w", contentKey, err)
	}
	if k.Speech == nil {
		return nil
	}
	if err := k.Speech.prepare(k.Height); err != nil {
		return fmt.Errorf("metadata %s: %w", contentKey, err)
	}
	return nil
}

// Keep writes the network of a reader that is to be, whose features are as Save has them, into a folder, for ReopenBase, where it begins with an imported model.
func Keep(dir string, n *Network, features *Features) error {
	if n.Imported == nil {
		return nil
	}
	m, err := n.imported()
	if err != nil {
		return err
	}
	file, err := m.File()
	if err != nil {
		return err
	}
	text, err := json.Marshal(cardContent{cardFormat, n.Spec, features})
	if err != nil {
		return err
	}
	file.Metadata = []format.Entry{{Key: contentKey, Value: string(text)}}
	return format.WriteFile(filepath.Join(dir, ImportedFile), file)
}

// Features are those that a model of recordings takes; nil for one of lines.
func (b *Base) Features() *Features {
	switch {
	case b.kept != nil:
		return b.kept.Speech
	case b.sound == nil:
		return nil
	}
	front := b.sound.front.FrontEnd()
	return &Features{Front: &front, whole: b.sound.front}
}

// BaseOptions say how a network is made of a Base.
type BaseOptions struct {
	Freeze     *regexp.Regexp // the parameters that training leaves as they are, as onnx.ModuleOptions has it; nil for none
	Characters []string       // what a new head writes
	NewHead    bool           // a linear layer over the output writes Characters, also where the card has tokens
	Seed       uint64         // of the new head's weights
}

// Network returns a network that begins with the model: its weights are where training starts. It writes the model's own tokens; with a new head, and
// where the card has none, a linear layer over the output, whose parameters are energo.head.weight and energo.head.bias, each with another energo. before it where the model has such, writes the characters.
//
// An input of lengths gets each recording's own number of frames or samples.
//
// Errors: a model that a derivative cannot pass; a pattern that no parameter matches; frames of the output that are not ⌊(n + a)/b⌋ for n of the input.
func (b *Base) Network(o BaseOptions) (*Network, error) {
	if k := b.kept; k != nil {
		return networkOfFile(k.path, k.file, k.Spec, o.Freeze)
	}
	n, err := b.network(o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.card.file, err)
	}
	return n, nil
}

func (b *Base) network(o BaseOptions) (*Network, error) {
	s := Spec{Tokens: o.Characters}
	var f *surroundedFile
	if b.sound != nil {
		s.Height = b.sound.front.FrontEnd().Width()
		s.Imported = &Imported{Silence: b.sound.front.Silence(), Lengths: b.card.length != ""}
		f = b.surrounded(s)
	} else {
		s.Height, s.Imported = b.card.height, &Imported{Silence: b.lines.ground()}
		f = b.surroundedLines(s)
	}
	classes, err := f.measure(s.Imported)
	if err != nil {
		return nil, err
	}
	if o.NewHead || !b.hasTokens() {
		f.addHead(classes, len(o.Characters)+1, o.Seed)
	} else if s.Tokens, err = b.ownTokens(f, classes); err != nil {
		return nil, err
	}
	f.Add("Transpose", "energo.logits", surround.Ints("perm", 0, 2, 1))
	f.Outputs(-1, len(s.Tokens)+1, -1)
	m, err := moduleOf(f.File, o.Freeze)
	if err != nil {
		return nil, err
	}
	return newNetwork(s, m)
}

// hasTokens reports whether something says the tokens: the card, or the metadata of PP-OCR's models.
func (b *Base) hasTokens() bool {
	return b.card.Says("tokens") || slices.ContainsFunc(b.card.metadata, func(e format.Entry) bool { return e.Key == "character" })
}

// ownTokens puts the blank first among the output's classes, and returns the texts of the others.
func (b *Base) ownTokens(f *surroundedFile, classes int) ([]string, error) {
	c := b.card
	if err := c.setEmissions(b.model); err != nil {
		return nil, err
	}
	tokens, err := c.classes(classes)
	if err != nil {
		return nil, err
	}
	texts, order := tokens.BlankFirst()
	if c.emissions == probabilities {
		f.Add("Log", "energo.log", nil)
	}
	if tokens.Blank != 0 {
		var indices []int64
		for _, k := range order {
			indices = append(indices, int64(k))
		}
		f.Add("Gather", "energo.ordered", surround.Int("axis", 2), f.Constant("energo.order", value.Ints(indices...)))
	}
	return texts[1:], nil
}

// moduleOf makes a network of a file with lines and logits. What prepares lines, and the normalisation of features in models that energo wrote, does not train.
func moduleOf(file *format.Model, freeze *regexp.Regexp) (*onnx.Module, error) {
	m, err := onnx.New(file, nil)
	if err != nil {
		return nil, err
	}
	o := &onnx.ModuleOptions{Freeze: freeze}
	for _, t := range file.Graph.Initializers {
		if preparation.MatchString(t.Name) {
			o.Constants = append(o.Constants, t.Name)
		}
	}
	return m.Module(o)
}

// nextFrame finds the least number of columns above n that has more frames, and how many.
func nextFrame(frames func(n int) (int, error), n int) (at, count int, err error) {
	const most = 1 << 14 // columns of a frame
	now, err := frames(n)
	if err != nil {
		return 0, 0, err
	}
	lo, hi := n, n+1
	for {
		if count, err = frames(hi); err != nil {
			return 0, 0, err
		}
		if count > now {
			break
		}
		if hi-n > most {
			return 0, 0, fmt.Errorf("the output has %d frames for %d of the input, and no more for %d", now, n, hi)
		}
		lo, hi = hi, n+2*(hi-n)
	}
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		k, err := frames(mid)
		if err != nil {
			return 0, 0, err
		}
		if k > now {
			hi, count = mid, k
		} else {
			lo = mid
		}
	}
	if count != now+1 {
		return 0, 0, fmt.Errorf("the output has %d frames for %d of the input and %d for %d; it may have one more", now, lo, count, hi)
	}
	return hi, count, nil
}

// An Imported says how the frames of an imported network lie, ⌊(n + Shift)/Step⌋ for n columns, and what silence is for it.
type Imported struct {
	Step    int       `json:"step"`
	Shift   int       `json:"shift"`
	Silence []float32 `json:"silence"` // what follows lines that stand beside longer ones, for each row
	Lengths bool      `json:"lengths"` // one more row of the module's lines is 1 where a line has a column, and 0 behind its last
}

// rows are those of the module's lines.
func (s Spec) rows() int {
	if s.Imported != nil && s.Imported.Lengths {
		return s.Height + 1
	}
	return s.Height
}

func (s *Imported) frames(n int) int { return max(0, n+s.Shift) / s.Step }

// check refuses what is out of range.
func (s *Imported) check(height int) error {
	if len(s.Silence) != height {
		return fmt.Errorf("silence has %d numbers; it must have %d, one for each row", len(s.Silence), height)
	}
	const most = 1 << 24
	if s.Step < 1 || s.Step > most || s.Shift < -most || s.Shift > most {
		return fmt.Errorf("a frame has %d columns, from %d on; it must have from 1 to %d", s.Step, -s.Shift, most)
	}
	return nil
}

// loadImported reads the network that Save has left, whose weights are read by another.
func loadImported(path string, s Spec) (*Network, error) {
	f, err := format.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return networkOfFile(path, f, s, nil)
}

// networkOfFile makes the network of a file that Keep has written.
func networkOfFile(path string, f *format.Model, s Spec, freeze *regexp.Regexp) (*Network, error) {
	m, err := moduleOf(f, freeze)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if in, out := m.Input.Shape, m.Output.Shape; len(in) != 4 || in[2].Size != s.rows() || len(out) != 3 || out[1].Size != len(s.Tokens)+1 {
		return nil, fmt.Errorf("%s: the model is from %s to %s; it must be of lines of %d rows and %d classes", path, m.Input, m.Output, s.rows(), len(s.Tokens)+1)
	}
	return newNetwork(s, m)
}

// imported is the network's module.
func (r *Network) imported() (*onnx.Module, error) {
	m, ok := r.Module.(*onnx.Module)
	if !ok {
		return nil, errors.New("the network is no imported model")
	}
	return m, nil
}
