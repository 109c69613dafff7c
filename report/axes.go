package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bounds is a range of values.
type bounds struct{ lo, hi float64 }

// huge bounds what is drawn: values beyond it (and NaN) count as not finite.
const huge = 1e100

func finite(v float64) bool { return math.Abs(v) < huge }

// empty is the range of nothing.
func empty() bounds { return bounds{math.Inf(1), math.Inf(-1)} }

// with returns the range that holds v, too, if v is finite.
func (b bounds) with(vs ...float64) bounds {
	for _, v := range vs {
		if finite(v) {
			b.lo, b.hi = math.Min(b.lo, v), math.Max(b.hi, v)
		}
	}
	return b
}

func (b bounds) width() float64 { return b.hi - b.lo }

func (b bounds) has(v float64) bool { return v >= b.lo && v <= b.hi }

// isPoint tells whether all values in b are one, but for rounding in float32.
func (b bounds) isPoint() bool {
	return !(b.width() > 1e-30+2e-6*math.Max(math.Abs(b.lo), math.Abs(b.hi)))
}

// wide returns a range that can be an axis: not empty, and wider than a point.
func (b bounds) wide() bounds {
	if b.lo > b.hi {
		return bounds{0, 1}
	}
	if !b.isPoint() {
		return b
	}
	mid := b.lo + b.width()/2
	r := math.Max(math.Abs(mid)*0.1, 1e-3)
	if mid == 0 {
		r = 1
	}
	return bounds{mid - r, mid + r}
}

// atLeast returns the range, widened about its middle to a width.
func (b bounds) atLeast(width float64) bounds {
	if b = b.wide(); b.width() >= width {
		return b
	}
	mid := b.lo + b.width()/2
	return bounds{mid - width/2, mid + width/2}
}

// padded widens the range by a fraction on either side.
func (b bounds) padded(f float64) bounds {
	b = b.wide()
	return bounds{b.lo - f*b.width(), b.hi + f*b.width()}
}

// axes returns an empty plot in the house style, of the ranges given.
func axes(x, y bounds, xLabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.lo, x.hi, y.lo, y.hi
	label := style{size: textSize, hue: muted}.text()
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.Tick.Length = 0
		a.Tick.Label.Font, a.Tick.Label.Color = label.Font, label.Color
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = label.Font, label.Color
		a.Label.Padding = 4
	}
	p.X.Label.Text = xLabel
	p.X.Tick.Length = 4
	p.X.Tick.Color, p.X.LineStyle = faint.solid(), draw.LineStyle{Color: faint.solid(), Width: 0.8}
	p.X.Tick.Marker = ticks{about: 6}
	p.Y.Tick.Marker = ticks{about: 5}
	p.Y.LineStyle = draw.LineStyle{}
	p.Add(&plotter.Grid{Horizontal: draw.LineStyle{Color: grid.solid(), Width: 0.8}})
	return p
}

// verticals is a grid of vertical lines, at the ticks.
func verticals() plot.Plotter {
	return &plotter.Grid{Vertical: draw.LineStyle{Color: grid.solid(), Width: 0.8}}
}

// layer is a plotter made of a function of the canvas and the two scales.
type layer func(c draw.Canvas, x, y func(float64) vg.Length)

// Plot implements plot.Plotter.
func (l layer) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	l(c, x, y)
}

// xy is a point in data coordinates.
type xy struct{ x, y float64 }

// line draws a line through the points, broken where a value is not finite.
func line(points []xy, s draw.LineStyle) plot.Plotter {
	return layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
		var run []vg.Point
		flush := func() {
			if len(run) > 1 {
				c.StrokeLines(s, c.ClipLinesXY(run)...)
			}
			run = nil
		}
		for _, p := range points {
			if !finite(p.x) || !finite(p.y) {
				flush()
				continue
			}
			run = append(run, vg.Point{X: x(p.x), Y: y(p.y)})
		}
		flush()
	})
}

// dots draws a disc at every point within the axes.
func dots(points []xy, col shade, r vg.Length) layer {
	return layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
		for _, p := range points {
			if at := (vg.Point{X: x(p.x), Y: y(p.y)}); finite(p.x) && finite(p.y) && c.Contains(at) {
				fillDisc(c, col, at.X, at.Y, r)
			}
		}
	})
}

// band fills the area between two lines that share their x. A single point becomes
// a bar, half an epoch wide.
func band(x, lo, hi []float64, col shade) plot.Plotter {
	if len(x) == 1 {
		x = []float64{x[0] - 0.25, x[0] + 0.25}
		lo, hi = []float64{lo[0], lo[0]}, []float64{hi[0], hi[0]}
	}
	return layer(func(c draw.Canvas, tx, ty func(float64) vg.Length) {
		var up, down []vg.Point
		flush := func() {
			if len(up) > 1 {
				for i := len(down) - 1; i >= 0; i-- {
					up = append(up, down[i])
				}
				c.FillPolygon(col, c.ClipPolygonXY(up))
			}
			up, down = nil, nil
		}
		for i := range x {
			if !finite(lo[i]) || !finite(hi[i]) {
				flush()
				continue
			}
			up = append(up, vg.Point{X: tx(x[i]), Y: ty(hi[i])})
			down = append(down, vg.Point{X: tx(x[i]), Y: ty(lo[i])})
		}
		flush()
	})
}

// level draws a horizontal line over the whole width at y.
func level(at float64, s draw.LineStyle) plot.Plotter {
	return layer(func(c draw.Canvas, _, y func(float64) vg.Length) {
		h := y(at)
		if c.ContainsY(h) {
			c.StrokeLine2(s, c.Min.X, h, c.Max.X, h)
		}
	})
}

// pen is a line of a hue.
func pen(h hue, width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: h.solid(), Width: width}
}

// dashed is a dashed line of a hue.
func dashed(h hue, width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: h.solid(), Width: width, Dashes: []vg.Length{4, 2.5}}
}
