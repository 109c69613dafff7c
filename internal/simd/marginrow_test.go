package simd

import (
	"math"
	"testing"
)

// TestMarginKernels holds the kernels of every level against plain Go, with terms at
// the kink, NaN, infinities, and every place for the element that is left out.
func TestMarginKernels(t *testing.T) {
	want := plainMargins[float32]()
	special := []float32{0.5, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}
	atLevels(t, func(t *testing.T) {
		got := tables32[Current()].margins
		for n := 1; n < 70; n++ {
			r := rng(uint64(n))
			x, _ := guarded[float32](n, n%5)
			normals(r, x)
			if n%3 == 0 {
				x[r.IntN(n)] = special[n/3%len(special)]
			}
			for skip := range n {
				testMulti(t, got.multi1, want.multi1, x, skip)
				testMulti(t, got.multi2, want.multi2, x, skip)
			}
			for labels := range min(n, 5) {
				testMultilabel(t, got.multilabel, want.multilabel, x, labels)
			}
		}
	})
}

func testMulti(t *testing.T, got, want multiMargin[float32], x []float32, skip int) {
	t.Helper()
	g, intact := guarded[float32](len(x), skip%7)
	w := make([]float32, len(x))
	gs, gd := got(g, x, -0.5, 0.25, float64(skip))
	ws, wd := want(w, x, -0.5, 0.25, float64(skip))
	if !agree(gs, ws, 1e-14, 1) || !agree(gd, wd, 1e-14, 1) {
		t.Fatalf("%d elements but %d: %v and %v; plain Go says %v and %v", len(x), skip, gs, gd, ws, wd)
	}
	sameOutput(t, g, w, intact)
}

func testMultilabel(t *testing.T, got, want multilabel[float32], x []float32, labels int) {
	t.Helper()
	shifts := []float64{-0.5, 1, -3, math.MaxFloat64, 0}[:labels]
	g, intact := guarded[float32](len(x), labels)
	w := make([]float32, len(x))
	gd, wd := make([]float64, labels), make([]float64, labels)
	for i := range gd {
		gd[i], wd[i] = 7, 7 // to be overwritten
	}
	gs, ws := got(g, x, shifts, gd, 0.25), want(w, x, shifts, wd, 0.25)
	if !agree(gs, ws, 1e-14, 1) {
		t.Fatalf("%d elements, %d labels: %v; plain Go says %v", len(x), labels, gs, ws)
	}
	for i := range gd {
		if gd[i] != wd[i] {
			t.Fatalf("%d elements: slope %d is %v; plain Go says %v", len(x), i, gd[i], wd[i])
		}
	}
	sameOutput(t, g, w, intact)
}

func sameOutput(t *testing.T, got, want []float32, intact func() bool) {
	t.Helper()
	for i := range got {
		if !agree(float64(got[i]), float64(want[i]), 1.3e-7, 0) {
			t.Fatalf("element %d of %d is %v; plain Go says %v", i, len(got), got[i], want[i])
		}
	}
	if !intact() {
		t.Fatalf("%d elements: wrote beyond the output", len(got))
	}
}

// TestRowLossThreads: the same bits whatever the number of workers, and no garbage when
// warm, with every output and with none.
func TestRowLossThreads(t *testing.T) {
	const rows, cols = 300, 67
	n := rows * cols
	x := normals(rng(1), make([]float32, 3*n))
	out := make([]float32, 3*n)
	each := make([]float32, rows)
	target, labels, sign := make([]int, rows), make([]int, n), make([]float32, rows)
	for i := range rows {
		target[i], sign[i] = i%cols, float32(2*(i%2)-1)
		for j := range cols {
			labels[i*cols+j] = -1
		}
		labels[i*cols], labels[i*cols+1] = i%cols, (i+5)%cols
	}
	for name, run := range map[string]func(dx []float32) float64{
		"cosine": func(d []float32) float64 {
			a := CosineArgs[float32]{X: x[:n], Y: x[n : 2*n], Dim: cols, Target: sign, Scale: 1}
			if d != nil {
				a.L, a.DX, a.DY = each, d[:n], d[n:2*n]
			}
			return CosineRows(&a)
		},
		"triplet": func(d []float32) float64 {
			a := TripletArgs[float32]{A: x[:n], P: x[n : 2*n], N: x[2*n:], Dim: cols, Norm: 2, Margin: 1, Swap: true, Scale: 1}
			if d != nil {
				a.L, a.DA, a.DP, a.DN = each, d[:n], d[n:2*n], d[2*n:]
			}
			return TripletRows(&a)
		},
		"multi": func(d []float32) float64 {
			a := MultiMarginArgs[float32]{X: x[:n], Cols: cols, Target: target, Margin: 1, Scale: 1}
			if d != nil {
				a.L, a.DX = each, d[:n]
			}
			return MultiMarginRows(&a)
		},
		"multilabel": func(d []float32) float64 {
			a := MultilabelArgs[float32]{X: x[:n], Cols: cols, Labels: labels, Scale: 1}
			if d != nil {
				a.L, a.DX = each, d[:n]
			}
			return MultilabelRows(&a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer SetThreads(0)
			SetThreads(1)
			clear(out)
			sum := run(out)
			want := append(append([]float32{}, out...), each...)
			for _, threads := range []int{2, 3, 8} {
				SetThreads(threads)
				clear(out)
				clear(each)
				if got := run(out); got != sum {
					t.Fatalf("with %d workers: %v, with one %v", threads, got, sum)
				}
				if got := run(nil); got != sum {
					t.Fatalf("without outputs: %v, with them %v", got, sum)
				}
				for i, v := range append(append([]float32{}, out...), each...) {
					if v != want[i] {
						t.Fatalf("with %d workers, output %d is %v; with one %v", threads, i, v, want[i])
					}
				}
			}
			if raceEnabled {
				return
			}
			if a := testing.AllocsPerRun(20, func() { run(out) }); a > 0 {
				t.Errorf("%v allocations in a warm call", a)
			}
		})
	}
}
