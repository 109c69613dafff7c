package jobs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/train"
)

// taggerText is the text that a tagger is trained and measured on.
type taggerText struct {
	data              string // identifies the files that training is on
	words             *tag.Lexicon
	train, held, test []tag.Sentence
	factors           []float64 // how much each sentence of train counts; nil for 1
	raw               struct{ held, test []data.Sentence }
}

// newTaggerText divides the files into what is trained on, held out and tested on; with a folder other, all of that
// is tested on. Words and tags are those of what is trained on.
func newTaggerText(c *Tagger, other string) (*taggerText, error) {
	read := c.reader()
	files, err := read(c.Data)
	if err != nil {
		return nil, err
	}
	rng := train.Rand(c.Seed, "split", 0)
	rest, test, err := c.divide(files, rng)
	if err != nil {
		return nil, err
	}
	// Neighbours are often of one kind, and what is held out should be of all.
	rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	if other != "" {
		if test, err = read(other); err != nil {
			return nil, err
		}
	}
	sentences, factors := c.sentences(rest)
	tested, _ := c.sentences(test)
	if len(sentences) == 0 || len(tested) == 0 {
		return nil, fmt.Errorf("there are %d sentences to train on and %d to test on; both must be at least 1", len(sentences), len(tested))
	}
	n := len(sentences)
	held := min(c.Validation, n/10)
	if c.attributes() {
		held = 0
	}
	if c.Limit > 0 {
		n = min(n, c.Limit+held)
	}
	words, err := c.lexicon(sentences[:n-held])
	if err != nil {
		return nil, err
	}
	t := &taggerText{data: taggedSum(files), words: words, train: words.Encode(sentences[:n-held])}
	if factors != nil {
		t.factors = factors[:n-held]
	}
	t.raw.held, t.raw.test = sentences[n-held:n], tested
	if held == 0 {
		t.raw.held = sentences[max(0, n-heldSentences):n]
	}
	t.encode(words)
	return t, nil
}

// lexicon collects the words of training, or its attributes.
func (c *Tagger) lexicon(train []data.Sentence) (*tag.Lexicon, error) {
	if c.attributes() {
		return tag.NewAttributeLexicon(train)
	}
	words, err := tag.NewLexicon(train, c.Bits)
	if err == nil && c.Model == "features" {
		err = words.SetUnknown(c.unknown())
	}
	return words, err
}

// reader reads the files of tagged text of the form that the settings say.
func (c *Tagger) reader() func(path string) ([]data.TaggedFile, error) {
	switch {
	case c.Files != nil:
		return c.Files
	case c.attributes():
		return data.LoadAttributes
	case c.Column != "":
		return func(path string) ([]data.TaggedFile, error) { return data.LoadColumns(path, c.Word, c.Column) }
	}
	return data.LoadTagged
}

// divide returns what is trained on or held out, and what is tested on.
func (c *Tagger) divide(files []data.TaggedFile, rng *rand.Rand) (rest, test []data.TaggedFile, err error) {
	if c.TestData != "" {
		test, err = c.reader()(c.TestData)
		return slices.Clone(files), test, err
	}
	rest, test, err = data.SplitFiles(files, c.Test, rng)
	if err != nil && len(files) == 1 {
		err = fmt.Errorf("%w; or test_data names what is tested on", err)
	}
	return rest, test, err
}

// encode numbers what is held out and tested on by a lexicon.
func (t *taggerText) encode(words *tag.Lexicon) {
	t.held, t.test = words.Encode(t.raw.held), words.Encode(t.raw.test)
}

// heldSentences of the training text are evaluated on where none are held out.
const heldSentences = 200

// taggedSum identifies tagged files.
func taggedSum(files []data.TaggedFile) string {
	sum := crc32.NewIEEE()
	for _, f := range files {
		for _, s := range f.Sentences {
			fmt.Fprintln(sum, s.Words, s.Tags)
		}
		if f.Weights != nil {
			fmt.Fprintln(sum, f.Weights)
		}
	}
	return fmt.Sprintf("%d files of tagged text with checksum %08x", len(files), sum.Sum32())
}

// sentences joins the files' sentences, with the tags that are asked for, and says how much each counts; nil is for 1.
func (c *Tagger) sentences(files []data.TaggedFile) (all []data.Sentence, factors []float64) {
	weighted := slices.ContainsFunc(files, func(f data.TaggedFile) bool { return f.Weights != nil })
	for _, f := range files {
		for i, s := range f.Sentences {
			switch {
			case weighted && f.Weights != nil:
				factors = append(factors, f.Weights[i])
			case weighted:
				factors = append(factors, 1)
			}
			if c.Tags == "base" && c.Column == "" && !c.attributes() {
				tags := make([]string, len(s.Tags))
				for i, t := range s.Tags {
					tags[i] = data.BaseTag(t)
				}
				s.Tags = tags
			}
			all = append(all, s)
		}
	}
	return all, factors
}

