package read

import (
	"context"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
)

// How a Times is trained.
const (
	timesRounds     = 6
	timesLeast      = 1.0  // seconds of speech below which there is no model
	timesMost       = 7200 // seconds of sound that are taken, about
	timesRecordings = 600  // that are taken at most
)

// A timesRecording is one to train on.
type timesRecording struct {
	x      []float32
	tokens []ctc.Timed // with the recogniser's times
	places []timesPlace
	path   []int32
}

// An Utterance is a recording to learn times from.
type Utterance struct {
	Sound    audio.Utterance
	Features []float32 // normalised
	Tokens   []int     // of its text
}

// LearnTimes trains a model of times on some of the recordings, evenly taken, which the network aligns
// first; those that it can't align are left out. Where they have too little speech there is no model, nil.
//
// Errors: a recording that cannot be read; the context's.
func LearnTimes(ctx context.Context, r *Network, f *Features, recordings []Utterance) (*Times, error) {
	features, err := newTimesFeatures(f.rate())
	if err != nil {
		return nil, err
	}
	var all []timesRecording
	var load audio.Loader
	for _, i := range someOf(f, recordings) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		u := recordings[i]
		tokens, err := alignTokens(r, f, f.Line(u.Features, u.Tokens))
		if err != nil {
			continue
		}
		sound, err := load.Load(u.Sound)
		if err != nil {
			return nil, err
		}
		x, err := features.of(sound[0].Clip)
		if err != nil {
			return nil, err
		}
		all = append(all, timesRecording{x: x, tokens: tokens})
	}
	return trainTimes(ctx, features, all)
}

// someOf are the numbers of the recordings to train on.
func someOf(f *Features, recordings []Utterance) (all []int) {
	seconds := 0.0
	apart, _ := f.columns()
	for _, u := range recordings {
		seconds += float64(len(u.Features)/f.rows()) * apart
	}
	n := len(recordings)
	count := min(n, timesRecordings, 1+int(float64(n)*timesMost/max(seconds, 1)))
	for k := range count {
		all = append(all, k*n/count)
	}
	return all
}

// alignTokens is a line's text with the times that the recogniser's alignment has.
func alignTokens(r *Network, f *Features, l data.Line) ([]ctc.Timed, error) {
	log, err := r.Emissions(l)
	if err != nil {
		return nil, err
	}
	var aligner ctc.Aligner
	a, err := aligner.Align(log, r.Classes(), ClassesOf(nil, l.Target))
	if err != nil {
		return nil, err
	}
	frame, middle := f.Spacing(r)
	return ctc.TimedTokens(a.Spans, func(class int) string { return r.Tokens[class-1] }, frame, max(0, middle-frame/2)), nil
}

// timesTraining is a model in training.
type timesTraining struct {
	model      *Times
	recordings []timesRecording
	timesSums
}

// trainTimes trains on recordings. It is training by an energy loss, that of the right text with the best
// path through it, the mean of min over s of E(s, x), which two steps in turn lower: the Gaussians
// that fit the paths best, and the best paths by them (segmental k-means). It begins with the
// recogniser's alignment, mended by loudness. That no other text's energy is pushed up does no harm here,
// where the text is given.
//
// The result does not depend on the number of threads.
// Source: [juang1990].
func trainTimes(ctx context.Context, f *timesFeatures, recordings []timesRecording) (*Times, error) {
	t := &timesTraining{model: newTimesModel(f, unitsOf(recordings)), recordings: recordings}
	speech := 0
	for i := range recordings {
		speech += t.begin(&recordings[i])
	}
	if float64(speech)*f.hop() < timesLeast {
		return nil, nil
	}
	for range timesRounds - 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t.fit()
		simd.Run(len(recordings), t)
	}
	t.fit()
	return t.model, nil
}

// Do implements simd.Job: the path of one recording.
func (t *timesTraining) Do(task, _ int) {
	r := &t.recordings[task]
	if path := t.model.path(r.x, r.places); path != nil {
		r.path = path
	}
}

// unitsOf are the units of all words, and those in whose place they may be.
func unitsOf(recordings []timesRecording) []string {
	seen := map[string]bool{"": true, silenceUnit: true}
	for _, r := range recordings {
		for _, word := range timedWords(r.tokens) {
			for k := range word {
				for _, u := range unitNames(word, k) {
					seen[u] = true
				}
			}
		}
	}
	var names []string
	for u := range seen {
		names = append(names, u)
	}
	return names
}
