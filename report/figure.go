package report

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"math"
	"regexp"
	"slices"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Sizes are in points; the page shows a figure at about one CSS pixel a point.
const (
	panelWidth  = 350
	panelHeight = 268
	titleSize   = 15
	textSize    = 12.5
	headSpace   = 11  // between heading and picture
	dotsPerInch = 144 // of the PNG files: two pixels a point
)

// A figure is one picture: drawn to a file as SVG and PNG, and inlined in the page.
type figure struct {
	name   string // of its files
	title  string
	unit   string // what the values are, under the title
	alt    string // what a reader who does not see it is told
	how    string // how to read it, in a sentence; for the page
	width  vg.Length
	height vg.Length
	legend []key
	paint  func(c draw.Canvas) // draws into what the heading leaves
}

// A key is an entry of a legend.
type key struct {
	text string
	hue  hue
	form keyForm
}

type keyForm uint8

const (
	swatch keyForm = iota // a filled square
	stroke                // a line
	dashes                // a dashed line
	dot
)

// draw draws the whole figure, on paper or, with none, on the page's own ground.
func (f *figure) draw(c draw.Canvas, ground bool) {
	if ground {
		c.SetColor(paper.solid())
		c.Fill(c.Rectangle.Path())
		c = draw.Crop(c, 10, -10, 8, -8)
	}
	c.Max.X -= 6 // for what is centred on the last point: a dot, a tick's label
	y := c.Max.Y
	if f.title != "" {
		y -= titleSize
		write(c, c.Min.X, y, f.title, style{size: titleSize, hue: ink, bold: true})
		y -= 3
	}
	if f.unit != "" {
		y -= textSize + 2
		write(c, c.Min.X, y, f.unit, style{size: textSize, hue: muted})
		y -= 2
	}
	for _, keys := range legendLines(f.legend, c.Max.X-c.Min.X) {
		y -= textSize + 4
		drawLegend(c, y, keys)
		y -= 2
	}
	c.Max.Y = y - headSpace
	f.paint(c)
}

// legendLine is the height of a line of a legend.
const legendLine = textSize + 6

// legendLines cuts a legend into lines that fit a width.
func legendLines(keys []key, width vg.Length) (lines [][]key) {
	x := vg.Length(0)
	for _, k := range keys {
		w := k.width()
		if len(lines) == 0 || x+w > width {
			lines, x = append(lines, nil), 0
		}
		last := len(lines) - 1
		lines[last] = append(lines[last], k)
		x += w + keySpace
	}
	return lines
}

// keySpace is the space between two entries of a legend.
const keySpace = 13

// indent is how far an entry's text is from its beginning.
func (k key) indent() vg.Length {
	if k.form == stroke || k.form == dashes {
		return 19
	}
	return 14
}

func (k key) width() vg.Length { return k.indent() + textWidth(k.text, style{size: textSize}) }

// drawLegend writes the entries side by side.
func drawLegend(c draw.Canvas, y vg.Length, keys []key) {
	x := c.Min.X
	for _, k := range keys {
		mid := y + textSize*0.34
		switch k.form {
		case swatch:
			fillRect(c, k.hue.alpha(0.75), x, mid-4.5, x+9, mid+4.5)
		case dot:
			fillDisc(c, k.hue.solid(), x+5, mid, 3.5)
		case stroke, dashes:
			line := draw.LineStyle{Color: k.hue.solid(), Width: 2}
			if k.form == dashes {
				line.Width, line.Dashes = 1.3, []vg.Length{4, 2.5}
			}
			c.StrokeLine2(line, x, mid, x+14, mid)
		}
		x = write(c, x+k.indent(), y, k.text, style{size: textSize, hue: ink}) + keySpace
	}
}

// svg returns the figure as an SVG file.
func (f *figure) svg() ([]byte, error) {
	out, open, err := f.vector(20, 16)
	if err != nil {
		return nil, err
	}
	return slices.Insert(out, open[1], []byte("\n<title>"+html.EscapeString(f.alt)+"</title>\n")...), nil
}

// inline returns the figure as an SVG element for the page: without ground, with
// the page's variables for colours, so that it follows light and dark mode.
func (f *figure) inline() (string, error) {
	out, open, err := f.vector(0, 0)
	if err != nil {
		return "", err
	}
	s := fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, f.width.Points(), f.height.Points(), html.EscapeString(f.alt)) + string(out[open[1]:])
	for _, h := range hues {
		s = strings.ReplaceAll(s, h.light, "var(--"+h.name+")")
	}
	return s, nil
}

var svgTag = regexp.MustCompile(`<svg[^>]*>`)

// vector draws the figure as SVG, on paper where it gets edges, and returns where its first tag begins and ends.
func (f *figure) vector(edgeX, edgeY vg.Length) (out []byte, open []int, err error) {
	c := vgsvg.NewWith(vgsvg.UseWH(f.width+edgeX, f.height+edgeY))
	f.draw(draw.New(c), edgeX > 0)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, nil, fmt.Errorf("report: draw %s: %w", f.name, err)
	}
	out = tidy(b.Bytes())
	return out, svgTag.FindIndex(out), nil
}

