package audio

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// A formatCase is a recording that another system wrote, and what it reads of it: a line of formats.jsonl.gz.
type formatCase struct {
	Name             string
	Rate, Channels   int
	Tolerance, Noise float64 // of a sample, or of all as a share of the signal's
	File, Y, Y16     []byte
}

// samples are those that the other system reads, the channels side by side.
func (c formatCase) samples() []float32 {
	if c.Y == nil {
		y := make([]float32, len(c.Y16)/2)
		decode16(y, c.Y16)
		return y
	}
	y := make([]float32, len(c.Y)/4)
	decodeFloat32(y, c.Y)
	return y
}

// TestFormats holds every format against what libsndfile and FFmpeg read of the same file.
func TestFormats(t *testing.T) { testFormats(t, "formats") }

// testFormats reads the files of a golden file.
func testFormats(t *testing.T, name string) {
	golden(t, name, func(c formatCase) {
		want := c.samples()
		all, err := DecodeChannels(bytes.NewReader(c.File), Each)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			return
		}
		if len(all) != c.Channels || all[0].Rate != c.Rate || all[0].Warning != "" {
			t.Errorf("%s: %d channels at %d (%s), want %d at %d", c.Name, len(all), all[0].Rate, all[0].Warning, c.Channels, c.Rate)
			return
		}
		if n := len(want) / c.Channels; len(all[0].Samples) != n {
			t.Errorf("%s: %d frames, want %d", c.Name, len(all[0].Samples), n)
			return
		}
		worst, noise, signal := 0.0, 0.0, 0.0
		for k, one := range all {
			for i, v := range one.Samples {
				y := float64(want[i*c.Channels+k])
				d := float64(v) - y
				worst, noise, signal = max(worst, math.Abs(d)), noise+d*d, signal+y*y
			}
		}
		share := math.Sqrt(noise / signal)
		if c.Noise == 0 && worst > c.Tolerance || c.Noise > 0 && share > c.Noise || signal == 0 {
			t.Errorf("%s: samples differ by up to %v, %v of the signal; want %v, or %v of it", c.Name, worst, share, c.Tolerance, c.Noise)
		}
	})
}

// TestChannels reads one channel, each, and their mean.
func TestChannels(t *testing.T) {
	x := file(0, format(tagPCM, 2, 8000, 2, 8), chunk("data", 4, 128+64, 128-64, 128+32, 128))
	for name, want := range map[string][][]float32{
		"mix": {{0, 0.125}}, "left": {{0.5, 0.25}}, "right": {{-0.5, 0}}, "1": {{0.5, 0.25}}, "2": {{-0.5, 0}}, "each": {{0.5, 0.25}, {-0.5, 0}},
	} {
		c, err := ParseChannels(name)
		if err != nil {
			t.Fatal(err)
		}
		all, err := DecodeChannels(bytes.NewReader(x), c)
		if err != nil || len(all) != len(want) {
			t.Fatalf("%s: %v, %v", name, all, err)
		}
		for i, one := range all {
			if channel := max(int(c), 0); !slices.Equal(one.Samples, want[i]) || one.Channel != channel && c != Each || c == Each && one.Channel != i+1 {
				t.Errorf("%s: channel %d has %v; want %v", name, one.Channel, one.Samples, want[i])
			}
		}
	}
	if _, err := DecodeChannels(bytes.NewReader(x), 3); err == nil || !strings.Contains(err.Error(), "there is no channel 3; the recording has 2") {
		t.Errorf("channel 3 of 2: %v", err)
	}
	for _, name := range []string{"", "0", "-1", "both", "1.5", "99999999"} {
		if c, err := ParseChannels(name); err == nil {
			t.Errorf("%q is channel %d", name, c)
		}
	}
}

// TestVorbisResidue refuses a residue that ends before it begins, wherever it stands in a header; the decoder would search 2³² values.
func TestVorbisResidue(t *testing.T) {
	for _, c := range []struct{ begin, end int }{{2, 1}, {0, 0}, {1, 1 << 23}} {
		b := bitReader{data: []byte{0, 0, byte(c.begin), 0, byte(c.begin >> 16), byte(c.end), 0, byte(c.end >> 16), 0, 0, 0, 0, 0, 0}}
		if err := b.residue(); (err != nil) != (c.begin > c.end) {
			t.Errorf("from %d to %d: %v", c.begin, c.end, err)
		}
	}
	refused := 0
	golden(t, "formats", func(c formatCase) {
		i := bytes.Index(c.File, []byte("\x05vorbis"))
		if i < 0 {
			return
		}
		setup := c.File[i:min(len(c.File), i+maxSetup)]
		for at := 16; at < min(len(setup), 1<<13); at++ {
			one := bytes.Clone(setup)
			one[at] ^= 0xff
			if err := checkVorbisSetup(one); err != nil && strings.Contains(err.Error(), "it begins at") {
				refused++
			}
		}
	})
	if refused == 0 {
		t.Error("no damage of a header makes a residue end before it begins")
	}
}

// FuzzFormats: no input panics, hangs or takes memory that it does not account for, whatever its format.
func FuzzFormats(f *testing.F) {
	for _, name := range []string{"formats", "flac"} {
		golden(f, name, func(c formatCase) {
			if len(c.File) < 6000 {
				f.Add(c.File)
			}
		})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := DecodeChannels(bytes.NewReader(data), Each)
		if err != nil {
			if !errors.Is(err, ErrContent) {
				t.Fatalf("%v is not about the file", err)
			}
			return
		}
		for _, c := range all {
			if c.Rate < 1 || firstOdd(c.Samples) >= 0 || len(c.Samples) != len(all[0].Samples) {
				t.Fatalf("channel %d has %d samples at %d", c.Channel, len(c.Samples), c.Rate)
			}
		}
	})
}

// TestLimits: every format stops where a recording is longer than its limits, and is read whole where it is not.
func TestLimits(t *testing.T) {
	golden(t, "formats", func(c formatCase) {
		n := len(c.samples())
		seconds := float64(n/c.Channels) / float64(c.Rate)
		for _, l := range []Limits{{Samples: n - 1}, {Seconds: seconds * 0.99}} {
			if _, err := DecodeWithin(bytes.NewReader(c.File), Each, l); !errors.Is(err, ErrTooLong) || errors.Is(err, ErrContent) {
				t.Errorf("%s, %d samples: within %+v the error is %v", c.Name, n, l, err)
			}
		}
		if _, err := DecodeWithin(bytes.NewReader(c.File), Each, Limits{Samples: n, Seconds: seconds}); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	})
}
