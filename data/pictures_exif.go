package data

import (
	"encoding/binary"
	"image"

	"golang.org/x/image/draw"
)

// exifOrientation returns how a JPEG file says that its picture is to be turned: EXIF's
// tag 0x0112, from 1 (as it is) to 8; 1 where it says nothing, or nothing of sense.
func exifOrientation(file []byte) int {
	for at := 2; at+4 <= len(file) && file[at] == 0xff; {
		marker, size := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
		if marker == 0xda || size < 2 || at+2+size > len(file) { // the picture itself, or noise
			break
		}
		body := file[at+4 : at+2+size]
		if marker == 0xe1 && len(body) > 6 && string(body[:6]) == "Exif\x00\x00" {
			return tiffOrientation(body[6:])
		}
		at += 2 + size
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

// upright turns a picture as EXIF's orientation says.
func upright(m image.Image, orientation int) image.Image {
	if orientation == 1 {
		return m
	}
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	from := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(from, from.Bounds(), m, b.Min, draw.Src)
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
			copy(to.Pix[4*(y*outW+x):][:4], from.Pix[4*(v*w+u):][:4])
		}
	}
	return to
}
