package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

// webpFile is a WebP, whose first frame is shown on a transparent ground.
type webpFile struct {
	w, h        int
	x, y        int // of the frame
	frameW      int // pixels of the frame
	frameH      int
	alpha, data []byte // of the frame, without their chunks' heads; alpha may be nil
	lossless    bool
}

func openWebP(file []byte) (*File, error) {
	w, p := &webpFile{}, &File{}
	var canvas []byte
	animated := false
	for name, body := range riffChunks(file[12:]) {
		switch name {
		case "VP8X":
			if len(body) < 10 {
				return nil, errors.New("its header is too short")
			}
			canvas = body
		case "ANMF":
			animated = true
			if w.data == nil {
				if err := w.frame(body); err != nil {
					return nil, err
				}
			}
		case "EXIF":
			p.Orientation = orientation(body)
		default:
			w.part(name, body)
		}
	}
	if err := w.size(); err != nil {
		return nil, err
	}
	w.w, w.h = w.frameW, w.frameH
	if canvas != nil {
		w.w, w.h = 1+int(uint24(canvas[4:])), 1+int(uint24(canvas[7:]))
	}
	if w.x+w.frameW > w.w || w.y+w.frameH > w.h || !animated && (w.frameW != w.w || w.frameH != w.h) {
		return nil, fmt.Errorf("its frame of %d×%d pixels at %d, %d does not fit its %d×%d pixels", w.frameW, w.frameH, w.x, w.y, w.w, w.h)
	}
	if size := uint64(binary.LittleEndian.Uint32(file[4:])); size > uint64(len(file)-8) {
		return nil, errEnds
	}
	// A few bytes must not claim the memory of many. A small picture of one colour takes any number of pixels in some bytes.
	if n, pixels := len(w.data)+len(w.alpha), w.frameW*w.frameH; pixels > 1<<24 && pixels>>16 > n {
		return nil, fmt.Errorf("its %d bytes are too few for a frame of %d×%d pixels: %w", n, w.frameW, w.frameH, errEnds)
	}
	p.W, p.H, p.decoder = w.w, w.h, w
	return p, nil
}

// riffChunks goes through chunks, up to one that is cut.
func riffChunks(b []byte) func(yield func(name string, body []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			n := uint64(binary.LittleEndian.Uint32(b[4:]))
			if n > uint64(len(b)-8) || !yield(string(b[:4]), b[8:8+n]) {
				return
			}
			b = b[min(8+n+n&1, uint64(len(b))):]
		}
	}
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// part notes a chunk of the frame.
func (w *webpFile) part(name string, body []byte) {
	switch {
	case w.data != nil:
	case name == "ALPH":
		w.alpha = body
	case name == "VP8 ", name == "VP8L":
		w.data, w.lossless = body, name == "VP8L"
	}
}

// frame reads a frame of an animation.
func (w *webpFile) frame(b []byte) error {
	if len(b) < 16 {
		return errors.New("its first frame is too short")
	}
	w.x, w.y = 2*int(uint24(b)), 2*int(uint24(b[3:]))
	for name, body := range riffChunks(b[16:]) {
		w.part(name, body)
	}
	return nil
}

// size reads that of the frame.
func (w *webpFile) size() error {
	switch {
	case w.data == nil:
		return errEnds
	case w.lossless && len(w.data) >= 5 && w.data[0] == 0x2f:
		v := binary.LittleEndian.Uint32(w.data[1:])
		w.frameW, w.frameH = 1+int(v&0x3fff), 1+int(v>>14&0x3fff)
		w.alpha = nil
	case !w.lossless && len(w.data) >= 10 && string(w.data[3:6]) == "\x9d\x01\x2a":
		w.frameW, w.frameH = int(binary.LittleEndian.Uint16(w.data[6:])&0x3fff), int(binary.LittleEndian.Uint16(w.data[8:])&0x3fff)
	default:
		return errors.New("its frame's header is broken")
	}
	if w.frameW == 0 || w.frameH == 0 {
		return fmt.Errorf("its frame has %d×%d pixels", w.frameW, w.frameH)
	}
	return nil
}

// Memory is the bytes that Rows takes at most: of a lossless frame, or an alpha plane, that is compressed, its pixels three
// times.
func (w *webpFile) Memory(int) int64 {
	pixels := int64(w.frameW+16) * int64(w.frameH+16)
	each := int64(2)
	if w.lossless || w.alpha != nil {
		each = 14
	}
	return each*pixels + 8*int64(w.w) + 1<<20
}

