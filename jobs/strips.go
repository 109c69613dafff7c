package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/seq/read"
)

// stripsJob trains a reader of strips of handwritten digits.
var stripsJob = job.Job{
	Name: "strips", Folder: "strips", Short: "Train a reader of handwritten digit strings, unsegmented (CTC)",
	Long: `Joins digits to strips of handwriting, in which neighbours may stand apart, touch or overlap, and
trains a convolutional network to read them by CTC: it is told what a strip says, never where. The
energy of a text is −log of its probability with all alignments summed out; the offending
energy is the free energy of all other texts. With --latent least it is that of its best alignment, and the offending
one is the best alignment of another text. --functional trains with another loss functional of these energies.

Every step draws new strips of 1 to --longest training digits; the figures are of fixed strips of test digits, of 1 to
5 and of 6 to 12. The data is MNIST, or any MNIST-like set of four IDX files (--data). The run's folder
also has reader.json, which transcribe and align need.`,
	Examples: []string{"", "--longest 12 --epochs 12 --seed 7", "--functional hinge --latent least", "--functional hinge --rival wrong"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Epochs, t.Batch, t.Clip, t.EMA = 8, 32, 5, 0.998
		return &Strips{Longest: 6, Strips: 20000, Channels: 128, Augment: true, Tested: 2000, ReadingLoss: defaultReadingLoss(), Training: t}
	},
}

// Strips is the settings of the job strips.
type Strips struct {
	Labelled
	Longest  int // digits of a training strip; the shortest has one
	Strips   int // an epoch
	Channels int // of the convolutions along the strip
	Augment  bool
	Tested   int // test strips of each group
	ReadingLoss
	job.Training
}

func (c *Strips) Options() option.List {
	return append(option.List{
		c.Labelled.option(),
		option.New(&c.Longest, "longest", "digits of the longest training strips", option.Whole(1, 30)),
		option.New(&c.Strips, "strips", "strips of an epoch", option.Whole(1, 1<<30)),
		option.New(&c.Channels, "channels", "channels of the convolutions along the strip", option.Whole(1, read.MaxChannels)),
		option.New(&c.Augment, "augment", "shift, turn and scale each digit a little at random"),
		option.New(&c.Tested, "tested", "test strips of each length that are measured", option.Whole(1, 1<<20), option.Apart),
	}, append(c.ReadingLoss.options(), c.Training.Options()...)...)
}

func (c *Strips) Resolve() error {
	c.Settle(c.Epochs, c.Batch)
	return c.ReadingLoss.check()
}

func (c *Strips) Folder() string { return "strips" + c.suffix() }

// The strips that a model is measured on.
const (
	shortest = 5  // digits: the first group has one to this many,
	longer   = 12 // the second more, to this many
)

// stripDilations are those of the convolutions along strips: a frame sees two digits.
var stripDilations = []int{2, 4}

func (c *Strips) Open(ctx context.Context, env job.Env) (job.Model, error) {
	sets, err := c.sets(ctx, env, &c.Training)
	if err != nil {
		return nil, err
	}
	if h, w := sets.set.H, sets.set.W; h > data.StripHeight || w > data.StripHeight {
		return nil, fmt.Errorf("the pictures have %d×%d pixels; strips are of pictures up to %d×%d", h, w, data.StripHeight, data.StripHeight)
	}
	var tokens []string
	for k := range sets.whole.Classes() {
		tokens = append(tokens, fmt.Sprint(k))
	}
	network, err := read.NewNetwork(read.Spec{Height: data.StripHeight, Tokens: tokens, Channels: c.Channels, Dilations: stripDilations}, c.Seed)
	if err != nil {
		return nil, err
	}
	r, err := newRecogniser(network, c.Strips, &c.ReadingLoss, 0)
	if err != nil {
		return nil, err
	}
	strips := data.Strips{Digits: sets.set, Shortest: 1, Longest: c.Longest, Jitter: c.Augment}
	r.draw = func(i int, rng *rand.Rand) (data.Line, error) { return strips.Draw(rng, i%sets.set.N), nil }
	r.held = fixedStrips(sets.held, 1, c.Longest, heldStrips)
	r.trainedOn, r.tokens = sets.trainedOn, "Digits"
	r.groups = []lineGroup{
		{fmt.Sprintf("1 to %d digits", shortest), fixedStrips(sets.test, 1, shortest, c.Tested)},
		{fmt.Sprintf("%d to %d digits", shortest+1, longer), fixedStrips(sets.test, shortest+1, longer, c.Tested)},
	}
	r.finish = func(_ context.Context, dir string) error {
		return report.WriteSheets(dir, []report.Sheet{stripSheet(r.groups[0].lines)})
	}
	return r, nil
}

// fixedStrips are always the same.
func fixedStrips(digits *data.Images, least, most, n int) []data.Line {
	rng := rand.New(rand.NewPCG(uint64(least), uint64(most)))
	s := data.Strips{Digits: digits, Shortest: least, Longest: most}
	lines := make([]data.Line, n)
	for i := range lines {
		lines[i] = s.Draw(rng, -1)
	}
	return lines
}

// stripSheet shows the first of some strips.
func stripSheet(lines []data.Line) report.Sheet {
	const most = 12
	lines = lines[:min(most, len(lines))]
	s := report.Sheet{Name: "strips", Title: "Strips", Columns: 2, H: data.StripHeight, Note: "Strips of test digits, as they are read."}
	for _, l := range lines {
		s.W = max(s.W, l.W)
	}
	for _, l := range lines {
		picture := make([]float32, s.H*s.W)
		for row := range l.H {
			copy(picture[row*s.W:], l.Pixels[row*l.W:(row+1)*l.W])
		}
		s.Pixels = append(s.Pixels, picture...)
	}
	return s
}
