package report

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of a sample's cell: its picture at the left, its energies at the right.
const (
	cellWidth   = 270
	cellHeight  = 112
	cellPicture = 72
	sampleCells = 12
)

// pickSamples chooses the samples whose energies are shown: the first of each class in
// turn, and as the last two the ones with the least gaps.
func pickSamples(s *Surface) []int {
	inTurn, before, seen := make([]int, s.N), make([]int, s.N), make([]int, s.K) // before: samples of the label that come earlier
	for i, y := range s.Labels {
		inTurn[i], before[i] = i, seen[y]
		seen[y]++
	}
	slices.SortFunc(inTurn, func(a, b int) int {
		return cmp.Or(cmp.Compare(before[a], before[b]), cmp.Compare(s.Labels[a], s.Labels[b]))
	})
	worst := s.byGap()
	worst = worst[:min(2, len(worst))]
	var picked []int
	for _, i := range slices.Concat(inTurn[:min(sampleCells-len(worst), s.N)], worst, inTurn) { // to the last where the worst are there already
		if len(picked) < sampleCells && !slices.Contains(picked, i) {
			picked = append(picked, i)
		}
	}
	return picked
}

// sampleAxis is the range of energies that all cells share.
func sampleAxis(s *Surface, picked []int) bounds {
	b := empty()
	for _, i := range picked {
		b = b.with(s.Row(i)...)
	}
	b = b.wide()
	if b.lo > 0 && b.lo < b.width() || b.hi < 0 && -b.hi < b.width() {
		b = b.with(0)
	}
	return b
}

// sampleFigures returns one figure a picked sample, for the page, and one with all of
// them, for the files.
func sampleFigures(s *Surface, images Images) (cells []*figure, all *figure) {
	picked := pickSamples(s)
	if len(picked) == 0 {
		return nil, nil
	}
	scale := sampleAxis(s, picked)
	for _, i := range picked {
		cells = append(cells, &figure{
			width: cellWidth, height: cellHeight, alt: sampleAlt(s, i),
			paint: func(c draw.Canvas) { c.Max.Y += headSpace; drawSample(c, s, i, picture(images, i), scale) },
		})
	}
	const columns, space = 3, 18
	rows := (len(cells) + columns - 1) / columns
	all = &figure{
		name: "samples", title: "Energies of samples over the answers",
		unit:   "low is good; all samples share one scale",
		legend: []key{{"correct answer", correct, dot}, {"most offending", offending, dot}, {"others", faint, dot}},
		width:  columns*cellWidth + (columns-1)*space, height: vg.Length(rows)*(cellHeight+space) + 56,
		alt: fmt.Sprintf("Energies of %d test samples over all answers.", len(cells)),
	}
	all.paint = func(c draw.Canvas) {
		for n, i := range picked {
			x := c.Min.X + vg.Length(n%columns)*(cellWidth+space)
			y := c.Max.Y - vg.Length(n/columns)*(cellHeight+space)
			at := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y - cellHeight}, Max: vg.Point{X: x + cellWidth, Y: y}}}
			drawSample(at, s, i, picture(images, i), scale)
		}
	}
	return cells, all
}

func sampleAlt(s *Surface, i int) string {
	return fmt.Sprintf("Test sample %d: label %s, answer %s, gap %s.", i, s.name(s.Labels[i]), s.name(s.Predicted[i]), number(s.Gap[i]))
}

// name names a label, or an answer where there may be none.
func (s *Surface) name(y int) string {
	if y < 0 {
		return "none"
	}
	return s.Names[y]
}

