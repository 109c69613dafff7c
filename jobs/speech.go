package jobs

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read"
)

// speechJob trains a recogniser of speech, and a model of when words are said.
var speechJob = job.Job{
	Name: "speech", Folder: "speech", Short: "Train a recogniser of speech from recordings and texts, unsegmented (CTC)",
	Long: `Trains a convolutional network to write what is said in recordings, character by character, by CTC: it is told what
is said, never when. The energy of a text is −log of its probability with all alignments summed out; --latent and
--functional are as those of train strips.

--data is a CSV file whose header names the columns path and text: WAV files of any rate, paths
beginning at the file's own folder. --test names more such files, each measured by itself; without it the last
recordings of --data, which are held out, are. Texts are read in lower case.

The run's folder also has reader.json, which transcribe and align need, and times.safetensors,
a hidden Markov model of when words are said, which align finds exact times by. A run that lacks it gets it by
--resume.`,
	Examples: []string{"--data corpus/train.csv --test corpus/heard.csv --test corpus/test.csv"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Epochs, t.Batch, t.Clip, t.EMA, t.Validation = 30, 16, 5, 0.998, 100
		return &Speech{Rate: 16000, Mels: 40, Channels: 128, Augment: true, ReadingLoss: defaultReadingLoss(), Training: t}
	},
}

// Speech is the settings of the job speech.
type Speech struct {
	Data     string // manifest: path,text
	Test     []string
	Rate     int // samples a second
	Mels     int
	Channels int // of the convolutions along time
	Augment  bool
	Priors   float64 // weight of the label priors that are divided out
	ReadingLoss
	job.Training
}

func (c *Speech) Options() option.List {
	return append(option.List{
		option.New(&c.Data, "data", "CSV file of recordings and texts", option.Arg("file"), option.Path),
		option.New(&c.Test, "test", "CSV file of test recordings; may be given again", option.Arg("file"), option.Path, option.Each),
		option.New(&c.Rate, "rate", "samples a second that recordings are brought to", option.Whole(1, 1<<20)),
		option.New(&c.Mels, "mels", "bands of the features", option.Whole(1, read.MaxHeight)),
		option.New(&c.Channels, "channels", "channels of the convolutions along time", option.Whole(1, read.MaxChannels)),
		option.New(&c.Augment, "augment", "play recordings faster, slower, louder and softer, and hide parts of them"),
		option.New(&c.Priors, "priors", "weight of the label priors that are divided out in training, from 0 to 1; 0.3 gives the emissions themselves sharper times, and more errors", option.UpTo(1),
			option.When(c.isCTC, func() string { return "label priors are of the loss of CTC, the functional nll with latent sum" })),
	}, append(c.ReadingLoss.options(), c.Training.Options()...)...)
}

func (c *Speech) Resolve() error {
	if c.Data == "" {
		return fmt.Errorf("data is empty; it must be a manifest, a CSV file with the columns path and text")
	}
	c.Settle(c.Epochs, c.Batch)
	return c.ReadingLoss.check()
}

func (c *Speech) Folder() string { return "speech" + c.suffix() }

// speechDilations are those of the convolutions along time: a frame sees a second of sound.
var speechDilations = []int{1, 2, 4, 8}

func (c *Speech) Open(_ context.Context, env job.Env) (job.Model, error) {
	f, err := read.NewFeatures(audio.LogMel{Rate: c.Rate, Mels: c.Mels})
	if err != nil {
		return nil, err
	}
	set, err := c.load(f)
	if err != nil {
		return nil, err
	}
	network, err := read.NewNetwork(read.Spec{Height: c.Mels, Tokens: characters(set.texts), Channels: c.Channels, Dilations: speechDilations}, c.Seed)
	if err != nil {
		return nil, err
	}
	if err := set.spellAll(network.Spec); err != nil {
		return nil, err
	}
	all := len(set.texts)
	n := all - c.Validation
	if n < 1 {
		return nil, fmt.Errorf("validation is %d, but there are only %d recordings; leave at least one to train on", c.Validation, all)
	}
	held := set.lines(f, n, all)
	if c.Validation == 0 {
		held = set.lines(f, max(0, n-100), n)
	}
	tests := c.Test
	if env.Data != "" {
		tests = []string{env.Data}
	}
	groups, err := groupsOf(tests, f, network.Spec)
	if err != nil {
		return nil, err
	}
	if len(tests) == 0 {
		groups = []lineGroup{{"held out", held}}
	}
	if c.Limit > 0 {
		n = min(n, c.Limit)
	}
	r, err := newRecogniser(network, n, &c.ReadingLoss, c.Priors)
	if err != nil {
		return nil, err
	}
	r.draw = func(i int, rng *rand.Rand) data.Line { return set.draw(f, i, c.Augment, rng) }
	r.held, r.groups, r.features, r.data, r.tokens = held, groups, f, set.sum(), "Characters"
	r.finish = func(ctx context.Context, dir string) error {
		times, err := read.LearnTimes(ctx, network, f, set.utterances(n))
		if err != nil {
			return err
		}
		return read.Save(dir, network, f, times)
	}
	return r, nil
}

