package data

import "image"

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
func upright(from *image.NRGBA, orientation int) *image.NRGBA {
	if orientation == 1 {
		return from
	}
	w, h := from.Rect.Dx(), from.Rect.Dy()
	size := turned(image.Pt(w, h), orientation)
	to := image.NewNRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
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
			copy(to.Pix[4*(y*size.X+x):][:4], from.Pix[4*(v*w+u):])
		}
	}
	return to
}
