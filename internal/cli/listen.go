package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/energo-ml/energo/ctc"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/recipe"
)

// A listener gives the emissions of files: those of a run's model, or another system's, whose
// tokens are in a file.
type listener struct {
	classes   []string
	blank     int
	separator string  // "" where there is none
	frame     float64 // seconds from a frame to the next, or pixels of a strip
	offset    float64 // of the beginning of the first frame
	reader    *recipe.Reader
	logits    bool // emissions of files are logits
}

// listen opens a run's folder, or a file of tokens for files of emissions.
func listen(path string, frame float64, logits bool) (*listener, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		r, err := recipe.OpenReader(path)
		if err != nil {
			return nil, err
		}
		// A frame is spread about its middle.
		return &listener{classes: r.Classes, separator: r.Separator, frame: r.Frame, offset: max(0, r.Offset-r.Frame/2), reader: r}, nil
	}
	tokens, err := data.ReadTokens(path)
	if err != nil {
		return nil, err
	}
	l := &listener{classes: tokens, frame: frame, logits: logits}
	if l.blank = slices.Index(tokens, ""); l.blank < 0 {
		return nil, fmt.Errorf("%s has no blank: a line of <blank>, or an empty text", path)
	}
	if slices.Contains(tokens, " ") {
		l.separator = " "
	}
	return l, nil
}

// emissions returns a file's log-probabilities, frame by frame, good until the next call.
func (l *listener) emissions(path string) ([]float32, error) {
	if l.reader != nil {
		return l.reader.Read(path)
	}
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

// spell returns a text as classes.
func (l *listener) spell(text string) ([]int, error) {
	if l.reader != nil {
		return l.reader.Spell(text)
	}
	b := ctc.Beam{Tokens: l.classes, Blank: l.blank}
	return b.Spell(strings.Join(strings.Fields(text), " "))
}

// text writes classes out.
func (l *listener) text(classes []int) string {
	var b strings.Builder
	for _, c := range classes {
		b.WriteString(l.classes[c])
	}
	return b.String()
}
