package report

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/energo-ml/energo/ebm/surface"
)

// filmed is a film with the scales that all of its frames share.
type filmed struct {
	*surface.Film
	most   float64 // energy above a frame's least at which the shades end
	levels []float64
	pairs  bounds // of the energies of the pairs, on both axes
}

// newFilmed settles the scales. Energies are shown above each frame's own least, since
// training leaves their level free; cutoff bounds them, 0 by what 98 % of them reach.
func newFilmed(f *surface.Film, cutoff float64) *filmed {
	v := &filmed{Film: f, most: cutoff, pairs: empty()}
	for k := range f.Frames {
		for _, energies := range [][]float32{f.Frames[k].Correct, f.Frames[k].Other} {
			for _, e := range energies {
				v.pairs = v.pairs.with(float64(e))
			}
		}
		if cutoff > 0 {
			continue
		}
		if above := sortedFinite(v.above(k)); len(above) > 0 {
			v.most = max(v.most, above[len(above)*98/100])
		}
	}
	if !(v.most > 0) {
		v.most = 1
	}
	for _, t := range (ticks{about: 6}).Ticks(0, v.most) {
		if t.Value > 0 {
			v.levels = append(v.levels, t.Value)
		}
	}
	v.pairs = v.pairs.padded(0.03)
	return v
}

// above returns a frame's energies above its least.
func (v *filmed) above(frame int) []float64 {
	e := v.Frames[frame].Energy
	least, out := math.Inf(1), make([]float64, len(e))
	for _, x := range e {
		if finite(float64(x)) {
			least = min(least, float64(x))
		}
	}
	for i, x := range e {
		out[i] = float64(x) - least
	}
	return out
}

// heat draws the energies as a picture with a number of shades, low energies dark.
func (v *filmed) heat(energies []float64, shades int) image.Image {
	const side = 320
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	column, across := places(v.X, side)
	line, up := places(v.Y, side)
	for px := range side {
		for py := range side {
			i, s, j, t := column[px], across[px], line[py], up[py]
			along := func(i int) float64 { return between(energies[i*len(v.Y)+j], energies[i*len(v.Y)+j+1], t) }
			e := between(along(i), along(i+1), s)
			img.SetNRGBA(px, side-1-py, heatColour(e/v.most, shades))
		}
	}
	return img
}

// between is the number at t of the way from a to b; at the ends it is one of the two, even if
// the other is infinite.
func between(a, b, t float64) float64 {
	switch t {
	case 0:
		return a
	case 1:
		return b
	}
	return (1-t)*a + t*b
}

// Shades of a still picture and, since few make small files, of a frame of an animation.
const (
	stillShades = 256
	filmShades  = 48
)

// heatColour is the colour of a share of the range of energies, by its root, so that
// valleys show beside high walls; what is no number is grey.
func heatColour(share float64, shades int) color.NRGBA {
	if math.IsNaN(share) {
		return faint.rgb()
	}
	t := math.Round(math.Sqrt(min(max(share, 0), 1))*float64(shades-1)) / float64(shades-1)
	return mix(correct, paper, t)
}

// energyShades are those of the scale of the energies.
var energyShades = func() (p color.Palette) {
	const steps = 120
	for i := range steps {
		p = append(p, heatColour((float64(i)+0.5)/steps, stillShades))
	}
	return p
}()

// places returns, for pixels spread evenly over an axis, the grid's cell and how far into
// it each lies.
func places(axis []float64, pixels int) (cell []int, part []float64) {
	i := 0
	for p := range pixels {
		x := axis[0] + (axis[len(axis)-1]-axis[0])*(float64(p)+0.5)/float64(pixels)
		for i < len(axis)-2 && x > axis[i+1] {
			i++
		}
		cell, part = append(cell, i), append(part, (x-axis[i])/(axis[i+1]-axis[i]))
	}
	return cell, part
}

const (
	filmWidth  = 440
	filmHeight = 430
)

