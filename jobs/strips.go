package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

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

With --encoder, the network begins with a recogniser of lines of another system, an ONNX file with a card that was trained by CTC: strips are scaled to
its height, --freeze holds parameters of it still, and steps are a tenth of the optimiser's. It writes the digits among the model's own tokens, or by a new linear
layer (--new-head, or where nothing says the tokens) digits alone.

Every step draws new strips of 1 to --longest training digits, and others instead of those that have more digits than the network has frames for them; such
strips to test on are left out, and named. The figures are of fixed strips of test digits, of 1 to
5 and of 6 to 12. The data is MNIST, or any MNIST-like set of four IDX files (--data). The run's folder
also has reader.json, which transcribe and align need.`,
	Examples: []string{"", "--longest 12 --epochs 12 --seed 7", "--functional hinge --latent least", "--functional hinge --rival wrong", "--encoder recogniser.onnx --new-head"},
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
	Recogniser
	ReadingLoss
	job.Training
}

func (c *Strips) Options() option.List {
	return append(option.List{
		c.Labelled.option(),
		option.New(&c.Longest, "longest", "digits of the longest training strips", option.Whole(1, 30)),
		option.New(&c.Strips, "strips", "strips of an epoch", option.Whole(1, 1<<30)),
		option.New(&c.Channels, "channels", "channels of the convolutions along the strip", option.Whole(1, read.MaxChannels), c.own()),
		option.New(&c.Augment, "augment", "shift, turn and scale each digit a little at random"),
		option.New(&c.Tested, "tested", "test strips of each length that are measured", option.Whole(1, 1<<20), option.Apart),
	}, slices.Concat(c.Recogniser.options("lines of text", "digits alone"), c.ReadingLoss.options(), c.Training.Options())...)
}

func (c *Strips) Resolve() error {
	if err := c.Recogniser.settle(&c.Training); err != nil {
		return err
	}
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
	network, err := c.network(env, tokens)
	if err != nil {
		return nil, err
	}
	fit, err := fitting(network, tokens)
	if err != nil {
		return nil, err
	}
	r, err := newRecogniser(network, c.Strips, &c.ReadingLoss, 0)
	if err != nil {
		return nil, err
	}
	strips := data.Strips{Digits: sets.set, Shortest: 1, Longest: c.Longest, Jitter: c.Augment}
	r.draw = func(i int, rng *rand.Rand) (data.Line, error) {
		return fittingStrip(network, func() (data.Line, error) { return fit(strips.Draw(rng, i%sets.set.N)) })
	}
	r.trainedOn, r.tokens = sets.trainedOn, "Digits"
	if r.held, err = fixedStrips(env, network, sets.held, 1, c.Longest, heldStrips, fit); err != nil {
		return nil, err
	}
	for _, g := range [][2]int{{1, shortest}, {shortest + 1, longer}} {
		lines, err := fixedStrips(env, network, sets.test, g[0], g[1], c.Tested, fit)
		if err != nil {
			return nil, err
		}
		r.groups = append(r.groups, lineGroup{fmt.Sprintf("%d to %d digits", g[0], g[1]), lines})
	}
	r.finish = func(_ context.Context, dir string) error {
		return report.WriteSheets(dir, []report.Sheet{stripSheet(r.groups[0].lines)})
	}
	return r, nil
}

// network makes the network, untrained or as the model that it begins with.
func (c *Strips) network(env job.Env, tokens []string) (*read.Network, error) {
	if c.Encoder == "" {
		return read.NewNetwork(read.Spec{Height: data.StripHeight, Tokens: tokens, Channels: c.Channels, Dilations: stripDilations}, c.Seed)
	}
	base, err := c.base(env, read.OpenLineBase)
	if err != nil {
		return nil, err
	}
	return base.Network(c.beginning(tokens, c.Seed))
}

// fitting returns what makes strips, whose targets are places among tokens, lines of a network.
func fitting(n *read.Network, tokens []string) (func(data.Line) (data.Line, error), error) {
	place := make([]int, len(tokens))
	for k, token := range tokens {
		if place[k] = slices.Index(n.Tokens, token); place[k] < 0 {
			return nil, fmt.Errorf("the network has no token %q: with new_head, a new layer writes the digits", token)
		}
	}
	return func(l data.Line) (data.Line, error) {
		for i, k := range l.Target {
			l.Target[i] = place[k]
		}
		return read.ScaleLine(l, n.Height)
	}, nil
}

// stripDraws are how often a strip is drawn until one fits.
const stripDraws = 100

// fittingStrip draws strips until one has the frames that the network needs for its digits.
func fittingStrip(n *read.Network, draw func() (data.Line, error)) (l data.Line, err error) {
	var misfit error
	for range stripDraws {
		if l, err = draw(); err != nil {
			return l, err
		}
		if misfit = n.Fits(l.W, l.Target); misfit == nil {
			return l, nil
		}
	}
	return l, fmt.Errorf("none of %d strips drawn to train on fits the network; the last: %w", stripDraws, misfit)
}

// fixedStrips are always the same. Those with too few frames for their digits are left out, and named.
//
// Errors: no strip is left.
func fixedStrips(env job.Env, network *read.Network, digits *data.Images, least, most, n int, fit func(data.Line) (data.Line, error)) (lines []data.Line, err error) {
	rng := rand.New(rand.NewPCG(uint64(least), uint64(most)))
	s := data.Strips{Digits: digits, Shortest: least, Longest: most}
	var leftOut []error
	for i := range n {
		l, err := fit(s.Draw(rng, -1))
		if err != nil {
			return nil, err
		}
		if err := network.Fits(l.W, l.Target); err != nil {
			leftOut = append(leftOut, fmt.Errorf("strip %d of those of %d to %d digits: %w", i+1, least, most, err))
			continue
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("none of %d strips of %d to %d digits is left; the first: %w", n, least, most, leftOut[0])
	}
	env.Skip(leftOut)
	return lines, nil
}

// stripSheet shows the first of some strips.
func stripSheet(lines []data.Line) report.Sheet {
	const most = 12
	lines = lines[:min(most, len(lines))]
	s := report.Sheet{Name: "strips", Title: "Strips", Columns: 2, H: lines[0].H, Note: "Strips of test digits, as they are read."}
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
