package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/energo-ml/energo/internal/excerpt"
)

// place names a tensor in an error.
func (t *Tensor) place() string { return fmt.Sprintf("tensor %q", excerpt.Of(t.Name)) }

func (d *decoder) tensors(f field, kind string, into *[]*Tensor) error {
	t := &Tensor{}
	*into = append(*into, t)
	if err := d.inner(f, t); err != nil {
		return in(err, "%s %d", kind, len(*into)-1)
	}
	return nil
}

// header is what a TensorProto says about its elements.
type header struct {
	filled   []tensorField // the fields with elements that are not empty, each once
	external []Entry
	location int32 // 1 where the elements stand in another file
}

// tensor reads a TensorProto in two passes, since its type may stand behind its elements.
func (d *decoder) tensor(message []byte, t *Tensor) error {
	var h header
	if err := fields(message, func(f field) error { return d.tensorField(f, t, &h) }); err != nil {
		return err
	}
	count, err := t.check()
	if err != nil {
		return err
	}
	switch h.location {
	case 0:
		err = t.elements(message, h, count)
	case 1:
		err = d.elsewhere(t, h, count)
	default:
		err = fmt.Errorf("its location is %d; known are 0 (in the model) and 1 (external)", h.location)
	}
	if err != nil {
		return err
	}
	return t.checkElements(count)
}

func (d *decoder) tensorField(f field, t *Tensor, h *header) error {
	switch f.number {
	case tensorDims:
		return f.varints(func(v uint64) error {
			size := int(v)
			if size < 0 || uint64(size) != v {
				return fmt.Errorf("dimension %d is %d; it must be 0 or more and fit an int", len(t.Dims), int64(v))
			}
			t.Dims = append(t.Dims, size)
			return nil
		})
	case tensorType:
		return f.enum((*int32)(&t.Type))
	case tensorSegment:
		return errors.New("it is in segments, or a sequence or optional; only whole tensors are read")
	case tensorName:
		return f.text(&t.Name)
	case tensorDoc:
		return f.text(&t.Doc)
	case tensorExternal:
		return in(d.entry(f, &h.external), "external data")
	case tensorLocation:
		return f.enum(&h.location)
	}
	if tensorData[f.number] != "" && (f.wire != protowire.BytesType || len(f.bytes) > 0 || f.number == tensorStrings) {
		h.fill(f.number)
	}
	return nil
}

// fill notes a field that has elements.
func (h *header) fill(n tensorField) {
	for _, old := range h.filled {
		if old == n {
			return
		}
	}
	h.filled = append(h.filled, n)
}

// check holds the type and the dimensions against what they may be, and returns the number of elements.
func (t *Tensor) check() (count int, err error) {
	if !t.Type.known() {
		return 0, fmt.Errorf("its elements are of %v; known are 1 (%v) to %d (%v)", t.Type, Float, len(kinds)-1, DataType(len(kinds)-1))
	}
	count = 1
	empty := false
	for _, size := range t.Dims {
		switch {
		case size < 0:
			return 0, fmt.Errorf("its dimensions are %s; each must be 0 or more", dimensions(t.Dims))
		case size == 0:
			empty = true
		case count > math.MaxInt/128/size: // 128 bits are the widest element
			return 0, fmt.Errorf("its dimensions are %s; those are more elements than memory can have", dimensions(t.Dims))
		default:
			count *= size
		}
	}
	if empty {
		count = 0
	}
	return count, nil
}

// dimensions is a text of them, of many the first.
func dimensions(dims []int) string {
	if len(dims) > 16 {
		return fmt.Sprintf("%v…", dims[:16])
	}
	return fmt.Sprint(dims)
}

// bytes is the number of bytes of Raw with count elements.
func (t *Tensor) bytes(count int) int { return (count*t.Type.Bits() + 7) / 8 }

// checkElements holds the number of elements against count, the dimensions'.
func (t *Tensor) checkElements(count int) error {
	got, want, unit := len(t.Raw), t.bytes(count), "bytes"
	if t.Type == String {
		if len(t.Raw) > 0 {
			return fmt.Errorf("it has strings and %d bytes of other elements", len(t.Raw))
		}
		got, want, unit = len(t.Strings), count, "strings"
	} else if len(t.Strings) > 0 {
		return fmt.Errorf("its elements are of %v, and it has %d strings", t.Type, len(t.Strings))
	}
	if got != want {
		return fmt.Errorf("it has %d %s, and %d elements of %v (dimensions %s) have %d", got, unit, count, t.Type, dimensions(t.Dims), want)
	}
	return nil
}

