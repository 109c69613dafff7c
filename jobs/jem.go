package jobs

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// jemJob trains classifiers that are densities of their pictures, too.
//
// Source: [grathwohl2020].
var jemJob = job.Job{
	Name: "jem", Folder: "jem", Short: "Train a classifier that is a density of its pictures, too",
	Long: `Trains a convolutional E(k, y) as a classifier, by cross-entropy over the labels k, and as a density of
the pictures y, by contrastive divergence with the labels summed out: E(y) = −log Σₖ exp(−E(k, y)). Such a
model tells foreign pictures by their energy. --density 0 trains the classifier alone, to
compare with.

Measured are the test error, the calibration of the probabilities, and how well test pictures are told from
foreign ones (areas under the curve): Fashion-MNIST's where it is installed, or those of --foreign; noise; test
pictures with their pixels shuffled. The run's folder is as that of train digits, with sheets of what the
model draws.`,
	Examples: []string{"", "--density 0", "--foreign fashion --epochs 10"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Epochs, t.Batch, t.LR, t.Clip, t.EMA, t.Validation = 4, 64, 1e-3, 1, 0.999, 1000
		c := defaultChains()
		c.StepSize, c.SlopeClip, c.Noise = 0.5, 0.2, 0.005 // the labels make the energies steeper
		return &JEM{Density: 1, Chains: c, Training: t}
	},
}

// JEM is the settings of the job jem.
type JEM struct {
	Labelled
	Foreign string  // folder of a set whose test pictures are to be told from the data's; "" is Fashion-MNIST if it is installed
	Density float64 // weight of the contrast; 0 trains a classifier alone
	Chains
	job.Training
}

func (c *JEM) Options() option.List {
	alone := func() string {
		if c.Density != 0 {
			return ""
		}
		return "density is 0: the classifier is trained alone, without chains"
	}
	list := append(option.List{
		c.Labelled.option(),
		option.New(&c.Foreign, "foreign", "folder of an MNIST-like set whose test pictures are to be told from the data's (default Fashion-MNIST, if it is installed)", option.Arg("folder"), option.Path),
		option.New(&c.Density, "density", "weight of the density's contrast beside the cross-entropy", option.Below(math.Inf(1))),
	}, c.Chains.options(alone)...)
	return append(list, c.Training.Options()...)
}

func (c *JEM) Folder() string { return "jem" }

// Temperature is as that of LabelLoss: the cross-entropy is that of exp(−E).
func (c *JEM) Temperature() (beta float64, why string) { return 1, "" }

// Show implements job.Shower.
func (c *JEM) Show(ctx context.Context, _ job.Env) (*job.Shown, error) {
	return c.shown(ctx, &c.Training)
}

func (c *JEM) Open(ctx context.Context, env job.Env) (job.Model, error) {
	sets, err := c.shownSets(ctx, env, &c.Training)
	if err != nil {
		return nil, err
	}
	foreign, err := c.foreign(ctx, env, sets.set)
	if err != nil {
		return nil, err
	}
	if err := checkLabelled(sets.whole); err != nil {
		return nil, err
	}
	const architecture = "a convolutional E(k, y)"
	h, w, k := sets.set.H, sets.set.W, sets.whole.Classes()
	labeler, nll := energy.NewHead(c.network(h, w, k, train.Rand(c.Seed, "init", 0)), k), functional.NLL{Beta: 1}
	net := energy.Module(labeler)
	surface := newPictureSurface(net, energy.Marginal{Labeler: labeler, D: h * w}, h, w, architecture)
	d, err := newDensity(c.Chains, &c.Training, surface, sets.set, "The plane through three training pictures, labels summed out")
	return &jemTask{
		shownSets: sets, c: c, foreign: foreign, density: d,
		classifier: &classifier{
			weights: weights{net}, labeler: labeler, functional: nll, predictor: energy.NewPredictor(labeler, tensor.Float32),
			diagnosed: diagnosed{subject: train.Subject{Functional: nll, Architecture: architecture, Terms: train.AnswerTerms("samples", 0)}},
		},
	}, err
}

