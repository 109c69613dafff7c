package read

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/token"
)

// An Emitter gives the emissions of files, and aligns them to texts: those of a Reader's network, those of an ONNX model, or those of another
// system, which the files hold. It is for one goroutine.
type Emitter struct {
	Tokens    *token.Set
	Classes   []string // texts of the classes, as Tokens has them; the blank's is empty
	Blank     int
	Separator string  // the text between words, of a class or within some; "" where there is none
	Unit      string  // of places in a file: Seconds or Pixels
	Frame     float64 // from a frame to the next, in the unit
	Offset    float64 // of the beginning of the first frame
	Stars     bool    // Align lets a wildcard stand before, between and after the sentences of a text, for what is said and not in it
	Reader    *Reader // nil for an ONNX model and for another system's emissions

	Tokenize func(text string) ([]int, error) // the one spelling of a text (token.Tokenizer.Speller); nil for all that the tokens allow. A Reader's network has its own

	model   fileModel // nil but for an ONNX model
	other   *OtherOptions
	read    string           // the file of emissions that was read last
	batch   []data.Emissions // what it holds
	aligner ctc.Aligner
}

// A fileModel gives the emissions of files.
type fileModel interface {
	emit(path string) (Emissions, error)
}

// A hearing is a fileModel of recordings.
type hearing interface {
	hear(name string, c audio.Clip) (Emissions, error)
}

// Hears reports whether the files are recordings, which Hear takes.
func (e *Emitter) Hears() bool {
	if e.Reader != nil {
		return e.Reader.Features() != nil
	}
	_, ok := e.model.(hearing)
	return ok
}

// Hear is Emit for a recording that has been read; its name is for errors. Only an emitter that Hears has it.
func (e *Emitter) Hear(name string, c audio.Clip) (Emissions, error) {
	if e.Reader == nil {
		return e.whole(name)(e.model.(hearing).hear(name, c))
	}
	source, err := e.Reader.source(name, c)
	if err != nil {
		return Emissions{}, err
	}
	return e.opened(source)
}

// The units of places in a file.
const (
	Seconds = "seconds" // of sound
	Pixels  = "pixels"  // of a picture
)

// NewEmitter returns the emitter of a reader's network.
func NewEmitter(r *Reader) *Emitter {
	e := &Emitter{Unit: Seconds, Frame: r.Frame, Reader: r}
	e.setTokens(token.OfTexts(r.Classes, Blank))
	e.Offset = max(0, r.Offset-r.Frame/2) // a frame is spread about its middle
	if r.Features() == nil {
		e.Unit = Pixels
	}
	return e
}

// setTokens says what the classes mean.
func (e *Emitter) setTokens(s *token.Set) {
	e.Tokens, e.Classes, e.Blank, e.Separator = s, s.Texts, s.Blank, s.Between()
	e.aligner.Blank = s.Blank
}

// OtherOptions say what another system's emissions are.
type OtherOptions struct {
	Tokens  token.Options // what its file of tokens means
	Frame   float64       // seconds from a frame to the next
	Scale   ctc.Scale     // what the numbers are; "" means ctc.LogProbs
	Lengths string        // a file of the lengths of a batch's recordings, as data.ReadEmissions has it; "" for none
	First   string        // one of the files of emissions, whose number of classes helps to understand the tokens; "" for none
	Input   io.Reader     // what the file "-" is; nil for none
}

// OtherEmitter returns the emitter of another system's emissions. A file of tokens, as token.Read reads it, has the texts of the classes.
//
// Errors: those of the file of tokens.
func OtherEmitter(tokens string, o OtherOptions) (*Emitter, error) {
	o.Scale = cmp.Or(o.Scale, ctc.LogProbs)
	e := &Emitter{Unit: Seconds, Frame: o.Frame, other: &o}
	if o.First != "" {
		x, err := e.open(o.First)
		switch {
		case err != nil && o.First == "-":
			return nil, err
		case err == nil && o.Tokens.Classes == 0: // an error is Emit's
			o.Tokens.Classes = x.Classes
		}
	}
	s, err := token.Read(tokens, o.Tokens)
	if err != nil {
		return nil, err
	}
	e.setTokens(s)
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
		return e.whole(path)(e.model.emit(path))
	}
	if e.Reader != nil {
		source, err := e.Reader.Open(path)
		if err != nil {
			return x, err
		}
		return e.opened(source)
	}
	x = Emissions{Frame: e.Frame, Offset: e.Offset}
	x.LogProbs, err = e.others(path)
	e.measure(&x)
	return x, err
}

// opened gives the emissions of what a reader has opened.
func (e *Emitter) opened(s Source) (x Emissions, err error) {
	x = Emissions{Frame: e.Frame * s.Scale, Offset: e.Offset * s.Scale, Line: &s.Line, Length: s.Length, source: s}
	x.LogProbs, err = e.Reader.Emissions(s.Line)
	e.measure(&x)
	return x, err
}

