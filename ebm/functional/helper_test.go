package functional

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
)

var long = flag.Bool("long", false, "more random points")

// setting is a functional with settings, as the tests go through them.
type setting struct {
	name string
	f    Functional
}

// settings returns every functional of the catalogue, with several values of each setting.
func settings(t testing.TB, k int) (all []setting) {
	t.Helper()
	cost := make([][]float64, k)
	for i := range cost {
		cost[i] = make([]float64, k)
		for j := range cost[i] {
			cost[i][j] = float64(max(j-i, 3*(i-j))) / 4
		}
	}
	for _, e := range Catalogue() {
		variants := map[string]func(*Options){"": func(*Options) {}}
		for _, v := range []float64{1e-3, 0.1, 10, 1e3} {
			if e.Takes("beta") {
				variants[fmt.Sprintf("/beta=%g", v)] = func(o *Options) { o.Beta = v }
			}
			if e.Takes("gamma") {
				variants[fmt.Sprintf("/gamma=%g", v)] = func(o *Options) { o.Gamma = v }
			}
		}
		if e.Rival {
			for _, v := range []float64{0.1, 1, 10} {
				variants[fmt.Sprintf("/rival=wrong/beta=%g", v)] = func(o *Options) { o.Rival, o.Beta = "wrong", v }
			}
		}
		if e.Takes("margin") {
			variants["/margin=0"] = func(o *Options) { o.Margin = 0 }
			variants["/margin=3"] = func(o *Options) { o.Margin = 3 }
		}
		if e.Takes("cap") {
			variants["/cap=1e4"] = func(o *Options) { o.Cap = 1e4 }
		}
		if e.Takes("delta") {
			variants["/delta=0.5"] = func(o *Options) { o.Delta, o.Cap = 0.5, 5 }
		}
		if e.Takes("cost") {
			variants["/cost"] = func(o *Options) { o.Cost = cost }
		}
		for name, change := range variants {
			o := DefaultOptions()
			change(&o)
			f, err := New(e.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, setting{e.Name + name, f})
		}
	}
	return all
}

// batch is random energies and targets.
type batch struct {
	k        int
	energies []float64
	target   []int
}

// draw returns n rows of energies of a size, all at least 0 if f needs that, and
// representable in float32.
func draw(rng *rand.Rand, f Functional, n, k int, scale float64) batch {
	b := batch{k, make([]float64, n*k), make([]int, n)}
	for i := range b.energies {
		v := rng.NormFloat64() * scale
		if f.Statistic().NonNegative {
			v = math.Abs(v)
		}
		b.energies[i] = float64(float32(v))
	}
	for i := range b.target {
		b.target[i] = rng.IntN(k)
	}
	return b
}

// eval evaluates f or fails.
func (b batch) eval(t testing.TB, f Functional) (loss, grad []float64) {
	t.Helper()
	loss, grad = make([]float64, len(b.target)), make([]float64, len(b.energies))
	if err := Labels(f, b.energies, b.k, b.target, loss, grad); err != nil {
		t.Fatal(err)
	}
	return loss, grad
}

func convert[T tensor.Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// apart is |a − b| over max(|a|, |b|, floor).
func apart(a, b, floor float64) float64 {
	if a == b {
		return 0
	}
	return math.Abs(a-b) / max(math.Abs(a), math.Abs(b), floor)
}

func generator(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }
