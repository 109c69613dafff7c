package surface

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// File holds the films of a run's folder, once they are whole.
const File = "surfaces.safetensors"

// The formats of the file. The second has what is pushed, too.
const (
	format1 = "energo surfaces 1"
	format2 = "energo surfaces 2"
)

// pushNames are the tensors that the first format lacks.
var (
	partNames = []string{"x", "y", "data", "step", "energy", "points", "correct", "other"}
	pushNames = []string{"down", "rivals", "up"}
	double    = []string{"x", "y", "data", "step", "points", "rivals"} // the rest is single precision
)

// Write writes films into a folder, whole, and removes the one that has grown there.
func Write(dir string, films []Film) error {
	list, err := json.Marshal(films)
	if err != nil {
		return err
	}
	out := &tensor.File{Metadata: map[string]string{"format": format2, "films": string(list)}}
	for i := range films {
		f := &films[i]
		if err := f.check(); err != nil {
			return fmt.Errorf("surface: film %s: %w", f.Name, err)
		}
		parts := f.parts()
		for _, name := range slices.Concat(partNames, pushNames) {
			out.Tensors = append(out.Tensors, tensor.Named{Name: f.Name + "/" + name, Tensor: parts[name]})
		}
	}
	if err := tensor.WriteFile(filepath.Join(dir, File), out); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(dir, GrowingFile)) // where it stays, it has the same frames
	return nil
}

// parts are a film's tensors by name.
func (f *Film) parts() map[string]*tensor.Tensor {
	n, first := len(f.Frames), &f.Frames[0]
	parts := map[string]*tensor.Tensor{
		"x": vector(f.X), "y": vector(f.Y), "data": pairs(f.Data),
		"step": tensor.New(tensor.Float64, n), "energy": tensor.New(tensor.Float32, n, len(f.X), len(f.Y)),
		"points":  tensor.New(tensor.Float64, n, len(first.Points), 2),
		"correct": tensor.New(tensor.Float32, n, len(first.Correct)), "other": tensor.New(tensor.Float32, n, len(first.Correct)),
		"down":   tensor.New(tensor.Float32, n, len(first.Down)),
		"rivals": tensor.New(tensor.Float64, n, len(first.Rivals), 2), "up": tensor.New(tensor.Float32, n, len(first.Rivals)),
	}
	for k, fr := range f.Frames {
		parts["step"].Float64s()[k] = float64(fr.Step)
		for name, part := range map[string][]float32{"energy": fr.Energy, "correct": fr.Correct, "other": fr.Other, "down": fr.Down, "up": fr.Up} {
			fill(parts[name].Float32s(), k, part)
		}
		fill(parts["points"].Float64s(), k, pairs(fr.Points).Float64s())
		fill(parts["rivals"].Float64s(), k, pairs(fr.Rivals).Float64s())
	}
	return parts
}

// fill writes the k-th of equal parts.
func fill[E any](dst []E, k int, part []E) { copy(dst[k*len(part):], part) }

func vector(x []float64) *tensor.Tensor {
	t := tensor.New(tensor.Float64, len(x))
	copy(t.Float64s(), x)
	return t
}

func pairs(x [][2]float64) *tensor.Tensor {
	t := tensor.New(tensor.Float64, len(x), 2)
	for i, p := range x {
		t.Float64s()[2*i], t.Float64s()[2*i+1] = p[0], p[1]
	}
	return t
}

// Read reads the films of a run's folder: the one that grows there while the run is trained, with the frames that it has, or else those of
// the whole file. The error is fs.ErrNotExist where it has none.
func Read(dir string) ([]Film, error) { return (&Follower{Dir: dir}).Films() }

