package recipe

import (
	"context"
	"errors"
	"fmt"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// taggerText is the text that a tagger is trained and measured on.
type taggerText struct {
	words             *tag.Lexicon
	train, held, test []tag.Sentence

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
	words, err := tag.NewLexicon(sentences[:n-held], c.Bits)
	if err != nil {
		return nil, err
	}
	t := &taggerText{words: words, train: words.Encode(sentences[:n-held]), held: words.Encode(sentences[n-held : n]), test: words.Encode(tested)}
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
	features *tag.Features
	model    *tag.Model
	c        TaggerConfig
	text     *taggerText
	loss     chainLoss
	schedule optim.Schedule
	total    int // steps
	batch    []tag.Sentence
	states   []int
	value    *tensor.Tensor
}

func newTaggerTask(c TaggerConfig, text *taggerText) *taggerTask {
	f := tag.NewFeatures(text.words, tag.FeatureOptions{Prune: c.Prune, Adaptive: c.Loss != "averaged_perceptron", Averaged: c.Loss != "perceptron"})
	total := c.steps(len(text.train))
	return &taggerTask{
		features: f, model: tag.NewModel(f), c: c, text: text,
		loss:     chainLoss{name: c.Loss, margin: float32(c.Margin)},
		schedule: c.course(total), total: total, value: tensor.New(tensor.Float32),
	}
}

// Params implements train.Task: there are none.
func (t *taggerTask) Params() []*autodiff.Param { return nil }

// Samples implements train.Task.
func (t *taggerTask) Samples() int { return len(t.text.train) }

// State implements train.Stateful.
func (t *taggerTask) State() []tensor.Named { return t.features.State() }

// errPath is a right path that the dictionary has no room for: a fault of this package.
var errPath = errors.New("a tag of the training text is not among its word's candidates")

// Loss implements train.Task, and takes the step.
func (t *taggerTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.batch = t.batch[:0]
	for _, i := range b.Samples {
		t.batch = append(t.batch, t.text.train[i])
	}
	f := t.features
	c := f.Current(t.batch)
	var ok bool
	if t.states, ok = tag.States(t.states[:0], f, t.batch); !ok {
		return nil, errPath
	}
	loss, err := t.loss.eval(c, t.states)
	if err != nil {
		return nil, err
	}
	lr := t.c.LR * t.schedule.At(f.Steps(), t.total)
	f.Step(t.loss.unary, t.loss.pair, lr)
	t.value.Float32s()[0] = float32(loss / float64(len(t.batch)))
	return tape.Const(t.value), nil
}

// Evaluate implements train.Task.
func (t *taggerTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	_, e, err := evaluateTagger(ctx, t.model, t.text.held, t.c.subject())
	return e, err
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
