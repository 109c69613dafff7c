package audio

import (
	"cmp"
	"fmt"
	"math"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/energo-ml/energo/internal/excerpt"
)

// LogMel says how samples become log-mel features: the logarithms of the energies that
// triangular filters, evenly spaced in mel, take out of the power spectrum of
// overlapping frames.
//
//	X(t, k) = Σ_n w(n) x(t·Hop + n) exp(−2πi k n/FFT)   w(n) = sin²(πn/Window), 0 ≤ n < Window
//	y(t, m) = log max(Floor, Σ_k a(m, k) |X(t, k)|²)
//
// Filter m rises from 0 at point m to 1 at point m+1 and falls to 0 at point m+2 of
// Mels + 2 points, evenly spaced from LowHz to HighHz by mel(f) = 2595 log₁₀(1 + f/700).
//
// The front ends of other systems differ in five ways. With Slaney, mel(f) is 3f/200 up to 1 kHz
// and 15 + 27 log_6.4(f/1000) above. With UnitArea, a(m, k) is divided by half of the
// hertz from point m to point m+2. With Symmetric, w(n) = sin²(πn/(Window − 1)). With AddFloor, the logarithm
// is that of Floor + Σ. Log is its base.
//
// Frames lie wholly within the samples: n samples have ⌊(n − Window)/Hop⌋ + 1, none
// where n < Window, and frame t covers the time from t·Hop to t·Hop + Window. Nothing
// is padded, so a frame is known as soon as its last sample is, and does not change.
//
// The zero value is 25 ms frames every 10 ms at 16 kHz in 40 mels.
//
// Special cases: a frame with NaN in it has features that are NaN, one with ±Inf none
// that are finite.
// Errors: numbers out of range, FFT < Window, a filter so narrow that no bin of the
// FFT is in it, samples of another rate.
// PyTorch: log of torchaudio.transforms.MelSpectrogram(center=False, mel_scale="htk",
// norm=None, power=2), clamped below (Slaney: mel_scale="slaney"; UnitArea: norm="slaney"); its frames are FFT long, with Window in their
// middle, so where FFT > Window its frames begin (FFT − Window)/2 earlier.
// Source: [davis1980], [young2006].
type LogMel struct {
	Rate   int     // samples a second; 0 means 16000
	Window int     // samples in a frame; 0 means 25 ms, rounded
	Hop    int     // samples from one frame to the next; 0 means 10 ms, rounded
	FFT    int     // points of the Fourier transform; 0 means the least power of two from Window on
	Mels   int     // filters; 0 means 40
	LowHz  float64 // where the first filter begins
	HighHz float64 // where the last filter ends; 0 means Rate/2
	Floor  float64 // the least energy; 0 means 1e-6, above the noise of 16 bits

	Slaney    bool // the mel scale of Slaney's toolbox instead of HTK's
	UnitArea  bool // filters of the area 1 instead of the height 1
	Symmetric bool // the window ends with the zero that it begins with
	AddFloor  bool // Floor is added to each energy, instead of being the least
	Log       Base // of the logarithm; "" means Natural
}

// A Base is what logarithms of energies are counted in.
type Base string

// The bases.
const (
	Natural  Base = "natural"
	Log10    Base = "log10"
	Decibels Base = "db" // ten times the logarithm to the base 10
)

// factor is what a natural logarithm is multiplied by; 0 where there is no such base.
func (b Base) factor() float64 {
	return map[Base]float64{Natural: 1, Log10: 1 / math.Ln10, Decibels: 10 / math.Ln10}[b]
}

// filled returns the options with their defaults.
func (o LogMel) filled() LogMel {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&o.Rate, 16000)
	set(&o.Window, (o.Rate+20)/40)
	set(&o.Hop, (o.Rate+50)/100)
	if o.FFT == 0 {
		for o.FFT = 1; o.FFT < min(o.Window, maxFFT); o.FFT *= 2 {
		}
	}
	set(&o.Mels, 40)
	if o.HighHz == 0 {
		o.HighHz = float64(o.Rate) / 2
	}
	if o.Floor == 0 {
		o.Floor = 1e-6
	}
	o.Log = cmp.Or(o.Log, Natural)
	return o
}

// maxFFT bounds the points of a transform and maxMels the number of filters.
const (
	maxFFT  = 1 << 20
	maxMels = 1 << 12
)

