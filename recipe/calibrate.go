package recipe

import (
	"math"
	"slices"
)

// Calibration says how far a classifier's probabilities can be believed.
type Calibration struct {
	ECE  float64          `json:"ece"` // expected calibration error: |confidence − accuracy|, mean over the samples by bins
	NLL  float64          `json:"nll"` // of the right labels, in nat
	Bins []CalibrationBin `json:"bins"`
}

// CalibrationBin is the samples whose confidence lies in a fifteenth of [0, 1].
type CalibrationBin struct {
	Samples    int     `json:"samples"`
	Confidence float64 `json:"confidence"` // mean
	Accuracy   float64 `json:"accuracy"`
}

const calibrationBins = 15

// calibration looks at energies [N, K] whose probabilities are proportional to exp(−E).
//
// Source: [guo2017].
func calibration(energies []float32, labels []byte) Calibration {
	k := len(energies) / max(len(labels), 1)
	c := Calibration{Bins: make([]CalibrationBin, calibrationBins)}
	for i, label := range labels {
		row := energies[i*k : (i+1)*k]
		least := slices.Min(row)
		var sum float64
		for _, e := range row {
			sum += math.Exp(float64(least - e))
		}
		confidence := 1 / sum
		c.NLL += (float64(row[label]-least) + math.Log(sum)) / float64(len(labels))
		b := &c.Bins[min(int(confidence*calibrationBins), calibrationBins-1)]
		b.Samples++
		b.Confidence += confidence
		if slices.Index(row, least) == int(label) {
			b.Accuracy++
		}
	}
	for i := range c.Bins {
		b := &c.Bins[i]
		if b.Samples == 0 {
			continue
		}
		n := float64(b.Samples)
		b.Confidence, b.Accuracy = b.Confidence/n, b.Accuracy/n
		c.ECE += math.Abs(b.Confidence-b.Accuracy) * n / float64(len(labels))
	}
	return c
}

// auroc is the probability that a foreign sample has a higher score than an own one,
// ties by half: the area under the curve of detections over false alarms.
func auroc(own, foreign []float64) float64 {
	type scored struct {
		score   float64
		foreign bool
	}
	all := make([]scored, 0, len(own)+len(foreign))
	for _, s := range own {
		all = append(all, scored{s, false})
	}
	for _, s := range foreign {
		all = append(all, scored{s, true})
	}
	slices.SortFunc(all, func(a, b scored) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		}
		return 0
	})
	var pairs, below float64 // pairs won, and own samples before
	for i := 0; i < len(all); {
		j, tiedOwn, tiedForeign := i, 0.0, 0.0
		for ; j < len(all) && all[j].score == all[i].score; j++ {
			if all[j].foreign {
				tiedForeign++
			} else {
				tiedOwn++
			}
		}
		pairs += tiedForeign * (below + tiedOwn/2)
		below += tiedOwn
		i = j
	}
	return pairs / (float64(len(own)) * float64(len(foreign)))
}
