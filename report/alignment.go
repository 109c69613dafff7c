package report

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Alignment is what a forced alignment says of a line of frames: where its words and tokens
// are, with what was aligned above them and the model's posteriors below. Spectrum,
// Posteriors, Words and Tokens may each be missing, but not all.
type Alignment struct {
	Title string // "Forced alignment" where empty

	Spectrum      []float32 // [Rows][Columns]: log-mel features, row 0 the lowest band, or a picture's pixels; greater is darker
	Rows, Columns int
	FromTop       bool // row 0 is drawn at the top, as in pictures, else at the bottom

	Span float64 // what all columns take together
	Unit string  // "seconds" or "pixels": of Span, and of all that lies along it

	Posteriors            []float32 // [Frames][Classes], each in [0, 1]
	Frames, Classes       int
	FrameStart, FrameStep float64  // where the first frame begins, and how long each is
	ClassNames            []string // [Classes]; "" is the blank, " " the space

	Words, Tokens []Interval // each in order of Start
}

// An Interval is a stretch with a text.
type Interval struct {
	Text       string
	Start, End float64
	Confidence float64 // in [0, 1]
}

// WriteAlignment draws the part of an alignment from from to to (0: to the end) into a file,
// SVG or PNG by its name's end. The longer the part, the wider the picture, up to 6000 points;
// then it is squeezed, and texts that find no room are left out.
//
// Errors: lengths that do not fit; NaN and infinite values; posteriors and confidences outside
// [0, 1] (but for rounding); intervals that end before they start, or out of order; from and
// to that are no part of the span; another name's end.
func WriteAlignment(path string, a Alignment, from, to float64) error {
	if err := a.check(); err != nil {
		return err
	}
	if to == 0 {
		to = a.Span
	}
	if !(from >= 0 && from < to && to <= a.Span) {
		return fmt.Errorf("report: from %v to %v is no part of 0 to %v %s", from, to, a.Span, a.Unit)
	}
	return newAligned(&a, bounds{from, to}).figure().write(path)
}

func (a *Alignment) check() error {
	if a.pointsPerUnit() == 0 {
		return fmt.Errorf(`report: Unit is %q, neither "seconds" nor "pixels"`, a.Unit)
	}
	if !(a.Span > 0 && finite(a.Span)) {
		return fmt.Errorf("report: Span is %v, not a number above 0", a.Span)
	}
	if a.Rows == 0 && a.Frames == 0 && len(a.Words) == 0 && len(a.Tokens) == 0 {
		return errors.New("report: the alignment has nothing to draw")
	}
	return errors.Join(a.checkSpectrum(), a.checkPosteriors(), checkIntervals("Words", a.Words), checkIntervals("Tokens", a.Tokens))
}

func (a *Alignment) checkSpectrum() error {
	if err := checkTable("Spectrum", a.Spectrum, "Rows", a.Rows, "Columns", a.Columns); err != nil {
		return err
	}
	for i, v := range a.Spectrum {
		if !finite(float64(v)) {
			return fmt.Errorf("report: Spectrum[%d] is %v, not a finite number", i, v)
		}
	}
	return nil
}

func (a *Alignment) checkPosteriors() error {
	if err := checkTable("Posteriors", a.Posteriors, "Frames", a.Frames, "Classes", a.Classes); err != nil || a.Frames == 0 {
		return err
	}
	if len(a.ClassNames) != a.Classes {
		return fmt.Errorf("report: %d ClassNames for %d Classes", len(a.ClassNames), a.Classes)
	}
	if !finite(a.FrameStart) {
		return fmt.Errorf("report: FrameStart is %v, not a finite number", a.FrameStart)
	}
	if !(a.FrameStep > 0 && finite(a.FrameStep)) {
		return fmt.Errorf("report: FrameStep is %v, not a number above 0", a.FrameStep)
	}
	for i, v := range a.Posteriors {
		if !isShare(float64(v)) {
			return fmt.Errorf("report: Posteriors[%d] is %v, not in [0, 1]", i, v)
		}
	}
	return nil
}

func checkTable(name string, values []float32, rows string, m int, columns string, n int) error {
	if m < 0 || n < 0 || (m == 0) != (n == 0) {
		return fmt.Errorf("report: %d %s of %d %s; both must be above 0, or both 0", m, rows, n, columns)
	}
	if len(values) != m*n {
		return fmt.Errorf("report: %s has length %d, not %s·%s = %d·%d", name, len(values), rows, columns, m, n)
	}
	return nil
}

