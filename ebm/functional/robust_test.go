package functional

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

func TestErrors(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	good := []float64{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		f          Functional
		energies   []float64
		k          int
		target     []int
		loss, grad []float64
		want       string
	}{
		{Hinge{Margin: 1}, good, 1, []int{0}, nil, nil, "k is 1; there must be at least 2 labels"},
		{Hinge{Margin: 1}, good, 3, []int{0}, nil, nil, "6 energies are not 1 rows of 3 labels"},
		{Hinge{Margin: 1}, good, 4, []int{0}, nil, nil, "6 energies are not 1 rows of 4 labels"},
		{Hinge{Margin: 1}, good, 3, []int{0, 3}, nil, nil, "target[1] is 3; it must be a label from 0 to 2"},
		{Hinge{Margin: 1}, good, 3, []int{-1, 0}, nil, nil, "target[0] is -1"},
		{Hinge{Margin: 1}, good, 3, []int{0, 1}, make([]float64, 3), nil, "loss has 3 elements; it must have 2"},
		{Hinge{Margin: 1}, good, 3, []int{0, 1}, nil, make([]float64, 5), "grad has 5 elements; it must have 6"},
		{Hinge{Margin: 1}, []float64{1, 2, 3, 4, nan, 6}, 3, []int{0, 0}, nil, nil, "hinge: the energy of label 1 of sample 1 is NaN; it must be a number"},
		{NLL{}, []float64{1, 2, -inf, 4, 5, 6}, 3, []int{0, 0}, nil, nil, "nll: the energy of label 2 of sample 0 is -Inf"},
		{Energy{}, []float64{1, 2, 3, 4, inf, 6}, 3, []int{0, 1}, nil, nil, "energy: the energy of label 1 of sample 1 is +Inf; it must be a number, since that label is the correct one"},
		{SquareSquare{Margin: 1}, []float64{0, 2, 3, 4, 5, -6}, 3, []int{0, 1}, nil, nil, "square_square: the energy of label 2 of sample 1 is -6; it must be at least 0"},
		{SquareExp{}, []float64{-0.5, 2, 3, 4, 5, 6}, 3, []int{0, 1}, nil, nil, "square_exp: the energy of label 0 of sample 0 is -0.5"},
		{LVQ2{Delta: 1}, []float64{-0.5, 2, inf, 4, 5, 6}, 3, []int{0, 1}, nil, nil, "lvq2: the energy of label 0"},
		{NLL{-1}, good, 3, []int{0, 1}, nil, nil, "nll: beta is -1; it must be a number above 0"},
		{MEE{nan}, good, 3, []int{0, 1}, nil, nil, "beta is NaN"},
		{MarginCost{Margin: nan}, good, 3, []int{0, 1}, nil, nil, "margin is NaN"},
		{MarginCost{Cost: [][]float64{{0, 1}, {1, 0}}}, good, 3, []int{0, 1}, nil, nil, "margin_cost: cost has 2 rows"},
		{odd{}, good, 3, []int{0, 1}, nil, nil, "odd: labels have no statistic of kind 7"},
	} {
		err := Labels(c.f, c.energies, c.k, c.target, c.loss, c.grad)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v; it should say %q", c.f, err, c.want)
		}
		for _, v := range append(c.loss, c.grad...) {
			if v != 0 {
				t.Errorf("%v: something was written in spite of the error", c.f)
			}
		}
		var e *EnergyError
		if errors.As(err, &e) {
			if finite := !math.IsNaN(e.Value) && !math.IsInf(e.Value, 0); e.NonFinite() == finite {
				t.Errorf("NonFinite of %v is %v", e.Value, e.NonFinite())
			}
		}
	}
	// β that float32 cannot hold.
	if err := Labels(NLL{1e300}, []float32{1, 2}, 2, []int{0}, nil, nil); err == nil {
		t.Error("β = 1e300 passes in float32")
	}
	if err := Labels(Hinge{Margin: 1}, []float64{}, 2, nil, nil, nil); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

type odd struct{ Hinge }

func (odd) Name() string         { return "odd" }
func (odd) Statistic() Statistic { return Statistic{Kind: Wrong + 1} }

func TestStats(t *testing.T) {
	rng := generator(12)
	b := draw(rng, Hinge{}, 100, 6, 3)
	for i := range b.energies {
		b.energies[i] = math.Round(b.energies[i]) // ties
	}
	b.energies[7] = math.Inf(1)
	stats := make([]LabelStats, 100)
	if err := Stats(stats, b.energies, 6, b.target); err != nil {
		t.Fatal(err)
	}
	for i, s := range stats {
		row, n, sum, squares := b.energies[i*6:(i+1)*6], 0., 0., 0.
		least := -1
		for y, v := range row {
			if y != b.target[i] && (least < 0 || v < row[least]) {
				least = y
			}
			if !math.IsInf(v, 1) {
				n, sum, squares = n+1, sum+v, squares+v*v
			}
		}
		want := LabelStats{Correct: row[b.target[i]], Offending: row[least], Answer: least, Spread: math.Sqrt(squares/n - sum*sum/n/n)}
		if math.Abs(s.Spread-want.Spread) > 1e-6 {
			t.Errorf("spread of %v is %v, want %v", row, s.Spread, want.Spread)
		}
		want.Spread = s.Spread
		if s != want || s.Gap() != row[least]-row[b.target[i]] {
			t.Errorf("stats of %v for %d: %+v, want %+v", row, b.target[i], s, want)
		}
	}
	if err := Stats(stats[:3], b.energies, 6, b.target); err == nil {
		t.Error("a dst that is too short passes")
	}
	if err := Stats(stats[:0], b.energies, 7, b.target); err == nil {
		t.Error("lengths that do not fit pass")
	}
}

