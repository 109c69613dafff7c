package jobs

import (
	"cmp"
	"context"
	"fmt"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
)

// Files of a run's folder besides those of packages job and train.
const (
	ModelFile = "model.safetensors" // the weights to use
	TestFile  = report.TestFile     // the energies of the test set
)

// digitsJob trains energies of labels.
var digitsJob = job.Job{
	Name: "digits", Folder: "digits-FUNCTIONAL-MODEL", Short: "Train an energy E(W, y, x) over the ten digits",
	Long: `Trains an energy-based model E(W, y, x) of handwritten digits x and labels y with the loss
functional that you name, and tells what the loss did to the energies.

The data is MNIST, which is fetched once through the Go module proxy or from the web, or any
MNIST-like set of four IDX files (--data). The run's folder then holds config.yaml (training
with it gives the same weights), events.jsonl, checkpoint.safetensors, model.safetensors (the
weights of the best epoch on held-out samples), test.safetensors (all energies of the test
set), watched.safetensors (those of some held-out samples after each epoch), result.json, and report.html with its pictures under plots/.`,
	Examples: []string{
		"", "--model mlp --functional hinge --margin 2 --seed 7", "--epochs 20 --augment --ema 0.999", "--loss cross_entropy --label-smoothing 0.1",
		"--run runs/mine          # stopped by Ctrl-C? then:", "--run runs/mine --resume", "--config runs/mine/config.yaml --run runs/again",
	},
	New: func() job.Spec {
		return &Digits{
			Model: "cnn", Energy: "head", Codes: "fixed", LabelLoss: defaultLabelLoss(), Training: job.DefaultTraining(),
		}
	},
}

// Digits is the settings of the job digits.
type Digits struct {
	Labelled
	Model  string // linear, mlp, cnn
	Energy string // head, code, joint
	Codes  string // fixed, learned; of energy code
	LabelLoss
	Augment bool
	job.Training
}

// The names that settings may have.
var (
	Models    = []string{"linear", "mlp", "cnn"}
	Energies  = []string{"head", "code", "joint"}
	CodeKinds = []string{"fixed", "learned"}
)

func (c *Digits) Options() option.List {
	list := option.List{
		c.Labelled.option(),
		option.New(&c.Model, "model", "network", option.OneOf(Models...)),
		option.New(&c.Energy, "energy", "energy function: head (one output a label), code (‖G(x) − c_y‖²), joint (y is fed in)", option.OneOf(Energies...)),
		option.New(&c.Codes, "codes", "codes of --energy code", option.OneOf(CodeKinds...), option.When(func() bool { return c.Energy == "code" },
			func() string { return fmt.Sprintf("the energy is %s; the energy code has codes", c.Energy) })),
	}
	list = append(list, c.LabelLoss.options()...)
	list = append(list,
		option.New(&c.Augment, "augment", "shift, turn and scale the training pictures a little at random"),
	)
	return append(list, c.Training.Options()...)
}

// modelDefaults is what zero epochs and batch stand for: three quarters of a minute on
// two cores for the cnn, ten seconds for the mlp, one for the linear model.
var modelDefaults = map[string]struct{ epochs, batch int }{
	"linear": {10, 64},
	"mlp":    {12, 128},
	"cnn":    {8, 64},
}

func (c *Digits) Resolve() error {
	if _, err := c.make(); err != nil {
		return err
	}
	d := modelDefaults[c.Model]
	c.Settle(d.epochs, d.batch)
	return nil
}

func (c *Digits) Folder() string {
	return "digits-" + cmp.Or(c.Loss, c.Functional) + "-" + c.Model
}

// Show implements job.Shower.
func (c *Digits) Show(ctx context.Context, _ job.Env) (*job.Shown, error) {
	return c.shown(ctx, &c.Training)
}

func (c *Digits) Open(ctx context.Context, env job.Env) (job.Model, error) {
	sets, err := c.shownSets(ctx, env, &c.Training)
	if err != nil {
		return nil, err
	}
	return newDigitsTask(c, sets)
}

func (t *digitsTask) Measure(ctx context.Context) (*job.Measures, error) {
	m, err := t.measureImages(ctx, t.test)
	if err != nil {
		return nil, err
	}
	return &job.Measures{Evaluation: m.Evaluation, Write: func(_ context.Context, dir string) error { return m.write(dir, nil) }}, nil
}
