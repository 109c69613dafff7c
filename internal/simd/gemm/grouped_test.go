package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// eachGrouped is each for channels in groups.
func (s *Conv2D) eachGrouped(groups int, f func(y, x, w int)) {
	one := *s
	one.InC, one.OutC = s.InC/groups, s.OutC/groups
	x, y, w := s.H*s.W*one.InC, s.OutH()*s.OutW()*one.OutC, one.OutC*one.InC*s.KH*s.KW
	one.each(func(i, j, k int) {
		for g := range groups {
			f((i/y*groups+g)*y+i%y, (j/x*groups+g)*x+j%x, g*w+k)
		}
	})
}

// randomGroups gives s channels in a few groups.
func randomGroups(rng *rand.Rand, s *Conv2D) (grouped *Conv2D, groups int) {
	d := *s
	groups = 1 + rng.IntN(4)
	d.InC, d.OutC = groups*(1+rng.IntN(5)), groups*(1+rng.IntN(9))
	if rng.IntN(3) > 0 { // depthwise
		groups = d.InC
		d.OutC = groups * (1 + rng.IntN(3))
	}
	return &d, groups
}

func testGrouped[T simd.Float](t *testing.T) {
	forConvs[T](t, func(t *testing.T, rng *rand.Rand, s *Conv2D) {
		for range 3 {
			d, groups := randomGroups(rng, s)
			testGroupedForward[T](t, rng, d, groups)
			for _, add := range []bool{false, true} {
				testGroupedGradients[T](t, rng, d, groups, add)
			}
		}
	})
}

func testGroupedForward[T simd.Float](t *testing.T, rng *rand.Rand, s *Conv2D, groups int) {
	t.Helper()
	area := s.OutH() * s.OutW()
	want := newSums(s.Batch * s.OutC * area)
	x, w, bias := random[T](rng, s.Batch*s.InC*s.H*s.W+3), random[T](rng, s.filters(groups)+3), random[T](rng, s.OutC)
	if rng.IntN(3) == 0 {
		bias = nil
	}
	relu := rng.IntN(2) == 0
	s.eachGrouped(groups, func(i, j, k int) { want.add(i, float64(x[j])*float64(w[k])) })
	for i := range want.value {
		if bias != nil {
			want.add(i, float64(bias[i/area%s.OutC]))
		}
		if relu {
			want.value[i] = max(want.value[i], 0)
		}
	}
	whole, y := guarded[T](len(want.value))
	ForwardGroups(s, groups, y, x, w, bias, relu)
	checkGuards(t, whole)
	checkSums(t, fmt.Sprintf("ForwardGroups (%d groups)", groups), s, y, want)
}

func testGroupedGradients[T simd.Float](t *testing.T, rng *rand.Rand, s *Conv2D, groups int, add bool) {
	t.Helper()
	x, w := random[T](rng, s.Batch*s.InC*s.H*s.W), random[T](rng, s.filters(groups))
	dy := random[T](rng, s.Batch*s.OutC*s.OutH()*s.OutW())
	wantX, wantW, wantB := newSums(len(x)), newSums(len(w)), newSums(s.OutC)
	wholeX, dx := guarded[T](len(x))
	wholeW, dw := guarded[T](len(w))
	wholeB, db := guarded[T](s.OutC)
	for _, g := range []struct {
		x    []T
		want *sums
	}{{dx, wantX}, {dw, wantW}, {db, wantB}} {
		for i := range g.x {
			if add {
				g.x[i] = T(i%7) - 3
				g.want.add(i, float64(g.x[i]))
			}
		}
	}
	s.eachGrouped(groups, func(i, j, k int) {
		wantX.add(j, float64(dy[i])*float64(w[k]))
		wantW.add(k, float64(dy[i])*float64(x[j]))
	})
	for i, v := range dy {
		wantB.add(i/s.OutH()/s.OutW()%s.OutC, float64(v))
	}
	InputGradGroups(s, groups, dx, dy, w, add)
	if rng.IntN(3) == 0 {
		WeightGradGroups(s, groups, dw, nil, x, dy, add)
	} else {
		WeightGradGroups(s, groups, dw, db, x, dy, add)
		checkSums(t, fmt.Sprintf("bias of WeightGradGroups (%d groups, add %v)", groups, add), s, db, wantB)
	}
	for _, whole := range [][]T{wholeX, wholeW, wholeB} {
		checkGuards(t, whole)
	}
	checkSums(t, fmt.Sprintf("InputGradGroups (%d groups, add %v)", groups, add), s, dx, wantX)
	checkSums(t, fmt.Sprintf("WeightGradGroups (%d groups, add %v)", groups, add), s, dw, wantW)
}

func TestGroupedFloat32(t *testing.T) { testGrouped[float32](t) }
func TestGroupedFloat64(t *testing.T) { testGrouped[float64](t) }

