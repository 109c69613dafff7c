package read

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/ctc"
)

// An Emitter gives the emissions of files, and aligns them to texts: those of a Reader's network, those of an ONNX model, or those of another
// system, which the files hold. It is for one goroutine.
type Emitter struct {
	Classes   []string // texts of the classes; the blank's is empty
	Blank     int
	Separator string  // the text of the class between words; "" where there is none
	Unit      string  // of places in a file: Seconds or Pixels
	Frame     float64 // from a frame to the next, in the unit
	Offset    float64 // of the beginning of the first frame
	Reader    *Reader // nil for an ONNX model and for another system's emissions

	model   fileModel // nil but for an ONNX model
	logits  bool      // the files' emissions are logits
	aligner ctc.Aligner
}

// A fileModel gives the emissions of files.
type fileModel interface {
	emit(path string) (Emissions, error)
}

// The units of places in a file.
const (
	Seconds = "seconds" // of sound
	Pixels  = "pixels"  // of a picture
)

// NewEmitter returns the emitter of a reader's network.
func NewEmitter(r *Reader) *Emitter {
	e := &Emitter{Classes: r.Classes, Blank: Blank, Separator: r.Separator, Unit: Seconds, Frame: r.Frame, Reader: r}
	e.Offset = max(0, r.Offset-r.Frame/2) // a frame is spread about its middle
	if r.Features() == nil {
		e.Unit = Pixels
	}
	e.aligner.Blank = e.Blank
	return e
}

// OtherEmitter returns the emitter of another system's emissions: frame is the seconds from a frame to the next, and logits
// tells whether the emissions are logits, whose log-softmax is taken. A file of tokens, as data.ReadTokens reads it, has the texts of
// the classes.
//
// Errors: those of the file; no token that is the blank.
func OtherEmitter(tokens string, frame float64, logits bool) (*Emitter, error) {
	classes, err := data.ReadTokens(tokens)
	if err != nil {
		return nil, err
	}
	e := &Emitter{Classes: classes, Unit: Seconds, Frame: frame, logits: logits}
	if e.Blank = slices.Index(classes, ""); e.Blank < 0 {
		return nil, fmt.Errorf("%s has no blank: a line of <blank>, or an empty text", tokens)
	}
	if slices.Contains(classes, " ") {
		e.Separator = " "
	}
	e.aligner.Blank = e.Blank
	return e, nil
}

// TakesEmissions reports whether the files hold emissions.
func (e *Emitter) TakesEmissions() bool { return e.Reader == nil && e.model == nil }

// Emissions are those of a file, and how its frames lie in it.
type Emissions struct {
	LogProbs      []float32 // frame by frame
	Frames        int
	Frame, Offset float64    // from a frame to the next, and of the beginning of the first, in the emitter's unit
	Length        float64    // of the file
	Line          *data.Line // what the reader's network, or a model of log-mel features, looked at; else nil

	source Source
}

// Emit reads a file: what Reader.Open reads, the picture of a line or a recording for an ONNX model, or data.ReadEmissions. The emissions are good until the next call.
//
// Errors: those of the file; emissions of another number of classes than there are tokens.
func (e *Emitter) Emit(path string) (x Emissions, err error) {
	if e.model != nil {
		return e.modelled(path)
	}
	x = Emissions{Frame: e.Frame, Offset: e.Offset}
	if e.Reader == nil {
		x.LogProbs, err = e.others(path)
	} else {
		if x.source, err = e.Reader.Open(path); err != nil {
			return x, err
		}
		x.Line, x.Length = &x.source.Line, x.source.Length
		x.Frame, x.Offset = x.Frame*x.source.Scale, x.Offset*x.source.Scale
		x.LogProbs, err = e.Reader.Emissions(x.source.Line)
	}
	x.Frames = len(x.LogProbs) / len(e.Classes)
	x.Length = max(x.Length, x.Offset+float64(x.Frames)*x.Frame)
	return x, err
}

// modelled gives the emissions that an ONNX model has for a file.
func (e *Emitter) modelled(path string) (Emissions, error) {
	x, err := e.model.emit(path)
	if err == nil && len(x.LogProbs) != x.Frames*len(e.Classes) {
		err = fmt.Errorf("%s: the model has %d classes for it; there are %d tokens", path, len(x.LogProbs)/x.Frames, len(e.Classes))
	}
	return x, err
}

