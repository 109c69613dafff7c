package jobs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// autoencoderJob trains networks that take pictures through a few numbers and back.
var autoencoderJob = job.Job{
	Name: "autoencoder", Folder: "autoencoder-LOSS", Short: "Train an auto-encoder of pictures by their reconstruction error",
	Long: `Squeezes pictures into a few numbers and back, and trains that to lose as little as it can. The
reconstruction error is an energy of the picture: low for pictures like those of training, high for
others as far as they do not pass through so few numbers, which the run measures on the test
pictures with their pixels shuffled.

The data is MNIST, or any MNIST-like set of four IDX files (--data). The run's folder is as that of train
digits, with plots/reconstructions.png: test pictures above, their reconstructions below.`,
	Examples: []string{"", "--latent 8 --loss mse --seed 7", "--run runs/mine --resume"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Epochs, t.Batch = 15, 128
		return &Autoencoder{Latent: 32, Hidden: 512, Loss: "bce", Training: t}
	},
}

// Autoencoder is the settings of the job autoencoder.
type Autoencoder struct {
	Labelled
	Latent int    // numbers that a picture is squeezed into
	Hidden int    // units of the hidden layer before and after them
	Loss   string // of the pixels: bce, mse, l1, huber
	job.Training
}

// PixelLosses are the losses of an auto-encoder.
var PixelLosses = []string{"bce", "mse", "l1", "huber"}

func (c *Autoencoder) Options() option.List {
	return append(option.List{
		c.Labelled.option(),
		option.New(&c.Latent, "latent", "numbers that a picture is squeezed into", option.Whole(1, widest)),
		option.New(&c.Hidden, "hidden", "units of the hidden layers", option.Whole(1, widest)),
		option.New(&c.Loss, "loss", "loss of the pixels", option.OneOf(PixelLosses...)),
	}, c.Training.Options()...)
}

// widest is how many units a layer may have.
const widest = 1 << 14

func (c *Autoencoder) Folder() string { return "autoencoder-" + c.Loss }

func (c *Autoencoder) Open(ctx context.Context, env job.Env) (job.Model, error) {
	sets, err := c.shownSets(ctx, env, &c.Training)
	if err != nil {
		return nil, err
	}
	n, rng := sets.set.Size(), train.Rand(c.Seed, "init", 0)
	encoder := []nn.Module{nn.Flatten{}, nn.NewLinear(n, c.Hidden, rng), nn.ReLU{}, nn.NewLinear(c.Hidden, c.Latent, rng)}
	decoder := []nn.Module{nn.NewLinear(c.Latent, c.Hidden, rng), nn.ReLU{}, nn.NewLinear(c.Hidden, n, rng)}
	t := &autoencoder{
		c: c, shownSets: sets, pixels: n, batch: tensor.New(tensor.Float32), x: tensor.New(tensor.Float32), tape: autodiff.NewTape(tensor.Float32),
		encoder: encoder, decoder: decoder, weights: weights{nn.NewSequential(slices.Concat(encoder, decoder)...)},
		diagnosed: diagnosed{subject: train.Subject{
			Functional: functional.Energy{}, Architecture: fmt.Sprintf("an auto-encoder through %d numbers", c.Latent), Terms: pictureTerms("reconstruction errors", measure.Plain),
		}},
		shuffled: pixelOrder(n),
	}
	t.tape.NoGrad = true
	return t, nil
}

// pixelLoss returns the mean loss of outputs before the sigmoid against pixels in [0, 1],
// and writes its gradient by the outputs or, where the loss is of the sigmoid's values, by those.
func (c *Autoencoder) pixelLoss() (eval func(out, pixels, grad []float32) (float64, error), squashed bool) {
	switch c.Loss {
	case "mse":
		return loss.MSELoss[float32], true
	case "l1":
		return loss.L1Loss[float32], true
	case "huber":
		return loss.HuberLoss[float32], true
	}
	return loss.BCEWithLogitsLoss[float32], false
}

func (t *autoencoder) Measure(ctx context.Context) (*job.Measures, error) {
	m, err := t.measure(ctx, t.test)
	if err != nil {
		return nil, err
	}
	figures := []measure.Figure{
		measure.Quantity{Key: "loss", Name: "Loss", Note: "a pixel"}.Of(m.loss),
		measure.Quantity{Key: "mse", Name: "Squared error", Note: "a pixel"}.Of(m.mse),
	}
	return &job.Measures{Evaluation: m.Evaluation, Figures: figures, Write: func(_ context.Context, dir string) error {
		first := pixelsOf(t.test.Subset(0, len(m.pictures)/t.pixels))
		return report.WriteSheets(dir, []report.Sheet{sheet(t.test, 10, "reconstructions", "Reconstructions",
			"Test pictures, and below each what comes back from the few numbers that it was squeezed into.", first, m.pictures)})
	}}, nil
}

