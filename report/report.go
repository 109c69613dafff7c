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
	"cmp"
	"fmt"
	"html/template"
	"image"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/internal/wholefile"
	"gonum.org/v1/plot/vg"
)

// PlotsFolder is where a run's folder has the pictures that Write draws.
const PlotsFolder = "plots"

// Write writes report.html and plots/ into a run folder, for what the folder holds: a
// run that is not finished or not evaluated gets a page that says so. The images are
// those of the test set, in the order of test.safetensors or embeddings.safetensors.
// The command is what trains such a run, such as "energo train digits": the page says how to make the run again, unless it is "".
func Write(dir string, images Images, command string) error {
	p, err := compose(dir, images, command)
	if err != nil {
		return err
	}
	if err := p.save(dir); err != nil {
		return err
	}
	page, err := render("report.tmpl", p)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, PageFile), page)
}

// compose works out a run's page and its pictures, and writes nothing.
func compose(dir string, images Images, command string) (*page, error) {
	r, err := Open(dir)
	if err != nil {
		return nil, err
	}
	s := part(r, TestFile, func(string) (*Surface, error) { return r.Surface() })
	if s != nil && s.N == 0 {
		s = nil
	}
	p := newPage(r, s)
	p.Command = again(command, r.Config)
	p.Pictured = images != nil
	p.addEncoder(r, images)
	if p.Sheets, err = sheetViews(dir); err != nil {
		return nil, err
	}
	films := part(r, surface.File, surface.Read)
	for i := range films {
		p.addFilm(&films[i])
	}
	p.notes(r, s)
	for i := range p.Tiles {
		t := &p.Tiles[i]
		t.Value, t.Note = strings.ReplaceAll(t.Value, " ", "\u00a0"), strings.ReplaceAll(t.Note, " %", "\u00a0%")
	}
	p.add(r, s, images)
	p.Plots = len(p.files) > 0
	return p, p.err
}

// add draws training and, where the run was evaluated, the test set's energies.
func (p *page) add(r *Run, s *Surface, images Images) {
	for _, f := range curves(r) {
		p.Training = append(p.Training, p.view(f))
	}
	if s == nil {
		return
	}
	margin, has := r.Margin()
	least := leastWidth(r)
	p.Plane = p.sized(func(size vg.Length) *figure { return plane(s, margin, has, least, size) })
	p.Histograms = append(p.Histograms, p.view(energyHistogram(s, least)), p.view(gapHistogram(s, margin, has, least)))
	p.Confusion = p.view(confusionFigure(s))
	cells, all := sampleFigures(s, images)
	for _, c := range cells {
		p.Samples = append(p.Samples, p.bare(c))
	}
	p.file(all)
	p.Worst = p.groups(worstGroups(s, images))
}

// addFilm draws a film's first and last frame on one scale.
func (p *page) addFilm(f *surface.Film) {
	v, last := newFilmed(f, 0), len(f.Frames)-1
	if last > 0 {
		before := v.figure(0, stillShades)
		before.name += "-before"
		p.Films = append(p.Films, p.view(before))
	}
	p.Films = append(p.Films, p.view(v.figure(last, stillShades)))
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
	Name   string // of its files
	SVG    template.HTML
	Narrow template.HTML // for phones, where it is drawn for them
	How    string
}

// Shown tells whether there is a picture.
func (v view) Shown() bool { return v.SVG != "" }

// pictures are those of a page, with the first error of drawing them.
type pictures struct {
	files []*figure // of plots/
	err   error
}

// file remembers a figure for plots/, unless it is nil.
func (d *pictures) file(f *figure) {
	if f != nil {
		d.files = append(d.files, f)
	}
}

// view inlines a figure, which may be nil, and remembers it for plots/.
func (d *pictures) view(f *figure) view {
	v := d.bare(f)
	if d.file(f); f != nil {
		v.Name, v.How = f.name, f.how
	}
	return v
}

// sized inlines a figure for broad and for narrow devices, and remembers the broad one.
func (d *pictures) sized(draw func(size vg.Length) *figure) view {
	v := d.view(draw(planeSize))
	v.Narrow = d.bare(draw(planeNarrow)).SVG
	return v
}

// bare inlines a figure, which may be nil and gets no file of its own.
func (d *pictures) bare(f *figure) view {
	if f == nil || d.err != nil {
		return view{}
	}
	svg, err := f.inline()
	d.err = err
	// The text in the SVG is escaped by the canvas and by inline; the rest is numbers.
	return view{SVG: template.HTML(svg)}
}

// image encodes a picture; "" for nil.
func (d *pictures) image(img image.Image) (uri template.URL) {
	if img != nil && d.err == nil {
		uri, d.err = dataURI(img)
	}
	return uri
}

// save writes the files under plots/.
func (d *pictures) save(dir string) error {
	if d.err != nil {
		return d.err
	}
	folder := filepath.Join(dir, PlotsFolder)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	errs := make([]error, len(d.files))
	var all sync.WaitGroup
	for i, f := range d.files {
		all.Go(func() { errs[i] = f.save(folder) })
	}
	all.Wait()
	return cmp.Or(errs...) // where one fails for want of room, all do
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