func checkIntervals(name string, all []Interval) error {
	for i, v := range all {
		switch {
		case !finite(v.Start) || !finite(v.End) || v.End < v.Start:
			return fmt.Errorf("report: %s[%d] is from %v to %v; an interval must be finite and not end before it starts", name, i, v.Start, v.End)
		case i > 0 && v.Start < all[i-1].Start:
			return fmt.Errorf("report: %s[%d] starts at %v, but the one before it at %v; they must be in order", name, i, v.Start, all[i-1].Start)
		case !isShare(v.Confidence):
			return fmt.Errorf("report: %s[%d] has the confidence %v, not one in [0, 1]", name, i, v.Confidence)
		}
	}
	return nil
}

// isShare tells whether v is in [0, 1], but for what sums in float32 are off by.
func isShare(v float64) bool { return v >= -1e-4 && v <= 1+1e-4 }

// sure is the confidence without what rounding adds.
func (v Interval) sure() float64 { return min(max(v.Confidence, 0), 1) }

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
		width := vg.Length(math.Ceil(float64(measure(n, style{size: textSize, hue: muted}))))
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

// visible puts a sign that the font has in the place of spaces, and of what word pieces have
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

// A lane is a panel's canvas on the horizontal axis that all share.
type lane struct {
	draw.Canvas
	part bounds
	top  vg.Length // of the first panel
}

// x is where a place of the axis is, within the panel.
func (l lane) x(at float64) vg.Length {
	x := l.Min.X + (l.Max.X-l.Min.X)*vg.Length((at-l.part.lo)/l.part.width())
	return min(max(x, l.Min.X), l.Max.X)
}

// mid is half the panel's height.
func (l lane) mid() vg.Length { return (l.Min.Y + l.Max.Y) / 2 }

// heat draws a picture over the panel, with a frame.
func (l lane) heat(img *image.Paletted) {
	l.DrawImage(l.Rectangle, stretched(img, l.Size()))
	l.SetLineStyle(pen(faint, 0.6))
	l.Stroke(l.Rectangle.Path())
}

// boundaries draws a line where each word begins and ends, but for words that are too narrow for
// it.
func (v *aligned) boundaries(l lane, line func(at vg.Length)) {
	for _, w := range v.words {
		if l.x(w.End)-l.x(w.Start) < 6 {
			continue
		}
		for _, at := range []float64{w.Start, w.End} {
			if v.part.has(at) {
				line(l.x(at))
			}
		}
	}
}

// paintWords writes each word into its box, with the lines up to the top: on a light ground,
// for dark features.
func (v *aligned) paintWords(l lane) {
	v.boundaries(l, func(at vg.Length) {
		l.StrokeLine2(draw.LineStyle{Color: paper.alpha(0.6), Width: 2.2}, at, l.Max.Y, at, l.top)
		l.StrokeLine2(pen(ink, 0.8), at, l.Min.Y, at, l.top)
	})
	l.boxes(v.words)
	for _, w := range v.words {
		l.word(w)
	}
}

// paintTokens writes each token over its box and, since tokens often last for a single frame
// with blanks around, over what is free beside it.
func (v *aligned) paintTokens(l lane) {
	l.boxes(v.tokens)
	free := l.Min.X
	for i, t := range v.tokens {
		lo, hi, next := l.x(t.Start), l.x(t.End), l.Max.X
		if i+1 < len(v.tokens) {
			next = l.x(v.tokens[i+1].Start)
		}
		free = max(hi, l.token(t.Text, (lo+hi)/2, free, max(hi, next)))
	}
}

// boxes leaves out those of which no pixel is free, so that an hour takes no more than its
// width.
func (l lane) boxes(all []Interval) {
	const pixel = 1.0 / dotsPerPoint
	drawn := l.Min.X
	for _, v := range all {
		lo, hi := l.x(v.Start), l.x(v.End)
		if hi = max(hi, lo+pixel); hi < drawn+pixel {
			continue
		}
		drawn = hi
		if hi-lo > 3 { // a gap between neighbours
			lo, hi = lo+0.4, hi-0.4
		}
		fillRect(l.Canvas, correct.alpha(0.08+0.42*v.sure()), lo, l.Min.Y, hi, l.Max.Y)
	}
}

// word writes a word and its confidence into its box, as much as it has room for.
func (l lane) word(v Interval) {
	lo, hi := l.x(v.Start), l.x(v.End)
	mid, room := (lo+hi)/2, hi-lo-4
	text, st := fitted(v.Text, style{size: textSize, hue: ink, align: draw.XCenter, middle: true}, room)
	if text == "" {
		return
	}
	y, small := l.mid(), st
	small.size = 9
	if share := percent(v.sure()); measure(share, small) <= room {
		write(l.Canvas, mid, y-8, share, small)
		y += 6
	}
	write(l.Canvas, mid, y, text, st)
}

