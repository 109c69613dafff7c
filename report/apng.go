package report

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
)

// frameTime is how long a frame of an animation stays, in hundredths of a second; the last one stays longer.
func frameTime(frame, of int) int {
	if frame == of-1 {
		return 200
	}
	return 15
}

// animatedPNG joins pictures of one size, and of one palette if they have any, into an animated PNG that goes round for ever.
// Programs that know no animation show the first.
//
// Source: [apng].
func animatedPNG(frames []image.Image) ([]byte, error) {
	if len(frames) == 0 {
		return nil, errors.New("report: an animation of no frames")
	}
	var out bytes.Buffer
	sequence := uint32(0)
	next := func() []byte {
		sequence++
		return binary.BigEndian.AppendUint32(nil, sequence-1)
	}
	for i, img := range frames {
		if img.Bounds().Size() != frames[0].Bounds().Size() {
			return nil, errors.New("report: the frames of an animation differ in size")
		}
		head, data, err := pngParts(img)
		if err != nil {
			return nil, err
		}
		if i == 0 { // one palette serves all frames
			out.Write(head)
			chunk(&out, "acTL", binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(frames))), 0))
		}
		chunk(&out, "fcTL", frameControl(next(), img.Bounds().Size(), frameTime(i, len(frames))))
		if i == 0 {
			chunk(&out, "IDAT", data)
		} else {
			chunk(&out, "fdAT", append(next(), data...))
		}
	}
	chunk(&out, "IEND", nil)
	return out.Bytes(), nil
}

// pngParts encodes a picture and returns all that comes before its pixels, and the pixels.
func pngParts(img image.Image) (head, data []byte, err error) {
	file, err := pngOf(img)
	const signature, frame = 8, 12 // the length, kind and checksum of a chunk
	for at := signature; at+frame <= len(file); {
		n := int(binary.BigEndian.Uint32(file[at:]))
		if kind := string(file[at+4 : at+8]); kind == "IDAT" {
			data = append(data, file[at+8:at+8+n]...)
		} else if kind != "IEND" {
			head = file[:at+frame+n]
		}
		at += frame + n
	}
	return head, data, err
}

// frameControl says where and how long a frame is shown: all over what was there before.
func frameControl(sequence []byte, size image.Point, stay int) []byte {
	b := sequence
	for _, v := range []int{size.X, size.Y, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(stay))
	b = binary.BigEndian.AppendUint16(b, 100) // hundredths
	return append(b, 0, 0)
}

func chunk(out *bytes.Buffer, kind string, body []byte) {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	out.Write(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// animatedGIF is the same as a GIF.
func animatedGIF(frames []image.Image) ([]byte, error) {
	g := &gif.GIF{}
	for i, img := range frames {
		p, ok := img.(*image.Paletted)
		if !ok {
			return nil, errors.New("report: a frame of a GIF has more than 256 colours")
		}
		g.Image, g.Delay = append(g.Image, p), append(g.Delay, frameTime(i, len(frames)))
	}
	var b bytes.Buffer
	err := gif.EncodeAll(&b, g)
	return b.Bytes(), err
}

// filmPalette is the colours of animations: the shades of the energies, greys, and orange.
var filmPalette = func() (p color.Palette) {
	for i := range filmShades {
		share := float64(i) / (filmShades - 1)
		p = append(p, heatColour(share*share, filmShades))
	}
	for i := range 64 {
		p = append(p, color.Gray{Y: uint8(i * 254 / 63)})
	}
	for i := range 16 { // orange on paper, and on the darkest blue
		t := float64(i+1) / 16
		p = append(p, mix(paper, offending, t), mix(correct, offending, t))
	}
	return p
}()

// inPalette returns a picture in the palette, each pixel by the nearest colour. Colours
// that agree in their first six bits share one, which is looked up once.
func inPalette(img image.Image) *image.Paletted {
	out := image.NewPaletted(img.Bounds(), filmPalette)
	known := map[[3]uint8]uint8{}
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			key := [3]uint8{uint8(r >> 10), uint8(g >> 10), uint8(b >> 10)}
			index, ok := known[key]
			if !ok {
				index = uint8(filmPalette.Index(img.At(x, y)))
				known[key] = index
			}
			out.SetColorIndex(x, y, index)
		}
	}
	return out
}