// TestWarmEvaluatorsDoNotAllocate covers batches that run on one core and on several.
func TestWarmEvaluatorsDoNotAllocate(t *testing.T) {
	for _, s := range settings(t, 10) {
		for _, n := range []int{16, 8192} {
			b := draw(generator(13), s.f, n, 10, 1)
			noAllocs(t, s, b, b.energies)
			noAllocs(t, s, b, convert[float32](b.energies))
		}
	}
}

func noAllocs[T tensor.Float](t *testing.T, s setting, b batch, energies []T) {
	t.Helper()
	var e LabelEvaluator[T]
	loss, grad := make([]T, len(b.target)), make([]T, len(energies))
	stats, stat := make([]LabelStats, len(b.target)), s.f.Statistic()
	got := testing.AllocsPerRun(5, func() {
		err := e.Eval(s.f, energies, b.k, b.target, loss, grad)
		err2 := e.Statistic(stat, energies, b.k, b.target, loss, grad)
		err3 := Stats(stats, energies, b.k, b.target)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
	})
	if got != 0 {
		t.Errorf("%s, %T, %d samples: %v allocations", s.name, loss, len(b.target), got)
	}
}

func TestBitsDoNotDependOnThreads(t *testing.T) {
	defer simd.SetThreads(0)
	for _, s := range settings(t, 10) {
		b := draw(generator(14), s.f, 5000, 10, 2)
		simd.SetThreads(1)
		loss, grad := b.eval(t, s.f)
		simd.SetThreads(7)
		loss2, grad2 := b.eval(t, s.f)
		if !reflect.DeepEqual(loss, loss2) || !reflect.DeepEqual(grad, grad2) {
			t.Errorf("%s: other bits with other threads", s.name)
		}
	}
}

// FuzzLabels: any energies give an error, or a loss and derivatives that are numbers
// or too large for T.
func FuzzLabels(f *testing.F) {
	f.Add(uint64(1), 1.0, 2.0, 3.0)
	f.Add(uint64(2), math.Inf(1), 1e308, -1e308)
	f.Add(uint64(3), math.NaN(), 0.0, math.Copysign(0, -1))
	f.Add(uint64(4), 5e-324, 1e4, -1e4)
	all := settings(f, 3)
	f.Fuzz(func(t *testing.T, seed uint64, a, b, c float64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		pool := []float64{a, b, c, a + b, -c, 0, math.Inf(1), a * 1e-3}
		energies, target := make([]float64, 12), make([]int, 4)
		for i := range energies {
			energies[i] = pool[rng.IntN(len(pool))]
		}
		for i := range target {
			target[i] = rng.IntN(3)
		}
		s := all[rng.IntN(len(all))]
		if rng.IntN(2) == 0 {
			never(t, s, energies, target)
		} else {
			never(t, s, convert[float32](energies), target)
		}
	})
}

func never[T tensor.Float](t *testing.T, s setting, energies []T, target []int) {
	loss, grad := make([]T, 4), make([]T, 12)
	if Labels(s.f, energies, 3, target, loss, grad) != nil {
		return
	}
	for i, v := range append(loss, grad...) {
		if math.IsNaN(float64(v)) {
			t.Errorf("%s: %v for %v gives NaN at %d: loss %v, derivatives %v", s.name, energies, target, i, loss, grad)
			return
		}
	}
}

// TestSetStats: with one right answer a sample it is Stats; with any number, the worst of these and the best of the others.
func TestSetStats(t *testing.T) {
	rng := generator(13)
	b := draw(rng, Hinge{}, 100, 6, 3)
	right := make([]bool, len(b.energies))
	for i, y := range b.target {
		right[i*6+y] = true
	}
	want, got := make([]LabelStats, 100), make([]LabelStats, 100)
	if err := errors.Join(Stats(want, b.energies, 6, b.target), SetStats(got, b.energies, 6, right)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("one right answer: %v; want %v", got, want)
	}
	for i := range right {
		right[i] = rng.IntN(2) == 0
	}
	if err := SetStats(got, b.energies, 6, right); err != nil {
		t.Fatal(err)
	}
	for i, s := range got {
		in, out := []float64{math.Inf(-1)}, []float64{math.Inf(1)}
		for y, e := range b.energies[i*6 : (i+1)*6] {
			if right[i*6+y] {
				in = append(in, e)
			} else {
				out = append(out, e)
			}
		}
		if s.Correct != slices.Max(in) || s.Offending != slices.Min(out) || (s.Answer < 0) != (len(out) == 1) || s.Spread != want[i].Spread {
			t.Errorf("right %v of %v: %+v", right[i*6:(i+1)*6], b.energies[i*6:(i+1)*6], s)
		}
	}
	if err := SetStats(got, b.energies, 6, right[1:]); err == nil || !strings.Contains(err.Error(), "right has 599 elements; it must have 600") {
		t.Errorf("error %v", err)
	}
}
