package studio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
)

var animals = []string{"cat", "dog", "emu"}

// animalEnergies are those of n samples after an epoch: the later, the lower the correct answer's; the first of each ten stays wrong.
func animalEnergies(n, epoch int) (energies []float32, labels []int) {
	for i := range n {
		y := i % len(animals)
		labels = append(labels, y)
		for a := range animals {
			e := math.Sin(float64(3*i+a)) / 2
			switch {
			case a == y && i%10 != 0:
				e -= float64(epoch)
			case a == (y+1)%len(animals) && i%10 == 0:
				e -= 0.5 * float64(epoch+2)
			}
			energies = append(energies, float32(e))
		}
	}
	return energies, labels
}

// writeWatched writes what a run keeps of 60 samples after some epochs.
func writeWatched(t testing.TB, dir string, epochs int) {
	t.Helper()
	var r watch.Record
	for epoch := range epochs + 1 {
		energies, labels := animalEnergies(60, epoch)
		l := watch.Look{Set: watch.Set{Answers: len(animals), Labels: labels, Names: animals}, Energies: energies}
		for i := range labels {
			l.Samples = append(l.Samples, 100+i)
		}
		if err := r.Take(epoch, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := watch.Write(dir, &r); err != nil {
		t.Fatal(err)
	}
}

// writeTest writes the energies of a test set of 90 samples.
func writeTest(t testing.TB, dir string) {
	t.Helper()
	energies, labels := animalEnergies(90, 4)
	e := tensor.New(tensor.Float32, len(labels), len(animals))
	copy(e.Float32s(), energies)
	if err := report.WriteEnergies(filepath.Join(dir, report.TestFile), e, labels, animals); err != nil {
		t.Fatal(err)
	}
}

// zoo writes runs with energies: one that is whole, an old one with those of its test set alone, one that was interrupted, and one whose files are
// damaged. Another has sheets and pictures alone.
func zoo(t testing.TB, folder string) {
	t.Helper()
	for _, x := range []fixture{{"whole", 0.1, "hinge", 4, 10, "finished", true}, {"old", 0.1, "nll", 4, 10, "finished", true}, {"stopped", 0.1, "nll", 2, 10, "interrupted", false}, {"sweep/damaged", 0.1, "nll", 1, 10, "finished", true}, {"pictures", 0.1, "nll", 1, 10, "finished", true}} {
		x.write(t, folder)
	}
	writeWatched(t, filepath.Join(folder, "whole"), 4)
	writeTest(t, filepath.Join(folder, "whole"))
	writeTest(t, filepath.Join(folder, "old"))
	writeWatched(t, filepath.Join(folder, "stopped"), 2)
	write(t, filepath.Join(folder, "sweep/damaged", watch.File), "no tensors")
	write(t, filepath.Join(folder, "sweep/damaged", report.TestFile), "no tensors")
	write(t, filepath.Join(folder, "whole", "notes.json"), `["3 pictures are left out"]`)
	write(t, filepath.Join(folder, "whole", report.PageFile), "<!DOCTYPE html><p>the page</p>")
	dir := filepath.Join(folder, "pictures")
	if err := report.WriteSheets(dir, []report.Sheet{{Name: "drawn", Title: "Drawn", Note: "from noise", Pixels: make([]float32, 3*4*4), H: 4, W: 4, Columns: 3}}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "plots", "map.svg"), `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0L4 4" stroke="black"/></svg>`)
	write(t, filepath.Join(dir, "plots", "map.png"), "the same")
	write(t, filepath.Join(dir, "result.json"), `{"run":"pictures","epochs":1,"steps":10,"train_seconds":3.5,"test_error":0.25,"chance":"NaN","collapsed":true,"why":"The energies are flat.","verdict":"The energies are flat.","kept":0.9,"energy":{"terms":{"energies":"energies","samples":"pictures","correct":"c","offending":"o","unit":"","error":{"key":"mse","name":"Error","unit":"","note":"of pixels"},"kept":{"key":"kept","name":"Kept","unit":"share"},"all_answers":false}},"figures":[{"key":"foreign","name":"Foreign","unit":"share","value":0.5}],
"tables":[{"key":"quality","name":"pictures","columns":[{"key":"n","name":"Number","unit":"count"},{"key":"nearest","name":"Nearest","unit":"share","note":"of training pictures"}],"rows":[{"name":"drawn","values":[10,0.5]},{"name":"real","values":[20,"NaN"]}]}]}`)
}

// zooPictures shows samples of the zoo: a grey square each.
func zooPictures(_ context.Context, dir string) (*job.Shown, error) {
	if filepath.Base(dir) == "old" {
		return nil, errors.New("the folder of the pictures is gone")
	}
	if filepath.Base(dir) == "stopped" { // rows of a table
		text := func(i int) string { return fmt.Sprintf("size: %d\n", i) }
		return &job.Shown{HeldText: text, TestText: text, Bytes: 10}, nil
	}
	square := func(from, to int) report.Images {
		return func(i int) image.Image {
			if i < from || i >= to {
				return nil
			}
			img := image.NewGray(image.Rect(0, 0, 8, 8))
			for x := range 4 {
				img.SetGray(x+i%4, 3, color.Gray{Y: uint8(200)})
			}
			return img
		}
	}
	return &job.Shown{Held: square(100, 160), Test: square(0, 90), Bytes: 1000}, nil
}
