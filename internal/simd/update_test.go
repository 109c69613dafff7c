package simd

import (
	"math"
	"testing"
)

// near reports whether got is within a few roundings of want, for numbers of order 1.
func near[T Float](got T, want float64) bool {
	tolerance := 4e-6
	if _, ok := any(got).(float64); ok {
		tolerance = 1e-12
	}
	return math.Abs(float64(got)-want) <= tolerance*(1+math.Abs(want))
}

func TestSGD(t *testing.T) {
	options := []SGDOptions{
		{LR: 0.1},
		{LR: 0.1, WeightDecay: 0.05},
		{LR: 0.1, Momentum: 0.9},
		{LR: 0.1, Momentum: 0.9, Dampening: 0.3, WeightDecay: 0.05},
		{LR: 0.1, Momentum: 0.9, WeightDecay: 0.01, Nesterov: true},
	}
	atLevels(t, func(t *testing.T) {
		sizes(func(n int) {
			for _, o := range options {
				checkSGD[float32](t, n, o)
				checkSGD[float64](t, n, o)
			}
		})
	})
}

// checkSGD does three steps beside the formulas.
func checkSGD[T Float](t *testing.T, n int, o SGDOptions) {
	t.Helper()
	r := rng(uint64(n))
	w, intactW := guarded[T](n, 1)
	m, intactM := guarded[T](n, 3)
	normals(r, w)
	for i := range m {
		m[i] = T(math.NaN()) // the first step must not read it
	}
	ww, mm := make([]float64, n), make([]float64, n)
	for i, v := range w {
		ww[i] = float64(v)
	}
	for step := range 3 {
		grad := normals(r, make([]T, n))
		o.First = step == 0
		if o.Momentum == 0 {
			SGD(w, grad, nil, o)
		} else {
			SGD(w, grad, m, o)
		}
		for i := range ww {
			d := float64(grad[i]) + o.WeightDecay*ww[i]
			if o.Momentum != 0 {
				if o.First {
					mm[i] = d
				} else {
					mm[i] = o.Momentum*mm[i] + (1-o.Dampening)*d
				}
				if o.Nesterov {
					d += o.Momentum * mm[i]
				} else {
					d = mm[i]
				}
			}
			ww[i] -= o.LR * d
		}
	}
	if !intactW() || !intactM() {
		t.Fatalf("n = %d, %+v: wrote outside", n, o)
	}
	for i := range ww {
		if !near(w[i], ww[i]) || o.Momentum != 0 && !near(m[i], mm[i]) {
			t.Fatalf("n = %d, %+v: w[%d] = %g, want %g; m = %g, want %g", n, o, i, w[i], ww[i], m[i], mm[i])
		}
	}
}

func TestAdam(t *testing.T) {
	options := []AdamOptions{
		{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8},
		{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1},
		{LR: 0.01, Beta1: 0.8, Beta2: 0.99, Eps: 1e-3, WeightDecay: 0.1, Decoupled: true},
	}
	atLevels(t, func(t *testing.T) {
		sizes(func(n int) {
			for _, o := range options {
				checkAdam[float32](t, n, o)
				checkAdam[float64](t, n, o)
			}
		})
	})
}

func checkAdam[T Float](t *testing.T, n int, o AdamOptions) {
	t.Helper()
	r := rng(uint64(n))
	w, intactW := guarded[T](n, 1)
	m, intactM := guarded[T](n, 3)
	v, intactV := guarded[T](n, 5)
	normals(r, w)
	ww, mm, vv := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, x := range w {
		ww[i] = float64(x)
	}
	for step := 1; step <= 3; step++ {
		grad := normals(r, make([]T, n))
		o.Correction1, o.Correction2 = 1-math.Pow(o.Beta1, float64(step)), 1-math.Pow(o.Beta2, float64(step))
		Adam(w, grad, m, v, o)
		for i := range ww {
			d := float64(grad[i])
			if o.Decoupled {
				ww[i] -= o.LR * o.WeightDecay * ww[i]
			} else {
				d += o.WeightDecay * ww[i]
			}
			mm[i] = o.Beta1*mm[i] + (1-o.Beta1)*d
			vv[i] = o.Beta2*vv[i] + (1-o.Beta2)*d*d
			ww[i] -= o.LR * (mm[i] / o.Correction1) / (math.Sqrt(vv[i]/o.Correction2) + o.Eps)
		}
	}
	if !intactW() || !intactM() || !intactV() {
		t.Fatalf("n = %d, %+v: wrote outside", n, o)
	}
	for i := range ww {
		if !near(w[i], ww[i]) || !near(m[i], mm[i]) || !near(v[i], vv[i]) {
			t.Fatalf("n = %d, %+v: w[%d] = %g, want %g; m = %g, %g; v = %g, %g",
				n, o, i, w[i], ww[i], m[i], mm[i], v[i], vv[i])
		}
	}
}
