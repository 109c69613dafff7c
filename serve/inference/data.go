package inference

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/serve/wire"
)

// listed makes a tensor of JSON that is valid: a flat list of its elements in row-major order, or nested lists. The tensor's kind and shape
// are v's, which has no elements below 1 in its shape.
func listed(field string, text []byte, v *value.Value) error {
	switch v.Memory() {
	case value.F32:
		if err := fill(field, text, v, float32Of, "a number that a float32 can hold"); err != nil || !value.Narrow(v.Kind) {
			return err
		}
		return narrowed(field, v)
	case value.F64:
		return fill(field, text, v, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }, "a number that a float64 can hold")
	case value.I8:
		return fill(field, text, v, signed[int8](8), "an integer from -128 to 127")
	case value.I16:
		return fill(field, text, v, signed[int16](16), "an integer from -32768 to 32767")
	case value.I32:
		return fill(field, text, v, signed[int32](32), "an integer of 32 bits")
	case value.I64:
		return fill(field, text, v, signed[int64](64), "an integer of 64 bits")
	case value.U8:
		return fill(field, text, v, unsigned[uint8](8), "an integer from 0 to 255")
	case value.U16:
		return fill(field, text, v, unsigned[uint16](16), "an integer from 0 to 65535")
	case value.U32:
		return fill(field, text, v, unsigned[uint32](32), "an integer of 32 bits from 0 on")
	case value.U64:
		return fill(field, text, v, unsigned[uint64](64), "an integer of 64 bits from 0 on")
	case value.Bool:
		return fill(field, text, v, truth, "true or false")
	}
	return fmt.Errorf("serve/inference: %v has no form in JSON", v.Kind)
}

// narrowed rounds numbers to the 16 bits of their kind.
func narrowed(field string, v *value.Value) error {
	x := value.Data[float32](v)
	value.Round(v.Kind, x)
	for i, f := range x {
		if math.IsInf(float64(f), 0) {
			name, _ := datatype(v.Kind)
			return wire.Malformed(field, "%s: element %d is larger than %s can hold", field, i, name)
		}
	}
	return nil
}

func float32Of(s string) (float32, error) {
	x, err := strconv.ParseFloat(s, 32)
	return float32(x), err
}

func signed[T int8 | int16 | int32 | int64](bits int) func(string) (T, error) {
	return func(s string) (T, error) {
		x, err := strconv.ParseInt(s, 10, bits)
		return T(x), err
	}
}

func unsigned[T uint8 | uint16 | uint32 | uint64](bits int) func(string) (T, error) {
	return func(s string) (T, error) {
		x, err := strconv.ParseUint(s, 10, bits)
		return T(x), err
	}
}

func truth(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, strconv.ErrSyntax
	}
	return s == "true", nil
}

// fill reads each element of a list into v.
func fill[T value.Element](field string, text []byte, v *value.Value, read func(string) (T, error), want string) error {
	dst, n := value.Data[T](v), 0
	l := lists{field: field, dims: v.Shape}
	if inner := bytes.TrimLeft(text[min(1, len(text)):], " \t\r\n"); len(inner) == 0 || inner[0] != '[' {
		l.dims = []int{len(dst)} // flat
	}
	return l.walk(text, func(element []byte) error {
		x, err := read(string(element))
		if err != nil {
			return wire.Malformed(field, "%s is %.40s; it must be %s", l.place(), element, want)
		}
		dst[n] = x
		n++
		return nil
	})
}

// lists walks through nested lists of given lengths.
type lists struct {
	field string
	dims  []int
	at    []int // for each list around the place: its elements so far
}

// place names the last element that was met.
func (l *lists) place() string {
	var b strings.Builder
	b.WriteString(l.field)
	for _, n := range l.at {
		fmt.Fprintf(&b, "[%d]", n-1)
	}
	return b.String()
}

// walk gives each element that is no list, in order.
func (l *lists) walk(text []byte, element func([]byte) error) error {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n', ',':
		case ']':
			depth := len(l.at)
			if got, want := l.at[depth-1], l.dims[depth-1]; got != want {
				l.at = l.at[:depth-1]
				return wire.Malformed(l.field, "%s has %d elements; it must have %d", l.place(), got, want)
			}
			l.at = l.at[:depth-1]
		default:
			if err := l.next(c); err != nil {
				return err
			}
			if c == '[' {
				l.at = append(l.at, 0)
				continue
			}
			end := i + 1
			for end < len(text) && strings.IndexByte(", \t\r\n]", text[end]) < 0 {
				end++
			}
			if err := element(text[i:end]); err != nil {
				return err
			}
			i = end - 1
		}
	}
	return nil
}

// next meets an element that begins with c.
func (l *lists) next(c byte) error {
	depth := len(l.at)
	if depth > 0 {
		l.at[depth-1]++
		if most := l.dims[depth-1]; l.at[depth-1] > most {
			l.at = l.at[:depth-1]
			return wire.Malformed(l.field, "%s has more than %d elements; it must have that many", l.place(), most)
		}
	}
	switch {
	case depth == len(l.dims) && (c == '[' || c == '{' || c == '"'):
		return wire.Malformed(l.field, "%s is a list, an object or a string; it must be a number, or true or false", l.place())
	case depth < len(l.dims) && c != '[':
		return wire.Malformed(l.field, "%s must be a list of %d elements", l.place(), l.dims[depth])
	}
	return nil
}
