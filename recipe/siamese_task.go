package recipe

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/pair"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/search/distance"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// SiameseSets are the pictures and pairs that a run of siamese is given: pictures with labels,
// of which pairs are drawn, or pairs of a file.
type SiameseSets struct {
	PictureSets
	Pairs, TestPairs []data.PicturePair // of Train's pictures and of Test's; nil where pictures have labels
}

// Load reads what the settings name, as PictureSettings.Load does.
func (c SiameseConfig) Load(ctx context.Context, progress data.Progress) (sets SiameseSets, skipped []error, err error) {
	if c.Pairs == "" {
		sets.PictureSets, skipped, err = c.PictureSettings.Load(ctx, progress)
		return sets, skipped, err
	}
	o := c.Options()
	if sets.Train, sets.Pairs, skipped, err = data.ReadPairs(ctx, c.Pairs, o); err != nil || c.TestPairs == "" {
		return sets, skipped, err
	}
	o.C = sets.Train.C
	var more []error
	sets.Test, sets.TestPairs, more, err = data.ReadPairs(ctx, c.TestPairs, o)
	return sets, append(skipped, more...), err
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
}

// parts divides pictures, and draws the pairs to measure on, two a picture, always the same whatever the run's seed.
func (c SiameseConfig) parts(sets SiameseSets) (*siameseParts, error) {
	if sets.Pairs != nil {
		return c.fileParts(sets)
	}
	d, err := c.divide(c.PictureSettings, sets.PictureSets, nil)
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

// fileParts divides the pairs of a file.
func (c SiameseConfig) fileParts(sets SiameseSets) (*siameseParts, error) {
	labels := make([]int, len(sets.Pairs))
	for i, p := range sets.Pairs {
		if p.Same {
			labels[i] = 1
		}
	}
	pick := func(indices []int) (out []data.PicturePair) {
		slices.Sort(indices)
		for _, i := range indices {
			out = append(out, sets.Pairs[i])
		}
		return out
	}
	order := spread(labels, train.Rand(1, "split", 0))
	p := &siameseParts{test: pairSet{sets.Test, sets.TestPairs}}
	if sets.Test == nil {
		n := int(math.Round(c.TestShare * float64(len(order))))
		p.test = pairSet{sets.Train, pick(order[:n])}
		order = order[n:]
	}
	if len(order) == 0 {
		return nil, noneLeft(c.TestShare, "pairs")
	}
	n := c.Validation
	if n == 0 {
		n = min(len(order)/10, heldMost)
	}
	if n >= len(order) {
		return nil, fmt.Errorf("validation is %d, but there are only %d training pairs; leave at least one to train on", n, len(order))
	}
	p.held = pairSet{sets.Train, pick(order[:n])}
	if order = order[n:]; c.Limit > 0 {
		order = order[:min(c.Limit, len(order))]
	}
	p.train = pairSet{sets.Train, pick(order)}
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

// siameseTask is the siamese recipe as train sees it: a network whose two branches have the same weights,
// and whose energy of a pair is the distance of the vectors.
type siameseTask struct {
	*encode.Network
	c        SiameseConfig
	parts    *siameseParts
	partners *pair.Partners // of the training pictures; nil where pairs are given
	loss     *pairLoss
	subject  train.Subject
	look     *encode.Worker

	criterion nn.Criterion
	x         *tensor.Tensor
	indices   []int // the batch's pictures: first ones, then second ones
	same      []bool
}

func newSiameseTask(ctx context.Context, c SiameseConfig, parts *siameseParts) (*siameseTask, error) {
	set := parts.train.set
	if test := parts.test.set; test.C != set.C || test.H != set.H || test.W != set.W {
		return nil, fmt.Errorf("training pictures are %d×%d×%d, test pictures %d×%d×%d; they must be alike", set.C, set.H, set.W, test.C, test.H, test.W)
	}
	e, err := encode.NewNetwork(c.encoder(c.Recipe, set, c.metric() == "cosine", c.metric()), c.Seed)
	if err != nil {
		return nil, err
	}
	t := &siameseTask{
		Network: e, c: c, parts: parts, loss: newPairLoss(c), look: e.Worker(), x: tensor.New(tensor.Float32),
		subject: c.subject(),
	}
	if parts.train.pairs == nil {
		t.partners = pair.NewPartners(set.Labels)
	}
	first, err := t.Evaluate(ctx)
	t.subject.Scale = first.Diagnosis.Spread
	return t, err
}

// Params implements train.Task.
func (t *siameseTask) Params() []*autodiff.Param { return t.Module.Params() }

// Samples implements train.Task: the pairs of an epoch. Of pictures with labels there are as many as pictures, each
// the first of one pair.
func (t *siameseTask) Samples() int {
	if t.partners != nil {
		return t.parts.train.set.N
	}
	return len(t.parts.train.pairs)
}

// choose puts the batch's pairs in place. Where pictures have labels, every other picture gets a partner of its class,
// if there is one, the rest one of another class.
func (t *siameseTask) choose(samples []int, rng *rand.Rand) {
	n := len(samples)
	t.indices, t.same = scratch.Sized(t.indices, 2*n), t.same[:0]
	for k, i := range samples {
		p := data.PicturePair{A: i}
		if t.partners == nil {
			p = t.parts.train.pairs[i]
		} else {
			p.B, p.Same = t.partner(i, k%2 == 0, rng)
		}
		t.indices[k], t.indices[n+k] = p.A, p.B
		t.same = append(t.same, p.Same)
	}
}

// partner draws a partner for picture i, of another class where its own has no other picture.
func (t *siameseTask) partner(i int, same bool, rng *rand.Rand) (int, bool) {
	if same {
		if j, ok := t.partners.Positive(i, rng); ok {
			return j, true
		}
	}
	j, _ := t.partners.Negative(i, rng) // there are two classes
	return j, false
}

// Loss implements train.Task.
func (t *siameseTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.choose(b.Samples, b.Rand)
	t.c.batch(t.x, t.parts.train.set, t.indices, b.Rand)
	out := t.Module.Forward(tape.Const(t.x))
	return t.criterion.Record(func(g nn.Grads) (float64, error) {
		return t.loss.eval(out.Value.Float32s(), t.same, g.Float32s(0))
	}, out)
}

// Evaluate implements train.Task. Its error is the fraction of the held-out pairs that are taken wrongly at the
// best threshold there.
func (t *siameseTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	distances, same, err := t.distances(ctx, t.parts.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	if slices.ContainsFunc(distances, func(d float64) bool { return d-d != 0 }) {
		return lost(t.subject, wrongPairs), nil
	}
	v, err := retrieval.Verify(distances, same)
	if err != nil {
		return train.Evaluation{}, err
	}
	return train.Diagnose(paired(distances, same), t.subject, wrongPairs.Of(1-v.Accuracy), guessed([]int{v.Same, v.Different})), nil
}

// wrongPairs is the error of telling pairs apart.
var wrongPairs = measure.Quantity{Key: "error", Name: "Error", Unit: measure.Share, Note: "of pairs taken wrongly"}

// subject says what a run of siamese is diagnosed as: all its losses ask others to be a distance apart.
func (c SiameseConfig) subject() train.Subject {
	m, what := c.Margin, "distance"
	if c.Loss == "cosine_embedding" {
		m, what = 1-c.Margin, "cosine distance" // the margin is a cosine
	}
	return train.Subject{
		Loss: c.Loss, Architecture: fmt.Sprintf("distances of vectors of %d numbers", c.Dim), Margin: m,
		Keeps: func(s functional.LabelStats) bool { return s.Offending >= m },
		Terms: train.Terms{
			Energies: "distances", Samples: "pairs", Correct: "pairs of the same", Offending: "pairs of others",
			Kept: train.MarginKept(fmt.Sprintf("of the pairs of others are at a %s of at least %.3g, as the loss asks", what, m)),
		},
	}
}

// verify measures how fixed pairs are told apart by their distances.
func (t *siameseTask) verify(ctx context.Context, p pairSet) (*retrieval.Verification, []float64, error) {
	distances, same, err := t.distances(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	v, err := retrieval.Verify(distances, same)
	return v, distances, err
}

// distances returns those of fixed pairs.
func (t *siameseTask) distances(ctx context.Context, p pairSet) (distances []float64, same []bool, err error) {
	used := p.pictures()
	vectors, err := t.look.EmbedSome(ctx, p.set, used)
	if err != nil {
		return nil, nil, err
	}
	vector := func(picture int) []float32 {
		i, _ := slices.BinarySearch(used, picture)
		return vectors[i*t.Dim:][:t.Dim]
	}
	for _, q := range p.pairs {
		distances = append(distances, distance.Between(measureOf(t.Network), vector(q.A), vector(q.B)))
		same = append(same, q.Same)
	}
	return distances, same, nil
}

// paired puts the distances of pairs of the same, the correct answers, beside those of others, the offending
// ones, in their order, as far as there are both.
func paired(distances []float64, same []bool) (stats []functional.LabelStats) {
	var near, far []float64
	for i, d := range distances {
		if same[i] {
			near = append(near, d)
		} else {
			far = append(far, d)
		}
	}
	for i := range min(len(near), len(far)) {
		stats = append(stats, functional.LabelStats{Correct: near[i], Offending: far[i], Answer: 1, Spread: abs(far[i]-near[i]) / 2})
	}
	return stats
}
