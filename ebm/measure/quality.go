package measure

import (
	"math"
	"slices"
)

// Quality is what a classifier and the training set say of a sample of draws, such as pictures. That of real samples is what to hold it
// against.
type Quality struct {
	Confidence   float64 // the classifier's greatest probability, mean
	Entropy      float64 // of the classifier's probabilities, mean, in nat: low where draws are clear
	LabelEntropy float64 // of the mean probabilities: log K where all labels are drawn alike
	Nearest      float64 // distance to the nearest training sample, median
	Copies       float64 // fraction nearer to one than the bound
}

// QualityOf works out the figures from a classifier's probabilities of the draws, [n, k], and from their n distances to the nearest
// training sample; nearer than near is a copy. A distance or a probability that is NaN makes the figures that it goes into NaN, and so do
// no draws.
func QualityOf(p []float32, k int, distances []float64, near float64) Quality {
	n := len(distances)
	mean := make([]float64, k)
	var confidence, entropy, labels, copies float64
	for i := range n {
		row := p[i*k : (i+1)*k]
		confidence += float64(slices.Max(row))
		for c, v := range row {
			mean[c] += float64(v) / float64(n)
			entropy += Entropy(float64(v))
		}
	}
	for _, v := range mean {
		labels += Entropy(v)
	}
	for _, r := range distances {
		switch {
		case math.IsNaN(r) || math.IsNaN(near):
			copies = math.NaN()
		case r < near:
			copies++
		}
	}
	share := func(sum float64) float64 { return Ratio(sum, float64(n)) }
	if n == 0 {
		labels = math.NaN()
	}
	return Quality{share(confidence), share(entropy), labels, Quantile(Sorted(distances), 0.5), share(copies)}
}
