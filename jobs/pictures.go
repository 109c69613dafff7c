package jobs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// picturesJob trains energies of the classes of pictures.
var picturesJob = job.Job{
	Name: "pictures", Folder: "pictures-FUNCTIONAL", Short: "Train a classifier of your own pictures, one folder a class",
	Long: `Trains an energy E(W, y, x) of the classes y of pictures x: --data is a folder with a subfolder of pictures (PNG, JPEG, GIF,
WebP, BMP, TIFF) for each class, a CSV file with rows path,label, or any MNIST-like set of four IDX files. Pictures of a folder or a list are cropped about
their middle and scaled to --size; a fifth of each class is kept for the test, or --test names another folder or list. A tenth of the rest
chooses the best epoch.

The network is a small residual one. With --encoder, it is a linear layer behind the vectors of a finished run of search or siamese, or behind a model of another
system, an ONNX file with a card: of a model that ends in a linear layer, as classifiers do, the new one takes that layer's place, unless --output or the card names the value to
take. --freeze holds parameters of it still, and steps are a tenth of the optimiser's.

The run's folder then holds classifier.json and model.safetensors (the network), test.safetensors (the energies of the test pictures), watched.safetensors (those of some held-out pictures after each epoch), result.json,
config.yaml, events.jsonl and checkpoint.safetensors, and report.html with its pictures under plots/. energo predict answers other pictures.`,
	Examples: []string{"--data photos", "--data photos --size 96 --augment --flip --epochs 40", "--data photos --encoder resnet18.onnx --freeze 'layer[1-3]'", "--data photos --encoder runs/search-sup_con-1", "--data photos --functional hinge --margin 2", "--run runs/mine --resume"},
	New: func() job.Spec {
		return &Pictures{PictureSettings: defaultPictures(20, 32), LabelLoss: defaultLabelLoss()}
	},
}

// Pictures is the settings of the job pictures.
type Pictures struct {
	PictureSettings
	LabelLoss
}

func (c *Pictures) Options() option.List {
	list := c.PictureSettings.options(func() bool { return true }, func() bool { return c.Augment }, func() string {
		if c.Test != "" {
			return "a test set is named"
		}
		return ""
	})
	list.Find("output").Help = "value of the encoder's graph that the new linear layer takes: an output, or the result of a node (default what the card says, or what the encoder's own last linear layer takes, or the first output)"
	return append(append(list, c.LabelLoss.options()...), c.training()...)
}

func (c *Pictures) Resolve() error {
	if err := c.settle(); err != nil {
		return err
	}
	_, err := c.make()
	return err
}

func (c *Pictures) Folder() string { return "pictures-" + cmp.Or(c.Loss, c.Functional) }

