package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A pointRow says how a pointwise loss is tested.
type pointRow struct {
	name    string
	p       Point
	args    int
	factors [][PointFactors]float64 // settings to try; none: zeros
	// draw returns arguments inside the domain, extremes and kinks among them.
	draw func(r *rand.Rand) (a, b, c float64)
	// outside are arguments that must be refused.
	outside [][3]float64
	diffs   outs // the derivatives that the loss has
	// within is how far a float32 kernel may be off, in relation to the size of the
	// largest term of the loss or derivative, as size returns it.
	within float64
	size   func(a, b, c float64, k *[PointFactors]float64) float64
	// convention says where the derivative by argument j is one by convention, and not the
	// formula's slope: where something is clamped.
	convention func(j int, x [3]float64, k *[PointFactors]float64) bool
}

func pointRows() []pointRow { return append(regressRows(), binaryRows()...) }

// TestPointRows: every loss has a row.
func TestPointRows(t *testing.T) {
	seen := map[Point]bool{}
	for _, row := range pointRows() {
		seen[row.p] = true
	}
	for p := range numPoints {
		if !seen[p] {
			t.Errorf("point %d has no row", p)
		}
	}
}

// TestPointKernels holds both kernels of every loss, at every level, against the
// formula, at sizes around the vector lengths and odd offsets.
func TestPointKernels(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, row := range pointRows() {
			t.Run(row.name, func(t *testing.T) {
				for _, k := range row.settings() {
					for n := range 100 {
						testPoint[float32](t, row, k, n, n%7)
					}
					testPoint[float32](t, row, k, pointChunk+pointBlock+13, 1)
					testPoint[float64](t, row, k, 70, 1)
				}
			})
		}
	})
}

func (row pointRow) settings() [][PointFactors]float64 {
	if row.factors == nil {
		return make([][PointFactors]float64, 1)
	}
	return row.factors
}

// pointData is a batch and what the formula says of it.
type pointData[T Float] struct {
	in   [3][]T
	want [4][]float64 // ℓ and the derivatives
	size []float64
}

func drawPoints[T Float](row pointRow, k [PointFactors]float64, n, offset int) pointData[T] {
	r := rng(uint64(n) + 1)
	var d pointData[T]
	for i := range row.args {
		d.in[i], _ = guarded[T](n, offset+i)
	}
	for i := range n {
		a, b, c := row.draw(r)
		x := [3]float64{a, b, c}
		for j := range row.args {
			d.in[j][i] = T(x[j])
			x[j] = float64(T(x[j]))
		}
		for j := range k {
			k[j] = float64(T(k[j]))
		}
		l, da, db, dc, ok := formulas[row.p](x[0], x[1], x[2], &k)
		if !ok {
			panic(fmt.Sprintf("%s: %v is refused", row.name, x))
		}
		for j, v := range [4]float64{l, da, db, dc} {
			d.want[j] = append(d.want[j], v)
		}
		size := 1.0
		if row.size != nil {
			size = row.size(x[0], x[1], x[2], &k)
		}
		d.size = append(d.size, size)
	}
	return d
}