// png returns the figure as a PNG file.
func (f *figure) png() ([]byte, error) { return pngOf(f.picture(dotsPerInch)) }

// picture draws the figure as pixels.
func (f *figure) picture(dpi int) image.Image {
	c := vgimg.NewWith(vgimg.UseWH(f.width+20, f.height+16), vgimg.UseDPI(dpi))
	f.draw(draw.New(c), true)
	return c.Image()
}

var plainFont = regexp.MustCompile(`font-family:Liberation Sans;font-variant:normal;font-weight:(\w+);font-style:normal;`)

// tidy mends what the SVG canvas writes: fonts get a fallback with the same widths,
// and embedded pictures their true type and the size that they were given.
func tidy(svg []byte) []byte {
	svg = plainFont.ReplaceAll(svg, []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;font-weight:$1;"))
	svg = bytes.ReplaceAll(svg, []byte("font-weight:normal;"), nil)
	svg = bytes.ReplaceAll(svg, []byte("data:image/jpg;base64"), []byte("data:image/png;base64"))
	svg = bytes.ReplaceAll(svg, []byte("<image "), []byte(`<image preserveAspectRatio="none" `))
	return bytes.ReplaceAll(svg, []byte("<!-- Generated by SVGo and Plotinum VG -->\n"), nil)
}

// A style is how a piece of text looks.
type style struct {
	size   vg.Length
	hue    hue
	bold   bool
	align  draw.XAlignment
	middle bool // y is the middle of the line, not its base
	turned bool // read upwards
}

func (s style) text() text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: s.size}
	if s.bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: s.hue.solid(), Font: f, XAlign: s.align, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler}
}

// writeWithin is write of a text that is made smaller where it is wider than most.
func writeWithin(c draw.Canvas, x, y vg.Length, s string, st style, most vg.Length) {
	if w := textWidth(s, st); w > most {
		st.size *= most / w
	}
	write(c, x, y, s, st)
}

// write writes a line of text, its base at y, and returns where it ends.
// The superscripts ⁺ and ⁻, which the font lacks, are drawn as raised small signs.
func write(c draw.Canvas, x, y vg.Length, s string, st style) vg.Length {
	if st.middle {
		y -= st.size * 0.35
	}
	width := textWidth(s, st)
	switch st.align {
	case draw.XCenter:
		x -= width / 2
	case draw.XRight:
		x -= width
	}
	if st.turned {
		c.Push()
		c.Translate(vg.Point{X: x, Y: y})
		c.Rotate(math.Pi / 2)
		defer c.Pop()
		x, y = 0, 0
	}
	c.SetColor(st.hue.solid())
	for _, p := range raised(s) {
		face := p.face(st)
		// SVG drops spaces at the ends of a text.
		word := strings.TrimLeft(p.text, " ")
		at := vg.Point{X: x + face.Width(p.text) - face.Width(word), Y: y}
		if p.up {
			at.Y += st.size * 0.38
		}
		c.FillString(face, at, word)
		x += face.Width(p.text)
	}
	return x
}

// textWidth returns the width of a line of text.
func textWidth(s string, st style) (w vg.Length) {
	for _, p := range raised(s) {
		face := p.face(st)
		w += face.Width(p.text)
	}
	return w
}

// A piece is a part of a line on the base line or raised.
type piece struct {
	text string
	up   bool
}

func (p piece) face(st style) font.Face {
	f := st.text().Font
	if p.up {
		f.Size *= 0.72
	}
	return font.DefaultCache.Lookup(f, f.Size)
}

// raised cuts a line at its superscript signs.
func raised(s string) []piece {
	var out []piece
	for s != "" {
		i := strings.IndexAny(s, "⁺⁻")
		if i < 0 {
			return append(out, piece{text: s})
		}
		if i > 0 {
			out = append(out, piece{text: s[:i]})
		}
		sign, rest := "+", strings.TrimPrefix(s[i:], "⁺")
		if strings.HasPrefix(s[i:], "⁻") {
			sign, rest = "−", strings.TrimPrefix(s[i:], "⁻")
		}
		out, s = append(out, piece{sign, true}), rest
	}
	return out
}

func fillRect(c draw.Canvas, col shade, x0, y0, x1, y1 vg.Length) {
	c.SetColor(col)
	c.Fill(vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}.Path())
}

func fillDisc(c draw.Canvas, col shade, x, y, r vg.Length) {
	c.SetColor(col)
	var p vg.Path
	addCircle(&p, x, y, r)
	p.Close()
	c.Fill(p)
}

func strokeCircle(c draw.Canvas, s draw.LineStyle, x, y, r vg.Length) {
	c.SetLineStyle(s)
	var p vg.Path
	addCircle(&p, x, y, r)
	c.Stroke(p)
}

func addCircle(p *vg.Path, x, y, r vg.Length) {
	p.Move(vg.Point{X: x + r, Y: y})
	p.Arc(vg.Point{X: x, Y: y}, r, 0, 2*math.Pi)
}
