package report

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/internal/wholefile"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// LossCurve is a loss along its argument, for one target.
type LossCurve struct {
	Name         string // in the legend
	X            []float64
	Value, Slope []float64
}

// LossPlot is a picture of a loss: its values, solid, and its derivatives, dashed.
type LossPlot struct {
	Title  string
	X      string // what the argument is
	Curves []LossCurve
	Marks  []LossMark
	Width  float64 // points
	Height float64
}

// LossMark is a value of the argument that means something, such as a margin.
type LossMark struct {
	At   float64
	Name string
}

// curveHues are the colours of curves, in turn.
var curveHues = []hue{correct, offending, gapHue, ink}

// Write writes the picture to a file, SVG or PNG by its name's end.
func (l LossPlot) Write(path string) error {
	x, y := empty(), empty().with(0)
	for _, c := range l.Curves {
		x = x.with(c.X...)
		y = y.with(sensible(c.Value, 12)...)
	}
	for _, c := range l.Curves { // steep slopes are cut off
		y = y.with(sensible(c.Slope, 1.2*max(y.hi, -y.lo, 1))...)
	}
	if !finite(x.width()) || len(l.Curves) == 0 {
		return errors.New("report: a loss without points cannot be drawn")
	}
	p := axes(x, y.padded(0.04), l.X)
	p.Add(level(0, pen(faint, 0.8)))
	f := &figure{
		name: "loss", title: l.Title, unit: "solid: the loss; dashed: its derivative",
		alt: l.Title, width: vg.Length(l.Width), height: vg.Length(l.Height), paint: drawInto(p),
	}
	for i, c := range l.Curves {
		h := curveHues[i%len(curveHues)]
		p.Add(line(within(points(c.X, c.Value), y.padded(0.04)), pen(h, 2)), line(within(points(c.X, c.Slope), y.padded(0.04)), dashed(h, 1.3)))
		f.legend = append(f.legend, key{c.Name, h, stroke})
	}
	for _, m := range l.Marks {
		p.Add(plumb(m.At, m.Name, dashed(muted, 0.8)))
	}
	return f.write(path)
}

// write writes a figure to a file, SVG or PNG by its name's end, or as SVG to a device or pipe.
func (f *figure) write(path string) error {
	encode := f.svg
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case ext == ".svg", ext == "" && wholefile.Straight(path):
	case ext == ".png":
		encode = f.png
	default:
		return fmt.Errorf("%s: the file's name must end in .svg or .png", path)
	}
	data, err := encode()
	if err != nil {
		return err
	}
	return wholefile.Write(path, data)
}

// sensible leaves out what would flatten the rest, as near a logarithm's pole: values
// beyond most, and those that are not finite, unless all are so large.
func sensible(values []float64, most float64) (out []float64) {
	for _, v := range values {
		if math.Abs(v) <= most {
			out = append(out, v)
		}
	}
	if out != nil {
		return out
	}
	for _, v := range values {
		if finite(v) {
			out = append(out, v)
		}
	}
	return out
}

// within leaves out points above or below the picture.
func within(all []xy, b bounds) (out []xy) {
	for _, p := range all {
		if b.has(p.y) {
			out = append(out, p)
		}
	}
	return out
}

// Arrow is a point of a plane that moves.
type Arrow struct {
	Name     string
	X, Y     float64
	ToX, ToY float64
}

// LossGeometry draws points of a plane before and after a loss has moved them, with
// circles around the first at the distances of the others after.
func LossGeometry(path, title, note string, arrows []Arrow, width, height float64) error {
	if len(arrows) == 0 {
		return errors.New("report: no points to draw")
	}
	x, y := arrows[0].ToX, arrows[0].ToY
	reach := 0.0 // of the circles and of all points, around the first
	for _, a := range arrows {
		reach = max(reach, math.Hypot(a.X-x, a.Y-y), math.Hypot(a.ToX-x, a.ToY-y))
	}
	b := empty().with(-reach, reach).padded(0.05)
	f := &figure{name: "geometry", title: title, unit: note, alt: title, width: vg.Length(width), height: vg.Length(height)}
	f.paint = func(c draw.Canvas) {
		scale := min(c.Max.X-c.Min.X, c.Max.Y-c.Min.Y) / vg.Length(b.width())
		centre := vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: (c.Min.Y + c.Max.Y) / 2}
		at := func(px, py float64) vg.Point {
			return vg.Point{X: centre.X + vg.Length(px-x)*scale, Y: centre.Y + vg.Length(py-y)*scale}
		}
		for i, a := range arrows {
			h := curveHues[i%len(curveHues)]
			from, to := at(a.X, a.Y), at(a.ToX, a.ToY)
			if i > 0 {
				strokeCircle(c, dashed(h, 0.8), centre.X, centre.Y, vg.Length(math.Hypot(a.ToX-x, a.ToY-y))*scale)
			}
			fillDisc(c, h.alpha(0.3), from.X, from.Y, 5)
			c.StrokeLine2(pen(h, 1.3), from.X, from.Y, to.X, to.Y)
			fillDisc(c, h.solid(), to.X, to.Y, 5)
			write(c, to.X+9, to.Y-4, a.Name, style{size: textSize, hue: h})
		}
	}
	return f.write(path)
}
