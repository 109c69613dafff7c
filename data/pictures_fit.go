package data

import (
	"image"
	"math"
	"sort"

	"golang.org/x/image/draw"
)

// fitBytes is how much memory a fitter takes for each pixel that it makes: three sums, and the pixel.
const fitBytes = 3*4 + 4

// fitter scales a part of a picture, over white, while its rows come in any order: bilinearly, averaged over where it
// shrinks. It never holds more of the picture than a row.
type fitter struct {
	from         image.Rectangle // of the picture
	w, h         int
	across, down []tent
	line         []float32   // a row that was scaled across: w·3
	sums         []float32   // h·w·3
	row          *image.RGBA // a row as it came
}

// tent is the places of a source from which a pixel is made, and how much each counts: together 1, the more the nearer
// it is to the middle.
type tent struct {
	from, to int
	weights  []float32
}

// tents returns those of n pixels that are made of size.
func tents(size, n int) []tent {
	scale := float64(size) / float64(n)
	half := max(scale, 1)
	all := make([]tent, n)
	for i := range all {
		t, middle := &all[i], (float64(i)+0.5)*scale-0.5
		t.from = max(0, int(math.Floor(middle-half)))
		t.to = min(size, int(math.Ceil(middle+half)))
		t.weights = make([]float32, t.to-t.from)
		weight := func(k int) float64 { return max(0, 1-math.Abs(float64(t.from+k)-middle)/half) }
		sum := 0.0
		for k := range t.weights {
			sum += weight(k)
		}
		for k := range t.weights {
			t.weights[k] = float32(weight(k) / sum)
		}
	}
	return all
}

// newFitter makes one of a part of a picture, which is not empty.
func newFitter(from image.Rectangle, w, h int) *fitter {
	return &fitter{
		from: from, w: w, h: h, across: tents(from.Dx(), w), down: tents(from.Dy(), h),
		line: make([]float32, 3*w), sums: make([]float32, 3*w*h),
	}
}

// add adds the pixels of img's row at `at`, from there to its end: they are those of the picture's row y that begin at x
// and lie step apart.
func (f *fitter) add(img image.Image, at image.Point, x, y, step int) {
	if y < f.from.Min.Y || y >= f.from.Max.Y {
		return
	}
	if skip := (f.from.Min.X - x + step - 1) / step; skip > 0 { // what is left of the part
		at.X, x = at.X+skip, x+skip*step
	}
	n := min(img.Bounds().Max.X-at.X, (f.from.Max.X-x+step-1)/step)
	if n <= 0 {
		return
	}
	f.scaleAcross(f.overWhite(img, at, n), x-f.from.Min.X, step)
	f.addDown(y - f.from.Min.Y)
}

// overWhite returns n pixels of a row, each as red, green, blue and one byte more.
func (f *fitter) overWhite(img image.Image, at image.Point, n int) []byte {
	if m, ok := img.(*image.NRGBA); ok { // as a PNG's rows are
		if pix := m.Pix[m.PixOffset(at.X, at.Y):][:4*n]; opaque(pix) {
			return pix
		}
	}
	if f.row == nil || len(f.row.Pix) < 4*n {
		f.row = image.NewRGBA(image.Rect(0, 0, n, 1))
	}
	part := image.Rect(0, 0, n, 1)
	draw.Draw(f.row, part, image.White, image.Point{}, draw.Src)
	draw.Draw(f.row, part, img, at, draw.Over)
	return f.row.Pix[:4*n]
}

func opaque(pix []byte) bool {
	for i := 3; i < len(pix); i += 4 {
		if pix[i] != 255 {
			return false
		}
	}
	return true
}

// scaleAcross scales the pixels of a row, which begin at x and lie step apart, into line.
func (f *fitter) scaleAcross(pix []byte, x, step int) {
	n := len(pix) / 4
	for i := range f.across {
		t := &f.across[i]
		first, last := max(0, (t.from-x+step-1)/step), min(n, (t.to-x+step-1)/step)
		var r, g, b float32
		for k := first; k < last; k++ {
			p, weight := pix[4*k:][:3:3], t.weights[x+k*step-t.from]
			r += weight * float32(p[0])
			g += weight * float32(p[1])
			b += weight * float32(p[2])
		}
		f.line[3*i], f.line[3*i+1], f.line[3*i+2] = r, g, b
	}
}

// addDown adds line to the rows for which the picture's row y counts.
func (f *fitter) addDown(y int) {
	first := sort.Search(f.h, func(i int) bool { return f.down[i].to > y })
	for i := first; i < f.h && f.down[i].from <= y; i++ {
		weight := f.down[i].weights[y-f.down[i].from]
		sums := f.sums[3*f.w*i:][:len(f.line)]
		for j, v := range f.line {
			sums[j] += weight * v
		}
	}
}

// picture returns what was made of the rows.
func (f *fitter) picture() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, f.w, f.h))
	for i := range f.w * f.h {
		for c := range 3 {
			m.Pix[4*i+c] = byte(min(max(f.sums[3*i+c]+0.5, 0), 255))
		}
		m.Pix[4*i+3] = 255
	}
	return m
}

// addAll adds a picture that is in memory.
func (f *fitter) addAll(img image.Image) {
	for y := f.from.Min.Y; y < f.from.Max.Y; y++ {
		f.add(img, image.Pt(f.from.Min.X, y), f.from.Min.X, y, 1)
	}
}

// Fit writes a picture as a network takes it: the largest part of it, about its middle,
// that has the shape w:h is scaled to w×h pixels (bilinearly, averaged over where it shrinks), which is what
// retrieval's usual tools do. What is transparent is seen over white. c is 1 for grey (the
// luma of Rec. 601) or 3 for planes of red, green and blue; dst has c·h·w bytes. A grey picture that has
// the size already comes out as it is. An empty picture is white.
func Fit(dst []byte, img image.Image, c, h, w int) {
	checkFit(dst, c, h, w)
	from := middle(img.Bounds(), h, w)
	if from.Empty() {
		for i := range dst {
			dst[i] = 255
		}
		return
	}
	f := newFitter(from, w, h)
	f.addAll(img)
	planes(dst, f.picture(), c)
}

// planes writes an opaque picture as c planes.
func planes(dst []byte, m *image.RGBA, c int) {
	n := len(m.Pix) / 4
	for i := range n {
		px := m.Pix[4*i:][:3:3]
		if c == 3 {
			dst[i], dst[n+i], dst[2*n+i] = px[0], px[1], px[2]
		} else {
			dst[i] = luma(px[0], px[1], px[2])
		}
	}
}

// Within returns a picture scaled so that neither side has more than side pixels, over white, or the picture itself where
// that is so.
func Within(img image.Image, side int) image.Image {
	b := img.Bounds()
	w, h := sizeWithin(b.Dx(), b.Dy(), side)
	if w == b.Dx() && h == b.Dy() {
		return img
	}
	f := newFitter(b, w, h)
	f.addAll(img)
	return f.picture()
}

// DecodedPicture is a picture in memory, for those who take an [EncodedPicture], too.
type DecodedPicture struct{ image.Image }

// Memory is 0: the picture is there.
func (DecodedPicture) Memory() int64 { return 0 }

// Within is the function of that name.
func (p DecodedPicture) Within(side int) (image.Image, error) { return Within(p.Image, side), nil }

// sizeWithin is the size of a picture of w×h pixels when neither side has more than side.
func sizeWithin(w, h, side int) (int, int) {
	long := max(w, h)
	if long <= side {
		return w, h
	}
	return max(1, w*side/long), max(1, h*side/long)
}