// measure counts the frames of emissions.
func (e *Emitter) measure(x *Emissions) {
	x.Frames = len(x.LogProbs) / len(e.Classes)
	x.Length = max(x.Length, x.Offset+float64(x.Frames)*x.Frame)
}

// whole checks the emissions that an ONNX model has for a file.
func (e *Emitter) whole(name string) func(x Emissions, err error) (Emissions, error) {
	return func(x Emissions, err error) (Emissions, error) {
		if err == nil && len(x.LogProbs) != x.Frames*len(e.Classes) {
			err = fmt.Errorf("%s: the model has %d classes for it; there are %d tokens", name, len(x.LogProbs)/x.Frames, len(e.Classes))
		}
		return x, err
	}
}

// others reads the emissions of another system.
func (e *Emitter) others(path string) ([]float32, error) {
	x, err := e.open(path)
	if err != nil {
		return nil, err
	}
	if x.Classes != len(e.Classes) {
		return nil, fmt.Errorf("%s has %d classes; there are %d tokens, with the blank", path, x.Classes, len(e.Classes))
	}
	if len(e.batch) > 1 {
		x = &data.Emissions{Values: slices.Clone(x.Values), Frames: x.Frames, Classes: x.Classes}
	} else {
		e.read = "" // what follows changes the numbers
	}
	e.hideStar(x)
	err = e.other.Scale.Normalise(x.Values, x.Classes)
	if wrong := (*ctc.ScaleError)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("%w. Log-probabilities need no flag; logits take --logits, probabilities --probs", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x.Values, nil
}

// hideStar makes a class impossible that is a wildcard, as torchaudio's models for alignment add it behind their classes: it is called *, and has 0 in all frames, a
// probability of 1 beside those of the others. Texts have wildcards of their own.
func (e *Emitter) hideStar(x *data.Emissions) {
	star := e.Tokens.Class(ctc.WildcardText)
	if star < 0 || x.Frames == 0 {
		return
	}
	for t := range x.Frames {
		if x.Values[t*x.Classes+star] != 0 {
			return
		}
	}
	for t := range x.Frames {
		x.Values[t*x.Classes+star] = float32(math.Inf(-1))
	}
}

// partName is the name of one of the recordings of a file: net[3].npy is the fourth of net.npy, -[3] of the input.
var partName = regexp.MustCompile(`^(.*)\[([0-9]+)\](\.[^./\\]*)?$`)

// Parts returns the names of the recordings whose emissions a file holds: its own where it holds those of one, else net[0].npy, net[1].npy and so on.
func (e *Emitter) Parts(path string) ([]string, error) {
	if !e.TakesEmissions() {
		return []string{path}, nil
	}
	if _, err := e.open(path); err != nil {
		return nil, err
	}
	if len(e.batch) == 1 || e.read != path {
		return []string{path}, nil
	}
	all := make([]string, len(e.batch))
	end := filepath.Ext(path)
	for k := range all {
		all[k] = fmt.Sprintf("%s[%d]%s", strings.TrimSuffix(path, end), k, end)
	}
	return all, nil
}

// open reads a file of emissions, or one of its parts: of a file of several, the first.
func (e *Emitter) open(path string) (*data.Emissions, error) {
	part := 0
	if m := partName.FindStringSubmatch(path); m != nil {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			k, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, fmt.Errorf("%s: the number of the recording is too large", path)
			}
			path, part = m[1]+m[3], k
		}
	}
	if e.read != path {
		if err := e.load(path); err != nil {
			return nil, err
		}
	}
	if part >= len(e.batch) {
		return nil, fmt.Errorf("%s has the emissions of %d recordings, 0 to %d; there is no %d", path, len(e.batch), len(e.batch)-1, part)
	}
	return &e.batch[part], nil
}

// load reads a file of emissions whole.
func (e *Emitter) load(path string) (err error) {
	e.read = ""
	if path == "-" && e.other.Input != nil {
		e.batch, err = data.DecodeEmissions(e.other.Input, e.other.Lengths)
		if err != nil {
			return fmt.Errorf("the input: %w", err)
		}
	} else if e.batch, err = data.ReadEmissions(path, e.other.Lengths); err != nil {
		return err
	}
	if len(e.batch) == 0 {
		return fmt.Errorf("%s holds no recordings", path)
	}
	e.read = path
	return nil
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
	if e.Tokenize != nil {
		return e.Tokenize(e.Normal(text))
	}
	b := ctc.Beam{Tokens: e.Classes, Blank: e.Blank}
	return b.Spell(e.Tokens.Form(e.Normal(text)))
}

// Text writes classes out, as token.Set.Join does.
func (e *Emitter) Text(classes []int) string { return e.Tokens.Join(classes) }