// picturesKept is how many reconstructions of the test set come with a result.
const picturesKept = 20

// autoencoder is a network whose energy of a picture is its reconstruction error: low
// for pictures like those of training, and higher for others as far as the few numbers in
// its middle cannot hold them.
type autoencoder struct {
	weights
	shownSets
	diagnosed
	c         *Autoencoder
	encoder   []nn.Module // the layers up to the few numbers
	decoder   []nn.Module // … and from there on
	pixels    int
	shuffled  []int // order of the pixels of an offending picture
	criterion nn.Criterion
	batch     *tensor.Tensor

	tape *autodiff.Tape // of what is measured
	x    *tensor.Tensor
}

func (t *autoencoder) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.batch.Resize(len(b.Samples), t.pixels)
	t.set.Batch(t.batch.Float32s(), b.Samples)
	out := t.net.Forward(tape.Const(t.batch))
	eval, squashed := t.c.pixelLoss()
	if squashed {
		out = autodiff.Sigmoid(out)
	}
	return t.criterion.Record(func(g nn.Grads) (float64, error) {
		return eval(out.Value.Float32s(), t.batch.Float32s(), g.Float32s(0))
	}, out)
}

func (t *autoencoder) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.measure(ctx, t.evaluated(t.scaled))
	return m.Evaluation, err
}

// reconstruction is what a set of pictures says of a model. Its Error is the fraction of
// the pictures' variance that is lost.
type reconstruction struct {
	train.Evaluation
	loss, mse float64
	pictures  []float32 // reconstructions of the first
}

// measure looks at all pictures of a set, and at each with its pixels shuffled.
func (a *autoencoder) measure(ctx context.Context, set *data.Images) (m reconstruction, err error) {
	stats := make([]functional.LabelStats, set.N)
	var squares float64
	err = inBatches(ctx, set.N, func(lo, hi int) error {
		a.x.Resize(hi-lo, a.pixels)
		x := a.x.Float32s()
		set.Batch(x, numbers(lo, hi))
		correct, out, err := a.errors(x)
		if err != nil {
			return err
		}
		for i, v := range out {
			r := float64(v) - float64(x[i])
			squares += r * r
		}
		if lo < picturesKept {
			m.pictures = append(m.pictures, out[:min(picturesKept-lo, hi-lo)*a.pixels]...)
		}
		shufflePixels(x, a.shuffled)
		other, _, err := a.errors(x)
		if err != nil {
			return err
		}
		for k := range correct {
			stats[lo+k] = functional.LabelStats{Correct: correct[k], Offending: other[k], Answer: 1, Spread: math.Abs(other[k]-correct[k]) / 2}
			m.loss += correct[k] / float64(set.N)
		}
		return nil
	})
	if err != nil {
		return m, err
	}
	m.mse = measure.Ratio(squares, float64(set.N*a.pixels))
	lost, chance := varianceLost(squares, set.Variance())
	m.Evaluation = train.Diagnose(stats, a.subject, lost, chance)
	return m, nil
}

// errors returns the loss of each picture, mean over its pixels, and the reconstructions.
func (a *autoencoder) errors(x []float32) (each []float64, out []float32, err error) {
	n := len(x) / a.pixels
	a.tape.Reset()
	y := a.net.Forward(a.tape.Const(a.x)).Value.Float32s()
	eval, squashed := a.c.pixelLoss()
	out = make([]float32, len(y))
	simd.Sigmoid(out, y)
	if squashed {
		y = out
	}
	each = make([]float64, n)
	for i := range each {
		if each[i], err = eval(y[i*a.pixels:(i+1)*a.pixels], x[i*a.pixels:(i+1)*a.pixels], nil); err != nil {
			return nil, nil, err
		}
	}
	return each, out, nil
}

// pixelOrder is the order that offending pictures have their pixels in, the same for all.
func pixelOrder(n int) []int { return rand.New(rand.NewPCG(1, 2)).Perm(n) }

// shufflePixels puts the pixels of each picture into another order.
func shufflePixels(x []float32, order []int) {
	n := len(order)
	row := make([]float32, n)
	for lo := 0; lo < len(x); lo += n {
		copy(row, x[lo:lo+n])
		for i, from := range order {
			x[lo+i] = row[from]
		}
	}
}

// varianceLost is the share of the pictures' variance that squared errors are, and what it is by chance: 1, of the mean
// picture. Of pictures without variance both are NaN.
func varianceLost(squares, variance float64) (measure.Figure, float64) {
	q := measure.Quantity{Key: "variance_lost", Name: "Lost variance", Unit: measure.Share, Note: "of the pictures' variance"}
	if variance == 0 {
		q.Note = "the pictures are all alike and have no variance that could be lost"
		return q.Of(math.NaN()), math.NaN()
	}
	return q.Of(squares / variance), 1
}
