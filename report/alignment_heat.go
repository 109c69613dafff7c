package report

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The shades of both pictures: from paper by blue to ink. One more stands for nothing.
const (
	shadeCount = 255
	shadeNone  = shadeCount
)

var shadeRamp = newShadeRamp()

func newShadeRamp() color.Palette {
	const middle = 0.6 // where blue is
	var out color.Palette
	for i := range shadeCount {
		a, b, t := paper, correct, float64(i)/(shadeCount-1)/middle
		if t > 1 {
			a, b, t = correct, ink, (t-1)*middle/(1-middle)
		}
		out = append(out, mix(a, b, t))
	}
	return append(out, grid.rgb())
}

// shadeOf is the shade of a share.
func shadeOf(share float64) uint8 {
	return uint8(math.Round(min(max(share, 0), 1) * (shadeCount - 1)))
}

// A sampling says which of n cells that start at a place are under each pixel of a line.
type sampling struct {
	line        bounds
	pixels      int
	start, step float64
	n           int
}

// cells returns the range of cells under a pixel: all that begin in it where they are smaller,
// else the one under its middle; an empty one where there are none.
func (s sampling) cells(pixel int) (lo, hi int) {
	cell := func(p float64) int {
		at := math.Floor((s.line.lo + s.line.width()*p/float64(s.pixels) - s.start) / s.step)
		return int(min(max(at, -1), float64(s.n)))
	}
	p := float64(pixel)
	if s.step*float64(s.pixels) >= s.line.width() {
		lo = cell(p + 0.5)
		hi = lo + 1
	} else {
		lo = cell(p)
		hi = max(cell(p+1), lo+1) // rounding must leave no gap
	}
	return max(lo, 0), min(hi, s.n)
}

// paintSpectrum draws the rows, a pixel being the mean of what is under it.
func (v *aligned) paintSpectrum(l lane) {
	s := sampling{v.part, pixels(l.Size().X), 0, v.Span / float64(v.Columns), v.Columns}
	means := make([]float64, v.Rows*s.pixels)
	for row := range v.Rows {
		for px := range s.pixels {
			lo, hi := s.cells(px)
			sum := 0.0
			for _, e := range v.Spectrum[row*v.Columns+lo : row*v.Columns+hi] {
				sum += float64(e)
			}
			means[row*s.pixels+px] = sum / float64(hi-lo)
		}
	}
	b := v.shadeRange(means)
	l.heat(shaded(s.pixels, v.Rows, shadeRamp, func(px, row int) uint8 {
		if !v.FromTop {
			row = v.Rows - 1 - row
		}
		return shadeOf((means[row*s.pixels+px] - b.lo) / b.width())
	}))
}

// shadeRange is what the shades stand for: all values of a picture; of features, without the
// few that lie far below or above.
func (v *aligned) shadeRange(values []float64) bounds {
	if v.FromTop {
		return empty().with(values...).wide()
	}
	sorted := sortedFinite(values)
	return bounds{quantile(sorted, 0.05), quantile(sorted, 0.998)}.wide()
}

// posteriorImage draws the classes, a pixel being the greatest of what is under it, so that no
// peak is lost.
func (v *aligned) posteriorImage(width int) *image.Paletted {
	s := sampling{v.part, width, v.FrameStart, v.FrameStep, v.Frames}
	return shaded(width, len(v.classes), shadeRamp, func(px, row int) uint8 {
		lo, hi := s.cells(px)
		if lo >= hi {
			return shadeNone
		}
		most := float32(0)
		for f := lo; f < hi; f++ {
			most = max(most, v.Posteriors[f*v.Classes+v.classes[row]])
		}
		return shadeOf(float64(most))
	})
}

// shaded is a picture of the colours of a palette, a shade being a place in it.
func shaded(width, height int, colours color.Palette, shade func(x, y int) uint8) *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, width, height), colours)
	for y := range height {
		for x := range width {
			img.Pix[y*img.Stride+x] = shade(x, y)
		}
	}
	return img
}

// stretched repeats a picture's rows and columns up to a size in points, since viewers smooth
// what they enlarge, and SVG keeps a picture's proportions.
func stretched(img *image.Paletted, size vg.Point) *image.Paletted {
	from, width, height := img.Rect, pixels(size.X), pixels(size.Y)
	return shaded(width, height, img.Palette, func(x, y int) uint8 {
		return img.Pix[y*from.Dy()/height*img.Stride+x*from.Dx()/width]
	})
}

// pixels is how many there are along a length.
func pixels(length vg.Length) int { return int(math.Round(float64(length) * dotsPerPoint)) }

// scaleBar draws which of the values from 0 to most a shade is, from the first colour below to the last above, with the numbers at
// the right.
func scaleBar(c draw.Canvas, bar vg.Rectangle, colours color.Palette, most float64, about int) {
	img := shaded(1, len(colours), colours, func(_, y int) uint8 { return uint8(len(colours) - 1 - y) })
	c.DrawImage(bar, stretched(img, bar.Size()))
	for _, t := range (ticks{about: about}).Ticks(0, most) {
		y := bar.Min.Y + (bar.Max.Y-bar.Min.Y)*vg.Length(t.Value/most)
		write(c, bar.Max.X+4, y, t.Label, style{size: 10, hue: muted, middle: true})
	}
}
