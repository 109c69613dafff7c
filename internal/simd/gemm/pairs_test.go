package gemm

import (
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// randomPairs has elements anywhere in int16, so that sums wrap around.
func randomPairs(rng *rand.Rand, n int) []uint32 {
	x := make([]uint32, n)
	for i := range x {
		x[i] = rng.Uint32()
	}
	return x
}

// productOf is the sum of the products of two pairs.
func productOf(x, y uint32) int32 {
	return int32(int16(x))*int32(int16(y)) + int32(int16(x>>16))*int32(int16(y>>16))
}

func TestMulInts(t *testing.T) {
	levels[float32](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, s := range [][3]int{{1, 1, 1}, {1, 33, 7}, {2, 64, 100}, {7, 5, 600}, {15, 31, 17}, {16, 300, 64}, {40, 70, 550}} {
			m, n, k := s[0], s[1], s[2]
			a, b := randomPairs(rng, m*(k+1)), randomPairs(rng, k*(n+3))
			var p IntPanels
			p.Pack(k, n, b, n+3)
			c := make([]int32, m*(n+2))
			for i := range c {
				c[i] = guardValue
			}
			MulInts(m, a, k+1, &p, c, n+2)
			for i, got := range c {
				row, col := i/(n+2), i%(n+2)
				want := int32(guardValue)
				if col < n {
					want = 0
					for j := range k {
						want += productOf(a[row*(k+1)+j], b[j*(n+3)+col])
					}
				}
				if got != want {
					t.Fatalf("%v: [%d, %d] is %d, must be %d", s, row, col, got, want)
				}
			}
		}
	})
}

func TestForwardInts(t *testing.T) {
	levels[float32](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for range 60 {
			s := randomConv(rng)
			x, w := randomPairs(rng, s.Batch*s.InC*s.H*s.W), randomPairs(rng, s.OutC*s.InC*s.KH*s.KW)
			var f IntFilter
			f.Pack(s, w)
			y := make([]int32, s.Batch*s.OutC*s.OutH()*s.OutW())
			ForwardInts(s, y, x, &f)
			c := s.withDefaults()
			for i, got := range y {
				col, row, o, image := i%c.OutW(), i/c.OutW()%c.OutH(), i/c.OutW()/c.OutH()%c.OutC, i/c.OutW()/c.OutH()/c.OutC
				want := int32(0)
				for ch := range c.InC {
					for p := range c.KH {
						for q := range c.KW {
							h, v := row*c.StrideH+p*c.DilationH-c.PadTop, col*c.StrideW+q*c.DilationW-c.PadLeft
							if h >= 0 && h < c.H && v >= 0 && v < c.W {
								want += productOf(x[((image*c.InC+ch)*c.H+h)*c.W+v], w[((o*c.InC+ch)*c.KH+p)*c.KW+q])
							}
						}
					}
				}
				if got != want {
					t.Fatalf("%+v: result %d is %d, must be %d", *s, i, got, want)
				}
			}
		}
	})
}

// What one level has arranged serves another, too.
func TestIntsOfAnotherLevel(t *testing.T) {
	one := func(lo, hi int16) []uint32 { return []uint32{uint32(uint16(lo)) | uint32(uint16(hi))<<16} }
	s := &Conv2D{Batch: 1, InC: 1, H: 1, W: 1, OutC: 1, KH: 1, KW: 1}
	var p IntPanels
	var f IntFilter
	p.Pack(1, 1, one(-3, 5), 1)
	f.Pack(s, one(-3, 5))
	defer simd.Use(simd.Use(simd.Generic))
	c, y := make([]int32, 1), make([]int32, 1)
	MulInts(1, one(7, -11), 1, &p, c, 1)
	ForwardInts(s, y, one(7, -11), &f)
	if c[0] != -76 || y[0] != -76 {
		t.Errorf("product %d and convolution %d, must be -76", c[0], y[0])
	}
}
