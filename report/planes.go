package report

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Plane is an energy on a grid over x and y, y running fastest, with what lies on it.
type Plane struct {
	Name            string // of its file
	Title, Note     string
	X, Y            []float64
	Energy          []float64
	Inferred, Right []float64    // answers y, inferred and right, of each x; nil: none
	Draws           [][2]float64 // points on it; nil: none
	Least, Most     float64      // differences of energies that the shades span at least, so that what is flat looks flat, and at most (0: any)
}

// WritePlanes writes planes as plots/NAME.png, and their list, into a run's folder. Write then shows them on the run's page.
func WritePlanes(dir string, planes []Plane) error {
	var all []listed
	for _, p := range planes {
		picture, err := p.figure().png()
		if err != nil {
			return err
		}
		all = append(all, listed{p.Name, p.Title, p.Note, picture})
	}
	return writeListed(dir, all)
}

// figure draws the energies as shades, low ones dark, with the right answers as a line
// and the inferred ones as dots.
func (p Plane) figure() *figure {
	f := &figure{
		name: p.Name, title: p.Title, unit: p.Note, alt: p.Title + ": " + p.Note, width: 300, height: 330,
	}
	a := axes(bounds{p.X[0], p.X[len(p.X)-1]}, bounds{p.Y[0], p.Y[len(p.Y)-1]}, "x")
	a.Add(layer(func(c draw.Canvas, tx, ty func(float64) vg.Length) {
		lo, hi := slices.Min(p.Energy), slices.Max(p.Energy)
		hi = max(hi, lo+p.Least)
		if p.Most > 0 {
			hi = min(hi, lo+p.Most)
		}
		dx, dy := (p.X[1]-p.X[0])/2, (p.Y[1]-p.Y[0])/2
		for i, x := range p.X {
			for j, y := range p.Y {
				share := 1.0
				if hi > lo { // by the root, so that valleys show beside high walls
					share = math.Sqrt(min((p.Energy[i*len(p.Y)+j]-lo)/(hi-lo), 1))
				}
				left, right := max(tx(x-dx), c.Min.X), min(tx(x+dx), c.Max.X)
				low, high := max(ty(y-dy), c.Min.Y), min(ty(y+dy), c.Max.Y)
				fillRect(c, correct.alpha(max(1-share, 0.01)), left, low, right, high)
			}
		}
	}))
	if p.Right != nil {
		f.legend = append(f.legend, key{"right answers", ink, stroke})
		a.Add(line(points(p.X, p.Right), pen(ink, 1.6)))
	}
	var marks []xy
	for i, y := range p.Inferred {
		if i%4 == 0 {
			marks = append(marks, xy{p.X[i], y})
		}
	}
	if marks != nil {
		f.legend = append(f.legend, key{"inferred", offending, dot})
		a.Add(dots(marks, offending.solid(), 2.6))
	}
	for _, d := range p.Draws {
		marks = append(marks, xy{d[0], d[1]})
	}
	if p.Draws != nil {
		f.legend = append(f.legend, key{"draws", offending, dot})
		a.Add(dots(marks, offending.alpha(0.5), 1))
	}
	f.paint = drawInto(a)
	return f
}
