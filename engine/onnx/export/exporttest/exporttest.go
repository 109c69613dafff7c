// Package exporttest holds what package export writes against what it was written from: run by energo's engine, and by ONNX Runtime where a
// Python along PATH has that.
package exporttest

import (
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// A Model is a graph with inputs, and what it should give for them.
type Model struct {
	Graph *export.Graph
	Cases []Case
}

// A Case is the inputs of a run, and the outputs that it should have, by their names.
type Case struct{ In, Out map[string]*value.Value }

// Of is value.Of for numbers that fit the shape.
func Of[T value.Element](t testing.TB, x []T, shape ...int) *value.Value {
	t.Helper()
	v, err := value.Of(slices.Clone(x), shape...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Run runs a model by the engine.
func Run(t testing.TB, f *format.Model, in map[string]*value.Value) map[string]*value.Value {
	t.Helper()
	m, err := onnx.New(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Check runs models, written and read again, by the engine, and by ONNX's checker and ONNX Runtime; the latter is a subtest of its own,
// which is skipped where no python3 along PATH has them. Outputs of float may be off by 1e-5, relative to those that should be above 1;
// others must be equal.
func Check(t *testing.T, models ...Model) {
	t.Helper()
	dir := t.TempDir()
	for i, m := range models {
		base := filepath.Join(dir, fmt.Sprintf("%03d", i))
		f, err := m.Graph.Model()
		if err == nil {
			err = format.WriteFile(base+".onnx", f)
		}
		if err != nil {
			t.Errorf("model %d: %v", i, err)
			continue
		}
		run, err := onnx.Open(base+".onnx", nil)
		if err != nil {
			t.Errorf("model %d, %s: %v", i, f.Graph.Name, err)
			continue
		}
		for n, c := range m.Cases {
			write(t, fmt.Sprintf("%s.%d.in", base, n), c.In)
			write(t, fmt.Sprintf("%s.%d.out", base, n), c.Out)
			out, err := run.Run(c.In)
			if err != nil {
				t.Errorf("model %d, %s, case %d: %v", i, f.Graph.Name, n, err)
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(c.Out)) {
				if fault := far(out[name], c.Out[name]); fault != "" {
					t.Errorf("model %d, %s, case %d: output %q: %s", i, f.Graph.Name, n, name, fault)
				}
			}
			if len(out) != len(c.Out) {
				t.Errorf("model %d, %s, case %d: there are %d outputs, want %d", i, f.Graph.Name, n, len(out), len(c.Out))
			}
		}
	}
	t.Run("ONNX Runtime", func(t *testing.T) {
		p := python("onnx.checker, onnxruntime, numpy")
		if p == "" {
			t.Skip("no python3 along PATH can import onnx, onnxruntime and numpy")
		}
		if out, err := exec.Command(p, "-c", script, dir).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// far tells how a value differs from what it should be; "" where it does not.
func far(v, want *value.Value) string {
	switch {
	case v == nil:
		return "it is missing"
	case v.Kind != want.Kind || !slices.Equal(v.Shape, want.Shape):
		return fmt.Sprintf("it is %v, want %v", value.Describe(v.Kind, v.Shape), value.Describe(want.Kind, want.Shape))
	case want.Kind != format.Float:
		x, err := value.Integers(v)
		y, wrong := value.Integers(want)
		if err != nil || wrong != nil || !slices.Equal(x, y) {
			return fmt.Sprintf("it is %v, want %v", x, y)
		}
		return ""
	}
	x := value.Data[float32](v)
	for i, y := range value.Data[float32](want) {
		if d := math.Abs(float64(x[i]) - float64(y)); !(d <= 1e-5*max(1, math.Abs(float64(y)))) {
			return fmt.Sprintf("element %d is %v, want %v", i, x[i], y)
		}
	}
	return ""
}

// write writes values as BASE.NAME.npy.
func write(t testing.TB, base string, values map[string]*value.Value) {
	t.Helper()
	for name, v := range values {
		if err := value.WriteNPY(base+"."+name+".npy", v); err != nil {
			t.Fatal(err)
		}
	}
}

// python is a Python along PATH that has modules; "" where there is none.
func python(modules string) string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		p := filepath.Join(dir, "python3")
		if exec.Command(p, "-c", "import "+modules).Run() == nil {
			return p
		}
	}
	return ""
}

// script runs the models of a folder: N.onnx with N.CASE.in.NAME.npy and N.CASE.out.NAME.npy. It prints what is wrong.
const script = `
import glob, sys, numpy, onnx, onnxruntime
onnxruntime.set_default_logger_severity(3)

def read(base):
    return {path[len(base):-len(".npy")]: numpy.load(path) for path in glob.glob(base + "*.npy")}

for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    model, base = onnx.load(path), path[:-len(".onnx")]
    try:
        onnx.checker.check_model(model, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        run = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for case in range(len(glob.glob(base + ".*.out." + model.graph.output[0].name + ".npy"))):
            out = read(base + ".%d.out." % case)
            got = dict(zip(out, run.run(list(out), read(base + ".%d.in." % case))))
            for name, want in out.items():
                at = "%s, case %d: output %s" % (model.graph.name, case, name)
                if got[name].shape != want.shape or got[name].dtype != want.dtype:
                    print(at, "is", got[name].dtype, got[name].shape, "and not", want.dtype, want.shape)
                elif not (abs(got[name] - want) <= 1e-5 * numpy.maximum(1, abs(want))).all():
                    print(at, "is off by", abs(got[name] - want).max())
    except Exception as e:
        print(model.graph.name, e)
`
