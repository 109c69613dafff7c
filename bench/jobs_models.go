package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// modelPrefix begins the names of jobs that run a model in the ONNX format: onnx:FILE@SHAPE, the shape that of the first input.
const modelPrefix = "onnx:"

// model is the job of such a name. Inputs without a shape have 1 for what the file leaves open, integers are 0, floats random.
func model(name string) (run func(), err error) {
	path, shape, _ := strings.Cut(strings.TrimPrefix(name, modelPrefix), "@")
	m, err := onnx.Open(path, nil)
	if err != nil {
		return nil, err
	}
	in := make([]*value.Value, len(m.Inputs))
	for i, p := range m.Inputs {
		if in[i], err = modelInput(p, shape); err != nil {
			return nil, fmt.Errorf("%s: input %q: %w", path, p.Name, err)
		}
		shape = ""
	}
	run = func() {
		if err := m.RunFunc(in, func([]*value.Value) error { return nil }); err != nil {
			panic(err)
		}
	}
	return run, m.RunFunc(in, func([]*value.Value) error { return nil })
}

func modelInput(p onnx.Port, text string) (*value.Value, error) {
	var shape []int
	if text != "" {
		for s := range strings.SplitSeq(text, "x") {
			d, err := strconv.Atoi(s)
			if err != nil {
				return nil, fmt.Errorf("the shape is %q, must be like 1x3x224x224", text)
			}
			shape = append(shape, d)
		}
	} else {
		for _, d := range p.Shape {
			if d.Size >= 0 {
				shape = append(shape, d.Size)
			} else {
				shape = append(shape, 1)
			}
		}
	}
	v, err := value.New(p.Kind, shape...)
	if err == nil && v.Memory() == value.F32 {
		copy(value.Data[float32](v), randn(v.Len()))
	}
	return v, err
}
