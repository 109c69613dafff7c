package audio

import (
	"math"
	"math/cmplx"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

func extractor(t testing.TB, o LogMel) *Extractor {
	t.Helper()
	x, err := o.Extractor()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestLogMelGolden(t *testing.T) {
	type cases struct {
		Options LogMel
		X       []float32
		Frames  int
		Y       []float64
	}
	golden(t, "logmel", func(c cases) {
		x := extractor(t, c.Options)
		if n := x.Frames(len(c.X)); n != c.Frames {
			t.Fatalf("%+v: %d frames, want %d", c.Options, n, c.Frames)
		}
		y, err := x.Features(Clip{c.X, c.Options.Rate})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "log-mel", y, c.Y, 1e-6)
	})
}

// TestLogMelFormula holds odd sizes against the sums of LogMel's doc comment.
func TestLogMelFormula(t *testing.T) {
	for _, o := range []LogMel{
		{Rate: 8000, Window: 33, Hop: 7, FFT: 35, Mels: 5},
		{Rate: 1001, Window: 30, Hop: 40, FFT: 30, Mels: 3, LowHz: 10, HighHz: 450.5, Floor: 0.5},
		{Rate: 16000, Window: 2, Hop: 1, FFT: 4, Mels: 1},
	} {
		x := extractor(t, o)
		o = x.Options()
		samples := noise(source(4), 3*o.Window+o.Hop)
		got := x.Append(nil, samples)
		for i, v := range got {
			if want := formula(o, samples[i/o.Mels*o.Hop:], i%o.Mels); math.Abs(float64(v)-want) > 1e-5 {
				t.Fatalf("%+v: feature %d is %v, want %v", o, i, v, want)
			}
		}
		if want := ((len(samples)-o.Window)/o.Hop + 1) * o.Mels; len(got) != want {
			t.Fatalf("%+v: %d features, want %d", o, len(got), want)
		}
	}
}

func formula(o LogMel, frame []float32, m int) float64 {
	toMel := func(f float64) float64 { return 2595 * math.Log10(1+f/700) }
	toHz := func(m float64) float64 { return 700 * (math.Pow(10, m/2595) - 1) }
	step := (toMel(o.HighHz) - toMel(o.LowHz)) / float64(o.Mels+1)
	point := func(i int) float64 { return toHz(toMel(o.LowHz) + step*float64(i)) }
	sum := 0.0
	for k := 0; k <= o.FFT/2; k++ {
		bin := complex(0, 0)
		for n := range o.Window {
			w := math.Pow(math.Sin(math.Pi*float64(n)/float64(o.Window)), 2)
			angle := -2 * math.Pi * float64(k) * float64(n) / float64(o.FFT)
			bin += complex(w*float64(frame[n]), 0) * cmplx.Exp(complex(0, angle))
		}
		hz := float64(k) * float64(o.Rate) / float64(o.FFT)
		rise := (hz - point(m)) / (point(m+1) - point(m))
		fall := (point(m+2) - hz) / (point(m+2) - point(m+1))
		sum += max(0, min(rise, fall)) * math.Pow(cmplx.Abs(bin), 2)
	}
	return math.Log(max(sum, o.Floor))
}

// TestStream cuts samples at random and wants the offline features, bit for bit.
func TestStream(t *testing.T) {
	rng := source(5)
	for _, o := range []LogMel{
		{}, {Window: 160, Hop: 400, Mels: 10}, {Rate: 8000, Window: 77, Hop: 77, Mels: 8}, {Window: 99, Hop: 1, Mels: 4},
	} {
		x := extractor(t, o)
		s := x.Stream()
		for range 8 {
			samples := noise(rng, rng.IntN(9000))
			want := x.Append(nil, samples)
			s.Reset()
			var got []float32
			for at := 0; at < len(samples); {
				n := min(rng.IntN(1<<rng.IntN(12)), len(samples)-at)
				before := len(got)
				if got = s.Append(got, samples[at:at+n]); len(got) < before {
					t.Fatal("features got lost")
				}
				at += n
				if frames := x.Frames(at); len(got) != frames*x.Options().Mels {
					t.Fatalf("%+v: %d features after %d samples, want %d frames", o, len(got), at, frames)
				}
				if keep := len(s.rest); keep >= x.Options().Window {
					t.Fatalf("%+v: %d samples are kept", o, keep)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%+v: chunks give other features", o)
			}
		}
	}
}

func TestLogMelThreads(t *testing.T) {
	x := extractor(t, LogMel{})
	samples := noise(source(6), 16000*5+3)
	defer simd.SetThreads(0)
	simd.SetThreads(1)
	want := x.Append(nil, samples)
	simd.SetThreads(5)
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			if !slices.Equal(x.Append(nil, samples), want) {
				t.Error("5 threads give other features than one")
			}
		})
	}
	callers.Wait()
}

