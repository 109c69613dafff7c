package answer

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/serve/wire"
)

// The most that a request for a trellis has.
const (
	FramesMost  = 60
	ClassesMost = 16
	LettersMost = 30
	WidthMost   = 1000
	scoreMost   = 1e3 // either way
)

// blankClass is the class of blanks.
const blankClass = 0

// textsMost is how many texts the beam search tells.
const textsMost = 6

// ctcAsked is a sequence of frames with a score for each class, a text that may be spelled by them, and the beam that looks for others.
type ctcAsked struct {
	classes []string // one letter each; the first is the blank
	scores  []float64
	frames  int
	text    string
	labels  []int
	width   int
}

// readCTC reads a request.
func readCTC(body []byte) (a ctcAsked, err error) {
	var frames [][]float64
	a.width = 16
	err = wire.Decode(body, wire.Object(map[string]wire.Reader{
		"classes": wire.Texts(&a.classes, ClassesMost), "text": wire.Text(&a.text), "width": wire.Integer(&a.width),
		"scores": wire.Elements(&frames, FramesMost, func(frame *[]float64) wire.Reader { return wire.Elements(frame, ClassesMost, wire.Number) }),
	}))
	if err != nil {
		return a, err
	}
	if err := a.checkClasses(); err != nil {
		return a, err
	}
	if len(frames) == 0 {
		return a, wire.Invalid("scores", "scores has no frame; it must have from 1 to %d", FramesMost)
	}
	for t, frame := range frames {
		if len(frame) != len(a.classes) {
			return a, wire.Invalid("scores", "scores[%d] has %d numbers; there are %d classes", t, len(frame), len(a.classes))
		}
		for c, v := range frame {
			if !(math.Abs(v) <= scoreMost) {
				return a, wire.Invalid("scores", "scores[%d][%d] is %v; it must be from %v to %v", t, c, v, -scoreMost, scoreMost)
			}
		}
		a.scores = append(a.scores, frame...)
	}
	a.frames = len(frames)
	if a.width < 1 || a.width > WidthMost {
		return a, wire.Invalid("width", "width is %d; it must be from 1 to %d", a.width, WidthMost)
	}
	return a, a.spell()
}

func (a *ctcAsked) checkClasses() error {
	if len(a.classes) < 2 {
		return wire.Invalid("classes", "classes has %d elements; it must have from 2 to %d, the blank first", len(a.classes), ClassesMost)
	}
	for i, c := range a.classes {
		if utf8.RuneCountInString(c) != 1 || slices.Contains(a.classes[:i], c) {
			return wire.Invalid("classes", "classes[%d] is %.40q; each must be one letter, another than the others", i, c)
		}
	}
	return nil
}

// spell finds the classes of the text's letters.
func (a *ctcAsked) spell() error {
	for _, r := range a.text {
		c := slices.Index(a.classes, string(r))
		if c <= blankClass {
			return wire.Invalid("text", "text is %.80q; %q is not one of the letters %s", a.text, r, strings.Join(a.classes[1:], " "))
		}
		if a.labels = append(a.labels, c); len(a.labels) > LettersMost {
			return wire.Invalid("text", "text has more than %d letters", LettersMost)
		}
	}
	return nil
}

// ctcText is a text and how likely it is, as far as the beam has seen its alignments.
type ctcText struct {
	Text        string  `json:"text"`
	Probability float64 `json:"probability"`
}

// ctcAnswer is all that is shown of a sequence and a text.
type ctcAnswer struct {
	Probabilities []Numbers `json:"probabilities"` // of the classes, frame by frame
	Loss          any       `json:"loss"`          // −ln p(text); null where no path spells it
	Gradient      []Numbers `json:"gradient"`      // by the scores
	States        []string  `json:"states"`        // blanks and letters in turn
	Occupancy     []Numbers `json:"occupancy"`     // the share of the paths in each state, frame by frame
	Path          []int     `json:"path"`          // the state of each frame on the likeliest path; empty where there is none
	PathShare     float64   `json:"path_share"`    // of the text's probability
	Paths         float64   `json:"paths"`         // how many spell the text
	Greedy        ctcText   `json:"greedy"`        // with the probability of its one alignment
	GreedyPath    []int     `json:"greedy_path"`   // the likeliest class of each frame
	Texts         []ctcText `json:"texts"`         // the likeliest, by beam search
}

