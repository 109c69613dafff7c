// Package report turns run folders into pictures and pages, and reads them back.
//
// Open reads a run folder as typed values; Write draws its pictures under plots/, as SVG
// and PNG, and report.html, one page with everything in it; Compare does the same for
// many runs under one protocol. The same folder gives the same bytes.
//
// Colours mean one thing everywhere: blue is the correct answer or being right,
// orange the most offending incorrect answer or being wrong.
package report

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/internal/wholefile"
)

const (
	pageFile    = "report.html"
	plotsFolder = "plots"
)

// Write writes report.html and plots/ into a run folder, for what the folder holds: a
// run that is not finished or not evaluated gets a page that says so. The images are
// those of the test set, in the order of test.safetensors or embeddings.safetensors.
// The command is what trains such a run, such as "energo train digits": the page says how to make the run again, unless it is "".
func Write(dir string, images Images, command string) error {
	p, err := compose(dir, images, command)
	if err != nil {
		return err
	}
	if err := saveFigures(dir, p.files); err != nil {
		return err
	}
	page, err := render("report.tmpl", p)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, pageFile), page)
}

// compose works out a run's page and its pictures, and writes nothing.
func compose(dir string, images Images, command string) (*page, error) {
	r, err := Open(dir)
	if err != nil {
		return nil, err
	}
	s, err := r.Surface()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.note("%s could not be read: %v.", testFile, err)
	}
	p := newPage(r, s)
	p.Command = again(command, r.Config)
	p.Pictured = images != nil
	if err := p.addFound(r, images); err != nil {
		return nil, err
	}
	if p.Sheets, err = sheetViews(dir); err != nil {
		return nil, err
	}
	films, err := surface.Read(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.note("%s could not be read: %v.", surface.File, err)
	}
	for i := range films {
		v := newFilmed(&films[i], 0)
		view, err := p.view(v.figure(len(v.Frames)-1, stillShades))
		if err != nil {
			return nil, err
		}
		p.Films = append(p.Films, view)
	}
	p.notes(r, s)
	for i := range p.Tiles {
		t := &p.Tiles[i]
		t.Value, t.Note = unbroken(t.Value), strings.ReplaceAll(t.Note, " %", "\u00a0%")
	}
	err = p.add(r, s, images)
	p.Plots = len(p.files) > 0
	return p, err
}

// add draws all that the page shows.
func (p *page) add(r *Run, s *Surface, images Images) error {
	var err error
	draw := func(f *figure) view { return p.shown(f, &err) }
	for _, f := range curves(r) {
		p.Training = append(p.Training, draw(f))
	}
	if s == nil || s.N == 0 {
		return err
	}
	margin, has := r.Margin()
	least := leastWidth(r)
	p.Plane = draw(plane(s, margin, has, least, planeSize))
	if p.Plane.Shown() {
		p.PlaneNarrow = p.bare(plane(s, margin, has, least, planeNarrow), &err)
	}
	p.Histograms = append(p.Histograms, draw(energyHistogram(s, least)), draw(gapHistogram(s, margin, has, least)))
	p.Confusion = draw(confusionFigure(s))
	cells, all := sampleFigures(s, images)
	for _, c := range cells {
		p.Samples = append(p.Samples, p.bare(c, &err))
	}
	if all != nil {
		p.files = append(p.files, all)
	}
	if f := worstFigure(s, images); f != nil {
		p.files = append(p.files, f)
	}
	if err == nil {
		p.Worst, err = worstViews(s, images)
	}
	return err
}

// leastWidth returns the width that axes of energies have at least: after a collapse a
// part of the scale on which training began, since rounding errors fill any picture
// that is magnified enough.
func leastWidth(r *Run) float64 {
	d := diagnosis(r)
	if d == nil || !d.Collapsed || !finite(float64(d.Scale)) {
		return 0
	}
	return float64(d.Scale) / 4
}

// A view is a figure as the page shows it.
type view struct {
	SVG  template.HTML
	How  string
	Name string
}

// Shown tells whether there is a picture.
func (v view) Shown() bool { return v.SVG != "" }

// view inlines a figure and remembers it for plots/.
func (p *page) view(f *figure) (view, error) {
	p.files = append(p.files, f)
	svg, err := f.inline()
	// The text in the SVG is escaped by the canvas and by inline; the rest is numbers.
	return view{SVG: template.HTML(svg), How: f.how, Name: f.name}, err
}

// shown is view for a figure that may be nil; after an error it does nothing.
func (p *page) shown(f *figure, err *error) (v view) {
	if f != nil && *err == nil {
		v, *err = p.view(f)
	}
	return v
}

// bare inlines a figure that gets no file of its own.
func (p *page) bare(f *figure, err *error) view {
	if *err != nil {
		return view{}
	}
	svg, e := f.inline()
	*err = e
	return view{SVG: template.HTML(svg)}
}

// saveFigures writes the files under plots/.
func saveFigures(dir string, figures []*figure) error {
	folder := filepath.Join(dir, plotsFolder)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	errs := make([]error, len(figures))
	var all sync.WaitGroup
	for i, f := range figures {
		all.Go(func() { errs[i] = f.save(folder) })
	}
	all.Wait()
	for _, err := range errs { // where one fails for want of room, all do
		if err != nil {
			return err
		}
	}
	return nil
}

// save writes a figure's two files.
func (f *figure) save(folder string) error {
	svg, err := f.svg()
	if err != nil {
		return err
	}
	png, err := f.png()
	if err != nil {
		return err
	}
	base := filepath.Join(folder, f.name)
	if err = wholefile.Write(base+".svg", svg); err == nil {
		err = wholefile.Write(base+".png", png)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