// groupedShapes are a depthwise one of each stride, one with several filters a channel, and groups.
var groupedShapes = []struct {
	Conv2D
	groups int
}{
	{Conv2D{Batch: 5, InC: 24, H: 15, W: 17, OutC: 24, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1}, 24},
	{Conv2D{Batch: 20, InC: 3, H: 15, W: 17, OutC: 6, KH: 3, KW: 5, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 2}, 3},
	{Conv2D{Batch: 7, InC: 12, H: 9, W: 11, OutC: 20, KH: 3, KW: 3, PadTop: 1, PadLeft: 1}, 4},
}

// TestGroupedSameBits: the number of workers does not matter, and a warm call allocates nothing.
func TestGroupedSameBits(t *testing.T) {
	defer simd.SetThreads(0)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range groupedShapes {
		s := &c.Conv2D
		x, w, dy := random[float32](rng, s.Batch*s.InC*s.H*s.W), random[float32](rng, s.filters(c.groups)), random[float32](rng, s.Batch*s.OutC*s.OutH()*s.OutW())
		y, dx, dw, db := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w)), make([]float32, s.OutC)
		step := func() {
			ForwardGroups(s, c.groups, y, x, w, db, true)
			InputGradGroups(s, c.groups, dx, dy, w, false)
			WeightGradGroups(s, c.groups, dw, db, x, dy, false)
		}
		var first [4][]float32
		for _, threads := range []int{1, 2, 3, 7} {
			simd.SetThreads(threads)
			clear(db)
			step()
			for k, r := range [4][]float32{y, dx, dw, db} {
				if first[k] == nil {
					first[k] = append(first[k], r...)
				}
				for i, v := range r {
					if v != first[k][i] {
						t.Fatalf("%+v, %d workers, result %d: element %d is %v, was %v", c, threads, k, i, v, first[k][i])
					}
				}
			}
		}
		if raceEnabled {
			continue
		}
		if n := testing.AllocsPerRun(20, step); n > 0 {
			t.Errorf("%+v: %v allocations", c, n)
		}
	}
}

func TestGroupedMisuse(t *testing.T) {
	s := &Conv2D{Batch: 1, InC: 6, H: 3, W: 3, OutC: 4, KH: 1, KW: 1}
	x, w, y := make([]float32, 54), make([]float32, 12), make([]float32, 36)
	for name, f := range map[string]func(){
		"no groups":   func() { ForwardGroups(s, 0, y, x, w, nil, false) },
		"of inputs":   func() { InputGradGroups(s, 4, x, y, w, false) },
		"of outputs":  func() { WeightGradGroups(s, 3, w, nil, x, y, false) },
		"few weights": func() { ForwardGroups(s, 2, y, x, w[:11], nil, false) },
		"few biases":  func() { WeightGradGroups(s, 2, w, w[:3], x, y, false) },
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

func BenchmarkGrouped(b *testing.B) {
	pad := func(s Conv2D) Conv2D {
		s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = 1, 1, 1, 1
		return s
	}
	for _, c := range []struct {
		name   string
		groups int
		s      Conv2D
	}{
		{"depthwise/32x112", 32, pad(Conv2D{Batch: 4, InC: 32, H: 112, W: 112, OutC: 32, KH: 3, KW: 3})},
		{"depthwise/96x56s2", 96, pad(Conv2D{Batch: 8, InC: 96, H: 56, W: 56, OutC: 96, KH: 3, KW: 3, StrideH: 2, StrideW: 2})},
		{"depthwise/384x14", 384, pad(Conv2D{Batch: 8, InC: 384, H: 14, W: 14, OutC: 384, KH: 3, KW: 3})},
		{"32of4/128x28", 32, pad(Conv2D{Batch: 8, InC: 128, H: 28, W: 28, OutC: 128, KH: 3, KW: 3})},
	} {
		s := &c.s
		rng := rand.New(rand.NewPCG(1, 2))
		x, w := random[float32](rng, s.Batch*s.InC*s.H*s.W), random[float32](rng, s.filters(c.groups))
		y, bias := random[float32](rng, s.Batch*s.OutC*s.OutH()*s.OutW()), random[float32](rng, s.OutC)
		flops := 2 * float64(len(y)) * float64(s.InC/c.groups*s.KH*s.KW)
		for _, job := range []struct {
			name string
			f    func()
		}{
			{"forward", func() { ForwardGroups(s, c.groups, y, x, w, bias, true) }},
			{"input", func() { InputGradGroups(s, c.groups, x, y, w, false) }},
			{"weight", func() { WeightGradGroups(s, c.groups, w, bias, x, y, false) }},
		} {
			b.Run(c.name+"/"+job.name, func(b *testing.B) {
				for b.Loop() {
					job.f()
				}
				b.ReportMetric(flops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
