package report

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The widths of the plane's picture: it is the central one and larger than the others,
// but on a phone its text would become too small.
const (
	planeSize   = 470
	planeNarrow = 340
)

// plane draws the test set in the plane of the two energies (E⁺, E⁻). The diagonal
// parts right from wrong; the half-plane E⁺ + m < E⁻ is where the margin is kept.
func plane(s *Surface, margin float64, has bool, least float64, size vg.Length) *figure {
	var right, wrong []xy
	for i := range s.N {
		p := xy{s.Correct[i], s.Offending[i]}
		switch {
		case !finite(p.x) || !finite(p.y):
		case s.Predicted[i] == s.Labels[i]:
			right = append(right, p)
		default:
			wrong = append(wrong, p)
		}
	}
	if len(right)+len(wrong) == 0 {
		return nil
	}
	bx, by, out := planeRange(s, least)
	p := axes(bx, by, "")
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{about: int(size / 75)}, ticks{about: int(size / 75)}
	p.Y.LineStyle = p.X.LineStyle
	p.Y.Tick.Length, p.Y.Tick.Color = 4, faint.solid()
	p.Add(halfPlanes(margin), verticals(),
		cloud{right, wrong}, diagonal(0, pen(ink, 1.3)), sides())
	if s.isFlat() {
		all := append(right, wrong...)
		p.Add(ring(all[0]), layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
			write(c, x(all[0].x)+13, y(all[0].y)-9, "all "+plural(len(all), "sample", "samples"), style{size: textSize, hue: ink, bold: true})
		}))
	}
	f := &figure{
		name: "plane", title: "The plane of the two energies", width: size, height: size + 40,
		unit:   "a dot is a test sample" + leftOut(out),
		legend: []key{{"right", correct, dot}, {"wrong", offending, dot}, {"E⁺ = E⁻", ink, stroke}},
		paint:  labelled(p, "E⁺, energy of the correct answer", "E⁻, energy of the most offending answer"),
		alt: fmt.Sprintf("Scatter of the test set over the energy of the correct answer and of the most offending one: %s above the diagonal are right, %s below it wrong.",
			plural(len(right), "sample", "samples"), count(len(wrong))),
		how: "Above the diagonal the correct answer has the lower energy: the model is right. Below it is wrong. On it both energies are one: a collapse puts everything there.",
	}
	if has && margin > 0 {
		p.Add(diagonal(margin, dashed(ink, 1.2)))
		f.legend = append(f.legend, key{"E⁺ + m = E⁻, m = " + setting(margin), ink, dashes})
		f.how = "Above the diagonal the correct answer has the lower energy: the model is right. Above the dashed line it is so by the margin m, as the functional asks. A collapse puts everything on the diagonal."
	}
	return f
}

// labelled returns a figure's paint function for a plot whose axes have labels with signs that the font lacks, or are logarithmic.
func labelled(p *plot.Plot, x, y string) func(draw.Canvas) {
	return func(c draw.Canvas) {
		label := style{size: textSize + 0.5, hue: ink, align: draw.XCenter}
		inner := draw.Crop(c, 18, 0, 20, 0)
		p.Draw(inner)
		area := p.DataCanvas(inner)
		write(c, area.Center().X, c.Min.Y+3, x, label)
		turned := style{size: label.size, hue: ink, turned: true}
		write(c, c.Min.X+label.size*0.8, area.Center().Y-textWidth(y, turned)/2, y, turned)
	}
}

// planeRange returns the axes. Where the two energies live on one scale, both axes have
// one range, so that the diagonal is one; else each has its own.
func planeRange(s *Surface, least float64) (x, y bounds, out int) {
	good, bad := sortedFinite(s.Correct), sortedFinite(s.Offending)
	x, outX := robust(good)
	y, outY := robust(bad)
	x, y = x.atLeast(least).padded(0.06), y.atLeast(least).padded(0.06)
	both := bounds{min(x.lo, y.lo), max(x.hi, y.hi)}
	if both.width() <= 4*min(x.width(), y.width()) {
		x, y = both, both
	}
	return x, y, max(outX, outY)
}

// diagonal draws the line E⁻ = E⁺ + m.
func diagonal(m float64, s draw.LineStyle) plot.Plotter {
	return layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
		lo, hi := reach(c, x, y)
		c.StrokeLines(s, c.ClipLinesXY([]vg.Point{{X: x(lo), Y: y(lo + m)}, {X: x(hi), Y: y(hi + m)}})...)
	})
}

