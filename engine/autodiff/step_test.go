package autodiff_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// A net is a small classifier with its parameters.
type net struct {
	params  []*Param
	forward func(n *net, x *Var) *Var
	shape   []int // of a sample
}

func (n *net) param(t *Tape, i int) *Var { return t.Param(n.params[i]) }

func newNet(dt tensor.DType, forward func(n *net, x *Var) *Var, sample []int, weights ...[]int) *net {
	rng := rand.New(rand.NewPCG(5, 6))
	n := &net{forward: forward, shape: sample}
	for _, s := range weights {
		w, b := draw(rng, dt, s...), tensor.New(dt, s[0])
		fan := w.Len() / s[0]
		for i := range w.Len() {
			if dt == tensor.Float64 {
				w.Float64s()[i] /= math.Sqrt(float64(fan))
			} else {
				w.Float32s()[i] /= float32(math.Sqrt(float64(fan)))
			}
		}
		n.params = append(n.params, &Param{Name: "weight", Value: w}, &Param{Name: "bias", Value: b})
	}
	return n
}

func draw(rng *rand.Rand, dt tensor.DType, shape ...int) *tensor.Tensor {
	x := tensor.New(tensor.Float64, shape...)
	for i := range x.Float64s() {
		x.Float64s()[i] = rng.NormFloat64()
	}
	return x.Convert(dt)
}

func newMLP(dt tensor.DType, in, hidden, out int) *net {
	return newNet(dt, func(n *net, x *Var) *Var {
		t := x.Tape()
		h := Linear(x, n.param(t, 0), n.param(t, 1), Rectify)
		h = Linear(h, n.param(t, 2), n.param(t, 3), Rectify)
		return Linear(h, n.param(t, 4), n.param(t, 5), Identity)
	}, []int{in}, []int{hidden, in}, []int{hidden, hidden}, []int{out, hidden})
}

// newCNN returns two convolutions, each with ReLU and pooling, and a linear layer.
func newCNN(dt tensor.DType, side, c1, c2 int) *net {
	return newNet(dt, func(n *net, x *Var) *Var {
		t := x.Tape()
		same, half := ConvOptions{PadH: 1, PadW: 1}, PoolOptions{KernelH: 2, KernelW: 2}
		h := MaxPool2D(Conv2D(x, n.param(t, 0), n.param(t, 1), same, Rectify), half)
		h = MaxPool2D(Conv2D(h, n.param(t, 2), n.param(t, 3), same, Rectify), half)
		return Linear(Flatten(h), n.param(t, 4), n.param(t, 5), Identity)
	}, []int{1, side, side}, []int{c1, 1, 3, 3}, []int{c2, c1, 3, 3}, []int{10, c2 * (side / 4) * (side / 4)})
}

// step computes the mean negative log-likelihood of the labels, and its derivatives.
func (n *net) step(t *Tape, x *tensor.Tensor, labels []int) *Var {
	t.Reset()
	for _, p := range n.params {
		p.ZeroGrad()
	}
	loss := n.loss(t, x, labels)
	t.Backward(loss)
	return loss
}

func (n *net) loss(t *Tape, x *tensor.Tensor, labels []int) *Var {
	logits := n.forward(n, t.Const(x))
	return Mean(Sub(LogSumExp(logits), Gather(logits, labels)))
}

func (n *net) batch(dt tensor.DType, size int) (x *tensor.Tensor, labels []int) {
	rng := rand.New(rand.NewPCG(8, uint64(size)))
	labels = make([]int, size)
	for i := range labels {
		labels[i] = rng.IntN(10)
	}
	return draw(rng, dt, append([]int{size}, n.shape...)...), labels
}

func TestNetsByFiniteDifferences(t *testing.T) {
	for name, n := range map[string]*net{"MLP": newMLP(tensor.Float64, 5, 7, 10), "CNN": newCNN(tensor.Float64, 8, 2, 3)} {
		t.Run(name, func(t *testing.T) {
			x, labels := n.batch(tensor.Float64, 3)
			gradcheck.Params(t, func(tape *Tape) *Var { return n.loss(tape, x, labels) }, n.params)
		})
	}
}

// A tape that has served other batch sizes gives the bits that a new one gives, and
// once it has seen every size, allocates nothing.
func TestAlternatingBatchSizes(t *testing.T) {
	for name, n := range map[string]*net{"MLP": newMLP(tensor.Float32, 20, 30, 10), "CNN": newCNN(tensor.Float32, 12, 4, 8)} {
		t.Run(name, func(t *testing.T) {
			tape := NewTape(tensor.Float32)
			sizes := []int{33, 7, 33, 1, 7}
			var xs []*tensor.Tensor
			var labels [][]int
			for _, size := range sizes {
				x, l := n.batch(tensor.Float32, size)
				xs, labels = append(xs, x), append(labels, l)
				n.step(tape, x, l)
				got := n.grads()
				n.step(NewTape(tensor.Float32), x, l)
				if !slices.Equal(got, n.grads()) {
					t.Errorf("batch of %d: gradients differ from a new tape's", size)
				}
			}
			if a := testing.AllocsPerRun(3, func() {
				for i := range xs {
					n.step(tape, xs[i], labels[i])
				}
			}); a != 0 && !raceEnabled {
				t.Errorf("%v allocations", a)
			}
		})
	}
}

