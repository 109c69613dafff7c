package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// A negated changes the sign of all it gets.
type negated[T simd.Float] struct{}

func (negated[T]) Finish(y []T, _ int) {
	for i, v := range y {
		y[i] = -v
	}
}

// A placed adds to each result another one of its place.
type placed[T simd.Float] struct{ other []T }

func (p placed[T]) Finish(y []T, at int) { simd.AddTo(y, p.other[at:at+len(y)]) }

// randomBottleneck gives the geometry of a bottleneck, and its layers; x has s.InC channels.
func randomBottleneck[T simd.Float](rng *rand.Rand, s *Conv2D) (*Conv2D, *Bottleneck[T]) {
	d := *s
	if rng.IntN(3) == 0 {
		d.InC, d.OutC = 1+rng.IntN(20), 1+rng.IntN(40)
	}
	b := &Bottleneck[T]{Channels: 1 + rng.IntN(70)}
	layer := func(out, terms int) *Layer[T] {
		l := &Layer[T]{Weights: random[T](rng, out*terms), Bias: random[T](rng, out)}
		switch rng.IntN(4) {
		case 0:
			l.Bias = nil
		case 1:
			l.Finish = &Clamp[T]{Low: -0.5, High: 0.75}
		case 2:
			l.Finish = negated[T]{}
		}
		return l
	}
	parts := 1 + rng.IntN(3)
	if parts&1 != 0 {
		b.Expand = layer(b.Channels, d.InC)
	} else {
		d.InC = b.Channels
	}
	b.Depthwise = *layer(b.Channels, d.KH*d.KW)
	last := &b.Depthwise
	if parts&2 != 0 {
		b.Project = layer(d.OutC, b.Channels)
		last = b.Project
	} else {
		d.OutC = b.Channels
	}
	if rng.IntN(2) == 0 {
		last.Finish = placed[T]{random[T](rng, d.Batch*d.OutC*d.OutH()*d.OutW())}
	}
	return &d, b
}

// apart computes the layers one after the other.
func (b *Bottleneck[T]) apart(s *Conv2D, y, x []T) {
	compute := func(l *Layer[T], g Conv2D, y, x []T) {
		if g.InC == g.OutC && g.KH*g.KW*g.OutC == len(l.Weights) {
			Depthwise(&g, y, x, l.Weights, l.Bias, nil)
		} else {
			Forward(&g, y, x, l.Weights, l.Bias, false)
		}
		if l.Finish != nil && len(y) > 0 {
			l.Finish.Finish(y, 0)
		}
	}
	if b.Expand != nil {
		u := make([]T, s.Batch*b.Channels*s.H*s.W)
		g := Conv2D{Batch: s.Batch, InC: s.InC, H: s.H, W: s.W, OutC: b.Channels, KH: 1, KW: 1}
		compute(b.Expand, g, u, x)
		x = u
	}
	v := y
	if b.Project != nil {
		v = make([]T, s.Batch*b.Channels*s.OutH()*s.OutW())
	}
	g := *s
	g.InC, g.OutC = b.Channels, b.Channels
	compute(&b.Depthwise, g, v, x)
	if b.Project != nil {
		compute(b.Project, Conv2D{Batch: s.Batch, InC: b.Channels, H: s.OutH(), W: s.OutW(), OutC: s.OutC, KH: 1, KW: 1}, y, v)
	}
}

func magnitudes[T simd.Float](x []T) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = max(v, -v)
	}
	return y
}

// magnitudes is b with the magnitudes of its weights, and without what changes results: a Clamp to an interval about 0 makes none greater.
func (b *Bottleneck[T]) magnitudes() *Bottleneck[T] {
	of := func(l *Layer[T]) *Layer[T] {
		if l == nil {
			return nil
		}
		m := &Layer[T]{Weights: magnitudes(l.Weights)}
		if l.Bias != nil {
			m.Bias = magnitudes(l.Bias)
		}
		return m
	}
	return &Bottleneck[T]{Channels: b.Channels, Expand: of(b.Expand), Depthwise: *of(&b.Depthwise), Project: of(b.Project)}
}

func checkBottleneck[T simd.Float](t *testing.T, rng *rand.Rand, s *Conv2D) {
	s, b := randomBottleneck[T](rng, s)
	x := random[T](rng, s.Batch*s.InC*s.H*s.W)
	n := s.Batch * s.OutC * s.OutH() * s.OutW()
	whole, y := guarded[T](n)
	must := make([]T, n)
	b.Run(s, y, x)
	checkGuards(t, whole)
	b.apart(s, must, x)
	scale := make([]T, n) // sums of magnitudes, which bound the errors
	b.magnitudes().apart(s, scale, magnitudes(x))
	for i, v := range must {
		if !(math.Abs(float64(y[i]-v)) <= float64(scale[i]+1)*tolerance[T](s.InC+s.KH*s.KW+b.Channels)) {
			t.Fatalf("%+v, %d channels, expansion %v, projection %v: element %d of %d is %v, must be %v", *s, b.Channels, b.Expand != nil, b.Project != nil, i, n, y[i], v)
		}
	}
}

func testBottleneck[T simd.Float](t *testing.T) {
	forConvs[T](t, func(t *testing.T, rng *rand.Rand, s *Conv2D) {
		for range 3 {
			checkBottleneck[T](t, rng, s)
		}
	})
	levels[T](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for _, s := range bottlenecksOfNetworks {
			checkBottleneck[T](t, rng, &s)
		}
	})
}

