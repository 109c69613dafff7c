package audio

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/excerpt"
)

// FrontEnd says how whole recordings become what acoustic models of other systems take: samples, or log-mel features.
//
// The samples are brought to Rate and multiplied by Scale. With Waveform they are the features, a frame of one number each. Else
//
//	x'(n) = x(n) − Preemphasis·x(n − 1)    x'(0) = x(0)
//
// goes to LogMel's frames. Without Padding these lie within the recording; with it, frame t has its middle at t·Hop, from t = 0 on, and
// beyond its ends the recording is silent (zeros) or reflected at its first and last sample; n samples have ⌊n/Hop⌋ + 1 frames where FFT is even. DropLast
// leaves out the last one. Range raises features to the greatest one less Range. Then come Mean and Deviation:
//
//	y = (x − Mean(m)) / Deviation(m)
//
// and at last what Normalise says, with the mean μ and the variance σ² of the recording's own features, of n numbers:
//
//	y = (x − μ) / √(σ² + 10⁻⁷)             Waveform; σ² with 1/n
//	y = (x − μ) / (σ + 10⁻⁵)               log-mel features; σ² with 1/(n − 1), and 0 for n = 1
//
// Nothing of it is random: dither, which training may have, is 0.
//
// Special cases: NaN in a recording makes features NaN.
// Errors: those of LogMel; numbers out of range; recordings without a frame, or too short to be reflected.
// NeMo: AudioToMelSpectrogramPreprocessor with Slaney, UnitArea, Symmetric, AddFloor and Floor = 2⁻²⁴, Preemphasis 0.97, Padding, DropLast,
// Normalise = EachMel (per_feature) or WholeRecording (all_features).
// Whisper: WhisperFeatureExtractor, without its padding to 30 s, with Slaney, UnitArea, Floor = 10⁻¹⁰, Log10, Reflect, DropLast, Range 8, Mean −4, Deviation 4.
// wav2vec 2.0: Wav2Vec2FeatureExtractor with Waveform, and with Normalise = WholeRecording for do_normalize.
type FrontEnd struct {
	LogMel                // of a Waveform, Rate alone counts
	Waveform    bool      // samples instead of log-mel features
	Scale       float64   // of samples, whose full scale is ±1; 0 means 1
	Preemphasis float64   // from 0 to 1
	Padding     Padding   // "" means NoPadding
	DropLast    bool      // leave out the last frame
	Range       float64   // from the greatest to the least feature; 0 means any
	Normalise   Normalise // "" means NotNormalised
	Mean        []float64 // of each mel, or one for all; none means 0
	Deviation   []float64 // likewise; none means 1
}

// A Padding says what is beyond a recording's ends.
type Padding string

// The paddings.
const (
	NoPadding Padding = "none" // frames lie within
	Reflect   Padding = "reflect"
	Zeros     Padding = "zeros"
)

// Normalise says which numbers are brought to mean 0 and variance 1.
type Normalise string

// The ways to normalise.
const (
	NotNormalised  Normalise = "false"
	WholeRecording Normalise = "true"        // all numbers of a recording together
	EachMel        Normalise = "per_feature" // those of each mel
)

// filled returns the front end with its defaults, of those of LogMel the rate alone.
func (f FrontEnd) filled() FrontEnd {
	if f.Scale == 0 {
		f.Scale = 1
	}
	if f.Padding == "" {
		f.Padding = NoPadding
	}
	if f.Normalise == "" {
		f.Normalise = NotNormalised
	}
	f.Rate = f.LogMel.filled().Rate
	return f
}

// check refuses what means nothing, with the defaults filled in.
func (f FrontEnd) check() error {
	bad := func(option string, value any, want string) error {
		return fmt.Errorf("audio: FrontEnd: %s is %s; it must be %s", option, excerpt.Of(fmt.Sprint(value)), want)
	}
	switch {
	case f.Rate < 1 || f.Rate > maxRate:
		return bad("Rate", f.Rate, fmt.Sprintf("from 1 to %d samples a second", maxRate))
	case !(f.Scale > 0 && f.Scale <= math.MaxFloat32):
		return bad("Scale", f.Scale, "a number above 0")
	case !(f.Preemphasis >= 0 && f.Preemphasis <= 1):
		return bad("Preemphasis", f.Preemphasis, "from 0 to 1")
	case f.Padding != NoPadding && f.Padding != Reflect && f.Padding != Zeros:
		return bad("Padding", f.Padding, fmt.Sprintf("%s, %s or %s", NoPadding, Reflect, Zeros))
	case !(f.Range >= 0 && f.Range <= math.MaxFloat32):
		return bad("Range", f.Range, "a number from 0 on")
	case f.Normalise != NotNormalised && f.Normalise != WholeRecording && f.Normalise != EachMel:
		return bad("Normalise", f.Normalise, fmt.Sprintf("%s, %s or %s", NotNormalised, WholeRecording, EachMel))
	}
	for _, list := range []struct {
		name    string
		numbers []float64
		least   float64
	}{{"Mean", f.Mean, math.Inf(-1)}, {"Deviation", f.Deviation, 0}} {
		if n := len(list.numbers); n > 1 && n != f.Width() {
			return bad(list.name, fmt.Sprintf("%d numbers", n), fmt.Sprintf("1 or %d, one for each mel", f.Width()))
		}
		for _, v := range list.numbers {
			if !(v > list.least) || math.IsInf(v, 0) {
				return bad(list.name, v, fmt.Sprintf("finite, and above %v", list.least))
			}
		}
	}
	return nil
}

// Width is how many numbers a frame has.
func (f FrontEnd) Width() int {
	if f.Waveform {
		return 1
	}
	return f.Mels
}