// fitted returns a text as it fits into a room: smaller, and then cut; nothing where less than
// two letters would be left.
func fitted(text string, st style, room vg.Length) (string, style) {
	for measure(text, st) > room && st.size > 9 {
		st.size--
	}
	if measure(text, st) <= room {
		return text, st
	}
	letters := []rune(text)
	for n := len(letters) - 1; n >= 2; n-- {
		if cut := string(letters[:n]) + "…"; measure(cut, st) <= room {
			return cut, st
		}
	}
	return "", st
}

// token writes a token about mid if it fits between two places, and returns where it ends.
func (l lane) token(text string, mid, from, to vg.Length) vg.Length {
	st := style{size: 10, hue: ink, align: draw.XCenter, middle: true}
	y, room := l.mid(), 2*min(mid-from, to-mid)
	switch {
	case text == " " && room >= 6: // the font's sign for it is too small to stand alone
		l.StrokeLines(pen(ink, 0.9), []vg.Point{{X: mid - 3, Y: y}, {X: mid - 3, Y: y - 3}, {X: mid + 3, Y: y - 3}, {X: mid + 3, Y: y}})
		return mid + 3
	case text == "" || measure(visible(text), st) > room:
		return from
	}
	return write(l.Canvas, mid, y, visible(text), st)
}

// axis draws the horizontal axis under the last panel.
func (v *aligned) axis(l lane) {
	y := l.Max.Y + alignGap
	l.StrokeLine2(pen(faint, 0.8), l.Min.X, y, l.Max.X, y)
	st := style{size: textSize, hue: muted, align: draw.XCenter}
	for _, t := range (ticks{about: min(48, int((l.Max.X-l.Min.X)/90))}).Ticks(v.part.lo, v.part.hi) {
		l.StrokeLine2(pen(faint, 0.8), l.x(t.Value), y, l.x(t.Value), y-4)
		write(l.Canvas, l.x(t.Value), y-16, t.Label, st)
	}
	write(l.Canvas, (l.Min.X+l.Max.X)/2, y-32, v.Unit, st)
}

// paintPosteriors draws the classes over the frames, with their names, the words' boundaries
// and the scale.
func (v *aligned) paintPosteriors(l lane) {
	l.heat(v.posteriorImage(pixels(l.Size().X)))
	st := style{size: min(textSize-1.5, v.line), hue: muted, align: draw.XRight, middle: true}
	for i, class := range v.classes {
		y := l.Max.Y - vg.Length(i)*v.line
		if i > 0 { // what lies far from the names needs a guide
			l.StrokeLine2(pen(grid, 0.5), l.Min.X, y, l.Max.X, y)
		}
		name, st := fitted(className(v.ClassNames[class]), st, longestName)
		write(l.Canvas, l.Min.X-nameSpace, y-v.line/2, name, st)
	}
	v.boundaries(l, func(at vg.Length) { l.StrokeLine2(pen(faint, 0.6), at, l.Min.Y, at, l.Max.Y) })
	l.scale()
}

// scale draws which posterior a shade is, at the right of the panel.
func (l lane) scale() {
	bar := vg.Rectangle{Min: vg.Point{X: l.Max.X + 14, Y: l.Min.Y}, Max: vg.Point{X: l.Max.X + 24, Y: l.Max.Y}}
	img := image.NewPaletted(image.Rect(0, 0, 1, shadeCount), shadeRamp)
	for i := range shadeCount {
		img.Pix[i] = uint8(shadeCount - 1 - i)
	}
	l.DrawImage(bar, stretched(img, bar.Size()))
	height := bar.Max.Y - bar.Min.Y
	for _, t := range (ticks{about: max(1, min(5, int(height/24)))}).Ticks(0, 1) {
		write(l.Canvas, bar.Max.X+4, bar.Min.Y+height*vg.Length(t.Value), t.Label, style{size: 10, hue: muted, middle: true})
	}
}

// The shades of both pictures: from paper by blue to ink. One more stands for nothing.
const (
	shadeCount = 255
	shadeNone  = shadeCount
)

var shadeRamp = newShadeRamp()

