package lossline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/loss"
)

// UnmarshalJSON reads an array. Its data may be nested or flat; the shape decides.
func (a *array) UnmarshalJSON(text []byte) error {
	var raw struct {
		Shape []json.Number `json:"shape"`
		Data  numbers       `json:"data"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	if err := checkKeys(text, []string{"shape", "data"}); err != nil {
		return err
	}
	if raw.Shape == nil || raw.Data == nil {
		return errors.New(`an array has "shape" and "data"`)
	}
	a.Shape, a.Data = []int{}, raw.Data
	for i, n := range raw.Shape {
		v, err := strconv.Atoi(n.String())
		if err != nil || v < 0 {
			return fmt.Errorf("shape[%d] is %s; it must be a whole number of at least 0", i, n)
		}
		a.Shape = append(a.Shape, v)
	}
	return nil
}

// numbers is a flat list of numbers; those that are not finite are texts.
type numbers []float64

// UnmarshalJSON reads the list. The text is valid JSON.
func (n *numbers) UnmarshalJSON(text []byte) error {
	if len(text) < 2 || text[0] != '[' {
		return errors.New("data must be a list of numbers")
	}
	*n = make(numbers, 0, bytes.Count(text, []byte(","))+1)
	text = bytes.TrimSpace(text[1 : len(text)-1])
	for i := 0; len(text) > 0; i++ {
		item, rest, more := bytes.Cut(text, []byte(","))
		item = bytes.TrimSpace(item)
		v, err := number(item)
		if err != nil {
			return fmt.Errorf("data[%d] is %s; it must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"", i, shortened(item))
		}
		*n = append(*n, v)
		if text = bytes.TrimSpace(rest); more && len(text) == 0 {
			break
		}
	}
	return nil
}

func number(item []byte) (float64, error) {
	if len(item) > 2 && item[0] == '"' {
		if f, ok := special(string(item[1 : len(item)-1])); ok {
			return f, nil
		}
	}
	if len(item) == 0 || item[0] != '-' && (item[0] < '0' || item[0] > '9') {
		return 0, strconv.ErrSyntax
	}
	f, err := strconv.ParseFloat(string(item), 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // ±Inf, as every reader of JSON numbers has it
	}
	return f, err
}

func shortened(item []byte) string {
	const most = 40
	if len(item) > most {
		return string(item[:most]) + "…"
	}
	return string(item)
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
