package jobs

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/train"
)

// recogniser is a network that reads lines, as a job.Model.
type recogniser struct {
	*read.Network
	samples  int
	draw     func(i int, rng *rand.Rand) data.Line // training line i, perhaps another each time
	held     []data.Line
	groups   []lineGroup                                 // of the test set
	features *read.Features                              // nil where lines are pictures
	data     string                                      // identifies what is trained on
	tokens   string                                      // what the tokens are, for people
	finish   func(ctx context.Context, dir string) error // what else goes into a finished run's folder

	subject train.Subject
	scaled  bool // Scale has been called
	lines   []data.Line
	batch   *read.Batch

	latent answers.Latent
	frames answers.Frames[float32] // of a line that is measured
}

// A lineGroup is test lines with a name.
type lineGroup struct {
	name  string
	lines []data.Line
}

// newRecogniser returns a network as a model of a number of samples an epoch, without its data.
func newRecogniser(n *read.Network, samples int, c *ReadingLoss, priors float64) (*recogniser, error) {
	r := &recogniser{Network: n, samples: samples, batch: read.NewBatch(n.Classes(), priors), latent: c.alignments().Latent}
	var err error
	if r.subject, err = c.subject(); err != nil {
		return nil, err
	}
	return r, r.batch.Use(r.subject.Functional, c.alignments())
}

// Params implements train.Task.
func (t *recogniser) Params() []*autodiff.Param { return t.Module.Params() }

// Samples implements train.Task.
func (t *recogniser) Samples() int { return t.samples }

// Data implements job.Model.
func (t *recogniser) Data() string { return t.data }

// Scale implements job.Model.
func (t *recogniser) Scale(spread measure.Number) { t.subject.Scale, t.scaled = spread, true }

// Save implements job.Model: what read.Open reads.
func (t *recogniser) Save(dir string) error { return read.Save(dir, t.Network, t.features, nil) }

// Load implements job.Model.
func (t *recogniser) Load(dir string) error {
	return nn.Load(filepath.Join(dir, read.WeightsFile), t.Module)
}

// State implements train.Stateful: the label priors.
func (t *recogniser) State() []tensor.Named {
	return []tensor.Named{{Name: "label_prior", Tensor: t.batch.Prior()}}
}

// Loss implements train.Task.
func (t *recogniser) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.lines = t.lines[:0]
	for _, i := range b.Samples {
		t.lines = append(t.lines, t.draw(i, b.Rand))
	}
	t.batch.Set(t.Network, t.lines)
	return t.batch.Record(t.Network, tape)
}

// scaleLines are enough to tell the energies' spread before training.
const scaleLines = 100

// Evaluate implements train.Task: the error is the token error rate.
func (t *recogniser) Evaluate(ctx context.Context) (train.Evaluation, error) {
	held := t.held
	if !t.scaled {
		held = held[:min(scaleLines, len(held))]
	}
	m, err := t.measure(ctx, held)
	if err != nil {
		return train.Evaluation{}, err
	}
	return m.Evaluation, nil
}

// reading is what a set of lines says of a recogniser.
type reading struct {
	train.Evaluation
	edits ctc.ErrorCount
	words ctc.ErrorCount // where a token is the space
}

// measure reads lines one by one.
func (t *recogniser) measure(ctx context.Context, lines []data.Line) (*reading, error) {
	m := &reading{}
	var stats []functional.LabelStats
	var target []int
	for _, l := range lines {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		log, err := t.Emissions(l)
		if err != nil {
			return nil, err
		}
		target = read.ClassesOf(target[:0], l.Target)
		one, err := t.stats(log, target)
		if err != nil {
			return nil, err
		}
		if possible := one.Correct < 1e30; possible {
			stats = append(stats, one)
		}
		best, err := ctc.Greedy(log, t.Classes(), read.Blank)
		if err != nil {
			return nil, err
		}
		m.edits.Add(ctc.Edits(target, best.Tokens))
		if t.Separator() != read.Blank {
			m.words.Add(ctc.Edits(ctc.Words(t.Text(target)), ctc.Words(t.Text(best.Tokens))))
		}
	}
	m.Evaluation = train.Diagnose(stats, t.subject, wrongTokens.Of(m.edits.Rate()), writesNothing)
	return m, nil
}

