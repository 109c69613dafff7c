package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
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
	*digitsModel
	shownSets
	augment bool
	x       *tensor.Tensor // a batch's pictures
}

func newDigitsTask(c *Digits, sets shownSets) (*digitsTask, error) {
	model, err := newDigitsModel(c, sets.whole)
	return &digitsTask{digitsModel: model, shownSets: sets, augment: c.Augment, x: tensor.New(tensor.Float32)}, err
}

func (t *digitsTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.x.Resize(len(b.Samples), 1, t.set.H, t.set.W)
	if t.augment {
		t.set.Jittered(t.x.Float32s(), b.Samples, b.Rand)
	} else {
		t.set.Batch(t.x.Float32s(), b.Samples)
	}
	return t.record(t.labeler.Energies(tape.Const(t.x)), t.set, b.Samples)
}

func (t *digitsTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.measure(ctx, t.evaluated(t.scaled))
	return m.Evaluation, err
}

// digitsModel is an energy function over the labels, what trains it, and how it is measured.
type digitsModel struct {
	weights
	labeler    energy.Labeler
	functional functional.Functional
	diagnosed
	predictor *energy.Predictor

	loss   energy.LabelLoss
	scores *energy.ScoreLoss // in the functional's place; nil for none
	target []int
}

// record records the mean loss of the energies of the labels of some samples of a set.
func (m *digitsModel) record(energies *autodiff.Var, set *data.Images, samples []int) (*autodiff.Var, error) {
	m.target = m.target[:0]
	for _, i := range samples {
		m.target = append(m.target, int(set.Labels[i]))
	}
	if m.scores != nil {
		return m.scores.Record(energies, m.target)
	}
	losses, err := m.loss.Record(energies, m.target, m.functional)
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(losses), nil
}

// checkLabelled refuses pictures that no energy of labels can be made for.
func checkLabelled(set *data.Images) error {
	if k := set.Classes(); k < 2 {
		return fmt.Errorf("the %d training pictures all have the label 0; there must be two labels at least", set.N)
	}
	return nil
}

// newDigitsModel returns the untrained model for pictures and labels like those of set.
func newDigitsModel(c *Digits, set *data.Images) (*digitsModel, error) {
	if err := checkLabelled(set); err != nil {
		return nil, err
	}
	if k := set.Classes(); c.Cost != nil && len(c.Cost) != k {
		return nil, fmt.Errorf("cost has %d rows; the data has %d labels", len(c.Cost), k)
	}
	f, err := c.make()
	if err != nil {
		return nil, err
	}
	labeler, err := c.newLabeler(f, set.H, set.W, set.Classes())
	if err != nil {
		return nil, err
	}
	m := &digitsModel{
		weights: weights{energy.Module(labeler)}, labeler: labeler, functional: f, predictor: energy.NewPredictor(labeler, tensor.Float32),
		diagnosed: diagnosed{subject: train.Subject{Functional: f, Loss: c.Loss, Architecture: c.architecture()}},
	}
	if c.Loss != "" {
		m.scores, err = energy.NewScoreLoss(c.Loss, c.LabelSmoothing)
	}
	if c.takes("margin", c.Loss) {
		m.subject.Margin = c.Margin
	}
	m.subject.Terms = train.AnswerTerms("samples", m.subject.Margin)
	return m, err
}

// measurement is what a set of pictures says of a model.
type measurement struct {
	train.Evaluation
	Energies *tensor.Tensor // [N, K]
}

// measure looks at all pictures of a set.
func (m *digitsModel) measure(ctx context.Context, set *data.Images) (measurement, error) {
	k := m.labeler.Labels()
	all, err := m.energiesOf(ctx, pixelsOf(set), set.H, set.W)
	if err != nil {
		return measurement{}, err
	}
	target := make([]int, set.N)
	for i, y := range set.Labels {
		target[i] = int(y)
	}
	stats := make([]functional.LabelStats, set.N)
	if err := functional.Stats(stats, all, k, target); err != nil {
		return measurement{}, err
	}
	wrong, counts := 0, make([]int, k)
	for i, s := range stats {
		counts[target[i]]++
		// The answer is the label of the least energy, the first of equals.
		if !(s.Gap() > 0 || s.Gap() == 0 && target[i] < s.Answer) {
			wrong++
		}
	}
	return measurement{
		Evaluation: train.Diagnose(stats, m.subject, train.WrongSamples.Of(measure.Ratio(float64(wrong), float64(set.N))), train.Guessed(counts)),
		Energies:   rowsOf(all, k),
	}, nil
}

// energiesOf returns the energies of all labels to pictures [n, h·w] in [0, 1]: [n, K].
func (m *digitsModel) energiesOf(ctx context.Context, y []float32, h, w int) (all []float32, err error) {
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
