package recipe

import (
	"context"
	"errors"
	"fmt"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// taggerText is the text that a tagger is trained and measured on.
type taggerText struct {
	words             *lexicon
	train, held, test []sample

	trainFiles, testFiles int
}

// newTaggerText divides files into what is trained on, held out and tested on. Words and
// tags are those of what is trained on.
func newTaggerText(c TaggerConfig, files []data.TaggedFile) (*taggerText, error) {
	rng := train.Rand(c.Seed, "split", 0)
	rest, test, err := data.SplitFiles(files, c.Test, rng)
	if err != nil {
		return nil, err
	}
	// Neighbours are often of one kind, and what is held out should be of all.
	rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	sentences, tested := c.sentences(rest), c.sentences(test)
	if len(sentences) == 0 || len(tested) == 0 {
		return nil, fmt.Errorf("there are %d sentences to train on and %d to test on; both must be at least 1", len(sentences), len(tested))
	}
	n := len(sentences)
	held := min(c.Validation, n/10)
	if c.Limit > 0 {
		n = min(n, c.Limit+held)
	}
	words := newLexicon(sentences[:n-held], c.Bits)
	t := &taggerText{words: words, train: words.encode(sentences[:n-held]), held: words.encode(sentences[n-held : n]), test: words.encode(tested)}
	t.trainFiles, t.testFiles = len(rest), len(test)
	if held == 0 {
		t.held = t.train[max(0, len(t.train)-heldSentences):]
	}
	return t, nil
}

// heldSentences of the training text are evaluated on where none are held out.
const heldSentences = 200

// sentences joins the files' sentences, with the tags that are asked for.
func (c TaggerConfig) sentences(files []data.TaggedFile) (all []data.Sentence) {
	for _, f := range files {
		for _, s := range f.Sentences {
			if c.Tags == "base" {
				tags := make([]string, len(s.Tags))
				for i, t := range s.Tags {
					tags[i] = data.BaseTag(t)
				}
				s.Tags = tags
			}
			all = append(all, s)
		}
	}
	return all
}

// taggerTask is the features tagger as train sees it. Its weights are no parameters: a
// step of an optimiser over all of them would take longer than all else. Loss takes the
// sparse step itself, and checkpoints hold the weights as the task's state. So the weights kept
// are the last epoch's: their averages, except the perceptron's.
type taggerTask struct {
	features *featureTagger
	tagger
	c        TaggerConfig
	text     *taggerText
	loss     chainLoss
	schedule optim.Schedule
	total    int // steps
	batch    []sample
	states   []int
	value    *tensor.Tensor
}

func newTaggerTask(c TaggerConfig, text *taggerText) *taggerTask {
	f := newFeatureTagger(c, text.words)
	total := c.steps(len(text.train))
	return &taggerTask{
		features: f, tagger: tagger{chainModel: f, words: text.words}, c: c, text: text,
		loss:     chainLoss{name: c.Loss, margin: float32(c.Margin)},
		schedule: c.course(total), total: total, value: tensor.New(tensor.Float32),
	}
}

// Params implements train.Task: there are none.
func (t *taggerTask) Params() []*autodiff.Param { return nil }

// weightCount is how many weights there are.
func (t *taggerTask) weightCount() int {
	return len(t.features.rows.weights) + len(t.features.pairs.weights)
}

// Samples implements train.Task.
func (t *taggerTask) Samples() int { return len(t.text.train) }

// State implements train.Stateful.
func (t *taggerTask) State() []tensor.Named { return t.features.state() }

// errPath is a right path that the dictionary has no room for: a fault of this package.
var errPath = errors.New("a tag of the training text is not among its word's candidates")

// Loss implements train.Task, and takes the step.
func (t *taggerTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.batch = t.batch[:0]
	for _, i := range b.Samples {
		t.batch = append(t.batch, t.text.train[i])
	}
	f := t.features
	f.load(t.batch, false)
	var ok bool
	if t.states, ok = goldStates(t.states[:0], f, t.batch); !ok {
		return nil, errPath
	}
	loss, err := t.loss.eval(&f.chains, t.states)
	if err != nil {
		return nil, err
	}
	lr := t.c.LR * t.schedule.At(int(f.steps.Float64s()[0]), t.total)
	f.step(t.loss.unary, t.loss.pair, lr)
	t.value.Float32s()[0] = float32(loss / float64(len(t.batch)))
	return tape.Const(t.value), nil
}

// Evaluate implements train.Task.
func (t *taggerTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	return t.evaluate(ctx, t.text.held, t.c.subject())
}

// evaluate measures a tagger on sentences that are not trained on.
func (t *tagger) evaluate(ctx context.Context, held []sample, s train.Subject) (train.Evaluation, error) {
	a, err := t.measure(ctx, held)
	if err != nil {
		return train.Evaluation{}, err
	}
	return t.diagnose(ctx, held, s, a)
}

// steps is the number of steps of training on so many sentences.
func (c TaggerConfig) steps(sentences int) int {
	return c.Epochs * ((sentences + c.Batch - 1) / c.Batch)
}

// course is the step size's: the averaged perceptron's is the same throughout.
func (c TaggerConfig) course(steps int) optim.Schedule {
	if c.Loss == "averaged_perceptron" {
		return optim.Constant{}
	}
	return c.Course(steps)
}
