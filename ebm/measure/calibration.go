package measure

import (
	"fmt"
	"math"
	"slices"
)

// Calibration says how far a classifier's probabilities can be believed.
type Calibration struct {
	ECE  Number           `json:"ece"` // expected calibration error: |confidence − accuracy|, mean over the samples by bins
	NLL  Number           `json:"nll"` // of the right labels, in nat
	Bins []CalibrationBin `json:"bins"`
}

// CalibrationBin is the samples whose confidence lies in a fifteenth of [0, 1].
type CalibrationBin struct {
	Samples    int    `json:"samples"`
	Confidence Number `json:"confidence"` // mean; NaN of no samples
	Accuracy   Number `json:"accuracy"`   // NaN of no samples
}

const calibrationBins = 15

// Calibrate looks at energies [N, k] whose probabilities are proportional to exp(−E): +Inf is an
// answer that cannot be given. A sample with NaN, with −Inf, or with +Inf alone, has no
// probabilities: ECE and NLL are then NaN, and the bins hold the other samples. Both are NaN of no samples.
//
// Errors: k below 1; lengths that do not fit; a label of k or more.
//
// Source: [guo2017].
func Calibrate(energies []float32, k int, labels []byte) (Calibration, error) {
	c := Calibration{Bins: make([]CalibrationBin, calibrationBins)}
	if k < 1 || len(energies) != k*len(labels) {
		return c, fmt.Errorf("measure: Calibrate: %d energies are not %d samples of %d answers", len(energies), len(labels), k)
	}
	nll, lost := 0.0, len(labels) == 0
	for i, label := range labels {
		if int(label) >= k {
			return c, fmt.Errorf("measure: Calibrate: labels[%d] is %d; it must be below %d", i, label, k)
		}
		row := energies[i*k : (i+1)*k]
		least := slices.Min(row) // NaN if there is one
		if !Finite(float64(least)) {
			lost = true
			continue
		}
		var sum float64
		for _, e := range row {
			sum += math.Exp(float64(least) - float64(e))
		}
		nll += (float64(row[label]) - float64(least) + math.Log(sum)) / float64(len(labels))
		b := &c.Bins[min(int(calibrationBins/sum), calibrationBins-1)]
		b.Samples++
		b.Confidence += Number(1 / sum)
		if slices.Index(row, least) == int(label) {
			b.Accuracy++
		}
	}
	c.average(nll, lost, len(labels))
	return c, nil
}

// average makes means of the bins' sums; lost tells that there are samples without probabilities, or none.
func (c *Calibration) average(nll float64, lost bool, samples int) {
	ece := 0.0
	for i := range c.Bins {
		b := &c.Bins[i]
		n := float64(b.Samples)
		b.Confidence, b.Accuracy = Number(Ratio(float64(b.Confidence), n)), Number(Ratio(float64(b.Accuracy), n))
		if b.Samples > 0 {
			ece += math.Abs(float64(b.Confidence-b.Accuracy)) * n / float64(samples)
		}
	}
	if lost {
		ece, nll = math.NaN(), math.NaN()
	}
	c.ECE, c.NLL = Number(ece), Number(nll)
}
