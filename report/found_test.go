package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/search/distance"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// A fakeSearch is a run folder made up: what search or siamese would leave of so many classes of each so many pictures.
type fakeSearch struct {
	classes, each, dim int
	near               float64 // distance of a class's pictures from its middle; those of classes are some 1 apart
	heldOut            bool
}

func newFakeSearch() fakeSearch { return fakeSearch{classes: 4, each: 12, dim: 5, near: 0.5} }

// vectors are clusters about random middles.
func (f fakeSearch) vectors() *vectors {
	rng := train.Rand(1, "fake", 0)
	v := &vectors{n: f.classes * f.each, dim: f.dim, distance: distance.Measure{Kind: distance.Euclidean}}
	for k := range f.classes {
		v.classes = append(v.classes, fmt.Sprintf("<class %d>", k))
		middle := make([]float64, f.dim)
		for j := range middle {
			middle[j] = rng.NormFloat64() / 2
		}
		for i := range f.each {
			for _, m := range middle {
				v.values = append(v.values, float32(m+f.near*rng.NormFloat64()))
			}
			v.labels = append(v.labels, k)
			v.paths = append(v.paths, fmt.Sprintf("%d/%d & more.png", k, i))
		}
	}
	return v
}

// save writes the vectors' file.
func (v *vectors) save(t testing.TB, dir string) {
	t.Helper()
	x, err := tensor.FromFloat32(v.values, v.n, v.dim)
	if err != nil {
		t.Fatal(err)
	}
	labels := make([]float64, v.n)
	for i, y := range v.labels {
		labels[i] = float64(y)
	}
	meta := map[string]string{"metric": string(v.distance.Kind), "classes": jsonText(t, v.classes), "paths": jsonText(t, v.paths)}
	saveTensors(t, filepath.Join(dir, vectorsFile), meta, tensor.Named{Name: "vectors", Tensor: x}, column(t, "labels", labels))
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
	writeFile(t, dir, configFile, "recipe: "+recipe+"\nloss: triplet\nvalidation: 0\nseed: 1\n")
	writeFile(t, dir, eventsFile, events.events())
	return dir
}

// search makes the folder of a run of search.
func (f fakeSearch) search(t testing.TB) string {
	t.Helper()
	dir, v := f.folder(t, "search"), f.vectors()
	v.save(t, dir)
	among, err := retrieval.Evaluate(t.Context(), v.values, v.dim, v.labels, retrieval.Options{Mistakes: 24, Rand: train.Rand(1, "clusters", 0)})
	if err != nil {
		t.Fatal(err)
	}
	training := *among
	training.NMI = nil
	r := map[string]any{"test_error": 1 - among.Precision1, "epochs": 2, "steps": 12, "train_seconds": 1, "collapsed": false, "classes": v.classes, "among_test": among, "in_training": training}
	if f.heldOut {
		r["held_out"] = v.classes
		delete(r, "in_training")
	}
	writeFile(t, dir, resultFile, jsonText(t, r))
	return dir
}

// pairs are all pairs of the vectors whose places differ by 1 or by a class.
func (v *vectors) pairs(each int) *pairing {
	p := &pairing{}
	for i := range v.n {
		for _, j := range []int{i + 1, i + each} {
			if j < v.n {
				p.first, p.second = append(p.first, i), append(p.second, j)
				p.same = append(p.same, v.labels[i] == v.labels[j])
				p.distances = append(p.distances, distance.Between(v.distance, v.row(i), v.row(j)))
			}
		}
	}
	return p
}

// save writes the pairs' file.
func (p *pairing) save(t testing.TB, dir string) {
	t.Helper()
	numbers := func(places []int) (out []float64) {
		for _, i := range places {
			out = append(out, float64(i))
		}
		return out
	}
	same := make([]float64, len(p.same))
	for i, s := range p.same {
		if s {
			same[i] = 1
		}
	}
	saveTensors(t, filepath.Join(dir, pairsFile), nil, column(t, "first", numbers(p.first)), column(t, "second", numbers(p.second)),
		column(t, "same", same), column(t, "distances", p.distances))
}

// siamese makes the folder of a run of siamese.
func (f fakeSearch) siamese(t testing.TB) string {
	t.Helper()
	dir, v := f.folder(t, "siamese"), f.vectors()
	v.save(t, dir)
	p := v.pairs(f.each)
	p.save(t, dir)
	told, err := retrieval.Verify(p.distances, p.same)
	if err != nil {
		t.Fatal(err)
	}
	threshold := told.Threshold * 1.1 // chosen on other pairs
	accuracy := told.AccuracyAt(threshold)
	writeFile(t, dir, verificationFile, jsonText(t, told))
	writeFile(t, dir, resultFile, jsonText(t, map[string]any{
		"test_error": 1 - accuracy, "epochs": 2, "steps": 12, "train_seconds": 1, "collapsed": false, "accuracy": accuracy, "threshold": threshold, "best": told.Accuracy, "auc": told.AUC, "eer": told.EER,
		"tar_at_far": append(told.TARAtFAR, retrieval.TARAt{FAR: 0.01, TAR: 0.25}), "same": told.Same, "different": told.Different, "held": 90,
	}))
	return dir
}

// composed works out a page and its notes, without files.
func composed(t testing.TB, dir string, images Images) (*page, string) {
	t.Helper()
	p, err := compose(dir, images)
	if err != nil {
		t.Fatal(err)
	}
	text, err := render("report.tmpl", p)
	if err != nil {
		t.Fatal(err)
	}
	return p, string(text)
}
