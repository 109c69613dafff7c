package tensor

import (
	"os"
	"strings"

	"github.com/energo-ml/energo/internal/wholefile"
)

// Named is a tensor with the name it has in a File.
type Named struct {
	Name   string
	Tensor *Tensor
}

// File is what a file of weights holds: tensors in order, and a map of strings.
//
// Files are written as safetensors. The format is the one of https://github.com/huggingface/safetensors: eight bytes
// with the header's length (little-endian), a JSON header that gives each tensor's
// type, shape and place, padded with spaces, and the elements, little-endian and
// row-major, without gaps.
//
// Both directions work with PyTorch: safetensors.torch.save_file writes what ReadFile
// reads, and safetensors.torch.load_file reads what WriteFile writes. ReadFile also reads what
// torch.save wrote (DecodeTorch).
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

// Under returns the tensors of one part of a file, such as "state_dict" or "model" of a checkpoint: those
// whose names begin with prefix and a dot, without these. There may be none.
func (f *File) Under(prefix string) *File {
	part := &File{Metadata: f.Metadata}
	for _, t := range f.Tensors {
		if name, ok := strings.CutPrefix(t.Name, prefix+"."); ok {
			part.Tensors = append(part.Tensors, Named{name, t.Tensor})
		}
	}
	return part
}

// ReadFile reads a safetensors file, as Decode does, or one of torch.save, as DecodeTorch does. The first bytes
// tell which it is, whatever its name.
func ReadFile(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := DecodeFile(data)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return f, nil
}

// DecodeFile reads what ReadFile does from bytes.
func DecodeFile(data []byte) (*File, error) {
	if isTorch(data) {
		return DecodeTorch(data)
	}
	return Decode(data)
}

// WriteFile writes a safetensors file, as Encode does. It appears whole or not at all.
func WriteFile(path string, f *File) error {
	data, err := Encode(f)
	if err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return wholefile.Write(path, data)
}
