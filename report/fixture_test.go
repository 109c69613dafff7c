package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/train"
)

// A fake is a run folder made up: what a training run on labelled images would leave.
type fake struct {
	n, k, epochs, perEpoch int
	functional             string
	unfinished             bool
	failure                measure.Quantity // what the job calls its error
	scale                  float64          // of the errors; 0 is 1
	words                  train.Terms
	edit                   func(energies []float64, labels []int) // changes the test set's energies
}

func newFake() fake {
	return fake{n: 300, k: 10, epochs: 8, perEpoch: 120, functional: "hinge", failure: train.WrongSamples, words: train.AnswerTerms("samples", 1)}
}

// write makes the folder and returns it.
func (f fake) write(t testing.TB) string {
	t.Helper()
	f.words.Error = f.failure
	dir := filepath.Join(t.TempDir(), "run-1")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	save := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	save(ConfigFile, "recipe: digits\nfunctional: "+f.functional+"\nmargin: 1\nmodel: cnn\nenergy: head\nseed: 7\noptimizer: adam\nlr: 0.001\nhold_out: [a, b]\n")
	save(train.LogFile, f.events())
	energies, labels := f.energies()
	if f.edit != nil {
		f.edit(energies, labels)
	}
	saveEnergies(t, dir, energies, f.k, labels)
	if !f.unfinished {
		s, err := NewSurface(energies, f.k, labels)
		if err != nil {
			t.Fatal(err)
		}
		save(ResultFile, fmt.Sprintf(`{"run":"run-1","test_error":%v,"epochs":%d,"steps":%d,"train_seconds":61.25,"energy":{"terms":%s,"correct_mean":-8,"offending_mean":2,"gap_p05":0.5,"gap_p50":9},"kept":0.98,"chance":"NaN","collapsed":false,"verdict":"the numbers say so"}`,
			f.size(s.Error()), f.epochs, f.epochs*f.perEpoch, jsonText(t, f.words)))
	}
	return dir
}

func saveEnergies(t testing.TB, dir string, energies []float64, k int, labels []int) {
	t.Helper()
	e, l := make([]float32, len(energies)), make([]float32, len(labels))
	for i, v := range energies {
		e[i] = float32(v)
	}
	for i, v := range labels {
		l[i] = float32(v)
	}
	et, err := tensor.FromFloat32(e, len(labels), k)
	if err != nil {
		t.Fatal(err)
	}
	lt, err := tensor.FromFloat32(l, len(labels))
	if err != nil {
		t.Fatal(err)
	}
	file := &tensor.File{Tensors: []tensor.Named{{Name: "energies", Tensor: et}, {Name: "labels", Tensor: lt}}}
	if err := tensor.WriteFile(filepath.Join(dir, TestFile), file); err != nil {
		t.Fatal(err)
	}
}

// energies are those of a model that is mostly right and sometimes not.
func (f fake) energies() ([]float64, []int) {
	rng := rand.New(rand.NewPCG(1, 2))
	energies, labels := make([]float64, f.n*f.k), make([]int, f.n)
	for i := range labels {
		labels[i] = rng.IntN(f.k)
		sure := 1 + 4*rng.ExpFloat64()
		for y := range f.k {
			energies[i*f.k+y] = 1.5 + rng.NormFloat64()
		}
		energies[i*f.k+labels[i]] -= sure
	}
	return energies, labels
}

// events are the lines of events.jsonl.
func (f fake) events() string {
	f.words.Error = f.failure
	rng := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	steps, second := f.epochs*f.perEpoch, 0
	emit := func(kind string, e train.Event) {
		data, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		second++
		fmt.Fprintf(&b, `{"type":%q,"time":"2026-01-02T03:%02d:%02dZ",%s`+"\n", kind, second/60%60, second%60, data[1:])
	}
	emit("start", train.Start{Run: "run-1", Recipe: "digits", Params: 52096, Samples: 60000, Epochs: max(f.epochs, 1), Steps: max(steps, f.perEpoch)})
	for e := 1; e <= f.epochs; e++ {
		for s := 1; s <= f.perEpoch; s++ {
			step := (e-1)*f.perEpoch + s
			at := float64(step) / float64(steps)
			loss := (0.04 + 1.6*math.Exp(-14*at)) * math.Exp(0.35*rng.NormFloat64())
			emit("step", train.Step{Epoch: e, Step: step, Loss: loss, LR: 5e-4 * (1 + math.Cos(math.Pi*at)), GradNorm: 3 * loss * math.Exp(0.3*rng.NormFloat64())})
		}
		at := float64(e) / float64(max(f.epochs, 1))
		gap := 10 * (1 - math.Exp(-3*at))
		emit("epoch", train.Epoch{
			Epoch: e, Step: e * f.perEpoch, Loss: measure.Number(0.04 + 1.6*math.Exp(-14*(at-0.5/float64(f.epochs)))), Error: measure.Number(f.size(0.009 + 0.06*math.Exp(-6*at))), LR: 5e-4 * (1 + math.Cos(math.Pi*at)), Seconds: 7.5 * float64(e), Best: true,
			Diagnosis: train.Diagnosis{
				Correct: around(-0.7*gap, 2), Offending: around(0.3*gap, 1.4), Gap: around(gap, 2.5), Kept: 0.98, Terms: f.words, Samples: 500, Spread: 3, Scale: 1,
			},
		})
	}
	if !f.unfinished {
		emit("done", train.Done{Epochs: f.epochs, Steps: steps, TrainSeconds: 61.25, Reason: "finished"})
	}
	return b.String()
}

func (f fake) size(failure float64) float64 { return failure * cmp.Or(f.scale, 1) }

func around(middle, radius float64) train.Quantiles {
	mid, r := measure.Number(middle), measure.Number(radius)
	return train.Quantiles{Mean: mid, P05: mid - 1.6*r, P25: mid - 0.7*r, P50: mid, P75: mid + 0.7*r, P95: mid + 1.5*r}
}

// blobs are pictures for the samples.
func blobs(h, w int) Images {
	return func(i int) image.Image {
		rng := rand.New(rand.NewPCG(5, uint64(i)))
		img := image.NewGray(image.Rect(0, 0, w, h))
		cx, cy, r := float64(w)*(0.3+0.4*rng.Float64()), float64(h)*(0.3+0.4*rng.Float64()), float64(min(h, w))*(0.1+0.2*rng.Float64())
		for y := range h {
			for x := range w {
				d := math.Hypot(float64(x)-cx, float64(y)-cy) - r
				img.Pix[y*img.Stride+x] = uint8(255 * math.Exp(-d*d/6))
			}
		}
		return img
	}
}