func (c *Pictures) Open(ctx context.Context, env job.Env) (job.Model, error) {
	base, all, d, err := c.divided(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := eachTrained(d); err != nil {
		return nil, err
	}
	if env.Data != "" {
		if d.test, err = c.loadOther(ctx, env, all); err == nil {
			err = reclass(d.test, all.Classes)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := cmp.Or(sameSize(d.train, d.test), c.checkCost(len(all.Classes))); err != nil {
		return nil, err
	}
	return newPicturesTask(c, base, d)
}

// divided reads all pictures, and divides them; base is what the network begins with, or nil.
func (c *Pictures) divided(ctx context.Context, env job.Env) (base *encode.Base, all *data.Pictures, d *split, err error) {
	base, err = c.base(env, true)
	if err == nil && base == nil && env.Run != "" && c.Encoder != "" {
		c.begun, err = begunIn(env.Run)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	all, test, err := c.load(ctx, base, env)
	if err != nil {
		return nil, nil, nil, err
	}
	env.Note(leftOut(all, test))
	d, err = c.part(all, test, nil, func(held []int, _ int) bool { return len(held) > 0 })
	return base, all, d, err
}

// Show implements job.Shower.
func (c *Pictures) Show(ctx context.Context, env job.Env) (*job.Shown, error) {
	if err := here(c.Data == "" && c.Sets == nil); err != nil {
		return nil, err
	}
	_, all, d, err := c.divided(ctx, env)
	if err != nil {
		return nil, err
	}
	return shownOf(picturesSum(d.train), d.held.Pixels, d.test.Pixels, all.C, all.H, all.W)
}

// begunIn is the network that a run's begins with; its weights are in the run's checkpoint.
func begunIn(dir string) (*encode.Network, error) {
	path := filepath.Join(dir, job.BegunFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s encode.Spec
	if err := card.Decode(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	n, err := encode.NewNetwork(s, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// eachTrained refuses classes without pictures to train on, and a test without pictures.
func eachTrained(d *split) error {
	count := make([]int, len(d.train.Classes))
	for _, y := range d.train.Labels {
		count[y]++
	}
	for y, n := range count {
		if n == 0 {
			return fmt.Errorf("the class %q has no picture to train on, of %d training pictures of %d classes", excerpt.Of(d.train.Classes[y]), d.train.N, len(count))
		}
	}
	if d.test.N == 0 {
		return fmt.Errorf("there are no test pictures, and %d to train on; with a larger test_share there are some", d.train.N)
	}
	return nil
}

// reclass makes the labels of a set places in other classes, by their names.
func reclass(set *data.Pictures, classes []string) error {
	place := make([]int, len(set.Classes))
	for y, name := range set.Classes {
		if place[y] = slices.Index(classes, name); place[y] < 0 {
			return fmt.Errorf("the class %q is not one of those that the run was trained on: %s", excerpt.Of(name), list(classes))
		}
	}
	for i, y := range set.Labels {
		set.Labels[i] = place[y]
	}
	set.Classes = classes
	return nil
}

// Predict implements job.Predictor.
func (c *Pictures) Predict(ctx context.Context, dir string, paths []string, out io.Writer) error {
	m, err := classify.Open(dir)
	if err != nil {
		return err
	}
	return m.Write(ctx, out, paths)
}

// picturesTask is pictures as train sees them.
type picturesTask struct {
	*classifier
	trainedOn
	model           *classify.Model
	c               *Pictures
	set, held, test *data.Pictures
	x, looked       *tensor.Tensor // pictures of a batch, and of those that are measured together
}

func newPicturesTask(c *Pictures, base *encode.Base, d *split) (*picturesTask, error) {
	f, err := c.make()
	if err != nil {
		return nil, err
	}
	t := &picturesTask{c: c, trainedOn: trainedOn{picturesSum(d.train)}, set: d.train, held: d.held, test: d.test, x: tensor.New(tensor.Float32), looked: tensor.New(tensor.Float32)}
	s := classify.Spec{
		Channels: d.train.C, Height: d.train.H, Width: d.train.W, Classes: d.train.Classes,
		NonNegative: f.Statistic().NonNegative, DarkBackground: d.train.DarkBackground(),
	}
	architecture := "one energy a class (a residual network)"
	switch {
	case c.begun != nil:
		architecture = "one energy a class (a run's network)"
		if err = c.begun.Fits(d.train); err == nil {
			t.model, err = classify.Over(c.begun, s, c.Seed)
		}
		if err == nil {
			err = c.freeze(t.model.Params())
		}
	case base == nil:
		t.model, err = classify.New(s, c.Seed)
	default:
		architecture = "one energy a class (an encoder's)"
		var o encode.BaseOptions
		if o, err = c.beginning(base, s.Channels, s.Height, s.Width); err == nil {
			t.model, err = classify.Begin(base, s, o)
		}
	}
	if err != nil {
		return nil, err
	}
	t.classifier, err = newClassifier(t.model, &c.LabelLoss, architecture)
	return t, err
}

func (t *picturesTask) Samples() int          { return t.set.N }
func (t *picturesTask) Save(dir string) error { return t.model.Save(dir) }
func (t *picturesTask) Load(dir string) error { return t.model.Load(dir) }

// Keep implements job.Keeper.
func (t *picturesTask) Keep(dir string) error {
	if t.model.Encoder != nil {
		return card.Write(filepath.Join(dir, job.BegunFile), t.model.Encoder)
	}
	return t.model.Keep(dir)
}

func (t *picturesTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.c.batch(t.x, t.set, b.Samples, b.Rand)
	t.target = t.target[:0]
	for _, i := range b.Samples {
		t.target = append(t.target, t.set.Labels[i])
	}
	return t.record(t.labeler.Energies(tape.Const(t.x)))
}

// Evaluate implements train.Task.
func (t *picturesTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	set := t.held
	drawn := rand.New(rand.NewPCG(1, 1)).Perm(set.N)[:min(set.N, scaleSample)]
	rows := drawn
	if !t.scaled && set.N > scaleSample {
		set, rows = set.Pick(drawn), numbers(0, scaleSample)
	}
	m, err := t.look(ctx, set)
	if err == nil {
		m.watch(rows, drawn, t.set.Classes)
	}
	return m.Evaluation, err
}

// look measures all pictures of a set.
func (t *picturesTask) look(ctx context.Context, set *data.Pictures) (measurement, error) {
	var all []float32
	for part := range slices.Chunk(numbers(0, set.N), t.model.Together()) {
		if err := ctx.Err(); err != nil {
			return measurement{}, err
		}
		t.looked.Resize(len(part), set.C, set.H, set.W)
		set.Batch(t.looked.Float32s(), part)
		all = append(all, t.predictor.Energies(t.looked).Float32s()...)
	}
	return t.measure(all, set.Labels)
}

// Measure implements job.Model.
func (t *picturesTask) Measure(ctx context.Context) (*job.Measures, error) {
	m, err := t.look(ctx, t.test)
	if err != nil {
		return nil, err
	}
	return &job.Measures{
		Evaluation: m.Evaluation, Figures: m.among(len(t.set.Classes)),
		Write: func(_ context.Context, dir string) error { return m.write(dir, t.set.Classes) },
	}, nil
}

// Where there are more classes than manyClasses, the share of the pictures is a figure that have their class among the first few.
const (
	manyClasses = 10
	firstFew    = 5
)

// among returns the figures of many classes.
func (m measurement) among(k int) []measure.Figure {
	if k <= manyClasses {
		return nil
	}
	n := 0
	for i, y := range m.target {
		row, before := m.Energies.Float32s()[i*k:][:k], 0
		for other, e := range row {
			if !(e > row[y] || e == row[y] && other >= y) { // an energy that is not a number is before all
				before++
			}
		}
		if before < firstFew {
			n++
		}
	}
	return []measure.Figure{share("top_5", "Top 5", "of the test pictures have their class among the five of the least energies", measure.Ratio(float64(n), float64(len(m.target))))}
}

// Pictures implements job.Pictured.
func (t *picturesTask) Pictures() (report.Images, error) {
	return report.PlaneImages(t.test.Pixels, t.test.C, t.test.H, t.test.W)
}
