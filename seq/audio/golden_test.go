package audio

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// golden calls f with each line of a file that oracle/audio.py wrote.
func golden[T any](t testing.TB, name string, f func(c T)) {
	t.Helper()
	file, err := os.Open("testdata/" + name + ".jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	gz, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := json.NewDecoder(gz); ; n++ {
		var c T
		err := d.Decode(&c)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		f(c)
	}
	if n < 10 {
		t.Fatalf("%s has %d cases; it must have 10 or more", name, n)
	}
}

// near fails unless x and want are alike up to tolerance, relative to numbers above 1.
func near(t *testing.T, what string, x []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(x) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(x), len(want))
	}
	for i, v := range x {
		if d := math.Abs(float64(v) - want[i]); !(d <= tolerance*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, v, want[i])
		}
	}
}

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// noise returns n samples in [−1, 1).
func noise(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(2*rng.Float64() - 1)
	}
	return x
}

// tone returns n samples of a sine of hz hertz.
func tone(rate, n int, hz float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(2 * math.Pi * hz * float64(i) / float64(rate)))
	}
	return x
}
