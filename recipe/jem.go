package recipe

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/surface"
	"github.com/energo-ml/energo/train"
)

// JEMResult is what a run came to, as result.json and the last line of --json have it.
type JEMResult struct {
	Result
	Density     float64             `json:"density"`
	Calibration measure.Calibration `json:"calibration"`
	Foreign     []Foreign           `json:"foreign"`
	Skipped     string              `json:"skipped,omitempty"` // why there is no figure for foreign pictures

	Pictures JEMPictures `json:"-"`
}

// Foreign says how well test pictures are told from pictures that are none of the data's,
// as areas under the curve of detections over false alarms.
type Foreign struct {
	Name         string         `json:"name"`
	N            int            `json:"n"`
	ByEnergy     measure.Number `json:"auroc_energy"`     // −log Σₖ exp(−E(k, y)): high for foreign ones
	ByConfidence measure.Number `json:"auroc_confidence"` // the greatest probability: low for foreign ones
}

// JEMPictures is what can be looked at, [n, H·W] each.
type JEMPictures struct {
	Chains   []float32
	OfLabels []float32 // drawn for each label in turn, drawnALabel of them
}

const drawnALabel = 20

// JEM trains a classifier that is a density, too, into a run folder and measures both.
// Interruption and divergence are as Digits has them. foreign is a test set of other
// pictures of the same size; nil for none.
func JEM(ctx context.Context, c JEMConfig, o Options, foreign *data.Images) (*JEMResult, error) {
	if err := o.checkImages(); err != nil {
		return nil, err
	}
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	release, err := o.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	if foreign != nil && (foreign.N < 1 || foreign.H != o.Train.H || foreign.W != o.Train.W) {
		return nil, fmt.Errorf("there are %d foreign pictures of %d×%d pixels; there must be some of %d×%d, as the data's", foreign.N, foreign.H, foreign.W, o.Train.H, o.Train.W)
	}
	simd.SetThreads(c.Threads)
	task, err := newJEMTask(ctx, c, o.Train)
	if err != nil {
		return nil, err
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, err
	}
	out, err := runTask(ctx, task, c, c.loop(c.Recipe, settings, task.Samples(), o), o)
	if out == nil {
		return nil, err
	}
	r := &JEMResult{Density: c.Density, Result: Result{
		Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
		Recipe: c.Recipe, Model: "cnn", Form: "head", Functional: "nll", Seed: c.Seed,
	}}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.pictures.net); err != nil {
		return nil, err
	}
	m, err := task.judge(ctx, r, o.Test, foreign)
	if err == nil {
		err = task.draw(ctx, r)
	}
	if stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if err := m.write(o.Dir, o.Test); err != nil {
		return nil, err
	}
	if err := surface.Write(o.Dir, []surface.Film{task.film.film("The plane through three training pictures, labels summed out")}); err != nil {
		return nil, err
	}
	return r, writeResult(o.Dir, r)
}

// EvalJEM measures the model of a finished run on a test set. It writes nothing.
func EvalJEM(ctx context.Context, dir string, trainSet, testSet, foreign *data.Images) (*JEMResult, error) {
	c, err := ReadJEMConfig(filepath.Join(dir, ConfigFile), DefaultJEM())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &JEMResult{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	model, err := newJEMModel(c, trainSet)
	if err != nil {
		return nil, err
	}
	if err := nn.Load(filepath.Join(dir, ModelFile), model.pictures.net); err != nil {
		return nil, err
	}
	model.subject.Scale = r.Energy.SpreadBefore
	r.Run = dir
	_, err = model.judge(ctx, r, testSet, foreign)
	return r, err
}

// judge measures labels, probabilities, and foreign pictures.
func (m *jemModel) judge(ctx context.Context, r *JEMResult, test, foreign *data.Images) (*measurement, error) {
	own, err := m.measure(ctx, test)
	if err != nil {
		return nil, err
	}
	r.Take(own.Evaluation)
	if r.Calibration, err = measure.Calibrate(own.Energies.Float32s(), m.labeler.Labels(), test.Labels); err != nil {
		return nil, err
	}
	r.Foreign, r.Skipped = nil, ""
	y := pixelsOf(test)
	noise, shuffled := make([]float32, len(y)), slices.Clone(y)
	sampler.Uniform[float32]{D: test.Size(), Low: 0, High: 1}.Draw(train.Rand(r.Seed, "foreign", 0), noise)
	shufflePixels(shuffled, m.pictures.shuffled)
	others := []foreignPictures{{"uniform noise", noise}, {"shuffled pixels", shuffled}}
	if foreign == nil {
		r.Skipped = "there is no Fashion-MNIST of the data's size here, and --foreign names no other pictures"
	} else {
		others = append([]foreignPictures{{"foreign pictures", pixelsOf(foreign)}}, others...)
	}
	energies, doubts, err := m.scores(ctx, y)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		e, d, err := m.scores(ctx, other.pixels)
		if err != nil {
			return nil, err
		}
		r.Foreign = append(r.Foreign, Foreign{other.name, len(e), measure.Number(measure.AUROC(energies, e)), measure.Number(measure.AUROC(doubts, d))})
	}
	return own, nil
}

// foreignPictures are pictures that are none of the data's, [n, H·W].
type foreignPictures struct {
	name   string
	pixels []float32
}

// scores returns the energies of pictures, and what is lacking in the classifier's confidence.
func (m *jemModel) scores(ctx context.Context, y []float32) (energies, doubts []float64, err error) {
	p, err := m.probabilities(ctx, y, m.pictures.h, m.pictures.w)
	if err != nil {
		return nil, nil, err
	}
	k := m.labeler.Labels()
	for i := range len(p) / k {
		doubts = append(doubts, 1-float64(slices.Max(p[i*k:(i+1)*k])))
	}
	energies, err = m.pictures.energies(ctx, y)
	return energies, doubts, err
}

// draw lets chains draw pictures of each label.
func (t *jemTask) draw(ctx context.Context, r *JEMResult) error {
	if t.c.Density == 0 {
		return nil
	}
	n := t.set.Size()
	if t.buffer != nil {
		r.Pictures.Chains = t.buffer.Float32s()[:min(shownEach, t.c.Buffer)*n]
	}
	for k := range t.labeler.Labels() {
		of := energy.OneLabel{Labeler: t.labeler, Label: k, D: n}
		p := newPictureSurface(t.pictures.net, of, t.set.H, t.set.W, "")
		y, err := p.fromNoise(ctx, t.c.Chains, drawnALabel, freshSteps, t.c.Seed+uint64(k))
		if err != nil {
			return err
		}
		r.Pictures.OfLabels = append(r.Pictures.OfLabels, y...)
	}
	return nil
}
