package data

import (
	"fmt"
	"math"
)

// Pictures is a set of pictures of one size in grey or in colour.
type Pictures struct {
	Pixels  []byte // N·C·H·W: of each picture its planes (grey; or red, green, blue), row by row, 0 black
	N       int
	C, H, W int      // channels: 1 or 3; pixels
	Labels  []int    // N, places in Classes; nil where pictures have none
	Classes []string // names of the classes
	Paths   []string // N: where a picture is from, relative to the folder or as the CSV has it; "train/00012" of digits
	Left    LeftOuts // what ListPictures left out of a folder or a list
}

// Size returns the number of bytes of a picture.
func (p *Pictures) Size() int { return p.C * p.H * p.W }

// Picture returns the bytes of picture i, shared.
func (p *Pictures) Picture(i int) []byte { return p.Pixels[i*p.Size():][:p.Size()] }

// Batch writes the pictures of the given indices into dst, scaled to [0, 1]. dst has
// len(indices)·C·H·W elements.
func (p *Pictures) Batch(dst []float32, indices []int) {
	n := p.Size()
	if len(dst) != len(indices)*n {
		panic(fmt.Sprintf("data: Batch of %d pictures of %d bytes into %d elements", len(indices), n, len(dst)))
	}
	for b, i := range indices {
		scaleBytes(dst[b*n:][:n], p.Picture(i))
	}
}

// scaleBytes writes bytes scaled to [0, 1].
func scaleBytes(dst []float32, src []byte) {
	for j, v := range src {
		dst[j] = scaled[v]
	}
}

// Pick returns the pictures of the given indices, in that order. The classes stay as they are.
func (p *Pictures) Pick(indices []int) *Pictures {
	out := &Pictures{N: len(indices), C: p.C, H: p.H, W: p.W, Classes: p.Classes}
	out.Pixels = make([]byte, 0, len(indices)*p.Size())
	for _, i := range indices {
		out.Pixels = append(out.Pixels, p.Picture(i)...)
		out.Paths = append(out.Paths, p.Paths[i])
		if p.Labels != nil {
			out.Labels = append(out.Labels, p.Labels[i])
		}
	}
	return out
}

// PicturesOf returns a set of digits as pictures, sharing their pixels: classes are named by
// their numbers, and paths are part/00000, part/00001 …
func PicturesOf(m *Images, part string) *Pictures {
	p := &Pictures{Pixels: m.Pixels, N: m.N, C: 1, H: m.H, W: m.W}
	for i, y := range m.Labels {
		p.Labels = append(p.Labels, int(y))
		p.Paths = append(p.Paths, fmt.Sprintf("%s/%05d", part, i))
	}
	for k := range m.Classes() {
		p.Classes = append(p.Classes, fmt.Sprint(k))
	}
	return p
}

// Brightness of borders.
const (
	darkBorder   = 64   // mean of a border, at most, that a dark background has
	brightBorder = 128  // … at least, that a bright one has
	darkShare    = 0.95 // of a set's pictures that have a dark border where it is said to have a dark background
)

// DarkBackground says whether the set is of bright figures on dark ground, as the digits
// are: grey pictures, 95 % of which have a border that is darker than 64 in the mean.
func (p *Pictures) DarkBackground() bool {
	if p.C != 1 || p.N == 0 {
		return false
	}
	dark := 0
	for i := range p.N {
		if border(p.Picture(i), p.H, p.W) < darkBorder {
			dark++
		}
	}
	return float64(dark) >= darkShare*float64(p.N)
}

// Darken turns a grey picture of h×w bytes into its negative if its border is brighter
// than 128 in the mean: ink on paper becomes what a set with a dark background is of.
func Darken(picture []byte, h, w int) {
	if border(picture, h, w) <= brightBorder {
		return
	}
	for i, v := range picture {
		picture[i] = 255 - v
	}
}

// border is the mean of a plane's outermost pixels.
func border(plane []byte, h, w int) float64 {
	sum, n := 0, 0
	for y := range h {
		step := w - 1
		if y == 0 || y == h-1 || w == 1 {
			step = 1
		}
		for x := 0; x < w; x += step {
			sum += int(plane[y*w+x])
			n++
		}
	}
	return float64(sum) / math.Max(float64(n), 1)
}