// wrongTokens is the error of reading.
var wrongTokens = measure.Quantity{Key: "error_rate", Name: "Error rate", Unit: measure.Share, Note: "of the tokens read wrong"}

// writesNothing is the error rate of a recogniser that does not look: all tokens are missing.
const writesNothing = 1

// Measure implements job.Model: the error and the energies are those of the first group.
func (t *recogniser) Measure(ctx context.Context) (*job.Measures, error) {
	m := &job.Measures{Write: t.finish}
	table := measure.Table{Key: "groups", Name: "test", Columns: []measure.Quantity{
		{Key: "lines", Name: "Lines", Unit: measure.Count},
		{Key: "exact", Name: "Exact", Unit: measure.Share, Note: "of the lines"},
		{Key: "tokens", Name: t.tokens, Unit: measure.Count},
		{Key: "error_rate", Name: "Error rate", Unit: measure.Share, Note: wrongTokens.Note},
		{Key: "substitutions", Name: "Subst", Unit: measure.Count},
		{Key: "insertions", Name: "Ins", Unit: measure.Count},
		{Key: "deletions", Name: "Del", Unit: measure.Count},
	}}
	if t.Separator() != read.Blank {
		table.Columns = append(table.Columns, measure.Quantity{Key: "words", Name: "Words", Unit: measure.Count},
			measure.Quantity{Key: "word_error_rate", Name: "Word errors", Unit: measure.Share, Note: "of the words read wrong"})
	}
	for i, g := range t.groups {
		r, err := t.measure(ctx, g.lines)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			m.Evaluation = r.Evaluation
		}
		e, w := r.edits, r.words
		row := []float64{float64(len(g.lines)), 1 - e.SequenceRate(), float64(e.Length), e.Rate(), float64(e.Substitutions), float64(e.Insertions), float64(e.Deletions), float64(w.Length), w.Rate()}
		table.Add(g.name, row[:len(table.Columns)]...)
	}
	m.Tables = []measure.Table{table}
	return m, nil
}

// stats says where the energies of a line lie, given its emissions.
func (t *recogniser) stats(log []float32, target []int) (functional.LabelStats, error) {
	if t.latent == answers.Sum {
		e, err := t.Energy(log, target)
		return others(e), err
	}
	t.frames.Energies = scratch.Sized(t.frames.Energies, len(log))
	simd.Neg(t.frames.Energies, log)
	t.frames.Classes, t.frames.Blank, t.frames.Lengths = t.Classes(), read.Blank, []int{len(log) / t.Classes()}
	t.frames.Targets, t.frames.TargetLengths = target, []int{len(target)}
	var e, rival [1]float64
	a := answers.Alignments[float32]{Latent: answers.Least}
	if err := a.Set(&t.frames, make([]float32, len(log))); err != nil {
		return functional.LabelStats{}, err
	}
	err := a.Eval(functional.Statistic{Kind: functional.Offending}, e[:], rival[:])
	return functional.LabelStats{Correct: e[0], Offending: rival[0], Answer: 1, Spread: abs(rival[0]-e[0]) / 2}, err
}

// others returns the free energy of all other texts, where one has energy e: their
// probabilities add up to 1 − exp(−e).
func others(e float64) functional.LabelStats {
	const least = 1e-12 // of the energy, so that the others' is finite
	e = max(e, least)
	rest := -math.Log(-math.Expm1(-e))
	return functional.LabelStats{Correct: e, Offending: rest, Answer: 1, Spread: abs(rest-e) / 2}
}
