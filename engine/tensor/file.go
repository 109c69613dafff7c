package tensor

import (
	"os"

	"github.com/energo-ml/energo/internal/wholefile"
)

// Named is a tensor with the name it has in a File.
type Named struct {
	Name   string
	Tensor *Tensor
}

// File is what a safetensors file holds: tensors in order, and a map of strings.
//
// The format is the one of https://github.com/huggingface/safetensors: eight bytes
// with the header's length (little-endian), a JSON header that gives each tensor's
// type, shape and place, padded with spaces, and the elements, little-endian and
// row-major, without gaps.
//
// Both directions work with PyTorch: safetensors.torch.save_file writes what ReadFile
// reads, and safetensors.torch.load_file reads what WriteFile writes.
type File struct {
	Tensors  []Named
	Metadata map[string]string // "__metadata__" of the header; nil if there is none
}

// Get returns the tensor of that name, or nil.
func (f *File) Get(name string) *Tensor {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t.Tensor
		}
	}
	return nil
}

// ReadFile reads a safetensors file, as Decode does.
func ReadFile(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Decode(data)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return f, nil
}

// WriteFile writes a safetensors file, as Encode does. It appears whole or not at all.
func WriteFile(path string, f *File) error {
	data, err := Encode(f)
	if err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return wholefile.Write(path, data)
}