// TestLogMelLevel: ten times the samples are a hundred times the energy, silence is the floor.
func TestLogMelLevel(t *testing.T) {
	x := extractor(t, LogMel{})
	samples := noise(source(7), 4000)
	quiet := x.Append(nil, samples)
	for i := range samples {
		samples[i] *= 10
	}
	for i, v := range x.Append(nil, samples) {
		if math.Abs(float64(v-quiet[i])-math.Log(100)) > 1e-5 {
			t.Fatalf("feature %d rises by %v", i, v-quiet[i])
		}
	}
	for _, v := range x.Append(nil, make([]float32, 800)) {
		if v != float32(math.Log(1e-6)) {
			t.Fatalf("silence gives %v", v)
		}
	}
	samples[450] = float32(math.NaN()) // in the second frame and not in the first
	y := x.Append(nil, samples)
	for i, v := range y[:2*40] {
		if bad := v != v; bad != (i >= 40) {
			t.Fatalf("with NaN in the second frame, feature %d is %v", i, v)
		}
	}
}

func TestLogMelDefaults(t *testing.T) {
	o := extractor(t, LogMel{}).Options()
	if want := (LogMel{Rate: 16000, Window: 400, Hop: 160, FFT: 512, Mels: 40, HighHz: 8000, Floor: 1e-6, Log: Natural}); o != want {
		t.Errorf("%+v, want %+v", o, want)
	}
	o = extractor(t, LogMel{Rate: 22050, Mels: 20}).Options()
	if want := (LogMel{Rate: 22050, Window: 551, Hop: 221, FFT: 1024, Mels: 20, HighHz: 11025, Floor: 1e-6, Log: Natural}); o != want {
		t.Errorf("%+v, want %+v", o, want)
	}
}

func TestLogMelErrors(t *testing.T) {
	for name, o := range map[string]LogMel{
		"Rate":         {Rate: -1},
		"Window is 1;": {Window: 1},
		"Window is 9":  {Window: math.MaxInt},
		"Hop":          {Hop: -3},
		"FFT":          {FFT: 399},
		"Mels":         {Mels: -1},
		"filter":       {Mels: 300},
		"LowHz":        {LowHz: 8000},
		"HighHz":       {HighHz: 8001},
		"Floor":        {Floor: math.NaN()},
	} {
		if _, err := o.Extractor(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	x := extractor(t, LogMel{})
	if _, err := x.Features(Clip{make([]float32, 999), 8000}); err == nil {
		t.Error("another rate: no error")
	}
	if y := x.Append(nil, make([]float32, 399)); len(y) != 0 {
		t.Errorf("%d features of less than a frame", len(y))
	}
}

func TestLogMelAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's pools drop things")
	}
	x := extractor(t, LogMel{})
	samples, dst := noise(source(8), 32000), []float32(nil)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	dst = x.Append(dst, samples)
	s := x.Stream()
	s.Append(dst[:0], samples)
	if n := testing.AllocsPerRun(10, func() { x.Append(dst[:0], samples); s.Append(dst[:0], samples[:1600]) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLogMel(b *testing.B) {
	x := extractor(b, LogMel{Mels: 80})
	samples := noise(source(9), 10*16000)
	var dst []float32
	b.SetBytes(int64(len(samples)))
	for b.Loop() {
		dst = x.Append(dst[:0], samples)
	}
}
