package data

import (
	"math"
	"math/rand/v2"
)

// Bounds of what Jittered does to a picture.
const (
	jitterShift = 2.0  // pixels
	jitterTurn  = 0.17 // radians: about 10 degrees
	jitterScale = 0.1
)

// Jittered is Batch with each picture shifted, turned and scaled a little at random,
// about its middle, and interpolated bilinearly; outside is black.
func (m *Images) Jittered(dst []float32, indices []int, rng *rand.Rand) {
	n := m.Size()
	for b, i := range indices {
		m.jitter(dst[b*n:][:n], m.Image(i), rng)
	}
}

func (m *Images) jitter(dst []float32, src []byte, rng *rand.Rand) {
	within := func(bound float64) float64 { return bound * (2*rng.Float64() - 1) }
	dx, dy := within(jitterShift), within(jitterShift)
	sin, cos := math.Sincos(within(jitterTurn))
	size := 1 + within(jitterScale)
	midX, midY := float64(m.W-1)/2, float64(m.H-1)/2
	for y := range m.H {
		for x := range m.W {
			u, v := (float64(x)-midX)*size, (float64(y)-midY)*size
			dst[y*m.W+x] = m.at(src, midX+dx+cos*u-sin*v, midY+dy+sin*u+cos*v)
		}
	}
}

// at interpolates a picture between its pixels.
func (m *Images) at(src []byte, x, y float64) float32 {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := float32(x-x0), float32(y-y0)
	i, j := int(x0), int(y0)
	top := m.pixel(src, i, j)*(1-fx) + m.pixel(src, i+1, j)*fx
	bottom := m.pixel(src, i, j+1)*(1-fx) + m.pixel(src, i+1, j+1)*fx
	return top*(1-fy) + bottom*fy
}

func (m *Images) pixel(src []byte, x, y int) float32 {
	if x < 0 || y < 0 || x >= m.W || y >= m.H {
		return 0
	}
	return scaled[src[y*m.W+x]]
}
