package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// The derivatives of activations without numbers of their own.
var (
	bySigmoid  = derivative{at: func(_, y float64) float64 { return y * (1 - y) }, vectors: func(dx, dy, _, y []float32) { simd.SigmoidGrad(dx, dy, y) }}
	bySoftplus = derivative{at: func(x, _ float64) float64 { return sigmoid(x) }, vectors: func(dx, dy, x, _ []float32) { simd.SoftplusGrad(dx, dy, x) }}

	// 1/(1 + |x|)²
	bySoftsign = derivative{at: func(x, _ float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) }, vectors: func(dx, dy, x, _ []float32) {
		simd.Abs(dx, x)
		simd.AddScalar(dx, dx, 1)
		simd.Square(dx, dx)
		simd.Div(dx, dy, dx)
	}}

	// t + x·σ(x)·(1 − t²) with t = tanh(softplus x)
	byMish = derivative{at: func(x, _ float64) float64 {
		t := math.Tanh(softplus(x))
		return t + float64(x*sigmoid(x)*(1-float64(t*t)))
	}, times: func(dx, dy, t, x []float32) {
		simd.Softplus(t, x)
		simd.Tanh(t, t)
		simd.Sigmoid(dx, x)
		simd.Mul(dx, dx, x)
		simd.TanhGrad(dx, dx, t)
		simd.Add(dx, dx, t)
		simd.Mul(dx, dx, dy)
	}}

	// 0 for x ≤ −3, 1 for x ≥ 3, and x/3 + ½ between
	byHardSwish = derivative{at: func(x, _ float64) float64 {
		switch {
		case x <= -3:
			return 0
		case x >= 3:
			return 1
		}
		return x/3 + 0.5
	}, times: func(dx, dy, t, x []float32) {
		simd.Scale(dx, x, 1./3)
		simd.AddScalar(dx, dx, -0.5)
		simd.SubFrom(t, 3, x)
		simd.ReLUGrad(dx, dx, t) // 0 for x ≥ 3
		simd.AddScalar(dx, dx, 1)
		simd.Mul(dx, dx, dy)
		simd.AddScalar(t, x, 3)
		simd.ReLUGrad(dx, dx, t)
	}}

	// Φ(x) + x·φ(x), φ the normal density
	byGelu = derivative{at: func(x, _ float64) float64 {
		return math.Erfc(-x/math.Sqrt2)/2 + float64(x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	}, vectors: func(dx, dy, x, _ []float32) { simd.GELUGrad(dx, dy, x) }}

	// With x·σ(z), z = c·(x + 0.044715·x³): σ + x·σ(1 − σ)·z′
	byGeluByTanh = derivative{at: func(x, _ float64) float64 {
		s := sigmoid(tanhRate * (x + 0.044715*x*x*x))
		return s + float64(x*s*(1-s)*tanhRate*(1+3*0.044715*x*x))
	}, times: func(dx, dy, t, x []float32) {
		simd.Square(t, x)
		simd.Scale(t, t, 0.044715*tanhRate)
		simd.AddScalar(t, t, tanhRate)
		simd.Mul(t, t, x)
		simd.Sigmoid(t, t)
		simd.Square(dx, x)
		simd.Scale(dx, dx, 3*0.044715*tanhRate)
		simd.AddScalar(dx, dx, tanhRate)
		simd.Mul(dx, dx, x)
		simd.SigmoidGrad(dx, dx, t)
		simd.Add(dx, dx, t)
		simd.Mul(dx, dx, dy)
	}}
)

// tanhRate is 2·√(2/π).
const tanhRate = 2 * math.Sqrt2 / math.SqrtPi

// byLeakyRelu is 1 for x > 0, else slope.
func byLeakyRelu(slope float32) derivative {
	return derivative{at: func(x, _ float64) float64 {
		if x > 0 {
			return 1
		}
		return float64(slope)
	}, vectors: func(dx, dy, x, _ []float32) { simd.LeakyReLUGrad(dx, dy, x, slope) }}
}

// byThreshold is 1 for x > alpha, else 0.
func byThreshold(alpha float64) derivative {
	return derivative{at: func(x, _ float64) float64 {
		if x <= alpha {
			return 0
		}
		return 1
	}}
}

// byExponential is gamma for x > 0, else gamma·scale/width·e^(x/width).
func byExponential(gamma, scale, width float32) derivative {
	rate := gamma * scale / width
	return derivative{at: func(x, _ float64) float64 {
		if x > 0 {
			return float64(gamma)
		}
		return float64(gamma) * float64(scale) / float64(width) * math.Exp(x/float64(width))
	}, times: func(dx, dy, t, x []float32) {
		simd.AtMost(dx, x, 0)
		simd.Scale(dx, dx, 1/width)
		simd.Exp(dx, dx)
		simd.Scale(dx, dx, rate) // rate for x > 0
		simd.Fill(t, gamma-rate)
		simd.ReLUGrad(t, t, x)
		simd.Add(dx, dx, t)
		simd.Mul(dx, dx, dy)
	}}
}

