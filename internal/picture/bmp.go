package picture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Compressions of a BMP.
const (
	bmpPlain  = 0
	bmpRLE8   = 1
	bmpRLE4   = 2
	bmpMasks  = 3
	bmpMasks4 = 6 // with alpha
)

// bmpFile is a BMP, of Windows or OS/2.
type bmpFile struct {
	w, h        int
	down        bool // rows come from the top
	depth       int
	compression uint32
	palette     [256][4]byte
	masks       [4]uint32 // red, green, blue, alpha
	data        []byte
}

func openBMP(file []byte) (*File, error) {
	if len(file) < 26 {
		return nil, errEnds
	}
	le := binary.LittleEndian
	start, size := uint64(le.Uint32(file[10:])), uint64(le.Uint32(file[14:]))
	if size < 12 || size != 12 && size < 16 || 14+size > uint64(len(file)) {
		return nil, fmt.Errorf("its header has %d bytes", size)
	}
	head := make([]byte, max(size, 124)) // what older kinds of header lack is 0
	copy(head, file[14:14+size])
	b := &bmpFile{}
	entry, planes := uint64(4), uint16(0)
	if size == 12 {
		b.w, b.h, planes, b.depth, entry = int(le.Uint16(head[4:])), int(le.Uint16(head[6:])), le.Uint16(head[8:]), int(le.Uint16(head[10:])), 3
		clear(head[12:])
	} else {
		b.w, b.h, planes, b.depth = int(int32(le.Uint32(head[4:]))), int(int32(le.Uint32(head[8:]))), le.Uint16(head[12:]), int(le.Uint16(head[14:]))
		b.compression = le.Uint32(head[16:])
	}
	if b.h < 0 {
		b.h, b.down = -b.h, true
	}
	if b.w <= 0 || b.h <= 0 || planes != 1 {
		return nil, fmt.Errorf("its header declares %d×%d pixels in %d planes", b.w, b.h, planes)
	}
	if err := b.kind(); err != nil {
		return nil, err
	}
	colours := uint64(le.Uint32(head[32:]))
	at := 14 + size
	if b.compression == bmpMasks || b.compression == bmpMasks4 {
		b.setMasks(head, size, file, &at)
	}
	if b.depth <= 8 {
		if colours == 0 || colours > 1<<b.depth {
			colours = 1 << b.depth
		}
		if at+entry*colours > uint64(len(file)) {
			return nil, errEnds
		}
		for i := range int(colours) {
			c := file[at+entry*uint64(i):]
			b.palette[i] = [4]byte{c[2], c[1], c[0], 255}
		}
	}
	if start > uint64(len(file)) {
		return nil, errEnds
	}
	b.data = file[start:]
	// Two bytes make 255 pixels; a few must not claim the memory of many.
	if n := int64(len(b.data)); (b.compression == bmpRLE4 || b.compression == bmpRLE8) && int64(b.w)*int64(b.h) > n<<12 {
		return nil, fmt.Errorf("its %d bytes are too few for %d×%d pixels: %w", n, b.w, b.h, errEnds)
	}
	return &File{W: b.w, H: b.h, decoder: b}, nil
}

// kind checks the depth and the compression, and chooses the masks of pixels without a palette.
func (b *bmpFile) kind() error {
	ok := false
	switch b.compression {
	case bmpPlain:
		switch b.depth {
		case 1, 2, 4, 8:
			ok = true
		case 16:
			b.masks, ok = [4]uint32{0x7c00, 0x3e0, 0x1f, 0}, true
		case 24, 32:
			b.masks, ok = [4]uint32{0xff0000, 0xff00, 0xff, 0}, true
		}
	case bmpRLE8:
		ok = b.depth == 8 && !b.down
	case bmpRLE4:
		ok = b.depth == 4 && !b.down
	case bmpMasks, bmpMasks4:
		ok = b.depth == 16 || b.depth == 32
	}
	if !ok {
		return fmt.Errorf("it has %d bits a pixel with the compression %d, which is not read", b.depth, b.compression)
	}
	return nil
}

// setMasks reads the bits of each colour, from the header or from behind a short one.
func (b *bmpFile) setMasks(head []byte, size uint64, file []byte, at *uint64) {
	from, n := head[40:], 3
	if size < 52 {
		from = make([]byte, 16)
		copy(from, file[*at:])
		if b.compression == bmpMasks4 {
			n = 4
		}
		*at += 4 * uint64(n)
	} else if size >= 56 {
		n = 4
	}
	for i := range n {
		b.masks[i] = binary.LittleEndian.Uint32(from[4*i:])
	}
}

