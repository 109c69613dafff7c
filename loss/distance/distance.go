// Package distance says how far two vectors are from each other, in one vocabulary for losses, miners, figures of
// retrieval, encoders and indexes: less is nearer throughout, so the distance of cosines is 1 − cos and that of dot
// products −x·y.
package distance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/spelling"
)

// Kind is a formula of a distance, by its name in files, settings and flags.
type Kind string

// The kinds.
const (
	Euclidean Kind = "euclidean" // ‖x − y‖
	Squared   Kind = "squared"   // ‖x − y‖²
	Cosine    Kind = "cosine"    // 1 − x·y/(max(‖x‖, 1e-12)·max(‖y‖, 1e-12)): 1 from a row of zeros
	Dot       Kind = "dot"       // −x·y
	Lp        Kind = "lp"        // (Σ |xᵢ − yᵢ|^P)^(1/P)
)

// Kinds lists all kinds.
var Kinds = []Kind{Euclidean, Squared, Cosine, Dot, Lp}

// Check refuses a kind that is not one of those allowed. The error lists them, and calls the kind by the
// name of the field or the option that it is from.
func (k Kind) Check(name string, allowed []Kind) error {
	if slices.Contains(allowed, k) {
		return nil
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	return fmt.Errorf("%s is %q; it must be one of %s%s", name, excerpt.Of(k), strings.Join(names, ", "), spelling.DidYouMean(string(k), names))
}

// Measure is a distance: a kind and what it needs. Its zero value is the Euclidean distance.
type Measure struct {
	Kind Kind    // "" means Euclidean
	P    float64 // of Lp alone: from 1 to +Inf
	// Normalize divides both rows by their Euclidean lengths first, or by 1e-12 where they are shorter.
	// Cosine always does; Normalize must be false there.
	Normalize bool
}

// Check refuses a kind that is not one of Kinds, a P that its kind does not take, and a Normalize without
// effect. The caller puts its own name before what it says.
func (m Measure) Check() error {
	if m.Kind != "" {
		if err := m.Kind.Check("distance", Kinds); err != nil {
			return err
		}
	}
	switch {
	case m.Kind == Lp && !(m.P >= 1):
		return fmt.Errorf("p is %v; it must be at least 1", m.P)
	case m.Kind != Lp && m.P != 0:
		return fmt.Errorf("p is %v; it must be 0 where the distance is not lp", m.P)
	case m.Kind == Cosine && m.Normalize:
		return fmt.Errorf("normalize is true; it must be false where the distance is cosine, which always divides by the lengths")
	}
	return nil
}

// Between returns the distance of two rows in float64. They are of one length and finite,
// and m passes Check.
func Between[T tensor.Float](m Measure, x, y []T) float64 {
	if m.Normalize {
		m.Normalize = false
		u := unitsOf(x, y)
		defer memory.Put(u)
		return Between(m, u.x, u.y)
	}
	switch m.Kind {
	case Squared:
		return simd.PairSquares(x, y)
	case Cosine:
		return simd.CosineDistance(x, y, simd.ShortestRow)
	case Dot:
		return -simd.Dot(x, y)
	case Lp:
		return simd.PairNorm(x, y, m.P, 0)
	}
	return simd.PairNorm(x, y, 2, 0)
}
