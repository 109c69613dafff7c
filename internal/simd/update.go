package simd

import "math"

// SGDOptions are the settings of one step of stochastic gradient descent.
type SGDOptions struct {
	LR          float64 // step size
	Momentum    float64 // µ
	Dampening   float64 // τ
	WeightDecay float64 // λ
	Nesterov    bool
	First       bool // the momentum buffer has no history yet: it starts as the gradient
}

// SGD does one step of gradient descent, as PyTorch's SGD:
//
//	d = g + λw
//	m = µm + (1 − τ)d        m = d on the first step
//	w = w − LR·m             w − LR·(d + µm) with Nesterov
//
// Without momentum (µ = 0), w = w − LR·d, and m is not used and may be nil.
func SGD[T Float](w, grad, m []T, o SGDOptions) {
	sameLength("w", "grad", len(w), len(grad))
	k := sgdFactors[T]{
		decay: T(o.WeightDecay), momentum: T(o.Momentum), fresh: T(1 - o.Dampening), step: T(o.LR),
	}
	if o.Momentum == 0 {
		m = nil
	} else {
		sameLength("w", "m", len(w), len(m))
		if o.Nesterov {
			k.ahead = k.momentum
		}
	}
	if m != nil && o.First {
		clear(m)
		k.fresh = 1
	}
	t := tableOf[T]()
	update(updateJob[T]{sgd: t.sgd, w: w, grad: grad, m: m, bySGD: k})
}

// AdamOptions are the settings of one step of Adam.
type AdamOptions struct {
	LR           float64 // step size
	Beta1, Beta2 float64 // decay rates of the two moments
	Eps          float64 // added to the root of the second moment
	WeightDecay  float64 // λ
	Decoupled    bool    // AdamW: the weights themselves decay, instead of λw joining the gradient
	Correction1  float64 // 1 − Beta1ᵗ at step t = 1, 2, …
	Correction2  float64 // 1 − Beta2ᵗ
}

// Adam does one step of Adam, or of AdamW, as PyTorch's:
//
//	d = g + λw               AdamW: d = g, w = w(1 − LR·λ)
//	m = β₁m + (1 − β₁)d
//	v = β₂v + (1 − β₂)d²
//	w = w − LR/c₁ · m/(√v/√c₂ + ε)
//
// with the corrections c₁ and c₂. The d of both moments is held as Squarable does.
func Adam[T Float](w, grad, m, v []T, o AdamOptions) {
	sameLength("w", "grad", len(w), len(grad))
	sameLength("w", "m", len(w), len(m))
	sameLength("w", "v", len(w), len(v))
	k := adamFactors[T]{
		keep: 1, beta1: T(o.Beta1), fresh1: T(1 - o.Beta1), beta2: T(o.Beta2), fresh2: T(1 - o.Beta2),
		root: T(1 / math.Sqrt(o.Correction2)), eps: T(o.Eps), step: T(o.LR / o.Correction1),
	}
	if o.Decoupled {
		k.keep = T(1 - float64(o.LR*o.WeightDecay))
	} else {
		k.decay = T(o.WeightDecay)
	}
	t := tableOf[T]()
	update(updateJob[T]{adam: t.adam, w: w, grad: grad, m: m, v: v, byAdam: k})
}

// EMA moves avg towards w: avg = decay·avg + (1 − decay)·w, as avg + (1 − decay)(w − avg).
func EMA[T Float](avg, w []T, decay float64) { unary(opEMA, avg, w, T(1-decay)) }

// sgdFactors are SGD's factors; ahead is µ with Nesterov, else 0. The kernels read the
// fields by their order.
type sgdFactors[T Float] struct {
	decay, momentum, fresh, step, ahead T
}

// adamFactors are Adam's factors; the kernels read the fields by their order.
type adamFactors[T Float] struct {
	decay, keep, beta1, fresh1, beta2, fresh2, root, eps, step T
}

// An updateJob is a step of SGD or Adam (the one that is not nil) cut into chunks.
type updateJob[T Float] struct {
	sgd           func(w, grad, m []T, k *sgdFactors[T])
	adam          func(w, grad, m, v []T, k *adamFactors[T])
	w, grad, m, v []T
	bySGD         sgdFactors[T]
	byAdam        adamFactors[T]
}

func (j *updateJob[T]) Do(task, _ int) {
	lo := task * lightChunk
	hi := min(lo+lightChunk, len(j.w))
	if j.adam != nil {
		j.adam(j.w[lo:hi], j.grad[lo:hi], j.m[lo:hi], j.v[lo:hi], &j.byAdam)
	} else {
		j.sgd(j.w[lo:hi], j.grad[lo:hi], part(j.m, lo, hi), &j.bySGD)
	}
}

func update[T Float](job updateJob[T]) {
	free := &jobsOf[T]().updates
	j := free.get()
	*j = job
	tasks := (len(j.w) + lightChunk - 1) / lightChunk
	if tasks <= 2 {
		for t := range tasks {
			j.Do(t, 0)
		}
	} else {
		Run(tasks, j)
	}
	*j = updateJob[T]{}
	free.put(j)
}

func sgd[T Float](w, grad, m []T, k *sgdFactors[T]) {
	for i, d := range grad {
		d += k.decay * w[i]
		if m != nil {
			m[i] = k.momentum*m[i] + k.fresh*d
			if k.ahead != 0 {
				d += k.ahead * m[i]
			} else {
				d = m[i]
			}
		}
		w[i] -= T(k.step * d)
	}
}

func adam[T Float](w, grad, m, v []T, k *adamFactors[T]) {
	for i, d := range grad {
		d = Squarable(d + k.decay*w[i])
		m[i] = k.beta1*m[i] + k.fresh1*d
		v[i] = k.beta2*v[i] + k.fresh2*(d*d)
		root := T(math.Sqrt(float64(v[i])))
		w[i] = T(w[i]*k.keep) - T(k.step*(m[i]/(root*k.root+k.eps)))
	}
}

// greatestRoots are the greatest numbers whose squares are finite.
const (
	greatestRoot32 = 0x1.fffffep63
	greatestRoot64 = 0x1.fffffffffffffp511
)

// Squarable returns a finite d held within the numbers whose squares are finite, and NaN
// for all others: an infinite gradient stays one that is seen.
func Squarable[T Float](d T) T {
	limit := greatestRoot32
	if _, ok := any(d).(float64); ok {
		limit = greatestRoot64
	}
	return min(max(d, T(-limit)), T(limit)) + (d - d)
}

func ema[T Float](avg, w, _ []T, rate T) {
	for i, v := range w {
		avg[i] += rate * (v - avg[i])
	}
}
