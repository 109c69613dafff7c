package jobs

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/loss/pair"
	"github.com/energo-ml/energo/train"
)

// pairSet is pictures and fixed pairs of them.
type pairSet struct {
	set   *data.Pictures
	pairs []data.PicturePair
}

// siameseParts is what a run trains on and measures.
type siameseParts struct {
	train      pairSet // without pairs where they are drawn
	held, test pairSet
}

// parts reads and divides what the settings name, and draws the pairs to measure on, two a picture, always the same whatever the run's seed.
func (c *Siamese) parts(ctx context.Context, env job.Env) (*siameseParts, error) {
	if c.Pairs != "" {
		return c.fileParts(ctx, env)
	}
	all, test, err := c.load(ctx, env)
	if err != nil {
		return nil, err
	}
	d, err := c.divide(all, test, nil)
	if err != nil {
		return nil, err
	}
	p := &siameseParts{train: pairSet{set: d.train}}
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
func (c *Siamese) fileParts(ctx context.Context, env job.Env) (*siameseParts, error) {
	all, err := c.readPairs(ctx, c.Pairs, c.scaling(), env)
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
	order := spread(labels, train.Rand(1, "split", 0))
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
