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
	for round := 0; round < sampleCells && len(picked) < sampleCells-len(worst); round++ {
		for _, c := range byClass {
			if round < len(c) && len(picked) < sampleCells-len(worst) {
				take(c[round])
			}
		}
	}
	for _, i := range worst {
		take(i)
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
	for a, e := range s.Row(i) {
		x := c.Min.X + (vg.Length(a)+0.5)*pitch
		h, bold := faint, false
		switch {
		case a == s.Labels[i]:
			h, bold = correct, true
		case e == s.Offending[i]:
			h, bold = offending, true
		}
		text := style{size: textSize - 1, hue: muted, align: draw.XCenter, bold: bold}
		if bold {
			text.hue = h
		}
		if s.K <= 14 || bold {
			write(c, x, c.Min.Y+3, strconv.Itoa(a), text)
		}
		if math.IsNaN(e) {
			write(c, x, foot+6, "?", text)
			continue
		}
		at := y(min(max(e, scale.lo), scale.hi)) // infinite energies go to the edge
		if stem {
			c.StrokeLine2(draw.LineStyle{Color: h.alpha(0.7), Width: min(2, pitch/4)}, x, base, x, at)
		}
		fillDisc(c, h.solid(), x, at, min(3.6, pitch/2.6))
	}
}