// foreign returns the test pictures of a folder, of Fashion-MNIST if none is named, and nil where that is not installed or of
// another size than the data.
func (c *JEM) foreign(ctx context.Context, env job.Env, like *data.Images) (*data.Images, error) {
	dir, read := c.Foreign, c.read
	if dir == "" {
		var ok bool
		if dir, ok = data.InstalledFashion(); !ok {
			return nil, nil
		}
		read = data.LoadDigits
	}
	_, set, err := read(ctx, dir, env.Progress)
	switch {
	case err != nil:
		return nil, err
	case set.N > 0 && set.H == like.H && set.W == like.W:
		return set, nil
	case c.Foreign == "":
		return nil, nil
	}
	return nil, fmt.Errorf("foreign is %s, which has %d test pictures of %d×%d pixels; there must be some of %d×%d, as the data's", dir, set.N, set.H, set.W, like.H, like.W)
}

// Measure implements job.Model: labels, probabilities, and how well foreign pictures are told from the test pictures.
func (t *jemTask) Measure(ctx context.Context) (*job.Measures, error) {
	own, err := t.measureImages(ctx, t.test)
	if err != nil {
		return nil, err
	}
	calibration, err := measure.Calibrate(own.Energies.Float32s(), t.labeler.Labels(), t.test.Labels)
	if err != nil {
		return nil, err
	}
	table, err := t.detection(ctx)
	if err != nil {
		return nil, err
	}
	figures := []measure.Figure{
		share("ece", "Calibration error", "expected: confidence less accuracy", float64(calibration.ECE)),
		measure.Quantity{Key: "nll", Name: "Negative log-likelihood", Unit: measure.Nat, Note: "of the labels"}.Of(float64(calibration.NLL)),
	}
	if t.foreign == nil {
		none := measure.Quantity{Key: "foreign", Name: "Foreign pictures", Note: "there is no Fashion-MNIST of the data's size here, and --foreign names no other pictures"}
		figures = append(figures, none.Of(math.NaN()))
	}
	return &job.Measures{
		Evaluation: own.Evaluation, Figures: figures, Tables: []measure.Table{table, bins(calibration)},
		Write: func(ctx context.Context, dir string) error { return t.write(ctx, dir, own) },
	}, nil
}

// bins is the table of a calibration.
func bins(c measure.Calibration) measure.Table {
	t := measure.Table{Key: "calibration", Name: "Confidence", Columns: []measure.Quantity{
		{Key: "samples", Name: "Samples", Unit: measure.Count}, {Key: "confidence", Name: "Confidence", Unit: measure.Share, Note: "mean"}, {Key: "accuracy", Name: "Accuracy", Unit: measure.Share},
	}}
	for i, b := range c.Bins {
		if b.Samples > 0 {
			n := float64(len(c.Bins))
			t.Add(measure.Share.Text(float64(i)/n)+" to "+measure.Share.Text(float64(i+1)/n), float64(b.Samples), float64(b.Confidence), float64(b.Accuracy))
		}
	}
	return t
}

// detection says how well test pictures are told from foreign pictures, as areas under the curve of
// detections over false alarms: by the energy −log Σₖ exp(−E(k, y)), high for foreign ones, and by the classifier's greatest
// probability, low for foreign ones.
func (t *jemTask) detection(ctx context.Context) (measure.Table, error) {
	table := measure.Table{Key: "foreign", Name: "told from", Columns: []measure.Quantity{
		{Key: "n", Name: "Pictures", Unit: measure.Count}, {Key: "auroc_energy", Name: "AUROC by energy", Unit: measure.Share}, {Key: "auroc_confidence", Name: "By confidence", Unit: measure.Share},
	}}
	y := pixelsOf(t.test)
	noise, shuffled := make([]float32, len(y)), slices.Clone(y)
	sampler.Uniform[float32]{D: t.test.Size(), Low: 0, High: 1}.Draw(train.Rand(t.c.Seed, "foreign", 0), noise)
	shufflePixels(shuffled, t.density.shuffled)
	others := []judgedPictures{{"uniform noise", noise}, {"shuffled pixels", shuffled}}
	if t.foreign != nil {
		others = append([]judgedPictures{{"foreign pictures", pixelsOf(t.foreign)}}, others...)
	}
	energies, doubts, err := t.scores(ctx, y)
	if err != nil {
		return table, err
	}
	for _, other := range others {
		e, d, err := t.scores(ctx, other.pixels)
		if err != nil {
			return table, err
		}
		table.Add(other.name, float64(len(e)), measure.AUROC(energies, e), measure.AUROC(doubts, d))
	}
	return table, nil
}

