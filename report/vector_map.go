package report

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/train"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A vectorMap is the vectors in the plane in which they vary most.
type vectorMap struct {
	*Vectors
	x, y  []float64
	share []float64 // of the variance, along either axis
	hues  []hue     // of each class
	shown []int     // classes with a hue of their own, in order
	rest  int       // classes that share one
}

// newVectorMap finds the plane. The error says why there is none.
func newVectorMap(v *Vectors) (*vectorMap, error) {
	if v.n() < 2 || v.Dim < 2 {
		return nil, fmt.Errorf("%d vectors of %d numbers have no plane to be shown in", v.n(), v.Dim)
	}
	p, err := retrieval.PCA(v.Values, v.Dim, 2)
	if err != nil {
		return nil, err
	}
	at, err := p.Project(v.Values)
	if err != nil {
		return nil, err
	}
	m := &vectorMap{Vectors: v, share: p.Share}
	for i := range v.n() {
		m.x, m.y = append(m.x, float64(at[2*i])), append(m.y, float64(at[2*i+1]))
	}
	m.colour()
	return m, nil
}

// colour gives the classes with the most pictures a hue each, in order of the classes, and the others a common one.
func (m *vectorMap) colour() {
	sizes, present := m.sizes(), m.present()
	m.rest = max(0, len(present)-len(classHues))
	slices.SortStableFunc(present, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	m.shown = present[:len(present)-m.rest]
	slices.Sort(m.shown)
	m.hues = make([]hue, len(m.Classes))
	for y := range m.hues {
		m.hues[y] = faint
	}
	for i, y := range m.shown {
		m.hues[y] = classHues[i]
	}
}

func (m *vectorMap) legend() []key {
	var keys []key
	for _, y := range m.shown {
		keys = append(keys, key{cut(m.Classes[y]), m.hues[y], dot})
	}
	if m.rest > 0 {
		keys = append(keys, key{plural(m.rest, "other class", "other classes"), faint, dot})
	}
	return keys
}

// longestClass is how many characters of a class's name a picture shows.
const longestClass = 14

// cut shortens a name that is too long for a picture.
func cut(name string) string {
	if r := []rune(name); len(r) > longestClass {
		return string(r[:longestClass-1]) + "…"
	}
	return name
}

// coverable is how many pictures a class has, at least, for a name to cover some of them.
const coverable = 20

// figure draws the plane, both axes with one scale.
func (m *vectorMap) figure(size vg.Length) *figure {
	bx, by := empty().with(m.x...).padded(0.04), empty().with(m.y...).padded(0.04)
	width := math.Max(bx.width(), by.width())
	p := axes(bx.atLeast(width), by.atLeast(width), "1st axis, "+percent(m.share[0])+" of the variance")
	p.Y.Label.Text = "2nd axis, " + percent(m.share[1])
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{about: int(size / 75)}, ticks{about: int(size / 75)}
	p.Add(classCloud{m})
	if m.rest == 0 && m.n() >= coverable*len(m.shown) {
		p.Add(layer(m.names))
	}
	f := &figure{
		name: "map", title: "The vectors in a plane", width: size, legend: m.legend(), paint: drawInto(p),
		unit: "a dot is a test picture, its colour the class",
		how:  fmt.Sprintf("The plane in which the vectors vary most. What lies apart here is apart; what lies together may still be apart in the other %d directions.", m.Dim-2),
		alt:  fmt.Sprintf("Scatter of %s of %s along their two principal axes.", plural(m.n(), "test picture", "test pictures"), plural(len(m.shown)+m.rest, "class", "classes")),
	}
	if m.Dim == 2 {
		f.how = "The vectors have two numbers: this is all of them, turned so that the first axis is the one of most variance."
	}
	f.height = size + 36 + legendLine*vg.Length(len(legendLines(f.legend, size)))
	return f
}

// names writes the classes' names over the middles of their pictures.
func (m *vectorMap) names(c draw.Canvas, x, y func(float64) vg.Length) {
	st := style{size: textSize, hue: ink, bold: true, align: draw.XCenter}
	for _, k := range m.shown {
		var xs, ys []float64
		for i, of := range m.Labels {
			if of == k {
				xs, ys = append(xs, m.x[i]), append(ys, m.y[i])
			}
		}
		slices.Sort(xs)
		slices.Sort(ys)
		word := cut(m.Classes[k])
		at := vg.Point{X: x(quantile(xs, 0.5)), Y: y(quantile(ys, 0.5))}
		half := textWidth(word, st)/2 + 3
		at.X = min(max(at.X, c.Min.X+half), c.Max.X-half)
		fillRect(c, paper.alpha(0.8), at.X-half, at.Y-8, at.X+half, at.Y+8)
		st.middle = true
		write(c, at.X, at.Y, word, st)
	}
}

// classCloud draws many points of many classes as one picture of few colours: its size hardly grows with their number. They
// go in random order, so that no class covers another.
type classCloud struct{ *vectorMap }

// Radii of its dots, in pixels, and how many opacities their edges have.
const (
	manyDots  = 2.8
	fewDots   = 5.5
	manyCount = 1500
	edgeSteps = 4
)

// Plot implements plot.Plotter.
func (k classCloud) Plot(c draw.Canvas, p *plot.Plot) {
	size := c.Size()
	w, h := int(math.Ceil(size.X.Points()*dotsPerPoint)), int(math.Ceil(size.Y.Points()*dotsPerPoint))
	colours, first := k.palette()
	img := image.NewPaletted(image.Rect(0, 0, w, h), colours)
	r := fewDots
	if k.n() > manyCount {
		r = manyDots
	}
	for _, i := range train.Rand(1, "map", 0).Perm(k.n()) {
		base := first[k.hues[k.Labels[i]]]
		disc(w, h, p.X.Norm(k.x[i])*float64(w), (1-p.Y.Norm(k.y[i]))*float64(h), r, func(at int, part float64) {
			step := int(math.Ceil(part * edgeSteps))
			if under := int(img.Pix[at]); under == 0 || step > edgeSteps/2 { // an edge over another dot is half of either: the larger half wins
				img.Pix[at] = uint8(base + max(step, (under-1)%edgeSteps+1) - 1)
			}
		})
	}
	c.DrawImage(c.Rectangle, img)
}

// palette returns nothing, and then each hue in edgeSteps opacities, with the place of each hue's first.
func (k classCloud) palette() (color.Palette, map[hue]int) {
	colours, first := color.Palette{color.NRGBA{}}, map[hue]int{}
	for _, h := range append([]hue{faint}, classHues...) {
		first[h] = len(colours)
		for step := 1; step <= edgeSteps; step++ {
			c := h.rgb()
			c.A = uint8(255 * step / edgeSteps)
			colours = append(colours, c)
		}
	}
	return colours, first
}
