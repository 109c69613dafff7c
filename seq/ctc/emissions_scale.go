package ctc

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/simd"
)

// A Scale says what the numbers of emissions are.
type Scale string

// The scales of emissions. With Σ over the classes of a frame, log-probabilities have Σ exp(v) = 1, and probabilities Σ v = 1; logits have any numbers.
const (
	LogProbs      Scale = "log_probs"
	Logits        Scale = "logits"
	Probabilities Scale = "probabilities"
)

// Within is how far from 1 the sum of a frame's probabilities may be. Logarithms of float16 have sums within 0.004 of 1 for 1,000 classes, those of
// bfloat16 within 0.015, and what is written with two decimals within 0.005.
const Within = 0.02

// A ScaleError is of a frame whose numbers are not on the scale that they should be.
type ScaleError struct {
	Scale Scale   // that they should be on
	Frame int     //
	Sum   float64 // Σ exp(v) for log-probabilities, else Σ v
	Looks Scale   // what all of the frame's numbers fit, or ""
}

func (e *ScaleError) Error() string {
	what, sum := "Σ exp of log-probabilities", "Σ exp"
	if e.Scale != LogProbs {
		what, sum = "the sum of probabilities", "the sum"
	}
	if e.Scale == Logits {
		return fmt.Sprintf("all frames have numbers from 0 to 1 with the sum 1 (frame 0: %.4g); those are probabilities, not logits", e.Sum)
	}
	text := fmt.Sprintf("frame %d: %s is %.4g; %s is 1, within %v", e.Frame, sum, e.Sum, what, Within)
	switch e.Looks {
	case Probabilities:
		return text + "; the numbers are from 0 to 1 and add up to 1, as probabilities do"
	case LogProbs:
		return text + "; Σ exp is 1, as of log-probabilities"
	}
	return text
}

// Normalise turns emissions, frame by frame, into log-probabilities in place: logits less the logarithm of Σ exp, probabilities as the logarithm of
// their share of the sum. Log-probabilities stay as they are.
//
// Errors: a [ScaleError] for the first frame whose numbers are not on the scale, by more than [Within]; for logits, where all frames are of probabilities; NaN
// and +Inf, by frame and class. The emissions may then have changed.
func (s Scale) Normalise(emissions []float32, classes int) error {
	n, err := frames(emissions, classes)
	if err != nil {
		return err
	}
	if err := checkLogProbs(emissions, classes, 0); err != nil {
		return err
	}
	switch s {
	case LogProbs:
		return checkSums(emissions, classes)
	case Probabilities:
		return logShares(emissions, classes)
	case Logits:
	default:
		return fmt.Errorf("ctc: the scale is %q; it must be %s, %s or %s", s, LogProbs, Logits, Probabilities)
	}
	shares := n > 0
	for t := 0; t < n && shares; t++ {
		_, shares = sumOfShares(emissions[t*classes:][:classes])
	}
	if sum, _ := sumOfShares(emissions[:min(classes, len(emissions))]); shares && classes > 1 {
		return &ScaleError{Scale: Logits, Sum: sum, Looks: Probabilities}
	}
	simd.LogSoftmaxRows(emissions, emissions, n, classes)
	return checkLogProbs(emissions, classes, 0)
}

// checkSums refuses frames that are not of log-probabilities.
func checkSums(emissions []float32, classes int) error {
	row := make([]float32, classes)
	for t := 0; t*classes < len(emissions); t++ {
		v := emissions[t*classes:][:classes]
		simd.Exp(row, v)
		var sum float64
		for _, p := range row {
			sum += float64(p)
		}
		if !(math.Abs(sum-1) <= Within) {
			e := &ScaleError{Scale: LogProbs, Frame: t, Sum: sum}
			if _, ok := sumOfShares(v); ok {
				e.Looks = Probabilities
			}
			return e
		}
	}
	return nil
}

// logShares takes the logarithms of probabilities.
func logShares(emissions []float32, classes int) error {
	for t := 0; t*classes < len(emissions); t++ {
		row := emissions[t*classes:][:classes]
		sum, ok := sumOfShares(row)
		if !ok {
			e := &ScaleError{Scale: Probabilities, Frame: t, Sum: sum}
			if checkSums(row, classes) == nil {
				e.Looks = LogProbs
			}
			return e
		}
		for i, p := range row {
			row[i] = float32(max(float64(p), 0) / sum)
		}
	}
	simd.Log(emissions, emissions)
	return nil
}

// sumOfShares adds a frame's numbers up; ok reports whether they are probabilities. Rounding may leave them a little below 0.
func sumOfShares(row []float32) (sum float64, ok bool) {
	ok = true
	for _, p := range row {
		sum += float64(p)
		ok = ok && p >= -1e-6
	}
	return sum, ok && math.Abs(sum-1) <= Within
}
