package loss_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// missed returns −log(1 − Q) and its gradient by logits, Q being summed over all paths
// that do not spell the target: no difference loses digits.
func missed(c ctcCase) (value float64, grad []float64) {
	p := make([]float64, len(c.scores))
	for t := range c.frames {
		row := c.scores[t*c.classes : (t+1)*c.classes]
		for k := range row {
			var sum float64
			for _, v := range row {
				if v != row[k] { // also of infinities
					sum += math.Exp(v - row[k])
				} else {
					sum++
				}
			}
			p[t*c.classes+k] = 1 / sum
		}
	}
	var q float64
	with := make([]float64, len(p)) // Q[t, k]·p[t, k]
	path := make([]int, c.frames)
	var walk func(t int, product float64)
	walk = func(t int, product float64) {
		if t < c.frames {
			for k := range c.classes {
				path[t] = k
				walk(t+1, product*p[t*c.classes+k])
			}
			return
		}
		if !spells(path, c.target, c.blank) {
			q += product
			for t, k := range path {
				with[t*c.classes+k] += product
			}
		}
	}
	walk(0, 1)
	grad = make([]float64, len(p))
	for t := range c.frames {
		likeliest, rest := 0, 0.0
		for k := range c.classes {
			i := t*c.classes + k
			grad[i] = (with[i] - p[i]*q) / (1 - q)
			if p[i] > p[t*c.classes+likeliest] {
				likeliest = k
			}
		}
		for k := range c.classes {
			if k != likeliest {
				rest += grad[t*c.classes+k]
			}
		}
		grad[t*c.classes+likeliest] = -rest
	}
	return -math.Log1p(-q), grad
}

// spells reports whether a path spells a target.
func spells(path, target []int, blank int) bool {
	n, last := 0, blank
	for _, k := range path {
		if k != blank && k != last {
			if n == len(target) || target[n] != k {
				return false
			}
			n++
		}
		last = k
	}
	return n == len(target)
}

// surely returns a case whose logits lead to the target by so much.
func surely(r *rand.Rand, frames, classes, labels int, lead float64) ctcCase {
	c := drawCTC(r, frames, classes, labels)
	at, last := 0, c.blank
	for t := range c.frames {
		best := c.blank
		switch left := c.frames - t; {
		case at < len(c.target) && (c.target[at] != last || r.IntN(3) == 0 && left > len(c.target)-at):
			if c.target[at] != last {
				best = c.target[at]
				at++
			}
		case at > 0 && r.IntN(2) == 0:
			best = last
		}
		last = best
		for k := range c.classes {
			v := r.Float64()
			if k == best {
				v += lead
			}
			c.scores[t*c.classes+k] = float64(float32(v))
		}
	}
	return c
}

// TestCTCMissed: small losses of logits, and their gradients, have all digits.
func TestCTCMissed(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 4))
		small := 0
		for trial := range 400 {
			lead := []float64{3, 6, 9, 12, 17, 25, 40, 90, 300}[trial%9]
			c := surely(r, r.IntN(7), 2+r.IntN(3), r.IntN(4), lead)
			want, grad := missed(c)
			if want < 1.0/64 {
				small++
			}
			checkMissed(t, c, want, grad)
		}
		if small < 100 {
			t.Errorf("only %d losses are small", small)
		}
	})
}

func checkMissed(t *testing.T, c ctcCase, want float64, grad []float64) {
	t.Helper()
	g, single := make([]float64, len(grad)), make([]float32, len(grad))
	l := loss.CTC[float64]{Blank: c.blank, Logits: true, Reduction: loss.Sum}
	got, err := l.Eval(c.batch(), g)
	must(t, err)
	s := loss.CTC[float32]{Blank: c.blank, Logits: true, Reduction: loss.Sum}
	got32, err := s.Eval(singleBatch(c.batch()), single)
	must(t, err)
	if !(want <= 1) {
		return // where 1 − Q has no more digits than −log P
	}
	if math.Abs(got-want) > 1e-12*want || math.Abs(got32-want) > 5e-5*want && want < 1.0/64 {
		t.Fatalf("%+v: the loss is %v, in float32 %v; it should be %v", c, got, got32, want)
	}
	for lo := 0; lo < len(grad); lo += c.classes {
		most := 0.0
		for _, v := range grad[lo : lo+c.classes] {
			most = max(most, math.Abs(v))
		}
		for k := lo; k < lo+c.classes; k++ {
			if !(math.Abs(g[k]-grad[k]) <= 1e-11*most+1e-20*want) || want < 1.0/64 && !(math.Abs(float64(single[k])-grad[k]) <= 2e-6*most+1e-20*want+1e-43) {
				t.Fatalf("%+v: loss %v: the gradient by logit %d is %v, in float32 %v; it should be %v", c, want, k, g[k], single[k], grad[k])
			}
		}
	}
}