// elements reads those that stand in the message: in raw_data, or the field of the type.
func (t *Tensor) elements(message []byte, h header, count int) error {
	typed := kinds[t.Type].field
	var from tensorField
	for _, n := range h.filled {
		if n != typed && (n != tensorRaw || t.Type == String) {
			return fmt.Errorf("it has elements in %s; those of %v stand in %s%s", tensorData[n], t.Type, tensorData[typed], orRaw(t.Type))
		}
		if from != 0 {
			return fmt.Errorf("it has elements in %s and in %s", tensorData[from], tensorData[n])
		}
		from = n
	}
	if from == 0 {
		return nil
	}
	put := t.putter()
	return fields(message, func(f field) error {
		if f.number != from {
			return nil
		}
		switch from {
		case tensorRaw:
			return f.blob(&t.Raw)
		case tensorStrings:
			return f.blobs(&t.Strings)
		case tensorFloats:
			return f.fixed(protowire.Fixed32Type, &t.Raw)
		case tensorDoubles:
			return f.fixed(protowire.Fixed64Type, &t.Raw)
		}
		if t.Raw == nil { // each number takes a byte at least
			t.Raw = make([]byte, 0, min(t.bytes(count), len(f.bytes)*max(t.Type.Size(), 1)))
		}
		return f.varints(put)
	})
}

func orRaw(t DataType) string {
	if t == String {
		return ""
	}
	return " or raw_data"
}

// putter returns what appends a number of int32_data, int64_data or uint64_data to Raw.
//
// Those of integers must fit the type. Those of the other types are patterns of bits, which some write with a sign.
func (t *Tensor) putter() func(v uint64) error {
	bits := t.Type.Bits()
	switch t.Type {
	case Int64, Uint64:
		return func(v uint64) error {
			t.Raw = binary.LittleEndian.AppendUint64(t.Raw, v)
			return nil
		}
	case Uint32:
		return func(v uint64) error {
			if v > math.MaxUint32 {
				return t.outside(int64(v), 0, math.MaxUint32)
			}
			t.Raw = binary.LittleEndian.AppendUint32(t.Raw, uint32(v))
			return nil
		}
	case Float6E2M3, Float6E3M2:
		return t.putSix()
	case Bool:
		return t.putSmall(8, math.MinInt32, math.MaxInt32, func(v int32) int32 {
			if v != 0 {
				return 1
			}
			return 0
		})
	}
	width := max(bits, 8) // narrower ones are packed
	least, most := -int64(1)<<(width-1), int64(1)<<width-1
	switch t.Type {
	case Int8, Int16, Int32:
		most = int64(1)<<(width-1) - 1
	case Uint8, Uint16:
		least = 0
	}
	return t.putSmall(width, least, most, func(v int32) int32 { return v })
}

// putSmall returns what appends numbers of int32_data with width bits.
func (t *Tensor) putSmall(width int, least, most int64, convert func(int32) int32) func(uint64) error {
	return func(v uint64) error {
		n := int32(uint32(v)) // as readers of protocol buffers take an int32
		if int64(n) < least || int64(n) > most {
			return t.outside(int64(n), least, most)
		}
		switch n = convert(n); width {
		case 8:
			t.Raw = append(t.Raw, byte(n))
		case 16:
			t.Raw = binary.LittleEndian.AppendUint16(t.Raw, uint16(n))
		default:
			t.Raw = binary.LittleEndian.AppendUint32(t.Raw, uint32(n))
		}
		return nil
	}
}

// putSix returns what packs elements of six bits, each a number of its own in int32_data.
func (t *Tensor) putSix() func(uint64) error {
	at := 0 // in bits
	return func(v uint64) error {
		if v > 63 {
			return t.outside(int64(v), 0, 63)
		}
		if at%8 == 0 || at%8 > 2 {
			t.Raw = append(t.Raw, 0)
		}
		t.Raw[at/8] |= byte(v << (at % 8))
		if at%8 > 2 {
			t.Raw[at/8+1] |= byte(v >> (8 - at%8))
		}
		at += 6
		return nil
	}
}

func (t *Tensor) outside(v, least, most int64) error {
	return fmt.Errorf("a number of %s is %d; those of %v are from %d to %d", tensorData[kinds[t.Type].field], v, t.Type, least, most)
}
