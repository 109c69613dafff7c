package data

import (
	"encoding/binary"
	"image"
	"iter"

	"golang.org/x/image/draw"
)

// jpegSegments goes through a JPEG file's segments, with their markers, up to the picture itself or noise.
func jpegSegments(file []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for at := 2; at+4 <= len(file) && file[at] == 0xff; {
			marker, size := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
			if marker == 0xda || size < 2 || at+2+size > len(file) || !yield(marker, file[at+4:at+2+size]) {
				return
			}
			at += 2 + size
		}
	}
}

// exifOrientation returns how a JPEG file says that its picture is to be turned: EXIF's
// tag 0x0112, from 1 (as it is) to 8; 1 where it says nothing, or nothing of sense.
func exifOrientation(file []byte) int {
	for marker, body := range jpegSegments(file) {
		if marker == 0xe1 && len(body) > 6 && string(body[:6]) == "Exif\x00\x00" {
			return tiffOrientation(body[6:])
		}
	}
	return 1
}

// tiffOrientation finds the tag in the first directory of a TIFF header.
func tiffOrientation(t []byte) int {
	if len(t) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if t[0] == 'M' {
		order = binary.BigEndian
	}
	first := order.Uint32(t[4:])
	if uint64(first)+2 > uint64(len(t)) {
		return 1
	}
	entries := t[first+2:]
	for range order.Uint16(t[first:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == 0x0112 {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}

// jpegBytes is the bytes that decoding a JPEG file takes for a pixel: one for each sample, and for a progressive one, whose
// coefficients are kept, four more.
func jpegBytes(file []byte) float64 {
	const most = 4 * (1 + 4)
	for marker, body := range jpegSegments(file) {
		if marker < 0xc0 || marker > 0xc2 || len(body) < 6 {
			continue
		}
		components := body[6:]
		if n := 3 * int(body[5]); len(components) != n || n > 12 {
			return most
		}
		var across, down, samples float64
		for c := components; len(c) > 0; c = c[3:] {
			h, v := float64(c[1]>>4), float64(c[1]&15)
			across, down, samples = max(across, h), max(down, v), samples+h*v
		}
		each := 1.0
		if marker == 0xc2 {
			each += 4
		}
		bytes := each * samples / max(across*down, 1)
		if len(components) == 12 {
			bytes += 8 // turned from four inks
		}
		return max(bytes, each) * 1.1 // blocks at the edges are whole
	}
	return most
}

// turned is the size of what upright makes of a picture of a size.
func turned(size image.Point, orientation int) image.Point {
	if orientation >= 5 {
		size.X, size.Y = size.Y, size.X
	}
	return size
}

// seenPart is the part of a picture of a size of which upright makes part.
func seenPart(part image.Rectangle, orientation int, size image.Point) image.Rectangle {
	if orientation >= 5 {
		part = image.Rect(part.Min.Y, part.Min.X, part.Max.Y, part.Max.X)
	}
	switch orientation {
	case 2, 3, 7, 8:
		part.Min.X, part.Max.X = size.X-part.Max.X, size.X-part.Min.X
	}
	switch orientation {
	case 3, 4, 6, 7:
		part.Min.Y, part.Max.Y = size.Y-part.Max.Y, size.Y-part.Min.Y
	}
	return part
}

// upright turns a picture as EXIF's orientation says.
func upright(m image.Image, orientation int) image.Image {
	if orientation == 1 {
		return m
	}
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	from, ok := m.(*image.RGBA)
	if !ok || b.Min != (image.Point{}) {
		from = image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(from, from.Bounds(), m, b.Min, draw.Src)
	}
	outW, outH := w, h
	if orientation >= 5 {
		outW, outH = h, w
	}
	to := image.NewRGBA(image.Rect(0, 0, outW, outH))
	for y := range outH {
		for x := range outW {
			u, v := x, y
			if orientation >= 5 { // rows are columns
				u, v = y, x
			}
			switch orientation {
			case 2, 3, 7, 8:
				u = w - 1 - u
			}
			switch orientation {
			case 3, 4, 6, 7:
				v = h - 1 - v
			}
			copy(to.Pix[4*(y*outW+x):][:4], from.Pix[from.PixOffset(u, v):][:4])
		}
	}
	return to
}