// bottlenecksOfNetworks have bands, rings that go round, and rows that are computed together.
var bottlenecksOfNetworks = []Conv2D{
	{Batch: 1, InC: 4, H: 60, W: 62, OutC: 6, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{Batch: 2, InC: 4, H: 60, W: 62, OutC: 6, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1, StrideH: 2, StrideW: 2},
	{Batch: 5, InC: 24, H: 14, W: 14, OutC: 20, KH: 5, KW: 5, PadTop: 2, PadBottom: 2, PadLeft: 2, PadRight: 2},
	{Batch: 1, InC: 24, H: 7, W: 7, OutC: 40, KH: 3, KW: 3, PadTop: 1, PadBottom: 1, PadLeft: 1, PadRight: 1},
	{Batch: 1, InC: 5, H: 1, W: 900, OutC: 7, KH: 1, KW: 11, PadLeft: 5, PadRight: 5, StrideW: 2},
}

func TestBottleneckFloat32(t *testing.T) { testBottleneck[float32](t) }
func TestBottleneckFloat64(t *testing.T) { testBottleneck[float64](t) }

// TestBottleneckSameBits: the number of workers does not matter, and a warm call allocates nothing.
func TestBottleneckSameBits(t *testing.T) {
	defer simd.SetThreads(0)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range bottlenecksOfNetworks {
		s, b := randomBottleneck[float32](rng, &c)
		x := random[float32](rng, s.Batch*s.InC*s.H*s.W)
		y := make([]float32, s.Batch*s.OutC*s.OutH()*s.OutW())
		again := make([]float32, len(y))
		simd.SetThreads(1)
		b.Run(s, y, x)
		for _, threads := range []int{2, 3, 7} {
			simd.SetThreads(threads)
			clear(again)
			b.Run(s, again, x)
			for i := range y {
				if y[i] != again[i] {
					t.Fatalf("%+v, %d workers: element %d is %v, was %v", *s, threads, i, again[i], y[i])
				}
			}
		}
		simd.SetThreads(0)
		if raceEnabled {
			continue
		}
		if n := testing.AllocsPerRun(10, func() { b.Run(s, again, x) }); n > 0 {
			t.Errorf("%+v: %v allocations", *s, n)
		}
	}
}

// TestBottleneckOtherLevel: weights that were packed for other kernels are packed anew.
func TestBottleneckOtherLevel(t *testing.T) {
	defer simd.Use(simd.Current())
	s, b := randomBottleneck[float32](rand.New(rand.NewPCG(1, 2)), &bottlenecksOfNetworks[3])
	x := random[float32](rand.New(rand.NewPCG(5, 6)), s.InC*s.H*s.W)
	y, must := make([]float32, s.OutC*s.OutH()*s.OutW()), make([]float32, s.OutC*s.OutH()*s.OutW())
	simd.Use(simd.Best())
	b.Run(s, y, x)
	simd.Use(simd.Generic)
	b.Run(s, y, x)
	fresh := &Bottleneck[float32]{Channels: b.Channels, Expand: b.Expand, Depthwise: b.Depthwise, Project: b.Project}
	fresh.Run(s, must, x)
	for i, v := range must {
		if y[i] != v {
			t.Fatalf("element %d is %v, must be %v", i, y[i], v)
		}
	}
}

// TestBottleneckRefuses: what does not agree is a panic that says so.
func TestBottleneckRefuses(t *testing.T) {
	s := &Conv2D{Batch: 1, InC: 4, H: 5, W: 5, OutC: 3, KH: 3, KW: 3}
	full := func(n int) *Layer[float32] { return &Layer[float32]{Weights: make([]float32, n)} }
	for name, b := range map[string]*Bottleneck[float32]{
		"without a layer between": {Channels: 8, Depthwise: *full(72), Project: full(24)},
		"layer Expand":            {Channels: 8, Expand: full(31), Depthwise: *full(72), Project: full(24)},
		"layer Depthwise":         {Channels: 8, Expand: full(32), Depthwise: *full(71), Project: full(24)},
		"layer Project":           {Channels: 8, Expand: full(32), Depthwise: *full(72), Project: full(23)},
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), name) {
					t.Errorf("the panic is %v, must have %q", r, name)
				}
			}()
			b.Run(s, make([]float32, 27), make([]float32, 100))
		}()
	}
}

// TestChannelsOf: channels of pixels of any number from a tile's rows on, and of any number of terms.
func TestChannelsOf(t *testing.T) {
	levels[float32](t, func(t *testing.T) {
		e := newEngine[float32]()
		rng := rand.New(rand.NewPCG(9, 10))
		for n := e.mr; n < 4*e.mr; n++ {
			for steps := 1; steps < 6; steps++ {
				step := n + rng.IntN(5)
				x, w, bias := random[float32](rng, steps*step), random[float32](rng, steps*e.nr), random[float32](rng, e.nr)
				x[rng.IntN(len(x))] = float32(math.NaN())
				whole, y := guarded[float32](n * e.nr)
				limits := [2]float32{-0.5, 0.75}
				e.channelsOf(at(y, 0), at(x, 0), at(w, 0), at(bias, 0), &limits, steps, step, n)
				checkGuards(t, whole)
				for i, v := range y {
					sum := float64(bias[i%e.nr])
					for s := range steps {
						sum += float64(w[s*e.nr+i%e.nr]) * float64(x[s*step+i/e.nr])
					}
					must := min(max(sum, -0.5), 0.75)
					if !(math.Abs(float64(v)-must) < 1e-5) && (v == v || must == must) {
						t.Fatalf("%d pixels, %d terms: element %d is %v, must be %v", n, steps, i, v, must)
					}
				}
			}
		}
	})
}
