package recipe

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/ctc"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// A recogniserTask is a recogniser as train sees it.
type recogniserTask struct {
	*read.Network
	samples int
	draw    func(i int, rng *rand.Rand) data.Line // training line i, perhaps another each time
	held    []data.Line
	save    func(ctx context.Context, dir string) error // the trained network into a run's folder
	subject train.Subject
	lines   []data.Line
	batch   *read.Batch
}

func newRecogniserTask(ctx context.Context, r *read.Network, samples int, draw func(i int, rng *rand.Rand) data.Line, held []data.Line, priors float64) (*recogniserTask, error) {
	t := &recogniserTask{
		Network: r, samples: samples, draw: draw, held: held, batch: read.NewBatch(r.Classes(), priors),
		save:    func(_ context.Context, dir string) error { return read.Save(dir, r, nil, nil) },
		subject: train.Subject{Functional: functional.NLL{Beta: 1}, Architecture: "energies of texts, alignments summed out", Terms: textTerms()},
	}
	first, err := t.measure(ctx, held[:min(len(held), 100)])
	if err != nil {
		return nil, err
	}
	t.subject.Scale = first.Diagnosis.Spread
	return t, nil
}

// Params implements train.Task.
func (t *recogniserTask) Params() []*autodiff.Param { return t.Module.Params() }

// Samples implements train.Task.
func (t *recogniserTask) Samples() int { return t.samples }

// State implements train.Stateful: the label priors.
func (t *recogniserTask) State() []tensor.Named {
	return []tensor.Named{{Name: "label_prior", Tensor: t.batch.Prior()}}
}

// Loss implements train.Task.
func (t *recogniserTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.lines = t.lines[:0]
	for _, i := range b.Samples {
		t.lines = append(t.lines, t.draw(i, b.Rand))
	}
	t.batch.Set(t.Network, t.lines)
	return t.batch.Record(t.Network, tape)
}

// Evaluate implements train.Task: the error is the token error rate.
func (t *recogniserTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.measure(ctx, t.held)
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
	read  [][]int        // what each line is read as
}

// measure reads lines one by one.
func (t *recogniserTask) measure(ctx context.Context, lines []data.Line) (*reading, error) {
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
		e, err := t.Energy(log, target)
		if err != nil {
			return nil, err
		}
		if possible := e < 1e30; possible {
			stats = append(stats, others(e))
		}
		best, err := ctc.Greedy(log, t.Classes(), read.Blank)
		if err != nil {
			return nil, err
		}
		m.edits.Add(ctc.Edits(target, best.Tokens))
		if t.Separator() != read.Blank {
			m.words.Add(ctc.Edits(ctc.Words(t.Text(target)), ctc.Words(t.Text(best.Tokens))))
		}
		m.read = append(m.read, best.Tokens)
	}
	m.Evaluation = train.Diagnose(stats, t.subject, wrongTokens.Of(m.edits.Rate()), writesNothing)
	return m, nil
}

// wrongTokens is the error of reading.
var wrongTokens = measure.Quantity{Key: "error_rate", Name: "Error rate", Unit: measure.Share, Note: "of the tokens read wrong"}

// writesNothing is the error rate of a recogniser that does not look: all tokens are missing.
const writesNothing = 1

// textTerms are those of texts' energies.
func textTerms() train.Terms {
	return train.Terms{
		Energies: "energies", Samples: "lines", Correct: "the right text", Offending: "all other texts together", Unit: measure.Nat,
		Kept: train.ToldApart("of the lines have the right text likelier than all others together"),
	}
}

// RecogniserResult is what a run of a recogniser came to, as result.json and the last line of
// --json have it.
type RecogniserResult struct {
	Run          string          `json:"run"`
	Groups       []ReadingResult `json:"groups"`
	Epochs       int             `json:"epochs"`
	Steps        int             `json:"steps"`
	TrainSeconds float64         `json:"train_seconds"`
	Measured                     // the error is the token error rate of the first group
	Reason       string          `json:"reason"`
	BestEpoch    int             `json:"best_epoch"`
	Recipe       string          `json:"recipe"`
	Seed         uint64          `json:"seed"`
}

// ReadingResult is how a group of test lines was read.
type ReadingResult struct {
	Name          string         `json:"name"`
	Lines         int            `json:"lines"`
	Exact         measure.Number `json:"exact"` // fraction of the lines
	Tokens        int            `json:"tokens"`
	ErrorRate     measure.Number `json:"error_rate"` // of tokens
	Substitutions int            `json:"substitutions"`
	Insertions    int            `json:"insertions"`
	Deletions     int            `json:"deletions"`
	Words         int            `json:"words,omitempty"`
	WordErrorRate measure.Number `json:"word_error_rate"` // NaN where there are no words
}

// A lineGroup is test lines with a name.
type lineGroup struct {
	name  string
	lines []data.Line
}

// run trains into a run's folder and reads the test lines.
func (t *recogniserTask) run(ctx context.Context, recipe string, config Settings, loop train.Config, groups []lineGroup, o Options) (*RecogniserResult, error) {
	out, err := runTask(ctx, t, config, loop, o)
	if out == nil {
		return nil, err
	}
	r := &RecogniserResult{
		Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
		Recipe: recipe, Seed: loop.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := t.save(ctx, o.Dir); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	if err := r.read(ctx, t, groups); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, writeResult(o.Dir, r)
}

// read measures the groups; the energies are the first one's.
func (r *RecogniserResult) read(ctx context.Context, t *recogniserTask, groups []lineGroup) error {
	r.Groups = nil
	for i, g := range groups {
		m, err := t.measure(ctx, g.lines)
		if err != nil {
			return err
		}
		one := ReadingResult{
			Name: g.name, Lines: len(g.lines), Exact: measure.Number(1 - m.edits.SequenceRate()), Tokens: m.edits.Length,
			ErrorRate: measure.Number(m.edits.Rate()), Substitutions: m.edits.Substitutions, Insertions: m.edits.Insertions, Deletions: m.edits.Deletions,
			Words: m.words.Length, WordErrorRate: measure.Number(m.words.Rate()),
		}
		r.Groups = append(r.Groups, one)
		if i > 0 {
			continue
		}
		r.Take(m.Evaluation)
	}
	return nil
}

// others returns the free energy of all other texts, where one has energy e: their
// probabilities add up to 1 − exp(−e).
func others(e float64) functional.LabelStats {
	const least = 1e-12 // of the energy, so that the others' is finite
	e = max(e, least)
	rest := -math.Log(-math.Expm1(-e))
	return functional.LabelStats{Correct: e, Offending: rest, Answer: 1, Spread: abs(rest-e) / 2}
}
