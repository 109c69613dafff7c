package recipe

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/surface"
	"github.com/energo-ml/energo/train"
)

// GenerateResult is what a run came to, as result.json and the last line of --json have it.
type GenerateResult struct {
	Run          string         `json:"run"`
	Epochs       int            `json:"epochs"`
	Steps        int            `json:"steps"`
	TrainSeconds float64        `json:"train_seconds"`
	Measured                    // the error is the squared maximum mean discrepancy of the chains from test pictures
	ChainsEnergy measure.Number `json:"chains_energy"` // mean; close to the test pictures' where training went well
	Reason       string         `json:"reason"`
	BestEpoch    int            `json:"best_epoch"`
	Recipe       string         `json:"recipe"`
	Seed         uint64         `json:"seed"`

	Quality    []Quality      `json:"quality"`    // of test pictures, chains, pictures from noise
	Inpainting Inpainting     `json:"inpainting"` // of test pictures
	JudgeError measure.Number `json:"judge_error"`

	Pictures GeneratedPictures `json:"-"`
}

// Inpainting says how well the covered lower halves of test pictures were filled in: how
// often the classifier sees the right label.
type Inpainting struct {
	N       int            `json:"n"`
	Whole   measure.Number `json:"whole"`   // in the pictures themselves
	Covered measure.Number `json:"covered"` // with the half black
	Filled  measure.Number `json:"filled"`
	RMS     measure.Number `json:"rms"` // root mean squared difference from the true half, a pixel
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
	if err := checkJudge(o.Train, c.Seed); err != nil {
		return nil, err
	}
	if o.Test.N < 2 {
		return nil, errors.New("there is one test image; what is drawn is compared with two at least")
	}
	task, err := newGenerateTask(ctx, c, o.Train)
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
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out), Recipe: c.Recipe, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.net); err != nil {
		return nil, err
	}
	if err := task.measure(ctx, r, o.Train, o.Test); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	if err := surface.Write(o.Dir, []surface.Film{task.film.film("The plane through three training pictures")}); err != nil {
		return nil, err
	}
	return r, writeResult(o.Dir, r)
}

// EvalGenerate measures a finished run again, on a test set; trainSet is the one that the run was trained on, and no other. It
// writes nothing.
func EvalGenerate(ctx context.Context, dir string, trainSet, testSet *data.Images) (*GenerateResult, error) {
	c, err := ReadGenerateConfig(filepath.Join(dir, ConfigFile), DefaultGenerate())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &GenerateResult{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	if err := checkOwn(dir, trainSet); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	task, err := newGenerateTask(ctx, c, trainSet)
	if err != nil {
		return nil, err
	}
	if err := nn.Load(filepath.Join(dir, ModelFile), task.net); err != nil {
		return nil, err
	}
	if err := train.LoadState(dir, task); err != nil {
		return nil, err
	}
	r.Run = dir
	return r, task.measure(ctx, r, trainSet, testSet)
}

// measure looks at what the trained density draws.
func (t *generateTask) measure(ctx context.Context, r *GenerateResult, trainSet, testSet *data.Images) error {
	real, _ := some(testSet, judged, train.Rand(t.c.Seed, "measure", 0))
	chains, err := t.draws(ctx, judged)
	if err != nil {
		return err
	}
	e, err := t.diagnose(ctx, testSet, discrepancyOf(chains, real, testSet.Size()), math.NaN())
	if err != nil {
		return err
	}
	r.Take(e)
	energies, err := t.energies(ctx, chains)
	if err != nil {
		return err
	}
	r.ChainsEnergy = measure.Number(measure.Mean(energies))
	fresh, err := t.fromNoise(ctx, t.c.Chains, judged, freshSteps, t.c.Seed)
	if err != nil {
		return err
	}
	n, p := testSet.Size(), &r.Pictures
	p.Chains, p.FromNoise = chains[:min(shownEach*n, len(chains))], fresh[:min(shownEach*n, len(fresh))]
	return t.judge(ctx, r, trainSet, testSet, []judgedPictures{{"test pictures", real}, {"chains", chains}, {"from noise", fresh}})
}

// judgedPictures are pictures with what they are, [n, H·W].
type judgedPictures struct {
	name   string
	pixels []float32
}

// judge has a classifier look at pictures, the first of which are real.
func (t *generateTask) judge(ctx context.Context, r *GenerateResult, trainSet, testSet *data.Images, all []judgedPictures) error {
	j, err := newJudge(ctx, trainSet, t.c.Seed)
	if err != nil {
		return err
	}
	m, err := j.task.measure(ctx, testSet)
	if err != nil {
		return err
	}
	r.JudgeError = m.Error.Value
	far, err := j.nearest(ctx, all[0].pixels)
	if err != nil {
		return err
	}
	sorted := measure.Sorted(far)
	j.close = sorted[len(sorted)/100]
	r.Quality = nil
	for _, pictures := range all {
		q, err := j.quality(ctx, pictures.name, pictures.pixels)
		if err != nil {
			return err
		}
		r.Quality = append(r.Quality, q)
	}
	p := &r.Pictures
	_, index, err := j.neighbours(ctx, p.FromNoise)
	if err != nil {
		return err
	}
	p.Neighbours = make([]float32, len(p.FromNoise))
	trainSet.Batch(p.Neighbours, index)
	return t.inpaint(ctx, r, j, testSet)
}

// inpaint covers the lower half of test pictures and lets chains fill it in, twice.
func (t *generateTask) inpaint(ctx context.Context, r *GenerateResult, j *judge, testSet *data.Images) error {
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
		if err := t.c.walk(ctx, rng, target, y, freshSteps); err != nil {
			return err
		}
		*filled = slices.Clone(target.Whole(y))
	}
	var squares float64
	for i, v := range p.Filled {
		squares += float64(v-p.Whole[i]) * float64(v-p.Whole[i])
	}
	r.Inpainting = Inpainting{N: len(labels), RMS: measure.Number(math.Sqrt(measure.Ratio(squares, float64(len(labels)*len(free)))))}
	for _, of := range []struct {
		share  *measure.Number
		pixels []float32
	}{{&r.Inpainting.Whole, p.Whole}, {&r.Inpainting.Covered, p.Covered}, {&r.Inpainting.Filled, p.Filled}} {
		right, err := j.accuracy(ctx, of.pixels, labels)
		if err != nil {
			return err
		}
		*of.share = measure.Number(right)
	}
	for _, all := range []*[]float32{&p.Whole, &p.Covered, &p.Filled, &p.Filled2} {
		*all = (*all)[:min(shownEach*d, len(*all))]
	}
	return nil
}