func (b *bmpFile) Memory(int) int64 {
	total := 4*int64(b.w) + 1<<12
	if b.compression == bmpRLE4 || b.compression == bmpRLE8 {
		total += int64(b.w) * int64(b.h)
	}
	return total
}

func (b *bmpFile) Rows(_ int, use func(Row)) error {
	stride := (int64(b.w)*int64(b.depth) + 31) / 32 * 4
	data := b.data
	if b.compression == bmpRLE4 || b.compression == bmpRLE8 {
		var err error
		if data, err = b.runs(); err != nil {
			return err
		}
		stride = int64(b.w)
	}
	pix := make([]byte, 4*b.w)
	for i := range b.h {
		at := int64(i) * stride
		if at+stride > int64(len(data)) && at+(int64(b.w)*int64(b.depth)+7)/8 > int64(len(data)) { // the last row's end may be missing
			return errEnds
		}
		y := b.h - 1 - i
		if b.down {
			y = i
		}
		b.row(pix, data[at:])
		use(Row{Pix: pix, Y: y, Step: 1})
	}
	return nil
}

// row makes pixels of a row.
func (b *bmpFile) row(dst, src []byte) {
	switch {
	case b.compression == bmpRLE4 || b.depth == 8:
		for x := range b.w {
			copy(dst[4*x:], b.palette[src[x]][:])
		}
	case b.depth < 8:
		for x := range b.w {
			at := x * b.depth
			copy(dst[4*x:], b.palette[src[at/8]>>(8-b.depth-at%8)&(1<<b.depth-1)][:])
		}
	case b.compression == bmpPlain && b.depth >= 24:
		n := b.depth / 8
		for x := range b.w {
			px, s := dst[4*x:][:4:4], src[n*x:][:3:3]
			px[0], px[1], px[2], px[3] = s[2], s[1], s[0], 255
		}
	default:
		for x := range b.w {
			var v uint32
			if b.depth == 16 {
				v = uint32(binary.LittleEndian.Uint16(src[2*x:]))
			} else {
				v = binary.LittleEndian.Uint32(src[4*x:])
			}
			dst[4*x+3] = 255
			for i, mask := range b.masks {
				if mask != 0 {
					dst[4*x+i] = masked(v, mask)
				}
			}
		}
	}
}

// masked is the bits of a mask as a byte.
func masked(v, mask uint32) byte {
	most := uint64(mask >> bits.TrailingZeros32(mask))
	return byte(uint64(v&mask>>bits.TrailingZeros32(mask)) * 255 / most)
}

// runs undoes the compression by runs: a byte for each pixel, from the bottom row up. What is left out has the first colour.
func (b *bmpFile) runs() ([]byte, error) {
	out, d := make([]byte, b.w*b.h), b.data
	x, y := 0, 0
	put := func(v byte) {
		if x < b.w && y < b.h {
			out[y*b.w+x] = v
		}
		x++
	}
	for {
		if len(d) < 2 {
			return nil, errEnds
		}
		n, v := int(d[0]), d[1]
		d = d[2:]
		switch {
		case n > 0:
			for i := range n {
				put(b.nibble([]byte{v, v}, i))
			}
		case v == 0:
			x, y = 0, y+1
		case v == 1:
			return out, nil
		case v == 2:
			if len(d) < 2 {
				return nil, errEnds
			}
			x, y, d = x+int(d[0]), y+int(d[1]), d[2:]
		default:
			n = int(v)
			if b.compression == bmpRLE4 {
				n = (n + 1) / 2
			}
			if len(d) < n {
				return nil, errEnds
			}
			for i := range int(v) {
				put(b.nibble(d[:n], i))
			}
			d = d[min(n+n&1, len(d)):]
		}
		if y > b.h || x > 1<<30 {
			return nil, errors.New("its runs leave the picture")
		}
	}
}

// nibble is the i-th pixel of some bytes.
func (b *bmpFile) nibble(d []byte, i int) byte {
	if b.compression == bmpRLE8 {
		return d[min(i, len(d)-1)]
	}
	return d[min(i/2, len(d)-1)] >> (4 - 4*(i&1)) & 15
}
