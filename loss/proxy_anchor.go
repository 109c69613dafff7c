package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// ProxyAnchor lets the proxy of each class pull the batch's samples of the class, those that
// are far most, and push all others, those that are near most. With the cosines s of a
// proxy p with its samples x⁺ and with the others x⁻,
//
//	ℓ⁺(p) = log(1 + Σ_{x⁺} exp(−Alpha(s − Margin)))
//	ℓ⁻(p) = log(1 + Σ_{x⁻} exp(Alpha(s + Margin)))
//
// The loss is the mean of ℓ⁺ over the proxies that have samples in the batch plus the mean of
// ℓ⁻ over all proxies; as a sum, neither is divided.
//
// Shapes: N rows of dim coordinates, N labels from 0 to C−1, C proxies of dim coordinates.
// Units: Margin has the cosine's, Alpha its inverse.
// Kinks: none.
// Special cases: rows shorter than 1e-12 are divided by that instead of their length; of no
// sample the loss is 0; numbers that are not finite give NaN.
// Errors: Alpha that is not above 0; Margin that is not finite; a label that is no class;
// lengths that do not fit.
// Source: [kim2020].
type ProxyAnchor[T tensor.Float] struct {
	Margin    float64 // NewProxyAnchor's is 0.1
	Alpha     float64 // NewProxyAnchor's is 32
	Reduction Reduction

	overClasses[T]
	sums proxyAnchorRow[T]
	seen []bool // classes of the batch
}

// NewProxyAnchor returns the loss with a margin of 0.1 and an alpha of 32.
func NewProxyAnchor[T tensor.Float]() *ProxyAnchor[T] { return &ProxyAnchor[T]{Margin: 0.1, Alpha: 32} }

// Eval returns the loss of a batch and writes its gradients, unless they are nil.
func (l *ProxyAnchor[T]) Eval(embeddings []T, dim int, labels []int, proxies, dEmbeddings, dProxies []T) (float64, error) {
	const name = "ProxyAnchor"
	if err := inverse(name, "alpha", l.Alpha); err != nil {
		return 0, err
	}
	if err := finiteOption(name, "margin", l.Margin); err != nil {
		return 0, err
	}
	if _, err := l.Reduction.scale(name, 1); err != nil {
		return 0, err
	}
	samples, points, err := l.sides(name, "proxies", dim, gridArgs[T]{embeddings, labels, dEmbeddings}, proxies, dProxies)
	if err != nil {
		return 0, err
	}
	l.sums = proxyAnchorRow[T]{
		near: multiSimilarityRow[T]{alpha: l.Alpha, base: l.Margin}, far: multiSimilarityRow[T]{beta: l.Alpha, base: -l.Margin},
		pull: l.Alpha, push: l.Alpha,
	}
	if l.Reduction == Mean {
		classes := len(points.labels)
		l.sums.pull /= float64(max(l.present(labels, classes), 1))
		l.sums.push /= float64(classes)
	}
	return l.eval(pairBatch[T]{
		loss: name, measure: distance.Measure{Kind: distance.Cosine}, similarity: true, over: OverAll, reduction: Sum, dim: dim,
		a: points, r: references(samples.x, samples.labels, samples.dx),
	}, &l.sums)
}

// present returns how many classes the labels are of.
func (l *ProxyAnchor[T]) present(labels []int, classes int) (n int) {
	l.seen = scratch.Sized(l.seen, classes)
	clear(l.seen)
	for _, y := range labels {
		if !l.seen[y] {
			l.seen[y] = true
			n++
		}
	}
	return n
}

// proxyAnchorRow is ProxyAnchor at one proxy: the two sums of MultiSimilarity, weighted.
type proxyAnchorRow[T tensor.Float] struct {
	near, far  multiSimilarityRow[T]
	pull, push float64
}

func (l *proxyAnchorRow[T]) row(r *gridRow[T]) {
	r.terms = 1
	for k, j := range r.same {
		r.ranked[k] = r.values[j]
	}
	r.mask(T(math.Inf(-1)))
	v := l.push * l.far.negatives(r)
	simd.Scale(r.values, r.values, T(l.push))
	v += l.pull * l.near.positives(r, math.Inf(1))
	for _, j := range r.same {
		r.values[j] *= T(l.pull)
	}
	r.count(v)
}

func proxyAnchorEntry() Entry {
	return Entry{
		Name: "proxy_anchor", Type: "ProxyAnchor", Batch: true,
		Formula: "log(1 + Σ_{x⁺} exp(−alpha(s − margin))) over the proxies with samples + log(1 + Σ_{x⁻} exp(alpha(s + margin))) over all",
		Domain:  "rows of real numbers, labels from 0 to C−1", Margin: "margin = 0.1",
		Kinks:   "none",
		Source:  []string{"kim2020"},
		Inputs:  proxyInputs,
		Options: []Option{{"margin", "0.1", "a number"}, {"alpha", "32", "a number above 0"}, batchReduction},
		run32:   callProxyAnchor[float32], run64: callProxyAnchor[float64],
	}
}

func callProxyAnchor[T tensor.Float](c *Call[T]) error {
	return c.onClasses("proxies", &ProxyAnchor[T]{Margin: c.number("margin", 0.1), Alpha: c.number("alpha", 32), Reduction: c.reduction()})
}
