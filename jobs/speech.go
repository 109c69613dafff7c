package jobs

import (
	"context"
	"fmt"
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

With --encoder, the network begins with an acoustic model of another system, an ONNX file that was trained by CTC: --freeze holds parameters
of it still, and steps are a tenth of the optimizer's. It writes the tokens of the model's card, or by a new linear layer (--new-head, or where the card
has none) the characters of --data. The features are the model's.

--data is a manifest: a CSV file whose header names the columns path and text, NeMo's JSON lines, Common Voice's TSV, LJSpeech's
metadata.csv, or a folder of Kaldi or LibriSpeech; paths begin at its own folder. Recordings are WAV, FLAC, MP3, Ogg, AIFF or AU, of any rate. --test
names more manifests, each measured by itself; without it the last recordings of --data, which are held out, are. Texts are read in lower case.
Recordings that cannot be read, or whose text the network cannot write, are left out, and named.

The run's folder also has reader.json, which transcribe and align need, and times.safetensors,
a hidden Markov model of when words are said, which align finds exact times by. A run that lacks it gets it by
--resume.`,
	Examples: []string{"--data corpus/train.csv --test corpus/heard.csv --test corpus/test.csv", "--data corpus/train.csv --encoder net.onnx --freeze '^conv'"},
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

	Recogniser
	ReadingLoss
	job.Training
}

func (c *Speech) Options() option.List {
	own := c.own()
	return append(option.List{
		option.New(&c.Data, "data", "manifest of recordings and texts", option.Arg("file"), option.Path),
		option.New(&c.Test, "test", "manifest of test recordings; may be given again", option.Arg("file"), option.Path, option.Each),
		option.New(&c.Rate, "rate", "samples a second that recordings are brought to", option.Whole(1, 1<<20), own),
		option.New(&c.Mels, "mels", "bands of the features", option.Whole(1, read.MaxHeight), own),
		option.New(&c.Channels, "channels", "channels of the convolutions along time", option.Whole(1, read.MaxChannels), own),
		option.New(&c.Augment, "augment", "play recordings faster, slower, louder and softer, and hide parts of them"),
		option.New(&c.Priors, "priors", "weight of the label priors that are divided out in training, from 0 to 1; 0.3 gives the emissions themselves sharper times, and more errors", option.UpTo(1),
			option.When(c.isCTC, func() string { return "label priors are of the loss of CTC, the functional nll with latent sum" })),
	}, slices.Concat(c.Recogniser.options("recordings", "the characters of --data"), c.ReadingLoss.options(), c.Training.Options())...)
}

func (c *Speech) Resolve() error {
	if c.Data == "" {
		return fmt.Errorf("data is empty; it must be a manifest, such as a CSV file with the columns path and text")
	}
	if err := c.Recogniser.settle(&c.Training); err != nil {
		return err
	}
	return c.ReadingLoss.check()
}

func (c *Speech) Folder() string { return "speech" + c.suffix() }

// speechDilations are those of the convolutions along time: a frame sees a second of sound.
var speechDilations = []int{1, 2, 4, 8}

func (c *Speech) Open(_ context.Context, env job.Env) (job.Model, error) {
	base, f, err := c.open(env)
	if err != nil {
		return nil, err
	}
	set, err := c.load(f)
	if err != nil {
		return nil, err
	}
	network, err := c.network(base, set.Characters())
	if err != nil {
		return nil, err
	}
	if err := c.spell(set, network); err != nil {
		return nil, err
	}
	env.Skip(set.LeftOut)
	env.Warn(set.Warnings)
	all := len(set.Paths)
	n := all - c.Validation
	if n < 1 {
		return nil, fmt.Errorf("validation is %d, but there are only %d recordings; leave at least one to train on", c.Validation, all)
	}
	held := set.Lines(n, all)
	if c.Validation == 0 {
		held = set.Lines(max(0, n-100), n)
	}
	tests := c.Test
	if env.Data != "" {
		tests = []string{env.Data}
	}
	groups, err := groupsOf(tests, f, network, env)
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
	r.draw = func(i int, rng *rand.Rand) (data.Line, error) {
		if c.Augment {
			return set.Draw(i, speechMasks, rng)
		}
		return set.Line(i), nil
	}
	r.held, r.groups, r.features, r.tokens = held, groups, f, "Characters"
	r.data = fmt.Sprintf("%d recordings with checksum %08x", len(set.Paths), set.Checksum())
	r.finish = func(ctx context.Context, dir string) error {
		times, err := read.LearnTimes(ctx, network, f, set.Utterances(n))
		if err != nil {
			return err
		}
		return read.Save(dir, network, f, times)
	}
	return r, nil
}

// open opens the model that the network begins with, nil where it is energo's own, and the features that it takes.
func (c *Speech) open(env job.Env) (*read.Base, *read.Features, error) {
	if c.Encoder == "" {
		f, err := read.NewFeatures(audio.LogMel{Rate: c.Rate, Mels: c.Mels})
		return nil, f, err
	}
	b, err := c.base(env, read.OpenBase)
	if err != nil {
		return nil, nil, err
	}
	return b, b.Features(), nil
}

// network makes the network, untrained or as the model that it begins with.
func (c *Speech) network(base *read.Base, characters []string) (*read.Network, error) {
	if base == nil {
		return read.NewNetwork(read.Spec{Height: c.Mels, Tokens: characters, Channels: c.Channels, Dilations: speechDilations}, c.Seed)
	}
	return base.Network(c.beginning(characters, c.Seed))
}

// spell turns the texts into tokens.
func (c *Speech) spell(set *read.Recordings, n *read.Network) error {
	err := set.Spell(n)
	if err != nil && c.Encoder != "" {
		return fmt.Errorf("%w: with new_head, a new layer writes the characters of the data", err)
	}
	return err
}

// What augmentation is: the speeds that training recordings are also played at, and what is hidden of their features.
var (
	speechSpeeds = []float64{0.9, 1.1}
	speechMasks  = audio.SpecAugment{TimeMasks: 2, TimeWidth: 12, FreqMasks: 2, FreqWidth: 8, TimePart: 0.1}
)

// load reads the training manifest and settles the features' mean and variance.
func (c *Speech) load(f *read.Features) (*read.Recordings, error) {
	var speeds []float64
	if c.Augment {
		speeds = speechSpeeds
	}
	set, err := read.LoadRecordings(c.Data, f, speeds...)
	if err != nil {
		return nil, err
	}
	set.Fit()
	return set, nil
}

// groupsOf reads test manifests.
func groupsOf(manifests []string, f *read.Features, n *read.Network, env job.Env) (all []lineGroup, err error) {
	for _, path := range manifests {
		set, err := read.LoadRecordings(path, f)
		if err != nil {
			return nil, err
		}
		set.Normalise()
		if err := set.Spell(n); err != nil {
			return nil, err
		}
		env.Skip(set.LeftOut)
		env.Warn(set.Warnings)
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		all = append(all, lineGroup{name, set.Lines(0, len(set.Paths))})
	}
	return all, nil
}
