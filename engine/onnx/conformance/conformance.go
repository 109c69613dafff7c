// Package conformance runs tests in the form of the ONNX project's own: a folder with model.onnx and folders test_data_set_0, test_data_set_1 and so on,
// which hold inputs input_0.pb, input_1.pb and the outputs that they must give, output_0.pb.
package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// Outcome of a test.
type Outcome int

// The outcomes.
const (
	Passed  Outcome = iota
	Failed          // ran, and gave an error or other outputs
	Refused         // the model was not loaded: it holds what is not supported, or is wrong
)

func (o Outcome) String() string { return [...]string{"passed", "failed", "refused"}[o] }

// Result is how a test came out.
type Result struct {
	Name    string
	Outcome Outcome
	Err     error // why it did not pass
}

// Tolerance is how far an output may be off: by Absolute and Relative times what it must be.
type Tolerance struct{ Relative, Absolute float64 }

// Default is the tolerance of the ONNX project's runner.
var Default = Tolerance{Relative: 1e-3, Absolute: 1e-7}

// Find lists the folders below some that are tests, in order.
func Find(folders ...string) ([]string, error) {
	var dirs []string
	for _, dir := range folders {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && d.Name() == "model.onnx" {
				dirs = append(dirs, filepath.Dir(path))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs), nil
}

// Run runs the test in a folder.
func Run(dir string, t Tolerance) Result {
	r := Result{Name: filepath.Base(dir)}
	m, err := onnx.Open(filepath.Join(dir, "model.onnx"), nil)
	if err != nil {
		r.Outcome, r.Err = Refused, err
		return r
	}
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err == nil && len(sets) == 0 {
		err = errors.New("no folder test_data_set_*")
	}
	for _, set := range sets {
		if err == nil {
			err = runSet(m, set, t)
		}
	}
	if err != nil {
		r.Outcome, r.Err = Failed, err
	}
	return r
}

func runSet(m *onnx.Model, dir string, t Tolerance) error {
	inputs := map[string]*value.Value{}
	for i, p := range m.Inputs {
		v, err := read(filepath.Join(dir, fmt.Sprintf("input_%d.pb", i)))
		if errors.Is(err, fs.ErrNotExist) && p.Optional {
			continue
		}
		if err != nil {
			return err
		}
		inputs[p.Name] = v
	}
	if _, err := m.Run(inputs); err != nil {
		return err
	}
	outputs, err := m.Run(inputs) // once more, in memory that was used, without what follows from shapes
	if err != nil {
		return err
	}
	for i, p := range m.Outputs {
		want, err := read(filepath.Join(dir, fmt.Sprintf("output_%d.pb", i)))
		if err != nil {
			return err
		}
		if err := Compare(outputs[p.Name], want, t); err != nil {
			return fmt.Errorf("output %q: %w", p.Name, err)
		}
	}
	return nil
}

func read(path string) (*value.Value, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := format.DecodeTensor(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return value.FromTensor(t)
}

// Compare says where got differs from want by more than the tolerance. Integers and truth values must be equal. Floats of fewer bits than float32 may be off by two of their last places:
// which of two neighbours a result is depends on the order of a sum.
func Compare(got, want *value.Value, t Tolerance) error {
	if got.Kind != want.Kind || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("is %s, must be %s", got, want)
	}
	if p := value.Precision(want.Kind); p > 0 {
		t.Relative = max(t.Relative, 2*p)
	}
	switch want.Memory() {
	case value.F32:
		return near(value.Data[float32](got), value.Data[float32](want), t)
	case value.F64:
		return near(value.Data[float64](got), value.Data[float64](want), t)
	case value.I64, value.U64:
		return equal(value.Bits[uint64](got), value.Bits[uint64](want))
	case value.I32, value.U32:
		return equal(value.Bits[uint32](got), value.Bits[uint32](want))
	case value.I16, value.U16:
		return equal(value.Bits[uint16](got), value.Bits[uint16](want))
	}
	return equal(value.Bits[uint8](got), value.Bits[uint8](want))
}

func equal[T comparable](got, want []T) error {
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("element %d is %v, must be %v", i, got[i], want[i])
		}
	}
	return nil
}

func near[T float32 | float64](got, want []T, t Tolerance) error {
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		if !(math.Abs(g-w) <= t.Absolute+t.Relative*math.Abs(w)) {
			return fmt.Errorf("element %d is %v, must be %v", i, g, w)
		}
	}
	return nil
}
