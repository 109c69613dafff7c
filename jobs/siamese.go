package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss/distance"
)

// SiameseJob trains vectors of pictures on pairs of them.
func SiameseJob() job.Job {
	return job.Job{
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
		New:      func() job.Spec { return DefaultSiamese() },
	}
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

// DefaultSiamese returns the settings of `energo train siamese` without flags.
func DefaultSiamese() *Siamese {
	return &Siamese{Encoding: defaultEncoding(32, 4, 64), Loss: "square_square"}
}

// Options implements job.Spec.
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

// Resolve implements job.Spec.
func (c *Siamese) Resolve() error {
	c.Settle(c.Epochs, c.Batch)
	if c.Margin == 0 {
		c.Margin = pairMargins[c.Loss]
	}
	switch {
	case c.Loss == "cosine_embedding" && c.Margin >= 1:
		return fmt.Errorf("margin is %v; of cosine_embedding it is a cosine, above 0 and below 1", c.Margin)
	case c.Pairs == "" && c.Batch < 2:
		return errors.New("batch is 1; it must be at least 2, a pair of one class and one of two")
	}
	return nil
}

// Folder implements job.Spec.
func (c *Siamese) Folder() string { return "siamese-" + c.Loss }

// Open implements job.Spec.
func (c *Siamese) Open(ctx context.Context, env job.Env) (job.Model, error) {
	parts, err := c.parts(ctx, env)
	if err == nil && env.Data != "" {
		parts.test, err = c.otherPairs(ctx, env, parts.train.set)
	}
	if err != nil {
		return nil, err
	}
	return newSiameseTask(c, parts)
}

// metric is the distance of the two branches' vectors.
func (c *Siamese) metric() distance.Kind {
	if c.Loss == "cosine_embedding" {
		return distance.Cosine
	}
	return distance.Euclidean
}
