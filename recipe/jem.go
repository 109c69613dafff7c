package recipe

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/surface"
	"github.com/energo-ml/energo/train"
)

// JEMResult is what a run came to, as result.json and the last line of --json have it.
type JEMResult struct {
	Result
	Density     float64     `json:"density"`
	Calibration Calibration `json:"calibration"`
	Foreign     []Foreign   `json:"foreign"`
	Skipped     string      `json:"skipped,omitempty"` // why there is no figure for foreign pictures

	Pictures JEMPictures `json:"-"`
}

// Foreign says how well test pictures are told from pictures that are none of the data's,
// as areas under the curve of detections over false alarms.
type Foreign struct {
	Name         string  `json:"name"`
	N            int     `json:"n"`
	ByEnergy     float64 `json:"auroc_energy"`     // −log Σₖ exp(−E(k, y)): high for foreign ones
	ByConfidence float64 `json:"auroc_confidence"` // the greatest probability: low for foreign ones
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
	simd.SetThreads(c.Threads)
	task, err := newJEMTask(c, o.Train)
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
		Reason: out.Reason, BestEpoch: out.Best, Collapsed: out.Why != "", Why: out.Why,
		Recipe: c.Recipe, Model: "cnn", Form: "head", Functional: "nll", Seed: c.Seed,
	}}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.pictures.net); err != nil {
		return nil, err
	}
	m, err := task.judge(r, o.Test, foreign)
	if err != nil {
		return nil, err
	}
	task.draw(r)
	if err := m.write(o.Dir, o.Test); err != nil {
		return nil, err
	}
	if err := surface.Write(o.Dir, []surface.Film{task.film.film("The plane through three training pictures, labels summed out")}); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, wholefile.Write(filepath.Join(o.Dir, ResultFile), append(text, '\n'))
}

// EvalJEM measures the model of a finished run on a test set. It writes nothing.
func EvalJEM(dir string, trainSet, testSet, foreign *data.Images) (*JEMResult, error) {
	c, err := ReadJEMConfig(filepath.Join(dir, ConfigFile), DefaultJEM())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &JEMResult{}
	if err := readFinished(dir, r); err != nil {
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
	_, err = model.judge(r, testSet, foreign)
	return r, err
}

// judge measures labels, probabilities, and foreign pictures.
func (m *jemModel) judge(r *JEMResult, test, foreign *data.Images) (*measurement, error) {
	own, err := m.measure(test)
	if err != nil {
		return nil, err
	}
	r.take(own)
	r.Calibration = calibration(own.Energies.Float32s(), test.Labels)
	r.Foreign, r.Skipped = nil, ""
	y := pixelsOf(test)
	if foreign == nil {
		r.Skipped = "there is no Fashion-MNIST of the data's size here, and --foreign names no other pictures"
	} else {
		r.Foreign = append(r.Foreign, m.against("foreign pictures", y, pixelsOf(foreign)))
	}
	noise := make([]float32, len(y))
	sampler.Uniform[float32]{D: test.Size(), Low: 0, High: 1}.Draw(train.Rand(r.Seed, "foreign", 0), noise)
	r.Foreign = append(r.Foreign, m.against("uniform noise", y, noise))
	shuffled := slices.Clone(y)
	shufflePixels(shuffled, m.pictures.shuffled)
	r.Foreign = append(r.Foreign, m.against("shuffled pixels", y, shuffled))
	return own, nil
}

// against holds own pictures against foreign ones.
func (m *jemModel) against(name string, own, foreign []float32) Foreign {
	ownE, ownC := m.scores(own)
	foreignE, foreignC := m.scores(foreign)
	return Foreign{name, len(foreignE), auroc(ownE, foreignE), auroc(ownC, foreignC)}
}

// scores returns the energies of pictures, and what is lacking in the classifier's confidence.
func (m *jemModel) scores(y []float32) (energies, doubts []float64) {
	p, k := m.probabilities(y, m.pictures.h, m.pictures.w), m.labeler.Labels()
	for i := range len(p) / k {
		doubts = append(doubts, 1-float64(slices.Max(p[i*k:(i+1)*k])))
	}
	return m.pictures.energies(y), doubts
}

// draw lets chains draw pictures of each label.
func (t *jemTask) draw(r *JEMResult) {
	if t.c.Density == 0 {
		return
	}
	n := t.set.Size()
	if t.buffer != nil {
		r.Pictures.Chains = t.buffer.Float32s()[:min(shownEach, t.c.Buffer)*n]
	}
	for k := range t.labeler.Labels() {
		of := energy.OneLabel{Labeler: t.labeler, Label: k, D: n}
		p := newPictureSurface(t.pictures.net, of, t.set.H, t.set.W, "")
		r.Pictures.OfLabels = append(r.Pictures.OfLabels, p.fromNoise(t.c.Chains, drawnALabel, freshSteps, t.c.Seed+uint64(k))...)
	}
}
