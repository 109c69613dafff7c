package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
)

// A fakeSearch describes a made-up run folder of search or siamese: the number of classes, and of pictures of each.
type fakeSearch struct {
	classes, each, dim int
	near               float64 // distance of a class's pictures from its middle; those of classes are some 1 apart
	heldOut            bool
}

func newFakeSearch() fakeSearch { return fakeSearch{classes: 4, each: 12, dim: 5, near: 0.5} }

// vectors are clusters about random middles.
func (f fakeSearch) vectors() *Vectors {
	rng := train.Rand(1, "fake", 0)
	v := &Vectors{Dim: f.dim, Metric: distance.Euclidean}
	for k := range f.classes {
		v.Classes = append(v.Classes, fmt.Sprintf("<class %d>", k))
		middle := make([]float64, f.dim)
		for j := range middle {
			middle[j] = rng.NormFloat64() / 2
		}
		for i := range f.each {
			for _, m := range middle {
				v.Values = append(v.Values, float32(m+f.near*rng.NormFloat64()))
			}
			v.Labels = append(v.Labels, k)
			v.Paths = append(v.Paths, fmt.Sprintf("%d/%d & more.png", k, i))
		}
	}
	return v
}

// save writes the vectors' file.
func (v *Vectors) save(t testing.TB, dir string) {
	t.Helper()
	if err := v.Write(dir); err != nil {
		t.Fatal(err)
	}
}

func column(t testing.TB, name string, values []float64) tensor.Named {
	t.Helper()
	x, err := tensor.FromFloat64(values, len(values))
	if err != nil {
		t.Fatal(err)
	}
	return tensor.Named{Name: name, Tensor: x}
}

func saveTensors(t testing.TB, path string, meta map[string]string, tensors ...tensor.Named) {
	t.Helper()
	if err := tensor.WriteFile(path, &tensor.File{Metadata: meta, Tensors: tensors}); err != nil {
		t.Fatal(err)
	}
}

func jsonText(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// folder makes a run's folder with its settings and events.
func (f fakeSearch) folder(t testing.TB, recipe string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run-1")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	events := fake{epochs: 2, perEpoch: 6}
	writeFile(t, dir, ConfigFile, "recipe: "+recipe+"\nloss: triplet\nvalidation: 0\nseed: 1\n")
	writeFile(t, dir, train.LogFile, events.events())
	return dir
}

// search makes the folder of a run of search.
func (f fakeSearch) search(t testing.TB) string {
	t.Helper()
	dir, v := f.folder(t, "search"), f.vectors()
	v.save(t, dir)
	among, err := retrieval.Evaluate(t.Context(), v.Values, v.Dim, v.Labels, retrieval.Options{Mistakes: 24, Rand: train.Rand(1, "clusters", 0)})
	if err != nil {
		t.Fatal(err)
	}
	training := *among
	training.NMI = nil
	r := &Retrieval{Classes: v.Classes, Among: among, InTraining: &training}
	if f.heldOut {
		r.HeldOut, r.InTraining = v.Classes, nil
	}
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	f.result(t, dir, 1-among.Precision1)
	return dir
}

// result writes what the run came to.
func (f fakeSearch) result(t testing.TB, dir string, failure float64) {
	t.Helper()
	figure := measure.Quantity{Key: "one", Name: "A <figure>", Unit: measure.Share, Note: "of the job's own"}.Of(0.25)
	writeFile(t, dir, ResultFile, jsonText(t, map[string]any{
		"test_error": failure, "epochs": 2, "steps": 12, "train_seconds": 1, "collapsed": false, "figures": []measure.Figure{figure},
	}))
}

// pairs are all pairs of the vectors whose places differ by 1 or by a class.
func (v *Vectors) pairs(each int) *Pairs {
	p := &Pairs{}
	for i := range v.n() {
		for _, j := range []int{i + 1, i + each} {
			if j < v.n() {
				p.First, p.Second = append(p.First, i), append(p.Second, j)
				p.Same = append(p.Same, v.Labels[i] == v.Labels[j])
				p.Distances = append(p.Distances, distance.Between(v.measure(), v.row(i), v.row(j)))
			}
		}
	}
	return p
}

// save writes the pairs' file.
func (p *Pairs) save(t testing.TB, dir string) {
	t.Helper()
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
}

// siamese makes the folder of a run of siamese.
func (f fakeSearch) siamese(t testing.TB) string {
	t.Helper()
	dir, v := f.folder(t, "siamese"), f.vectors()
	v.save(t, dir)
	p := v.pairs(f.each)
	p.save(t, dir)
	verified, err := retrieval.Verify(p.Distances, p.Same)
	if err != nil {
		t.Fatal(err)
	}
	verified.TARAtFAR = append(verified.TARAtFAR, retrieval.TARAt{FAR: 0.01, TAR: 0.25})
	w := &Verification{Verification: verified, Chosen: verified.Threshold * 1.1}
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	f.result(t, dir, 1-verified.AccuracyAt(w.Chosen))
	return dir
}

// composed works out a page and its notes, without files.
func composed(t testing.TB, dir string, images Images) (*page, string) {
	t.Helper()
	p, err := compose(dir, images, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := render("report.tmpl", p)
	if err != nil {
		t.Fatal(err)
	}
	return p, string(text)
}
