package op_test

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// spectrum is the transform by its definition, of n points: zeros follow, or what is too much is left out.
func spectrum(x []complex128, n int, inverse bool) []complex128 {
	y := make([]complex128, n)
	sign := -2 * math.Pi
	if inverse {
		sign = -sign
	}
	for k := range y {
		for i := range min(n, len(x)) {
			y[k] += x[i] * cmplx.Exp(complex(0, sign*float64(i*k%n)/float64(n)))
		}
		if inverse {
			y[k] /= complex(float64(n), 0)
		}
	}
	return y
}

// complexes gives a line of a tensor [lines, n, 1 or 2].
func complexes(v *value.Value, lineOf int) []complex128 {
	n, parts := v.Shape[1], v.Shape[2]
	e := elements(v)[lineOf*n*parts:][:n*parts]
	x := make([]complex128, n)
	for i := range x {
		if x[i] = complex(e[i*parts], 0); parts == 2 {
			x[i] = complex(e[2*i], e[2*i+1])
		}
	}
	return x
}

func nearSpectrum(t *testing.T, what string, got, want []complex128) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: has %d points, must have %d", what, len(got), len(want))
	}
	for i := range got {
		if d := cmplx.Abs(got[i] - want[i]); !(d <= 1e-4) {
			t.Fatalf("%s: point %d is %v, must be %v", what, i, got[i], want[i])
		}
	}
}

// TestDFT holds lengths of each kind against the definition: powers of two, composite, prime and with a large prime factor.
func TestDFT(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	for _, n := range []int{1, 2, 3, 8, 17, 30, 61, 67, 97, 128, 134, 201} {
		for _, length := range []int{n, n + 5, max(1, n/2)} {
			size := scalar(int64(length))
			line, both := normal(r, 2, n, 1), normal(r, 2, n, 2)
			for i := range 2 {
				nearSpectrum(t, "complex", complexes(one(t, 20, "DFT", ins(both, size, scalar(int64(1)))), i), spectrum(complexes(both, i), length, false))
				nearSpectrum(t, "inverse", complexes(one(t, 20, "DFT", ins(both, size), "inverse", 1), i), spectrum(complexes(both, i), length, true))
				whole := spectrum(complexes(line, i), length, false)
				nearSpectrum(t, "real", complexes(one(t, 17, "DFT", ins(line, size)), i), whole)
				half := one(t, 20, "DFT", ins(line, size), "onesided", 1)
				nearSpectrum(t, "onesided", complexes(half, i), whole[:length/2+1])
				back := one(t, 20, "DFT", ins(half, size), "onesided", 1, "inverse", 1)
				nearSpectrum(t, "inverse onesided", complexes(back, i)[:min(n, length)], complexes(line, i)[:min(n, length)])
			}
		}
	}
}

// Pitfall 34: the axis is an attribute with default 1 at 17, an input with default −2 at 20, and onesided shortens that axis.
func TestDFTAxis(t *testing.T) {
	x := normal(rand.New(rand.NewPCG(12, 12)), 3, 5, 6, 1)
	for _, c := range []struct {
		y    *value.Value
		want []int
	}{
		{one(t, 17, "DFT", ins(x), "onesided", 1), []int{3, 3, 6, 2}},
		{one(t, 20, "DFT", ins(x), "onesided", 1), []int{3, 5, 4, 2}},
		{one(t, 17, "DFT", ins(x), "onesided", 1, "axis", 0), []int{2, 5, 6, 2}},
		{one(t, 20, "DFT", ins(x, nil, scalar(int64(-4))), "onesided", 1), []int{2, 5, 6, 2}},
	} {
		is(t, one(t, 15, "Shape", ins(c.y)), list(int64(c.want[0]), int64(c.want[1]), int64(c.want[2]), int64(c.want[3])), 0)
	}
	turned := one(t, 13, "Transpose", ins(x), "perm", []int{1, 0, 2, 3})
	y := one(t, 17, "DFT", ins(x))
	is(t, one(t, 17, "DFT", ins(turned), "axis", 0), one(t, 13, "Transpose", ins(y), "perm", []int{1, 0, 2, 3}), 1e-6)
	refused(t, "must not be the last", 20, "DFT", 1, ins(x, nil, scalar(int64(3))))
	refused(t, "last dimension of 1", 20, "DFT", 1, ins(counted(2, 3)))
	refused(t, "takes real numbers", 20, "DFT", 1, ins(counted(1, 2, 2)), "onesided", 1)
	refused(t, "must be 1 or more", 20, "DFT", 1, ins(x, scalar(int64(0))))
	refused(t, "must be 1 or more", 20, "DFT", 1, ins(counted(1, 1, 2)), "onesided", 1, "inverse", 1)
	refused(t, "64 MiB, the limit", 20, "DFT", 1, ins(x, scalar(int64(1<<40))))
}

