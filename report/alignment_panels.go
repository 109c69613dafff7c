package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// pointsPerUnit is the scale of a picture that is neither widened nor squeezed; 0 where the
// unit is unknown.
func (a *Alignment) pointsPerUnit() float64 {
	switch a.Unit {
	case "seconds":
		return 110
	case "pixels":
		return 2
	}
	return 0
}

// Sizes of an alignment's picture.
const (
	alignLeast    = 700 // of its width
	alignMost     = 6000
	alignHead     = 46 // what title and note take
	alignEdge     = 26 // what lies outside the picture itself at the sides, together
	wordHeight    = 34
	tokenHeight   = 18
	alignGap      = 7  // between panels
	alignFoot     = 36 // for the axis
	scaleWidth    = 58 // for the scale of the posteriors
	posteriorRows = 40 // classes that are shown, at most
	nameSpace     = 8  // beside names at the left
	longestName   = 120
)

// aligned is an alignment's part with the layout of its picture.
type aligned struct {
	*Alignment
	part          bounds
	width         vg.Length // of the whole picture
	gutter        vg.Length // for names at the left
	tall          vg.Length // the spectrum's height
	line          vg.Length // the height of a class
	classes       []int     // from the top
	words, tokens []Interval
}

func newAligned(a *Alignment, part bounds) *aligned {
	v := &aligned{Alignment: a, part: part, words: inside(a.Words, part), tokens: inside(a.Tokens, part)}
	v.classes = v.pickClasses()
	if n := len(v.classes); n > 0 {
		v.line = vg.Length(min(max(300/n, 9), 14))
	}
	names := []string{v.spectrumName(), "tokens"}
	for _, c := range v.classes {
		names = append(names, className(a.ClassNames[c]))
	}
	for _, n := range names {
		width := vg.Length(math.Ceil(float64(textWidth(n, style{size: textSize, hue: muted}))))
		v.gutter = max(v.gutter, nameSpace+min(width, longestName))
	}
	around := v.gutter + scaleWidth + alignEdge
	v.width = min(max(around+vg.Length(math.Round(part.width()*a.pointsPerUnit())), alignLeast), alignMost)
	v.tall = v.spectrumHeight(v.width - around)
	return v
}

// inside returns the intervals of which something is in a part.
func inside(all []Interval, part bounds) (out []Interval) {
	for _, v := range all {
		if v.Start < part.hi && v.End > part.lo {
			out = append(out, v)
		}
	}
	return out
}

func (v *aligned) spectrumName() string {
	if v.FromTop {
		return "picture"
	}
	return "features"
}

// spectrumHeight keeps a picture's proportions as far as it can.
func (v *aligned) spectrumHeight(width vg.Length) vg.Length {
	rows := vg.Length(v.Rows)
	switch {
	case rows == 0:
		return 0
	case v.FromTop:
		shown := vg.Length(v.part.width() / v.Span * float64(v.Columns))
		return vg.Length(math.Round(float64(min(max(rows*width/shown, 48), 200))))
	}
	return min(max(rows*3, 100), 170)
}

// pickClasses chooses the classes that are shown, in their order: where they are too many,
// the blank and those that the tokens name, and of these the ones that are likeliest somewhere.
func (v *aligned) pickClasses() []int {
	said, named := map[string]bool{}, false
	for _, t := range v.tokens {
		said[t.Text] = true
	}
	var all, some []int
	for c := range v.Classes {
		name := v.ClassNames[c]
		named = named || said[name]
		all = append(all, c)
		if said[name] || name == "" {
			some = append(some, c)
		}
	}
	if len(all) <= posteriorRows {
		return all
	}
	if !named {
		some = all
	}
	if len(some) > posteriorRows {
		peaks := v.peaks()
		slices.SortStableFunc(some, func(a, b int) int { return cmp.Compare(peaks[b], peaks[a]) })
		some = some[:posteriorRows]
		slices.Sort(some)
	}
	return some
}

// peaks returns each class's greatest posterior in the part; the blank's is above all others'.
func (v *aligned) peaks() []float32 {
	out := make([]float32, v.Classes)
	for f := range v.Frames {
		start := v.FrameStart + float64(f)*v.FrameStep
		if start >= v.part.hi || start+v.FrameStep <= v.part.lo {
			continue
		}
		for c, p := range v.Posteriors[f*v.Classes : (f+1)*v.Classes] {
			out[c] = max(out[c], p)
		}
	}
	for c, name := range v.ClassNames {
		if name == "" {
			out[c] = 2
		}
	}
	return out
}

// className is a class's name on the axis.
func className(name string) string {
	switch name {
	case "":
		return "blank"
	case " ":
		return "space"
	}
	return visible(name)
}

// visible puts a sign that the font has instead of spaces, and of what word pieces have
// for them.
func visible(text string) string { return spaceSigns.Replace(text) }

var spaceSigns = strings.NewReplacer(" ", "˽", "▁", "˽")

// figure lays the panels out from the top, on one horizontal axis.
func (v *aligned) figure() *figure {
	panels := v.panels()
	f := &figure{name: "alignment", title: cmp.Or(v.Title, "Forced alignment"), unit: v.note(), width: v.width - 20, height: alignHead + alignFoot}
	f.alt = fmt.Sprintf("%s: %s and %s from %s to %s %s.", f.title, plural(len(v.words), "word", "words"),
		plural(len(v.tokens), "token", "tokens"), number(v.part.lo), number(v.part.hi), v.Unit)
	for _, p := range panels {
		f.height += p.height + alignGap
	}
	f.paint = func(c draw.Canvas) {
		c.Min.X, c.Max.X = c.Min.X+v.gutter, c.Max.X-scaleWidth
		l := lane{Canvas: c, part: v.part, top: c.Max.Y}
		l.Min.Y = l.Max.Y
		for _, p := range panels {
			l.Min.Y = l.Max.Y - p.height
			write(l.Canvas, l.Min.X-nameSpace, l.mid(), p.name, style{size: textSize, hue: muted, align: draw.XRight, middle: true})
			p.paint(l)
			l.Max.Y = l.Min.Y - alignGap
		}
		v.axis(l)
	}
	return f
}

func (v *aligned) note() string {
	parts := []string{"dark is high; dark boxes are sure"}
	if v.part.width() < v.Span {
		parts = append([]string{fmt.Sprintf("%s to %s of %s %s", setting(v.part.lo), setting(v.part.hi), setting(v.Span), v.Unit)}, parts...)
	}
	if len(v.classes) < v.Classes {
		parts = append(parts, fmt.Sprintf("%d of %d classes", len(v.classes), v.Classes))
	}
	return strings.Join(parts, " · ")
}

// A panel is one of the pictures that are stacked.
type panel struct {
	name   string // at its left
	height vg.Length
	paint  func(l lane)
}

// panels are those that the alignment has something for, even if it is not in the part.
func (v *aligned) panels() (out []panel) {
	if v.Rows > 0 {
		out = append(out, panel{v.spectrumName(), v.tall, v.paintSpectrum})
	}
	if len(v.Words) > 0 {
		out = append(out, panel{"words", wordHeight, v.paintWords})
	}
	if len(v.Tokens) > 0 {
		out = append(out, panel{"tokens", tokenHeight, v.paintTokens})
	}
	if v.Frames > 0 {
		out = append(out, panel{"", v.line * vg.Length(len(v.classes)), v.paintPosteriors})
	}
	return out
}
