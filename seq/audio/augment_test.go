package audio

import (
	"math"
	"slices"
	"testing"
)

// TestSpecAugmentCounts draws many masks and wants every width and place equally often
// as the doc comment has it.
func TestSpecAugmentCounts(t *testing.T) {
	const frames, mels, draws = 6, 4, 60000
	count := func(a SpecAugment, along, across int, at func(i, j int) int) {
		rng := source(10)
		widths := make([]float64, along+1)
		for range draws {
			x := make([]float32, frames*mels)
			if err := a.Apply(rng, x, mels); err != nil {
				t.Fatal(err)
			}
			width := 0
			for i := range along {
				hidden := x[at(i, 0)] == 7
				for j := range across {
					if (x[at(i, j)] == 7) != hidden {
						t.Fatal("a stripe has a hole")
					}
				}
				if hidden {
					width++
				}
			}
			widths[width]++
		}
		for w, n := range widths {
			want := 0.0
			if w <= 3 {
				want = draws / 4
			}
			if math.Abs(n-want) > 5*math.Sqrt(want) {
				t.Errorf("%+v: width %d came %v times, want %v", a, w, n, want)
			}
		}
	}
	byTime := func(i, j int) int { return i*mels + j }
	byMel := func(i, j int) int { return j*mels + i }
	count(SpecAugment{TimeMasks: 1, TimeWidth: 3, Fill: 7}, frames, mels, byTime)
	count(SpecAugment{TimeMasks: 1, TimeWidth: 99, TimePart: 0.5, Fill: 7}, frames, mels, byTime)
	count(SpecAugment{FreqMasks: 1, FreqWidth: 3, Fill: 7}, mels, frames, byMel)
}

// TestSpecAugmentPlaces wants stripes to begin anywhere, both ends included.
func TestSpecAugmentPlaces(t *testing.T) {
	rng := source(11)
	seen := map[[2]int]int{}
	for range 30000 {
		from, to := stripe(rng, 2, 4)
		seen[[2]int{from, to}]++
	}
	for from := range 5 {
		if n := seen[[2]int{from, from}]; math.Abs(float64(n)-2000) > 250 {
			t.Errorf("empty at %d: %d times", from, n)
		}
		if n := seen[[2]int{from, from + 1}]; from < 4 && math.Abs(float64(n)-2500) > 250 {
			t.Errorf("one at %d: %d times", from, n)
		}
		if n := seen[[2]int{from, from + 2}]; from < 3 && math.Abs(float64(n)-10000./3) > 290 {
			t.Errorf("two at %d: %d times", from, n)
		}
	}
	if len(seen) != 5+4+3 {
		t.Errorf("%d stripes, want 12: %v", len(seen), seen)
	}
}

func TestSpecAugment(t *testing.T) {
	a := SpecAugment{TimeMasks: 2, TimeWidth: 20, FreqMasks: 2, FreqWidth: 8}
	x := noise(source(12), 100*40)
	y, z := slices.Clone(x), slices.Clone(x)
	if err := a.Apply(source(13), y, 40); err != nil {
		t.Fatal(err)
	}
	if a.Apply(source(13), z, 40); !slices.Equal(y, z) {
		t.Error("one seed gives two results")
	}
	hidden := 0
	for i, v := range y {
		if v == 0 {
			hidden++
		} else if v != x[i] {
			t.Fatalf("feature %d became %v", i, v)
		}
	}
	if hidden == 0 || hidden == len(x) {
		t.Errorf("%d of %d features are hidden", hidden, len(x))
	}
	if err := (SpecAugment{}).Apply(source(14), x, 40); err != nil || slices.Index(x, 0) >= 0 {
		t.Errorf("the zero value hides something; %v", err)
	}
	if err := a.Apply(source(14), nil, 40); err != nil {
		t.Errorf("no frames: %v", err)
	}
}

func TestSpecAugmentErrors(t *testing.T) {
	for _, a := range []SpecAugment{{TimeMasks: -1}, {TimeWidth: -1}, {FreqMasks: -1}, {FreqWidth: -1}, {TimePart: -0.1}, {TimePart: 1.1}, {TimePart: math.NaN()}} {
		if err := a.Apply(source(1), nil, 1); err == nil {
			t.Errorf("%+v: no error", a)
		}
	}
	for _, c := range [][2]int{{7, 2}, {4, 0}, {4, -2}} {
		if err := (SpecAugment{}).Apply(source(1), make([]float32, c[0]), c[1]); err == nil {
			t.Errorf("%d features of %d mels: no error", c[0], c[1])
		}
	}
}

func meanPower(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(x))
}

func TestGain(t *testing.T) {
	x := Clip{noise(source(15), 99), 8000}
	y, err := x.Gain(20)
	if err != nil || y.Rate != 8000 {
		t.Fatal(y.Rate, err)
	}
	for i, v := range y.Samples {
		if math.Abs(float64(v)-10*float64(x.Samples[i])) > 1e-6 {
			t.Fatalf("sample %d: %v of %v", i, v, x.Samples[i])
		}
	}
	if _, err := x.Gain(math.NaN()); err == nil {
		t.Error("NaN: no error")
	}
}

func TestNoise(t *testing.T) {
	x := Clip{tone(16000, 40000, 300), 16000}
	y, err := x.Noise(source(16), 10)
	if err != nil || y.Rate != 16000 {
		t.Fatal(y.Rate, err)
	}
	added, product := make([]float32, len(y.Samples)), 0.0
	for i, v := range y.Samples {
		added[i] = v - x.Samples[i]
		product += float64(added[i]) * float64(x.Samples[i]) / float64(len(added))
	}
	if p := meanPower(added); math.Abs(p-0.05) > 0.002 {
		t.Errorf("noise has power %v, want 0.05", p)
	}
	if math.Abs(product) > 0.005 {
		t.Errorf("noise and clip have the mean product %v, want 0", product)
	}
	silent, err := Clip{make([]float32, 5), 1}.Noise(source(1), 0)
	if err != nil || meanPower(silent.Samples) != 0 {
		t.Errorf("silence became %v; %v", silent.Samples, err)
	}
	if empty, err := (Clip{nil, 1}).Noise(source(1), 0); err != nil || len(empty.Samples) != 0 {
		t.Errorf("nothing became %v; %v", empty, err)
	}
	if _, err := x.Noise(source(1), math.Inf(1)); err == nil {
		t.Error("+Inf: no error")
	}
}