// check refuses options, with their defaults filled in, that mean nothing.
func (o LogMel) check() error {
	bad := func(option string, value any, want string, args ...any) error {
		return fmt.Errorf("audio: LogMel: %s is %s; it must be %s", option, excerpt.Of(fmt.Sprint(value)), fmt.Sprintf(want, args...))
	}
	switch {
	case o.Rate < 1 || o.Rate > maxRate:
		return bad("Rate", o.Rate, "from 1 to %d samples a second", maxRate)
	case o.Window < 2 || o.Window > maxFFT:
		return bad("Window", o.Window, "from 2 to %d samples", maxFFT)
	case o.Hop < 1 || o.Hop > maxFFT:
		return bad("Hop", o.Hop, "from 1 to %d samples", maxFFT)
	case o.FFT < o.Window || o.FFT > maxFFT:
		return bad("FFT", o.FFT, "from Window = %d to %d points", o.Window, maxFFT)
	case o.Mels < 1 || o.Mels > maxMels:
		return bad("Mels", o.Mels, "from 1 to %d", maxMels)
	case !(o.LowHz >= 0 && o.LowHz < o.HighHz):
		return bad("LowHz", o.LowHz, "from 0 to below HighHz = %v", o.HighHz)
	case !(o.HighHz <= float64(o.Rate)/2):
		return bad("HighHz", o.HighHz, "at most half of Rate = %d", o.Rate)
	case !(o.Floor > 0 && o.Floor <= math.MaxFloat32):
		return bad("Floor", o.Floor, "a number above 0")
	case o.Log.factor() == 0:
		return bad("Log", o.Log, "%s, %s or %s", Natural, Log10, Decibels)
	}
	return nil
}

// Extractor computes features. It is safe for concurrent use.
type Extractor struct {
	opt     LogMel
	window  []float64
	filters []filter
	factor  float64   // of natural logarithms
	added   float64   // to each energy
	scratch sync.Pool // of *workspace
	jobs    sync.Pool // of *job
}

// filter is a triangle: the weights of the bins from first on.
type filter struct {
	first   int
	weights []float64
}

// Extractor prepares the window, the filters and the transform.
func (o LogMel) Extractor() (*Extractor, error) {
	o = o.filled()
	if err := o.check(); err != nil {
		return nil, err
	}
	x := &Extractor{opt: o, window: make([]float64, o.Window), factor: o.Log.factor()}
	period := o.Window
	if o.Symmetric {
		period--
	}
	if o.AddFloor {
		x.added = o.Floor
	}
	for n := range x.window {
		s := math.Sin(math.Pi * float64(n) / float64(period))
		x.window[n] = s * s
	}
	scale := htkScale
	if o.Slaney {
		scale = slaneyScale
	}
	low, high := scale.mel(o.LowHz), scale.mel(o.HighHz)
	point := func(m int) float64 { return scale.hertz(low + (high-low)*float64(m)/float64(o.Mels+1)) }
	for m := range o.Mels {
		f := triangle(point(m), point(m+1), point(m+2), float64(o.Rate)/float64(o.FFT), o.FFT/2+1)
		if len(f.weights) == 0 {
			return nil, fmt.Errorf("audio: LogMel: filter %d of %d, from %.1f to %.1f Hz, has no bin of the FFT in it; take fewer Mels or a larger FFT than %d", m, o.Mels, point(m), point(m+2), o.FFT)
		}
		if o.UnitArea {
			for k := range f.weights {
				f.weights[k] *= 2 / (point(m+2) - point(m))
			}
		}
		x.filters = append(x.filters, f)
	}
	x.scratch.New = func() any {
		return &workspace{fft: fourier.NewFFT(o.FFT), frame: make([]float64, o.FFT), bins: make([]complex128, o.FFT/2+1), power: make([]float64, o.FFT/2+1)}
	}
	x.jobs.New = func() any { return new(job) }
	return x, nil
}

// Options returns the options with their defaults filled in.
func (x *Extractor) Options() LogMel { return x.opt }

// A melScale has mels by hertz, and hertz by mels.
type melScale struct{ mel, hertz func(float64) float64 }

var htkScale = melScale{
	mel:   func(hz float64) float64 { return 2595 * math.Log10(1+hz/700) },
	hertz: func(mel float64) float64 { return 700 * (math.Pow(10, mel/2595) - 1) },
}

// slaneyScale is linear up to 1 kHz, which is 15 mel, and has 27 mel for a factor of 6.4 above.
var slaneyScale = melScale{
	mel: func(hz float64) float64 {
		if hz < 1000 {
			return 3 * hz / 200
		}
		return 15 + 27*math.Log(hz/1000)/math.Log(6.4)
	},
	hertz: func(mel float64) float64 {
		if mel < 15 {
			return 200 * mel / 3
		}
		return 1000 * math.Pow(6.4, (mel-15)/27)
	},
}

// triangle returns the filter from a over b to c over bins that are step apart.
func triangle(a, b, c, step float64, bins int) filter {
	f := filter{}
	for k := int(a / step); k < bins && float64(k)*step < c; k++ {
		hz := float64(k) * step
		w := min((hz-a)/(b-a), (c-hz)/(c-b))
		if w <= 0 {
			continue
		}
		if len(f.weights) == 0 {
			f.first = k
		}
		f.weights = append(f.weights, w)
	}
	return f
}
