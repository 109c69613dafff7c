package jpeg

// colour returns what makes pixels of the picture's components, as libjpeg guesses what they are: by an Adobe segment, then
// by a JFIF one, then by the components' names.
func (p *Picture) colour() func(dst []byte, lines [4][]byte) {
	switch len(p.components) {
	case 1:
		return grey
	case 4:
		if p.adobe == 2 {
			return ycck
		}
		return cmyk
	}
	ids := string([]byte{p.components[0].id, p.components[1].id, p.components[2].id})
	if !p.jfif && (p.adobe == 0 || p.adobe < 0 && ids == "RGB") {
		return rgb
	}
	return ycc
}

func grey(dst []byte, lines [4][]byte) {
	for i, v := range lines[0] {
		px := dst[4*i:][:4:4]
		px[0], px[1], px[2], px[3] = v, v, v, 255
	}
}

func rgb(dst []byte, lines [4][]byte) {
	g, b := lines[1][:len(lines[0])], lines[2][:len(lines[0])]
	for i, v := range lines[0] {
		px := dst[4*i:][:4:4]
		px[0], px[1], px[2], px[3] = v, g[i], b[i], 255
	}
}

// byte8 makes a byte of a number with 16 bits behind the point.
func byte8(v int32) byte {
	if uint32(v)>>24 != 0 {
		return byte(^(v >> 31))
	}
	return byte(v >> 16)
}

// ycc makes pixels of luma and chroma in full range (JFIF).
func ycc(dst []byte, lines [4][]byte) {
	cbs, crs := lines[1][:len(lines[0])], lines[2][:len(lines[0])]
	dst = dst[:4*len(lines[0])]
	for i, v := range lines[0] {
		y, cb, cr := int32(v)<<16+1<<15, int32(cbs[i])-128, int32(crs[i])-128
		px := dst[4*i:][:4:4]
		px[0], px[1], px[2], px[3] = byte8(y+91881*cr), byte8(y-22554*cb-46802*cr), byte8(y+116130*cb), 255
	}
}

// cmyk makes pixels of four inks, which files have inverted: at 255 there is no ink.
func cmyk(dst []byte, lines [4][]byte) {
	for i := range lines[0] {
		px := dst[4*i:][:4:4]
		for c := range 3 {
			px[c] = inked(255-lines[c][i], lines[3][i])
		}
		px[3] = 255
	}
}

// ycck makes pixels of three inks as luma and chroma, and black.
func ycck(dst []byte, lines [4][]byte) {
	ycc(dst, lines)
	for i, k := range lines[3] {
		px := dst[4*i:][:3:3]
		for c := range 3 {
			px[c] = inked(px[c], k)
		}
	}
}

// inked is what is left of a light by an ink, and by black, of which white are left.
func inked(ink, white byte) byte {
	t := int(ink)*int(white) + 128
	return byte(max(int(white)-(t>>8+t)>>8, 0))
}
