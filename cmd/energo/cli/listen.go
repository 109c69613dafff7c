package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/spf13/pflag"
)

// listenFlags say what another system's emissions are.
type listenFlags struct {
	frame  float64
	logits bool
}

func (l *listenFlags) add(f *pflag.FlagSet) {
	f.Float64Var(&l.frame, "frame", 0.02, "seconds from a frame of emissions to the next, where they are another system's")
	f.BoolVar(&l.logits, "logits", false, "another system's emissions are logits: take their log-softmax")
}

// A listener gives the emissions of files: those of a run's model, or another system's, whose
// tokens are in a file.
type listener struct {
	classes   []string
	blank     int
	separator string // "" where there is none
	unit      string // seconds of sound, pixels of a picture
	frame     float64
	offset    float64 // of the beginning of the first frame
	reader    *read.Reader
	logits    bool // emissions of files are logits
}

// The units of places in a file.
const (
	seconds = "seconds"
	pixels  = "pixels"
)

// listen opens a run's folder, or a file of tokens for files of emissions.
func listen(path string, flags listenFlags) (*listener, error) {
	if !(flags.frame > 0 && flags.frame < 1e6) {
		return nil, usagef("--frame is %v; it must be above 0", flags.frame)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		r, err := read.Open(path)
		if err != nil {
			return nil, err
		}
		// A frame is spread about its middle.
		l := &listener{classes: r.Classes, separator: r.Separator, frame: r.Frame, offset: max(0, r.Offset-r.Frame/2), reader: r, unit: seconds}
		if r.Features() == nil {
			l.unit = pixels
		}
		return l, nil
	}
	tokens, err := data.ReadTokens(path)
	if err != nil {
		return nil, err
	}
	l := &listener{classes: tokens, frame: flags.frame, logits: flags.logits, unit: seconds}
	if l.blank = slices.Index(tokens, ""); l.blank < 0 {
		return nil, fmt.Errorf("%s has no blank: a line of <blank>, or an empty text", path)
	}
	if slices.Contains(tokens, " ") {
		l.separator = " "
	}
	return l, nil
}

// rules says which of listenFlags count.
func (l *listener) rules() []rule {
	const own = "the emissions are those of the run's own model"
	return []rule{{"frame", l.reader == nil, own}, {"logits", l.reader == nil, own}}
}

// What is heard of a file: its emissions, good until the next is heard, and how frames lie in it.
type heard struct {
	logProbs      []float32
	frames        int
	frame, offset float64 // in the file's unit
	length        float64
	line          *data.Line // what the model looked at; nil for another system's emissions
	source        read.Source
}

// hear reads a file.
func (l *listener) hear(path string) (h heard, err error) {
	h = heard{frame: l.frame, offset: l.offset}
	if l.reader == nil {
		h.logProbs, err = l.others(path)
	} else {
		var s read.Source
		if s, err = l.reader.Open(path); err != nil {
			return h, err
		}
		h.source, h.line, h.length = s, &s.Line, s.Length
		h.frame, h.offset = h.frame*s.Scale, h.offset*s.Scale
		h.logProbs, err = l.reader.Emissions(s.Line)
	}
	h.frames = len(h.logProbs) / len(l.classes)
	h.length = max(h.length, h.offset+float64(h.frames)*h.frame)
	return h, err
}

// others reads the emissions of another system.
func (l *listener) others(path string) ([]float32, error) {
	e, err := data.ReadEmissions(path)
	if err != nil {
		return nil, err
	}
	if e.Classes != len(l.classes) {
		return nil, fmt.Errorf("%s has %d classes; there are %d tokens", path, e.Classes, len(l.classes))
	}
	if l.logits {
		simd.LogSoftmaxRows(e.Values, e.Values, e.Frames, e.Classes)
	}
	return e.Values, nil
}

// normal returns a text as the tokens could spell it.
func (l *listener) normal(text string) string {
	if l.reader != nil {
		return l.reader.Normal(text)
	}
	return strings.Join(strings.Fields(text), " ")
}

// spell returns a text as classes.
func (l *listener) spell(text string) ([]int, error) {
	if l.reader != nil {
		return l.reader.Spell(text)
	}
	b := ctc.Beam{Tokens: l.classes, Blank: l.blank}
	return b.Spell(l.normal(text))
}

// text writes classes out.
func (l *listener) text(classes []int) string {
	var b strings.Builder
	for _, c := range classes {
		b.WriteString(l.classes[c])
	}
	return b.String()
}

// spaced returns a text whose words have single spaces between, if there is a separator of words.
func (l *listener) spaced(text string) string {
	if l.separator == "" {
		return text
	}
	return strings.Join(strings.Fields(text), l.separator)
}

// A spokenFile is a file to read, and what it says where that is known.
type spokenFile struct {
	path string
	text *string
}

// spokenFiles are files that were named, and those of a manifest.
func spokenFiles(named []string, manifest string) (all []spokenFile, err error) {
	for _, path := range named {
		all = append(all, spokenFile{path: path})
	}
	if manifest == "" {
		return all, nil
	}
	lines, err := audio.Manifest(manifest)
	for _, u := range lines {
		all = append(all, spokenFile{u.Path, &u.Text})
	}
	return all, err
}

// each does one file after the other. A file that fails is reported, on out, too, where that is of JSON lines, and the
// others are still done; the error then says how many failed.
func each(out, warn io.Writer, files []spokenFile, asJSON bool, do func(f spokenFile) error) error {
	failed := 0
	for _, f := range files {
		err := do(f)
		if err == nil {
			continue
		}
		failed++
		fmt.Fprintf(warn, "energo: %v\n", err)
		if err := printJSON(out, fileError{f.path, err.Error()}, asJSON); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d files could not be read", failed, len(files))
	}
	return nil
}

// fileError is a line of --json for a file that can't be read.
type fileError struct {
	File  string `json:"file"`
	Error string `json:"error"`
}
