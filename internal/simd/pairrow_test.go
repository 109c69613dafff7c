package simd

import (
	"math"
	"testing"
)

// agree reports whether a float32 kernel's number is that of plain Go up to rounding;
// size is the greatest term's.
func agree(got, want, within, size float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= within*max(math.Abs(want), size)
}

// TestPairKernels holds the kernels of every level against plain Go at sizes around the
// vector lengths, odd offsets, and with NaN in the last place.
func TestPairKernels(t *testing.T) {
	want := plainPairs[float32]()
	atLevels(t, func(t *testing.T) {
		got := tables32[Current()].pairs
		for n := range 100 {
			var in [3][]float32
			for i := range in {
				in[i], _ = guarded[float32](n, n%5+i)
				normals(rng(uint64(4*n+i)), in[i])
				if n%3 == 0 && n > i {
					in[i][n-1] = in[0][n-1] // differences of 0
				}
			}
			if n%10 == 9 {
				in[1][n-1] = float32(math.NaN())
			}
			testPairSums(t, &got, &want, in[0], in[1])
			testPairGrads(t, &got, &want, in)
		}
	})
}

func testPairSums(t *testing.T, got, want *pairKernels[float32], x, y []float32) {
	t.Helper()
	check := func(what string, g, w float64) {
		t.Helper()
		if !agree(g, w, 1e-13, float64(len(x))) {
			t.Fatalf("%s of %d elements is %v; plain Go says %v", what, len(x), g, w)
		}
	}
	gd, gx, gy := got.sums(x, y)
	wd, wx, wy := want.sums(x, y)
	check("dot", gd, wd)
	check("xx", gx, wx)
	check("yy", gy, wy)
	check("gap", got.gap(x, y, 0.3, 0.2), want.gap(x, y, 0.3, 0.2))
	for _, eps := range []float64{0, 1e-6, 0.5} {
		check("squares", got.squares(x, y, eps), want.squares(x, y, eps))
		check("abs", got.abs(x, y, eps), want.abs(x, y, eps))
		for twice := 1; twice < 8; twice++ {
			check("powers", got.powers(x, y, eps, twice/2, twice%2), want.powers(x, y, eps, twice/2, twice%2))
		}
	}
}

func testPairGrads(t *testing.T, got, want *pairKernels[float32], in [3][]float32) {
	t.Helper()
	n := len(in[0])
	for _, k := range []struct {
		name string
		run  func(p *pairKernels[float32], out [3][]float32)
	}{
		{"cosine", func(p *pairKernels[float32], out [3][]float32) {
			p.cosine(out[0], out[1], in[0], in[1], 0.3, 0.2, 0.7, 2, -3)
		}},
		{"triplet2", func(p *pairKernels[float32], out [3][]float32) {
			p.triplet2(out[0], out[1], out[2], in[0], in[1], in[2], 1e-3, 0.5, -0.25, -2)
		}},
		{"triplet1", func(p *pairKernels[float32], out [3][]float32) {
			p.triplet1(out[0], out[1], out[2], in[0], in[1], in[2], 0, 0.5, -0.25, -2)
		}},
		{"triplet½", tripletPower(in, 0, -1)},
		{"triplet1½", tripletPower(in, 0, 1)},
		{"triplet3", tripletPower(in, 2, 0)},
		{"triplet4½", tripletPower(in, 3, 1)},
	} {
		var g, w [3][]float32
		var intact [3]func() bool
		for i := range g {
			g[i], intact[i] = guarded[float32](n, n%7+i)
			w[i] = make([]float32, n)
		}
		k.run(got, g)
		k.run(want, w)
		for i := range g {
			for e := range g[i] {
				if !agree(float64(g[i][e]), float64(w[i][e]), 1.3e-7, 1e-9) {
					t.Fatalf("%s: output %d, element %d of %d is %v; plain Go says %v", k.name, i, e, n, g[i][e], w[i][e])
				}
			}
			if !intact[i]() {
				t.Fatalf("%s: %d elements: wrote beyond output %d", k.name, n, i)
			}
		}
	}
}

func tripletPower(in [3][]float32, whole, half int) func(p *pairKernels[float32], out [3][]float32) {
	return func(p *pairKernels[float32], out [3][]float32) {
		p.tripletP(out[0], out[1], out[2], in[0], in[1], in[2], 0, 0.5, -0.25, -2, 0.3, 0, 0.2, whole, half)
	}
}

// TestPairNorm holds norms of every degree against the definition, where powers would
// overflow or vanish too, and their gradients against differences.
func TestPairNorm(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, p := range []float64{0, 0.5, 1, 1.5, 2, 3, 7.25, math.Inf(1)} {
			for _, scale := range []float64{1, 1e-170, 1e170} {
				for _, n := range []int{1, 7, 17, 33, 257} {
					testNorm(t, p, n, scale)
				}
			}
		}
	})
	for _, p := range []float64{0, 0.5, 1, 2, 3, math.Inf(1)} {
		same := []float32{1, 2, 3}
		if d := PairNorm(same, same, p, 0); d != 0 {
			t.Errorf("‖0‖ with p = %v is %v", p, d)
		}
		var dx, dy [3]float64
		if PairNormGrad(dx[:], dy[:], same, same, p, 0, 0, 1); dx != [3]float64{} || dy != dx {
			t.Errorf("the gradient at 0 with p = %v is %v, %v", p, dx, dy)
		}
	}
	if d := PairNorm([]float32{3e38, 3e38}, []float32{-3e38, -3e38}, 2, 0); !agree(d, 6e38*math.Sqrt2, 1e-7, 0) {
		t.Errorf("the norm of great float32 is %v", d)
	}
}

