package loss

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Measure says how far two embeddings are from each other, in losses that look at all
// pairs of a batch. Losses of distances take 1 − cosine and −dot product; losses of
// similarities take the negative distance.
//
// Special cases: embeddings so far apart that T does not hold the squares of their distances
// make a loss of distances NaN; so do dot products that T does not hold, with gradients NaN.
// Kinks: the derivative of the Euclidean distance is 0 where it is 0, and that of Lp as
// PairwiseDistance's.
type Measure struct {
	Kind MeasureKind
	P    float64 // the degree of Lp: at least 1; +Inf is the greatest difference; 0 with the others
	// Normalize divides the embeddings by their Euclidean lengths first, or by 1e-12 where
	// they are shorter. Cosine always does; Normalize must be false there.
	Normalize bool
}

// MeasureKind is a formula of Measure.
type MeasureKind uint8

// The formulas of distances and similarities.
const (
	Euclidean MeasureKind = iota // ‖a − b‖
	Squared                      // ‖a − b‖²
	Cosine                       // a·b/(‖a‖‖b‖), a similarity; with a row of zeros it is 0
	Dot                          // a·b, a similarity
	Lp                           // ‖a − b‖_P; by far the slowest
)

var measureNames = []string{Euclidean: "euclidean", Squared: "squared", Cosine: "cosine", Dot: "dot", Lp: "lp"}

// String returns the name in catalogues and configurations.
func (k MeasureKind) String() string {
	if int(k) < len(measureNames) {
		return measureNames[k]
	}
	return "unknown"
}

// MeasureNamed returns the formula of a name.
func MeasureNamed(name string) (MeasureKind, error) {
	if i := slices.Index(measureNames, name); i >= 0 {
		return MeasureKind(i), nil
	}
	return 0, fmt.Errorf("distance is %q; it must be one of %s", excerpt.Of(name), strings.Join(measureNames, ", "))
}

func (m Measure) check(loss string) error {
	if int(m.Kind) >= len(measureNames) {
		return badOption(loss, "distance", m.Kind, "one of "+strings.Join(measureNames, ", "))
	}
	switch {
	case m.Kind == Lp && !(m.P >= 1):
		return badOption(loss, "p", m.P, "at least 1")
	case m.Kind != Lp && m.P != 0:
		return badOption(loss, "p", m.P, "0, since the distance is "+m.Kind.String())
	case m.Kind == Cosine && m.Normalize:
		return badOption(loss, "normalize", true, "false, since cosine always divides by the lengths")
	}
	return nil
}

// similar reports whether more is nearer.
func (m Measure) similar() bool { return m.Kind == Cosine || m.Kind == Dot }

// unit reports whether the embeddings are divided by their lengths.
func (m Measure) unit() bool { return m.Normalize || m.Kind == Cosine }

// as turns a formula's value into a distance or a similarity, and back: both are ±value
// plus a constant, and the constant is 1 for the cosine as a distance.
func (m Measure) as(similarity bool) (sign, offset float64) {
	switch {
	case m.similar() == similarity:
		return 1, 0
	case m.Kind == Cosine:
		return -1, 1
	}
	return -1, 0
}