// Has tells whether a run's folder has films, whole or growing.
func Has(dir string) bool {
	return slices.ContainsFunc([]string{File, GrowingFile}, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// readWhole reads the whole file.
func readWhole(path string) ([]Film, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	films, err := Decode(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return films, nil
}

// Decode reads films from the bytes of a File.
func Decode(file []byte) ([]Film, error) {
	in, err := tensor.Decode(file)
	if err != nil {
		return nil, err
	}
	return decode(in)
}

func decode(in *tensor.File) ([]Film, error) {
	names := partNames
	switch got := in.Metadata["format"]; got {
	case format1:
	case format2:
		names = slices.Concat(partNames, pushNames)
	default:
		return nil, fmt.Errorf("no file of surfaces of this version: format %q, want %q or %q", excerpt.Of(got), format1, format2)
	}
	var films []Film
	if err := json.Unmarshal([]byte(in.Metadata["films"]), &films); err != nil {
		return nil, fmt.Errorf("films: %w", err)
	}
	all := map[string]*tensor.Tensor{}
	for _, n := range in.Tensors {
		all[n.Name] = n.Tensor
	}
	if len(films)*len(names) != len(all) {
		return nil, fmt.Errorf("it lists %d films of %d tensors each, and has %d tensors", len(films), len(names), len(all))
	}
	for i := range films {
		if slices.ContainsFunc(films[:i], func(f Film) bool { return f.Name == films[i].Name }) {
			return nil, fmt.Errorf("film %q is there twice", excerpt.Of(films[i].Name))
		}
		if err := films[i].read(all, names); err != nil {
			return nil, fmt.Errorf("film %q: %w", excerpt.Of(films[i].Name), err)
		}
	}
	return films, nil
}

// ranks are those of a film's tensors.
var ranks = map[string]int{"x": 1, "y": 1, "data": 2, "step": 1, "energy": 3, "points": 3, "correct": 2, "other": 2, "down": 2, "rivals": 3, "up": 2}

// read fills in a film from its tensors of some names.
func (f *Film) read(all map[string]*tensor.Tensor, names []string) error {
	part := map[string]*tensor.Tensor{}
	for _, name := range names {
		t := all[f.Name+"/"+name]
		if t == nil {
			return fmt.Errorf("the tensor %q is missing", excerpt.Of(name))
		}
		if slices.Contains(double, name) != (t.DType() == tensor.Float64) {
			return fmt.Errorf("the tensor %q has type %v", excerpt.Of(name), t.DType())
		}
		if t.Rank() != ranks[name] {
			return errors.New("its tensors have other ranks than a film's")
		}
		part[name] = t
	}
	n, nx, ny := part["step"].Dim(0), part["x"].Dim(0), part["y"].Dim(0)
	if part["down"] == nil {
		part["down"], part["rivals"], part["up"] = tensor.New(tensor.Float32, n, 0), tensor.New(tensor.Float64, n, 0, 2), tensor.New(tensor.Float32, n, 0)
	}
	np, nc, nd, nr := part["points"].Dim(1), part["correct"].Dim(1), part["down"].Dim(1), part["rivals"].Dim(1)
	shapes := map[string][]int{
		"energy": {n, nx, ny}, "points": {n, np, 2}, "correct": {n, nc}, "other": {n, nc}, "data": {part["data"].Dim(0), 2},
		"down": {n, nd}, "rivals": {n, nr, 2}, "up": {n, nr},
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		want := shapes[name]
		if !slices.Equal(part[name].Shape(), want) {
			return fmt.Errorf("the tensor %q has shape %v; it must be %v", excerpt.Of(name), part[name].Shape(), want)
		}
	}
	f.X, f.Y, f.Data = part["x"].Float64s(), part["y"].Float64s(), Places(part["data"].Float64s())
	single := func(name string, k, size int) []float32 { return part[name].Float32s()[k*size : (k+1)*size] }
	places := func(name string, k, size int) [][2]float64 {
		return Places(part[name].Float64s()[2*k*size : 2*(k+1)*size])
	}
	for k, step := range part["step"].Float64s() {
		if !(step >= 0 && step <= stepMost) || step != math.Trunc(step) {
			return fmt.Errorf("step %d is %v", k, step)
		}
		f.Frames = append(f.Frames, Frame{
			Step: int(step), Energy: single("energy", k, nx*ny), Points: places("points", k, np), Correct: single("correct", k, nc), Other: single("other", k, nc),
			Down: single("down", k, nd), Rivals: places("rivals", k, nr), Up: single("up", k, nr),
		})
	}
	return f.check()
}

// stepMost is the greatest number of a step.
const stepMost = 1 << 53
