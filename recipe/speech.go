package recipe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/audio"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/train"
)

// speechDilations are those of the convolutions along time: a frame sees a second of sound.
var speechDilations = []int{1, 2, 4, 8}

// Speech trains a recogniser of speech into a run folder, and a model of when words are said, and
// measures the recogniser on the test manifests, or on the held-out recordings where there are none. Interruption and
// divergence are as Digits has them.
func Speech(ctx context.Context, c SpeechConfig, o Options) (*RecogniserResult, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	release, err := o.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	simd.SetThreads(c.Threads)
	f, err := newSpeechFeatures(audio.LogMel{Rate: c.Rate, Mels: c.Mels})
	if err != nil {
		return nil, err
	}
	set, err := c.load(f)
	if err != nil {
		return nil, err
	}
	model := c.recogniser(characters(set.texts))
	if err := set.spellAll(model.tokens); err != nil {
		return nil, err
	}
	n := len(set.texts) - c.Validation
	if n < 1 {
		return nil, fmt.Errorf("validation is %d, but there are only %d recordings; leave at least one to train on", c.Validation, len(set.texts))
	}
	held := set.lines(f, n, len(set.texts))
	if c.Validation == 0 {
		held = set.lines(f, max(0, n-100), n)
	}
	groups, err := c.groups(f, model.tokens, held)
	if err != nil {
		return nil, err
	}
	if c.Limit > 0 {
		n = min(n, c.Limit)
	}
	draw := func(i int, rng *rand.Rand) data.Line { return set.draw(f, i, c.Augment, rng) }
	task, err := newRecogniserTask(ctx, model, n, draw, held, c.Priors)
	if err != nil {
		return nil, err
	}
	task.finish = func(ctx context.Context) error {
		if err := writeJSON(filepath.Join(o.Dir, FeaturesFile), f); err != nil {
			return err
		}
		times, err := learnTimes(ctx, model, f, set, n)
		if err != nil || times == nil {
			return err
		}
		return times.save(filepath.Join(o.Dir, TimesFile))
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, err
	}
	settings["data"] = set.sum()
	return task.run(ctx, c.Recipe, c, c.loopOver(c.Recipe, settings, n, o), groups, o)
}

// load reads the training manifest and settles the features' mean and variance.
func (c SpeechConfig) load(f *speechFeatures) (*spoken, error) {
	speeds := speechSpeeds
	if !c.Augment {
		speeds = speeds[:1]
	}
	set, err := loadSpeech(f, c.Data, speeds)
	if err != nil {
		return nil, err
	}
	if len(set.texts) == 0 {
		return nil, fmt.Errorf("%s names no recordings", c.Data)
	}
	f.fit(set.features[0])
	for _, at := range set.features {
		for _, x := range at {
			f.normalise(x)
		}
	}
	return set, nil
}

// groups reads the test manifests.
func (c SpeechConfig) groups(f *speechFeatures, tokens []string, held []data.Line) ([]lineGroup, error) {
	if len(c.Test) == 0 {
		return []lineGroup{{"held out", held}}, nil
	}
	var all []lineGroup
	for _, path := range c.Test {
		set, err := loadSpeech(f, path, speechSpeeds[:1])
		if err != nil {
			return nil, err
		}
		for _, x := range set.features[0] {
			f.normalise(x)
		}
		if err := set.spellAll(tokens); err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		all = append(all, lineGroup{name, set.lines(f, 0, len(set.texts))})
	}
	return all, nil
}

// recogniser returns the untrained model.
func (c SpeechConfig) recogniser(tokens []string) *recogniser {
	return newRecogniser(c.Mels, tokens, c.Channels, speechDilations, train.Rand(c.Seed, "init", 0))
}

// EvalSpeech measures the model of a finished run on a manifest, or on those that it was tested
// on. It writes nothing.
func EvalSpeech(ctx context.Context, dir, manifest string) (*RecogniserResult, error) {
	c, err := ReadSpeechConfig(filepath.Join(dir, ConfigFile), DefaultSpeech())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	if manifest != "" {
		c.Test = []string{manifest}
	}
	if len(c.Test) == 0 {
		return nil, fmt.Errorf("%s was tested on recordings held out of its own; name a manifest to measure it on (--data)", dir)
	}
	reader, err := OpenReader(dir)
	if err != nil {
		return nil, err
	}
	r := &RecogniserResult{}
	if err := readFinished(dir, r); err != nil {
		return nil, err
	}
	groups, err := c.groups(reader.speech, reader.r.tokens, nil)
	if err != nil {
		return nil, err
	}
	task, err := newRecogniserTask(ctx, reader.r, 1, nil, groups[0].lines, 0)
	if err != nil {
		return nil, err
	}
	task.subject.Scale = r.Energy.SpreadBefore
	r.Run = dir
	return r, r.read(ctx, task, groups)
}