// Align finds when the words and tokens of a text are said: the likeliest alignment of the emissions to it, in the emitter's unit. A
// word that is ctc.WildcardText stands for anything that the text leaves out; instead of nil, the likeliest class of each frame is
// aligned. refine takes the times of the reader's model of them, where it has one (Reader.Refine); the confidence stays that of the
// frames aligned.
//
// Errors: a text that the tokens cannot spell, or that has too many of them for the frames.
func (e *Emitter) Align(x Emissions, text *string, refine bool) (*ctc.Timeline, error) {
	spellings, err := e.spellings(x, text)
	if err != nil {
		return nil, err
	}
	return e.align(x, spellings, refine)
}

// AlignClasses is Align of classes, those of a decoder's hypothesis, say; ctc.Wildcard is one.
func (e *Emitter) AlignClasses(x Emissions, classes []int, refine bool) (*ctc.Timeline, error) {
	return e.align(x, ctc.OneSpelling(classes), refine)
}

func (e *Emitter) align(x Emissions, spellings ctc.Spellings, refine bool) (*ctc.Timeline, error) {
	a, err := e.aligner.AlignSpellings(x.LogProbs, len(e.Classes), spellings)
	if err != nil {
		return nil, err
	}
	t := e.TimelineOf(x, a.Spans)
	t.LogProb, t.Total = a.LogProb, a.Total
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

// TimelineOf returns spans of classes as words and tokens of emissions, in the emitter's unit, without special tokens.
func (e *Emitter) TimelineOf(x Emissions, spans []ctc.Span) *ctc.Timeline {
	said := slices.DeleteFunc(slices.Clone(spans), func(s ctc.Span) bool { return s.Token != ctc.Wildcard && e.Tokens.Special(s.Token) })
	t := &ctc.Timeline{Unit: e.Unit, Duration: x.Length}
	t.Tokens = ctc.TimedTokens(said, func(k int) string { return e.Classes[k] }, x.Frame, x.Offset)
	t.Words = ctc.TimedWords(t.Tokens, e.Separator)
	return t
}

// spellings are all ways in which tokens spell a text, its wildcards by themselves; without one they are the best class of each frame.
func (e *Emitter) spellings(x Emissions, text *string) (all ctc.Spellings, err error) {
	if text == nil {
		p, err := ctc.Greedy(x.LogProbs, len(e.Classes), e.Blank)
		return ctc.OneSpelling(p.Tokens), err
	}
	if !e.Stars {
		return e.sentence(strings.Fields(*text))
	}
	for i, words := range sentences(*text) {
		next, err := e.sentence(words)
		if err != nil {
			return all, err
		}
		if i > 0 {
			e.join(&all, next)
		}
		all.Append(next)
	}
	all.OptionalFirst(ctc.Wildcard)
	all.Optional(ctc.Wildcard)
	return all, nil
}

// join lets a wildcard stand before the next sentence: instead of the token between words, or where the next begins with a piece that begins
// a word, before it.
func (e *Emitter) join(all *ctc.Spellings, next ctc.Spellings) {
	between := slices.Index(e.Classes, e.Separator)
	marked := slices.ContainsFunc(next.Pieces, func(p ctc.Piece) bool {
		return p.From == 0 && p.Token != ctc.Wildcard && strings.HasPrefix(e.Classes[p.Token], e.Separator)
	})
	if e.Separator == "" || between < 0 || marked {
		all.Optional(ctc.Wildcard)
		return
	}
	at := all.Places
	all.Append(ctc.OneSpelling([]int{between}))
	all.Pieces = append(all.Pieces, ctc.Piece{Token: ctc.Wildcard, From: at, To: all.Places})
}

// sentences cuts a text into the words of its sentences: at the ends of lines, and behind words with the mark of a sentence's end.
func sentences(text string) (all [][]string) {
	for line := range strings.Lines(text) {
		var words []string
		for _, w := range strings.Fields(line) {
			words = append(words, w)
			if EndsSentence(w) {
				all, words = append(all, words), nil
			}
		}
		if len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

// EndsSentence reports whether a word ends with the mark of a sentence's end, behind which quotes and brackets may stand.
func EndsSentence(word string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(word, "\"')]»”’"))
	return strings.ContainsRune(".!?…。！？", last)
}

// sentence is all spellings of words, or the one of Tokenize, wildcards among them.
func (e *Emitter) sentence(words []string) (all ctc.Spellings, err error) {
	for lo := 0; lo < len(words); {
		if words[lo] == ctc.WildcardText {
			all.Append(ctc.OneSpelling([]int{ctc.Wildcard}))
			lo++
			continue
		}
		hi := lo + 1
		for hi < len(words) && words[hi] != ctc.WildcardText {
			hi++
		}
		part, err := e.Spell(strings.Join(words[lo:hi], " "))
		if err != nil {
			return all, err
		}
		next := ctc.OneSpelling(part)
		if e.Tokenize == nil {
			if next, err = ctc.AllSpellings(e.Text(part), e.Classes, e.Blank); err != nil {
				return all, err
			}
		}
		all.Append(next)
		lo = hi
	}
	return all, nil
}
