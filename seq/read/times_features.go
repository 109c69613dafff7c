package read

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/seq/audio"
)

// What a Times looks at.
const (
	timesMels    = 26
	timesCepstra = 13
	timesDims    = 2 * timesCepstra // with their differences
)

// timesFeatures turns recordings into cepstra and how they change, every 5 ms. They are finer in time
// than a recogniser's, and leave out what loudness, microphone and voice add to a whole recording.
//
//	c(t, k) = √(2/M) Σ_m y(t, m) cos(πk(m + ½)/M)    0 ≤ k < 13
//	x(t, k) = c(t, k) − C(k)
//	x(t, 13 + k) = c(t+1, k) − c(t−1, k) + c(t+2, k) − c(t−2, k)
//
// where y are the logarithms of M = 26 mel energies of frames of 12.5 ms (audio.LogMel), and C(k) is the mean
// of c(t, k) over the recording; C(0), which loudness is in, is its 95th percentile, so that it is that of
// speech however long the silences are. Frame t is centred at t·Hop: beyond its ends the recording is silent
// for the frames, and its first and last frame stay for the differences.
//
// Source: [davis1980], [young2006].
type timesFeatures struct {
	options audio.LogMel
	extract *audio.Extractor
	cosines [timesCepstra][timesMels]float64
}

// newTimesFeatures prepares features of sound; rate is its samples a second.
func newTimesFeatures(rate int) (*timesFeatures, error) {
	o := audio.LogMel{Rate: rate, Window: max(2, (rate+40)/80), Hop: max(1, (rate+100)/200), Mels: timesMels}
	for o.FFT = 128; o.FFT < o.Window; o.FFT *= 2 { // the least has a bin for each filter at any rate
	}
	x, err := o.Extractor()
	if err != nil {
		return nil, err
	}
	f := &timesFeatures{options: x.Options(), extract: x}
	for k := range f.cosines {
		for m := range f.cosines[k] {
			f.cosines[k][m] = math.Sqrt(2./timesMels) * math.Cos(math.Pi*float64(k)*(float64(m)+0.5)/timesMels)
		}
	}
	return f, nil
}

// hop is the seconds from a frame to the next.
func (f *timesFeatures) hop() float64 { return float64(f.options.Hop) / float64(f.options.Rate) }

// of returns those of a recording, [frames][timesDims].
func (f *timesFeatures) of(c audio.Clip) ([]float32, error) {
	if c.Rate != f.options.Rate {
		var err error
		if c, err = c.Resample(f.options.Rate); err != nil {
			return nil, err
		}
	}
	frames := len(c.Samples)/f.options.Hop + 1
	x := make([]float32, frames*timesDims)
	stream, at := f.extract.Stream(), x // a stream, so that recordings of hours are not copied
	var mels []float32
	push := func(samples []float32) {
		mels = stream.Append(mels[:0], samples)
		for t := 0; t < len(mels); t += timesMels {
			f.cepstra(at, mels[t:])
			at = at[timesDims:]
		}
	}
	around := make([]float32, f.options.Window)
	push(around[:f.options.Window/2])
	for part := range slices.Chunk(c.Samples, 1<<16) {
		push(part)
	}
	push(around[f.options.Window/2:])
	differences(x, frames)
	centre(x, frames)
	return x, nil
}

// cepstra is the cosine transform of a frame.
func (f *timesFeatures) cepstra(dst, mels []float32) {
	for k := range f.cosines {
		sum := 0.0
		for m, c := range f.cosines[k] {
			sum += c * float64(mels[m])
		}
		dst[k] = float32(sum)
	}
}

// differences fills in those over ±1 and ±2 frames.
func differences(x []float32, frames int) {
	at := func(t int) []float32 { return x[min(max(t, 0), frames-1)*timesDims:][:timesCepstra] }
	for t := range frames {
		a, b, c, d := at(t+1), at(t-1), at(t+2), at(t-2)
		for k, dst := 0, x[t*timesDims+timesCepstra:][:timesCepstra]; k < len(dst); k++ {
			dst[k] = a[k] - b[k] + (c[k] - d[k])
		}
	}
}

// centre takes the recording's own mean from the cepstra, and its loudness from the first.
func centre(x []float32, frames int) {
	var means [timesCepstra]float64
	loud := make([]float32, frames)
	for t := range frames {
		for k, v := range x[t*timesDims:][:timesCepstra] {
			means[k] += float64(v) / float64(frames)
		}
		loud[t] = x[t*timesDims]
	}
	slices.Sort(loud)
	means[0] = float64(loud[95*(frames-1)/100])
	for t := range frames {
		for k := range means {
			x[t*timesDims+k] -= float32(means[k])
		}
	}
}
