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
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/seq/read"
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
	f, err := read.NewFeatures(audio.LogMel{Rate: c.Rate, Mels: c.Mels})
	if err != nil {
		return nil, err
	}
	set, err := c.load(f)
	if err != nil {
		return nil, err
	}
	model, err := c.network(characters(set.texts))
	if err != nil {
		return nil, err
	}
	if err := set.spellAll(model.Spec); err != nil {
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
	groups, err := c.groups(f, model.Spec, held)
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
	task.save = func(ctx context.Context, dir string) error {
		times, err := read.LearnTimes(ctx, model, f, set.utterances(n))
		if err != nil {
			return err
		}
		return read.Save(dir, model, f, times)
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, err
	}
	settings["data"] = set.sum()
	return task.run(ctx, c.Recipe, c, c.loopOver(c.Recipe, settings, n, o), groups, o)
}

// load reads the training manifest and settles the features' mean and variance.
func (c SpeechConfig) load(f *read.Features) (*spoken, error) {
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
	f.Fit(set.features[0])
	for _, at := range set.features {
		for _, x := range at {
			f.Normalise(x)
		}
	}
	return set, nil
}

// groups reads the test manifests.
func (c SpeechConfig) groups(f *read.Features, spec read.Spec, held []data.Line) ([]lineGroup, error) {
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
			f.Normalise(x)
		}
		if err := set.spellAll(spec); err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		all = append(all, lineGroup{name, set.lines(f, 0, len(set.texts))})
	}
	return all, nil
}

// network returns the untrained network.
func (c SpeechConfig) network(tokens []string) (*read.Network, error) {
	return read.NewNetwork(read.Spec{Height: c.Mels, Tokens: tokens, Channels: c.Channels, Dilations: speechDilations}, c.Seed)
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
	reader, err := read.Open(dir)
	if err != nil {
		return nil, err
	}
	r := &RecogniserResult{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	groups, err := c.groups(reader.Features(), reader.Network().Spec, nil)
	if err != nil {
		return nil, err
	}
	task, err := newRecogniserTask(ctx, reader.Network(), 1, nil, groups[0].lines, 0)
	if err != nil {
		return nil, err
	}
	task.subject.Scale = r.Energy.SpreadBefore
	r.Run = dir
	return r, r.read(ctx, task, groups)
}
