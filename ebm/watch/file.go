package watch

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// File holds the record of a run's folder: the tensors "energies" [F, N, K] of the frames, "epochs" [F], and "labels" and "samples" [N].
const File = "watched.safetensors"

const (
	format   = "energo watched 1"
	namesKey = "classes" // metadata: names of the answers, as JSON
)

// Write writes a record into a folder. The file appears whole or not at all.
func Write(dir string, r *Record) error {
	if err := r.check(); err != nil {
		return err
	}
	n, size := len(r.Frames), len(r.Labels)*r.Answers
	energies, epochs := tensor.New(tensor.Float32, n, len(r.Labels), r.Answers), make([]int, n)
	for i, f := range r.Frames {
		copy(energies.Float32s()[i*size:], f.Energies)
		epochs[i] = f.Epoch
	}
	out := &tensor.File{Metadata: map[string]string{"format": format}, Tensors: []tensor.Named{
		{Name: "energies", Tensor: energies}, {Name: "epochs", Tensor: numbers(epochs)}, {Name: "labels", Tensor: numbers(r.Labels)}, {Name: "samples", Tensor: numbers(r.Samples)},
	}}
	if r.Names != nil {
		text, err := json.Marshal(r.Names)
		if err != nil {
			return err
		}
		out.Metadata[namesKey] = string(text)
	}
	return tensor.WriteFile(filepath.Join(dir, File), out)
}

// numbers are whole numbers as a tensor.
func numbers(all []int) *tensor.Tensor {
	t := tensor.New(tensor.Float64, len(all))
	for i, v := range all {
		t.Float64s()[i] = float64(v)
	}
	return t
}

// Read reads the record of a run's folder. The error is fs.ErrNotExist where it has none.
func Read(dir string) (*Record, error) {
	path := filepath.Join(dir, File)
	in, err := tensor.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := decode(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func decode(in *tensor.File) (*Record, error) {
	if got := in.Metadata["format"]; got != format {
		return nil, fmt.Errorf("no record of this version: format %q, want %q", excerpt.Of(got), format)
	}
	energies := in.Get("energies")
	if energies == nil || energies.Rank() != 3 || energies.DType() != tensor.Float32 {
		return nil, fmt.Errorf("the tensor energies must be there, of float32 and of 3 dimensions")
	}
	f, n, k := energies.Dim(0), energies.Dim(1), energies.Dim(2)
	r := &Record{Set: Set{Answers: k}}
	epochs, err := wholes(in, "epochs", f)
	if err != nil {
		return nil, err
	}
	if r.Labels, err = wholes(in, "labels", n); err != nil {
		return nil, err
	}
	if r.Samples, err = wholes(in, "samples", n); err != nil {
		return nil, err
	}
	if text, ok := in.Metadata[namesKey]; ok {
		if err := json.Unmarshal([]byte(text), &r.Names); err != nil || r.Names == nil {
			return nil, fmt.Errorf("the metadata %s must be a list of names", namesKey)
		}
	}
	for i, epoch := range epochs {
		r.Frames = append(r.Frames, Frame{epoch, energies.Float32s()[i*n*k : (i+1)*n*k]})
	}
	return r, r.check()
}

// wholes are the n whole numbers of a tensor.
func wholes(in *tensor.File, name string, n int) ([]int, error) {
	t := in.Get(name)
	if t == nil || t.DType() != tensor.Float64 || !slices.Equal(t.Shape(), []int{n}) {
		return nil, fmt.Errorf("the tensor %s must be there, of float64 and shape [%d]", name, n)
	}
	all := make([]int, n)
	for i, v := range t.Float64s() {
		if !(v >= 0 && v <= 1<<31) || v != math.Trunc(v) {
			return nil, fmt.Errorf("%s[%d] is %v; it must be a whole number from 0 to 2³¹", name, i, v)
		}
		all[i] = int(v)
	}
	return all, nil
}
