package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// ArcFace is the cross-entropy of picking a sample's class by the angles between its
// embedding and a weight of each class, with a handicap on the angle to its own. With the
// angles θⱼ and the class y,
//
//	ℓ = −log exp(Scale·φ) / (exp(Scale·φ) + Σ_{j≠y} exp(Scale·cos θⱼ))
//	φ = cos(θ_y + Margin)                  θ_y ≤ π − Margin
//	φ = cos θ_y − Margin·sin(Margin)       beyond
//
// Beyond π the cosine would rise again and reward the angle for being wrong; the second
// line falls all the way, as the paper's authors have it in their code. Where it begins φ
// jumps by 1 − cos(Margin) − Margin·sin(Margin), which is downwards for a Margin below 2.33.
// The loss is the mean over the samples.
//
// Shapes: N rows of dim coordinates, N labels from 0 to C−1, C weights of dim coordinates.
// Units: Margin is in radians; Scale times a cosine is a logit; ℓ is in nats.
// Kinks: at θ_y = 0 the tip of a cone: the part of the derivative that comes through φ is 0
// there; the jump of φ has the derivative of the side before it.
// Special cases: rows shorter than 1e-12 are divided by that instead of their length; of a
// single class the loss is 0; so it is of no sample; numbers that are not finite give NaN.
// Memory: copies of embeddings and weights, and a strip of cosines; never all of them.
// Errors: Margin outside [0, π]; Scale that is not above 0; a label that is no class;
// lengths that do not fit.
// Source: [deng2019].
type ArcFace[T tensor.Float] struct {
	Margin    float64 // NewArcFace's is 0.5
	Scale     float64 // NewArcFace's is 64
	Reduction Reduction

	overClasses[T]
	softmax arcFaceRow[T]
}

// NewArcFace returns the loss with a margin of half a radian and a scale of 64.
func NewArcFace[T tensor.Float]() *ArcFace[T] { return &ArcFace[T]{Margin: 0.5, Scale: 64} }

// Eval returns the loss of a batch and writes its gradients, unless they are nil.
func (l *ArcFace[T]) Eval(embeddings []T, dim int, labels []int, weight, dEmbeddings, dWeight []T) (float64, error) {
	const name = "ArcFace"
	if !(l.Margin >= 0 && l.Margin <= math.Pi) {
		return 0, badOption(name, "margin", l.Margin, "radians from 0 to π")
	}
	if err := inverse(name, "scale", l.Scale); err != nil {
		return 0, err
	}
	a, r, err := l.sides(name, "weight", dim, gridArgs[T]{embeddings, labels, dEmbeddings}, weight, dWeight)
	if err != nil {
		return 0, err
	}
	defer l.grid.forget()
	b := pairBatch[T]{
		loss: name, measure: distance.Measure{Kind: distance.Cosine}, similarity: true, over: OverAll, reduction: l.Reduction, dim: dim, a: a, r: r,
	}
	ok, err := l.start(b)
	if err != nil || !ok {
		return math.NaN(), err
	}
	return l.turned(b), nil
}

// turned is overPairs' eval, with the derivatives by the angles of the own classes apart.
func (l *ArcFace[T]) turned(b pairBatch[T]) (sum float64) {
	l.softmax = arcFaceRow[T]{margin: l.Margin, scale: l.Scale, grid: &l.grid, slopes: scratch.Sized(l.softmax.slopes, len(b.a.labels))}
	sum, l.stats = l.grid.run(&l.softmax, b.needsGradient())
	scale := 1.0
	if b.reduction == Mean {
		scale = 1 / float64(max(b.over.count(l.stats), 1))
	}
	if b.needsGradient() {
		l.softmax.pull()
	}
	return l.finish(sum, scale)
}

// arcFaceRow is ArcFace at one sample.
type arcFaceRow[T tensor.Float] struct {
	margin, scale float64
	grid          *grid[T]
	slopes        []float64 // of each sample: the derivative by the cosine of its own angle
}

