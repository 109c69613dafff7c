package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxDepth is how deep messages nest at most, the model itself not counted.
const maxDepth = 100

// A field is one of a message, as it stands in the file.
type field struct {
	number protowire.Number
	wire   protowire.Type
	value  uint64 // of a varint, and the bits of a fixed32 or fixed64
	bytes  []byte // of the others
}

// fields visits the fields of a message in order. Those of unknown numbers and groups are visited, too.
func fields(message []byte, visit func(field) error) error {
	for rest := message; len(rest) > 0; {
		f, n := next(rest)
		if n < 0 {
			return fmt.Errorf("it is cut off or no protocol buffer, at byte %d of %d", len(message)-len(rest), len(message))
		}
		rest = rest[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// next returns the first field and the number of its bytes, which is negative where there is none.
func next(b []byte) (f field, n int) {
	number, wire, n := protowire.ConsumeTag(b)
	if n < 0 {
		return f, n
	}
	f = field{number: number, wire: wire}
	var size int
	switch b = b[n:]; wire {
	case protowire.VarintType:
		f.value, size = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		var v uint32
		v, size = protowire.ConsumeFixed32(b)
		f.value = uint64(v)
	case protowire.Fixed64Type:
		f.value, size = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		f.bytes, size = protowire.ConsumeBytes(b)
	default:
		size = protowire.ConsumeFieldValue(number, wire, b)
	}
	if size < 0 {
		return f, size
	}
	return f, n + size
}

var wireNames = [...]string{"a varint", "a fixed64", "bytes", "a group", "the end of a group", "a fixed32"}

// is checks the wire type.
func (f field) is(want protowire.Type) error {
	if f.wire != want {
		return fmt.Errorf("field %d is %s, not %s", f.number, wireNames[f.wire], wireNames[want])
	}
	return nil
}

func (f field) text(into *string) error {
	*into = string(f.bytes)
	return f.is(protowire.BytesType)
}

func (f field) texts(into *[]string) error {
	*into = append(*into, string(f.bytes))
	return f.is(protowire.BytesType)
}

func (f field) blob(into *[]byte) error {
	*into = f.bytes
	return f.is(protowire.BytesType)
}

func (f field) blobs(into *[][]byte) error {
	*into = append(*into, f.bytes)
	return f.is(protowire.BytesType)
}

func (f field) int(into *int64) error {
	*into = int64(f.value)
	return f.is(protowire.VarintType)
}

// enum reads an int32: the low half of the number, as other readers of protocol buffers take it.
func (f field) enum(into *int32) error {
	*into = int32(uint32(f.value))
	return f.is(protowire.VarintType)
}

func (f field) float(into *float32) error {
	*into = math.Float32frombits(uint32(f.value))
	return f.is(protowire.Fixed32Type)
}

// floats appends the numbers of a repeated float, packed or not.
func (f field) floats(into *[]float32) error {
	var raw []byte
	err := f.fixed(protowire.Fixed32Type, &raw)
	for ; len(raw) >= 4; raw = raw[4:] {
		*into = append(*into, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return err
}

// varints visits the numbers of a repeated field, packed or not.
func (f field) varints(visit func(uint64) error) error {
	if f.wire == protowire.VarintType {
		return visit(f.value)
	}
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	for rest := f.bytes; len(rest) > 0; {
		v, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return fmt.Errorf("field %d: it is cut off or no list of varints, at byte %d of %d", f.number, len(f.bytes)-len(rest), len(f.bytes))
		}
		rest = rest[n:]
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}

// fixed appends the bytes of a repeated field of fixed32 or fixed64, packed or not; with nothing before them, packed ones are not copied.
func (f field) fixed(wire protowire.Type, into *[]byte) error {
	size := 4
	if wire == protowire.Fixed64Type {
		size = 8
	}
	switch {
	case f.wire == protowire.BytesType && len(f.bytes)%size != 0:
		return fmt.Errorf("field %d has %d bytes, which is no multiple of %d", f.number, len(f.bytes), size)
	case f.wire == protowire.BytesType && len(*into) == 0:
		*into = f.bytes[:len(f.bytes):len(f.bytes)] // a later append copies
	case f.wire == protowire.BytesType:
		*into = append(*into, f.bytes...)
	case f.wire != wire:
		return f.is(wire)
	case size == 4:
		*into = protowire.AppendFixed32(*into, uint32(f.value))
	default:
		*into = protowire.AppendFixed64(*into, f.value)
	}
	return nil
}

// in says in which part of the file an error is.
func in(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	place := fmt.Sprintf(format, args...)
	inner := new(placed)
	if !errors.As(err, &inner) {
		return &placed{[]string{place}, err}
	}
	inner.places = append(inner.places, place)
	return inner
}

// placed is an error with its place, from the inside out.
type placed struct {
	places []string
	err    error
}

func (e *placed) Unwrap() error { return e.err }

// Error names the places from the outside in; of more than six, the first and last three.
func (e *placed) Error() string {
	text := ""
	for i := len(e.places) - 1; i >= 0; i-- {
		if outer := len(e.places) - 1 - i; len(e.places) > 6 && outer >= 3 && i >= 3 {
			if outer == 3 {
				text += "…: "
			}
			continue
		}
		text += e.places[i] + ": "
	}
	return text + e.err.Error()
}
