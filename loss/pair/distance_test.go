package pair

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"pgregory.net/rapid"

	"github.com/energo-ml/energo/internal/simd"
)

var distances = []distance.Measure{
	{},
	{Kind: distance.Euclidean},
	{Kind: distance.Squared},
	{Kind: distance.Cosine},
	{Kind: distance.Dot},
	{Kind: distance.Lp, P: 1},
	{Kind: distance.Lp, P: 1.5},
	{Kind: distance.Lp, P: 3},
	{Kind: distance.Lp, P: math.Inf(1)},
	{Normalize: true},
	{Kind: distance.Squared, Normalize: true},
	{Kind: distance.Dot, Normalize: true},
	{Kind: distance.Lp, P: 3, Normalize: true},
}

func TestStrips(t *testing.T) {
	for _, d := range distances {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			testStrips[float32](t, d, 3e-6)
			testStrips[float64](t, d, 1e-14)
		})
	}
}

// testStrips compares strips, of which there are several but for the slow Lp, with the definition.
func testStrips[T tensor.Float](t *testing.T, d distance.Measure, tolerance float64) {
	const n, dim = 40, 3
	m, several := 70000, d.Kind != distance.Lp
	if !several {
		m = 700
	}
	rng := seeded(5)
	x, y := make([]T, n*dim), make([]T, m*dim)
	for _, z := range [][]T{x, y} {
		for i := range z {
			z[i] = T(rng.NormFloat64())
		}
	}
	var s Strips[T]
	if err := s.Set(d, x, y, dim); err != nil {
		t.Fatal(err)
	}
	strips := 0
	for lo := 0; lo < n; strips++ {
		strip, hi := s.At(lo)
		if hi <= lo || hi > n || len(strip) != (hi-lo)*m {
			t.Fatalf("rows %d to %d have %d values", lo, hi, len(strip))
		}
		for i := lo; i < hi; i++ {
			for j := 0; j < m; j += 97 {
				want := byDefinition(d, x[i*dim:][:dim], y[j*dim:][:dim])
				for _, got := range []float64{float64(strip[(i-lo)*m+j]), distance.Between(d, x[i*dim:][:dim], y[j*dim:][:dim])} {
					if !(math.Abs(got-want) <= tolerance*(1+math.Abs(want))) {
						t.Fatalf("%T: distance of %d from %d is %v, want %v", x[0], i, j, got, want)
					}
				}
			}
		}
		lo = hi
	}
	if several != (strips > 1) {
		t.Fatalf("%d strips", strips)
	}
}

// TestStripsNear holds distances of near rows that are far from the origin to their digits.
func TestStripsNear(t *testing.T) {
	x := []float32{1000, 1000, 1000.5, 1000}
	for _, c := range []struct {
		d    distance.Measure
		want float64
	}{
		{distance.Measure{}, 0.5},
		{distance.Measure{Kind: distance.Squared}, 0.25},
		{distance.Measure{Kind: distance.Cosine}, 0.25 / (2 * 2001000.25) / 2},
	} {
		var s Strips[float32]
		if err := s.Set(c.d, x, x, 2); err != nil {
			t.Fatal(err)
		}
		strip, _ := s.At(0)
		if strip[0] != 0 || strip[3] != 0 {
			t.Errorf("%v: a row's distance from itself is %v, %v", c.d, strip[0], strip[3])
		}
		if got := float64(strip[1]); math.Abs(got-c.want) > 1e-3*c.want {
			t.Errorf("%v: distance %v, want %v", c.d, got, c.want)
		}
	}
}

// TestStripsOfItself holds the distances of rows among themselves against the definition, a row of zeros
// among them.
func TestStripsOfItself(t *testing.T) {
	x := []float64{3, 4, -1, 2, 0, 0, 0.5, -7, 3, 4}
	for _, d := range distances {
		var s Strips[float64]
		if err := s.Set(d, x, x, 2); err != nil {
			t.Fatal(err)
		}
		strip, _ := s.At(0)
		for i := range 5 {
			for j := range 5 {
				want := distance.Between(d, x[2*i:][:2], x[2*j:][:2])
				if got := strip[5*i+j]; !(math.Abs(got-want) <= 1e-14*(1+math.Abs(want))) {
					t.Errorf("%+v: distance of %d from %d is %v, want %v", d, i, j, got, want)
				}
			}
		}
	}
	if !slices.Equal(x, []float64{3, 4, -1, 2, 0, 0, 0.5, -7, 3, 4}) {
		t.Errorf("the rows have changed: %v", x)
	}
}

