package audio

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

func TestResampleGolden(t *testing.T) {
	type cases struct {
		From, To int
		X        []float32
		Y        []float64
	}
	golden(t, "resample", func(c cases) {
		got, err := Clip{c.X, c.From}.Resample(c.To)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rate != c.To {
			t.Fatalf("rate %d, want %d", got.Rate, c.To)
		}
		near(t, "resampled", got.Samples, c.Y, 1e-7)
	})
}

// direct is the formula of Resample's doc comment as it stands.
func direct(x []float32, from, to int, i int) float64 {
	s := 0.99 * float64(min(from, to))
	sum := 0.0
	for j, v := range x {
		u := s * (float64(j)/float64(from) - float64(i)/float64(to))
		switch {
		case u == 0:
			sum += float64(v)
		case math.Abs(u) < 6:
			sum += float64(v) * math.Sin(math.Pi*u) / (math.Pi * u) * math.Pow(math.Cos(math.Pi*u/12), 2)
		}
	}
	return s / float64(from) * sum
}

// TestResampleFormula has short clips, where only the phases in use are computed, and
// ones that are several tasks.
func TestResampleFormula(t *testing.T) {
	rng := source(1)
	for _, c := range []struct{ from, to, n int }{
		{16000, 15999, 50}, {15999, 16000, 50}, {44100, 16000, 13000}, {1000, 1100, 5000}, {1 << 24, 1, 300}, {1, 256, 3}, {48000, 8000, 100},
	} {
		x := noise(rng, c.n)
		y := resample(x, c.from, c.to)
		if want := (c.n*c.to + c.from - 1) / c.from; len(y) != want {
			t.Fatalf("%v: %d samples, want %d", c, len(y), want)
		}
		for i := 0; i < len(y); i += max(1, len(y)/97) {
			if want := direct(x, c.from, c.to, i); math.Abs(float64(y[i])-want) > 2e-7 {
				t.Fatalf("%v: sample %d is %v, want %v", c, i, y[i], want)
			}
		}
	}
}

// TestResampleTones wants tones below the corner kept and tones above it gone.
func TestResampleTones(t *testing.T) {
	for _, c := range []struct {
		from, to int
		hz, want float64 // the tone, and its mean power behind
	}{
		{16000, 8000, 1000, 0.5}, {16000, 8000, 6000, 0}, {44100, 16000, 3000, 0.5}, {44100, 16000, 11000, 0}, {8000, 16000, 2000, 0.5},
	} {
		y := resample(tone(c.from, c.from, c.hz), c.from, c.to)
		y = y[100 : len(y)-100]
		power := 0.0
		for _, v := range y {
			power += float64(v) * float64(v) / float64(len(y))
		}
		if math.Abs(power-c.want) > 0.002 {
			t.Errorf("%v: power %v", c, power)
		}
	}
}

func TestResampleOwnRate(t *testing.T) {
	x := []float32{1, 2, 3}
	y, err := Clip{x, 100}.Resample(100)
	if err != nil || !slices.Equal(y.Samples, x) {
		t.Fatal(y, err)
	}
	if y.Samples[0] = 9; x[0] != 1 {
		t.Error("the copy shares memory")
	}
}

func TestResampleErrors(t *testing.T) {
	for _, c := range [][2]int{{0, 1}, {-1, 1}, {1, 0}, {1, 1<<24 + 1}, {1, 512}, {1<<24 + 1, 5}} {
		if _, err := (Clip{[]float32{1}, c[0]}).Resample(c[1]); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
}

func TestSpeed(t *testing.T) {
	x := Clip{tone(8000, 8000, 440), 8000}
	for _, factor := range []float64{0.9, 1, 1.1, 2} {
		y, err := x.Speed(factor)
		if err != nil {
			t.Fatal(err)
		}
		if want := int(math.Ceil(8000 / factor)); y.Rate != 8000 || len(y.Samples) != want {
			t.Fatalf("factor %v: %d samples at %d, want %d at 8000", factor, len(y.Samples), y.Rate, want)
		}
		want := tone(8000, len(y.Samples), 440*factor)
		for i := 100; i < len(want)-100; i++ {
			if math.Abs(float64(y.Samples[i]-want[i])) > 0.01 {
				t.Fatalf("factor %v: sample %d is %v, want %v", factor, i, y.Samples[i], want[i])
			}
		}
	}
	for _, factor := range []float64{0, -1, 11, math.NaN(), math.Inf(1)} {
		if _, err := x.Speed(factor); err == nil {
			t.Errorf("factor %v: no error", factor)
		}
	}
	if _, err := (Clip{}).Speed(1); err == nil {
		t.Error("rate 0: no error")
	}
}

func TestResampleThreads(t *testing.T) {
	x := noise(source(2), 50000)
	defer simd.SetThreads(0)
	simd.SetThreads(1)
	want := resample(x, 22050, 16000)
	for _, n := range []int{2, 5} {
		simd.SetThreads(n)
		if !slices.Equal(resample(x, 22050, 16000), want) {
			t.Errorf("%d threads give other numbers than one", n)
		}
	}
}

func BenchmarkResample(b *testing.B) {
	x := noise(source(3), 10*44100)
	for b.Loop() {
		resample(x, 44100, 16000)
	}
}

// TestResampler: a clip that comes in chunks of any size has the samples of the whole one.
func TestResampler(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, rates := range [][2]int{{8000, 8000}, {48000, 8000}, {44100, 16000}, {8000, 22050}, {16000, 7}, {1000, 999}} {
		for _, n := range []int{0, 1, 2, 17, 500, 9000} {
			clip := Clip{Rate: rates[0], Samples: make([]float32, n)}
			for i := range clip.Samples {
				clip.Samples[i] = float32(rng.NormFloat64())
			}
			want, err := clip.Resample(rates[1])
			if err != nil {
				t.Fatal(err)
			}
			s, err := NewResampler(rates[0], rates[1])
			if err != nil {
				t.Fatal(err)
			}
			got := []float32{}
			for rest := clip.Samples; len(rest) > 0; {
				k := min(rng.IntN(700), len(rest))
				got = s.Append(got, rest[:k])
				rest = rest[k:]
			}
			got = s.Finish(got)
			if len(got) != len(want.Samples) {
				t.Fatalf("%v, %d samples: %d come out, want %d", rates, n, len(got), len(want.Samples))
			}
			for i, v := range want.Samples {
				if got[i] != v {
					t.Fatalf("%v, %d samples: sample %d is %v, want %v", rates, n, i, got[i], v)
				}
			}
		}
	}
	for _, rates := range [][2]int{{0, 8000}, {8000, 1 << 25}, {1, 1000}} {
		if _, err := NewResampler(rates[0], rates[1]); err == nil {
			t.Errorf("%v is taken", rates)
		}
	}
}