func testPoint[T Float](t *testing.T, row pointRow, k [PointFactors]float64, n, offset int) {
	t.Helper()
	d := drawPoints[T](row, k, n, offset)
	within := row.within
	if _, ok := any(T(0)).(float64); ok {
		within = 1e-13
	}
	check := func(what string, got []T, want func(i int) float64) {
		t.Helper()
		for i, g := range got {
			w := want(i)
			if math.IsNaN(w) && math.IsNaN(float64(g)) || float64(g) == w || T(w) == g {
				continue
			}
			if diff := math.Abs(float64(g) - w); !(diff <= within*max(math.Abs(w), d.size[i])) {
				t.Fatalf("n %d, k %v: %s[%d] of (%v) is %v; the formula says %v", n, k, what, i, d.at(i), g, w)
			}
		}
	}
	weight, up := make([]T, max(n, 1)), make([]T, n)
	r := rng(uint64(n) + 9)
	for i := range up {
		up[i] = T(r.NormFloat64())
	}
	for i := range weight {
		weight[i] = T(r.IntN(4))
	}
	for _, mode := range []string{"sum", "each", "weighed"} {
		x := PointArgs[T]{A: d.in[0], B: d.in[1], C: d.in[2], Scale: 0.5, K: k}
		var intact []func() bool
		out := func(keep bool) []T {
			if !keep {
				return nil
			}
			s, ok := guarded[T](n, offset+len(intact))
			intact = append(intact, ok)
			return s
		}
		x.DA, x.DB, x.DC = out(row.diffs&outA != 0), out(row.diffs&outB != 0), out(row.diffs&outC != 0)
		scale := func(int) float64 { return 0.5 }
		w := func(int) float64 { return 1 }
		if mode != "sum" {
			x.L = out(true)
		}
		if mode == "weighed" && n > 0 {
			x.Weight, x.Up = weight, up
			w = func(i int) float64 { return float64(weight[i]) }
			scale = func(i int) float64 { return 0.5 * float64(up[i]) * w(i) }
		}
		sum, bad := Points(row.p, &x)
		if bad >= 0 {
			t.Fatalf("%s: element %d (%v) is refused", mode, bad, d.at(bad))
		}
		var total, most float64
		for i, l := range d.want[0] {
			total += times(l, w(i))
			most += times(max(math.Abs(l), d.size[i]), w(i))
		}
		if diff := math.Abs(sum - total); !(diff <= within*most || sum == total || math.IsNaN(total) && math.IsNaN(sum)) {
			t.Fatalf("n %d, k %v, %s: the sum is %v; the formula says %v", n, k, mode, sum, total)
		}
		check(mode+" l", x.L, func(i int) float64 { return times(d.want[0][i], w(i)) })
		for j, got := range [][]T{x.DA, x.DB, x.DC} {
			check(fmt.Sprintf("%s d%c", mode, 'a'+j), got, func(i int) float64 { return times(d.want[j+1][i], scale(i)) })
		}
		for _, ok := range intact {
			if !ok() {
				t.Fatalf("n %d, %s: wrote beyond its slice", n, mode)
			}
		}
	}
}

// times is a·w, 0 where w is.
func times(a, w float64) float64 {
	if w == 0 && !math.IsNaN(a) {
		return 0
	}
	return a * w
}

func (d *pointData[T]) at(i int) (x []T) {
	for _, in := range d.in {
		if in != nil {
			x = append(x, in[i])
		}
	}
	return x
}

// TestPointDomain: the first element outside the domain is found, wherever it lies, at
// every level and by both kernels.
func TestPointDomain(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, row := range pointRows() {
			for _, k := range row.settings() {
				for _, n := range []int{1, 7, 17, 33, 257, pointChunk + 70} {
					for o, wrong := range row.outside {
						testOutside(t, row, k, n, o%n, wrong)
						testOutside(t, row, k, n, n-1, wrong)
					}
				}
			}
		}
	})
}

func testOutside(t *testing.T, row pointRow, k [PointFactors]float64, n, at int, wrong [3]float64) {
	t.Helper()
	d := drawPoints[float32](row, k, n, 0)
	for j := range row.args {
		d.in[j][at] = float32(wrong[j])
		d.in[j][n-1] = d.in[j][max(at, n-1)]
	}
	for _, l := range [][]float32{nil, make([]float32, n)} {
		_, bad := Points(row.p, &PointArgs[float32]{A: d.in[0], B: d.in[1], C: d.in[2], L: l, Scale: 1, K: k})
		if bad != at {
			t.Fatalf("%s at size %d: %v at %d: the first refused is %d", row.name, n, wrong, at, bad)
		}
	}
}

// TestPointDerivatives holds the formulas' derivatives against finite differences; where
// a kink is near, the two sides differ and the point does not count.
func TestPointDerivatives(t *testing.T) {
	for _, row := range pointRows() {
		checked := 0
		for _, k := range row.settings() {
			r := rng(3)
			for range 2000 {
				var x [3]float64
				x[0], x[1], x[2] = row.draw(r)
				checked += checkDerivatives(t, row, k, x)
			}
		}
		if checked < 300 {
			t.Errorf("%s: only %d derivatives could be checked", row.name, checked)
		}
	}
}

