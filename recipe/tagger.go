package recipe

import (
	"context"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/train"
)

// TaggerResult is what a run came to, as result.json and the last line of --json have it.
type TaggerResult struct {
	Result
	Accuracy       tag.Accuracy   `json:"accuracy"` // on the files kept for the test
	Tags           int            `json:"tags"`     // size of the tag set
	Vocabulary     int            `json:"vocabulary"`
	TrainWords     int            `json:"train_words"`
	TrainFiles     int            `json:"train_files"`
	TestFiles      int            `json:"test_files"`
	WordsPerSecond measure.Number `json:"words_per_second"` // in training
	TagsPerSecond  measure.Number `json:"tags_per_second"`  // words a second in tagging the test
}

// TaggerOptions are what a tagger's run is given besides its settings.
type TaggerOptions struct {
	Dir    string      // the run's folder
	Folder *job.Folder // Dir's, where the caller has claimed it; nil: the run does
	Resume bool
	Files  []data.TaggedFile
	Emit   func(train.Event) // told what happens; may be nil
}

// Tagger trains a tagger into a run folder and measures it on files kept for that.
// Interruption and divergence are as Digits has them.
func Tagger(ctx context.Context, c TaggerConfig, o TaggerOptions) (*TaggerResult, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	release, err := Options{Dir: o.Dir, Folder: o.Folder, Resume: o.Resume}.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	simd.SetThreads(c.Threads)
	text, err := newTaggerText(c, o.Files)
	if err != nil {
		return nil, err
	}
	task, model, err := c.task(ctx, text)
	if err != nil {
		return nil, err
	}
	loop, err := c.loop(text, o)
	if err != nil {
		return nil, err
	}
	out, err := runTask(ctx, task, c, loop, Options{Dir: o.Dir, Resume: o.Resume, Emit: o.counting(task)})
	if out == nil {
		return nil, err
	}
	r := c.result(text, o, out)
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := model.Save(o.Dir); err != nil {
		return nil, err
	}
	r.WordsPerSecond = measure.Number(measure.Ratio(float64(r.TrainWords*r.Epochs), r.TrainSeconds))
	if err := r.take(ctx, model, text.test, c.subject()); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, writeResult(o.Dir, r)
}

// task returns what is trained, and the tagger that comes of it.
func (c TaggerConfig) task(ctx context.Context, text *taggerText) (train.Task, *tag.Model, error) {
	if c.Model == "network" {
		t, err := newNetworkTask(ctx, c, text)
		if err != nil {
			return nil, nil, err
		}
		return t, t.model, nil
	}
	t := newTaggerTask(c, text)
	return t, t.model, nil
}

// counting tells of the weights of a task that has them as its state: the loop knows of no
// parameters.
func (o TaggerOptions) counting(task train.Task) func(train.Event) {
	return func(e train.Event) {
		if t, ok := task.(*taggerTask); ok {
			if s, ok := e.(train.Start); ok {
				s.Params = t.features.Size()
				e = s
			}
		}
		if o.Emit != nil {
			o.Emit(e)
		}
	}
}

// loop turns the settings into those of the training loop.
func (c TaggerConfig) loop(text *taggerText, o TaggerOptions) (train.Config, error) {
	settings, err := c.fingerprint()
	if err != nil {
		return train.Config{}, err
	}
	sum := crc32.NewIEEE()
	for _, f := range o.Files {
		for _, s := range f.Sentences {
			fmt.Fprintln(sum, s.Words, s.Tags)
		}
	}
	settings["data"] = fmt.Sprintf("%d files of tagged text with checksum %08x", len(o.Files), sum.Sum32())
	l := train.Config{
		Recipe: c.Recipe, Run: o.Dir, Fingerprint: settings, Resume: o.Resume,
		Epochs: c.Epochs, Batch: c.Batch, Seed: c.Seed,
		Optimizer: &optim.SGD{}, LR: c.LR, Schedule: c.course(c.steps(len(text.train))),
		Clip: c.Clip, L1: c.L1, EMA: c.EMA, Patience: c.Patience,
		Forgive: 5, CheckpointEvery: time.Duration(c.Checkpoint) * time.Second,
	}
	if c.Model == "network" {
		l.Optimizer = c.Optimiser()
	}
	return l, nil
}

func (c TaggerConfig) result(text *taggerText, o TaggerOptions, out *train.Outcome) *TaggerResult {
	r := &TaggerResult{
		Result: Result{
			Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
			Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
			Recipe: c.Recipe, Model: c.Model, Form: "chain", Loss: c.Loss, Seed: c.Seed,
		},
		Tags: len(text.words.Tags()), Vocabulary: text.words.Words(), TrainFiles: text.trainFiles, TestFiles: text.testFiles,
	}
	for _, s := range text.train {
		r.TrainWords += len(s.Words)
	}
	return r
}

// take tags the test text, and fills in what that says; subject is what was trained.
func (r *TaggerResult) take(ctx context.Context, m *tag.Model, test []tag.Sentence, subject train.Subject) (err error) {
	start := time.Now()
	if r.Accuracy, err = m.Measure(ctx, test); err != nil {
		return err
	}
	r.TagsPerSecond = measure.Number(measure.Ratio(float64(r.Accuracy.Words), time.Since(start).Seconds()))
	e, err := diagnoseTagger(ctx, m, test, subject, r.Accuracy)
	if err != nil {
		return err
	}
	r.Measured.Take(e)
	return nil
}

// EvalTagger measures the tagger of a finished run: on the files that its training kept
// for the test or, where all is set, on all files given. It writes nothing.
func EvalTagger(ctx context.Context, dir string, files []data.TaggedFile, all bool) (*TaggerResult, error) {
	c, err := ReadTaggerConfig(filepath.Join(dir, ConfigFile), DefaultTagger())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	m, err := tag.Open(dir)
	if err != nil {
		return nil, err
	}
	r := &TaggerResult{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	r.Run = dir
	if !all {
		if _, files, err = data.SplitFiles(files, c.Test, train.Rand(c.Seed, "split", 0)); err != nil {
			return nil, err
		}
	}
	r.TestFiles = len(files)
	return r, r.take(ctx, m, m.Lexicon().Encode(c.sentences(files)), c.subject())
}
