// Package npy reads and writes the headers of NumPy's array files (.npy), format versions 1 to 3. What follows a header is the elements alone.
//
// Source: [npy].
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Header says what an array's file holds.
type Header struct {
	Descr   string // NumPy's name of the element type: <f4 is little-endian float32
	Fortran bool   // the first index runs fastest
	Shape   []int
}

// Kind is the element type without the order of its bytes, f4 for float32; big reports whether the most significant byte comes first.
func (h *Header) Kind() (kind string, big bool) {
	return strings.TrimLeft(h.Descr, "<>=|"), strings.HasPrefix(h.Descr, ">")
}

// names are NumPy's long names of element types.
var names = map[string]string{
	"f2": "float16", "f4": "float32", "f8": "float64", "f16": "longdouble", "c8": "complex64", "c16": "complex128", "b1": "bool",
	"i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64",
	"O": "Python's objects",
}

// TypeName is the element type's name for messages.
func (h *Header) TypeName() string {
	kind, _ := h.Kind()
	if name, ok := names[kind]; ok {
		return name
	}
	return strconv.Quote(excerpt.Of(h.Descr))
}

// Place is where the i-th element of an array in Fortran order, whose first index runs fastest, is in C order, whose last one does.
func Place(i int, shape []int) int {
	at := 0
	stride := 1
	for _, d := range shape {
		stride *= d
	}
	for _, d := range shape {
		stride /= d
		at += i % d * stride
		i /= d
	}
	return at
}

// longest is the most bytes of a header.
const longest = 1 << 16

var (
	descr   = regexp.MustCompile(`'descr':\s*'([^']*)'`)
	fortran = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	shape   = regexp.MustCompile(`'shape':\s*\(([\d,\s]*)\)`)
)

// Read reads a header. Its dimensions are not negative, and nothing else is said of them.
func Read(r io.Reader) (*Header, error) {
	text, err := readText(r)
	if err != nil {
		return nil, err
	}
	kind, order, dims := descr.FindStringSubmatch(text), fortran.FindStringSubmatch(text), shape.FindStringSubmatch(text)
	if kind == nil || order == nil || dims == nil {
		return nil, fmt.Errorf("the header %q has no descr, fortran_order or shape", excerpt.Of(text))
	}
	h := &Header{Descr: kind[1], Fortran: order[1] == "True"}
	for s := range strings.SplitSeq(dims[1], ",") {
		if s = strings.TrimSpace(s); s != "" {
			d, err := strconv.Atoi(s)
			if err != nil {
				return nil, fmt.Errorf("the shape is (%s); it must be numbers with commas between them", excerpt.Of(dims[1]))
			}
			h.Shape = append(h.Shape, d)
		}
	}
	return h, nil
}

// readText reads the dictionary at the beginning of a file.
func readText(r io.Reader) (string, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != "\x93NUMPY" {
		return "", errors.New("this is no .npy file")
	}
	size := uint32(0)
	if start[6] < 1 || start[6] > 3 {
		return "", fmt.Errorf("the format is of version %d; 1, 2 and 3 are read", start[6])
	}
	if start[6] == 1 {
		var n uint16
		if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
			return "", errors.New("the header is cut off")
		}
		size = uint32(n)
	} else if err := binary.Read(r, binary.LittleEndian, &size); err != nil {
		return "", errors.New("the header is cut off")
	}
	if size > longest {
		return "", fmt.Errorf("the header has %d bytes; at most %d are read", size, longest)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(r, header); err != nil {
		return "", errors.New("the header is cut off")
	}
	return string(header), nil
}

// Bytes is the header as version 1.0 of the format writes it. The elements after it begin at a multiple of 64.
func (h *Header) Bytes() []byte {
	order := "False"
	if h.Fortran {
		order = "True"
	}
	dims := ""
	for i, d := range h.Shape {
		if i > 0 {
			dims += ", "
		}
		dims += strconv.Itoa(d)
	}
	if len(h.Shape) == 1 {
		dims += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", h.Descr, order, dims)
	const before = 10 // magic, version, length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(head, text...)
}