func (*Desk) ctc(_ context.Context, r *Request) (any, error) {
	a, err := readCTC(r.Body)
	if err != nil {
		return nil, err
	}
	out := &ctcAnswer{Path: []int{}, Texts: []ctcText{}}
	if err := a.cost(out); err != nil {
		return nil, err
	}
	logs := logSoftmax(a.scores, len(a.classes))
	probabilities := make([]float64, len(logs))
	for i, v := range logs {
		probabilities[i] = math.Exp(v)
	}
	out.Probabilities = rows(probabilities, len(a.classes))
	if err := a.trellis(out, logs); err != nil {
		return nil, err
	}
	return out, a.decode(out, logs)
}

// cost is the loss and its gradient.
func (a *ctcAsked) cost(out *ctcAnswer) error {
	l := loss.CTC[float64]{Blank: blankClass, Logits: true, Reduction: loss.Sum}
	gradient := make([]float64, len(a.scores))
	value, err := l.Eval(&loss.CTCBatch[float64]{
		Scores: a.scores, Frames: a.frames, Batch: 1, Classes: len(a.classes), Targets: a.labels, TargetLengths: []int{len(a.labels)},
	}, gradient)
	out.Loss, out.Gradient = finite(value), rows(gradient, len(a.classes))
	return err
}

// trellis is the paths that spell the text, together and the likeliest.
func (a *ctcAsked) trellis(out *ctcAnswer, logs []float64) error {
	energies := make([]float64, len(logs))
	for i, v := range logs {
		energies[i] = -v
	}
	t, err := answers.NewTrellis(energies, len(a.classes), blankClass, a.labels, 1)
	if err != nil {
		return err
	}
	all, err := answers.NewTrellis(make([]float64, len(logs)), len(a.classes), blankClass, a.labels, 1) // in which each path counts as 1
	if err != nil {
		return err
	}
	for _, c := range t.States {
		out.States = append(out.States, a.classes[c])
	}
	out.Occupancy = rows(t.Occupancy, len(t.States))
	out.Path = append(out.Path, t.Path...)
	out.Paths = math.Round(math.Exp(-all.Free))
	if len(t.Path) > 0 {
		out.PathShare = math.Exp(t.Free - t.Least)
	}
	return nil
}

// decode finds the text of the likeliest path, and the likeliest texts.
func (a *ctcAsked) decode(out *ctcAnswer, logs []float64) error {
	emissions := make([]float32, len(logs))
	for i, v := range logs {
		emissions[i] = float32(v)
	}
	greedy, err := ctc.Greedy(emissions, len(a.classes), blankClass)
	if err != nil {
		return err
	}
	d, err := ctc.NewDecoder(ctc.Beam{Tokens: a.classes, Blank: blankClass, Width: a.width, Best: textsMost})
	if err != nil {
		return err
	}
	texts, err := d.Decode(emissions)
	if err != nil {
		return err
	}
	out.Greedy = ctcText{d.Text(greedy.Tokens), math.Exp(greedy.LogProb)}
	for t := range a.frames {
		frame := emissions[t*len(a.classes) : (t+1)*len(a.classes)]
		out.GreedyPath = append(out.GreedyPath, slices.Index(frame, slices.Max(frame)))
	}
	for _, h := range texts {
		out.Texts = append(out.Texts, ctcText{d.Text(h.Tokens), math.Exp(h.Acoustic)})
	}
	return nil
}

// logSoftmax is that of each row.
func logSoftmax(scores []float64, width int) []float64 {
	out := make([]float64, len(scores))
	for at := 0; at < len(scores); at += width {
		row := scores[at : at+width]
		most, sum := slices.Max(row), 0.0
		for _, v := range row {
			sum += math.Exp(v - most)
		}
		for i, v := range row {
			out[at+i] = v - most - math.Log(sum)
		}
	}
	return out
}

// rows cuts numbers into rows.
func rows(all []float64, width int) []Numbers {
	var cut []Numbers
	for row := range slices.Chunk(all, width) {
		cut = append(cut, Numbers(row))
	}
	return cut
}