func checkDerivatives(t *testing.T, row pointRow, k [PointFactors]float64, x [3]float64) (checked int) {
	t.Helper()
	at := func(x [3]float64) (float64, bool) {
		l, _, _, _, ok := formulas[row.p](x[0], x[1], x[2], &k)
		return l, ok && !math.IsNaN(l) && !math.IsInf(l, 0)
	}
	_, da, db, dc, _ := formulas[row.p](x[0], x[1], x[2], &k)
	for j, got := range [3]float64{da, db, dc} {
		if row.convention != nil && row.convention(j, x, &k) {
			continue
		}
		if row.diffs&(1<<j) == 0 || math.Abs(x[j]) > 1e3 || math.Abs(x[j]) < 1e-3 {
			continue
		}
		h := 1e-5 * math.Abs(x[j])
		var f [5]float64
		fine := true
		for s := range f {
			y := x
			y[j] += float64(s-2) * h
			v, ok := at(y)
			f[s], fine = v, fine && ok
		}
		left, right := (f[2]-f[0])/(2*h), (f[4]-f[2])/(2*h)
		noise := 1e-14 * (math.Abs(f[2]) + 1) / h
		if !fine || math.Abs(left-right) > 1e-3*(math.Abs(left)+math.Abs(right))+noise {
			continue
		}
		want := (f[3] - f[1]) / (2 * h)
		if math.Abs(got-want) > 1e-4*max(1e-3, math.Abs(want), math.Abs(left-right)*1e4)+noise {
			t.Fatalf("%s, k %v, at %v: derivative by argument %d is %v; differences say %v", row.name, k, x, j, got, want)
		}
		checked++
	}
	return checked
}

// TestPointThreads: the same bits whatever the number of workers.
func TestPointThreads(t *testing.T) {
	row := pointRows()[0]
	d := drawPoints[float32](row, [PointFactors]float64{}, 5*pointChunk+3, 0)
	run := func() float64 {
		sum, _ := Points(row.p, &PointArgs[float32]{A: d.in[0], B: d.in[1], Scale: 1})
		return sum
	}
	defer SetThreads(0)
	SetThreads(1)
	want := run()
	for _, n := range []int{2, 3, 8} {
		SetThreads(n)
		if got := run(); got != want {
			t.Errorf("with %d workers: %v, with one %v", n, got, want)
		}
	}
}

// TestPointAllocations: warm calls of every loss leave no garbage.
func TestPointAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	atLevels(t, testPointAllocations[float32])
	t.Run("float64", testPointAllocations[float64])
}

func testPointAllocations[T Float](t *testing.T) {
	const n = pointChunk + 70
	for _, row := range pointRows() {
		in := drawPoints[T](row, row.settings()[0], n, 0).in
		for _, l := range [][]T{nil, make([]T, n)} { // one pass, and in pieces
			x := PointArgs[T]{A: in[0], B: in[1], C: in[2], L: l, DA: make([]T, n), Scale: 1, K: row.settings()[0]}
			if a := testing.AllocsPerRun(10, func() { Points(row.p, &x) }); a > 0 {
				t.Errorf("%s: %v allocations in a warm call", row.name, a)
			}
		}
	}
}

// extremes are sizes at which products, differences and exponentials of float32 overflow
// or vanish.
var extremes = []float64{0, 0x1p-149, 1e-38, 1e-30, 1e-20, 1e-5, 0.75, 1, 2, 50, 88, 89, 110, 800, 1e5, 1e10, 1e19, 1e20, 1e30, 3e38}

// extremeFactors are settings besides those of the rows.
var extremeFactors = map[Point][][PointFactors]float64{
	PointHuber:    {{1e-30, 1e30}, {1e-5, 1}, {1e30, 1e-30}, {1e-50, 1e50}, {1e50, 1e-50}, {1e-30, 1}, {1e30, 1}},
	PointGaussian: {{1e-30}, {1e-300}, {1e-40}},
	PointPoisson:  {{0}},
}

// TestPointExtremes holds the kernels of float32 against the formula in float64 where
// terms overflow or vanish, each element alone, beside others, and in the memory of its
// own arguments.
func TestPointExtremes(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, row := range pointRows() {
			r, checked := rng(11), 0
			for _, k := range append(row.settings(), extremeFactors[row.p]...) {
				for range 4000 {
					var x [3]float32
					for j := range row.args {
						v := extremes[r.IntN(len(extremes))]
						if r.IntN(2) == 0 {
							v = -v
						}
						x[j] = float32(v)
					}
					if row.p == PointBCELogitsPos { // a great weight of a loss that float32 has as 0
						x[2] = min(x[2], 2)
						x[2] = max(x[2], -2)
					}
					if _, _, _, _, ok := formulas[row.p](float64(x[0]), float64(x[1]), float64(x[2]), &k); ok {
						testExtreme(t, row, k, x)
						checked++
					}
				}
			}
			if checked < 100 {
				t.Errorf("%s: only %d points are in the domain", row.name, checked)
			}
		}
	})
}

