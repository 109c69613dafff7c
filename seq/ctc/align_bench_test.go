package ctc

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// BenchmarkAlignHour aligns an hour of speech: 180,000 frames of 20 ms, 40,000 tokens, each three frames
// long on average. MiB is all memory that the process has from the system.
func BenchmarkAlignHour(b *testing.B) { benchmarkAlign(b, 180_000, 40_000) }

// BenchmarkAlignMinutes is six minutes of the same: a hundredth of the work.
func BenchmarkAlignMinutes(b *testing.B) { benchmarkAlign(b, 18_000, 4_000) }

func benchmarkAlign(b *testing.B, frames, tokens int) {
	const classes = 32
	rng := rand.New(rand.NewPCG(1, 1))
	x := emit(rng, frames, classes, 2, 0)
	var spelled, starts []int
	for i := range tokens {
		k := 2 + rng.IntN(classes-2) // class 1 is often likely all by itself
		spelled = append(spelled, k)
		t := i * frames / tokens
		starts = append(starts, t)
		for d := range 2 {
			x[(t+d)*classes+k] += 8
		}
	}
	var a Aligner
	near := 0
	for b.Loop() {
		out, err := a.Align(x, classes, spelled)
		if err != nil {
			b.Fatal(err)
		}
		near = 0
		for i, s := range out.Spans {
			if max(s.Start-starts[i], starts[i]-s.Start) <= 2 {
				near++
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
	b.ReportMetric(float64(near)/float64(tokens), "found")
}
