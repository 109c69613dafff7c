// Package toy has distributions over the plane that are known exactly: what energies of densities are trained on.
package toy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Distribution is one over the plane that is known exactly: what densities are tried on.
// Its draws lie, but for rare ones, in the square [−4, 4]².
type Distribution struct {
	Name string
	// Modes are the centres of its separate parts, for those that have them: points to
	// count who comes near. A draw belongs to the nearest.
	Modes [][2]float64

	draw func(rng *rand.Rand) (x, y float64)
	log  func(x, y float64) float64
}

// Draw writes n draws, x and y in turn, to dst, which has room for them.
func (t *Distribution) Draw(rng *rand.Rand, dst []float32) {
	for i := 0; i+1 < len(dst); i += 2 {
		x, y := t.draw(rng)
		dst[i], dst[i+1] = float32(x), float32(y)
	}
}

// LogDensity returns the log density at a point, −Inf where there is none.
func (t *Distribution) LogDensity(x, y float64) float64 { return t.log(x, y) }

// Names returns the names that New knows.
func Names() []string {
	return []string{"gaussians", "rings", "moons", "spirals", "checkerboard", "pinwheel"}
}

// New returns a distribution by name: gaussians (eight on a circle), rings (two),
// moons, spirals (two arms), checkerboard, pinwheel (five arms).
func New(name string) (*Distribution, error) {
	switch name {
	case "gaussians":
		return eightGaussians(), nil
	case "rings":
		return rings(), nil
	case "moons":
		return moons(), nil
	case "spirals":
		return spirals(), nil
	case "checkerboard":
		return checkerboard(), nil
	case "pinwheel":
		return pinwheel(), nil
	}
	return nil, fmt.Errorf("there is no set called %q; there are %s", excerpt.Of(name), strings.Join(Names(), ", "))
}

// mixture is that of equal round Gaussians around the centres.
func mixture(name string, centres [][2]float64, scale float64) *Distribution {
	constant := -math.Log(float64(len(centres)) * 2 * math.Pi * scale * scale)
	return &Distribution{
		Name: name,
		draw: func(rng *rand.Rand) (float64, float64) {
			c := centres[rng.IntN(len(centres))]
			return c[0] + scale*rng.NormFloat64(), c[1] + scale*rng.NormFloat64()
		},
		log: func(x, y float64) float64 {
			top, sum := math.Inf(-1), 0.0
			for _, c := range centres {
				dx, dy := (x-c[0])/scale, (y-c[1])/scale
				e := -(dx*dx + dy*dy) / 2
				if e > top {
					sum *= math.Exp(top - e)
					top = e
				}
				sum += math.Exp(e - top)
			}
			return constant + top + math.Log(sum)
		},
	}
}

// A curve is drawn by this many Gaussians, so close that they make one band.
const curvePoints = 400

// curve returns points along f over [0, 1], even in arc length.
func curve(n int, f func(t float64) [2]float64) [][2]float64 {
	const fine = 20
	length := make([]float64, fine*n+1)
	last := f(0)
	for i := 1; i < len(length); i++ {
		p := f(float64(i) / float64(fine*n))
		length[i] = length[i-1] + math.Hypot(p[0]-last[0], p[1]-last[1])
		last = p
	}
	total, at := length[len(length)-1], 0
	points := make([][2]float64, n)
	for i := range points {
		for length[at] < total*(float64(i)+0.5)/float64(n) {
			at++
		}
		points[i] = f(float64(at) / float64(fine*n))
	}
	return points
}

func onCircle(radius, angle float64) [2]float64 {
	return [2]float64{radius * math.Cos(angle), radius * math.Sin(angle)}
}

func eightGaussians() *Distribution {
	var centres [][2]float64
	for k := range 8 {
		centres = append(centres, onCircle(2.8, float64(k)*math.Pi/4))
	}
	t := mixture("gaussians", centres, 0.25)
	t.Modes = centres
	return t
}

