package read

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/audio"
)

// TimesFile holds a speech run's model of when words are said: the tensors mean and variance, [rows][26], and
// as metadata the units, each of which has two rows, and the features. Runs of little speech have none.
const TimesFile = "times.safetensors"

// save writes the model to a file.
func (m *Times) save(path string) error {
	units, err := json.Marshal(m.names)
	if err != nil {
		return err
	}
	features, err := json.Marshal(m.features.options)
	if err != nil {
		return err
	}
	f := tensor.File{Metadata: map[string]string{"units": string(units), "features": string(features)}}
	for _, t := range []struct {
		name   string
		values []float32
	}{{"mean", m.mean}, {"variance", m.variance}} {
		x, err := tensor.FromFloat32(t.values, len(t.values)/timesDims, timesDims)
		if err != nil {
			return err
		}
		f.Tensors = append(f.Tensors, tensor.Named{Name: t.name, Tensor: x})
	}
	return tensor.WriteFile(path, &f)
}

// readTimes reads the model of a run; nil where it has none.
func readTimes(path string) (*Times, error) {
	f, err := tensor.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := timesOf(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func timesOf(f *tensor.File) (*Times, error) {
	features, err := timesFeaturesOf(f.Metadata["features"])
	if err != nil {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal([]byte(f.Metadata["units"]), &names); err != nil {
		return nil, fmt.Errorf("the units: %w", err)
	}
	m := newTimesModel(features, names)
	if err := checkUnits(names, m.names); err != nil {
		return nil, err
	}
	if m.mean, err = gaussians(f, "mean", len(names)*timesStates, -math.MaxFloat32); err != nil {
		return nil, err
	}
	if m.variance, err = gaussians(f, "variance", len(names)*timesStates, 1e-30); err != nil {
		return nil, err
	}
	m.prepare()
	return m, nil
}

// timesFeaturesOf are the features that a model was trained on; they must be this version's.
func timesFeaturesOf(text string) (*timesFeatures, error) {
	var o audio.LogMel
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return nil, fmt.Errorf("the features: %w", err)
	}
	f, err := newTimesFeatures(o.Rate)
	if err != nil {
		return nil, err
	}
	if f.options != o {
		return nil, fmt.Errorf("its features are %+v, those of this version %+v: train the run again", o, f.options)
	}
	return f, nil
}

// checkUnits refuses names that units can't have.
func checkUnits(names, sorted []string) error {
	if !slices.Equal(names, sorted) {
		return errors.New("the units are not in order")
	}
	for i, u := range names {
		if n := utf8.RuneCountInString(u); n != 0 && n != 1 && n != 3 || i > 0 && u == names[i-1] {
			return fmt.Errorf("unit %d is %q; it must be of no character, one or three, and there once", i, excerpt.Of(u))
		}
	}
	if !slices.Contains(names, "") || !slices.Contains(names, silenceUnit) {
		return fmt.Errorf("the units %q lack silence, %q, or all speech, %q", names, silenceUnit, "")
	}
	return nil
}

// gaussians returns the values of a tensor, once its shape is right and each value is finite and above a bound.
func gaussians(f *tensor.File, name string, rows int, above float64) ([]float32, error) {
	x := f.Get(name)
	if x == nil {
		return nil, fmt.Errorf("there is no tensor %s", name)
	}
	if x.DType() != tensor.Float32 || !slices.Equal(x.Shape(), []int{rows, timesDims}) {
		return nil, fmt.Errorf("the tensor %s is %v%v; it must be float32%v", name, x.DType(), x.Shape(), []int{rows, timesDims})
	}
	for i, v := range x.Float32s() {
		if !(float64(v) > above) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("the %s of row %d, dimension %d is %v; it must be finite and above %v", name, i/timesDims, i%timesDims, v, above)
		}
	}
	return x.Float32s(), nil
}
