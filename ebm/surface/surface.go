// Package surface holds films of energy surfaces: an energy over a grid of two numbers,
// frame by frame while it was trained, with the data and with what was drawn or
// inferred. The films of a run are one safetensors file in its folder, which other
// programs read, too.
package surface

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// File holds the films of a run's folder.
const File = "surfaces.safetensors"

// Film is an energy surface while it was trained.
type Film struct {
	Name   string  `json:"name"` // of letters, digits, - and _
	Title  string  `json:"title"`
	XLabel string  `json:"x_label"`
	YLabel string  `json:"y_label"`
	OverY  bool    `json:"over_y"` // x is an input and y its answer; else the plane is of answers
	Margin float64 `json:"margin"` // m of the half-plane E⁺ + m < E⁻ where training should put pairs of answers

	X, Y   []float64    `json:"-"` // the axes: at least two of each, rising
	Data   [][2]float64 `json:"-"` // data, or right answers
	Frames []Frame      `json:"-"` // at least one, all with as many points and pairs
}

// Frame is the surface at a step of training.
type Frame struct {
	Step    int
	Energy  []float32    // [len(X), len(Y)]
	Points  [][2]float64 // draws, or inferred answers
	Correct []float32    // energies E⁺ of right answers, or of data
	Other   []float32    // … and of an incorrect answer to each, E⁻, or of draws
}

// Spread is the standard deviation of the energy over y, mean over x, or, where the plane is
// of answers, over the plane. It is NaN where an energy is NaN or infinite.
func (f *Film) Spread(frame int) float64 {
	e, row := f.Frames[frame].Energy, len(f.Y)
	if !f.OverY {
		row = len(e)
	}
	var total float64
	for lo := 0; lo < len(e); lo += row {
		var mean, squares float64
		for _, v := range e[lo : lo+row] {
			mean += float64(v) / float64(row)
		}
		for _, v := range e[lo : lo+row] {
			squares += (float64(v) - mean) * (float64(v) - mean)
		}
		total += math.Sqrt(squares/float64(row)) * float64(row) / float64(len(e))
	}
	return total
}

// Kept is the fraction of a frame's pairs with E⁺ + m < E⁻; NaN where it has none. A pair with NaN is not one.
// Data and draws of a density that fits are as often in this order as in the other: half is the best.
func (f *Film) Kept(frame int) float64 {
	fr := &f.Frames[frame]
	n := 0
	for i, e := range fr.Correct {
		if float64(e)+f.Margin < float64(fr.Other[i]) {
			n++
		}
	}
	return float64(n) / float64(len(fr.Correct))
}

// flatPart is the part of its first spread below which a surface counts as flat.
const flatPart = 0.25

// Alarm says that the surface has gone flat since the first frame, or has energies that are not finite, or "".
func (f *Film) Alarm() string {
	first, last := f.Spread(0), f.Spread(len(f.Frames)-1)
	over := "over the plane"
	if f.OverY {
		over = "over the answers"
	}
	if math.IsNaN(last) || math.IsInf(last, 0) {
		return "The surface has energies that are not finite."
	}
	if last < flatPart*first {
		return fmt.Sprintf("The surface has gone flat: the energies' spread %s fell from %.3g to %.3g.", over, first, last)
	}
	return ""
}

// Write writes films into a folder.
func Write(dir string, films []Film) error {
	list, err := json.Marshal(films)
	if err != nil {
		return err
	}
	out := &tensor.File{Metadata: map[string]string{"format": format, "films": string(list)}}
	for i := range films {
		f := &films[i]
		if err := f.check(); err != nil {
			return fmt.Errorf("surface: film %s: %w", f.Name, err)
		}
		n, first := len(f.Frames), &f.Frames[0]
		parts := map[string]*tensor.Tensor{
			"x": vector(f.X), "y": vector(f.Y), "data": pairs(f.Data),
			"step": tensor.New(tensor.Float64, n), "energy": tensor.New(tensor.Float32, n, len(f.X), len(f.Y)),
			"points":  tensor.New(tensor.Float64, n, len(first.Points), 2),
			"correct": tensor.New(tensor.Float32, n, len(first.Correct)), "other": tensor.New(tensor.Float32, n, len(first.Correct)),
		}
		for k, fr := range f.Frames {
			parts["step"].Float64s()[k] = float64(fr.Step)
			fill(parts["energy"].Float32s(), k, fr.Energy)
			fill(parts["points"].Float64s(), k, pairs(fr.Points).Float64s())
			fill(parts["correct"].Float32s(), k, fr.Correct)
			fill(parts["other"].Float32s(), k, fr.Other)
		}
		for _, name := range partNames {
			out.Tensors = append(out.Tensors, tensor.Named{Name: f.Name + "/" + name, Tensor: parts[name]})
		}
	}
	return tensor.WriteFile(filepath.Join(dir, File), out)
}

const format = "energo surfaces 1"

var partNames = []string{"x", "y", "data", "step", "energy", "points", "correct", "other"}

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

