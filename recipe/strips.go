package recipe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/seq/read"
)

// The strips that a model is looked at on.
const (
	heldStrips = 500
	shortest   = 5  // digits: the first group has one to so many,
	longer     = 12 // the second more, to so many
)

// Strips trains a reader of strips of handwritten digits into a run folder, and measures
// it on strips of test digits. Interruption and divergence are as Digits has them.
func Strips(ctx context.Context, c StripsConfig, o Options) (*RecogniserResult, error) {
	if err := o.checkImages(); err != nil {
		return nil, err
	}
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
	model, err := c.network(o.Train)
	if err != nil {
		return nil, err
	}
	part, held, err := c.parts(o.Train)
	if err != nil {
		return nil, err
	}
	strips := data.Strips{Digits: part, Shortest: 1, Longest: c.Longest, Jitter: c.Augment}
	draw := func(i int, rng *rand.Rand) data.Line { return strips.Draw(rng, i%part.N) }
	task, err := newRecogniserTask(ctx, model, c.Strips, draw, fixedStrips(held, 1, c.Longest, heldStrips), 0)
	if err != nil {
		return nil, err
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, err
	}
	return task.run(ctx, c.Recipe, c, c.loop(c.Recipe, settings, task.Samples(), o), c.groups(o.Test), o)
}

// network returns the untrained network.
func (c StripsConfig) network(set *data.Images) (*read.Network, error) {
	if err := fitsStrips(set, set.Classes()); err != nil {
		return nil, err
	}
	var tokens []string
	for k := range set.Classes() {
		tokens = append(tokens, fmt.Sprint(k))
	}
	return read.NewNetwork(read.Spec{Height: data.StripHeight, Tokens: tokens, Channels: c.Channels, Dilations: stripDilations}, c.Seed)
}

// fitsStrips refuses pictures that strips cannot be made of, or whose labels are not among the tokens.
func fitsStrips(set *data.Images, tokens int) error {
	if set.H > data.StripHeight || set.W > data.StripHeight {
		return fmt.Errorf("the pictures have %d×%d pixels; strips are of pictures up to %d×%d", set.H, set.W, data.StripHeight, data.StripHeight)
	}
	if k := set.Classes(); k < 1 || k > tokens {
		return fmt.Errorf("the %d pictures have labels below %d; the model reads those below %d", set.N, k, tokens)
	}
	return nil
}

// stripDilations are those of the convolutions along strips: a frame sees two digits.
var stripDilations = []int{2, 4}

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

func (c StripsConfig) groups(digits *data.Images) []lineGroup {
	return []lineGroup{
		{fmt.Sprintf("1 to %d digits", shortest), fixedStrips(digits, 1, shortest, c.Tested)},
		{fmt.Sprintf("%d to %d digits", shortest+1, longer), fixedStrips(digits, shortest+1, longer, c.Tested)},
	}
}

// EvalStrips measures the model of a finished run on strips of a test set. It writes nothing.
func EvalStrips(ctx context.Context, dir string, testSet *data.Images) (*RecogniserResult, error) {
	c, err := ReadStripsConfig(filepath.Join(dir, ConfigFile), DefaultStrips())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &RecogniserResult{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	reader, err := read.Open(dir)
	if err != nil {
		return nil, err
	}
	model := reader.Network()
	if err := fitsStrips(testSet, len(model.Tokens)); err != nil {
		return nil, err
	}
	groups := c.groups(testSet)
	task, err := newRecogniserTask(ctx, model, 1, nil, groups[0].lines, 0)
	if err != nil {
		return nil, err
	}
	task.subject.Scale = r.Energy.SpreadBefore
	r.Run = dir
	return r, r.read(ctx, task, groups)
}

// TestStrips returns the first strips of a test set that figures are of.
func TestStrips(set *data.Images, n int) []data.Line { return fixedStrips(set, 1, shortest, n) }
