package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// winogradConv is ForwardPacked with tiles of m×m results, whatever the sizes.
func winogradConv[T simd.Float](m int, s *Conv2D, y, x, w, bias []T, finish Finisher[T]) {
	j := new(winograd[T])
	j.engine, j.conv, j.m, j.n = newEngine[T](), s.withDefaults(), m, m+2
	j.weights = j.winogradWeights(m, w, s.OutC, s.InC)
	j.y, j.x, j.bias, j.finish = y, x, bias, finish
	j.start()
}

// halving is a Finisher; it would show a result that it gets twice or never.
type halving[T simd.Float] struct{ y []T }

func (h *halving[T]) Finish(y []T, at int) {
	if len(y) > 0 && &y[0] != &h.y[at] {
		panic("a place that is not where the results are")
	}
	for i := range y {
		y[i] /= 2
	}
}

func testWinograd[T simd.Float](t *testing.T) {
	levels[T](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for range 40 {
			s := &Conv2D{
				Batch: 1 + rng.IntN(3), InC: 1 + rng.IntN(40), H: 1 + rng.IntN(20), W: 1 + rng.IntN(20), OutC: 1 + rng.IntN(70), KH: 3, KW: 3,
				PadTop: rng.IntN(4), PadBottom: rng.IntN(4), PadLeft: rng.IntN(4), PadRight: rng.IntN(4),
			}
			if s.Validate() != nil {
				continue
			}
			n := s.Batch * s.OutC * s.OutH() * s.OutW()
			x, w, bias := random[T](rng, s.Batch*s.InC*s.H*s.W), random[T](rng, s.OutC*s.InC*9), random[T](rng, s.OutC)
			if rng.IntN(3) == 0 {
				bias = nil
			}
			must := make([]float64, n)
			s.each(func(i, j, k int) {
				must[i] += float64(x[j]) * float64(w[k])
			})
			most := 0.0
			for i := range must {
				if bias != nil {
					must[i] += float64(bias[i/(s.OutH()*s.OutW())%s.OutC])
				}
				most = max(most, math.Abs(must[i]))
			}
			for _, m := range []int{2, 4} {
				whole, y := guarded[T](n)
				winogradConv(m, s, y, x, w, bias, &halving[T]{y})
				checkGuards(t, whole)
				for i, v := range y {
					if !(math.Abs(2*float64(v)-must[i]) <= most*tolerance[T](60)) {
						t.Fatalf("m %d, %+v: element %d is %v, must be %v", m, *s, i, 2*v, must[i])
					}
				}
			}
		}
	})
}

func TestWinogradFloat32(t *testing.T) { testWinograd[float32](t) }
func TestWinogradFloat64(t *testing.T) { testWinograd[float64](t) }