// drawSample draws a sample's picture and a stem for the energy of every answer.
func drawSample(c draw.Canvas, s *Surface, i int, img image.Image, scale bounds) {
	left := c.Min.X
	if img != nil {
		drawPicture(c, img, vg.Rectangle{
			Min: vg.Point{X: left, Y: c.Max.Y - cellPicture - 4},
			Max: vg.Point{X: left + cellPicture, Y: c.Max.Y - 4},
		})
		left += cellPicture + 8
	}
	verdict, h := "", muted
	if s.Predicted[i] != s.Labels[i] {
		verdict, h = "answers "+cut(s.name(s.Predicted[i])), offending
	}
	small := style{size: textSize - 1, hue: muted}
	if img != nil {
		small.align = draw.XCenter
		mid := c.Min.X + cellPicture/2
		text, st := caption("label ", s.name(s.Labels[i]), small)
		write(c, mid, c.Max.Y-cellPicture-18, text, st)
		if verdict != "" {
			small.hue = h
			text, st = caption("answers ", s.name(s.Predicted[i]), small)
			write(c, mid, c.Max.Y-cellPicture-32, text, st)
		}
	} else {
		write(c, left, c.Max.Y-11, strings.TrimSpace("label "+s.name(s.Labels[i])+"  "+verdict), style{size: textSize - 1, hue: h})
		c.Max.Y -= 16
	}
	c.Min.X = left
	drawStems(c, s, i, scale)
}

// caption is a name with the word before it, or without it where both are wider than a picture, in a style in which it fits.
func caption(word, name string, st style) (string, style) {
	if textWidth(word+name, st) <= cellPicture {
		return word + name, st
	}
	return fitted(name, st, cellPicture)
}

// drawStems draws the energies of sample i over the answers.
func drawStems(c draw.Canvas, s *Surface, i int, scale bounds) {
	foot := c.Min.Y + 16
	top := c.Max.Y - 8
	y := func(e float64) vg.Length { return foot + 5 + vg.Length((e-scale.lo)/scale.width())*(top-foot-9) }
	pitch := (c.Max.X - c.Min.X) / vg.Length(s.K)
	base, stem := foot, scale.has(0)
	if stem {
		base = y(0)
	}
	c.StrokeLine2(pen(grid, 1), c.Min.X, base, c.Max.X, base)
	place := func(a int) vg.Length { return c.Min.X + (vg.Length(a)+0.5)*pitch }
	for a, e := range s.Row(i) {
		text := style{size: textSize - 1, hue: muted, align: draw.XCenter}
		if h := s.role(i, a); h != faint {
			text.hue, text.bold = h, true
		}
		if s.K > 14 && !text.bold {
			continue
		}
		if textWidth(s.Names[a], text) <= max(2*pitch, 24) { // a longer one stands beside the picture alone
			write(c, place(a), c.Min.Y+3, s.Names[a], text)
		}
		if math.IsNaN(e) {
			write(c, place(a), foot+6, "?", text)
		}
	}
	// All answers of a role are one path: with many of them that is what keeps the page small.
	for _, h := range []hue{faint, offending, correct} {
		var stems, heads vg.Path
		r, width := min(3.6, pitch/2.6), min(2, pitch/4)
		if h != faint {
			r, width = max(r, 2), max(width, 1)
		}
		for a, e := range s.Row(i) {
			if s.role(i, a) != h || math.IsNaN(e) {
				continue
			}
			at := y(min(max(e, scale.lo), scale.hi)) // infinite energies go to the edge
			stems.Move(vg.Point{X: place(a), Y: base})
			stems.Line(vg.Point{X: place(a), Y: at})
			addCircle(&heads, place(a), at, r)
		}
		if len(heads) == 0 {
			continue
		}
		if stem {
			c.SetLineStyle(draw.LineStyle{Color: h.alpha(0.7), Width: width})
			c.Stroke(stems)
		}
		c.SetColor(h.solid())
		c.Fill(heads)
	}
}

// role is the hue of an answer to sample i: the correct one, the most offending, another.
func (s *Surface) role(i, answer int) hue {
	switch {
	case answer == s.Labels[i]:
		return correct
	case answer == s.offender[i]:
		return offending
	}
	return faint
}

// worstCount is how many of the samples with the least gaps are shown.
const worstCount = 24

// worstGroups are the samples with the least gaps, each by itself.
func worstGroups(s *Surface, images Images) *groups {
	g := &groups{Kind: "worst", title: "The samples with the least gaps", unit: "label → answer, and the gap E⁻ − E⁺ under it", perLine: 8}
	order := s.byGap()
	for _, i := range order[:min(worstCount, len(order))] {
		w := newShot(images, nil, i, verdict(s.Predicted[i] == s.Labels[i]), number(s.Gap[i]))
		w.Name = s.name(s.Labels[i]) + " → " + s.name(s.Predicted[i])
		g.All = append(g.All, []shot{w})
	}
	return g
}
