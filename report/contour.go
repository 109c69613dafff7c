package report

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A segment is a piece of a contour.
type segment [2]xy

// contour returns the pieces of the line on which values on a grid, y running fastest, are
// level. Where a cell is a saddle its mean decides which corners are joined. Cells with a
// value that is not finite have none.
func contour(x, y, values []float64, level float64) (out []segment) {
	at := func(i, j int) float64 { return values[i*len(y)+j] - level }
	for i := range len(x) - 1 {
		for j := range len(y) - 1 {
			// Corners and, between each and the next, the crossings of the edges.
			corners := [4]float64{at(i, j), at(i+1, j), at(i+1, j+1), at(i, j+1)}
			places := [4]xy{{x[i], y[j]}, {x[i+1], y[j]}, {x[i+1], y[j+1]}, {x[i], y[j+1]}}
			var crossings []xy
			mean, ok := 0.0, true
			for k, a := range corners {
				b := corners[(k+1)%4]
				ok = ok && finite(a)
				mean += a / 4
				if (a < 0) != (b < 0) {
					p, q, t := places[k], places[(k+1)%4], a/(a-b)
					crossings = append(crossings, xy{p.x + t*(q.x-p.x), p.y + t*(q.y-p.y)})
				}
			}
			if !ok {
				continue
			}
			switch len(crossings) {
			case 2:
				out = append(out, segment{crossings[0], crossings[1]})
			case 4: // the crossings are those of the four edges in turn
				if (mean < 0) == (corners[0] < 0) { // corners 0 and 2 are joined: cut off 1 and 3
					out = append(out, segment{crossings[0], crossings[1]}, segment{crossings[2], crossings[3]})
				} else {
					out = append(out, segment{crossings[3], crossings[0]}, segment{crossings[1], crossings[2]})
				}
			}
		}
	}
	return out
}

// contours draws the lines of all levels, each with its energy.
func contours(x, y, values, levels []float64) layer {
	return func(c draw.Canvas, tx, ty func(float64) vg.Length) {
		var labels []vg.Point // as far as they are written
		for _, level := range levels {
			segments := contour(x, y, values, level)
			for _, s := range segments {
				c.StrokeLine2(draw.LineStyle{Color: ink.alpha(0.55), Width: 0.7}, tx(s[0].x), ty(s[0].y), tx(s[1].x), ty(s[1].y))
			}
			labels = label(c, segments, tx, ty, number(level), labels)
		}
	}
}

// label writes a contour's energy where the line comes nearest to the middle of the right
// half, away from the other labels, and returns these with its own.
func label(c draw.Canvas, segments []segment, tx, ty func(float64) vg.Length, text string, others []vg.Point) []vg.Point {
	const apart = 22
	if len(segments) < 6 { // too short for one
		return others
	}
	best, nearest := vg.Point{}, math.Inf(1)
	for _, s := range segments {
		p := vg.Point{X: tx((s[0].x + s[1].x) / 2), Y: ty((s[0].y + s[1].y) / 2)}
		dx, dy := float64(p.X-(c.Min.X+3*c.Max.X)/4), float64(p.Y-(c.Min.Y+c.Max.Y)/2)
		crowded := slices.ContainsFunc(others, func(o vg.Point) bool { return math.Hypot(float64(p.X-o.X), 1.6*float64(p.Y-o.Y)) < apart })
		if r := math.Hypot(dx, dy); !crowded && r < nearest && p.X > c.Min.X+12 && p.X < c.Max.X-12 && p.Y > c.Min.Y+6 && p.Y < c.Max.Y-6 {
			best, nearest = p, r
		}
	}
	if math.IsInf(nearest, 1) {
		return others
	}
	st := style{size: 9, hue: ink, align: draw.XCenter, middle: true}
	w := textWidth(text, st)/2 + 2
	fillRect(c, paper.alpha(0.75), best.X-w, best.Y-5.5, best.X+w, best.Y+5.5)
	write(c, best.X, best.Y, text, st)
	return append(others, best)
}
