package npy

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for _, h := range []Header{
		{Descr: "<f4", Shape: nil},
		{Descr: "|b1", Shape: []int{7}},
		{Descr: "<i8", Shape: []int{0, 3}},
		{Descr: "<f8", Fortran: true, Shape: []int{2, 3, 5}},
	} {
		b := h.Bytes()
		if len(b)%64 != 0 {
			t.Errorf("%v: %d bytes, not a multiple of 64", h, len(b))
		}
		got, err := Read(bytes.NewReader(b))
		if err != nil || got.Descr != h.Descr || got.Fortran != h.Fortran || !slices.Equal(got.Shape, h.Shape) {
			t.Errorf("%v is read as %v, %v", h, got, err)
		}
	}
}

func TestReadErrors(t *testing.T) {
	long := []byte("\x93NUMPY\x02\x00\xff\xff\xff\x00")
	for _, c := range []struct{ file, err string }{
		{"PK\x03\x04 and more", "this is no .npy file"},
		{"\x93NUMPY\x04\x00\x10\x00", "of version 4"},
		{"\x93NUMPY\x01\x00\x10\x00{'descr'", "cut off"},
		{"\x93NUMPY\x01\x00\x02\x00{}", "has no descr"},
		{string(long), "at most 65536"},
		{"\x93NUMPY\x01\x00\x5a\x00" + "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4), }" + strings.Repeat(" ", 32), "numbers with commas"},
	} {
		if _, err := Read(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v, must say %q", c.file, err, c.err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add((&Header{Descr: "<f4", Shape: []int{2, 3}}).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := Read(bytes.NewReader(b)); err == nil && slices.ContainsFunc(h.Shape, func(d int) bool { return d < 0 }) {
			t.Errorf("a negative dimension: %v", h.Shape)
		}
	})
}