// figure draws a frame with a number of shades.
func (v *filmed) figure(frame, shades int) *figure {
	fr := &v.Frames[frame]
	f := &figure{
		name: v.Name, title: v.Title, width: filmWidth, height: filmHeight,
		unit: fmt.Sprintf("step %s · energies above the least of the frame · their spread is %s", count(fr.Step), number(v.Spread(frame))),
		alt:  fmt.Sprintf("%s: energies at step %d, low ones dark, with contours.", v.Title, fr.Step),
	}
	a := axes(bounds{v.X[0], v.X[len(v.X)-1]}, bounds{v.Y[0], v.Y[len(v.Y)-1]}, v.XLabel)
	a.Y.Label.Text = v.YLabel
	above := v.above(frame)
	a.Add(layer(func(c draw.Canvas, _, _ func(float64) vg.Length) { c.DrawImage(c.Rectangle, v.heat(above, shades)) }))
	a.Add(contours(v.X, v.Y, above, v.levels))
	mark := func(points [][2]float64, what string, h hue, opacity float64, r vg.Length) {
		if len(points) == 0 {
			return
		}
		var all []xy
		for _, p := range points {
			all = append(all, xy{p[0], p[1]})
		}
		f.legend = append(f.legend, key{what, h, dot})
		a.Add(dots(all, h.alpha(opacity), r))
	}
	data, drawn := "data", "draws"
	if v.OverY {
		data, drawn = "right answers", "inferred"
	}
	mark(v.Data, data, ink, 0.7, 1.3)
	mark(fr.Points, drawn, offending, 0.8, 1.7)
	f.paint = func(c draw.Canvas) {
		left := c
		left.Max.X -= 62
		a.Draw(left)
		bar := a.DataCanvas(left).Rectangle
		bar.Min.X, bar.Max.X = c.Max.X-46, c.Max.X-35
		scaleBar(c, bar, energyShades, v.most, 6)
	}
	return f
}

// pairWords say what a film's pairs of energies are, and what of them is measured.
type pairWords struct{ x, y, holds, not, measured string }

// words are those of the film's pairs. Of answers, the right one should be lower by the margin; of a density, whose
// draws are to be as likely as the data, neither should.
func (v *filmed) words(frame int) pairWords {
	kept := percent(v.Kept(frame))
	if v.OverY {
		return pairWords{"energies of right answers", "energies of incorrect answers", "it holds", "it does not", "E⁺ + m < E⁻ holds for " + kept}
	}
	return pairWords{"energies of data", "energies of draws", "data lower", "draw lower", "data lower than a draw in " + kept + " of the pairs; half is a draw’s match"}
}

// scatter draws a frame's pairs of energies, of answers with the half-plane E⁺ + m < E⁻; nil where it
// has none.
func (v *filmed) scatter(frame int) *figure {
	fr, w := &v.Frames[frame], v.words(frame)
	if len(fr.Correct) == 0 {
		return nil
	}
	var right, wrong []xy
	for i, e := range fr.Correct {
		p := xy{float64(e), float64(fr.Other[i])}
		if p.x+v.Margin < p.y {
			right = append(right, p)
		} else {
			wrong = append(wrong, p)
		}
	}
	a := axes(v.pairs, v.pairs, w.x)
	a.Y.Label.Text = w.y
	if v.OverY {
		a.Add(halfPlanes(v.Margin))
	}
	a.Add(diagonal(0, pen(ink, 1.2)), dots(right, correct.alpha(0.6), 1.9), dots(wrong, offending.alpha(0.6), 1.9))
	f := &figure{
		name: v.Name + "-scatter", title: "Pairs of energies", width: filmHeight - 30, height: filmHeight,
		unit:   fmt.Sprintf("step %s · %s", count(fr.Step), w.measured),
		legend: []key{{w.holds, correct, dot}, {w.not, offending, dot}, {"equal", ink, stroke}},
		alt:    fmt.Sprintf("%s: pairs of energies at step %d.", v.Title, fr.Step), paint: drawInto(a),
	}
	if v.Margin > 0 {
		a.Add(diagonal(v.Margin, dashed(ink, 1.2)))
		f.legend = append(f.legend, key{"m = " + setting(v.Margin), ink, dashes})
	}
	return f
}

// course draws the spread of the energies over training.
func (v *filmed) course() *figure {
	var steps, spreads []float64
	b := empty().with(0)
	for k := range v.Frames {
		steps, spreads = append(steps, float64(v.Frames[k].Step)), append(spreads, v.Spread(k))
		b = b.with(spreads[k])
	}
	x := bounds{steps[0], steps[len(steps)-1]}.wide()
	a := axes(x, b.padded(0.03), "step")
	a.Add(line(points(steps, spreads), pen(correct, 1.8)))
	over := "over the plane"
	if v.OverY {
		over = "over the answers, mean over the inputs"
	}
	return &figure{
		name: v.Name + "-spread", title: "Spread of the energies", unit: "standard deviation " + over + "; flat is collapsed",
		width: filmWidth, height: 210, alt: v.Title + ": spread of the energies over training.", paint: drawInto(a),
	}
}
