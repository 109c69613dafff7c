package nn

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// State returns m's parameters by their names, frozen ones included. The tensors
// share the parameters' memory.
func State(m Module) []tensor.Named {
	params := unique(m.Params())
	state := make([]tensor.Named, len(params))
	for i, p := range params {
		state[i] = tensor.Named{Name: p.Name, Tensor: p.Value}
	}
	return state
}

// Restore copies a state into m's parameters, rounding if the types differ. Names and
// shapes must be m's, one for one; only "num_batches_tracked", a count that PyTorch's
// batch norms save and we have no use for, is passed over. The error lists all
// tensors that are missing, of another shape, unexpected or there twice, and leaves
// m as it was.
func Restore(m Module, state []tensor.Named) error {
	params := unique(m.Params())
	tensors := make(map[string]*tensor.Tensor, len(state))
	var faults []string
	for _, n := range state {
		if n.Name == tracked || strings.HasSuffix(n.Name, "."+tracked) {
			continue
		}
		if tensors[n.Name] != nil {
			faults = append(faults, fmt.Sprintf("%q is there twice", n.Name))
		}
		tensors[n.Name] = n.Tensor
	}
	faults = append(faults, misfits(params, state, tensors)...)
	if len(faults) > 0 {
		return errors.New("nn: the weights do not fit the model: " + strings.Join(faults, "; "))
	}
	for _, p := range params {
		p.Value.CopyFrom(tensors[p.Name].Convert(p.Value.DType()))
	}
	return nil
}

// misfits says which of the tensors do not fit params, first in the order of
// state and then of params.
func misfits(params []*autodiff.Param, state []tensor.Named, tensors map[string]*tensor.Tensor) (faults []string) {
	byName := make(map[string]*autodiff.Param, len(params))
	for _, p := range params {
		if byName[p.Name] != nil {
			faults = append(faults, fmt.Sprintf("two parameters of the model are named %q", p.Name))
		}
		byName[p.Name] = p
	}
	for _, n := range state {
		p := byName[n.Name]
		switch {
		case tensors[n.Name] == nil: // passed over
		case p == nil:
			faults = append(faults, fmt.Sprintf("unexpected %q of shape %v", n.Name, n.Tensor.Shape()))
		case !slices.Equal(p.Value.Shape(), n.Tensor.Shape()):
			faults = append(faults, fmt.Sprintf("%q has shape %v, the model wants %v", n.Name, n.Tensor.Shape(), p.Value.Shape()))
		}
	}
	for _, p := range params {
		if tensors[p.Name] == nil {
			faults = append(faults, fmt.Sprintf("missing %q of shape %v", p.Name, p.Value.Shape()))
		}
	}
	return faults
}

// tracked is the last part of the name that Restore passes over.
const tracked = "num_batches_tracked"

// Save writes m's parameters as a safetensors file, whole or not at all. PyTorch
// reads it with safetensors.torch.load_file.
func Save(path string, m Module) error {
	return tensor.WriteFile(path, &tensor.File{Tensors: State(m), Metadata: map[string]string{"format": "pt"}})
}

// Load reads m's parameters from a file of weights, safetensors or PyTorch's (tensor.ReadFile), as Restore does.
//
// In files of others a model may stand under a prefix, beside other things: "state_dict." of a checkpoint, "module." of DataParallel,
// "model.", "backbone.". Load takes the tensors under the prefix where most of m's parameters are, without the prefix, and passes the others over; where that is
// no prefix at all, it takes the whole file. Two prefixes with equally many are an error that names both; tensor.File.Under takes one.
func Load(path string, m Module) error {
	f, err := tensor.ReadFile(path)
	if err != nil {
		return err
	}
	prefix, err := prefixOf(m, f.Tensors)
	if err != nil {
		return &os.PathError{Op: "load", Path: path, Err: err}
	}
	if prefix != "" {
		f = f.Under(prefix)
	}
	if err := Restore(m, f.Tensors); err != nil {
		return &os.PathError{Op: "load", Path: path, Err: err}
	}
	return nil
}

// prefixOf is the prefix, without its dot, under which a state has most of m's parameters; "" where no prefix has more than there are without one.
func prefixOf(m Module, state []tensor.Named) (string, error) {
	params := map[string]bool{}
	for _, p := range m.Params() {
		params[p.Name] = true
	}
	counts := map[string]int{}
	plain := 0
	for _, n := range state {
		if params[n.Name] {
			plain++
		}
		for i, c := range n.Name {
			if c == '.' && params[n.Name[i+1:]] {
				counts[n.Name[:i]]++
			}
		}
	}
	best, most := []string{""}, plain
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		switch n := counts[p]; {
		case n > most:
			best, most = []string{p}, n
		case n == most && n > plain:
			best = append(best, p)
		}
	}
	if len(best) > 1 {
		return "", fmt.Errorf("nn: %d parameters of the model stand under %q, and as many under %q; take one with tensor.File.Under", most, excerpt.Of(best[0]), excerpt.Of(best[1]))
	}
	return best[0], nil
}

// LoadMapped reads m's parameters as Restore does from a file of weights, with the file's names changed: rename returns the parameter's
// name in m for a whole name in the file, or "" to pass that tensor over.
func LoadMapped(path string, m Module, rename func(name string) string) error {
	f, err := tensor.ReadFile(path)
	if err != nil {
		return err
	}
	state := make([]tensor.Named, 0, len(f.Tensors))
	for _, n := range f.Tensors {
		if name := rename(n.Name); name != "" {
			state = append(state, tensor.Named{Name: name, Tensor: n.Tensor})
		}
	}
	if err := Restore(m, state); err != nil {
		return &os.PathError{Op: "load", Path: path, Err: err}
	}
	return nil
}
