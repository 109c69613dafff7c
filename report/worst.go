package report

import (
	"fmt"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// worstCount is how many of the samples with the least gaps are shown.
const worstCount = 24

// worstFigure is the contact sheet of the samples with the least gaps, for the files; the
// page lays the same pictures out itself. It is nil without pictures.
func worstFigure(s *Surface, images Images) *figure {
	order := s.byGap()
	order = order[:min(worstCount, len(order))]
	if len(order) == 0 || picture(images, order[0]) == nil {
		return nil
	}
	const columns, cell, foot, space = 8, 84, 32, 14
	rows := (len(order) + columns - 1) / columns
	f := &figure{
		name: "worst", title: "The samples with the least gaps", unit: "label → answer, and the gap E⁻ − E⁺ under it",
		width: columns*cell + (columns-1)*space, height: vg.Length(rows)*(cell+foot+space) + 40,
		alt: fmt.Sprintf("The %d test samples with the least gaps.", len(order)),
	}
	f.paint = func(c draw.Canvas) {
		for n, i := range order {
			x := c.Min.X + vg.Length(n%columns)*(cell+space)
			y := c.Max.Y - vg.Length(n/columns)*(cell+foot+space)
			if img := picture(images, i); img != nil {
				drawPicture(c, img, vg.Rectangle{Min: vg.Point{X: x, Y: y - cell}, Max: vg.Point{X: x + cell, Y: y}})
			}
			st := style{size: textSize, hue: offending, bold: true, align: draw.XCenter}
			if s.Predicted[i] == s.Labels[i] {
				st.hue = correct
			}
			write(c, x+cell/2, y-cell-14, strconv.Itoa(s.Labels[i])+" → "+answer(s.Predicted[i]), st)
			write(c, x+cell/2, y-cell-29, number(s.Gap[i]), style{size: textSize - 1, hue: muted, align: draw.XCenter})
		}
	}
	return f
}
