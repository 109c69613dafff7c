package jobs

import (
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
)

// pairLoss is the loss of a siamese network over pairs of vectors. It keeps its memory.
type pairLoss struct {
	c         *Siamese
	euclidean distance.Measure
	distances []float32
	slopes    []float32
	target    []float32 // 1 for the same, −1 for others
	dx, dy    []float64 // of one pair
}

func newPairLoss(c *Siamese) *pairLoss {
	return &pairLoss{c: c, dx: make([]float64, c.Dim), dy: make([]float64, c.Dim)}
}

// eval returns the mean loss of the pairs xᵢ, yᵢ, where x holds the rows of both branches one behind
// the other, and writes its gradient.
func (l *pairLoss) eval(x []float32, same []bool, grad []float32) (float64, error) {
	half := len(same) * l.c.Dim
	a, b, da, db := x[:half], x[half:], grad[:half], grad[half:]
	l.target = l.target[:0]
	for _, s := range same {
		t := float32(-1)
		if s {
			t = 1
		}
		l.target = append(l.target, t)
	}
	if l.c.Loss == "cosine_embedding" {
		cosine := loss.CosineEmbedding[float32]{Margin: l.c.Margin}
		return cosine.Eval(a, b, l.target, l.c.Dim, da, db)
	}
	l.measure(a, b)
	v, err := l.ofDistances()
	if err != nil {
		return 0, err
	}
	l.slope(a, b, da, db)
	return v, nil
}

// measure puts the pairs' distances in place. One that overflows is NaN: as an infinity it would
// be that of a pair that is far enough apart.
func (l *pairLoss) measure(a, b []float32) {
	n, d := len(l.target), l.c.Dim
	l.distances, l.slopes = scratch.Sized(l.distances, n), scratch.Sized(l.slopes, n)
	for i := range l.distances {
		l.distances[i] = float32(distance.Between(l.euclidean, a[i*d:][:d], b[i*d:][:d]))
		if math.IsInf(float64(l.distances[i]), 1) {
			l.distances[i] = float32(math.NaN())
		}
	}
}

// ofDistances returns the mean loss of the distances and writes its slopes.
func (l *pairLoss) ofDistances() (float64, error) {
	if l.c.Loss == "hinge_embedding" {
		hinge := loss.HingeEmbedding[float32]{Margin: l.c.Margin}
		return hinge.Eval(l.distances, l.target, l.slopes)
	}
	f, n, sum := functional.SquareSquare{Margin: l.c.Margin}, float64(len(l.target)), 0.0
	for i, d := range l.distances {
		correct, other := float64(d), math.Inf(1)
		if l.target[i] < 0 {
			correct, other = 0, float64(d)
		}
		v, dCorrect, dOther := f.Eval(correct, other)
		sum += v
		l.slopes[i] = float32((dCorrect + dOther) / n) // one of the two is 0
	}
	return sum / n, nil
}

// slope writes the gradients by the vectors.
func (l *pairLoss) slope(a, b, da, db []float32) {
	d := l.c.Dim
	for i, up := range l.slopes {
		clear(l.dx)
		clear(l.dy)
		x, y := a[i*d:][:d], b[i*d:][:d]
		distance.Slope(l.euclidean, l.dx, l.dy, x, y, float64(l.distances[i]), float64(up))
		for k := range d {
			da[i*d+k], db[i*d+k] = float32(l.dx[k]), float32(l.dy[k])
		}
	}
}