// TestStripsThreads wants the same bits with any number of threads.
func TestStripsThreads(t *testing.T) {
	defer simd.SetThreads(0)
	const n, dim = 300, 17
	rng := seeded(8)
	x := make([]float32, n*dim)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, d := range distances {
		var want []float32
		for threads := 1; threads < 6; threads += 2 {
			simd.SetThreads(threads)
			var s Strips[float32]
			if err := s.Set(d, x, x, dim); err != nil {
				t.Fatal(err)
			}
			strip, hi := s.At(0)
			if hi != n {
				t.Fatalf("the strip ends at %d", hi)
			}
			if want == nil {
				want = append(want, strip...)
			}
			for i, v := range strip {
				if v != want[i] {
					t.Fatalf("%v with %d threads: value %d is %v, with one it is %v", d, threads, i, v, want[i])
				}
			}
		}
	}
}

func TestDistanceErrors(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	for _, c := range []struct {
		name string
		d    distance.Measure
		x, y []float32
		dim  int
		says []string
	}{
		{"unknown metric", distance.Measure{Kind: "manhattan"}, nil, nil, 1, []string{"manhattan", "euclidean"}},
		{"p without lp", distance.Measure{P: 2}, nil, nil, 1, []string{"p is 2"}},
		{"p too small", distance.Measure{Kind: distance.Lp, P: 0.5}, nil, nil, 1, []string{"p is 0.5", "at least 1"}},
		{"normalised cosine", distance.Measure{Kind: distance.Cosine, Normalize: true}, nil, nil, 1, []string{"normalize is true", "cosine"}},
		{"p NaN", distance.Measure{Kind: distance.Lp, P: math.NaN()}, nil, nil, 1, []string{"p is NaN"}},
		{"no dim", distance.Measure{}, nil, nil, 0, []string{"dim is 0"}},
		{"length", distance.Measure{}, []float32{1, 2, 3}, nil, 2, []string{"x has 3"}},
		{"length of y", distance.Measure{}, []float32{1, 2}, []float32{1}, 2, []string{"y has 1"}},
		{"NaN", distance.Measure{}, []float32{1, 2, 3, nan}, nil, 2, []string{"x[3]", "row 1, coordinate 1", "NaN"}},
		{"infinite", distance.Measure{}, []float32{1}, []float32{1, inf}, 1, []string{"y[1]", "+Inf"}},
		{"too long", distance.Measure{}, []float32{1, 1e19}, nil, 1, []string{"row 1 of x", "1e+19"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Strips[float32]
			wantError(t, s.Set(c.d, c.x, c.y, c.dim), c.says...)
		})
	}
}

// TestStripsBound wants no overflow up to the bound on rows' norms.
func TestStripsBound(t *testing.T) {
	x := []float32{9.2e18, 0, -9.2e18, 0, 0, 9.2e18}
	for _, d := range distances {
		var s Strips[float32]
		if err := s.Set(d, x, x, 2); err != nil {
			t.Fatal(err)
		}
		strip, _ := s.At(0)
		for i, v := range strip {
			if v-v != 0 {
				t.Errorf("%v: distance %d is %v", d, i, v)
			}
		}
	}
}

func TestStripsEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1).Draw(t, "n")
		var s Strips[float64]
		if err := s.Set(distance.Measure{}, make([]float64, n), make([]float64, 1-n), 1); err != nil {
			t.Fatal(err)
		}
		if strip, hi := s.At(0); len(strip) != 0 || hi != n {
			t.Fatalf("%d values, rows up to %d", len(strip), hi)
		}
	})
}