func (l *arcFaceRow[T]) row(r *gridRow[T]) {
	cos, slope := l.target(int(r.anchor), int(r.same[0]))
	l.slopes[r.anchor] = l.scale * slope * r.pick(l.scale, l.scale*cos)
}

// target returns the sample's φ and its derivative by the cosine, sin(θ + m)/sin θ. That
// grows without bounds at θ = 0, where a cosine has also lost the angle: so the angle comes
// from the points' difference.
func (l *arcFaceRow[T]) target(i, j int) (phi, slope float64) {
	angle := l.angle(i, j)
	if angle > math.Pi-l.margin {
		return math.Cos(angle) - float64(l.margin*math.Sin(l.margin)), 1
	}
	phi = math.Cos(angle + l.margin)
	if sin := math.Sin(angle); sin != 0 {
		slope = math.Sin(angle+l.margin) / sin
	}
	return phi, slope
}

// angle returns that between a sample and a weight.
func (l *arcFaceRow[T]) angle(i, j int) float64 {
	x, w := l.side(l.grid.a, i), l.side(l.grid.r, j)
	var minus, plus, dot float64
	for k, v := range x.raw {
		a, b := float64(v)/x.length, float64(w.raw[k])/w.length
		minus += (a - b) * (a - b)
		plus += (a + b) * (a + b)
		dot += a * b
	}
	if x.short || w.short {
		return math.Acos(max(-1, min(dot, 1)))
	}
	return 2 * math.Atan2(math.Sqrt(minus), math.Sqrt(plus))
}

// arcFacePoint is a row of an argument.
type arcFacePoint[T tensor.Float] struct {
	raw    []T
	length float64 // what it is divided by
	short  bool    // that is not its own length
}

func (l *arcFaceRow[T]) side(s *gridSide[T], i int) arcFacePoint[T] {
	d := l.grid.dim
	return arcFacePoint[T]{s.raw[i*d : (i+1)*d], s.lengths[i], s.lengths[i] <= simd.ShortestRow}
}

// pull adds the derivatives by the own cosines to the gradients by the divided rows. By a
// row of length 1 that is the other row, and what of it lies along the row itself is taken
// out in the end; here it is left out before, or it would drown what remains of two rows
// that are near.
func (l *arcFaceRow[T]) pull() {
	g := l.grid
	for i, slope := range l.slopes {
		j, d := g.a.labels[i], g.dim
		x, w := l.side(g.a, i), l.side(g.r, j)
		dx, dw := g.a.slot(i, d), g.r.slot(j, d)
		ownX, ownW := 1.0, 1.0
		if x.short {
			ownX = 0
		}
		if w.short {
			ownW = 0
		}
		for k, v := range x.raw {
			a, b := float64(v)/x.length, float64(w.raw[k])/w.length
			if dx != nil {
				dx[k] += T(slope * (b - float64(ownX*a)))
			}
			if dw != nil {
				dw[k] += T(slope * (a - float64(ownW*b)))
			}
		}
	}
}

func arcFaceEntry() Entry {
	return Entry{
		Name: "arcface", Type: "ArcFace", Batch: true,
		Formula: "−log softmax_y of scale·cos θⱼ, with scale·cos(θ_y + margin) at the label, or scale(cos θ_y − margin·sin(margin)) where θ_y + margin > π",
		Domain:  "rows of real numbers, labels from 0 to C−1", Margin: "margin = 0.5 rad",
		Kinks:   "θ_y = 0: the own class's part of the derivative is 0; θ_y + margin = π: a jump, with the derivative before it",
		Source:  []string{"deng2019"},
		Inputs:  weightInputs,
		Options: []Option{{"margin", "0.5", "radians from 0 to π"}, scaleOption, batchReduction},
		run32:   callArcFace[float32], run64: callArcFace[float64],
	}
}

func callArcFace[T tensor.Float](c *Call[T]) error {
	return c.onClasses("weight", &ArcFace[T]{Margin: c.number("margin", 0.5), Scale: c.number("scale", 64), Reduction: c.reduction()})
}
