package pair

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"pgregory.net/rapid"
)

// A sample is a batch small enough to be searched by definition. Its coordinates are small
// whole numbers, so that squared distances are exact in float32 and ties are frequent.
type sample[T tensor.Float] struct {
	x      []T
	dim    int
	labels []int
}

func drawSample[T tensor.Float](t *rapid.T) sample[T] {
	n, dim := rapid.IntRange(0, 24).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "dim")
	classes := rapid.IntRange(1, 6).Draw(t, "classes")
	s := sample[T]{x: make([]T, n*dim), dim: dim, labels: make([]int, n)}
	for i := range s.x {
		s.x[i] = T(rapid.IntRange(-4, 4).Draw(t, "x"))
	}
	for i := range s.labels {
		s.labels[i] = rapid.IntRange(-1, classes-2).Draw(t, "label")
	}
	return s
}

// distance is that of two samples by definition, rounded to T.
func (s *sample[T]) distance(d distance.Measure, i, j int) float64 {
	return float64(T(byDefinition(d, s.x[i*s.dim:][:s.dim], s.x[j*s.dim:][:s.dim])))
}

func byDefinition[T tensor.Float](d distance.Measure, x, y []T) float64 {
	var squares, dot, nx, ny, powers, top float64
	byX, byY := 1.0, 1.0
	if d.Normalize {
		byX, byY = norm(x), norm(y)
	}
	for i := range x {
		a, b := float64(x[i])/byX, float64(y[i])/byY
		squares += (a - b) * (a - b)
		dot += a * b
		nx += a * a
		ny += b * b
		powers += math.Pow(math.Abs(a-b), d.P)
		top = max(top, math.Abs(a-b))
	}
	switch d.Kind {
	case distance.Squared:
		return squares
	case distance.Cosine:
		return 1 - dot/math.Sqrt(nx*ny)
	case distance.Dot:
		return -dot
	case distance.Lp:
		if math.IsInf(d.P, 1) {
			return top
		}
		return math.Pow(powers, 1/d.P)
	}
	return math.Sqrt(squares)
}

func norm[T tensor.Float](x []T) float64 {
	squares := 0.0
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	return math.Sqrt(squares)
}

func (s *sample[T]) positives(a int) (p []int) {
	for j, l := range s.labels {
		if l == s.labels[a] && j != a {
			p = append(p, j)
		}
	}
	return p
}

func (s *sample[T]) negatives(a int) (n []int) {
	for j, l := range s.labels {
		if l != s.labels[a] {
			n = append(n, j)
		}
	}
	return n
}

// extreme returns which of the samples is nearest to a, or farthest: the first of equals.
func (s *sample[T]) extreme(d distance.Measure, a int, of []int, far bool) int {
	return slices.MinFunc(of, func(i, j int) int {
		di, dj := s.distance(d, a, i), s.distance(d, a, j)
		switch {
		case di == dj:
			return i - j
		case di < dj != far:
			return -1
		}
		return 1
	})
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// wantError holds an error to what it must say.
func wantError(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", says)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error %q does not say %q", err, s)
		}
	}
}
