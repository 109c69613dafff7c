package report

import (
	"image/color"
	"math"
	"strconv"
)

// A hue is a colour of the pictures: what it is on white, in the files, and what
// takes its place on the page where the reader's device is in dark mode.
type hue struct {
	name        string // of the CSS variable
	light, dark string // "#RRGGBB"
}

// Blue and vermillion (Okabe and Ito's) stay apart for every kind of colour vision,
// and mean the same thing in every picture: right and wrong answers.
var (
	ink       = hue{"ink", "#1B2430", "#E8ECF1"}
	muted     = hue{"muted", "#5A6675", "#A5B0BD"}
	faint     = hue{"faint", "#A4AEBA", "#5F6C7B"}
	grid      = hue{"grid", "#E4E8ED", "#2B343F"}
	paper     = hue{"paper", "#FEFEFE", "#171D24"}
	correct   = hue{"correct", "#0072B2", "#5DB5EA"}
	offending = hue{"offending", "#D55E00", "#FF9A57"}
	gapHue    = hue{"gap", "#00806A", "#3CC9A3"}
)

// classHues tell classes apart, where a class is neither right nor wrong: none is the blue or the orange of those. They
// are the same in light and dark mode, as are pictures of many points.
var classHues = []hue{
	{"class-0", "#7B61C9", "#7B61C9"},
	{"class-1", "#1F9E89", "#1F9E89"},
	{"class-2", "#D1478C", "#D1478C"},
	{"class-3", "#8C8A2A", "#8C8A2A"},
	{"class-4", "#4FB3DC", "#4FB3DC"},
	{"class-5", "#96694C", "#96694C"},
	{"class-6", "#4CA64C", "#4CA64C"},
	{"class-7", "#D9A514", "#D9A514"},
	{"class-8", "#D94F4F", "#D94F4F"},
	{"class-9", "#7D8897", "#7D8897"},
}

var hues = append([]hue{ink, muted, faint, grid, paper, correct, offending, gapHue}, classHues...)

// solid returns the hue in full strength, as it is on white.
func (h hue) solid() shade { return h.alpha(1) }

// alpha returns the hue at an opacity between 0.01 and 1.
func (h hue) alpha(a float64) shade { return shade{h, a} }

// A shade is a hue at an opacity, as a color.Color.
type shade struct {
	hue     hue
	opacity float64
}

// RGBA returns the colour as it is on white. It rounds up a little, since the SVG
// canvas divides by the opacity and rounds down: what it writes is the hue, exactly.
func (s shade) RGBA() (r, g, b, a uint32) {
	a = uint32(math.Round(s.opacity * 0xffff))
	c := s.hue.rgb()
	up := func(v uint8) uint32 { return min(uint32(v)*a/255+1, a) }
	return up(c.R), up(c.G), up(c.B), a
}

func (h hue) rgb() color.NRGBA {
	v, _ := strconv.ParseUint(h.light[1:], 16, 24)
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

// mix is the colour at t of the way from one hue to another.
func mix(from, to hue, t float64) color.NRGBA {
	p, q := from.rgb(), to.rgb()
	at := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-t) + float64(b)*t)) }
	return color.NRGBA{at(p.R, q.R), at(p.G, q.G), at(p.B, q.B), 255}
}
