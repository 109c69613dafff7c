package report

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
)

// frameTime is how long a frame of an animation stays, in hundredths of a second; the
// last one stays longer.
const (
	frameTime = 15
	lastTime  = 200
)

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
	for i, img := range frames {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return nil, err
		}
		if img.Bounds().Size() != frames[0].Bounds().Size() {
			return nil, errors.New("report: the frames of an animation differ in size")
		}
		data := b.Bytes()
		const signature = 8
		if i == 0 {
			out.Write(data[:signature])
		}
		controlled := false
		for at := signature; at+12 <= len(data); {
			n := int(binary.BigEndian.Uint32(data[at:]))
			kind, body := string(data[at+4:at+8]), data[at+8:at+8+n]
			whole := data[at : at+12+n]
			at += 12 + n
			switch {
			case kind == "IHDR" && i == 0:
				out.Write(whole)
				chunk(&out, "acTL", binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(frames))), 0))
			case (kind == "PLTE" || kind == "tRNS") && i == 0: // one palette serves all frames
				out.Write(whole)
			case kind == "IDAT":
				if !controlled {
					chunk(&out, "fcTL", frameControl(sequence, img.Bounds().Size(), i == len(frames)-1))
					sequence++
					controlled = true
				}
				if i == 0 {
					out.Write(whole)
					continue
				}
				chunk(&out, "fdAT", append(binary.BigEndian.AppendUint32(nil, sequence), body...))
				sequence++
			}
		}
	}
	chunk(&out, "IEND", nil)
	return out.Bytes(), nil
}

// frameControl says where and how long a frame is shown: all over what was there before.
func frameControl(sequence uint32, size image.Point, last bool) []byte {
	b := binary.BigEndian.AppendUint32(nil, sequence)
	for _, v := range []int{size.X, size.Y, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	stay := uint16(frameTime)
	if last {
		stay = lastTime
	}
	b = binary.BigEndian.AppendUint16(b, stay)
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
		stay := frameTime
		if i == len(frames)-1 {
			stay = lastTime
		}
		g.Image, g.Delay = append(g.Image, p), append(g.Delay, stay)
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
	r, g, b, _ := offending.solid().RGBA()
	lr, lg, lb, _ := correct.solid().RGBA()
	for i := range 16 { // orange on paper, and on the darkest blue
		mix := func(v uint32, ground float64) uint8 {
			return uint8((float64(v>>8)*float64(i+1) + ground*float64(15-i)) / 16)
		}
		p = append(p, color.RGBA{mix(r, 254), mix(g, 254), mix(b, 254), 255},
			color.RGBA{mix(r, float64(lr>>8)), mix(g, float64(lg>>8)), mix(b, float64(lb>>8)), 255})
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
