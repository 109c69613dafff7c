package functional

import (
	"errors"
	"math"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// TestNaN: a functional of an energy that is NaN is NaN, and batches refuse such an energy
// wherever it is.
func TestNaN(t *testing.T) {
	nan := math.NaN()
	for _, s := range settings(t, 4) {
		for _, e := range [][2]float64{{nan, 1}, {nan, -1e300}, {1, nan}, {nan, nan}, {math.Inf(1), math.Inf(1)}} {
			kind := s.f.Statistic().Kind
			if (kind == None && e[0] == e[0]) || ((kind == CostSum || kind == CostMax) && e[1] == e[1]) {
				continue // which does not look at the other
			}
			if math.IsInf(e[0], 1) && !s.f.Statistic().Relative {
				continue // infinite, as it should be
			}
			if loss, _, _ := s.f.Eval(e[0], e[1]); !math.IsNaN(loss) {
				t.Errorf("%s of %v and %v is %v", s.name, e[0], e[1], loss)
			}
		}
		for i := range 8 {
			b := draw(generator(1), s.f, 2, 4, 1)
			b.energies[i] = nan
			var bad *EnergyError
			if err := Labels(s.f, b.energies, b.k, b.target, nil, nil); !errors.As(err, &bad) || !bad.NonFinite() {
				t.Errorf("%s with energy %d NaN: error %v", s.name, i, err)
			}
		}
	}
}

// TestOverflow: of energies that grow to the greatest numbers of float32, a finite loss is
// that of the same energies in float64, at every level; and a loss of 0 in float64 stays one.
func TestOverflow(t *testing.T) {
	defer simd.Use(simd.Current())
	for l := simd.Generic; l <= simd.Best(); l++ {
		simd.Use(l)
		for _, s := range settings(t, 4) {
			for _, scale := range []float64{1e10, 1e19, 1e25, 1e30, 1e37, 6e37} {
				b := draw(generator(uint64(scale)), s.f, 20, 4, scale)
				want, _ := b.eval(t, s.f)
				got := make([]float32, len(b.target))
				if err := Labels(s.f, convert[float32](b.energies), b.k, b.target, got, nil); err != nil {
					t.Fatal(err)
				}
				for i, v := range got {
					if v-v == 0 && apart(float64(v), want[i], 1e-30) > 1e-3 {
						t.Fatalf("%s at %g, %v: the loss is %v; in float64 it is %v", s.name, scale, l, v, want[i])
					}
				}
				vast := batch{k: b.k, target: b.target}
				for _, v := range b.energies {
					vast.energies = append(vast.energies, v/scale*4e307)
				}
				loss, _ := vast.eval(t, s.f)
				for i, v := range loss {
					if v == 0 && want[i] != 0 {
						t.Fatalf("%s: the loss is 0; of energies of %g it is %v", s.name, scale, want[i])
					}
				}
			}
		}
	}
}