func testNorm(t *testing.T, p float64, n int, scale float64) {
	t.Helper()
	r := rng(uint64(n))
	x, y := normals(r, make([]float64, n)), normals(r, make([]float64, n))
	definition := func() float64 {
		var s, top float64
		for i := range x {
			u := math.Abs(x[i] - y[i])
			top = max(top, u)
			s += math.Pow(u, p)
		}
		switch {
		case math.IsInf(p, 1):
			return top
		case p == 0:
			return float64(n)
		}
		return math.Pow(s, 1/p)
	}
	want := definition()
	for i := range x {
		x[i] *= scale
		y[i] *= scale
	}
	if p != 0 {
		want *= scale
	}
	d := PairNorm(x, y, p, 0)
	if !agree(d, want, 1e-12, 0) {
		t.Fatalf("p %v, %d elements of size %v: the norm is %v; want %v", p, n, scale, d, want)
	}
	dx, dy := make([]float64, n), make([]float64, n)
	PairNormGrad(dx, dy, x, y, p, 0, d, 1)
	for i := range x {
		if dy[i] != -dx[i] {
			t.Fatalf("p %v: dx[%d] is %v, dy %v", p, i, dx[i], dy[i])
		}
		h := 1e-6 * math.Abs(x[i]-y[i])
		old := x[i]
		x[i] = old + h
		up := PairNorm(x, y, p, 0)
		x[i] = old - h
		diff := (up - PairNorm(x, y, p, 0)) / (2 * h)
		x[i] = old
		if math.Abs(dx[i]-diff) > 1e-4*math.Abs(diff)+2e-13*d/h {
			t.Fatalf("p %v, %d elements of size %v: dx[%d] is %v; differences say %v", p, n, scale, i, dx[i], diff)
		}
	}
}

// TestPairTies: the derivative of the greatest difference is shared by equal ones.
func TestPairTies(t *testing.T) {
	x, y := []float64{2, -2, 1, 2}, make([]float64, 4)
	var dx, dy [4]float64
	PairNormGrad(dx[:], dy[:], x, y, math.Inf(1), 0, 2, 3)
	if dx != [4]float64{1, -1, 0, 1} || dy != [4]float64{-1, 1, 0, -1} {
		t.Errorf("the gradient is %v, %v", dx, dy)
	}
}

// TestTripletHinge: which distances get a gradient, at kinks too.
func TestTripletHinge(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		ap, an, pn float64
		swap       bool
		want       [4]float64
	}{
		{1, 1.5, 0, false, [4]float64{0.5, 1, -1, 0}},
		{1, 2, 0, false, [4]float64{0, 1, -1, 0}},
		{1, 2.5, 0, false, [4]float64{}},
		{1, 1.5, 1.25, true, [4]float64{0.75, 1, 0, -1}},
		{1, 1.25, 1.5, true, [4]float64{0.75, 1, -1, 0}},
		{1, 1.5, 1.5, true, [4]float64{0.5, 1, -0.5, -0.5}},
		{1, 1.5, nan, true, [4]float64{nan, 1, 0, -1}},
	} {
		l, dap, dan, dpn := TripletHinge(c.ap, c.an, c.pn, 1, c.swap)
		for i, v := range [4]float64{l, dap, dan, dpn} {
			if !agree(v, c.want[i], 0, 0) {
				t.Errorf("%+v: number %d is %v", c, i, v)
			}
		}
	}
}

// TestCosineDistance: what cancels keeps its digits, and norms may overflow, vanish or
// be below eps.
func TestCosineDistance(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 0}, []float64{0, 2}, 1},
		{[]float64{1, 0}, []float64{-2, 0}, 2},
		{[]float64{3, 4}, []float64{3, 4}, 0},
		{[]float64{1, 0}, []float64{1, 1e-9}, 5e-19},
		{[]float64{1e200, 1e200}, []float64{1e200, 0}, 1 - math.Sqrt2/2},
		{[]float64{1e-7, 0}, []float64{1e300, 1e300}, 1 - math.Sqrt2/2},
		{[]float64{1e-9, 0}, []float64{5, 0}, 0.9},
		{[]float64{0, 0}, []float64{1e300, 0}, 1},
	} {
		d := CosineDistance(c.x, c.y, 1e-8)
		if !agree(d, c.want, 1e-12, 1e-30) {
			t.Errorf("the distance of %v and %v is %v; want %v", c.x, c.y, d, c.want)
		}
	}
	x, y := []float64{1, 2, -0.5}, []float64{0.5, -1, 3}
	var dx, dy [3]float64
	CosineDistanceGrad(dx[:], dy[:], x, y, 1e-8, CosineDistance(x, y, 1e-8), 2)
	for i := range x {
		for _, side := range []struct {
			v   []float64
			got float64
		}{{x, dx[i]}, {y, dy[i]}} {
			const h = 1e-6
			old := side.v[i]
			side.v[i] = old + h
			diff := CosineDistance(x, y, 1e-8)
			side.v[i] = old - h
			diff -= CosineDistance(x, y, 1e-8)
			side.v[i] = old
			if math.Abs(side.got-diff/h) > 1e-8 {
				t.Errorf("gradient %d is %v; differences say %v", i, side.got, diff/h)
			}
		}
	}
}
