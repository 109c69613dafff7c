package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/train"
)

// Widths of the digits' models.
const (
	hiddenWidth = 512 // of the MLP's two hidden layers, and of the branch that learns codes
	jointWidth  = 128 // where x and y meet
	codeWidth   = 16  // of learned codes
	channels1   = 32
	channels2   = 64
)

// newLabeler builds the energy function that the settings name, for the functional f, pictures of h×w
// pixels and k labels, with weights drawn from the seed.
func (c *Digits) newLabeler(f functional.Functional, h, w, k int) (energy.Labeler, error) {
	if c.Model == "cnn" && (h < 4 || w < 4) {
		return nil, fmt.Errorf("model cnn halves the pictures twice; %d×%d pixels are too few; there must be at least 4×4", h, w)
	}
	rng := train.Rand(c.Seed, "init", 0)
	var l energy.Labeler
	switch c.Energy {
	case "head":
		l = energy.NewHead(c.network(h, w, k, rng), k)
	case "code":
		if c.Codes == "learned" {
			l = energy.NewBranches(c.network(h, w, codeWidth, rng), k, hiddenWidth, codeWidth, rng)
		} else {
			l = energy.NewCode(c.network(h, w, k, rng), energy.OneHotCodes(k))
		}
	case "joint":
		upper := nn.NewSequential(nn.ReLU{}, nn.NewLinear(jointWidth, 1, rng))
		l = energy.NewJoint(c.network(h, w, jointWidth, rng), upper, k, jointWidth, rng)
	}
	if f.Statistic().NonNegative && c.Energy != "code" {
		l = energy.NonNegative{Labeler: l}
	}
	return l, nil
}

// network maps pictures [B, 1, h, w] to [B, out].
func (c *Digits) network(h, w, out int, rng *rand.Rand) nn.Module {
	switch c.Model {
	case "linear":
		return nn.NewSequential(nn.Flatten{}, nn.NewLinear(h*w, out, rng))
	case "mlp":
		return nn.NewSequential(
			nn.Flatten{},
			nn.NewLinear(h*w, hiddenWidth, rng), nn.ReLU{},
			nn.NewLinear(hiddenWidth, hiddenWidth, rng), nn.ReLU{},
			nn.NewLinear(hiddenWidth, out, rng),
		)
	}
	same := nn.ConvOptions{Pad: 1}
	return nn.NewSequential(
		nn.NewConv2D(1, channels1, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(channels1, channels2, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(channels2*(h/4)*(w/4), out, rng),
	)
}

// architecture names the energy function in the collapse alarm's sentence.
func (c *Digits) architecture() string {
	form := map[string]string{
		"head":  "a head with one energy a label",
		"code":  "‖G(x) − c_y‖² with " + c.Codes + " codes",
		"joint": "a joint network E(x, y)",
	}[c.Energy]
	return form + " (" + c.Model + ")"
}

// Numbers of pictures.
const (
	evalBatch   = 250  // looked at together where nothing is trained; more is no faster, and takes more memory
	scaleSample = 1000 // that tell the energies' spread before training
	maxSide     = 512  // pixels of a picture's side
)

// digitsTask is the digits as train sees them.
type digitsTask struct {
	*classifier
	shownSets
	augment bool
	x       *tensor.Tensor // a batch's pictures
}

func newDigitsTask(c *Digits, sets shownSets) (*digitsTask, error) {
	model, err := newDigitsModel(c, sets.whole)
	return &digitsTask{classifier: model, shownSets: sets, augment: c.Augment, x: tensor.New(tensor.Float32)}, err
}

func (t *digitsTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.x.Resize(len(b.Samples), 1, t.set.H, t.set.W)
	if t.augment {
		t.set.Jittered(t.x.Float32s(), b.Samples, b.Rand)
	} else {
		t.set.Batch(t.x.Float32s(), b.Samples)
	}
	t.aim(t.set, b.Samples)
	return t.record(t.labeler.Energies(tape.Const(t.x)))
}

func (t *digitsTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.evaluateImages(ctx, &t.labelledSets)
	return m.Evaluation, err
}

// evaluateImages looks at the pictures that are evaluated on, of which the first are watched.
func (m *classifier) evaluateImages(ctx context.Context, sets *labelledSets) (measurement, error) {
	seen, err := m.measureImages(ctx, sets.evaluated(m.scaled))
	if err == nil {
		first := numbers(0, min(sets.held.N, scaleSample))
		seen.watch(first, first, nil)
	}
	return seen, err
}

// checkLabelled refuses pictures that no energy of labels can be made for.
func checkLabelled(set *data.Images) error {
	if k := set.Classes(); k < 2 {
		return fmt.Errorf("the %d training pictures all have the label 0; there must be two labels at least", set.N)
	}
	return nil
}

// newDigitsModel returns the untrained model for pictures and labels like those of set.
func newDigitsModel(c *Digits, set *data.Images) (*classifier, error) {
	if err := checkLabelled(set); err != nil {
		return nil, err
	}
	if err := c.checkCost(set.Classes()); err != nil {
		return nil, err
	}
	f, err := c.make()
	if err != nil {
		return nil, err
	}
	labeler, err := c.newLabeler(f, set.H, set.W, set.Classes())
	if err != nil {
		return nil, err
	}
	return newClassifier(labeler, &c.LabelLoss, c.architecture())
}

// aim makes the labels of some samples of a set those that record takes.
func (m *classifier) aim(set *data.Images, samples []int) {
	m.target = m.target[:0]
	for _, i := range samples {
		m.target = append(m.target, int(set.Labels[i]))
	}
}

// measureImages looks at all pictures of a set.
func (m *classifier) measureImages(ctx context.Context, set *data.Images) (measurement, error) {
	all, err := m.energiesOf(ctx, pixelsOf(set), set.H, set.W)
	if err != nil {
		return measurement{}, err
	}
	target := make([]int, set.N)
	for i, y := range set.Labels {
		target[i] = int(y)
	}
	return m.measure(all, target)
}

// energiesOf returns the energies of all labels to pictures [n, h·w] in [0, 1]: [n, K].
func (m *classifier) energiesOf(ctx context.Context, y []float32, h, w int) (all []float32, err error) {
	err = inBatches(ctx, len(y)/(h*w), func(lo, hi int) error {
		all = append(all, m.predictor.Energies(shaped(y[lo*h*w:hi*h*w], hi-lo, 1, h, w)).Float32s()...)
		return nil
	})
	return all, err
}

// inBatches calls do for n pictures, as many at a time as are looked at together, until ctx ends.
func inBatches(ctx context.Context, n int, do func(lo, hi int) error) error {
	for lo := 0; lo < n; lo += evalBatch {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := do(lo, min(lo+evalBatch, n)); err != nil {
			return err
		}
	}
	return nil
}