// scores returns the energies of pictures, and what is lacking in the classifier's confidence.
func (t *jemTask) scores(ctx context.Context, y []float32) (energies, doubts []float64, err error) {
	p, err := t.probabilities(ctx, y, t.test.H, t.test.W)
	if err != nil {
		return nil, nil, err
	}
	k := t.labeler.Labels()
	for i := range len(p) / k {
		doubts = append(doubts, 1-float64(slices.Max(p[i*k:(i+1)*k])))
	}
	energies, err = t.density.energies(ctx, y)
	return energies, doubts, err
}

// write writes the energies of the test set, the film of training and, of a density, sheets of what it draws.
func (t *jemTask) write(ctx context.Context, dir string, own measurement) error {
	var sheets []report.Sheet
	if t.c.Density != 0 {
		drawn, err := t.drawn(ctx)
		if err != nil {
			return err
		}
		sheets = append(sheets, sheet(t.test, drawnALabel, "of-labels", "Pictures of each label, from noise", "Langevin dynamics down E(k, y) for each label k, a row each.", drawn))
	}
	if buffer := t.density.buffer; t.c.Density != 0 && buffer != nil {
		chains := buffer.Float32s()[:min(shownEach, t.c.Buffer)*t.test.Size()]
		sheets = append(sheets, sheet(t.test, drawnALabel, "chains", "The chains of training", "As the last step left them; some have started from noise just before.", chains))
	}
	if err := own.write(dir, nil); err != nil {
		return err
	}
	if err := surface.Write(dir, []surface.Film{t.density.film.Taken()}); err != nil {
		return err
	}
	return report.WriteSheets(dir, sheets)
}

const drawnALabel = 20

// drawn returns pictures that chains draw for each label in turn, drawnALabel of them.
func (t *jemTask) drawn(ctx context.Context) (all []float32, err error) {
	for k := range t.labeler.Labels() {
		of := energy.OneLabel{Labeler: t.labeler, Label: k, D: t.set.Size()}
		p := newPictureSurface(t.net, of, t.set.H, t.set.W, "")
		y, err := p.fromNoise(ctx, t.c.Chains, drawnALabel, freshSteps, t.c.Seed+uint64(k))
		if err != nil {
			return nil, err
		}
		all = append(all, y...)
	}
	return all, nil
}

// jemTask is JEM as train sees it: a classifier of pictures, by cross-entropy over the labels, and the density that it is,
// too, by the contrast of the energies with the labels summed out.
type jemTask struct {
	*classifier
	shownSets
	c       *JEM
	foreign *data.Images // nil for none
	density *density
}

func (t *jemTask) State() []tensor.Named { return t.density.State() }

// ShowFilm implements job.Filmed.
func (t *jemTask) ShowFilm(dir string) error { return t.density.ShowFilm(dir) }

func (t *jemTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	y := t.density.noisy(t.set, b)
	t.aim(t.set, b.Samples)
	v, err := t.record(t.labeler.Energies(tape.Const(y)))
	if err != nil || t.c.Density == 0 {
		return v, err
	}
	contrast, err := t.density.contrast(tape, y, b)
	if err != nil {
		return nil, err
	}
	return autodiff.Add(v, autodiff.Scale(contrast, t.c.Density)), nil
}

// Evaluate implements train.Task. The film gets a frame.
func (t *jemTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	m, err := t.evaluateImages(ctx, &t.labelledSets)
	if err != nil || m.Fault() != "" { // the run does not continue from a fault, which gets no frame
		return m.Evaluation, err
	}
	draws, err := t.density.draws(ctx, planePairs, t.c.K)
	if err != nil {
		return m.Evaluation, err
	}
	return m.Evaluation, t.density.film.look(ctx, t.density.pictureSurface, pixelsOf(t.held.Subset(0, min(planePairs, t.held.N))), draws)
}
