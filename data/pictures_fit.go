package data

import (
	"image"
	"math"
	"sort"

	"golang.org/x/image/draw"
)

// fitBytes is how much memory a fitter takes for each pixel that it makes: three sums, and the pixel, which may be turned.
const fitBytes = 3*4 + 2*4

// fitter scales a part of a picture, over white, while its rows come in any order: bilinearly, averaged over where it
// shrinks. It never holds more of the picture than a row.
type fitter struct {
	first, last  int // rows that count
	w, h         int
	across, down []tent
	line         []float32 // a row that was scaled across: w·3
	sums         []float32 // h·w·3
	row          []byte    // a row over white
}

// tent is the places of a source from which a pixel is made, and how much each counts: together 1, the more the nearer
// it is to the middle.
type tent struct {
	from, to int
	weights  []float32
}

// tents returns those of n pixels that are made of the places from lo to hi, where shrink places are one that is there.
func tents(lo, hi, shrink, n int) []tent {
	scale := float64(hi-lo) / float64(n)
	half := max(scale, 1)
	all := make([]tent, n)
	for i := range all {
		middle := (float64(i)+0.5)*scale - 0.5
		from, to := lo+max(0, int(math.Floor(middle-half))), lo+min(hi-lo, int(math.Ceil(middle+half)))
		weight := func(k int) float64 { return max(0, 1-math.Abs(float64(k-lo)-middle)/half) }
		sum := 0.0
		for k := from; k < to; k++ {
			sum += weight(k)
		}
		t := &all[i]
		t.from, t.to = from/shrink, (to+shrink-1)/shrink
		t.weights = make([]float32, t.to-t.from)
		for k := from; k < to; k++ {
			t.weights[k/shrink-t.from] += float32(weight(k) / sum)
		}
	}
	return all
}

// newFitter makes one of a part, which is not empty, of a picture whose rows come shrink times smaller.
func newFitter(part image.Rectangle, shrink, w, h int) *fitter {
	f := &fitter{w: w, h: h, line: make([]float32, 3*w), sums: make([]float32, 3*w*h)}
	f.across = tents(part.Min.X, part.Max.X, shrink, w)
	f.down = tents(part.Min.Y, part.Max.Y, shrink, h)
	f.first, f.last = f.down[0].from, f.down[h-1].to
	return f
}

// add adds pixels of red, green, blue and alpha: they are those of the picture's row y that begin at x and lie step apart.
func (f *fitter) add(pix []byte, x, y, step int) {
	if y < f.first || y >= f.last {
		return
	}
	f.scaleAcross(f.overWhite(pix), x, step)
	f.addDown(y)
}

// overWhite returns a row that is opaque.
func (f *fitter) overWhite(pix []byte) []byte {
	if opaque(pix) {
		return pix
	}
	if len(f.row) < len(pix) {
		f.row = make([]byte, len(pix))
	}
	row := f.row[:len(pix)]
	for i := 0; i < len(pix); i += 4 {
		px, out := pix[i:][:4:4], row[i:][:4:4]
		a := int(px[3])
		for c := range 3 {
			out[c] = byte((int(px[c])*a + 255*(255-a) + 127) / 255)
		}
	}
	return row
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
func (f *fitter) picture() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, f.w, f.h))
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
	b := img.Bounds()
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	for y := range b.Dy() {
		if m, ok := img.(*image.NRGBA); ok {
			f.add(m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):][:4*b.Dx()], 0, y, 1)
			continue
		}
		draw.Draw(row, row.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(row, row.Rect, img, b.Min.Add(image.Pt(0, y)), draw.Over)
		f.add(row.Pix, 0, y, 1)
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
	f := newFitter(from.Sub(img.Bounds().Min), 1, w, h)
	f.addAll(img)
	planes(dst, f.picture(), c)
}

// planes writes an opaque picture as c planes.
func planes(dst []byte, m *image.NRGBA, c int) {
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
	f := newFitter(image.Rectangle{Max: b.Size()}, 1, w, h)
	f.addAll(img)
	return f.picture()
}

// DecodedPicture is a picture in memory, for those who take an [EncodedPicture], too.
type DecodedPicture struct{ image.Image }

// Memory is 0: the picture is there.
func (DecodedPicture) Memory(int, int) int64 { return 0 }

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