func (n *net) grads() (all []float32) {
	for _, p := range n.params {
		all = append(all, p.Grad.Float32s()...)
	}
	return all
}

// The bits depend on the instruction set, never on the number of workers.
func TestBitsDoNotDependOnThreads(t *testing.T) {
	defer simd.SetThreads(0)
	nets := map[string]*net{"MLP": newMLP(tensor.Float32, 100, 300, 10), "CNN": newCNN(tensor.Float32, 28, 8, 16), "norms": newNormed()}
	for name, n := range nets {
		for l := simd.Generic; l <= simd.Best(); l++ {
			t.Run(name+"/"+l.String(), func(t *testing.T) {
				defer simd.Use(simd.Use(l))
				x, labels := n.batch(tensor.Float32, 65)
				var want []float32
				for _, threads := range []int{1, 2, 8} {
					simd.SetThreads(threads)
					loss := n.step(NewTape(tensor.Float32), x, labels)
					got := append(n.grads(), loss.Value.Float32s()...)
					if want == nil {
						want = got
					}
					if !slices.Equal(got, want) {
						t.Errorf("%d threads give other bits than one", threads)
					}
				}
			})
		}
	}
}

// newNormed returns a net with every norm and dropout.
func newNormed() *net {
	return newNet(tensor.Float32, func(n *net, x *Var) *Var {
		t := x.Tape()
		t.Training = true
		h := Conv2D(x, n.param(t, 0), n.param(t, 1), ConvOptions{}, Identity)
		h = BatchNorm(h, Reshape(n.param(t, 2), -1), nil, nil, nil, 0.1, 1e-5)
		h = GroupNorm(h, 4, nil, n.param(t, 3), 1e-5)
		h = GlobalAvgPool2D(Dropout(Tanh(h), 0.2, rand.New(rand.NewPCG(1, 2))))
		h = Linear(h, n.param(t, 4), n.param(t, 5), Identity)
		h = LayerNorm(h, Reshape(n.param(t, 6), -1), n.param(t, 7), 1e-5)
		return Linear(h, n.param(t, 8), n.param(t, 9), Identity)
	}, []int{1, 20, 20}, []int{40, 1, 3, 3}, []int{40, 1}, []int{500, 40}, []int{500, 1}, []int{10, 500})
}

func TestWarmStepsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	for name, n := range map[string]*net{"MLP": newMLP(tensor.Float32, 784, 128, 10), "CNN": newCNN(tensor.Float32, 28, 8, 16)} {
		t.Run(name, func(t *testing.T) {
			tape := NewTape(tensor.Float32)
			x, labels := n.batch(tensor.Float32, 64)
			n.step(tape, x, labels)
			if a := testing.AllocsPerRun(5, func() { n.step(tape, x, labels) }); a != 0 {
				t.Errorf("%v allocations a step", a)
			}
		})
	}
}

func benchmarkStep(b *testing.B, n *net, size int) {
	tape := NewTape(tensor.Float32)
	x, labels := n.batch(tensor.Float32, size)
	for b.Loop() {
		n.step(tape, x, labels)
	}
}

func BenchmarkMLPStep(b *testing.B) { benchmarkStep(b, newMLP(tensor.Float32, 784, 512, 10), 256) }
func BenchmarkCNNStep(b *testing.B) { benchmarkStep(b, newCNN(tensor.Float32, 28, 32, 64), 64) }

func benchmarkOp(b *testing.B, build func(x *Var) *Var, shape ...int) {
	tape := NewTape(tensor.Float32)
	tape.Training = true
	x := draw(rand.New(rand.NewPCG(1, 2)), tensor.Float32, shape...)
	for b.Loop() {
		tape.Reset()
		tape.BackwardFrom(build(tape.Input(x)), nil)
	}
	b.SetBytes(int64(4 * x.Len()))
}

func BenchmarkNorms(b *testing.B) {
	gain := func(x *Var, n int) *Var {
		return x.Tape().Param(&Param{Value: tensor.New(tensor.Float32, n)})
	}
	b.Run("LayerNorm", func(b *testing.B) {
		benchmarkOp(b, func(x *Var) *Var { return LayerNorm(x, gain(x, 512), nil, 1e-5) }, 256, 512)
	})
	b.Run("BatchNorm/rows", func(b *testing.B) {
		benchmarkOp(b, func(x *Var) *Var { return BatchNorm(x, gain(x, 512), nil, nil, nil, 0, 1e-5) }, 256, 512)
	})
	b.Run("BatchNorm/images", func(b *testing.B) {
		benchmarkOp(b, func(x *Var) *Var { return BatchNorm(x, gain(x, 32), nil, nil, nil, 0, 1e-5) }, 64, 32, 14, 14)
	})
	b.Run("GroupNorm", func(b *testing.B) {
		benchmarkOp(b, func(x *Var) *Var { return GroupNorm(x, 8, gain(x, 32), nil, 1e-5) }, 64, 32, 14, 14)
	})
	b.Run("Dropout", func(b *testing.B) {
		rng := rand.New(rand.NewPCG(1, 2))
		benchmarkOp(b, func(x *Var) *Var { return Dropout(x, 0.5, rng) }, 256, 512)
	})
	b.Run("Softmax", func(b *testing.B) { benchmarkOp(b, Softmax, 256, 512) })
	b.Run("LogSumExp", func(b *testing.B) { benchmarkOp(b, LogSumExp, 256, 512) })
}