// load reads the training manifest and settles the features' mean and variance.
func (c *Speech) load(f *read.Features) (*spoken, error) {
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

// groupsOf reads test manifests.
func groupsOf(manifests []string, f *read.Features, spec read.Spec) (all []lineGroup, err error) {
	for _, path := range manifests {
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

// speechSpeeds are what training recordings are played at with augmentation.
var speechSpeeds = []float64{1, 0.9, 1.1}

// spoken is a set of recordings: normalised features at each speed, and what is said.
type spoken struct {
	features [][][]float32 // [speed][recording]
	targets  [][]int
	texts    []string
	paths    []string
}

// loadSpeech reads the recordings of a manifest. Texts are read as normalised: see
// read.NormalSpeech.
func loadSpeech(f *read.Features, manifest string, speeds []float64) (*spoken, error) {
	all, err := audio.Manifest(manifest)
	if err != nil {
		return nil, err
	}
	s := &spoken{features: make([][][]float32, len(speeds))}
	for _, u := range all {
		clip, err := audio.Read(u.Path)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", manifest, u.Line, err)
		}
		for k, speed := range speeds {
			played := clip
			if speed != 1 {
				if played, err = clip.Speed(speed); err != nil {
					return nil, err
				}
			}
			x, err := f.Of(played)
			if err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", manifest, u.Line, err)
			}
			s.features[k] = append(s.features[k], x)
		}
		s.texts, s.paths = append(s.texts, read.NormalSpeech(u.Text)), append(s.paths, u.Path)
	}
	return s, nil
}

// characters returns the characters of texts in order.
func characters(texts []string) (tokens []string) {
	for _, t := range texts {
		for _, c := range t {
			if s := string(c); !slices.Contains(tokens, s) {
				tokens = append(tokens, s)
			}
		}
	}
	slices.Sort(tokens)
	return tokens
}

// spellAll turns the texts into tokens.
func (s *spoken) spellAll(spec read.Spec) error {
	s.targets = nil
	for i, t := range s.texts {
		y, err := spec.Spell(t)
		if err != nil {
			return fmt.Errorf("%s: %w", s.paths[i], err)
		}
		s.targets = append(s.targets, y)
	}
	return nil
}

// lines returns the recordings lo to hi-1 at their own speed.
func (s *spoken) lines(f *read.Features, lo, hi int) (all []data.Line) {
	for i := lo; i < hi; i++ {
		all = append(all, f.Line(s.features[0][i], s.targets[i]))
	}
	return all
}

// speechMasks is the augmentation of features.
var speechMasks = audio.SpecAugment{TimeMasks: 2, TimeWidth: 12, FreqMasks: 2, FreqWidth: 8, TimePart: 0.1}

// draw returns a training line: with augment, at one of the speeds, a little louder or
// softer, and with parts of it hidden.
func (s *spoken) draw(f *read.Features, i int, augment bool, rng *rand.Rand) data.Line {
	if !augment {
		return f.Line(s.features[0][i], s.targets[i])
	}
	x := slices.Clone(s.features[rng.IntN(len(s.features))][i])
	shift := rng.NormFloat64() // of the log energies: 4 decibels
	for k := range x {
		x[k] += float32(shift * f.Scale[k%len(f.Scale)])
	}
	if err := speechMasks.Apply(rng, x, f.Options.Mels); err != nil {
		panic(err) // the masks are constants
	}
	return f.Line(x, s.targets[i])
}

// sum is a checksum of what is trained on.
func (s *spoken) sum() string {
	sum := uint32(0)
	var word [4]byte
	for i, x := range s.features[0] {
		for _, v := range x {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			sum = crc32.Update(sum, crc32.IEEETable, word[:])
		}
		sum = crc32.Update(sum, crc32.IEEETable, []byte(s.texts[i]))
	}
	return fmt.Sprintf("%d recordings with checksum %08x", len(s.texts), sum)
}

// utterances are the first n recordings at their own speed.
func (s *spoken) utterances(n int) []read.Utterance {
	all := make([]read.Utterance, n)
	for i := range all {
		all[i] = read.Utterance{Path: s.paths[i], Features: s.features[0][i], Tokens: s.targets[i]}
	}
	return all
}
