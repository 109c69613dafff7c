package report

import (
	"fmt"
	"image"
	"math"
	"strconv"
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
	var picked []int
	used := map[int]bool{}
	take := func(i int) {
		if !used[i] && len(picked) < sampleCells {
			used[i] = true
			picked = append(picked, i)
		}
	}
	worst := s.byGap()
	worst = worst[:min(2, len(worst))]
	byClass := make([][]int, s.K)
	for i, y := range s.Labels {
		if len(byClass[y]) < sampleCells {
			byClass[y] = append(byClass[y], i)
		}
	}
	inTurn := func(upTo int) {
		for round := range sampleCells {
			for _, c := range byClass {
				if round < len(c) && len(picked) < upTo {
					take(c[round])
				}
			}
		}
	}
	inTurn(sampleCells - len(worst))
	for _, i := range worst {
		take(i)
	}
	inTurn(sampleCells) // where the worst had been taken already
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
		name: "samples", title: "Energies of sample images over the answers",
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
	return fmt.Sprintf("Test sample %d: label %d, answer %s, gap %s.", i, s.Labels[i], answer(s.Predicted[i]), number(s.Gap[i]))
}

// answer names a predicted label.
func answer(y int) string {
	if y < 0 {
		return "none"
	}
	return strconv.Itoa(y)
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
		verdict, h = "answers "+answer(s.Predicted[i]), offending
	}
	small := style{size: textSize - 1, hue: muted}
	if img != nil {
		small.align = draw.XCenter
		mid := c.Min.X + cellPicture/2
		write(c, mid, c.Max.Y-cellPicture-18, "label "+strconv.Itoa(s.Labels[i]), small)
		small.hue = h
		write(c, mid, c.Max.Y-cellPicture-32, verdict, small)
	} else {
		write(c, left, c.Max.Y-11, strings.TrimSpace("label "+strconv.Itoa(s.Labels[i])+"  "+verdict), style{size: textSize - 1, hue: h})
		c.Max.Y -= 16
	}
	c.Min.X = left
	drawStems(c, s, i, scale)
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
	// All other answers are one path: with many of them that is what keeps the page small.
	var stems, heads vg.Path
	r := min(3.6, pitch/2.6)
	place := func(a int, e float64) (x, at vg.Length) {
		return c.Min.X + (vg.Length(a)+0.5)*pitch, y(min(max(e, scale.lo), scale.hi)) // infinite energies go to the edge
	}
	for a, e := range s.Row(i) {
		x, at := place(a, e)
		text := style{size: textSize - 1, hue: muted, align: draw.XCenter}
		h := s.role(i, a)
		if h != faint {
			text.hue, text.bold = h, true
		}
		if s.K <= 14 || text.bold {
			write(c, x, c.Min.Y+3, strconv.Itoa(a), text)
		}
		switch {
		case math.IsNaN(e):
			if s.K <= 14 || text.bold {
				write(c, x, foot+6, "?", text)
			}
		case h == faint:
			stems.Move(vg.Point{X: x, Y: base})
			stems.Line(vg.Point{X: x, Y: at})
			addCircle(&heads, x, at, r)
		}
	}
	drawHeads(c, faint, stem, stems, heads, min(2, pitch/4))
	for a, e := range s.Row(i) {
		if h := s.role(i, a); h != faint && !math.IsNaN(e) {
			x, at := place(a, e)
			stems, heads = nil, nil
			stems.Move(vg.Point{X: x, Y: base})
			stems.Line(vg.Point{X: x, Y: at})
			addCircle(&heads, x, at, max(r, 2))
			drawHeads(c, h, stem, stems, heads, min(2, max(pitch/4, 1)))
		}
	}
}

// drawHeads strokes stems, if there are any, and fills the dots on them.
func drawHeads(c draw.Canvas, h hue, stem bool, stems, heads vg.Path, width vg.Length) {
	if stem && len(stems) > 0 {
		c.SetLineStyle(draw.LineStyle{Color: h.alpha(0.7), Width: width})
		c.Stroke(stems)
	}
	if len(heads) > 0 {
		c.SetColor(h.solid())
		c.Fill(heads)
	}
}

// offender is the most offending answer to sample i, the first if there are several; −1 if
// there is none, since no incorrect answer's energy is a number.
func (s *Surface) offender(i int) int {
	for a, e := range s.Row(i) {
		if a != s.Labels[i] && e == s.Offending[i] {
			return a
		}
	}
	return -1
}

// role is the hue of an answer to sample i: the correct one, the most offending, another.
func (s *Surface) role(i, answer int) hue {
	switch {
	case answer == s.Labels[i]:
		return correct
	case answer == s.offender(i):
		return offending
	}
	return faint
}
