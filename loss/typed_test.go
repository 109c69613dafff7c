package loss_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

func drawn(n int, seed uint64) []float32 { return drawnAs[float32](n, seed) }

func drawnAs[T tensor.Float](n int, seed uint64) []T {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

// TestInPlace: a gradient may lie where its input is.
func TestInPlace(t *testing.T) {
	const n = 20_001
	x, y := drawn(n, 1), drawn(n, 2)
	apart := make([]float32, n)
	var l loss.Huber[float32]
	want, err := l.Eval(x, y, apart, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Eval(x, y, x, nil)
	if err != nil || got != want || !slices.Equal(x, apart) {
		t.Errorf("in place: %v, %v; it should be %v, and the same gradient", got, err, want)
	}
}

// TestUpstream: the upstream gradient of Each multiplies the gradient and leaves the
// losses alone; nil is ones.
func TestUpstream(t *testing.T) {
	const n = 300
	x, y, up := drawn(n, 1), drawn(n, 2), drawn(n, 3)
	var l loss.MSE[float32]
	plain, with := make([]float32, n), make([]float32, n)
	d, dUp := make([]float32, n), make([]float32, n)
	if err := errors.Join(l.Each(plain, nil, x, y, d, nil), l.Each(with, up, x, y, dUp, nil)); err != nil {
		t.Fatal(err)
	}
	for i := range d {
		if plain[i] != with[i] || dUp[i] != d[i]*up[i] {
			t.Fatalf("element %d: loss %v and %v, derivative %v times %v is %v", i, plain[i], with[i], d[i], up[i], dUp[i])
		}
	}
	ce := &loss.CrossEntropy[float32]{LabelSmoothing: 0.1}
	dims, target := loss.Dims{Batch: 30, Classes: 10}, make([]int, 30)
	if err := errors.Join(ce.Each(plain[:30], nil, x, dims, target, d), ce.Each(with[:30], up[:30], x, dims, target, dUp)); err != nil {
		t.Fatal(err)
	}
	for i := range d {
		if want := float64(d[i]) * float64(up[i/10]); math.Abs(float64(dUp[i])-want) > 1e-6*max(1, math.Abs(want)) {
			t.Fatalf("cross entropy, element %d: %v, it should be %v", i, dUp[i], want)
		}
	}
}

// TestErrors: an argument that cannot be taken is named, with its value and what is
// allowed; Unchecked lets it pass.
func TestErrors(t *testing.T) {
	x, y := []float32{1, 2, 3}, []float32{1, 0.5, -1}
	var l loss.SoftMargin[float32]
	_, err := l.Eval(x, y, nil)
	var bad *loss.ArgumentError
	if !errors.As(err, &bad) || bad.Arg != "target" || bad.Index != 1 || bad.Value != float32(0.5) {
		t.Errorf("error %v", err)
	}
	l.Unchecked = true
	if v, err := l.Eval(x, y, nil); err != nil || math.IsNaN(v) {
		t.Errorf("unchecked: %v, %v", v, err)
	}
	for what, err := range map[string]error{
		"target":   second(loss.MSELoss(x, y[:2], nil)),
		"gradient": second(loss.MSELoss(x, y, make([]float32, 2))),
		"weight":   second((&loss.MSE[float32]{Weight: []float32{1, float32(math.Inf(1)), 1}}).Eval(x, y, nil, nil)),
		"mean":     second((&loss.MSE[float32]{Reduction: loss.BatchMean}).Eval(x, y, nil, nil)),
		"result":   (&loss.MSE[float32]{}).Each(make([]float32, 2), nil, x, y, nil, nil),
		"upstream": (&loss.MSE[float32]{}).Each(make([]float32, 3), y[:1], x, y, nil, nil),
		"batch":    second((&loss.KLDiv[float32]{Reduction: loss.BatchMean}).Eval(x, []float32{1, 1, 1}, nil, nil)),
		"classes":  second(loss.CrossEntropyLoss(x, loss.Dims{Batch: 1}, []int{0}, nil)),
	} {
		if err == nil {
			t.Errorf("a wrong %s is taken", what)
		}
	}
}

func second(_ float64, err error) error { return err }

// TestWarmCallsAllocateNothing: scratch memory is kept.
func TestWarmCallsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for l := simd.Generic; l <= simd.Best(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			defer simd.Use(simd.Use(l))
			testWarmCalls[float32](t)
		})
	}
	t.Run("float64", testWarmCalls[float64])
}

func testWarmCalls[T tensor.Float](t *testing.T) {
	const n = 64 << 10
	x, y, dx, w := drawnAs[T](n, 1), drawnAs[T](n, 2), make([]T, n), drawnAs[T](64, 3)
	share, target := make([]T, n), make([]int, n/64)
	for i := range share {
		share[i] = 0.5
	}
	mse, bce, ce := &loss.MSE[T]{}, &loss.BCEWithLogits[T]{PosWeight: w}, &loss.CrossEntropy[T]{}
	smooth, nll := &loss.CrossEntropy[T]{LabelSmoothing: 0.1, Weight: share[:64]}, &loss.NLL[T]{}
	linear := &loss.LinearCrossEntropy[T]{}
	d := loss.Dims{Batch: n / 64, Classes: 64}
	for name, call := range map[string]func() (float64, error){
		"MSE":             func() (float64, error) { return mse.Eval(x, y, dx, nil) },
		"BCE with logits": func() (float64, error) { return bce.Eval(x, share, dx, nil) },
		"cross entropy":   func() (float64, error) { return ce.Eval(x, d, target, dx) },
		"smoothed":        func() (float64, error) { return smooth.Eval(x, d, target, dx) },
		"probabilities":   func() (float64, error) { return ce.EvalProbs(x, d, share, dx, nil) },
		"NLL":             func() (float64, error) { return nll.Eval(x, d, target, dx) },
		"linear": func() (float64, error) {
			return linear.Eval(x, loss.Linear[T]{Weight: y[:64*64]}, 64, target, dx, loss.Linear[T]{})
		},
	} {
		run := func() {
			if _, err := call(); err != nil {
				t.Fatal(name, err)
			}
		}
		run()
		if got := testing.AllocsPerRun(10, run); got > 0 {
			t.Errorf("%s: %v allocations a call", name, got)
		}
	}
}
