package loss

import (
	"fmt"

	"github.com/energo-ml/energo/loss/distance"
)

// A formula is a measure as the grid computes it: x·y for the cosine, whose rows have unit length, and for the
// dot product, the distance itself for others.
type formula struct{ distance.Measure }

// formulaOf returns a measure's, with one name for each kind.
func formulaOf(m distance.Measure) formula {
	if m.Kind == "" || m.Kind == distance.Lp && m.P == 2 {
		m.Kind, m.P = distance.Euclidean, 0
	}
	return formula{m}
}

func checkMeasure(loss string, m distance.Measure) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("loss: %s: %w", loss, err)
	}
	return nil
}

// product reports whether the formula is x·y.
func (f formula) product() bool { return f.Kind == distance.Cosine || f.Kind == distance.Dot }

// unit reports whether rows are divided by their lengths.
func (f formula) unit() bool { return f.Normalize || f.Kind == distance.Cosine }

// as turns the formula's value into a distance or a similarity, and back: both are sign·value + offset.
func (f formula) as(similarity bool) (sign, offset float64) {
	switch {
	case f.product() == similarity:
		return 1, 0
	case f.Kind == distance.Cosine:
		return -1, 1
	}
	return -1, 0
}