func newShadeRamp() color.Palette {
	const middle = 0.6 // where blue is
	var out color.Palette
	for i := range shadeCount {
		a, b, t := paper, correct, float64(i)/(shadeCount-1)/middle
		if t > 1 {
			a, b, t = correct, ink, (t-1)*middle/(1-middle)
		}
		p, q := a.rgb(), b.rgb()
		mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-t) + float64(b)*t)) }
		out = append(out, color.NRGBA{mix(p.R, q.R), mix(p.G, q.G), mix(p.B, q.B), 255})
	}
	return append(out, grid.rgb())
}

// shadeOf is the shade of a share.
func shadeOf(share float64) uint8 {
	return uint8(math.Round(min(max(share, 0), 1) * (shadeCount - 1)))
}

// A sampling says which of n cells that start at a place are under each pixel of a line.
type sampling struct {
	line        bounds
	pixels      int
	start, step float64
	n           int
}

// cells returns the range of cells under a pixel: all that begin in it where they are smaller,
// else the one under its middle; an empty one where there are none.
func (s sampling) cells(pixel int) (lo, hi int) {
	cell := func(p float64) int {
		at := math.Floor((s.line.lo + s.line.width()*p/float64(s.pixels) - s.start) / s.step)
		return int(min(max(at, -1), float64(s.n)))
	}
	p := float64(pixel)
	if s.step*float64(s.pixels) >= s.line.width() {
		lo = cell(p + 0.5)
		hi = lo + 1
	} else {
		lo = cell(p)
		hi = max(cell(p+1), lo+1) // rounding must leave no gap
	}
	return max(lo, 0), min(hi, s.n)
}

// paintSpectrum draws the rows, a pixel being the mean of what is under it.
func (v *aligned) paintSpectrum(l lane) {
	s := sampling{v.part, pixels(l.Size().X), 0, v.Span / float64(v.Columns), v.Columns}
	means := make([]float64, v.Rows*s.pixels)
	for row := range v.Rows {
		for px := range s.pixels {
			lo, hi := s.cells(px)
			sum := 0.0
			for _, e := range v.Spectrum[row*v.Columns+lo : row*v.Columns+hi] {
				sum += float64(e)
			}
			means[row*s.pixels+px] = sum / float64(hi-lo)
		}
	}
	b := v.shadeRange(means)
	img := image.NewPaletted(image.Rect(0, 0, s.pixels, v.Rows), shadeRamp)
	for row := range v.Rows {
		to := row
		if !v.FromTop {
			to = v.Rows - 1 - row
		}
		for px := range s.pixels {
			img.Pix[to*img.Stride+px] = shadeOf((means[row*s.pixels+px] - b.lo) / b.width())
		}
	}
	l.heat(img)
}

// shadeRange is what the shades stand for: all values of a picture; of features, without the
// few that lie far below or above.
func (v *aligned) shadeRange(values []float64) bounds {
	if v.FromTop {
		return empty().with(values...).wide()
	}
	sorted := sortedFinite(values)
	return bounds{quantile(sorted, 0.05), quantile(sorted, 0.998)}.wide()
}

// posteriorImage draws the classes, a pixel being the greatest of what is under it, so that no
// peak is lost.
func (v *aligned) posteriorImage(width int) *image.Paletted {
	s := sampling{v.part, width, v.FrameStart, v.FrameStep, v.Frames}
	img := image.NewPaletted(image.Rect(0, 0, width, len(v.classes)), shadeRamp)
	for px := range width {
		lo, hi := s.cells(px)
		for row, class := range v.classes {
			shade := uint8(shadeNone)
			if lo < hi {
				most := float32(0)
				for f := lo; f < hi; f++ {
					most = max(most, v.Posteriors[f*v.Classes+class])
				}
				shade = shadeOf(float64(most))
			}
			img.Pix[row*img.Stride+px] = shade
		}
	}
	return img
}

// stretched repeats a picture's rows and columns up to a size in points, since viewers smooth
// what they enlarge, and SVG keeps a picture's proportions.
func stretched(img *image.Paletted, size vg.Point) *image.Paletted {
	from := img.Rect
	out := image.NewPaletted(image.Rect(0, 0, pixels(size.X), pixels(size.Y)), img.Palette)
	for y := range out.Rect.Dy() {
		row := img.Pix[y*from.Dy()/out.Rect.Dy()*img.Stride:]
		for x := range out.Rect.Dx() {
			out.Pix[y*out.Stride+x] = row[x*from.Dx()/out.Rect.Dx()]
		}
	}
	return out
}

// pixels is how many there are along a length.
func pixels(length vg.Length) int { return int(math.Round(float64(length) * dotsPerPoint)) }
