package audio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync"
)

// subframe decodes a channel's samples of a frame, each of depth bits, 33 at most.
func (f *flacStream) subframe(x []int64, depth int) error {
	reserved, kind, wasted := f.bits(1), int(f.bits(6)), 0
	if f.bits(1) == 1 {
		wasted = f.zeros() + 1
	}
	switch depth -= wasted; {
	case f.err != nil:
		return f.err
	case reserved != 0 || depth < 1:
		return fmt.Errorf("a channel's samples have %d bits, of which %d are left out", depth+wasted, wasted)
	}
	var err error
	switch {
	case kind == 0:
		v := f.signed(depth)
		for i := range x {
			x[i] = v
		}
	case kind == 1:
		for i := range x {
			x[i] = f.signed(depth)
		}
	case kind >= 8 && kind <= 12:
		err = f.predicted(x, depth, kind-8, true)
	case kind >= 32:
		err = f.predicted(x, depth, kind-31, false)
	default:
		err = fmt.Errorf("a channel is of the reserved kind %d", kind)
	}
	if f.err != nil {
		return f.err
	}
	for i := range x {
		x[i] <<= wasted
	}
	return err
}

// flacFixed are the coefficients of the predictors that are fixed: of the last sample, the one before it …
var flacFixed = [5][]int64{{}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}}

// coefficients reads those of a predictor, and the bits by which its sums are shifted down.
func (f *flacStream) coefficients(order int) (c []int64, shift int, err error) {
	precision := int(f.bits(4)) + 1
	shift = int(f.signed(5))
	if precision == 16 || shift < 0 {
		return nil, 0, fmt.Errorf("a predictor has coefficients of %d bits, shifted by %d", precision, shift)
	}
	c = make([]int64, order)
	for i := range c {
		c[i] = f.signed(precision)
	}
	return c, shift, nil
}

// predicted decodes samples of which the first are as they are, and each of the others is what a predictor makes of those before it, and a rest.
func (f *flacStream) predicted(x []int64, depth, order int, fixed bool) (err error) {
	if order > len(x) {
		return fmt.Errorf("a predictor of %d samples begins a frame of %d", order, len(x))
	}
	for i := range order {
		x[i] = f.signed(depth)
	}
	var c []int64
	shift := 0
	if fixed {
		c = flacFixed[order]
	} else if c, shift, err = f.coefficients(order); err != nil {
		return err
	}
	if err := f.rests(x, order); err != nil {
		return err
	}
	for i := order; i < len(x); i++ {
		sum := int64(0)
		for k, v := range c {
			sum += v * x[i-1-k]
		}
		x[i] += sum >> shift
	}
	return nil
}

// rests reads the rests of a frame's samples behind the first ones, in parts of one size, each with a parameter of its own.
func (f *flacStream) rests(x []int64, order int) error {
	method, parts := f.bits(2), f.bits(4)
	if size := len(x) >> parts; method > 1 || size<<parts != len(x) || size < order {
		return fmt.Errorf("%d samples, %d of them ahead, are in %d parts by the method %d", len(x), order, 1<<parts, method)
	}
	width := 4 + int(method)
	for p := range 1 << parts {
		part := x[len(x)>>parts*p : len(x)>>parts*(p+1)]
		if p == 0 {
			part = part[order:]
		}
		if parameter := int(f.bits(width)); parameter < 1<<width-1 {
			if err := f.rice(part, parameter); err != nil {
				return err
			}
		} else {
			plain := int(f.bits(5))
			for i := range part {
				part[i] = f.signed(plain)
			}
		}
		if f.err != nil {
			return f.err
		}
	}
	return nil
}

// rice reads numbers by Rice's code: a number of zeros, a one, and the lowest bits; the sign is the lowest bit of all.
func (f *flacStream) rice(x []int64, parameter int) error {
	for i := range x {
		high := f.zeros()
		if int64(high) > 1<<32>>parameter {
			return errors.New("a rest has more than 32 bits")
		}
		v := int64(high)<<parameter | int64(f.bits(parameter))
		x[i] = v>>1 ^ -(v & 1)
	}
	return nil
}

// flacBits reads bits, the highest first, and sums up the bytes that it takes. It takes none before it needs it, so that what follows a frame is left.
type flacBits struct {
	r     *bufio.Reader
	last  uint64 // bytes that were taken
	left  int    // bits of them that were not read
	sums  *flacSums
	crc8  byte
	crc16 uint16
	err   error // errCut at the end; bits are then 0
}

// restart begins the sums of a frame.
func (b *flacBits) restart() { b.last, b.left, b.crc8, b.crc16 = 0, 0, 0, 0 }

// bits reads n bits, 48 at most.
func (b *flacBits) bits(n int) uint64 {
	for b.left < n {
		b.take()
	}
	if b.err != nil {
		return 0
	}
	b.left -= n
	return b.last >> b.left & (1<<n - 1)
}

// signed reads a number of n bits in two's complement.
func (b *flacBits) signed(n int) int64 {
	return int64(b.bits(n)<<(64-n)) >> (64 - n)
}

// zeros reads zeros and the one behind them.
func (b *flacBits) zeros() (n int) {
	for b.err == nil {
		rest := b.last & (1<<b.left - 1)
		if rest != 0 {
			length := bits.Len64(rest)
			n += b.left - length
			b.left = length - 1
			return n
		}
		n += b.left
		b.left = 0
		b.take()
	}
	return 0
}

// take takes a byte.
func (b *flacBits) take() {
	b.left += 8
	if b.err != nil {
		return
	}
	c, err := b.r.ReadByte()
	if err == io.EOF {
		err = errCut
	}
	if err != nil {
		b.err = err
		return
	}
	b.last = b.last<<8 | uint64(c)
	b.crc8 = b.sums.of8[b.crc8^c]
	b.crc16 = b.crc16<<8 ^ b.sums.of16[byte(b.crc16>>8)^c]
}

// flacSums are the tables of FLAC's checksums, which take the high bit first: those of the polynomials x⁸ + x² + x + 1 and x¹⁶ + x¹⁵ + x² + 1.
type flacSums struct {
	of8  [256]byte
	of16 [256]uint16
}

var flacCRC = sync.OnceValue(func() *flacSums {
	t := new(flacSums)
	for i := range 256 {
		a, b := byte(i), uint16(i)<<8
		for range 8 {
			a = a<<1 ^ a>>7*0x07
			b = b<<1 ^ b>>15*0x8005
		}
		t.of8[i], t.of16[i] = a, b
	}
	return t
})