// still is the frame as a file of its own.
func (w *webpFile) still() *bytes.Buffer {
	var b bytes.Buffer
	chunk := func(name string, body []byte) {
		b.WriteString(name)
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(body))))
		b.Write(body)
		if len(body)%2 == 1 {
			b.WriteByte(0)
		}
	}
	b.WriteString("RIFF????WEBP")
	switch {
	case w.lossless:
		chunk("VP8L", w.data)
	case w.alpha == nil:
		chunk("VP8 ", w.data)
	default:
		head := []byte{0x10, 0, 0, 0, byte(w.frameW - 1), byte((w.frameW - 1) >> 8), 0, byte(w.frameH - 1), byte((w.frameH - 1) >> 8), 0}
		chunk("VP8X", head)
		chunk("ALPH", w.alpha)
		chunk("VP8 ", w.data)
	}
	binary.LittleEndian.PutUint32(b.Bytes()[4:], uint32(b.Len()-8))
	return &b
}

func (w *webpFile) Rows(_ int, use func(Row)) error {
	m, err := webp.Decode(w.still())
	if err != nil {
		return err
	}
	if m.Bounds().Size() != image.Pt(w.frameW, w.frameH) {
		return fmt.Errorf("its frame has %v pixels, its header says %d×%d", m.Bounds().Size(), w.frameW, w.frameH)
	}
	var row func(y int, dst []byte)
	switch m := m.(type) {
	case *image.NRGBA:
		row = func(y int, dst []byte) { copy(dst, m.Pix[y*m.Stride:]) }
	case *image.YCbCr:
		row = newVideo(m).row
	case *image.NYCbCrA:
		v := newVideo(&m.YCbCr)
		row = func(y int, dst []byte) {
			v.row(y, dst)
			for x, a := range m.A[y*m.AStride:][:w.frameW] {
				dst[4*x+3] = a
			}
		}
	default:
		return fmt.Errorf("its frame is of the type %T", m)
	}
	pix := make([]byte, 4*w.w)
	for y := range w.h {
		clear(pix)
		if y >= w.y && y < w.y+w.frameH {
			row(y-w.y, pix[4*w.x:][:4*w.frameW])
		}
		use(Row{Pix: pix, Y: y, Step: 1})
	}
	return nil
}

// video is a frame of luma from 16 to 235 and chroma of half of the size, as VP8 has it. The standard library takes luma
// from 0 to 255 (JFIF), and repeats chroma.
type video struct {
	*image.YCbCr
	w, h   int
	cb, cr []byte // a row, upsampled
}

func newVideo(m *image.YCbCr) *video {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	return &video{m, w, h, make([]byte, w+2), make([]byte, w+2)}
}

// row makes pixels of a row, as libwebp does.
func (v *video) row(y int, dst []byte) {
	near, far := y/2, y/2+2*(y&1)-1
	far = min(max(far, 0), (v.h-1)/2)
	n := (v.w + 1) / 2
	upsampleVideo(v.cb, v.Cb[near*v.CStride:][:n], v.Cb[far*v.CStride:][:n])
	upsampleVideo(v.cr, v.Cr[near*v.CStride:][:n], v.Cr[far*v.CStride:][:n])
	cbs, crs := v.cb[:v.w], v.cr[:v.w]
	for x, luma := range v.Y[y*v.YStride:][:v.w] {
		y, cb, cr := int32(luma)*19077>>8, int32(cbs[x]), int32(crs[x])
		px := dst[4*x:][:4:4]
		px[0] = byte6(y + cr*26149>>8 - 14234)
		px[1] = byte6(y - cb*6419>>8 - cr*13320>>8 + 8708)
		px[2] = byte6(y + cb*33050>>8 - 17685)
		px[3] = 255
	}
}

// byte6 makes a byte of a number with 6 bits behind the point.
func byte6(v int32) byte {
	if uint32(v)>>14 != 0 {
		return byte(^(v >> 31))
	}
	return byte(v >> 6)
}

// upsampleVideo doubles a row of chroma between the nearer row and the farther: 9, 3, 3 and 1 parts of 16, rounded as
// libwebp does.
func upsampleVideo(dst, near, far []byte) {
	far = far[:len(near)]
	n0, f0 := int32(near[0]), int32(far[0])
	dst[0] = byte((3*n0 + f0 + 2) >> 2)
	for i := 1; i < len(near); i++ {
		n1, f1 := int32(near[i]), int32(far[i])
		sum := n0 + n1 + f0 + f1 + 8
		dst[2*i-1] = byte(((sum+2*(n1+f0))>>3 + n0) >> 1)
		dst[2*i] = byte(((sum+2*(n0+f1))>>3 + n1) >> 1)
		n0, f0 = n1, f1
	}
	dst[2*len(near)-1] = byte((3*n0 + f0 + 2) >> 2)
}