func rings() *Distribution {
	var all [][2]float64
	for _, radius := range []float64{1.2, 2.8} {
		all = append(all, curve(curvePoints, func(t float64) [2]float64 { return onCircle(radius, 2*math.Pi*t) })...)
	}
	return mixture("rings", all, 0.15)
}

func moons() *Distribution {
	upper := curve(curvePoints, func(t float64) [2]float64 {
		p := onCircle(2, math.Pi*t)
		return [2]float64{p[0] - 1, p[1] - 0.5}
	})
	lower := curve(curvePoints, func(t float64) [2]float64 {
		p := onCircle(2, -math.Pi*t)
		return [2]float64{p[0] + 1, p[1] + 0.5}
	})
	return mixture("moons", append(upper, lower...), 0.2)
}

func spirals() *Distribution {
	var all [][2]float64
	for arm := range 2 {
		all = append(all, curve(curvePoints, func(t float64) [2]float64 {
			return onCircle(0.4+2.8*t, 3*math.Pi*t+math.Pi*float64(arm))
		})...)
	}
	return mixture("spirals", all, 0.15)
}

// checkerboard is uniform over the eight dark squares of a 4×4 board of side 6.
func checkerboard() *Distribution {
	const side, half = 1.5, 3.0
	t := &Distribution{Name: "checkerboard"}
	dark := func(i, j int) bool { return i >= 0 && j >= 0 && i < 4 && j < 4 && (i+j)%2 == 0 }
	for i := range 4 {
		for j := range 4 {
			if dark(i, j) {
				t.Modes = append(t.Modes, [2]float64{(float64(i)+0.5)*side - half, (float64(j)+0.5)*side - half})
			}
		}
	}
	t.draw = func(rng *rand.Rand) (float64, float64) {
		c := t.Modes[rng.IntN(len(t.Modes))]
		return c[0] + side*(rng.Float64()-0.5), c[1] + side*(rng.Float64()-0.5)
	}
	t.log = func(x, y float64) float64 {
		if dark(int(math.Floor((x+half)/side)), int(math.Floor((y+half)/side))) {
			return -math.Log(float64(len(t.Modes)) * side * side)
		}
		return math.Inf(-1)
	}
	return t
}

// pinwheel turns five radial Gaussians by an angle that grows with the radius. Turning
// keeps areas in polar coordinates, so the density is that of the point turned back.
func pinwheel() *Distribution {
	const arms, mean, radial, across, turn = 5, 1.9, 0.5, 0.18, 0.6
	centre := func(k int) float64 { return 2 * math.Pi * float64(k) / arms }
	t := &Distribution{Name: "pinwheel"}
	t.draw = func(rng *rand.Rand) (float64, float64) {
		u, v := mean+radial*rng.NormFloat64(), across*rng.NormFloat64()
		r := math.Hypot(u, v)
		angle := math.Atan2(v, u) + centre(rng.IntN(arms)) + turn*r
		return r * math.Cos(angle), r * math.Sin(angle)
	}
	t.log = func(x, y float64) float64 {
		r, angle := math.Hypot(x, y), math.Atan2(y, x)
		var sum float64
		for k := range arms {
			back := angle - turn*r - centre(k)
			u, v := (r*math.Cos(back)-mean)/radial, r*math.Sin(back)/across
			sum += math.Exp(-(u*u+v*v)/2) / arms
		}
		return math.Log(sum / (2 * math.Pi * radial * across))
	}
	for k := range arms {
		t.Modes = append(t.Modes, onCircle(mean, centre(k)+turn*mean))
	}
	return t
}

// Covered counts the modes that are the nearest to at least half of their share of draws.
func (t *Distribution) Covered(draws [][2]float64) (n int) {
	modes := t.Modes
	counts := make([]int, len(modes))
	for _, d := range draws {
		best, least := 0, math.Inf(1)
		for k, m := range modes {
			if r := math.Hypot(d[0]-m[0], d[1]-m[1]); r < least {
				best, least = k, r
			}
		}
		if len(modes) > 0 {
			counts[best]++
		}
	}
	for _, c := range counts {
		if 2*c*len(modes) >= len(draws) {
			n++
		}
	}
	return n
}