// A WholeExtractor computes the features of whole recordings. It is safe for concurrent use.
type WholeExtractor struct {
	front FrontEnd
	mels  *Extractor // nil for a waveform
}

// Extractor prepares the front end.
func (f FrontEnd) Extractor() (*WholeExtractor, error) {
	x := &WholeExtractor{}
	if !f.Waveform {
		var err error
		if x.mels, err = f.LogMel.Extractor(); err != nil {
			return nil, err
		}
		f.LogMel = x.mels.Options()
	}
	x.front = f.filled()
	return x, x.front.check()
}

// FrontEnd returns the front end with its defaults filled in.
func (x *WholeExtractor) FrontEnd() FrontEnd { return x.front }

// Spacing is the seconds from a frame to the next, and to the middle of the first.
func (x *WholeExtractor) Spacing() (frame, middle float64) {
	f := x.front
	rate := float64(f.Rate)
	switch {
	case f.Waveform:
		return 1 / rate, 0.5 / rate
	case f.Padding != NoPadding:
		return float64(f.Hop) / rate, 0
	}
	return float64(f.Hop) / rate, float64(f.Window) / rate / 2
}

// Features returns those of a recording of any rate, [frames][Width] row by row.
func (x *WholeExtractor) Features(c Clip) ([]float32, error) {
	c, err := c.Resample(x.front.Rate)
	if err != nil {
		return nil, err
	}
	samples := make([]float32, len(c.Samples))
	for i, v := range c.Samples {
		samples[i] = float32(x.front.Scale * float64(v))
	}
	features := samples
	if !x.front.Waveform {
		if features, err = x.logMel(samples); err != nil {
			return nil, err
		}
	}
	if len(features) == 0 {
		return nil, fmt.Errorf("the recording has %d samples at the rate %d, which is less than a frame", len(samples), x.front.Rate)
	}
	x.standardise(features)
	x.normalise(features)
	return features, nil
}

// Silence is a frame of the features of silence, [Width], or of zeros where features are normalised by their recording.
func (x *WholeExtractor) Silence() []float32 {
	frame := make([]float32, x.front.Width())
	if x.front.Waveform || x.front.Normalise != NotNormalised {
		return frame
	}
	for m := range frame {
		frame[m] = float32(x.mels.factor * math.Log(x.front.Floor))
	}
	x.standardise(frame)
	return frame
}

// logMel returns log-mel features of samples, which it changes, before they are normalised.
func (x *WholeExtractor) logMel(samples []float32) ([]float32, error) {
	f := x.front
	if f.Preemphasis > 0 {
		for i := len(samples) - 1; i > 0; i-- {
			samples[i] = float32(float64(samples[i]) - float64(f.Preemphasis*float64(samples[i-1])))
		}
	}
	samples, err := x.padded(samples)
	if err != nil {
		return nil, err
	}
	features := x.mels.Append(nil, samples)
	if f.DropLast {
		features = features[:max(0, len(features)-f.Mels)]
	}
	if f.Range > 0 && len(features) > 0 {
		greatest := features[0]
		for _, v := range features {
			greatest = max(greatest, v)
		}
		for i, v := range features {
			features[i] = max(v, greatest-float32(f.Range))
		}
	}
	return features, nil
}

// padded puts what Padding says around samples.
func (x *WholeExtractor) padded(samples []float32) ([]float32, error) {
	f := x.front
	n := len(samples)
	if f.Padding == NoPadding {
		return samples, nil
	}
	if f.Padding == Reflect && n <= f.FFT/2 {
		return nil, fmt.Errorf("the recording has %d samples at the rate %d; to be reflected at its ends, it must have more than %d", n, f.Rate, f.FFT/2)
	}
	// A window lies in the middle of FFT points, and those of frame 0 in the middle of the first sample.
	before := f.FFT/2 - (f.FFT-f.Window)/2
	frames := (n-f.FFT%2)/f.Hop + 1
	out := make([]float32, (frames-1)*f.Hop+f.Window)
	for i := range out {
		at := i - before
		if f.Padding == Reflect {
			at = max(at, -at)
			at = min(at, 2*(n-1)-at)
		}
		if at >= 0 && at < n {
			out[i] = samples[at]
		}
	}
	return out, nil
}

// standardise subtracts Mean and divides by Deviation.
func (x *WholeExtractor) standardise(features []float32) {
	f := x.front
	if len(f.Mean) == 0 && len(f.Deviation) == 0 {
		return
	}
	of := func(list []float64, m int, without float64) float64 {
		if len(list) == 0 {
			return without
		}
		return list[min(m, len(list)-1)]
	}
	for i, v := range features {
		m := i % f.Width()
		features[i] = float32((float64(v) - of(f.Mean, m, 0)) / of(f.Deviation, m, 1))
	}
}

// normalise brings features to mean 0 and variance 1.
func (x *WholeExtractor) normalise(features []float32) {
	groups := 1
	switch x.front.Normalise {
	case NotNormalised:
		return
	case EachMel:
		groups = x.front.Width()
	}
	for g := range groups {
		var sum, squares, n float64
		for i := g; i < len(features); i += groups {
			sum += float64(features[i])
			n++
		}
		mean := sum / n
		for i := g; i < len(features); i += groups {
			d := float64(features[i]) - mean
			squares += float64(d * d)
		}
		deviation := math.Sqrt(squares/n + 1e-7)
		if !x.front.Waveform {
			deviation = math.Sqrt(squares/max(n-1, 1)) + 1e-5
		}
		for i := g; i < len(features); i += groups {
			features[i] = float32((float64(features[i]) - mean) / deviation)
		}
	}
}
