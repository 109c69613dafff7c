package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/ctc"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// TokensFile holds the tokens that a recogniser writes, as a JSON array; class 0 is the blank, token
// i class i + 1.
const TokensFile = "tokens.json"

// A recogniserTask is a recogniser as train sees it.
type recogniserTask struct {
	*recogniser
	samples int
	draw    func(i int, rng *rand.Rand) data.Line // training line i, perhaps another each time
	held    []data.Line
	finish  func(ctx context.Context) error // what is still to do once the network is trained; may be nil
	subject train.Subject
	lines   []data.Line
	batch   *lineBatch
}

func newRecogniserTask(ctx context.Context, r *recogniser, samples int, draw func(i int, rng *rand.Rand) data.Line, held []data.Line, priors float64) (*recogniserTask, error) {
	t := &recogniserTask{
		recogniser: r, samples: samples, draw: draw, held: held, batch: newLineBatch(r.classes(), priors),
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
func (t *recogniserTask) Params() []*autodiff.Param { return t.net.Params() }

// Samples implements train.Task.
func (t *recogniserTask) Samples() int { return t.samples }

// State implements train.Stateful: the label priors.
func (t *recogniserTask) State() []tensor.Named {
	return []tensor.Named{{Name: "label_prior", Tensor: t.batch.prior}}
}

// Loss implements train.Task.
func (t *recogniserTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.lines = t.lines[:0]
	for _, i := range b.Samples {
		t.lines = append(t.lines, t.draw(i, b.Rand))
	}
	t.batch.set(t.recogniser, t.lines)
	return t.batch.record(t.recogniser, tape)
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
		log, err := t.emissions(l)
		if err != nil {
			return nil, err
		}
		target = classesOf(target[:0], l.Target)
		e, err := t.energy(log, target)
		if err != nil {
			return nil, err
		}
		if possible := e < 1e30; possible {
			stats = append(stats, others(e))
		}
		best, err := ctc.Greedy(log, t.classes(), blank)
		if err != nil {
			return nil, err
		}
		m.edits.Add(ctc.Edits(target, best.Tokens))
		if t.separator() != blank {
			m.words.Add(ctc.Edits(ctc.Words(t.text(target)), ctc.Words(t.text(best.Tokens))))
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
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), t.net); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(o.Dir, TokensFile), t.tokens); err != nil {
		return nil, err
	}
	if t.finish != nil {
		err := t.finish(ctx)
		if err != nil && ctx.Err() != nil {
			r.Reason = "interrupted"
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if err := r.read(ctx, t, groups); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, writeJSON(filepath.Join(o.Dir, ResultFile), r)
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

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(text, '\n'))
}

// readTokens reads the tokens of a finished run.
func readTokens(dir string) ([]string, error) {
	path := filepath.Join(dir, TokensFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tokens []string
	if err := card.Decode(text, &tokens); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tokens, nil
}
