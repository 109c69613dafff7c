package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A ctcExample is one sequence's emissions, with log-probabilities of any size and some of 0.
type ctcExample struct {
	frames, labels int
	x              []float64 // [frames][labels + 1]
	skip           []float32
}

func drawCTCExample(r *rand.Rand, frames, labels int) ctcExample {
	c := ctcExample{frames, labels, make([]float64, frames*(labels+1)), make([]float32, labels+64)}
	for i := range c.x {
		c.x[i] = -math.Abs(r.NormFloat64()) * math.Pow(10, float64(r.IntN(4)))
		if r.IntN(20) == 0 {
			c.x[i] = math.Inf(-1)
		}
	}
	for i := range c.skip {
		c.skip[i] = CTCNone
		if i > 0 && i < labels && r.IntN(4) > 0 {
			c.skip[i] = 0
		}
	}
	return c
}

// ctcResult has the logarithms of the last row of alpha and of the first of q, the shares and sums.
type ctcResult struct {
	most        float32
	alpha, q    []float64
	share, sums []float64
	guarded     bool
}

// run runs the kernels of a level on the example.
func (c ctcExample) run(k *CTCKernels[float32]) ctcResult {
	lanes := k.Lanes
	width := (c.labels/lanes + 1) * lanes
	x := make([]float32, c.frames*width)
	for i := range x {
		x[i] = float32(math.Inf(-1))
		if j := i % width; j <= c.labels {
			x[i] = float32(c.x[i/width*(c.labels+1)+j])
		}
	}
	m, fineM := guarded[float32](len(x), 0)
	e, fineE := guarded[float32](len(x), 0)
	var out ctcResult
	out.most = k.Emit(m, e, x)
	alpha, fineA := guarded[float32]((c.frames+1)*4*width, 0)
	beta, fineB := guarded[float32](4*width, 0)
	for i := range 4 * width {
		v := float32(1)
		if i/lanes%2 == 1 {
			v = CTCNone
		}
		alpha[i], beta[i] = v, v
	}
	alpha[lanes] = 0
	state := func(i int) int { return i/lanes*4*lanes + i%lanes }
	beta[state(c.labels)+lanes] = 0
	k.Forward(alpha, m, e, c.skip[:width+1], c.frames, width, c.labels)
	share, fineS := guarded[float32](c.frames*width, 0)
	sums, fineT := guarded[float32](2*c.frames, 0)
	last := alpha[c.frames*4*width:]
	shift := -max(last[state(c.labels)+lanes], last[state(max(0, c.labels-1))+3*lanes])
	k.Backward(share, sums, beta, alpha, m, e, c.skip[:width+1], c.frames, width, c.labels, shift)
	out.guarded = fineM() && fineE() && fineA() && fineB() && fineS() && fineT()
	logs := func(row []float32) (all []float64) {
		for i := range c.labels + 1 {
			for kind := range 2 {
				if kind == 1 && i == c.labels {
					continue
				}
				at := state(i) + 2*kind*lanes
				all = append(all, float64(row[at+lanes])+math.Log2(float64(row[at])))
			}
		}
		return all
	}
	out.alpha, out.q = logs(last), logs(beta)
	for t := range c.frames {
		for i := range c.labels {
			out.share = append(out.share, float64(share[t*width+i]))
		}
		out.sums = append(out.sums, float64(sums[2*t]), float64(sums[2*t+1]))
	}
	return out
}

// TestCTCKernels holds every level's recursions against plain Go in all states.
func TestCTCKernels(t *testing.T) {
	want := plainCTC[float32]()
	atLevels(t, func(t *testing.T) {
		for labels := range 70 {
			r := rng(uint64(labels))
			c := drawCTCExample(r, 1+r.IntN(2*labels+5), labels)
			got, plain := c.run(CTC[float32]()), c.run(&want)
			if !got.guarded {
				t.Fatalf("%d labels: wrote beyond its memory", labels)
			}
			if got.most != plain.most {
				t.Fatalf("%d labels: the greatest exponent is %v; plain Go says %v", labels, got.most, plain.most)
			}
			compare := func(what string, a, b []float64, within float64) {
				t.Helper()
				for i := range b {
					if b[i] < CTCNone/2 && a[i] < CTCNone/2 {
						continue
					}
					if !(math.Abs(a[i]-b[i]) <= within*max(1, math.Abs(b[i])*1e-2)) {
						t.Fatalf("%d labels, %d frames: %s[%d] is %v; plain Go says %v", labels, c.frames, what, i, a[i], b[i])
					}
				}
			}
			compare("alpha", got.alpha, plain.alpha, 2e-5)
			compare("q", got.q, plain.q, 2e-5)
			if slices.Max(plain.alpha) < CTCNone/2 || plain.alpha[len(plain.alpha)-1] < CTCNone/2 {
				continue // no path: shares of nothing
			}
			compare("share", got.share, plain.share, 1e-5)
			compare("sums", got.sums, plain.sums, 1e-5)
		}
	})
}

// TestCTCEmit: mantissas and exponents are exp's, over the whole range, and what cannot be
// is reported.
func TestCTCEmit(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		k := CTC[float32]()
		r := rng(1)
		x := make([]float32, 64)
		for i := range x {
			x[i] = float32(r.NormFloat64() * math.Pow(10, float64(i%5)))
		}
		x[3], x[4], x[5], x[6], x[7] = float32(math.Inf(-1)), -math.MaxFloat32, 0, -1.01e12, -0.99e12
		m, e := make([]float32, len(x)), make([]float32, len(x))
		most := k.Emit(m, e, x)
		for i, v := range x {
			if m[i] < 0.7 || m[i] > 1.42 {
				t.Fatalf("exp(%v) has mantissa %v", v, m[i])
			}
			if v < -CTCFar {
				if e[i] > CTCNone/2 {
					t.Fatalf("exp(%v) has exponent %v", v, e[i])
				}
				continue
			}
			if l := math.Log2(float64(m[i])) + float64(e[i]); math.Abs(l) < 1e8 && math.Abs(l-float64(v)*math.Log2E) > 3e-7+1e-12*math.Abs(l) {
				t.Fatalf("exp(%v) = 2^%v", v, l)
			}
			if float64(most) < math.Abs(float64(e[i])) {
				t.Fatalf("the greatest exponent is said to be %v, but exp(%v) has %v", most, v, e[i])
			}
		}
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), 1e30, 1.01e12} {
			x[40] = bad
			if most := k.Emit(m, e, x); !math.IsInf(float64(most), 1) {
				t.Errorf("with %v the greatest exponent is %v", bad, most)
			}
		}
	})
}
