package recipe

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/surface"
	"github.com/energo-ml/energo/train"
)

// GenerateResult is what a run came to, as result.json and the last line of --json have it.
type GenerateResult struct {
	Run          string  `json:"run"`
	TestError    float64 `json:"test_error"` // squared maximum mean discrepancy of the chains from test pictures
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	// Energy: that of the test pictures, and of the same with their pixels shuffled.
	Energy       EnergyResult `json:"energy"`
	ChainsEnergy float64      `json:"chains_energy"` // mean; close to the test pictures' where training went well
	MarginKept   float64      `json:"margin_kept"`
	Collapsed    bool         `json:"collapsed"`
	Why          string       `json:"why,omitempty"`
	Reason       string       `json:"reason"`
	BestEpoch    int          `json:"best_epoch"`
	Recipe       string       `json:"recipe"`
	Seed         uint64       `json:"seed"`

	Quality    []Quality  `json:"quality"`    // of test pictures, chains, pictures from noise
	Inpainting Inpainting `json:"inpainting"` // of test pictures
	JudgeError float64    `json:"judge_error"`

	Pictures GeneratedPictures `json:"-"`
}

// Inpainting says how well the covered lower halves of test pictures were filled in: how
// often the classifier sees the right label.
type Inpainting struct {
	N       int     `json:"n"`
	Whole   float64 `json:"whole"`   // in the pictures themselves
	Covered float64 `json:"covered"` // with the half black
	Filled  float64 `json:"filled"`
	RMS     float64 `json:"rms"` // root mean squared difference from the true half, a pixel
}

// GeneratedPictures is what can be looked at, [n, H·W] each.
type GeneratedPictures struct {
	FromNoise, Neighbours, Chains   []float32 // the neighbours are those of FromNoise
	Whole, Covered, Filled, Filled2 []float32 // two fillings of one picture
}

// Numbers of pictures that are measured and shown.
const (
	judged    = 500
	shownEach = 100
	inpainted = 200
)

// Generate trains a density of pictures into a run folder and measures what it draws.
// Interruption and divergence are as Digits has them.
func Generate(ctx context.Context, c GenerateConfig, o Options) (*GenerateResult, error) {
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
	task, err := newGenerateTask(c, o.Train)
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
	r := &GenerateResult{
		Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Collapsed: out.Why != "", Why: out.Why, Recipe: c.Recipe, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.net); err != nil {
		return nil, err
	}
	if err := task.measure(r, o.Train, o.Test); err != nil {
		return nil, err
	}
	if err := surface.Write(o.Dir, []surface.Film{task.film.film("The plane through three training pictures")}); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, wholefile.Write(filepath.Join(o.Dir, ResultFile), append(text, '\n'))
}

// EvalGenerate measures a finished run again, on a test set. It writes nothing.
func EvalGenerate(dir string, trainSet, testSet *data.Images) (*GenerateResult, error) {
	c, err := ReadGenerateConfig(filepath.Join(dir, ConfigFile), DefaultGenerate())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &GenerateResult{}
	if err := readFinished(dir, r); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	task, err := newGenerateTask(c, trainSet)
	if err != nil {
		return nil, err
	}
	if err := nn.Load(filepath.Join(dir, ModelFile), task.net); err != nil {
		return nil, err
	}
	if err := train.LoadState(dir, task); err != nil {
		return nil, err
	}
	r.Run, r.ChainsEnergy = dir, 0
	return r, task.measure(r, trainSet, testSet)
}

// measure looks at what the trained density draws.
func (t *generateTask) measure(r *GenerateResult, trainSet, testSet *data.Images) error {
	d := t.diagnose(testSet)
	r.Energy = energyOf(d)
	r.MarginKept = d.MarginKept
	if d.Collapsed {
		r.Collapsed, r.Why = true, d.Why
	}
	j, err := newJudge(trainSet, t.c.Seed)
	if err != nil {
		return err
	}
	rng := train.Rand(t.c.Seed, "measure", 0)
	real, _ := some(testSet, judged, rng)
	chains, fresh := t.draws(judged), t.fromNoise(t.c.Chains, judged, freshSteps, t.c.Seed)
	r.TestError = pictureDiscrepancy(chains, real, testSet.Size())
	for _, e := range t.energies(chains) {
		r.ChainsEnergy += e * float64(testSet.Size()) / float64(len(chains))
	}
	m, err := j.task.measure(testSet)
	if err != nil {
		return err
	}
	r.JudgeError = m.Error
	far := j.nearest(real)
	slices.Sort(far)
	j.close = far[len(far)/100]
	r.Quality = []Quality{j.quality("test pictures", real), j.quality("chains", chains), j.quality("from noise", fresh)}
	n := testSet.Size()
	p := &r.Pictures
	p.Chains, p.FromNoise = chains[:min(shownEach*n, len(chains))], fresh[:min(shownEach*n, len(fresh))]
	_, index := j.neighbours(p.FromNoise)
	p.Neighbours = make([]float32, len(p.FromNoise))
	trainSet.Batch(p.Neighbours, index)
	return t.inpaint(r, j, testSet)
}

// inpaint covers the lower half of test pictures and lets chains fill it in, twice.
func (t *generateTask) inpaint(r *GenerateResult, j *judge, testSet *data.Images) error {
	p, d := &r.Pictures, testSet.Size()
	var labels []byte
	p.Whole, labels = some(testSet, inpainted, train.Rand(t.c.Seed, "inpaint", 0))
	from := testSet.H / 2 * testSet.W
	free := make([]int, d-from)
	for i := range free {
		free[i] = from + i
	}
	p.Covered = slices.Clone(p.Whole)
	for i := range labels {
		clear(p.Covered[i*d+from : (i+1)*d])
	}
	for k, filled := range []*[]float32{&p.Filled, &p.Filled2} {
		target, err := sampler.NewConditional[float32](t.slopes, p.Whole, free)
		if err != nil {
			return err
		}
		rng := train.Rand(t.c.Seed, "fill", uint64(k))
		y := make([]float32, len(labels)*len(free))
		sampler.Uniform[float32]{D: len(free), Low: 0, High: 1}.Draw(rng, y)
		run := sampler.Chains[float32]{Sampler: t.c.langevin(), Steps: freshSteps}
		run.Draw(rng, target, y, y)
		*filled = slices.Clone(target.Whole(y))
	}
	var squares float64
	for i, v := range p.Filled {
		squares += float64(v-p.Whole[i]) * float64(v-p.Whole[i])
	}
	r.Inpainting = Inpainting{
		N: len(labels), Whole: j.accuracy(p.Whole, labels), Covered: j.accuracy(p.Covered, labels), Filled: j.accuracy(p.Filled, labels),
		RMS: math.Sqrt(squares / float64(len(labels)*len(free))),
	}
	for _, all := range []*[]float32{&p.Whole, &p.Covered, &p.Filled, &p.Filled2} {
		*all = (*all)[:min(shownEach*d, len(*all))]
	}
	return nil
}