// reach returns two values between which everything on the canvas lies, on either axis.
func reach(c draw.Canvas, x, y func(float64) vg.Length) (lo, hi float64) {
	ax, bx := float64(x(0)), float64(x(1)-x(0))
	ay, by := float64(y(0)), float64(y(1)-y(0))
	b := empty().with((float64(c.Min.X)-ax)/bx, (float64(c.Max.X)-ax)/bx, (float64(c.Min.Y)-ay)/by, (float64(c.Max.Y)-ay)/by)
	return b.lo - b.width(), b.hi + b.width()
}

// halfPlanes washes the side of the errors and the side where the margin is kept.
func halfPlanes(margin float64) plot.Plotter {
	return layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
		lo, hi := reach(c, x, y)
		below := []vg.Point{{X: x(lo), Y: y(lo)}, {X: x(hi), Y: y(hi)}, {X: x(hi), Y: y(lo)}}
		above := []vg.Point{{X: x(lo), Y: y(lo + margin)}, {X: x(hi), Y: y(hi + margin)}, {X: x(lo), Y: y(hi + margin)}}
		c.FillPolygon(offending.alpha(0.08), c.ClipPolygonXY(below))
		c.FillPolygon(correct.alpha(0.07), c.ClipPolygonXY(above))
	})
}

// sides names the two sides of the diagonal in the corners.
func sides() plot.Plotter {
	return layer(func(c draw.Canvas, _, _ func(float64) vg.Length) {
		word := style{size: textSize, hue: muted}
		write(c, c.Min.X+7, c.Max.Y-textSize-4, "right", word)
		word.align = draw.XRight
		write(c, c.Max.X-7, c.Min.Y+8, "wrong", word)
	})
}

// cloud draws many points as one picture: its size does not grow with their number.
type cloud struct{ right, wrong []xy }

// dotsPerPoint is the resolution of a cloud.
const dotsPerPoint = 2

// Plot implements plot.Plotter.
func (k cloud) Plot(c draw.Canvas, p *plot.Plot) {
	size := c.Size()
	w, h := int(math.Ceil(size.X.Points()*dotsPerPoint)), int(math.Ceil(size.Y.Points()*dotsPerPoint))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for _, part := range []struct {
		points []xy
		hue    hue
	}{{k.right, correct}, {k.wrong, offending}} {
		cover := make([]float32, w*h) // how many dots cover each pixel
		for _, q := range part.points {
			disc(w, h, p.X.Norm(q.x)*float64(w), (1-p.Y.Norm(q.y))*float64(h), dotRadius, func(i int, part float64) { cover[i] += float32(part) })
		}
		paintCover(img, cover, part.hue.rgb())
	}
	c.DrawImage(c.Rectangle, img)
}

// dotRadius is the radius of a dot, in pixels of the cloud.
const dotRadius = 2.6

// disc calls cover for the pixels of a picture of w×h that a disc with a soft edge covers, with the pixel's place and
// how much of it that is.
func disc(w, h int, x, y, r float64, cover func(i int, part float64)) {
	if !(x > -r && y > -r && x < float64(w)+r && y < float64(h)+r) {
		return
	}
	for py := max(0, int(y-r-1)); py <= min(h-1, int(y+r+1)); py++ {
		for px := max(0, int(x-r-1)); px <= min(w-1, int(x+r+1)); px++ {
			if part := r + 0.5 - math.Hypot(float64(px)+0.5-x, float64(py)+0.5-y); part > 0 {
				cover(py*w+px, min(1, part))
			}
		}
	}
}

// paintCover paints dots over img by how many cover each pixel: one is half transparent, and the denser, the
// more opaque, on a logarithmic scale up to the densest place.
func paintCover(img *image.NRGBA, cover []float32, c color.NRGBA) {
	scale := 0.6 / math.Log1p(float64(max(slices.Max(cover), 8)))
	for i, v := range cover {
		if v <= 0 {
			continue
		}
		a := math.Min(float64(v), 1)*0.4 + scale*math.Log1p(float64(v))
		blend(img.Pix[4*i:4*i+4], c, math.Min(a, 1))
	}
}

// blend puts a colour of an opacity over a pixel that is not premultiplied.
func blend(pix []uint8, c color.NRGBA, a float64) {
	under := float64(pix[3]) / 255 * (1 - a)
	total := a + under
	for i, v := range []uint8{c.R, c.G, c.B} {
		pix[i] = uint8(math.Round((float64(v)*a + float64(pix[i])*under) / total))
	}
	pix[3] = uint8(math.Round(255 * total))
}