// byHardSigmoid is alpha where the value is between 0 and 1, else 0.
func byHardSigmoid(alpha float32) derivative {
	return derivative{at: func(_, y float64) float64 {
		if y <= 0 || y >= 1 {
			return 0
		}
		return float64(alpha)
	}, vectors: func(dx, dy, _, y []float32) {
		for i, e := range y {
			dx[i] = 0
			if !(e <= 0 || e >= 1) {
				dx[i] = alpha * dy[i]
			}
		}
	}}
}

// bySwish is σ(z)·(1 + z·(1 − σ(z))), z = alpha·x.
func bySwish(alpha float32) derivative {
	return derivative{at: func(x, _ float64) float64 {
		z := float64(alpha) * x
		s := sigmoid(z)
		return s * (1 + float64(z*(1-s)))
	}, vectors: func(dx, dy, x, _ []float32) {
		if alpha == 1 {
			simd.SiLUGrad(dx, dy, x)
			return
		}
		simd.Scale(dx, x, alpha)
		simd.SiLUGrad(dx, dy, dx)
	}}
}

// byShrink is 0 within lambda of 0, else 1.
func byShrink(lambda float64) derivative {
	return derivative{at: func(x, _ float64) float64 {
		if math.Abs(x) <= lambda {
			return 0
		}
		return 1
	}}
}

// Back brings the gradient through f(x + bias).
func (k *biased) Back(b *Back) error {
	up, x := b.Up[0], b.In[0]
	if up == nil {
		return nil
	}
	if len(b.In) < 2 || b.In[1] == nil {
		return k.of.Back(b)
	}
	return onFloats(x, func() error { return biasedBack(k, b, &k.of.back.f32, k.of.by.f32()) }, func() error { return biasedBack(k, b, &k.of.back.f64, k.of.by.f64()) })
}

func biasedBack[T simd.Float](k *biased, b *Back, r *reach[T], f partial[T]) error {
	up, x, bias := b.Up[0], b.In[0], b.In[1]
	sum, _, err := k.plus.get(arithmetic(add), x.Kind)
	if err != nil {
		return err
	}
	mid, dx := borrow[T](x.Len()), borrow[T](x.Len())
	defer giveBack(mid)
	defer giveBack(dx)
	v, err := value.Of(*mid, x.Shape...)
	if err != nil {
		return err
	}
	sum.zip(v, x, bias)
	r.over(*dx, false, x, f, up, b.Out[0], v)
	for i := range 2 {
		pass(b, i, *dx, x.Shape)
	}
	return nil
}

// Back brings the gradient through f(x)·y.
func (k *gated) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return gatedBack(k, b, &k.of.back.f32, k.of.by.f32()) }, func() error { return gatedBack(k, b, &k.of.back.f64, k.of.by.f64()) })
}

func gatedBack[T simd.Float](k *gated, b *Back, r *reach[T], f partial[T]) error {
	x, y := b.In[0], b.In[1]
	up := value.Data[T](b.Up[0])
	s := borrow[T](x.Len())
	defer giveBack(s)
	v, err := value.Of(*s, x.Shape...)
	if err != nil {
		return err
	}
	simd.Mul(*s, up, value.Data[T](y))
	r.to(b, 0, x, f, v, v, x) // the derivative does not go by the function's value
	if !b.Wants(1) {
		return nil
	}
	of, err := k.of.get(x.Kind)
	if err != nil {
		return err
	}
	of.apply(v, x)
	simd.Mul(*s, *s, up)
	pass(b, 1, *s, x.Shape)
	return nil
}

// Back brings the gradient to what lies within the bounds, or on one, and that of what lies beyond a bound to the bound: where low is above high, that is high.
func (k *clip) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	return onFloats(b.In[0], func() error { return clipBack(k, &k.back.f32, b) }, func() error { return clipBack(k, &k.back.f64, b) })
}

func clipBack[T simd.Float](k *clip, r *reach[T], b *Back) error {
	bounds := [3]float64{0, k.low, k.high}
	for i := 1; i < len(b.In) && i < 3; i++ {
		if v := b.In[i]; v != nil {
			bounds[i] = float64(value.Data[T](v)[0])
		}
	}
	low, high := T(bounds[1]), T(bounds[2])
	r.to(b, 0, b.In[0], func(dst []T, x [4][]T) {
		if low > high {
			clear(dst)
			return
		}
		t := borrow[T](len(dst))
		simd.SubFrom(*t, low, x[1])
		simd.ReLUGrad(*t, x[0], *t)
		simd.Sub(dst, x[0], *t) // without those below
		simd.AddScalar(*t, x[1], -high)
		simd.ReLUGrad(*t, x[0], *t)
		simd.Sub(dst, dst, *t)
		giveBack(t)
	}, b.Up[0], b.In[0])
	x, up := value.Data[T](b.In[0]), value.Data[T](b.Up[0])
	for i := 1; i < 3; i++ {
		g, add := b.Over(i)
		if g == nil {
			continue
		}
		sum := 0.0
		for j, e := range x {
			if above := e > high || low > high; i == 1 && e < low && !above || i == 2 && above {
				sum += float64(up[j])
			}
		}
		deliver(value.Data[T](g), []T{T(sum)}, add)
	}
	return nil
}
