package op

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// transform is a discrete Fourier transform of one length, in float64.
type transform struct {
	line []complex128 // input and result
	fft  *fourier.CmplxFFT

	// Of a length with a large prime factor, for which no fast transform is known that works on it directly: a convolution with a chirp [bluestein1970].
	chirp, filter, padded []complex128
}

// largestFactor is the largest prime factor of a length that is transformed directly.
const largestFactor = 61

func (t *transform) resize(n int) {
	if len(t.line) == n {
		return
	}
	*t = transform{line: make([]complex128, n)}
	if smooth(n) {
		t.fft = fourier.NewCmplxFFT(n)
		return
	}
	size := 1
	for size < 2*n-1 {
		size *= 2
	}
	t.fft = fourier.NewCmplxFFT(size)
	t.chirp, t.filter, t.padded = make([]complex128, n), make([]complex128, size), make([]complex128, size)
	for i := range n {
		square := uint64(i) * uint64(i) % uint64(2*n) // the angle is that of i², and turns after 2n
		sin, cos := math.Sincos(math.Pi * float64(square) / float64(n))
		t.chirp[i] = complex(cos, -sin)
		t.padded[i] = complex(cos, sin)
		t.padded[(size-i)%size] = complex(cos, sin)
	}
	t.fft.Coefficients(t.filter, t.padded)
}

func smooth(n int) bool {
	for p := 2; p <= largestFactor && n > 1; p++ {
		for n%p == 0 {
			n /= p
		}
	}
	return n == 1
}

// run transforms line in place. The inverse is divided by the length.
func (t *transform) run(inverse bool) {
	n := len(t.line)
	if inverse { // the transform of the numbers in reverse order, but the first
		for i, j := 1, n-1; i < j; i, j = i+1, j-1 {
			t.line[i], t.line[j] = t.line[j], t.line[i]
		}
	}
	if t.chirp == nil {
		t.fft.Coefficients(t.line, t.line)
	} else {
		t.convolve()
	}
	if inverse {
		for i := range t.line {
			t.line[i] /= complex(float64(n), 0)
		}
	}
}

// convolve computes X(k) = c(k) Σ x(i) c(i) c̄(k−i), where c(i) = exp(−πi·i²/n): as i² − 2ik + k² is the square of k−i.
func (t *transform) convolve() {
	clear(t.padded)
	for i, x := range t.line {
		t.padded[i] = rotated(x, t.chirp[i])
	}
	t.fft.Coefficients(t.padded, t.padded)
	for i, f := range t.filter {
		t.padded[i] = rotated(t.padded[i], f)
	}
	t.fft.Sequence(t.padded, t.padded)
	size := complex(float64(len(t.padded)), 0)
	for i := range t.line {
		t.line[i] = rotated(t.padded[i], t.chirp[i]) / size
	}
}

// rotated is x·y with each product rounded, so that it has the same bits on every machine.
func rotated(x, y complex128) complex128 {
	return complex(float64(real(x)*real(y))-float64(imag(x)*imag(y)), float64(real(x)*imag(y))+float64(imag(x)*real(y)))
}