// taggerModel is what both kinds of taggers have in common as job.Models.
type taggerModel struct {
	c       *Tagger
	text    *taggerText
	model   *tag.Model
	subject train.Subject
	loss    *tag.Loss
	batch   []tag.Sentence
	states  []int
}

func (t *taggerModel) Samples() int { return len(t.text.train) }
func (t *taggerModel) Data() string { return t.text.data }

func (t *taggerModel) Scale(spread measure.Number) {
	t.subject.Scale, t.subject.FromZero = spread, spread == 0
}

// Save implements job.Model: the folder then opens as a tagger.
func (t *taggerModel) Save(dir string) error { return t.model.Save(dir) }

// Load implements job.Model. What Save wrote is for tagging alone, and numbers words by its own lexicon.
func (t *taggerModel) Load(dir string) (err error) {
	if t.model, err = tag.Open(dir); err == nil {
		t.text.encode(t.model.Lexicon())
	}
	return err
}

func (t *taggerModel) Evaluate(ctx context.Context) (train.Evaluation, error) {
	_, e, err := t.evaluate(ctx, t.text.held)
	return e, err
}

func (t *taggerModel) Measure(ctx context.Context) (*job.Measures, error) {
	a, e, err := t.evaluate(ctx, t.text.test)
	if err != nil {
		return nil, err
	}
	words := t.model.Lexicon()
	entities, err := t.entities(ctx)
	if err != nil {
		return nil, err
	}
	word, known := "word", fmt.Sprintf("… of those among the %d different words of training", words.Words())
	if t.c.attributes() {
		word, known = "item", fmt.Sprintf("… of those whose attributes are all among the %d of training", words.Words())
	}
	return &job.Measures{Evaluation: e, Figures: append([]measure.Figure{
		share("accuracy", "Accuracy", fmt.Sprintf("of %d %ss have the right one of %d tags", a.Words, word, len(words.Tags())), float64(a.All)),
		share("accuracy_known", "Known "+word+"s", known, float64(a.Known)),
		share("accuracy_unknown", "Unknown "+word+"s", fmt.Sprintf("… of the %d others", a.New), float64(a.Unknown)),
		share("sentences", "Sentences", "without a wrong tag", float64(a.Whole)),
	}, entities...)}, nil
}

// entities are the figures of the test's entities; there are none where the tags are not of entities.
func (t *taggerModel) entities(ctx context.Context) (all []measure.Figure, err error) {
	var right, tags [][]string
	for _, s := range t.text.raw.test {
		right = append(right, s.Tags)
	}
	scheme := tag.EntityScheme(right)
	if scheme == "" {
		return nil, nil
	}
	const batch = 64
	for part := range slices.Chunk(t.text.raw.test, batch) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		words := make([][]string, len(part))
		for i, s := range part {
			words[i] = s.Words
		}
		got, err := t.model.Tag(words)
		if err != nil {
			return nil, err
		}
		tags = append(tags, got...)
	}
	scores := tag.ScoreEntities(right, tags, false)
	all = append(all, entityFigures("entities", "Entities", scheme+", as conlleval counts: ", scores.Micro)...)
	all = append(all, entityFigures("entities_macro", "Entities, macro", "the mean over the types; ", scores.Macro)...)
	for _, s := range scores.Types {
		all = append(all, entityFigures("entities_"+s.Type, s.Type, "", s)...)
	}
	if scheme != tag.IOB1 {
		strict := tag.ScoreEntities(right, tags, true)
		all = append(all, entityFigures("entities_strict", "Entities, strict", "invalid sequences are no entities: ", strict.Micro)...)
		all = append(all, entityFigures("entities_strict_macro", "Entities, strict, macro", "the mean over the types; ", strict.Macro)...)
	}
	return all, nil
}

func entityFigures(key, name, note string, s tag.EntityScore) []measure.Figure {
	return []measure.Figure{
		share(key+"_precision", name+": precision", fmt.Sprintf("%s%d of %d tagged are right", note, s.Right, s.Tagged), s.Precision),
		share(key+"_recall", name+": recall", fmt.Sprintf("%s%d of %d are tagged right", note, s.Right, s.Entities), s.Recall),
		share(key+"_f1", name+": F1", note+"harmonic mean of precision and recall", s.F1),
	}
}

// draw takes the sentences of a batch.
func (t *taggerModel) draw(b train.Batch) {
	t.batch = t.batch[:0]
	for _, i := range b.Samples {
		t.batch = append(t.batch, t.text.train[i])
	}
}

// featuresTask is the features tagger as train sees it. Its weights are no parameters: a
// step of an optimiser over all of them would take longer than all else. It steps them
// itself, and checkpoints hold them as the task's state. So the weights kept
// are the last epoch's: their averages, except the perceptron's.
type featuresTask struct {
	taggerModel
	features *tag.Features
	value    *tensor.Tensor
}

func newFeaturesTask(common taggerModel) *featuresTask {
	c := common.c
	f := tag.NewFeatures(common.text.words, tag.FeatureOptions{Prune: c.Prune, Adaptive: !c.Average, Averaged: c.Average || c.Functional != "perceptron"})
	common.model = tag.NewModel(f)
	return &featuresTask{common, f, tensor.New(tensor.Float32)}
}