func TestSTFT(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 13))
	x, window := normal(r, 2, 50, 1), normal(r, 16)
	y := one(t, 17, "STFT", ins(x, scalar(int64(5)), window), "onesided", 1)
	if y.Shape[1] != 7 || y.Shape[2] != 9 {
		t.Fatalf("is %s, must have 7 frames of 9 bins", y)
	}
	for i := range 2 {
		for frame := range 7 {
			line := complexes(x, i)[frame*5:][:16]
			for j := range line {
				line[j] *= complex(float64(value.Data[float32](window)[j]), 0)
			}
			part := of([]int{1, 9, 2}, value.Data[float32](y)[(i*7+frame)*18:][:18]...)
			nearSpectrum(t, "frame", complexes(part, 0), spectrum(line, 16, false)[:9])
		}
	}
	all := one(t, 17, "STFT", ins(normal(r, 1, 10, 2), scalar(int64(3)), nil, scalar(int64(7))), "onesided", 0)
	is(t, one(t, 15, "Shape", ins(all)), list(1, 2, 7, 2), 0)
	refused(t, "must have 8 elements", 17, "STFT", 1, ins(x, scalar(int64(5)), window, scalar(int64(8))))
	refused(t, "1 or more", 17, "STFT", 1, ins(x, scalar(int64(0)), window))
	refused(t, "at most 50", 17, "STFT", 1, ins(x, scalar(int64(1)), nil, scalar(int64(51))))
	refused(t, "of real numbers with onesided", 17, "STFT", 1, ins(normal(r, 1, 10, 2), scalar(int64(3))))
}

func TestWindows(t *testing.T) {
	for op, f := range map[string]func(a float64) float64{
		"HannWindow":     func(a float64) float64 { return math.Pow(math.Sin(a/2), 2) },
		"HammingWindow":  func(a float64) float64 { return (25 - 21*math.Cos(a)) / 46 },
		"BlackmanWindow": func(a float64) float64 { return .42 - .5*math.Cos(a) + .08*math.Cos(2*a) },
	} {
		for periodic, period := range map[int]float64{1: 9, 0: 8} {
			want := counted(9)
			for i := range 9 {
				value.Data[float32](want)[i] = float32(f(2 * math.Pi * float64(i) / period))
			}
			is(t, one(t, 17, op, ins(scalar(int32(9))), "periodic", periodic), want, 1e-6)
		}
		if y := one(t, 17, op, ins(scalar(int64(1))), "periodic", 0, "output_datatype", 11); math.IsNaN(value.Data[float64](y)[0]) {
			t.Errorf("%s of one element is NaN", op)
		}
		refused(t, "negative", 17, op, 1, ins(scalar(int64(-1))))
	}
}

func TestMelWeightMatrix(t *testing.T) {
	y := one(t, 17, "MelWeightMatrix", ins(scalar(int64(8)), scalar(int64(64)), scalar(int64(8000)), scalar(float32(0)), scalar(float32(4000))))
	if y.Shape[0] != 33 || y.Shape[1] != 8 {
		t.Fatalf("is %s", y)
	}
	for band := range 8 {
		peak, rising := 0.0, true
		for bin := range 33 {
			w := float64(value.Data[float32](y)[bin*8+band])
			if w < 0 || w > 1 || rising && w < peak && peak != 1 || !rising && w > peak {
				t.Fatalf("band %d: weight of bin %d is %v after %v", band, bin, w, peak)
			}
			rising, peak = rising && w >= peak, w
		}
		if rising {
			t.Errorf("band %d does not fall", band)
		}
	}
	refused(t, "at most half the sample rate", 17, "MelWeightMatrix", 1, ins(scalar(int64(8)), scalar(int64(64)), scalar(int64(8000)), scalar(float32(0)), scalar(float32(5000))))
	refused(t, "must be 1 or more", 17, "MelWeightMatrix", 1, ins(scalar(int64(0)), scalar(int64(64)), scalar(int64(8000)), scalar(float32(0)), scalar(float32(50))))
}