func testExtreme(t *testing.T, row pointRow, k [PointFactors]float64, x [3]float32) {
	t.Helper()
	l, da, db, dc, _ := formulas[row.p](float64(x[0]), float64(x[1]), float64(x[2]), &k)
	size := 0.0
	if row.size != nil {
		size = row.size(float64(x[0]), float64(x[1]), float64(x[2]), &k)
	}
	if !(size <= math.MaxFloat32) {
		size = math.MaxFloat32 // a term beyond it is seen by its infinity
	}
	right := func(what string, got, want float64) {
		t.Helper()
		if rounded := float64(float32(want)); got == want || got == rounded || math.IsNaN(got) && math.IsNaN(want) {
			return
		}
		if !(math.Abs(got-want) <= 3e-6*max(math.Abs(want), size)+0x1p-148) {
			t.Fatalf("%s, k %v at %v: %s is %v; the formula says %v", row.name, k, x, what, got, want)
		}
	}
	const n = 9
	for _, mode := range []string{"sum", "each", "in place"} {
		var in [3][]float32
		for j := range row.args {
			in[j] = make([]float32, n)
			Fill(in[j], x[j])
		}
		args := PointArgs[float32]{A: in[0], B: in[1], C: in[2], Scale: 1, K: k}
		out := func(j int) []float32 {
			switch {
			case row.diffs&(1<<j) == 0:
				return nil
			case mode == "in place":
				return in[j]
			}
			return make([]float32, n)
		}
		args.DA, args.DB, args.DC = out(0), out(1), out(2)
		if mode == "each" {
			args.L = make([]float32, n)
		}
		sum, bad := Points(row.p, &args)
		if bad >= 0 {
			t.Fatalf("%s at %v: refused", row.name, x)
		}
		if mode == "each" {
			right("loss", float64(args.L[n-1]), l)
		} else {
			right(mode, sum/n, l)
		}
		for j, d := range [3][]float32{args.DA, args.DB, args.DC} {
			if d != nil {
				right(mode+": a derivative", float64(d[n-1]), [3]float64{da, db, dc}[j])
			}
		}
	}
}

// TestPointFormulas64 holds the formulas in float64, which are the kernels there, where
// terms overflow though the loss does not.
func TestPointFormulas64(t *testing.T) {
	for _, c := range []struct {
		p    Point
		a, b float64
		k    [PointFactors]float64
		want float64
	}{
		{PointHuber, 1.7e308, -1.7e308, [PointFactors]float64{1e-5, 1}, 3.4e303},
		{PointHuber, -1.7e308, 1.7e308, [PointFactors]float64{0.5, 1}, 1.7e308},
		{PointHuber, 1e-200, 0, [PointFactors]float64{1e-300, 1e300}, 1e-200},
		{PointPoissonLog, 1000, 1e308, [PointFactors]float64{}, math.Inf(1)},
		{PointPoissonLog, 710, 1.7e308, [PointFactors]float64{}, math.Inf(-1)},
		{PointPoissonLog, 710, 3.1e305, [PointFactors]float64{}, 3.299476616171110e306},
		{PointPoissonLog, math.Inf(1), 3, [PointFactors]float64{}, math.Inf(1)},
		{PointPoissonLogFull, 700, 1e307, [PointFactors]float64{}, 5.894637781226760e307},
		{PointPoisson, math.Inf(1), 3, [PointFactors]float64{1e-8}, math.Inf(1)},
		{PointPoissonFull, 1e308, 1e308, [PointFactors]float64{}, 355.51704285428767},
		{PointPoissonFull, 1.7e308, 1e308, [PointFactors]float64{}, 1.693717489378296e307},
		{PointKLDivLog, 1000, 1000, [PointFactors]float64{}, 0},
	} {
		l, _, _, _ := PointAt(c.p, c.a, c.b, 0, c.k)
		if l != c.want && !(math.Abs(l-c.want) <= 1e-9*math.Abs(c.want)) {
			t.Errorf("point %d at (%v, %v), k %v: %v, want %v", c.p, c.a, c.b, c.k, l, c.want)
		}
	}
}