// Params implements train.Task: there are none.
func (t *featuresTask) Params() []*autodiff.Param { return nil }
func (t *featuresTask) Weights() int              { return t.features.Size() }
func (t *featuresTask) State() []tensor.Named     { return t.features.State() }

// errPath is a right path that the dictionary has no room for: a fault of this package.
var errPath = errors.New("a tag of the training text is not among its word's candidates")

func (t *featuresTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.draw(b)
	c := t.features.Current(t.batch)
	var ok bool
	if t.states, ok = tag.States(t.states[:0], t.features, t.batch); !ok {
		return nil, errPath
	}
	sum, err := t.loss.Eval(c, t.states)
	if err != nil {
		return nil, err
	}
	t.value.Float32s()[0] = float32(sum / float64(len(t.batch)))
	return tape.Const(t.value), nil
}

// Step implements train.Stepper. The gradient is that of the sum over the batch.
func (t *featuresTask) Step(lr float64) error {
	t.features.Step(t.loss.Unary, t.loss.Pair, lr)
	return nil
}

// networkTask is the network tagger as train sees it.
type networkTask struct {
	taggerModel
	network *tag.Network
	record  nn.Criterion
}

func newNetworkTask(common taggerModel) *networkTask {
	n := tag.NewNetwork(common.text.words, train.Rand(common.c.Seed, "init", 0))
	common.model = tag.NewModel(n)
	return &networkTask{taggerModel: common, network: n}
}

func (t *networkTask) Params() []*autodiff.Param { return t.network.Params() }

func (t *networkTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.draw(b)
	t.states = t.states[:0]
	for _, s := range t.batch {
		for _, y := range s.Tags {
			t.states = append(t.states, int(y))
		}
	}
	unary, pairs := t.network.Record(tape, t.batch, b.Rand)
	return t.record.Record(func(g nn.Grads) (float64, error) {
		c := t.network.Lay(t.batch, unary.Value.Float32s(), pairs.Value.Float32s())
		sum, err := t.loss.Eval(c, t.states)
		if err != nil {
			return 0, err
		}
		n := float32(len(t.batch))
		for i, d := range [][]float32{t.loss.Unary, t.loss.Pair} {
			for j, v := range d {
				g.Float32s(i)[j] = v / n
			}
		}
		return sum / float64(n), nil
	}, unary, pairs)
}

// diagnosedMost is how many sentences the energies are diagnosed on.
const diagnosedMost = 300

// evaluate measures the tagger on sentences that are not trained on.
func (t *taggerModel) evaluate(ctx context.Context, set []tag.Sentence) (tag.Accuracy, train.Evaluation, error) {
	a, err := t.model.Measure(ctx, set)
	if err != nil {
		return a, train.Evaluation{}, err
	}
	stats, err := t.stats(ctx, set)
	if err != nil {
		return a, train.Evaluation{}, err
	}
	return a, train.Diagnose(stats, t.subject, wrongTags.Of(float64(1-a.All)), t.model.Lexicon().Guessed(set)), nil
}

// stats looks at the energies of the first sentences of a set whose right tags can be.
func (t *taggerModel) stats(ctx context.Context, set []tag.Sentence) (stats []functional.LabelStats, err error) {
	for i := 0; i < len(set) && len(stats) < diagnosedMost; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		one := set[i : i+1]
		c := t.model.Chains(one)
		gold, ok := tag.States(nil, t.model, one)
		if !ok || len(gold) == 0 {
			continue
		}
		s, err := t.loss.Stats(c, gold)
		if err != nil {
			return nil, err
		}
		stats = append(stats, s)
	}
	return stats, nil
}

// wrongTags is the error of tagging.
var wrongTags = measure.Quantity{Key: "error_rate", Name: "Error rate", Unit: measure.Share, Note: "of the words tagged wrong"}

// subject says what a tagger's training by f is diagnosed as. A margin is kept by sentences without a loss: that of
// margin_cost_max is for each wrong tag, and with PerWord margins are by words.
func (c *Tagger) subject(f functional.Functional) train.Subject {
	s := train.Subject{Functional: f, Architecture: "a chain over " + c.Model, Terms: train.AnswerTerms("sentences", 0)}
	s.Terms.AllAnswers = false // there are too many
	s.Terms.Correct, s.Terms.Offending = "the right tags", "the most offending others"
	s.Terms.Kept = train.ToldApart("of the sentences have the right tags below all others")
	if c.takes("margin", "") && c.Margin > 0 {
		s.Margin = c.Margin
	}
	if s.Margin > 0 && (c.Functional == "hinge" || c.Functional == "margin_cost_max") {
		s.Terms.Kept = train.MarginKept(fmt.Sprintf("of the sentences keep the margin %v: their loss is 0", c.Margin))
		s.Keeps = func(x functional.LabelStats) bool { return x.Loss == 0 && x.Gap() > 0 }
	}
	return s
}