// TestCTCMissedLong: many frames, classes and labels; no chain of sums loses digits, and
// float32 gives what float64 does.
func TestCTCMissedLong(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, lead := range []float64{14, 17, 25, 60, 200} {
			r := rand.New(rand.NewPCG(8, 4))
			c := ctcCase{frames: 200, classes: 20}
			for i := range 30 {
				c.target = append(c.target, 1+i*7%19)
			}
			var once float64 // Σ of what one frame's likeliest class leaves to others
			for f := range c.frames {
				best, rest := 0, 0.0
				if f%5 != 4 && f/5 < 30 {
					best = c.target[f/5]
				}
				for k := range c.classes {
					v := float64(float32(r.Float64()))
					if k == best {
						v = lead
					} else {
						rest += math.Exp(v - lead)
					}
					c.scores = append(c.scores, v)
				}
				once += rest
			}
			g, single := make([]float64, len(c.scores)), make([]float32, len(c.scores))
			got, err := (&loss.CTC[float64]{Logits: true, Reduction: loss.Sum}).Eval(c.batch(), g)
			must(t, err)
			got32, err := (&loss.CTC[float32]{Logits: true, Reduction: loss.Sum}).Eval(singleBatch(c.batch()), single)
			must(t, err)
			if !(got > 0.5*once && got < once) || math.Abs(got32-got) > 1e-12*got {
				t.Errorf("lead %v: the loss is %v, in float32 %v; it should be a little below %v", lead, got, got32, once)
			}
			for lo := 0; lo < len(g); lo += c.classes {
				most, sum := 0.0, 0.0
				for _, v := range g[lo : lo+c.classes] {
					most, sum = max(most, math.Abs(v)), sum+v
				}
				for k := lo; k < lo+c.classes; k++ {
					if math.Abs(float64(single[k])-g[k]) > 1e-6*most+1e-43 || math.Abs(sum) > 1e-15*most {
						t.Fatalf("lead %v: the gradient by logit %d is %v in float32, %v in float64; the row adds up to %v", lead, k, single[k], g[k], sum)
					}
				}
			}
		}
	})
}

// TestCTCInfiniteLogit: the softmax of one logit of +Inf is its limit; of two it is NaN.
func TestCTCInfiniteLogit(t *testing.T) {
	inf := math.Inf(1)
	eachLevel(t, func(t *testing.T) {
		for _, x := range []struct {
			scores []float64
			want   float64
			status loss.CTCStatus
			grad   []float64 // of the frames without an infinity
		}{
			{[]float64{0, inf, 0, inf, 0, inf}, 0, loss.CTCFine, nil},
			{[]float64{0, inf, 0, 40, inf, -inf}, 0, loss.CTCFine, nil},
			{[]float64{inf, 0, 0, 40, inf, 0}, math.Exp(-40), loss.CTCFine, []float64{math.Exp(-40), -math.Exp(-40)}},
			{[]float64{inf, 0, inf, -inf, inf, 0}, inf, loss.CTCImpossible, []float64{0, 0}},
			{[]float64{inf, inf, 0, 1, 0, 1}, math.NaN(), loss.CTCNaN, []float64{math.NaN(), math.NaN()}},
			{[]float64{inf, math.NaN(), 0, 1, 0, 1}, math.NaN(), loss.CTCNaN, []float64{math.NaN(), math.NaN()}},
		} {
			c := ctcCase{frames: 3, classes: 2, target: []int{1}, scores: x.scores}
			for _, gradient := range []bool{true, false} {
				var g []float64
				var single []float32
				if gradient {
					g, single = make([]float64, 6), make([]float32, 6)
				}
				l, s := loss.CTC[float64]{Logits: true, Reduction: loss.Sum}, loss.CTC[float32]{Logits: true, Reduction: loss.Sum}
				got, err := l.Eval(c.batch(), g)
				must(t, err)
				got32, err := s.Eval(singleBatch(c.batch()), single)
				must(t, err)
				if l.Status()[0] != x.status || s.Status()[0] != x.status || apart([]float64{got / x.want, got32 / x.want}, []float64{x.want / x.want, x.want / x.want}, 1e-12) != "" {
					t.Errorf("%v: the losses are %v and %v with status %v; they should be %v with %v", x.scores, got, got32, l.Status(), x.want, x.status)
				}
				if !gradient {
					continue
				}
				for i := range g {
					w := 0.0
					if lo := i / 2 * 2; x.grad != nil && (x.status == loss.CTCNaN || !math.IsInf(max(x.scores[lo], x.scores[lo+1]), 1)) {
						w = x.grad[i%2]
					}
					same := func(v float64) bool {
						return v == w || math.IsNaN(v) && math.IsNaN(w) || math.Abs(v-w) <= 1e-6*math.Abs(w)
					}
					if !same(g[i]) || !same(float64(single[i])) {
						t.Errorf("%v: derivative %d is %v, in float32 %v; it should be %v", x.scores, i, g[i], single[i], w)
					}
				}
			}
		}
	})
}

// TestCTCSureThreads: the same bits whatever the number of workers is, and nothing is
// allocated once warm.
func TestCTCSureThreads(t *testing.T) {
	defer simd.SetThreads(0)
	r := rand.New(rand.NewPCG(3, 3))
	b := &loss.CTCBatch[float32]{Frames: 30, Batch: 9, Classes: 6, BatchFirst: true}
	for range b.Batch {
		c := surely(r, b.Frames, b.Classes, 4, 20)
		c.blank = 0
		for _, v := range c.scores {
			b.Scores = append(b.Scores, float32(v))
		}
		b.TargetLengths = append(b.TargetLengths, 0)
	}
	l := &loss.CTC[float32]{Logits: true}
	var first []float32
	for _, threads := range []int{1, 2, 5} {
		simd.SetThreads(threads)
		g := make([]float32, len(b.Scores))
		_, err := l.Eval(b, g)
		must(t, err)
		if first == nil {
			first = g
		}
		for i := range g {
			if g[i] != first[i] {
				t.Fatalf("with %d workers, derivative %d is %v; with one %v", threads, i, g[i], first[i])
			}
		}
	}
	if raceEnabled {
		return
	}
	simd.SetThreads(1)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := l.Eval(b, first); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations in a warm call", n)
	}
}
