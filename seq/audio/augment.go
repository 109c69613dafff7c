package audio

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// SpecAugment hides random stripes of features: runs of frames and bands of mels.
//
// Each of TimeMasks stripes has a width uniform in 0 … min(TimeWidth, ⌊TimePart·frames⌋)
// and begins at a frame uniform among those where it fits; bands alike, up to FreqWidth
// mels wide. Stripes may overlap. Hidden features become Fill: 0, the zero value, is
// the mean of normalised features.
//
// Errors: negative numbers, TimePart beyond 1, features that are no whole number of rows.
// PyTorch: torchaudio.transforms.TimeMasking and FrequencyMasking, whose widths are
// below their limit and not up to it.
// Source: [park2019], without its time warp.
type SpecAugment struct {
	TimeMasks, TimeWidth int     // stripes and the frames in the widest
	FreqMasks, FreqWidth int     // bands and the mels in the widest
	TimePart             float64 // the part of the frames that one stripe may hide; 0 means 1
	Fill                 float32 // what hidden features become
}

// Apply hides stripes of features, [frames][mels], in place.
func (a SpecAugment) Apply(rng *rand.Rand, features []float32, mels int) error {
	if err := a.check(); err != nil {
		return err
	}
	if mels < 1 || len(features)%mels != 0 {
		return fmt.Errorf("audio: SpecAugment: %d features are no whole number of rows of %d mels", len(features), mels)
	}
	frames := len(features) / mels
	widest := a.TimeWidth
	if a.TimePart > 0 {
		widest = min(widest, int(a.TimePart*float64(frames)))
	}
	for range a.TimeMasks {
		from, to := stripe(rng, widest, frames)
		fill(features[from*mels:to*mels], a.Fill)
	}
	for range a.FreqMasks {
		from, to := stripe(rng, a.FreqWidth, mels)
		for t := range frames {
			fill(features[t*mels+from:t*mels+to], a.Fill)
		}
	}
	return nil
}

func (a SpecAugment) check() error {
	for _, o := range []struct {
		name string
		n    int
	}{{"TimeMasks", a.TimeMasks}, {"TimeWidth", a.TimeWidth}, {"FreqMasks", a.FreqMasks}, {"FreqWidth", a.FreqWidth}} {
		if o.n < 0 {
			return fmt.Errorf("audio: SpecAugment: %s is %d; it must be 0 or more", o.name, o.n)
		}
	}
	if !(a.TimePart >= 0 && a.TimePart <= 1) {
		return fmt.Errorf("audio: SpecAugment: TimePart is %v; it must be from 0 to 1", a.TimePart)
	}
	return nil
}

// stripe draws a range of at most widest out of n.
func stripe(rng *rand.Rand, widest, n int) (from, to int) {
	width := rng.IntN(min(widest, n) + 1)
	from = rng.IntN(n - width + 1)
	return from, from + width
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// Gain returns the clip with its samples times 10^(decibels/20).
// It does not clip.
//
// Errors: decibels that are not finite.
func (c Clip) Gain(decibels float64) (Clip, error) {
	if decibels-decibels != 0 {
		return Clip{}, fmt.Errorf("audio: decibels is %v; it must be a finite number", decibels)
	}
	factor := math.Pow(10, decibels/20)
	y := make([]float32, len(c.Samples))
	for i, v := range c.Samples {
		y[i] = float32(factor * float64(v))
	}
	return Clip{y, c.Rate}, nil
}

// Noise returns the clip with white Gaussian noise added, whose mean power is
// decibels below the clip's. A silent clip stays silent.
//
// Errors: decibels that are not finite.
func (c Clip) Noise(rng *rand.Rand, decibels float64) (Clip, error) {
	if decibels-decibels != 0 {
		return Clip{}, fmt.Errorf("audio: decibels is %v; it must be a finite number", decibels)
	}
	power := 0.0
	for _, v := range c.Samples {
		power += float64(v) * float64(v)
	}
	deviation := math.Sqrt(power/float64(max(1, len(c.Samples)))) * math.Pow(10, -decibels/20)
	y := make([]float32, len(c.Samples))
	for i, v := range c.Samples {
		y[i] = float32(float64(v) + deviation*rng.NormFloat64())
	}
	return Clip{y, c.Rate}, nil
}
