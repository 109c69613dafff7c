package jpeg

import (
	"encoding/binary"
	"errors"
)

var errCode = errors.New("its data has a code that no table has")

// Codes of up to fastBits are found at once.
const fastBits = 10

// huffman is a table of codes.
type huffman struct {
	fast    [1 << fastBits]uint16 // by the next bits: the code's length<<8 | symbol; 0: it is longer
	last    [17]int32             // by length, the largest code, -1: none
	first   [17]int32             // by length, what to add to a code for its symbol's place
	symbols []byte
	// whole is, of tables of AC coefficients, by the next bits: a coefficient<<16 | run<<8 | all of its bits; 0: not all of
	// them are there.
	whole *[1 << fastBits]int32
}

// newHuffman reads a table, of AC coefficients or of DC ones, and returns its size, too.
func newHuffman(b []byte, ac bool) (*huffman, int, error) {
	n := 0
	for _, c := range b[:16] {
		n += int(c)
	}
	if n > 256 || len(b) < 16+n {
		return nil, 0, errors.New("a table of codes is broken")
	}
	h := &huffman{symbols: b[16 : 16+n]}
	code, place := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		count := int32(b[length-1])
		h.first[length], h.last[length] = place-code, -1
		if count > 0 {
			h.last[length] = code + count - 1
		}
		if code+count > 1<<length {
			return nil, 0, errors.New("a table of codes has more than there are of a length")
		}
		for range count {
			if length <= fastBits {
				for i := range int32(1) << (fastBits - length) {
					h.fast[code<<(fastBits-length)|i] = uint16(length)<<8 | uint16(h.symbols[place])
				}
			}
			code++
			place++
		}
		code <<= 1
	}
	if ac {
		h.expand()
	}
	return h, 16 + n, nil
}

// expand fills whole.
func (h *huffman) expand() {
	h.whole = new([1 << fastBits]int32)
	for i := range h.fast {
		length, run, size := int(h.fast[i]>>8), int32(h.fast[i]>>4&15), int(h.fast[i]&15)
		if length == 0 || size == 0 || length+size > fastBits {
			continue
		}
		v := int32(i) >> (fastBits - length - size) & (1<<size - 1)
		h.whole[i] = extend(v, uint(size))<<16 | run<<8 | int32(length+size)
	}
}

// extend makes a number of n bits, as they come, one with a sign.
func extend(v int32, n uint) int32 {
	if n > 0 && v < 1<<(n-1) {
		v += -1<<n + 1
	}
	return v
}

// bits reads the data of a scan.
type bits struct {
	file []byte
	at   int
	acc  uint64 // the next bits, from the top
	n    int    // of them
	over int    // of n, zeros behind the end
}

// fill makes sure of 32 bits.
func (b *bits) fill() {
	if b.at+4 <= len(b.file) && b.n <= 32 {
		if v := binary.BigEndian.Uint32(b.file[b.at:]); v&0x80808080&^(v+0x01010101) == 0 { // no byte is 0xff
			b.acc |= uint64(v) << (32 - b.n)
			b.n += 32
			b.at += 4
			return
		}
	}
	for b.n <= 56 {
		v := byte(0)
		switch {
		case b.at < len(b.file) && b.file[b.at] != 0xff:
			v = b.file[b.at]
			b.at++
		case b.at+1 < len(b.file) && b.file[b.at+1] == 0:
			v = 0xff
			b.at += 2
		default: // a marker, or the end
			b.over += 8
		}
		b.acc |= uint64(v) << (56 - b.n)
		b.n += 8
	}
}

// ended tells whether more bits were used than there are.
func (b *bits) ended() bool { return b.over > b.n }

// take returns n bits, up to 16, which fill has made sure of.
func (b *bits) take(n uint) int32 {
	v := int32(b.acc >> (64 - n)) // 0 for n = 0: a shift by 64
	b.acc <<= n
	b.n -= int(n)
	return v
}

// symbol returns the next code's symbol. Up to 16 bits are used, which fill has made sure of.
func (b *bits) symbol(h *huffman) (byte, error) {
	if f := h.fast[b.acc>>(64-fastBits)]; f != 0 {
		b.acc <<= f >> 8
		b.n -= int(f >> 8)
		return byte(f), nil
	}
	for length := fastBits + 1; length <= 16; length++ {
		if code := int32(b.acc >> (64 - length)); code <= h.last[length] {
			b.acc <<= length
			b.n -= length
			return h.symbols[h.first[length]+code], nil
		}
	}
	return 0, errCode
}

// restart begins behind the restart marker of a number, which must come next.
func (b *bits) restart(number int) error {
	for b.at+1 < len(b.file) && b.file[b.at] == 0xff && b.file[b.at+1] == 0xff { // fill bytes
		b.at++
	}
	if b.at+2 > len(b.file) {
		return errEnds
	}
	if b.file[b.at] != 0xff || b.file[b.at+1] != byte(rst0+number%8) {
		return errors.New("a restart marker is not where it should be")
	}
	*b = bits{file: b.file, at: b.at + 2}
	return nil
}
