package loss

import "math"

// Reduction says how Eval makes one number of the losses of all elements or samples.
// PyTorch's "none" is the method Each.
type Reduction uint8

// The reductions, by PyTorch's names.
const (
	Mean      Reduction = iota // "mean": over nothing it is NaN
	Sum                        // "sum": over nothing it is 0
	BatchMean                  // "batchmean", of KLDiv: the sum divided by the batch size
	PerToken                   // "per-token", of CTC: the sum divided by the number of target tokens
)

// String returns PyTorch's name.
func (r Reduction) String() string {
	switch r {
	case Mean:
		return "mean"
	case Sum:
		return "sum"
	case BatchMean:
		return "batchmean"
	case PerToken:
		return "per-token"
	}
	return "unknown"
}

// scale returns what the sum is multiplied by where a mean is over total. It refuses a
// reduction that the loss does not have.
func (r Reduction) scale(loss string, total float64) (float64, error) {
	switch r {
	case Mean:
		return 1 / total, nil
	case Sum:
		return 1, nil
	}
	return math.NaN(), badOption(loss, "reduction", r, "mean or sum")
}

// of returns the reduced loss: a sum over nothing, even times infinity, is NaN as a mean.
func reduced(sum, scale float64) float64 {
	if math.IsInf(scale, 0) {
		return math.NaN()
	}
	return sum * scale
}
