package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// siameseJob trains vectors of pictures on pairs of them.
var siameseJob = job.Job{
	Name: "siamese", Folder: "siamese-LOSS", Short: "Train a network that tells whether two pictures show the same",
	Long: `Trains two branches with the same weights on pairs of pictures: the energy of a pair is the distance of the branches'
vectors, low for pictures of the same and high for others. Two pictures then count as the same up to a
threshold, which is chosen on held-out pairs; the figures are of test pairs.

The data is as that of train search: MNIST, IDX files, or pictures in folders of classes, of which pairs are drawn,
half of them of one class, anew in every epoch. Or --pairs names a CSV file with rows path1,path2,same, where same is 1 or 0. A
fifth of these pairs is kept for the test, though its pictures may be in other pairs, too; --test-pairs names
pairs of other pictures.

The run's folder is as that of train search, with verification.json (the ROC curve) instead of retrieval.json, and
pairs.safetensors: the test pairs with their distances.`,
	Examples: []string{"", "--loss cosine_embedding --epochs 10", "--data photos --size 96", "--pairs faces/train.csv --test-pairs faces/test.csv"},
	New: func() job.Spec {
		return &Siamese{Encoding: defaultEncoding(), Loss: "square_square"}
	},
}

// Siamese is the settings of the job siamese.
type Siamese struct {
	Encoding
	Pairs     string // CSV file path1,path2,same, in data's place
	TestPairs string // as pairs; "" is a share of them

	Loss   string  // square_square, hinge_embedding, cosine_embedding
	Margin float64 // how far apart pictures that differ are to be; of cosine_embedding a cosine; 0: the loss's

	// PairSets reads the pairs of a file, in a program with data of its own; nil is data.ReadPairs.
	PairSets func(ctx context.Context, path string, o data.PictureOptions) (*data.Pictures, []data.PicturePair, []error, error)
}

// pairLosses are the losses of a siamese network.
var pairLosses = []string{"square_square", "hinge_embedding", "cosine_embedding"}

// pairMargins are what a zero margin stands for.
var pairMargins = map[string]float64{"square_square": 1, "hinge_embedding": 1, "cosine_embedding": 0.3}

func (c *Siamese) Options() option.List {
	list := c.options(func() bool { return c.Pairs == "" }, func() bool { return c.Augment }, func() string {
		if c.Test != "" || c.TestPairs != "" {
			return "a test set is named"
		}
		return ""
	})
	list = append(list,
		option.New(&c.Pairs, "pairs", "CSV file of pairs path1,path2,same in --data's place", option.Arg("file"), option.Path),
		option.New(&c.TestPairs, "test_pairs", "CSV file of test pairs (default a share of --pairs)", option.Arg("file"), option.Path,
			option.When(func() bool { return c.Pairs != "" }, option.Because("there are no pairs to train on"))),
		option.New(&c.Loss, "loss", "loss of the pairs", option.OneOf(pairLosses...)),
		option.New(&c.Margin, "margin", "how far apart others are to be; of cosine_embedding a cosine", option.UpTo(math.MaxFloat32), option.Unset("the loss's own")),
	)
	return append(list, c.training()...)
}

func (c *Siamese) Resolve() error {
	if err := c.settle(siameseDim, 4, 64, c.digits()); err != nil {
		return err
	}
	if c.Margin == 0 {
		c.Margin = pairMargins[c.Loss]
	}
	switch {
	case c.Loss == "cosine_embedding" && c.Margin >= 1:
		return fmt.Errorf("margin is %v; of cosine_embedding it is a cosine, above 0 and below 1", c.Margin)
	case c.Pairs == "" && c.Batch == 1:
		return errors.New("batch is 1; it must be at least 2, a pair of one class and one of two")
	}
	return nil
}

// siameseDim is the default of dim.
const siameseDim = 32

func (c *Siamese) Folder() string { return "siamese-" + c.Loss }

func (c *Siamese) Open(ctx context.Context, env job.Env) (job.Model, error) {
	base, err := c.base(env)
	if err != nil {
		return nil, err
	}
	parts, err := c.parts(ctx, base, env)
	if err == nil && env.Data != "" {
		parts.test, err = c.otherPairs(ctx, env, parts.train.set)
	}
	if err != nil {
		return nil, err
	}
	if !c.digits() {
		if err := c.look(ctx, parts, env); err != nil {
			return nil, err
		}
		if parts.notes, err = keptNotes(env, parts.notes); err != nil {
			return nil, err
		}
	}
	t, err := newSiameseTask(ctx, c, base, parts)
	if err == nil && env.Data == "" {
		env.Note(t.notes)
	}
	return t, err
}

// digits says whether the data is in IDX files, as MNIST is.
func (c *Siamese) digits() bool { return c.Pairs == "" && c.Encoding.digits() }

// look notes what the pictures choose.
func (c *Siamese) look(ctx context.Context, p *siameseParts, env job.Env) error {
	n := len(p.train.pairs)
	if p.train.pairs == nil {
		n = p.train.set.N
		if env.Data == "" {
			same, err := duplicates(ctx, p.test.set, p.train.set)
			if err != nil {
				return err
			}
			if same != "" {
				p.notes = append(p.notes, same)
			}
		}
	}
	p.notes = append(p.notes, c.adapt(p.train.set, n, nil)...)
	return nil
}

