package report

import (
	"image"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

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
	if share := percent(v.sure()); textWidth(share, small) <= room {
		write(l.Canvas, mid, y-8, share, small)
		y += 6
	}
	write(l.Canvas, mid, y, text, st)
}

// fitted returns a text as it fits into a room: smaller, and then cut; nothing where less than
// two letters would be left.
func fitted(text string, st style, room vg.Length) (string, style) {
	for textWidth(text, st) > room && st.size > 9 {
		st.size--
	}
	if textWidth(text, st) <= room {
		return text, st
	}
	letters := []rune(text)
	for n := len(letters) - 1; n >= 2; n-- {
		if cut := string(letters[:n]) + "…"; textWidth(cut, st) <= room {
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
	case text == "" || textWidth(visible(text), st) > room:
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
	scaleBar(l.Canvas, bar, shadeRamp[:shadeCount], 1, max(1, min(5, int((bar.Max.Y-bar.Min.Y)/24))))
}
