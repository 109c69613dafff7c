package tensor

import (
	"math"
	"testing"
)

// count returns a tensor with elements 0, 1, 2, …
func count(dt DType, shape ...int) *Tensor {
	t := New(dt, shape...)
	for i := range t.f32 {
		t.f32[i] = float32(i)
	}
	for i := range t.f64 {
		t.f64[i] = float64(i)
	}
	return t
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestViewsShareMemory(t *testing.T) {
	for _, dt := range []DType{Float32, Float64} {
		x := count(dt, 4, 3, 2)
		if got := x.At(2, 1, 1); got != 15 {
			t.Errorf("At(2,1,1) = %v, want 15", got)
		}
		if got := x.Rows(1, 3).At(1, 1, 1); got != 15 {
			t.Errorf("of the rows, At(1,1,1) = %v, want 15", got)
		}
		if got := x.Row(2).Row(1).Row(1).At(); got != 15 {
			t.Errorf("row by row: %v, want 15", got)
		}
		if got := x.Reshape(2, -1).At(1, 3); got != 15 {
			t.Errorf("reshaped, At(1,3) = %v, want 15", got)
		}
		x.Rows(1, 3).Row(1).Reshape(6).Set(-1, 3)
		if got := x.At(2, 1, 1); got != -1 {
			t.Errorf("after Set through views: %v, want -1", got)
		}
		if c := x.Clone(); c.At(2, 1, 1) != -1 {
			t.Error("the clone differs")
		} else if c.Set(7, 0, 0, 0); x.At(0, 0, 0) != 0 {
			t.Error("the clone shares memory")
		}
	}
}

// Resizing a view never reaches past its end into its source.
func TestResizedViewLeavesSource(t *testing.T) {
	x := count(Float32, 4, 2)
	v := x.Rows(0, 1)
	v.Resize(3, 2)
	v.Fill(9)
	if got := x.At(1, 0); got != 2 {
		t.Errorf("the row after the view became %v", got)
	}
}

func TestEmptyAndScalar(t *testing.T) {
	s := New(Float64)
	s.Set(3)
	if s.Len() != 1 || s.At() != 3 || s.Rank() != 0 {
		t.Errorf("scalar: %v", s)
	}
	e := New(Float32, 0, 3)
	if e.Len() != 0 || e.Reshape(3, 0).Dim(-1) != 0 || e.Rows(0, 0).Len() != 0 {
		t.Errorf("empty: %v", e)
	}
}

func TestConvertRounds(t *testing.T) {
	x := New(Float64, 3)
	x.Set(1.0/3, 0)
	x.Set(math.Inf(-1), 1)
	x.Set(1e300, 2)
	y := x.Convert(Float32)
	if y.At(0) != float64(float32(1.0/3)) || !math.IsInf(y.At(1), -1) || !math.IsInf(y.At(2), 1) {
		t.Errorf("float32: %v", y)
	}
	if z := y.Convert(Float64); z.DType() != Float64 || z.At(0) != y.At(0) {
		t.Errorf("and back: %v", z)
	}
	if c := x.Convert(Float64); &c.f64[0] == &x.f64[0] {
		t.Error("Convert to the same type shares memory")
	}
}

func TestString(t *testing.T) {
	if got, want := count(Float32, 2, 2).String(), "float32[2 2] 0 1 2 3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := count(Float64, 18).String(), "float64[18] 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 … and 2 more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMisusePanics(t *testing.T) {
	x := New(Float32, 2, 3)
	for name, f := range map[string]func(){
		"negative dimension":   func() { New(Float32, 2, -1) },
		"too many elements":    func() { New(Float32, math.MaxInt, 3) },
		"reshape":              func() { x.Reshape(4, 2) },
		"reshape, two unknown": func() { x.Reshape(-1, -1) },
		"reshape, no divisor":  func() { x.Reshape(-1, 4) },
		"rows past the end":    func() { x.Rows(1, 3) },
		"rows backwards":       func() { x.Rows(1, 0) },
		"rows of a scalar":     func() { New(Float32).Rows(0, 0) },
		"row past the end":     func() { x.Row(2) },
		"row of a scalar":      func() { New(Float32).Row(0) },
		"index too short":      func() { x.At(1) },
		"index past the end":   func() { x.At(1, 3) },
		"negative index":       func() { x.Set(0, -1, 0) },
		"copy of another type": func() { x.CopyFrom(New(Float64, 2, 3)) },
		"copy of other length": func() { x.CopyFrom(New(Float32, 2, 2)) },
		"data of another type": func() { Data[float64](x) },
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func TestFromRefusesShape(t *testing.T) {
	if _, err := FromFloat32(make([]float32, 6), 2, 2); err == nil {
		t.Error("FromFloat32: no error")
	}
	if _, err := FromFloat64(make([]float64, 6), -2, -3); err == nil {
		t.Error("FromFloat64: no error")
	}
	x, err := FromFloat64([]float64{1, 2}, 2, 1)
	if err != nil || x.At(1, 0) != 2 {
		t.Errorf("%v, %v", x, err)
	}
}

func TestResizeKeepsMemory(t *testing.T) {
	x := New(Float32, 8, 8)
	if n := testing.AllocsPerRun(100, func() { x.Resize(4, 4); x.Resize(8, 8) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
