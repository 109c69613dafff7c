package jobs

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/train"
)

// recogniser is a network that reads lines, as a job.Model.
type recogniser struct {
	*read.Network
	samples  int
	draw     func(i int, rng *rand.Rand) (data.Line, error) // training line i, perhaps another each time
	held     []data.Line
	groups   []lineGroup                                 // of the test set
	features *read.Features                              // nil where lines are pictures
	tokens   string                                      // what the tokens are, for people
	finish   func(ctx context.Context, dir string) error // what else goes into a finished run's folder

	trainedOn
	diagnosed
	lines []data.Line
	batch *read.Batch

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

func (t *recogniser) Params() []*autodiff.Param { return t.Module.Params() }
func (t *recogniser) Samples() int              { return t.samples }

// Save implements job.Model: what read.Open reads.
func (t *recogniser) Save(dir string) error { return read.Save(dir, t.Network, t.features, nil) }

// Keep implements job.Keeper.
func (t *recogniser) Keep(dir string) error { return read.Keep(dir, t.Network, t.features) }

func (t *recogniser) Load(dir string) error {
	return nn.Load(filepath.Join(dir, read.WeightsFile), t.Module)
}

// State implements train.Stateful: the label priors.
func (t *recogniser) State() []tensor.Named {
	return []tensor.Named{{Name: "label_prior", Tensor: t.batch.Prior()}}
}

func (t *recogniser) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.lines = t.lines[:0]
	for _, i := range b.Samples {
		l, err := t.draw(i, b.Rand)
		if err != nil {
			return nil, err
		}
		t.lines = append(t.lines, l)
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
	return m.Evaluation, err
}

// reading is what a set of lines says of a recogniser.
type reading struct {
	train.Evaluation
	edits ctc.ErrorCount
	words ctc.ErrorCount // where a token is the space
}

// measure reads lines one by one.
func (t *recogniser) measure(ctx context.Context, lines []data.Line) (m reading, err error) {
	var stats []functional.LabelStats
	var target []int
	for _, l := range lines {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		log, err := t.Emissions(l)
		if err != nil {
			return m, err
		}
		target = read.ClassesOf(target[:0], l.Target)
		one, err := t.stats(log, target)
		if err != nil {
			return m, err
		}
		if possible := one.Correct < 1e30; possible {
			stats = append(stats, one)
		}
		best, err := ctc.Greedy(log, t.Classes(), read.Blank)
		if err != nil {
			return m, err
		}
		m.edits.Add(ctc.Edits(target, best.Tokens))
		if t.Words() {
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
	if t.Words() {
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
	return functional.LabelStats{Correct: e[0], Offending: rival[0], Answer: 1, Spread: math.Abs(rival[0]-e[0]) / 2}, err
}

// others returns the free energy of all other texts, where one has energy e: their
// probabilities add up to 1 − exp(−e).
func others(e float64) functional.LabelStats {
	const least = 1e-12 // of the energy, so that the others' is finite
	e = max(e, least)
	rest := -math.Log(-math.Expm1(-e))
	return functional.LabelStats{Correct: e, Offending: rest, Answer: 1, Spread: math.Abs(rest-e) / 2}
}

// Recogniser is the settings of a recogniser that begins with a model of another system.
type Recogniser struct {
	Encoder string // ONNX model that was trained by CTC, with its card; "" is a network of energo's own
	Freeze  string // of its parameters, a regular expression of those that stay as they are
	NewHead bool   // a new linear layer writes what the data have, also where the card has tokens
}

// own is the rule of settings of energo's own network.
func (c *Recogniser) own() option.Rule {
	return option.When(func() bool { return c.Encoder == "" }, option.Because("the encoder has its own"))
}

// options lists the settings. The model reads samples, and a new head writes texts.
func (c *Recogniser) options(samples, texts string) option.List {
	imported := option.When(func() bool { return c.Encoder != "" }, option.Because("there is no encoder"))
	return option.List{
		option.New(&c.Encoder, "encoder", "ONNX model of "+samples+" that the network begins with; its card, net.energo.yaml beside net.onnx, says what the model takes (docs/onnx.md)", option.Arg("file"), option.Path),
		option.New(&c.Freeze, "freeze", "regular expression of the encoder's parameters that stay as they are: of their names, or of those of the nodes that take them", option.Arg("pattern"), imported),
		option.New(&c.NewHead, "new_head", "a new linear layer over the encoder's output writes "+texts+", also where the encoder has tokens", imported),
	}
}

// settle puts defaults in, and refuses a pattern that is no regular expression.
func (c *Recogniser) settle(t *job.Training) error {
	if c.Encoder != "" && t.LR == 0 {
		t.LR = finetuned * job.RateDefaults[t.Optimizer]
	}
	t.Settle(t.Epochs, t.Batch)
	return checkPattern(c.Freeze)
}

// base opens the encoder, or the copy of a run that is opened again.
func (c *Recogniser) base(env job.Env, open func(path string) (*read.Base, error)) (*read.Base, error) {
	if env.Run != "" {
		return read.ReopenBase(env.Run)
	}
	return open(c.Encoder)
}

// beginning says how a network is made of the encoder.
func (c *Recogniser) beginning(texts []string, seed uint64) read.BaseOptions {
	o := read.BaseOptions{Characters: texts, NewHead: c.NewHead, Seed: seed}
	if c.Freeze != "" {
		o.Freeze = regexp.MustCompile(c.Freeze) // as settle has tried
	}
	return o
}

// ReadingLoss is what a recogniser trains with: a functional of the energies of alignments.
type ReadingLoss struct {
	FunctionalSettings
	Latent     string // one of latents
	EnergyBase string // one of bases
	PerFrame   bool
}

// The names that settings of ReadingLoss have, in the order of package answers.
var (
	latents = []string{"least", "sum"}
	bases   = []string{"raw", "above_minimum", "log_probability"}
)

// defaultReadingLoss is that of CTC.
func defaultReadingLoss() ReadingLoss {
	return ReadingLoss{FunctionalSettings: defaultFunctional(), Latent: "sum", EnergyBase: "raw"}
}

// options lists the settings.
func (c *ReadingLoss) options() option.List {
	return append(option.List{
		c.named(new(string)),
		option.New(&c.Latent, "latent", "a text's energy: the least of its alignments', or that of their sum", option.OneOf(latents...)),
		option.New(&c.EnergyBase, "base", "what energies are counted from: the network's own zero, the least of all, or the free energy of all, which makes them −log p", option.OneOf(bases...),
			option.When(c.countsFrom, func() string {
				return fmt.Sprintf("the functional %s takes a difference of energies", c.Functional)
			})),
		option.New(&c.PerFrame, "per_frame", "divide a line's energies by its frames"),
	}, c.FunctionalSettings.options(new(string))...)
}

// alignments are the answers, without a batch.
func (c *ReadingLoss) alignments() answers.Alignments[float32] {
	return answers.Alignments[float32]{
		Latent: answers.Latent(slices.Index(latents, c.Latent)), Base: answers.Base(slices.Index(bases, c.EnergyBase)), PerPlace: c.PerFrame,
	}
}

// isCTC reports whether the loss is that of CTC.
func (c *ReadingLoss) isCTC() bool {
	f, err := c.make()
	a := c.alignments()
	return err == nil && read.IsCTC(f, &a)
}

// check refuses a functional with settings that are not allowed, or with a statistic that alignments do not have.
func (c *ReadingLoss) check() error {
	f, err := c.make()
	if err != nil {
		return err
	}
	a := c.alignments()
	if err := a.Has(f.Statistic()); err != nil {
		return fmt.Errorf("functional %s, latent %s, base %s: %w", c.Functional, c.Latent, cmp.Or(c.EnergyBase, bases[0]), err)
	}
	return nil
}

// suffix names the loss in a run's folder, where it is not CTC's.
func (c *ReadingLoss) suffix() string {
	if c.isCTC() {
		return ""
	}
	return "-" + c.Functional + "-" + c.Latent
}

// subject is what a diagnosis of the loss is of.
func (c *ReadingLoss) subject() (train.Subject, error) {
	f, err := c.make()
	if err != nil {
		return train.Subject{}, err
	}
	s := train.Subject{Functional: f, Architecture: "energies of texts, alignments summed out", Terms: train.Terms{
		Energies: "energies", Samples: "lines", Correct: "the right text", Offending: "all other texts together", Unit: measure.Nat,
		Kept: train.ToldApart("of the lines have the right text likelier than all others together"),
	}}
	if c.Latent == "least" {
		s.Architecture = "energies of alignments"
		s.Terms.Correct, s.Terms.Offending = "the right text's best alignment", "the best alignment of another text"
		s.Terms.Kept = train.ToldApart("of the lines have the best alignment of the right text below that of all others")
	}
	if c.takes("margin", "") && f.Statistic().Kind != functional.CostMax { // whose margin is a frame's
		s.Margin = c.Margin
	}
	if s.Margin > 0 {
		s.Terms.Kept = train.MarginKept(fmt.Sprintf("of the lines have %s lower than %s by the margin %v", s.Terms.Correct, s.Terms.Offending, s.Margin))
	}
	return s, nil
}