// metric is the distance of the two branches' vectors.
func (c *Siamese) metric() distance.Kind {
	if c.Loss == "cosine_embedding" {
		return distance.Cosine
	}
	return distance.Euclidean
}

// pairSet is pictures and fixed pairs of them.
type pairSet struct {
	set   *data.Pictures
	pairs []data.PicturePair
}

// siameseParts is what a run trains on and measures.
type siameseParts struct {
	train      pairSet // without pairs where they are drawn
	held, test pairSet
	notes      []string // what the data has chosen, and what is odd about it
}

// parts reads and divides what the settings name, and draws the pairs to measure on, two a picture, always the same whatever the run's seed.
func (c *Siamese) parts(ctx context.Context, base *encode.Base, env job.Env) (*siameseParts, error) {
	if c.Pairs != "" {
		return c.fileParts(ctx, base, env)
	}
	all, test, err := c.load(ctx, base, env)
	if err != nil {
		return nil, err
	}
	d, err := c.divide(all, test, nil, searchable)
	if err != nil {
		return nil, err
	}
	p := &siameseParts{train: pairSet{set: d.train}}
	if !c.digits() {
		p.notes = append(leftOut(all, test), d.words())
	}
	if p.held, err = drawnPairs(d.held, 0); err != nil {
		return nil, err
	}
	p.test, err = drawnPairs(d.test, 1)
	return p, err
}

// drawnPairs draws pairs of pictures, half of them of one class.
func drawnPairs(set *data.Pictures, index uint64) (pairSet, error) {
	drawn, err := pair.RandomPairs(set.Labels, 2*set.N, train.Rand(1, "pairs", index))
	if err != nil {
		return pairSet{}, err
	}
	p := pairSet{set: set}
	for i, a := range drawn.First {
		p.pairs = append(p.pairs, data.PicturePair{A: a, B: drawn.Second[i], Same: drawn.Same[i]})
	}
	return p, nil
}

// otherPairs are those to measure on instead of the test's, of pictures of the size of those that are trained on: all of a file, or
// drawn from the pictures of a folder.
func (c *Siamese) otherPairs(ctx context.Context, env job.Env, trained *data.Pictures) (pairSet, error) {
	if c.Pairs != "" {
		return c.readPairs(ctx, env.Data, c.like(trained), env)
	}
	set, err := c.loadOther(ctx, env, trained)
	if err != nil {
		return pairSet{}, err
	}
	return drawnPairs(set, 1)
}

// readPairs reads the pairs of a file.
func (c *Siamese) readPairs(ctx context.Context, path string, o data.PictureOptions, env job.Env) (p pairSet, err error) {
	read := c.PairSets
	if read == nil {
		read = data.ReadPairs
	}
	var skipped []error
	p.set, p.pairs, skipped, err = read(ctx, path, o)
	env.Skip(skipped)
	return p, err
}

// fileParts reads and divides the pairs of files.
func (c *Siamese) fileParts(ctx context.Context, base *encode.Base, env job.Env) (*siameseParts, error) {
	all, err := c.readPairs(ctx, c.Pairs, c.scaling(base), env)
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(all.pairs))
	for i, p := range all.pairs {
		if p.Same {
			labels[i] = 1
		}
	}
	pick := func(indices []int) pairSet {
		slices.Sort(indices)
		out := pairSet{set: all.set}
		for _, i := range indices {
			out.pairs = append(out.pairs, all.pairs[i])
		}
		return out
	}
	order := data.Spread(labels, train.Rand(1, "split", 0))
	p := &siameseParts{}
	if c.TestPairs != "" {
		if p.test, err = c.readPairs(ctx, c.TestPairs, c.like(all.set), env); err != nil {
			return nil, err
		}
	} else {
		n := int(math.Round(c.TestShare * float64(len(order))))
		p.test = pick(order[:n])
		order = order[n:]
	}
	if len(order) == 0 {
		return nil, noneLeft(c.TestShare, "pairs")
	}
	n, err := c.heldOut(len(order), "pairs")
	if err != nil {
		return nil, err
	}
	p.held = pick(order[:n])
	if order = order[n:]; c.Limit > 0 {
		order = order[:min(c.Limit, len(order))]
	}
	p.train = pick(order)
	if !p.held.bothKinds() {
		p.held = p.train
	}
	for _, part := range []struct {
		name string
		pairSet
	}{{"training", p.train}, {"test", p.test}} {
		if !part.bothKinds() {
			return nil, fmt.Errorf("of %d %s pairs, there must be some of the same and some that are not", len(part.pairs), part.name)
		}
	}
	return p, nil
}

func (p pairSet) bothKinds() bool {
	same := func(x data.PicturePair) bool { return x.Same }
	return slices.ContainsFunc(p.pairs, same) && slices.ContainsFunc(p.pairs, func(x data.PicturePair) bool { return !x.Same })
}

// pictures returns those that occur in pairs, in order.
func (p pairSet) pictures() (all []int) {
	for _, q := range p.pairs {
		all = append(all, q.A, q.B)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sum stands for pictures and pairs in a checkpoint's settings.
func (p pairSet) sum() string {
	if p.pairs == nil {
		return picturesSum(p.set)
	}
	listed := *p.set // the pairs, as labels
	for _, q := range p.pairs {
		kind := 0
		if q.Same {
			kind = 1
		}
		listed.Labels = append(listed.Labels, q.A, q.B, kind)
	}
	return picturesSum(&listed)
}
