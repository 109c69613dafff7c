package loss

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/internal/simd"
)

// ProxyNCA pulls a sample to the proxy of its class and pushes it from all others. With the
// squared distances dⱼ between the sample and the proxies, all of length 1, and the class y,
//
//	ℓ = −log exp(−d_y/Temperature) / Σ_{j≠y} exp(−dⱼ/Temperature)
//
// which falls below 0 and has no least value to speak of; with PlusPlus the own class is in
// the sum below too, and ℓ is a cross-entropy. The loss is the mean over the samples.
//
// Shapes: N rows of dim coordinates, N labels from 0 to C−1, C proxies of dim coordinates.
// Units: Temperature has the squared distance's; ℓ is in nats.
// Kinks: none.
// Special cases: rows shorter than 1e-12 are divided by that instead of their length; of a
// single class the loss is 0; so it is of no sample; numbers that are not finite give NaN.
// Errors: Temperature that is not above 0; a label that is no class; lengths that do not fit.
// Source: [movshovitz2017]; PlusPlus [teh2020].
type ProxyNCA[T tensor.Float] struct {
	Temperature float64 // NewProxyNCA's is 1, NewProxyNCAPlusPlus's 1/9
	PlusPlus    bool
	Reduction   Reduction

	overClasses[T]
	softmax proxyNCARow[T]
}

// NewProxyNCA returns the loss of 2017: a temperature of 1, the own class not in the sum.
func NewProxyNCA[T tensor.Float]() *ProxyNCA[T] { return &ProxyNCA[T]{Temperature: 1} }

// NewProxyNCAPlusPlus returns that of 2020: a temperature of 1/9, the own class in the sum.
func NewProxyNCAPlusPlus[T tensor.Float]() *ProxyNCA[T] {
	return &ProxyNCA[T]{Temperature: 1.0 / 9, PlusPlus: true}
}

// Eval returns the loss of a batch and writes its gradients, unless they are nil.
func (l *ProxyNCA[T]) Eval(embeddings []T, dim int, labels []int, proxies, dEmbeddings, dProxies []T) (float64, error) {
	const name = "ProxyNCA"
	if err := inverse(name, "temperature", l.Temperature); err != nil {
		return 0, err
	}
	a, r, err := l.sides(name, "proxies", dim, gridArgs[T]{embeddings, labels, dEmbeddings}, proxies, dProxies)
	if err != nil {
		return 0, err
	}
	l.softmax = proxyNCARow[T]{1 / l.Temperature, l.PlusPlus}
	return l.eval(pairBatch[T]{
		loss: name, measure: distance.Measure{Kind: distance.Squared, Normalize: true}, similarity: true, over: OverAll, reduction: l.Reduction, dim: dim, a: a, r: r,
	}, &l.softmax)
}

// proxyNCARow is ProxyNCA at one sample, with the inverse temperature beta.
type proxyNCARow[T tensor.Float] struct {
	beta     float64
	plusPlus bool
}

func (l *proxyNCARow[T]) row(r *gridRow[T]) {
	y := r.same[0]
	x := float64(l.beta * float64(r.values[y]))
	if l.plusPlus || r.others == 0 {
		r.values[y] = T(l.beta * r.pick(l.beta, x))
		return
	}
	r.mask(T(math.Inf(-1)))
	free := r.boltzmann(l.beta)
	r.terms = 1
	r.count(free.log - x)
	simd.Scale(r.values, r.values, T(l.beta*free.weight))
	r.values[y] = T(-l.beta)
}

func proxyNCAEntry() Entry {
	return Entry{
		Name: "proxy_nca", Type: "ProxyNCA", Batch: true,
		Formula: "d_y/T + log Σ_{j≠y} exp(−dⱼ/T) of the squared distances to the proxies, all of length 1; with plus_plus the sum is over all j",
		Domain:  "rows of real numbers, labels from 0 to C−1", Margin: "> 0",
		Kinks:   "none",
		Source:  []string{"movshovitz2017", "teh2020"},
		Inputs:  proxyInputs,
		Options: []Option{{"temperature", "1, or 1/9 with plus_plus", temperatureIs}, {"plus_plus", "false", "whether the own class is in the sum"}, batchReduction},
		run32:   callProxyNCA[float32], run64: callProxyNCA[float64],
	}
}

func callProxyNCA[T tensor.Float](c *Call[T]) error {
	l := NewProxyNCA[T]()
	if c.flag("plus_plus", false) {
		l = NewProxyNCAPlusPlus[T]()
	}
	l.Temperature, l.Reduction = c.number("temperature", l.Temperature), c.reduction()
	return c.onClasses("proxies", l)
}
