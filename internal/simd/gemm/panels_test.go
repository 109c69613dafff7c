package gemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

func testPanels[T simd.Float](t *testing.T) {
	levels[T](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		var p Panels[T]
		for _, s := range [][3]int{{1, 1, 1}, {1, 33, 7}, {2, 64, 100}, {3, 5, 600}, {15, 31, 17}, {16, 1024, 256}, {40, 70, 1100}} {
			m, n, k := s[0], s[1], s[2]
			for _, trans := range []bool{false, true} {
				ldb := n + 3
				if trans {
					ldb = k + 3
				}
				a, b, bias := random[T](rng, m*(k+1)), random[T](rng, max(n, k)*(max(n, k)+3)), random[T](rng, n)
				p.Pack(trans, k, n, b, ldb)
				checkUnpacked(t, &p, trans, b, ldb)
				for _, beta := range []T{0, 1} {
					for _, e := range []Epilogue[T]{{}, {Bias: bias, ReLU: true}} {
						want := random[T](rng, m*(n+2))
						whole, got := guarded[T](len(want))
						copy(got, want)
						MulEpilogue(false, trans, m, n, k, a, k+1, b, ldb, beta, want, n+2, e)
						MulPanels(m, a, k+1, &p, beta, got, n+2, e)
						if !slices.Equal(got, want) {
							t.Fatalf("%v, trans %v, beta %v: differs from Mul's", s, trans, beta)
						}
						checkGuards(t, whole)
					}
				}
			}
		}
	})
}

func TestPanelsFloat32(t *testing.T) { testPanels[float32](t) }
func TestPanelsFloat64(t *testing.T) { testPanels[float64](t) }

func checkUnpacked[T simd.Float](t *testing.T, p *Panels[T], trans bool, b []T, ldb int) {
	t.Helper()
	got := p.Unpack(nil)
	for i := range p.k {
		for j := range p.n {
			at := i*ldb + j
			if trans {
				at = j*ldb + i
			}
			if got[i*p.n+j] != b[at] {
				t.Fatalf("unpacked [%d, %d] is %v, must be %v", i, j, got[i*p.n+j], b[at])
			}
		}
	}
}

func testAddColumns[T simd.Float](t *testing.T) {
	levels[T](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		var p Panels[T]
		for _, s := range [][3]int{{1, 1, 1}, {1, 100, 256}, {2, 64, 100}, {5, 37, 600}, {16, 128, 70}, {23, 70, 1100}} {
			m, n, k := s[0], s[1], s[2]
			a, b := random[T](rng, m*(k+1)), random[T](rng, n*k)
			p.Pack(true, k, n, b, k)
			want := random[T](rng, m*(n+2))
			whole, got := guarded[T](len(want))
			copy(got, want)
			MulPanels(m, a, k+1, &p, 1, want, n+2, Epilogue[T]{})
			for lo := 0; lo < n; lo += 3 * p.Width() {
				p.AddColumns(m, a, k+1, lo, min(n, lo+3*p.Width()), got, n+2)
			}
			for i := range got {
				// Tiles of other heights may take turns with other accumulators.
				if got[i] != want[i] && (m <= p.engine.mrRows || math.Abs(float64(got[i]-want[i])) > 1e-3) {
					t.Fatalf("%v: [%d] is %v, must be %v", s, i, got[i], want[i])
				}
			}
			checkGuards(t, whole)
		}
	})
}

func TestAddColumnsFloat32(t *testing.T) { testAddColumns[float32](t) }
func TestAddColumnsFloat64(t *testing.T) { testAddColumns[float64](t) }

// Panels of one level serve another, too.
func TestPanelsOfAnotherLevel(t *testing.T) {
	b, c := []float32{1, 2, 3, 4}, make([]float32, 2)
	var p Panels[float32]
	p.Pack(false, 2, 2, b, 2)
	defer simd.Use(simd.Use(simd.Generic))
	MulPanels(1, []float32{1, 10}, 2, &p, 0, c, 2, Epilogue[float32]{})
	if c[0] != 31 || c[1] != 42 {
		t.Errorf("is %v, must be [31 42]", c)
	}
	p.AddColumns(1, []float32{1, 10}, 2, 0, 2, c, 2)
	if c[0] != 62 || c[1] != 84 {
		t.Errorf("is %v with the product again, must be [62 84]", c)
	}
}

func TestPanelsPanic(t *testing.T) {
	var p Panels[float32]
	p.Pack(false, 2, 3, make([]float32, 6), 3)
	for name, f := range map[string]func(){
		"B": func() { p.Pack(false, 3, 3, make([]float32, 8), 3) },
		"A": func() { MulPanels(2, make([]float32, 3), 2, &p, 0, make([]float32, 6), 3, Epilogue[float32]{}) },
		"C": func() { MulPanels(2, make([]float32, 4), 2, &p, 0, make([]float32, 5), 3, Epilogue[float32]{}) },
		"Bias": func() {
			MulPanels(2, make([]float32, 4), 2, &p, 0, make([]float32, 6), 3, Epilogue[float32]{Bias: make([]float32, 2)})
		},
		"columns": func() { p.AddColumns(1, make([]float32, 2), 2, 1, 3, make([]float32, 3), 3) },
		"beta":    func() { MulPanels(2, make([]float32, 4), 2, &p, 0.5, make([]float32, 6), 3, Epilogue[float32]{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestMulPanelsDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what a pool holds")
	}
	var p Panels[float32]
	p.Pack(true, 256, 1024, make([]float32, 1024*256), 256)
	a, c := make([]float32, 16*256), make([]float32, 16*1024)
	f := func() { MulPanels(16, a, 256, &p, 1, c, 1024, Epilogue[float32]{}) }
	f()
	if n := testing.AllocsPerRun(20, f); n != 0 {
		t.Errorf("%v allocations of a warm product", n)
	}
}
