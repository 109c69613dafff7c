package report

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/internal/wholefile"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// outcomesFile holds what many short trainings came to. It is no result.json, which is one run's.
const outcomesFile = "outcomes.json"

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

// Gallery is a page of energy surfaces, before and after training, in groups.
type Gallery struct {
	Title, Subtitle string
	Groups          []GalleryGroup
}

// GalleryGroup is what was trained one way.
type GalleryGroup struct {
	Title, Verdict string
	Alarm          bool
	Planes         []Plane
}

// WriteGallery writes the surfaces under plots/, outcomes.json with what is given, and
// report.html, into a folder.
func WriteGallery(dir string, g Gallery, result any) error {
	type shownGroup struct {
		Title, Verdict string
		Alarm          bool
		Planes         []template.HTML
	}
	page := struct {
		Title, Subtitle string
		Groups          []shownGroup
	}{Title: g.Title, Subtitle: g.Subtitle}
	if err := os.MkdirAll(filepath.Join(dir, plotsFolder), 0o777); err != nil {
		return err
	}
	for _, group := range g.Groups {
		shown := shownGroup{Title: group.Title, Verdict: group.Verdict, Alarm: group.Alarm}
		for _, p := range group.Planes {
			f := p.figure()
			picture, err := f.png()
			if err != nil {
				return err
			}
			if err := wholefile.Write(filepath.Join(dir, plotsFolder, p.Name+".png"), picture); err != nil {
				return err
			}
			uri := "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)
			shown.Planes = append(shown.Planes, template.HTML(fmt.Sprintf(`<img src="%s" alt="%s" style="max-width:100%%">`, uri, template.HTMLEscapeString(f.alt))))
		}
		page.Groups = append(page.Groups, shown)
	}
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, outcomesFile), append(text, '\n')); err != nil {
		return err
	}
	html, err := render("gallery.tmpl", page)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, pageFile), html)
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
