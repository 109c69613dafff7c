package ctc

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// TestScaleTolerance: logarithms that were rounded to float16, bfloat16 or two decimals pass; what lacks a fiftieth does not.
func TestScaleTolerance(t *testing.T) {
	const classes, frames = 1000, 20
	rng := rand.New(rand.NewPCG(1, 2))
	exact := make([]float64, classes*frames)
	for f := range frames {
		var sum float64
		row := exact[f*classes:][:classes]
		for i := range row {
			row[i] = 2 * rng.NormFloat64()
			sum += math.Exp(row[i])
		}
		for i := range row {
			row[i] -= math.Log(sum)
		}
	}
	bits := func(v float64, n int) float64 { // rounded to n bits of fraction
		fraction, exponent := math.Frexp(v)
		return math.Ldexp(math.Round(math.Ldexp(fraction, n+1)), exponent-n-1)
	}
	for name, round := range map[string]func(v float64) float64{
		"float32":      func(v float64) float64 { return float64(float32(v)) },
		"float16":      func(v float64) float64 { return bits(v, 10) },
		"bfloat16":     func(v float64) float64 { return bits(v, 7) },
		"two decimals": func(v float64) float64 { return math.Round(v*100) / 100 },
	} {
		x := make([]float32, len(exact))
		for i, v := range exact {
			x[i] = float32(round(v))
		}
		if err := LogProbs.Normalise(x, classes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	x := make([]float32, len(exact))
	for i, v := range exact {
		x[i] = float32(v)
	}
	for i := 3 * classes; i < 4*classes; i++ {
		x[i] += float32(math.Log(1 - 1.1*Within))
	}
	var wrong *ScaleError
	if err := LogProbs.Normalise(x, classes); !errors.As(err, &wrong) || wrong.Frame != 3 || math.Abs(wrong.Sum-(1-1.1*Within)) > 1e-4 {
		t.Errorf("a frame that lacks a fiftieth: %v", err)
	}
}

// TestNormalise: shares that do not add up to 1 exactly are divided by their sum; −∞ is a probability of 0; NaN and +Inf are refused.
func TestNormalise(t *testing.T) {
	x := []float32{0.505, 0.505, 0}
	if err := Probabilities.Normalise(x, 3); err != nil || math.Abs(float64(x[0])+math.Ln2) > 1e-6 || !math.IsInf(float64(x[2]), -1) {
		t.Errorf("%v, %v", x, err)
	}
	for _, s := range []Scale{LogProbs, Logits, Probabilities} {
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			if err := s.Normalise([]float32{0, float32(v)}, 2); err == nil {
				t.Errorf("%s: %v is taken", s, v)
			}
		}
		if err := s.Normalise(nil, 2); err != nil {
			t.Errorf("%s: of no frames: %v", s, err)
		}
	}
	inf := float32(math.Inf(-1))
	if err := LogProbs.Normalise([]float32{inf, inf}, 2); err == nil {
		t.Error("a frame of −∞ is taken for log-probabilities")
	}
	if err := Logits.Normalise([]float32{inf, inf}, 2); err == nil {
		t.Error("a frame of −∞ is taken for logits")
	}
	if err := Scale("nat").Normalise([]float32{0}, 1); err == nil {
		t.Error("a scale of another name is taken")
	}
}
