package tensorboard

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// File is the name of all event files: a run that is written again replaces what was written of it.
const File = "events.out.tfevents.0.energo"

// A Named run has the name that TensorBoard shows it by, a path below the folder that is written.
type Named struct {
	Run  *report.Run
	Name string
}

// Write writes the event files of runs into a folder, a subfolder each, and one for the hparams view. It returns how many events those of the runs
// hold.
//
// Tags: train/loss, train/lr, train/grad_norm by step; of each epoch, at its last step, epoch/loss, validation/ERROR, energy/…, gap/…, kept/…, collapsed;
// of a finished run test/ERROR, test/gap_p50 and its other figures; histograms of the energies and gaps of the test set, where the run keeps
// those, and of the weights; the pictures of its page.
//
// Errors: a file that cannot be written, or one of a run that is damaged.
func Write(dir string, runs []Named) (events int, err error) {
	var all []*report.Run
	var metrics []string
	for _, r := range runs {
		w := &runWriter{r: r.Run}
		text, err := w.write(r.Name)
		if err != nil {
			return events, err
		}
		if err := save(filepath.Join(dir, filepath.FromSlash(r.Name)), text); err != nil {
			return events, err
		}
		events += w.events
		all = append(all, r.Run)
		for _, tag := range w.metrics {
			if !slices.Contains(metrics, tag) {
				metrics = append(metrics, tag)
			}
		}
	}
	var b bytes.Buffer
	t := NewWriter(&b)
	t.experiment(all, metrics)
	return events, cmp.Or(t.Err(), save(dir, b.Bytes()))
}

func save(dir string, text []byte) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, File), text)
}

// runWriter writes one run.
type runWriter struct {
	*Writer
	r       *report.Run
	events  int
	metrics []string // tags for the hparams view
}

func (w *runWriter) write(name string) ([]byte, error) {
	var b bytes.Buffer
	w.Writer = NewWriter(&b)
	w.session(w.r, name)
	w.steps()
	w.epochs()
	w.result()
	for _, part := range []func() error{w.energies, w.weights, w.pictures} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Err()
}

func (w *runWriter) steps() {
	for i, e := range w.r.Steps {
		at := w.r.StepTimes[i]
		w.Scalar(at, e.Step, "train/loss", e.Loss)
		w.Scalar(at, e.Step, "train/lr", e.LR)
		w.Scalar(at, e.Step, "train/grad_norm", e.GradNorm)
	}
	w.events += 3 * len(w.r.Steps)
}

func (w *runWriter) epochs() {
	for i := range w.r.Epochs {
		e, at := &w.r.Epochs[i], w.r.EpochTimes[i]
		put := func(tag string, v float64) {
			w.Scalar(at, e.Step, tag, v)
			w.events++
		}
		put("epoch/loss", float64(e.Loss))
		put("validation/"+key(e.Terms.Error.Key, "error"), float64(e.Error))
		for _, q := range []struct {
			tag string
			of  train.Quantiles
		}{{"energy/correct", e.Correct}, {"energy/offending", e.Offending}, {"gap/gap", e.Gap}} {
			put(q.tag+"_mean", float64(q.of.Mean))
			put(q.tag+"_p05", float64(q.of.P05))
			put(q.tag+"_p50", float64(q.of.P50))
			put(q.tag+"_p95", float64(q.of.P95))
		}
		put("kept/"+key(e.Terms.Kept.Key, "kept"), float64(e.Kept))
		put("energy/spread", float64(e.Spread))
		put("collapsed", map[bool]float64{true: 1}[e.Collapsed])
	}
	if n := len(w.r.Epochs); n > 0 {
		w.metrics = append(w.metrics, "validation/"+key(w.r.Epochs[n-1].Terms.Error.Key, "error"), "gap/gap_p50")
	}
}

// result writes what was measured on the test set.
func (w *runWriter) result() {
	res := w.r.Result
	if res == nil {
		return
	}
	seen := map[string]bool{}
	put := func(tag string, v float64) {
		if seen[tag] { // the error of some jobs is a figure, too
			return
		}
		seen[tag] = true
		w.Scalar(w.r.Last, res.Steps, "test/"+tag, v)
		w.events++
	}
	name := key(res.Energy.Terms.Error.Key, "error")
	w.metrics = append(w.metrics, "test/"+name)
	put(name, float64(res.TestError))
	put("gap_p50", float64(res.Energy.GapP50))
	put(key(res.Energy.Terms.Kept.Key, "kept"), float64(res.Kept))
	for _, f := range res.Figures {
		put(key(f.Key, "figure"), float64(f.Value))
	}
}

// key is a part of a tag.
func key(name, other string) string {
	return cmp.Or(strings.NewReplacer(" ", "_", "/", "_").Replace(name), other)
}

// energies writes how those of the test set are spread, where the run keeps them.
func (w *runWriter) energies() error {
	s, err := w.r.Surface()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	w.spread("test/energy_correct", s.Correct)
	w.spread("test/energy_offending", s.Offending)
	w.spread("test/gap", s.Gap)
	return nil
}

// spread writes a histogram behind the last step.
func (w *runWriter) spread(tag string, all []float64) {
	w.Histogram(w.r.Last, w.last(), tag, all)
	w.events++
}

// last is the run's last step.
func (w *runWriter) last() int {
	switch n := len(w.r.Epochs); {
	case w.r.Result != nil:
		return w.r.Result.Steps
	case n > 0:
		return w.r.Epochs[n-1].Step
	}
	return 0
}

// modelFile is where jobs keep the weights of a network of their own.
const modelFile = "model.safetensors"

// weights writes how those that were kept are spread.
func (w *runWriter) weights() error {
	f, err := tensor.ReadFile(filepath.Join(w.r.Dir, modelFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	for _, n := range f.Tensors {
		w.spread("weights/"+n.Name, n.Tensor.Convert(tensor.Float64).Float64s())
	}
	return nil
}

// pictures writes those of the run's page.
func (w *runWriter) pictures() error {
	folder := filepath.Join(w.r.Dir, report.PlotsFolder)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".png")
		if !ok || e.IsDir() {
			continue
		}
		path := filepath.Join(folder, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		c, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		w.Picture(w.r.Last, w.last(), "plots/"+name, c.Width, c.Height, data)
		w.events++
	}
	return nil
}