// others reads the emissions of another system.
func (e *Emitter) others(path string) ([]float32, error) {
	x, err := data.ReadEmissions(path)
	if err != nil {
		return nil, err
	}
	if x.Classes != len(e.Classes) {
		return nil, fmt.Errorf("%s has %d classes; there are %d tokens", path, x.Classes, len(e.Classes))
	}
	if e.logits {
		simd.LogSoftmaxRows(x.Values, x.Values, x.Frames, x.Classes)
	}
	return x.Values, nil
}

// Normal returns a text as the tokens could spell it: that of a reader as it would write it, another's with its words one space apart, and for a
// model of sound whose tokens have letters of one case alone, in that case.
func (e *Emitter) Normal(text string) string {
	if e.Reader != nil {
		return e.Reader.Normal(text)
	}
	if _, ok := e.model.(*soundModel); ok {
		text = caseOf(e.Classes)(text)
	}
	return strings.Join(strings.Fields(text), " ")
}

// caseOf is what brings a text to the case of tokens: as it is where they have both, or neither.
func caseOf(tokens []string) func(string) string {
	all := strings.Join(tokens, "")
	lower, upper := strings.ContainsFunc(all, unicode.IsLower), strings.ContainsFunc(all, unicode.IsUpper)
	switch {
	case lower && !upper:
		return strings.ToLower
	case upper && !lower:
		return strings.ToUpper
	}
	return func(text string) string { return text }
}

// Spell returns a text as classes, once it is Normal.
//
// Errors: a text that the tokens cannot spell.
func (e *Emitter) Spell(text string) ([]int, error) {
	if e.Reader != nil {
		return e.Reader.Spell(text)
	}
	b := ctc.Beam{Tokens: e.Classes, Blank: e.Blank}
	return b.Spell(e.Normal(text))
}

// Text writes classes out.
func (e *Emitter) Text(classes []int) string {
	var b strings.Builder
	for _, c := range classes {
		b.WriteString(e.Classes[c])
	}
	return b.String()
}

// Align finds when the words and tokens of a text are said: the likeliest alignment of the emissions to it, in the emitter's unit. A
// word that is ctc.WildcardText stands for anything that the text leaves out; instead of nil, the likeliest class of each frame is
// aligned. refine takes the times of the reader's model of them, where it has one (Reader.Refine); the confidence stays that of the
// frames aligned.
//
// Errors: a text that the tokens cannot spell, or that has too many of them for the frames.
func (e *Emitter) Align(x Emissions, text *string, refine bool) (*ctc.Timeline, error) {
	tokens, err := e.tokens(x, text)
	if err != nil {
		return nil, err
	}
	a, err := e.aligner.Align(x.LogProbs, len(e.Classes), tokens)
	if err != nil {
		return nil, err
	}
	t := &ctc.Timeline{Unit: e.Unit, Duration: x.Length, LogProb: a.LogProb, Total: a.Total}
	t.Tokens = ctc.TimedTokens(a.Spans, func(k int) string { return e.Classes[k] }, x.Frame, x.Offset)
	t.Words = ctc.TimedWords(t.Tokens, e.Separator)
	if e.Reader == nil || !refine {
		return t, nil
	}
	if t.Tokens, err = e.Reader.Refine(x.source, t.Tokens); err != nil {
		return nil, err
	}
	for i, w := range ctc.TimedWords(t.Tokens, e.Separator) {
		t.Words[i].Start, t.Words[i].End = w.Start, w.End
	}
	return t, nil
}

// tokens spells a text, its wildcards by themselves; without one it is the best class of each frame.
func (e *Emitter) tokens(x Emissions, text *string) (all []int, err error) {
	if text == nil {
		p, err := ctc.Greedy(x.LogProbs, len(e.Classes), e.Blank)
		return p.Tokens, err
	}
	words := strings.Fields(*text)
	for lo := 0; lo < len(words); {
		if words[lo] == ctc.WildcardText {
			all = append(all, ctc.Wildcard)
			lo++
			continue
		}
		hi := lo + 1
		for hi < len(words) && words[hi] != ctc.WildcardText {
			hi++
		}
		part, err := e.Spell(strings.Join(words[lo:hi], " "))
		if err != nil {
			return nil, err
		}
		all, lo = append(all, part...), hi
	}
	return all, nil
}
