package report

import (
	"fmt"
	"image"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A confusion counts the samples of each label by the answer that they got.
type confusion struct {
	k             int
	counts        []int    // [label, answer]
	total         []int    // of each label, with those that got no answer
	names         []string // of the labels
	rows, columns string   // what these are
}

func newConfusion(s *Surface) confusion {
	m := confusion{k: s.K, counts: make([]int, s.K*s.K), total: make([]int, s.K), names: s.Names, rows: "label", columns: "answer"}
	for i, y := range s.Labels {
		m.total[y]++
		if a := s.Predicted[i]; a >= 0 {
			m.counts[y*s.K+a]++
		}
	}
	return m
}

// samples counts all samples, and those that got another answer than their label or none.
func (m confusion) samples() (all, wrong int) {
	for y, n := range m.total {
		all += n
		wrong += n - m.counts[y*m.k+y]
	}
	return all, wrong
}

// errorOf returns the fraction of a label's samples that are wrong; NaN without samples.
func (m confusion) errorOf(y int) float64 {
	return 1 - float64(m.counts[y*m.k+y])/float64(m.total[y])
}

// confusionFigure draws the matrix with its counts. A wrong cell is the stronger, the larger
// its part of the label's samples, on a square-root scale: single errors stay visible.
func confusionFigure(s *Surface) *figure {
	m := newConfusion(s)
	if m.k > maxCells {
		return m.raster(s)
	}
	f := m.figure()
	f.title, f.unit = "Confusion matrix", "test samples; rows are labels, columns answers"
	f.alt = fmt.Sprintf("Confusion matrix of %d labels: %s of %s wrong.", m.k, count(s.Wrong), plural(s.N, "sample", "samples"))
	f.how = "Each row is a true label; off the diagonal is what it was taken for. The last column is the fraction of the label that is wrong."
	return f
}

// figure draws the counts; its words are left to the caller.
func (m confusion) figure() *figure {
	const side = 12 // what the labels and the errors at the edges take, but for the names
	n, _ := m.samples()
	cell := vg.Length(math.Max(26, math.Min(36, 340/float64(m.k))))
	if digits := len(strconv.Itoa(n / m.k)); digits > 3 {
		cell = max(cell, vg.Length(digits)*8+6)
	}
	f := &figure{
		name:  "confusion",
		width: max(cell*vg.Length(m.k)+m.left()+side+48, 420), height: cell*vg.Length(m.k) + 52 + m.head(),
	}
	f.paint = func(c draw.Canvas) { m.draw(c, cell) }
	return f
}

// left is the room for the rows' names.
func (m confusion) left() vg.Length { return max(40, m.widest()+26) }

// head is the room for the columns' names, which are turned where they are long.
func (m confusion) head() vg.Length {
	if m.turned() {
		return m.widest() + 28
	}
	return 34
}

func (m confusion) turned() bool { return m.widest() > 24 }

// widest is the width of the widest name.
func (m confusion) widest() (w vg.Length) {
	for _, name := range m.names {
		w = max(w, textWidth(cut(name), style{size: textSize}))
	}
	return w
}

// maxCells is how many labels get cells with counts in them; more become a picture with
// a pixel a cell.
const maxCells = 40

// raster is the figure for many labels.
func (m confusion) raster(s *Surface) *figure {
	strongest := m.strongest()
	img := image.NewNRGBA(image.Rect(0, 0, m.k, m.k))
	for y := range m.k {
		for a := range m.k {
			if f, _ := m.fill(y, a, strongest); m.counts[y*m.k+a] > 0 {
				col := f.hue.rgb()
				col.A = uint8(math.Round(255 * f.opacity))
				img.SetNRGBA(a, y, col)
			}
		}
	}
	p := axes(bounds{-0.5, float64(m.k) - 0.5}, bounds{-0.5, float64(m.k) - 0.5}, "answer")
	p.Y.Label.Text, p.Y.Scale = "label", plot.InvertedScale{Normalizer: plot.LinearScale{}}
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{about: 6, whole: true}, ticks{about: 6, whole: true}
	p.Add(layer(func(c draw.Canvas, _, _ func(float64) vg.Length) { c.DrawImage(c.Rectangle, img) }))
	return &figure{
		name: "confusion", title: "Confusion matrix", unit: "rows are labels, columns answers", width: planeSize, height: planeSize + 20, paint: drawInto(p),
		legend: []key{{"right", correct, swatch}, {"wrong", offending, swatch}},
		alt:    fmt.Sprintf("Confusion matrix of %d labels: %s of %s wrong.", m.k, count(s.Wrong), plural(s.N, "sample", "samples")),
		how:    "The stronger a cell, the more of its label's samples got that answer. Off the diagonal is what a label was taken for.",
	}
}

// strongest is the largest part of a label's samples that got one wrong answer.
func (m confusion) strongest() float64 {
	most := 0.0
	for y := range m.k {
		for a := range m.k {
			if y != a && m.total[y] > 0 {
				most = math.Max(most, float64(m.counts[y*m.k+a])/float64(m.total[y]))
			}
		}
	}
	return most
}

// fill is the shade of a cell, and whether it is on the diagonal.
func (m confusion) fill(label, answer int, strongest float64) (f shade, right bool) {
	part := float64(m.counts[label*m.k+answer]) / math.Max(1, float64(m.total[label]))
	if label == answer {
		return correct.alpha(0.10 + 0.30*part), true
	}
	return offending.alpha(0.10 + 0.55*math.Sqrt(part/math.Max(strongest, 1e-9))), false
}

func (m confusion) draw(c draw.Canvas, cell vg.Length) {
	strongest := m.strongest()
	left, top := c.Min.X+m.left(), c.Max.Y-m.head()
	mid := style{size: textSize, hue: muted, align: draw.XCenter, middle: true}
	width := cell * vg.Length(m.k)
	write(c, left+width/2, c.Max.Y-6, m.columns, mid)
	write(c, left+width+28, top+10, "wrong", mid)
	turned := style{size: textSize, hue: muted, turned: true}
	write(c, c.Min.X+textSize, top-width/2-textWidth(m.rows, turned)/2, m.rows, turned)
	for y := range m.k {
		row := top - vg.Length(y)*cell
		m.write(c, y, left, top, row-cell/2, cell)
		for a := range m.k {
			m.drawCell(c, y, a, left+vg.Length(a)*cell, row, cell, strongest)
		}
		word, st := "–", mid
		if m.total[y] > 0 {
			word = strconv.FormatFloat(100*m.errorOf(y), 'f', 1, 64) + " %"
			st.hue = ink
		}
		write(c, left+width+28, row-cell/2, word, st)
	}
}

// write writes the name of a row and of its column.
func (m confusion) write(c draw.Canvas, y int, left, top, middle, cell vg.Length) {
	st := style{size: textSize, hue: muted, align: draw.XCenter, middle: true}
	name, at := cut(m.names[y]), left+(vg.Length(y)+0.5)*cell
	if !m.turned() {
		write(c, at, top+10, name, st)
		write(c, left-12, middle, name, st)
		return
	}
	write(c, at+textSize*0.35, top+6, name, style{size: textSize, hue: muted, turned: true})
	st.align = draw.XRight
	write(c, left-8, middle, name, st)
}

// drawCell draws one count, its upper left corner at (x, y).
func (m confusion) drawCell(c draw.Canvas, label, answer int, x, y, cell vg.Length, strongest float64) {
	n := m.counts[label*m.k+answer]
	st := style{size: min(textSize, cell*0.42), hue: ink, align: draw.XCenter, middle: true}
	fill, right := m.fill(label, answer, strongest)
	st.bold = right
	if n == 0 {
		fill, st.hue, st.bold = grid.alpha(0.45), faint, false
	}
	fillRect(c, fill, x+0.75, y-cell+0.75, x+cell-0.75, y-0.75)
	word := strconv.Itoa(n)
	if n == 0 {
		word = "·"
	}
	writeWithin(c, x+cell/2, y-cell/2, word, st, cell-4)
}
