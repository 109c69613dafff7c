package simd

import (
	"math"
	"testing"
)

// shapes are row counts and widths around every vector's edges, and one that is split.
func shapes(f func(rows, cols int)) {
	for cols := 1; cols < 70; cols++ {
		f(cols%4, cols)
	}
	f(3, 1000)
	f(1, 20000)
	f(5000, 10)
	f(700, 129)
}

// logits draws a row's kind: plain, far from 0, with −Inf entries, only −Inf, +Inf, NaN.
func logits(x []float32, rows, cols int) {
	r := rng(uint64(rows*1000 + cols))
	inf := float32(math.Inf(1))
	for i := range rows {
		row := normals(r, x[i*cols:(i+1)*cols])
		switch kind := r.IntN(12); kind {
		case 0, 1:
			for c := range row {
				row[c] = 30*row[c] - 200 + 400*float32(kind)
			}
		case 2:
			row[r.IntN(cols)] = -inf
		case 3:
			for c := range row {
				row[c] = -inf
			}
		case 4:
			row[r.IntN(cols)] = inf
		case 5:
			row[r.IntN(cols)] = float32(math.NaN())
		}
	}
}

func trueLogSumExp(row []float32) float64 {
	top := math.Inf(-1)
	for _, v := range row {
		top = max(top, float64(v))
	}
	if math.IsInf(top, 0) || top != top {
		return top
	}
	var s float64
	for _, v := range row {
		s += math.Exp(float64(v) - top)
	}
	return top + math.Log(s)
}

func TestSoftmaxRows(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		shapes(func(rows, cols int) {
			x := make([]float32, rows*cols)
			logits(x, rows, cols)
			soft, ok1 := guarded[float32](rows*cols, cols%3)
			logs, ok2 := guarded[float32](rows*cols, cols%5)
			lse, ok3 := guarded[float32](rows, cols%7)
			SoftmaxRows(soft, x, rows, cols)
			copy(logs, x)
			LogSoftmaxRows(logs, logs, rows, cols)
			LogSumExpRows(lse, x, rows, cols)
			if !ok1() || !ok2() || !ok3() {
				t.Fatalf("%d×%d: wrote outside of dst", rows, cols)
			}
			for r := range rows {
				want := trueLogSumExp(x[r*cols : (r+1)*cols])
				if e := ulps(lse[r], want); e > 2 && math.Abs(float64(lse[r])-want) > 3e-7 {
					t.Fatalf("%d×%d row %d: log-sum-exp %g, want %g", rows, cols, r, lse[r], want)
				}
				for c := range cols {
					i := r*cols + c
					wantLog := float64(x[i]) - want
					if math.IsInf(want, 1) {
						wantLog = math.NaN()
					}
					if got := float64(logs[i]); !(math.Abs(got-wantLog) <= 4e-7*(1+math.Abs(wantLog))) && got != wantLog && ulps(logs[i], wantLog) != 0 {
						t.Fatalf("%d×%d at %d,%d: log-softmax %g, want %g", rows, cols, r, c, got, wantLog)
					}
					if e := ulps(soft[i], math.Exp(wantLog)); e > 8 {
						t.Fatalf("%d×%d at %d,%d: softmax %g, want %g (%.1f ulp)", rows, cols, r, c, soft[i], math.Exp(wantLog), e)
					}
				}
			}
		})
	})
}

func TestAddRowSumRows(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		shapes(func(rows, cols int) {
			r := rng(uint64(cols))
			x, bias := normals(r, make([]float32, rows*cols)), normals(r, make([]float32, cols))
			dst, ok1 := guarded[float32](rows*cols, 1)
			AddRow(dst, x, bias, rows, cols)
			sums, ok2 := guarded[float32](cols, 1)
			more, ok3 := guarded[float32](cols, 3)
			copy(more, bias)
			SumRows(sums, x, rows, cols, false)
			SumRows(more, x, rows, cols, true)
			if !ok1() || !ok2() || !ok3() {
				t.Fatalf("%d×%d: wrote outside of dst", rows, cols)
			}
			for c := range cols {
				var want float64
				for r := range rows {
					i := r*cols + c
					want += float64(x[i])
					if dst[i] != x[i]+bias[c] {
						t.Fatalf("%d×%d at %d,%d: %g + %g = %g", rows, cols, r, c, x[i], bias[c], dst[i])
					}
				}
				if e := ulps(sums[c], want); e > 0.51 {
					t.Fatalf("%d×%d column %d: sum %g, want %g", rows, cols, c, sums[c], want)
				}
				if e := ulps(more[c], want+float64(bias[c])); e > 0.51 {
					t.Fatalf("%d×%d column %d: added sum %g, want %g", rows, cols, c, more[c], want+float64(bias[c]))
				}
			}
		})
	})
}

func TestRowsMisuse(t *testing.T) {
	x := make([]float32, 6)
	for name, f := range map[string]func(){
		"short dst":    func() { SoftmaxRows(x[:5], x, 2, 3) },
		"no columns":   func() { LogSoftmaxRows(x[:0], x[:0], 0, 0) },
		"long results": func() { LogSumExpRows(x[:3], x, 2, 3) },
		"short bias":   func() { AddRow(x, x, x[:2], 2, 3) },
		"long sums":    func() { SumRows(x[:4], x, 2, 3, false) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("no panic: %s", name)
				}
			}()
			f()
		}()
	}
}
