package data

import (
	"math"
	"math/rand/v2"
)

// Bounds of what Jittered does to a picture.
const (
	jitterShift = 2.0  // pixels of a digit's 28
	jitterTurn  = 0.17 // radians: about 10 degrees
	jitterScale = 0.1

	jitterBrightness = 0.2  // of white, up or down, and of the contrast
	jitterSaturation = 0.3  // of a colour's distance from grey
	cropMost         = 0.35 // of a photograph's sides that are cut off
	digitSide        = 28
)

// Jittered is Batch with each picture shifted, turned and scaled a little at random,
// about its middle, and interpolated bilinearly; outside is black.
func (m *Images) Jittered(dst []float32, indices []int, rng *rand.Rand) {
	n := m.Size()
	for b, i := range indices {
		p := plane{pixels: m.Image(i), h: m.H, w: m.W}
		p.move(dst[b*n:][:n], drawMotion(jitterShift, jitterShift, rng))
	}
}

// Jitter says what besides shifting, turning and scaling Pictures.Jittered does.
type Jitter struct {
	Flip       bool // mirror every other picture, left to right: not for digits and letters
	Brightness bool // make pictures a little darker or brighter, with more or less contrast
	// Photo is instead of all that, for photographs: a square of 65 to 100 % of the sides anywhere in the picture, mirrored every other time, with other brightness, contrast and
	// saturation.
	Photo bool
}

// Jittered is Batch with each picture shifted (by up to a fourteenth of its sides), turned and scaled a little
// at random, about its middle, and interpolated bilinearly; pixels outside have the
// value of the picture's edge. All channels of a picture are treated alike. j says what else is done, or what instead.
func (p *Pictures) Jittered(dst []float32, indices []int, j Jitter, rng *rand.Rand) {
	n := p.H * p.W
	shiftX, shiftY := jitterShift*float64(p.W)/digitSide, jitterShift*float64(p.H)/digitSide
	for b, i := range indices {
		var m motion
		if j.Photo {
			m = drawCrop(p.W, p.H, rng)
		} else {
			m = drawMotion(shiftX, shiftY, rng)
			m.mirror = j.Flip && rng.IntN(2) == 1
		}
		out := dst[b*p.Size():][:p.Size()]
		for c := range p.C {
			channel := plane{pixels: p.Picture(i)[c*n:][:n], h: p.H, w: p.W, edge: true}
			channel.move(out[c*n:][:n], m)
		}
		if j.Photo && p.C == 3 {
			saturate(out, n, rng)
		}
		if j.Photo || j.Brightness {
			brighten(out, rng)
		}
	}
}

// brighten changes a picture's brightness and contrast, within [0, 1].
func brighten(x []float32, rng *rand.Rand) {
	contrast, shift := float32(1+within(jitterBrightness, rng)), float32(within(jitterBrightness, rng))
	for i, v := range x {
		x[i] = max(0, min((v-0.5)*contrast+0.5+shift, 1))
	}
}

// saturate brings a picture's colours nearer to its brightness, or farther from it.
func saturate(x []float32, n int, rng *rand.Rand) {
	factor := float32(1 + within(jitterSaturation, rng))
	r, g, b := x[:n], x[n:2*n], x[2*n:]
	for i := range n {
		grey := 0.299*r[i] + 0.587*g[i] + 0.114*b[i]
		for _, plane := range [3][]float32{r, g, b} {
			plane[i] = max(0, min(grey+(plane[i]-grey)*factor, 1))
		}
	}
}

// motion is where a picture goes.
type motion struct {
	dx, dy   float64 // pixels
	sin, cos float64
	size     float64
	mirror   bool
}

func drawMotion(shiftX, shiftY float64, rng *rand.Rand) (m motion) {
	m.dx, m.dy = within(shiftX, rng), within(shiftY, rng)
	m.sin, m.cos = math.Sincos(within(jitterTurn, rng))
	m.size = 1 + within(jitterScale, rng)
	return m
}

// drawCrop is a part of a picture anywhere in it.
func drawCrop(w, h int, rng *rand.Rand) (m motion) {
	m.cos, m.size = 1, 1-cropMost*rng.Float64()
	m.dx, m.dy = within((1-m.size)*float64(w)/2, rng), within((1-m.size)*float64(h)/2, rng)
	m.mirror = rng.IntN(2) == 1
	return m
}

func within(bound float64, rng *rand.Rand) float64 { return bound * (2*rng.Float64() - 1) }

// plane is one channel of a picture.
type plane struct {
	pixels []byte
	h, w   int
	edge   bool // outside is as the nearest pixel is; else it is black
}

// move writes a plane that has been moved, in [0, 1].
func (p plane) move(dst []float32, m motion) {
	midX, midY := float64(p.w-1)/2, float64(p.h-1)/2
	for y := range p.h {
		for x := range p.w {
			u, v := (float64(x)-midX)*m.size, (float64(y)-midY)*m.size
			if m.mirror {
				u = -u
			}
			dst[y*p.w+x] = p.at(midX+m.dx+m.cos*u-m.sin*v, midY+m.dy+m.sin*u+m.cos*v)
		}
	}
}

// at interpolates a plane between its pixels.
func (p plane) at(x, y float64) float32 {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := float32(x-x0), float32(y-y0)
	i, j := int(x0), int(y0)
	top := p.pixel(i, j)*(1-fx) + p.pixel(i+1, j)*fx
	bottom := p.pixel(i, j+1)*(1-fx) + p.pixel(i+1, j+1)*fx
	return top*(1-fy) + bottom*fy
}

func (p plane) pixel(x, y int) float32 {
	if p.edge {
		x, y = max(0, min(x, p.w-1)), max(0, min(y, p.h-1))
	}
	if x < 0 || y < 0 || x >= p.w || y >= p.h {
		return 0
	}
	return scaled[p.pixels[y*p.w+x]]
}
