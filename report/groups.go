package report

import (
	"fmt"
	"html/template"
	"image"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A shot is a picture that stands beside others: a query, or what is compared with it.
type shot struct {
	picture image.Image // nil: there is none
	hue     hue         // of its frame

	Image       template.URL
	Role        string // as the page's style has it: query, right, wrong
	Title       string // what picture it is
	Name, Below string // two lines under it
}

// Groups are pictures that belong together, the same number in each, on a file and on the page.
type groups struct {
	Kind        string // for the page's style, and the name of the file
	All         [][]shot
	title, unit string
	perLine     int // groups beside each other in the file
}

// smallPicture is the longer side, in pixels, of pictures of groups: a page shows hundreds of them.
const smallPicture = 64

// newShot returns picture i of a run's test pictures.
func newShot(images Images, x *Vectors, i int, role string, below string) shot {
	s := shot{picture: pictureWithin(images, i, smallPicture), Role: role, Title: fmt.Sprintf("test picture %d", i), Below: below}
	s.hue = map[string]hue{"query": muted, "right": correct, "wrong": offending}[role]
	if x != nil {
		s.Name = cut(x.class(i))
		s.Title += ": " + x.Paths[i]
	}
	return s
}

// short writes a distance in little room.
func short(distance float64) string {
	if a := math.Abs(distance); a == 0 || a >= 1e-3 && a < 1e5 {
		return number(distance)
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(distance, 'e', 1, 64), "e")
	n, _ := strconv.Atoi(exponent)
	return minus(fmt.Sprintf("%se%d", digits, n))
}

// verdict is the role of what is right or wrong.
func verdict(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}

// groups puts groups on the page and among its files. None are nil.
func (p *page) groups(g *groups) *groups {
	if len(g.All) == 0 {
		return nil
	}
	for _, group := range g.All {
		for i := range group {
			group[i].Image = p.image(group[i].picture)
		}
	}
	p.file(g.figure())
	return g
}

// Sizes of groups in their file.
const (
	shotSide  = 64
	shotFoot  = 34 // of the two lines
	shotSpace = 8
	groupGap  = 26
)

// figure draws the groups for their file.
func (g *groups) figure() *figure {
	each := vg.Length(len(g.All[0]))
	wide := each*(shotSide+shotSpace) - shotSpace + groupGap
	columns := min(g.perLine, len(g.All))
	lines := (len(g.All) + columns - 1) / columns
	f := &figure{
		name: g.Kind, title: g.title, unit: g.unit,
		width: max(vg.Length(columns)*wide-groupGap+10, 420), height: vg.Length(lines)*(shotSide+shotFoot+shotSpace) + 46,
		alt: fmt.Sprintf("%s: %s.", g.title, plural(len(g.All), "group of pictures", "groups of pictures")),
	}
	f.paint = func(c draw.Canvas) {
		for n, group := range g.All {
			x := c.Min.X + 2 + vg.Length(n%columns)*wide
			y := c.Max.Y - vg.Length(n/columns)*(shotSide+shotFoot+shotSpace)
			for i, s := range group {
				s.draw(c, x+vg.Length(i)*(shotSide+shotSpace), y)
			}
		}
	}
	return f
}

// draw draws a picture in its frame, the upper left corner at (x, y), and what stands under it.
func (s shot) draw(c draw.Canvas, x, y vg.Length) {
	frame := vg.Rectangle{Min: vg.Point{X: x, Y: y - shotSide}, Max: vg.Point{X: x + shotSide, Y: y}}
	if s.picture != nil {
		drawPicture(c, s.picture, frame)
	}
	c.SetLineStyle(pen(s.hue, 2.4))
	edge := frame.Path()
	edge.Close()
	c.Stroke(edge)
	st := style{size: textSize - 1, hue: s.hue, bold: true, align: draw.XCenter}
	writeWithin(c, x+shotSide/2, y-shotSide-13, s.Name, st, shotSide+shotSpace-2)
	write(c, x+shotSide/2, y-shotSide-26, s.Below, style{size: textSize - 1.5, hue: muted, align: draw.XCenter})
}
