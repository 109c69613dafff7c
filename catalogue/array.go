package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/loss"
)

// array reads an array, {"shape": […], "data": […]}, both of them flat lists.
func array(value []byte) (a loss.Array[float64], err error) {
	all, err := members(value, "shape", "data")
	if err != nil {
		return a, err
	}
	for _, m := range all {
		switch {
		case m.value[0] != '[':
			err = fmt.Errorf("%s must be a list of numbers", m.name)
		case m.name == "shape":
			a.Shape, err = sizes(m.value)
		default:
			a.Data, err = numbers(m.value)
		}
		if err != nil {
			return a, err
		}
	}
	if len(all) < 2 {
		return a, errors.New(`an array has "shape" and "data"`)
	}
	return a, nil
}

func sizes(list []byte) ([]int, error) {
	shape := []int{}
	for i, item := range elements(list) {
		v, err := strconv.ParseUint(string(item), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("shape[%d] is %s; it must be a whole number of at least 0", i, excerpt.Of(item))
		}
		shape = append(shape, int(v))
	}
	return shape, nil
}

// numbers reads a flat list of numbers; those that are not finite are texts.
func numbers(list []byte) ([]float64, error) {
	data := make([]float64, 0, bytes.Count(list, []byte(","))+1)
	for i, item := range elements(list) {
		v, err := number(item)
		if err != nil {
			return nil, fmt.Errorf("data[%d] is %s; it must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"", i, excerpt.Of(item))
		}
		data = append(data, v)
	}
	return data, nil
}

// number reads a number. One beyond the range of float64 is ±Inf, as every reader of JSON
// numbers has it.
func number(item []byte) (float64, error) {
	if item[0] == '"' {
		if f, ok := special(string(item[1 : len(item)-1])); ok {
			return f, nil
		}
		return 0, strconv.ErrSyntax
	}
	f, err := strconv.ParseFloat(string(item), 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil
	}
	return f, err
}

func appendArray(dst []byte, a loss.Array[float64]) []byte {
	dst = append(dst, `{"shape":[`...)
	for i, d := range a.Shape {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(d), 10)
	}
	dst = append(dst, `],"data":[`...)
	for i, v := range a.Data {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendNumber(dst, v)
	}
	return append(dst, "]}"...)
}

func appendNumber(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
