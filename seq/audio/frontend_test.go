package audio

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestFrontEndGolden holds the front ends of NeMo, Whisper and wav2vec 2.0 against PyTorch's.
func TestFrontEndGolden(t *testing.T) {
	type cases struct {
		Options FrontEnd
		X       []float32
		Frames  int
		Y       []float64
	}
	golden(t, "frontend", func(c cases) {
		x, err := c.Options.Extractor()
		if err != nil {
			t.Fatal(err)
		}
		y, err := x.Features(Clip{c.X, c.Options.Rate})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(y) / x.FrontEnd().Width(); n != c.Frames {
			t.Fatalf("%+v: %d frames, want %d", c.Options, n, c.Frames)
		}
		near(t, "features", y, c.Y, 1e-5)
	})
}

// TestFrontEndRate: recordings of another rate are resampled.
func TestFrontEndRate(t *testing.T) {
	x, err := FrontEnd{LogMel: LogMel{Rate: 8000}, Waveform: true}.Extractor()
	if err != nil {
		t.Fatal(err)
	}
	y, err := x.Features(Clip{tone(16000, 16000, 100), 16000})
	if err != nil || len(y) != 8000 || math.Abs(float64(y[20])-1) > 1e-2 {
		t.Errorf("%d samples, %v", len(y), err)
	}
	if frame, middle := x.Spacing(); frame != 1./8000 || middle != 0.5/8000 {
		t.Errorf("frames are %v s apart, from %v on", frame, middle)
	}
}

// TestFrontEndSilence: the frame of silence is that of a silent recording.
func TestFrontEndSilence(t *testing.T) {
	for _, f := range []FrontEnd{
		{LogMel: LogMel{Floor: 1e-3, Log: Log10}, Mean: []float64{1}, Deviation: []float64{2}},
		{LogMel: LogMel{AddFloor: true, Log: Decibels}},
		{Waveform: true},
	} {
		x, err := f.Extractor()
		if err != nil {
			t.Fatal(err)
		}
		y, err := x.Features(Clip{make([]float32, 400), 16000})
		if err != nil {
			t.Fatal(err)
		}
		if want := x.Silence(); !slices.Equal(y[:len(want)], want) {
			t.Errorf("%+v: silence is %v, want %v", f, y[:len(want)], want)
		}
	}
}

func TestFrontEndRefuses(t *testing.T) {
	for _, c := range []struct {
		front FrontEnd
		want  string
	}{
		{FrontEnd{LogMel: LogMel{Rate: -1}, Waveform: true}, "Rate is -1"},
		{FrontEnd{LogMel: LogMel{Log: "log2"}}, "Log is log2; it must be natural, log10 or db"},
		{FrontEnd{Scale: -1}, "Scale is -1"},
		{FrontEnd{Preemphasis: 1.5}, "Preemphasis is 1.5"},
		{FrontEnd{Padding: "same"}, "Padding is same; it must be none, reflect or zeros"},
		{FrontEnd{Range: math.NaN()}, "Range is NaN"},
		{FrontEnd{Normalise: "yes"}, "Normalise is yes; it must be false, true or per_feature"},
		{FrontEnd{Mean: []float64{1, 2}}, "Mean is 2 numbers; it must be 1 or 40"},
		{FrontEnd{Mean: []float64{math.Inf(1)}}, "Mean is +Inf"},
		{FrontEnd{Deviation: []float64{0}}, "Deviation is 0"},
	} {
		if _, err := c.front.Extractor(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v; want %q", c.front, err, c.want)
		}
	}
	for _, c := range []struct {
		front FrontEnd
		n     int
		want  string
	}{
		{FrontEnd{}, 399, "399 samples at the rate 16000, which is less than a frame"},
		{FrontEnd{Padding: Reflect}, 256, "256 samples at the rate 16000; to be reflected at its ends, it must have more than 256"},
		{FrontEnd{Padding: Zeros, DropLast: true}, 100, "less than a frame"},
		{FrontEnd{Waveform: true}, 0, "0 samples"},
	} {
		x, err := c.front.Extractor()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Features(Clip{make([]float32, c.n), 16000}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d samples: error %v; want %q", c.n, err, c.want)
		}
	}
}
