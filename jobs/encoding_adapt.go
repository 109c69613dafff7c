package jobs

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// What pictures of one's own are trained with where no setting says otherwise. Digits have epochs and a batch of their own, by the job.
const (
	ownBatch    = 64  // pictures of a batch, at most
	ownSteps    = 300 // of the optimiser, or
	ownEpochs   = 5   // … those passes, where they are more steps
	laterSteps  = 40  // … and where the network begins with one that was trained
	laterEpochs = 2
	idle        = 3    // training ends where this part of the epochs, a third, has found no better one
	describedLR = 1e-3 // where the first weights are computed from the pictures
	startRounds = 4    // pictures as they are, and changed at random
	startMost   = 4000 // pictures that the first weights are computed from
)

// digits says whether the data is in IDX files, as MNIST is.
func (c *PictureSettings) digits() bool {
	return c.Sets == nil && (c.Data == "" || data.HasDigits(c.Data))
}

// adapt puts in the defaults that the training pictures choose, n samples an epoch, and returns what it has chosen in words. perClass is where a batch's pictures of a class stand; nil where batches
// are drawn without regard to classes.
func (c *PictureSettings) adapt(set *data.Pictures, n int, perClass *int) (chosen []string) {
	c.photo = !c.Plain && !c.Augment && encode.Own(set.H, set.W) == encode.Described && !set.DarkBackground()
	if c.photo {
		chosen = append(chosen, "pictures are cropped, mirrored and changed in colour at random (plain: as they are)")
	}
	if c.Batch == 0 {
		c.Batch = max(min(ownBatch, n)/2*2, 2)
		if perClass != nil {
			c.Batch = classBatch(set.Labels, perClass)
		}
		chosen = append(chosen, fmt.Sprintf("batches of %d", c.Batch))
	}
	if c.Epochs == 0 {
		perEpoch := (n + c.Batch - 1) / c.Batch
		steps, epochs := ownSteps, ownEpochs
		if c.Encoder != "" {
			steps, epochs = laterSteps, laterEpochs
		}
		c.Epochs = max(epochs, (steps+perEpoch-1)/perEpoch)
		words := fmt.Sprintf("%d epochs, %d steps", c.Epochs, c.Epochs*perEpoch)
		if c.Patience == 0 && c.Epochs > idle {
			c.Patience = (c.Epochs + idle - 1) / idle
			words = fmt.Sprintf("at most %s; fewer where %d epochs bring nothing better", words, c.Patience)
		}
		chosen = append(chosen, words)
	}
	if c.LR == 0 {
		c.LR = job.RateDefaults[c.Optimizer]
		if encode.Own(set.H, set.W) == encode.Described && c.Optimizer != "sgd" {
			c.LR = describedLR
		}
		c.rated = true
	}
	if c.rated {
		chosen = append(chosen, fmt.Sprintf("a learning rate of %v", c.LR))
	}
	return chosen
}

// look notes how pictures of one's own are divided, what they choose, and what is odd about them.
func (c *Encoding) look(ctx context.Context, d *split, left []string, perClass *int) error {
	d.notes = append(d.notes, left...)
	same, err := duplicates(ctx, d.test, d.train)
	if err != nil {
		return err
	}
	if d.notes = append(d.notes, d.words()); same != "" {
		d.notes = append(d.notes, same)
	}
	d.notes = append(d.notes, c.adapt(d.train, d.train.N, perClass)...)
	return nil
}

// classBatch is the size of a batch of several pictures of each class, whose number it puts in where none is set: 4, or 2 where classes have fewer in the mean.
func classBatch(labels []int, perClass *int) int {
	_, classes := dense(labels)
	if *perClass == 0 {
		*perClass = 4
		if len(labels) < 4*classes {
			*perClass = 2
		}
	}
	return *perClass * max(2, min(ownBatch / *perClass, classes))
}

// start computes the first weights of a network of large pictures from the training pictures, whose labels may be others than theirs.
func (t *encoderTask) start(ctx context.Context, c *Encoding, set *data.Pictures, labels []int) error {
	chosen := data.Spread(labels, train.Rand(1, "start", 0))
	chosen = chosen[:min(len(chosen), startMost)]
	s := encode.Sample{Rounds: 1}
	if c.photo {
		s.Rounds = startRounds
	}
	for _, i := range chosen {
		s.Labels = append(s.Labels, labels[i])
	}
	if !findable(s.Labels) { // such as pairs of others alone
		return nil
	}
	rng := train.Rand(1, "start", 1)
	s.Pictures = func(dst []float32, indices []int, round int) {
		places := make([]int, len(indices))
		for k, i := range indices {
			places[k] = chosen[i]
		}
		if round == 0 {
			set.Batch(dst, places)
		} else {
			set.Jittered(dst, places, c.jitter(), rng)
		}
	}
	return t.Network.Start(ctx, s)
}
