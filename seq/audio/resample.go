package audio

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/simd"
)

// The low-pass filter of Resample.
const (
	sincZeros   = 6    // zero crossings on each side of its middle
	sincRolloff = 0.99 // its corner, as a part of the lower of the two Nyquist frequencies
)

// maxUp is by how much Resample raises a rate at most, so that a file's wrong rate
// cannot ask for all memory.
const maxUp = 1 << 8

// Resample returns the clip at another rate, band-limited to the lower of the two.
//
//	y(i) = s/from Σ_j x(j) h(s (j/from − i/rate))
//	h(u) = sinc(u) cos²(πu/12) for |u| < 6, else 0
//	s = 0.99 min(from, rate)
//
// where from is the clip's rate, and sinc(u) = sin(πu)/(πu). ⌈n·rate/from⌉ samples
// come out of n; beyond its ends the clip is silent. At the clip's own rate the
// result is a copy.
//
// Errors: rates that are not from 1 to 2²⁴; a rate more than 256 times the clip's.
// PyTorch: torchaudio.functional.resample, defaults.
// Source: [smith1984].
func (c Clip) Resample(rate int) (Clip, error) {
	if err := checkRates(c.Rate, rate); err != nil {
		return Clip{}, err
	}
	return Clip{resample(c.Samples, c.Rate, rate), rate}, nil
}

// Speed returns the clip played factor times as fast, rounded to a thousandth, which
// raises its pitch alike; the rate stays. Factors of 0.9 to 1.1 make training data.
//
// Errors: a clip's rate that is not from 1 to 2²⁴, a factor that is not from 0.1 to 10.
// Source: [ko2015].
func (c Clip) Speed(factor float64) (Clip, error) {
	if err := checkRate("the clip's rate", c.Rate); err != nil {
		return Clip{}, err
	}
	if !(factor >= 0.1 && factor <= 10) {
		return Clip{}, fmt.Errorf("audio: factor is %v; it must be from 0.1 to 10", factor)
	}
	return Clip{resample(c.Samples, int(math.Round(1000*factor)), 1000), c.Rate}, nil
}

// resample is the polyphase filter: outputs whose numbers are alike modulo the
// reduced new rate share their weights.
func resample(x []float32, from, to int) []float32 {
	g := gcd(from, to)
	from, to = from/g, to/g
	r := &resampler{x: x, from: from, to: to}
	n := r.length(len(x))
	if from == to || n == 0 {
		return append([]float32(nil), x...)
	}
	r.y = make([]float32, n)
	r.table(n)
	simd.Run((n+resampleRun-1)/resampleRun, r)
	return r.y
}

// resampleRun is the number of outputs that are one task.
const resampleRun = 4 << 10

type resampler struct {
	x, y     []float32
	from, to int
	phases   []phase
}

// phase has the weights of the outputs i = to·k + p: the first is that of input from·k + first.
type phase struct {
	first   int
	weights []float64
}

// length is how many outputs n inputs have.
func (r *resampler) length(n int) int { return (n*r.to + r.from - 1) / r.from }

// table computes the weights of the phases in use, of n outputs.
func (r *resampler) table(n int) {
	base := sincRolloff * float64(min(r.from, r.to))
	reach := sincZeros / base * float64(r.from) // in inputs
	once := n <= r.to && r.y != nil             // each phase is used once, so what lies beyond the clip never counts
	r.phases = make([]phase, min(n, r.to))
	for p := range r.phases {
		at := float64(p) / float64(r.to) * float64(r.from)
		first, last := int(math.Ceil(at-reach)), int(math.Floor(at+reach))
		if once {
			first, last = max(first, 0), min(last, len(r.x)-1)
		}
		w := make([]float64, max(0, last-first+1))
		for k := range w {
			apart := (first+k)*r.to - p*r.from // in parts of 1/(from·to)
			w[k] = base / float64(r.from) * sinc(base*float64(apart)/(float64(r.from)*float64(r.to)))
		}
		r.phases[p] = phase{first, w}
	}
}

// sinc is the windowed low-pass, with its zero crossings at the integers.
func sinc(u float64) float64 {
	if u == 0 {
		return 1
	}
	if math.Abs(u) >= sincZeros {
		return 0
	}
	c := math.Cos(math.Pi * u / sincZeros / 2)
	return math.Sin(math.Pi*u) / (math.Pi * u) * c * c
}

// Do computes one run of outputs.
func (r *resampler) Do(task, _ int) {
	lo := task * resampleRun
	for i := range r.y[lo:min(lo+resampleRun, len(r.y))] {
		r.y[lo+i] = r.at(r.reach(lo + i))
	}
}

// reach is the first input that counts for an output, and the weights from there on; both begin with the clip.
func (r *resampler) reach(i int) (first int, w []float64) {
	first, w = i/r.to*r.from+r.phases[i%r.to].first, r.phases[i%r.to].weights
	if first < 0 {
		first, w = 0, w[min(-first, len(w)):]
	}
	return first, w
}

// at is the output whose weights begin at an input; there are no inputs behind the last.
func (r *resampler) at(first int, w []float64) float32 {
	x := r.x[min(first, len(r.x)):min(first+len(w), len(r.x))]
	sum := 0.0
	for k, v := range w[:len(x)] {
		sum += v * float64(x[k])
	}
	return float32(sum)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
