package simd

import (
	"slices"
	"testing"
)

// A compiler may fuse x·y + z into one rounding (arm64 does). The tests of this file hold
// what must be exact even so: zeros of equal arguments, and values that are symmetric.

func TestExactRows(t *testing.T) {
	atLevels(t, testExactRows[float32])
	t.Run("float64", testExactRows[float64])
}

func testExactRows[T Float](t *testing.T) {
	for n := 1; n < 70; n++ {
		r := rng(uint64(n))
		x, y := normals(r, make([]T, n)), normals(r, make([]T, n))
		if d := CosineDistance(x, x, 1e-8); d != 0 {
			t.Fatalf("the cosine distance of a row of %d to itself is %v", n, d)
		}
		dx, dy := [2][]T{make([]T, n), make([]T, n)}, [2][]T{make([]T, n), make([]T, n)}
		k := &tableOf[T]().pairs
		k.cosine(dx[0], dy[0], x, y, 0.3, 0.7, 0.9, 1.1, 1.3)
		k.cosine(dy[1], dx[1], y, x, 0.7, 0.3, 0.9, 1.3, 1.1)
		if !slices.Equal(dx[0], dx[1]) || !slices.Equal(dy[0], dy[1]) {
			t.Fatalf("cosine gradients of rows of %d depend on which is first", n)
		}
		if a, b := k.gap(x, y, 0.3, 0.7), k.gap(y, x, 0.7, 0.3); a != b {
			t.Fatalf("gap of rows of %d: %v there, %v back", n, a, b)
		}
		for _, norm := range []float64{0.5, 1, 1.5, 2, 3} {
			l := TripletArgs[T]{A: x, P: y, N: y, Dim: n, Norm: norm, Eps: 1e-6, Margin: 1, Scale: 0.3, DA: make([]T, n)}
			TripletRows(&l)
			for i, d := range l.DA {
				if d != 0 {
					t.Fatalf("norm %v: positive and negative alike pull element %d of %d by %v", norm, i, n, d)
				}
			}
		}
	}
}

// TestSymmetricPoints: what is said of x with target b equals what is said of its opposite
// with target 1 − b, bit for bit, where nothing rounds in that change.
func TestSymmetricPoints(t *testing.T) {
	var k [PointFactors]float64
	for i := range 64 {
		b := float64(i) / 64
		for j := 1; j < 64; j++ {
			a := float64(j) / 64
			opposite(t, 8*a, b)
			l, da, _, _ := PointAt(PointMSE, a, b, 0, k)
			m, _, db, _ := PointAt(PointMSE, b, a, 0, k)
			if l != m || da != db {
				t.Fatalf("mse of (%v, %v): %v, %v; of (%v, %v): %v, %v", a, b, l, da, b, a, m, db)
			}
		}
		if _, da, _, _ := PointAt(PointBCELogits, 0, 0.5, 0, k); da != 0 {
			t.Fatalf("the derivative of bce_logits at its minimum is %v", da)
		}
	}
}

// opposite holds bce_logits of x with target b against that of −x with 1 − b.
func opposite(t *testing.T, x, b float64) {
	t.Helper()
	var k [PointFactors]float64
	l, up, _, _ := PointAt(PointBCELogits, x, b, 0, k)
	m, down, _, _ := PointAt(PointBCELogits, -x, 1-b, 0, k)
	if l != m || up != -down {
		t.Fatalf("bce_logits of (%v, %v) is %v with derivative %v; of (%v, %v): %v, %v", x, b, l, up, -x, 1-b, m, down)
	}
}