// Read reads the films of a run's folder. The error is fs.ErrNotExist where it has none.
func Read(dir string) ([]Film, error) {
	path := filepath.Join(dir, File)
	in, err := tensor.ReadFile(path)
	if err != nil {
		return nil, err
	}
	films, err := decode(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return films, nil
}

func decode(in *tensor.File) ([]Film, error) {
	if got := in.Metadata["format"]; got != format {
		return nil, fmt.Errorf("no file of surfaces of this version: format %q, want %q", excerpt.Of(got), format)
	}
	var films []Film
	if err := json.Unmarshal([]byte(in.Metadata["films"]), &films); err != nil {
		return nil, fmt.Errorf("films: %w", err)
	}
	all := map[string]*tensor.Tensor{}
	for _, n := range in.Tensors {
		all[n.Name] = n.Tensor
	}
	if len(films)*len(partNames) != len(all) {
		return nil, fmt.Errorf("it lists %d films of %d tensors each, and has %d tensors", len(films), len(partNames), len(all))
	}
	for i := range films {
		if slices.ContainsFunc(films[:i], func(f Film) bool { return f.Name == films[i].Name }) {
			return nil, fmt.Errorf("film %q is there twice", excerpt.Of(films[i].Name))
		}
		if err := films[i].read(all); err != nil {
			return nil, fmt.Errorf("film %q: %w", excerpt.Of(films[i].Name), err)
		}
	}
	return films, nil
}

// read fills in a film from its tensors.
func (f *Film) read(all map[string]*tensor.Tensor) error {
	shapes := map[string][]int{}
	for _, name := range partNames {
		t := all[f.Name+"/"+name]
		if t == nil {
			return fmt.Errorf("the tensor %q is missing", excerpt.Of(name))
		}
		if single := name == "energy" || name == "correct" || name == "other"; single != (t.DType() == tensor.Float32) {
			return fmt.Errorf("the tensor %q has type %v", excerpt.Of(name), t.DType())
		}
		shapes[name] = t.Shape()
	}
	get := func(name string) *tensor.Tensor { return all[f.Name+"/"+name] }
	if len(shapes["step"]) != 1 || len(shapes["x"]) != 1 || len(shapes["y"]) != 1 || len(shapes["points"]) != 3 || len(shapes["correct"]) != 2 || len(shapes["data"]) != 2 {
		return errors.New("its tensors have other ranks than a film's")
	}
	n, nx, ny, np, nc := shapes["step"][0], shapes["x"][0], shapes["y"][0], shapes["points"][1], shapes["correct"][1]
	for name, want := range map[string][]int{
		"energy": {n, nx, ny}, "points": {n, np, 2}, "correct": {n, nc}, "other": {n, nc}, "data": {shapes["data"][0], 2},
	} {
		if !slices.Equal(shapes[name], want) {
			return fmt.Errorf("the tensor %q has shape %v; it must be %v", excerpt.Of(name), shapes[name], want)
		}
	}
	f.X, f.Y, f.Data = get("x").Float64s(), get("y").Float64s(), couples(get("data").Float64s())
	for k := range n {
		step := get("step").Float64s()[k]
		if !(step >= 0 && step <= 1<<53) || step != math.Trunc(step) {
			return fmt.Errorf("step %d is %v", k, step)
		}
		f.Frames = append(f.Frames, Frame{
			Step: int(step), Energy: get("energy").Float32s()[k*nx*ny : (k+1)*nx*ny],
			Points:  couples(get("points").Float64s()[k*np*2 : (k+1)*np*2]),
			Correct: get("correct").Float32s()[k*nc : (k+1)*nc], Other: get("other").Float32s()[k*nc : (k+1)*nc],
		})
	}
	return f.check()
}

func couples(x []float64) [][2]float64 {
	if len(x) == 0 {
		return nil
	}
	out := make([][2]float64, len(x)/2)
	for i := range out {
		out[i] = [2]float64{x[2*i], x[2*i+1]}
	}
	return out
}

// check refuses what is no film.
func (f *Film) check() error {
	if f.Name == "" {
		return errors.New("it has no name")
	}
	for _, r := range f.Name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return fmt.Errorf("its name has %q; letters, digits, - and _ are allowed", r)
		}
	}
	if !fs.ValidPath(f.Name) || len(f.Name) > 64 {
		return errors.New("its name has more than 64 letters")
	}
	if len(f.X) < 2 || len(f.Y) < 2 || len(f.Frames) == 0 {
		return fmt.Errorf("it has %d × %d places and %d frames; it must have at least 2 × 2 and 1", len(f.X), len(f.Y), len(f.Frames))
	}
	for _, axis := range [][]float64{f.X, f.Y} {
		for i, v := range axis {
			if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && !(v > axis[i-1]) {
				return fmt.Errorf("an axis has %v at %d; it must rise and be finite", v, i)
			}
		}
	}
	first := &f.Frames[0]
	for k := range f.Frames {
		fr := &f.Frames[k]
		if len(fr.Energy) != len(f.X)*len(f.Y) || len(fr.Points) != len(first.Points) || len(fr.Correct) != len(first.Correct) || len(fr.Other) != len(first.Correct) {
			return fmt.Errorf("frame %d has %d energies, %d points and %d and %d energies of pairs; the first has %d, %d and %d",
				k, len(fr.Energy), len(fr.Points), len(fr.Correct), len(fr.Other), len(f.X)*len(f.Y), len(first.Points), len(first.Correct))
		}
	}
	return nil
}
