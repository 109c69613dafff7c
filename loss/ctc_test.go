package loss_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// spelled is what a path of classes spells.
func spelled(path []int, blank int) (out []int) {
	for t, c := range path {
		if c != blank && (t == 0 || path[t-1] != c) {
			out = append(out, c)
		}
	}
	return out
}

// enumerated returns a sequence's CTC loss and its gradient by log-probabilities from all
// Classes^frames paths.
func enumerated(logProbs []float64, frames, classes, blank int, target []int) (l float64, grad []float64) {
	path, grad := make([]int, frames), make([]float64, len(logProbs))
	total := 0.0
	for {
		if slices.Equal(spelled(path, blank), target) {
			p := 0.0
			for t, c := range path {
				p += logProbs[t*classes+c]
			}
			p = math.Exp(p)
			total += p
			for t, c := range path {
				grad[t*classes+c] -= p
			}
		}
		t := 0
		for ; t < frames; t++ {
			if path[t]++; path[t] < classes {
				break
			}
			path[t] = 0
		}
		if t == frames {
			break
		}
	}
	if total == 0 {
		return math.Inf(1), make([]float64, len(logProbs))
	}
	for i := range grad {
		grad[i] /= total
	}
	return -math.Log(total), grad
}

// ctcCase is one sequence for the tests.
type ctcCase struct {
	frames, classes, blank int
	target                 []int
	scores                 []float64
}

func drawCTC(r *rand.Rand, frames, classes, labels int) ctcCase {
	c := ctcCase{frames: frames, classes: classes, blank: r.IntN(classes)}
	for range labels {
		k := r.IntN(classes - 1)
		if k >= c.blank {
			k++
		}
		c.target = append(c.target, k)
	}
	for range frames * classes {
		c.scores = append(c.scores, 2*r.NormFloat64())
	}
	return c
}

func (c ctcCase) batch() *loss.CTCBatch[float64] {
	return &loss.CTCBatch[float64]{
		Scores: c.scores, Frames: c.frames, Batch: 1, Classes: c.classes,
		Targets: c.target, TargetLengths: []int{len(c.target)},
	}
}

func singleBatch(b *loss.CTCBatch[float64]) *loss.CTCBatch[float32] {
	s := &loss.CTCBatch[float32]{
		Frames: b.Frames, Batch: b.Batch, Classes: b.Classes, BatchFirst: b.BatchFirst, Targets: b.Targets,
		PaddedTo: b.PaddedTo, InputLengths: b.InputLengths, TargetLengths: b.TargetLengths,
	}
	for _, v := range b.Scores {
		s.Scores = append(s.Scores, float32(v))
	}
	return s
}

// eachLevel runs f at every level of the kernels.
func eachLevel(t *testing.T, f func(t *testing.T)) {
	for l := simd.Generic; l <= simd.Best(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			defer simd.Use(simd.Use(l))
			f(t)
		})
	}
}

func apart(got, want []float64, within float64) string {
	for i, w := range want {
		if g := got[i]; g != w && !(math.IsNaN(g) && math.IsNaN(w)) && !(math.Abs(g-w) <= within*max(1, math.Abs(w))) {
			return fmt.Sprintf("element %d is %v; it should be %v", i, g, w)
		}
	}
	return ""
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// TestCTCEnumerated: loss and gradient are those of all paths, for scores of any size and
// of −Inf, with any blank.
func TestCTCEnumerated(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		for frames := range 7 {
			for labels := range 5 {
				for trial := range 8 {
					c := drawCTC(r, frames, 2+r.IntN(3), labels)
					if trial%4 == 3 {
						for i := range c.scores {
							if r.IntN(4) == 0 {
								c.scores[i] = math.Inf(-1)
							}
						}
					}
					for i, v := range c.scores {
						c.scores[i] = float64(float32(v))
					}
					want, grad := enumerated(c.scores, c.frames, c.classes, c.blank, c.target)
					check := func(what string, l float64, g []float64, status loss.CTCStatus, within float64) {
						t.Helper()
						if d := apart([]float64{l}, []float64{want}, within); d != "" {
							t.Fatalf("%s, %+v: loss: %s", what, c, d)
						}
						if d := apart(g, grad, within); d != "" {
							t.Fatalf("%s, %+v: gradient: %s", what, c, d)
						}
						if (status == loss.CTCImpossible) != math.IsInf(want, 1) {
							t.Fatalf("%s, %+v: status %d, loss %v", what, c, status, want)
						}
					}
					ctc := loss.CTC[float64]{Blank: c.blank, Reduction: loss.Sum}
					g := make([]float64, len(c.scores))
					l, err := ctc.Eval(c.batch(), g)
					if err != nil {
						t.Fatal(err)
					}
					check("float64", l, g, ctc.Status()[0], 1e-12)
					single := loss.CTC[float32]{Blank: c.blank, Reduction: loss.Sum}
					gs := make([]float32, len(c.scores))
					l, err = single.Eval(singleBatch(c.batch()), gs)
					if err != nil {
						t.Fatal(err)
					}
					check("float32", l, wide(gs), single.Status()[0], 2e-6)
				}
			}
		}
	})
}

// drawBatch returns sequences of different lengths; every other call is batch-first, every
// third has targets side by side.
func drawBatch(r *rand.Rand, frames, batch, classes, most, trial int) *loss.CTCBatch[float64] {
	b := &loss.CTCBatch[float64]{Frames: frames, Batch: batch, Classes: classes, BatchFirst: trial%2 == 1}
	for range frames * batch * classes {
		b.Scores = append(b.Scores, float64(float32(3*r.NormFloat64())))
	}
	if trial%3 > 0 {
		b.PaddedTo = most
	}
	for range batch {
		length := r.IntN(most + 1)
		b.TargetLengths = append(b.TargetLengths, length)
		b.InputLengths = append(b.InputLengths, frames-r.IntN(1+frames/3))
		for i := range most {
			if i < length {
				b.Targets = append(b.Targets, 1+r.IntN(classes-1))
			} else if b.PaddedTo > 0 {
				b.Targets = append(b.Targets, -7) // not read
			}
		}
	}
	return b
}

// TestCTCLogits: from logits, the loss is that of their log-softmax, and the gradient is
// that gradient through the log-softmax; float32 stays within its digits of float64.
func TestCTCLogits(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 4))
		for trial := range 12 {
			b := drawBatch(r, 30+r.IntN(500), 1+r.IntN(6), 2+r.IntN(30), 1+r.IntN(60), trial)
			ctc := loss.CTC[float64]{Logits: true, ZeroInfinity: true}
			g := make([]float64, len(b.Scores))
			got, err := ctc.Eval(b, g)
			if err != nil {
				t.Fatal(err)
			}
			log := *b
			log.Scores = make([]float64, len(b.Scores))
			rows := b.Frames * b.Batch
			simd.LogSoftmaxRows(log.Scores, b.Scores, rows, b.Classes)
			gl := make([]float64, len(b.Scores))
			from := loss.CTC[float64]{ZeroInfinity: true}
			want, err := from.Eval(&log, gl)
			if err != nil {
				t.Fatal(err)
			}
			for row := range rows {
				part, p := gl[row*b.Classes:(row+1)*b.Classes], log.Scores[row*b.Classes:(row+1)*b.Classes]
				total := simd.Sum(part)
				for c := range part {
					part[c] -= math.Exp(p[c]) * total
				}
			}
			if d := apart([]float64{got}, []float64{want}, 1e-12); d != "" {
				t.Fatalf("trial %d: loss: %s", trial, d)
			}
			if d := apart(g, gl, 1e-11); d != "" {
				t.Fatalf("trial %d: gradient: %s", trial, d)
			}
			single := loss.CTC[float32]{Logits: true, ZeroInfinity: true}
			gs := make([]float32, len(b.Scores))
			s, err := single.Eval(singleBatch(b), gs)
			if err != nil {
				t.Fatal(err)
			}
			if d := apart([]float64{s}, []float64{want}, 1e-6); d != "" {
				t.Fatalf("trial %d: float32 loss: %s", trial, d)
			}
			if d := apart(wide(gs), g, 2e-6); d != "" {
				t.Fatalf("trial %d: float32 gradient: %s", trial, d)
			}
			if s, err = single.Eval(singleBatch(b), nil); err != nil || math.Abs(s-want) > 1e-6*want {
				t.Fatalf("trial %d: without a gradient: %v, %v; it is %v", trial, s, err, want)
			}
		}
	})
}

// TestCTCFar: classes that are thousands of nats apart lose no digits, also where
// float32's recursions could not hold them.
func TestCTCFar(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, scale := range []float64{300, 1e4, 1e6, 1e9} {
			r := rand.New(rand.NewPCG(6, 4))
			b := drawBatch(r, 300, 2, 6, 20, 1)
			for i := range b.Scores {
				b.Scores[i] *= scale
			}
			s := singleBatch(b)
			for i, v := range s.Scores {
				b.Scores[i] = float64(v)
			}
			g, gs := make([]float64, len(b.Scores)), make([]float32, len(b.Scores))
			want, err := new(loss.CTC[float64]).Eval(b, g)
			if err != nil {
				t.Fatal(err)
			}
			got, err := new(loss.CTC[float32]).Eval(s, gs)
			if err != nil {
				t.Fatal(err)
			}
			if d := apart([]float64{got}, []float64{want}, 1e-6); d != "" {
				t.Fatalf("scale %v: loss: %s", scale, d)
			}
			if d := apart(wide(gs), g, 1e-5); d != "" {
				t.Fatalf("scale %v: gradient: %s", scale, d)
			}
		}
	})
}

// TestCTCNaN: a NaN spoils its own sequence alone; one beyond the input length, or of a
// class that is not in the target, nothing.
func TestCTCNaN(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testCTCNaN[float32](t)
		testCTCNaN[float64](t)
	})
}

func testCTCNaN[T tensor.Float](t *testing.T) {
	const frames, batch, classes = 9, 3, 5
	nan := T(math.NaN())
	b := &loss.CTCBatch[T]{
		Frames: frames, Batch: batch, Classes: classes, Scores: make([]T, frames*batch*classes),
		Targets: []int{1, 2, 2, 1, 1, 3}, PaddedTo: 2, InputLengths: []int{6, 6, 6}, TargetLengths: []int{2, 2, 2},
	}
	at := func(t, n, c int) *T { return &b.Scores[(t*batch+n)*classes+c] }
	*at(2, 1, 1) = nan // used
	*at(7, 0, 0) = nan // beyond the frames
	for _, logits := range []bool{false, true} {
		*at(3, 2, 4) = nan // no target
		if logits {
			*at(3, 2, 4) = 0
		}
		ctc := loss.CTC[T]{Logits: logits}
		l, g := make([]T, batch), make([]T, len(b.Scores))
		if err := ctc.Each(l, nil, b, g); err != nil {
			t.Fatal(err)
		}
		if want := []loss.CTCStatus{loss.CTCFine, loss.CTCNaN, loss.CTCFine}; !slices.Equal(ctc.Status(), want) {
			t.Errorf("statuses %v; they should be %v", ctc.Status(), want)
		}
		for i, v := range g {
			frame, n := i/classes/batch, i/classes%batch
			switch spoilt := n == 1 && frame < 6; {
			case spoilt != (v != v):
				t.Fatalf("frame %d of sequence %d has gradient %v", frame, n, v)
			case frame >= 6 && v != 0:
				t.Fatalf("frame %d, beyond the length, has gradient %v", frame, v)
			}
		}
		if l[0] != l[0] || l[1] == l[1] || l[2] != l[2] {
			t.Errorf("losses %v", l)
		}
	}
}

// TestCTCReductions: mean, sum and per-token are made of the losses of the sequences, and
// gradients take the same factors.
func TestCTCReductions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 4))
	b := drawBatch(r, 40, 5, 6, 7, 3)
	if !b.BatchFirst {
		t.Fatal("the gradients below are compared batch first")
	}
	b.TargetLengths[2], b.Targets = 0, b.Targets[:0]
	tokens := 0
	for _, n := range b.TargetLengths {
		tokens += n
		for i := range n {
			b.Targets = append(b.Targets, 1+i%5)
		}
	}
	each, g := make([]float64, 5), make([]float64, len(b.Scores))
	if err := new(loss.CTC[float64]).Each(each, nil, b, g); err != nil {
		t.Fatal(err)
	}
	for how, factor := range map[loss.Reduction]func(n int) float64{
		loss.Sum:      func(int) float64 { return 1 },
		loss.Mean:     func(n int) float64 { return 1 / float64(5*max(1, b.TargetLengths[n])) },
		loss.PerToken: func(int) float64 { return 1 / float64(tokens) },
	} {
		gh := make([]float64, len(g))
		got, err := (&loss.CTC[float64]{Reduction: how}).Eval(b, gh)
		if err != nil {
			t.Fatal(err)
		}
		var want float64
		wantG := slices.Clone(g)
		for n, l := range each {
			want += l * factor(n)
		}
		for i := range wantG {
			wantG[i] *= factor(i / b.Classes / b.Frames)
		}
		if d := apart([]float64{got}, []float64{want}, 1e-13); d != "" {
			t.Errorf("%v: %s", how, d)
		}
		if d := apart(gh, wantG, 1e-13); d != "" {
			t.Errorf("%v: gradient: %s", how, d)
		}
	}
	empty := &loss.CTCBatch[float64]{Frames: 3, Classes: 2, TargetLengths: []int{}}
	if got, err := new(loss.CTC[float64]).Eval(empty, nil); err != nil || !math.IsNaN(got) {
		t.Errorf("the mean over no sequence is %v, %v", got, err)
	}
	if _, err := (&loss.CTC[float64]{Reduction: loss.BatchMean}).Eval(b, nil); err == nil {
		t.Error("batchmean passes")
	}
}

// TestCTCErrors: what cannot be is refused by name, sequence and position.
func TestCTCErrors(t *testing.T) {
	good := func() *loss.CTCBatch[float32] {
		return &loss.CTCBatch[float32]{
			Scores: make([]float32, 4*2*3), Frames: 4, Batch: 2, Classes: 3,
			Targets: []int{1, 2, 2, 1}, PaddedTo: 2, InputLengths: []int{4, 4}, TargetLengths: []int{2, 1},
		}
	}
	if _, err := loss.CTCLoss(good(), nil); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(b *loss.CTCBatch[float32]){
		"targets[1][0] is 3":                     func(b *loss.CTCBatch[float32]) { b.Targets[2] = 3 },
		"targets[0][1] is 0":                     func(b *loss.CTCBatch[float32]) { b.Targets[1] = 0 },
		"targets[0][0] is -1":                    func(b *loss.CTCBatch[float32]) { b.Targets[0] = -1 },
		"input_lengths[1] is 5":                  func(b *loss.CTCBatch[float32]) { b.InputLengths[1] = 5 },
		"input_lengths[0] is -1":                 func(b *loss.CTCBatch[float32]) { b.InputLengths[0] = -1 },
		"target_lengths[1] is 3":                 func(b *loss.CTCBatch[float32]) { b.TargetLengths[1] = 3 },
		"target_lengths has 1 elements":          func(b *loss.CTCBatch[float32]) { b.TargetLengths = b.TargetLengths[:1] },
		"the scores has 23 elements":             func(b *loss.CTCBatch[float32]) { b.Scores = b.Scores[1:] },
		"targets has 3 elements; it must have 4": func(b *loss.CTCBatch[float32]) { b.Targets = b.Targets[1:] },
		"targets has 4 elements; it must have 3": func(b *loss.CTCBatch[float32]) { b.PaddedTo = 0 },
		"at least one class":                     func(b *loss.CTCBatch[float32]) { b.Classes = 0 },
	} {
		b := good()
		spoil(b)
		_, err := loss.CTCLoss(b, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; it should say %q", err, want)
		}
	}
	var bad *loss.ArgumentError
	_, err := (&loss.CTC[float32]{Blank: 3}).Eval(good(), nil)
	if !errors.As(err, &bad) || bad.Arg != "blank" {
		t.Errorf("a blank of 3: %v", err)
	}
}

// TestCTCAllocations: a warm loss allocates nothing.
func TestCTCAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := singleBatch(drawBatch(rand.New(rand.NewPCG(8, 4)), 60, 4, 9, 10, 2))
	g := make([]float32, len(b.Scores))
	ctc := loss.CTC[float32]{Logits: true}
	if n := testing.AllocsPerRun(20, func() {
		if _, err := ctc.Eval(b, g); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCTCSure: of logits that are sure of the target, the gradient has all its digits, though softmax
// and shares are both near 1.
func TestCTCSure(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, lead := range []float64{3, 8, 15, 20} {
			r := rand.New(rand.NewPCG(8, 4))
			c := ctcCase{frames: 6, classes: 4, target: []int{2, 1, 1}}
			for _, sure := range []int{2, 2, 0, 1, 0, 1} {
				for k := range c.classes {
					v := r.Float64()
					if k == sure {
						v += lead
					}
					c.scores = append(c.scores, float64(float32(v)))
				}
			}
			log := make([]float64, len(c.scores))
			simd.LogSoftmaxRows(log, c.scores, c.frames, c.classes)
			_, share := enumerated(log, c.frames, c.classes, 0, c.target)
			b := singleBatch(c.batch())
			g := make([]float32, len(b.Scores))
			if _, err := (&loss.CTC[float32]{Logits: true, Reduction: loss.Sum}).Eval(b, g); err != nil {
				t.Fatal(err)
			}
			for lo := 0; lo < len(g); lo += c.classes {
				p, gamma := log[lo:lo+c.classes], share[lo:lo+c.classes]
				want, most := make([]float64, c.classes), 0.0
				for k := range want {
					for j := range want { // p_k − γ_k, without the difference of what is near 1
						want[k] += math.Exp(p[j])*gamma[k] - math.Exp(p[k])*gamma[j]
					}
					most = max(most, math.Abs(want[k]))
				}
				for k, w := range want {
					if math.Abs(float64(g[lo+k])-w) > 1e-5*most {
						t.Errorf("lead %v, frame %d, class %d: the gradient is %v; it should be %v", lead, lo/c.classes, k, g[lo+k], w)
					}
				}
			}
		}
	})
}

// TestCTCSmall: small losses of sure log-probabilities do not drown in the rounding of
// thousands of factors near 1.
func TestCTCSmall(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, each := range []float64{1e-7, 1e-5, 1e-3} {
			const frames = 2000
			b := &loss.CTCBatch[float32]{Frames: frames, Batch: 1, Classes: 2, TargetLengths: []int{0}}
			for range frames {
				b.Scores = append(b.Scores, float32(-each), float32(math.Log(-math.Expm1(-each))))
			}
			got, err := new(loss.CTC[float32]).Eval(b, nil)
			if want := frames * float64(float32(each)); err != nil || math.Abs(got-want) > 1e-6*want {
				t.Errorf("the loss is %v, %v; it should be %v", got, err, want)
			}
		}
	})
}

// TestCTCDrift: the likeliest of all paths' beginnings may be a dead end, and leave those that
// count farther behind than float32 can tell.
func TestCTCDrift(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const frames, labels = 1500, 1496
		r := rand.New(rand.NewPCG(9, 4))
		b := &loss.CTCBatch[float64]{Frames: frames, Batch: 1, Classes: 4, TargetLengths: []int{labels}}
		for i := range labels {
			b.Targets = append(b.Targets, 1+i%3)
		}
		for range frames {
			b.Scores = append(b.Scores, float64(float32(r.NormFloat64())))
			for range 3 {
				b.Scores = append(b.Scores, float64(float32(-11000+3*r.NormFloat64())))
			}
		}
		g, gs := make([]float64, len(b.Scores)), make([]float32, len(b.Scores))
		want, err := new(loss.CTC[float64]).Eval(b, g)
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(loss.CTC[float32]).Eval(singleBatch(b), gs)
		if err != nil || math.Abs(got-want) > 1e-7*want {
			t.Fatalf("the loss is %v, %v; it should be %v", got, err, want)
		}
		if d := apart(wide(gs), g, 1e-6); d != "" {
			t.Fatalf("gradient: %s", d)
		}
	})
}

// TestCTCNoTargets: the mean over no targets is NaN, and has gradient 0; losses of nothing are 0, not −0.
func TestCTCNoTargets(t *testing.T) {
	b := &loss.CTCBatch[float64]{Scores: []float64{-1, -1}, Frames: 1, Batch: 1, Classes: 2, TargetLengths: []int{0}}
	g := []float64{5, 5}
	got, err := (&loss.CTC[float64]{Reduction: loss.PerToken}).Eval(b, g)
	if err != nil || !math.IsNaN(got) || g[0] != 0 || g[1] != 0 {
		t.Errorf("per token: %v, gradient %v, %v", got, g, err)
	}
	b.Scores, b.Frames = nil, 0
	if got, err := new(loss.CTC[float64]).Eval(b, nil); err != nil || got != 0 || math.Signbit(got) {
		t.Errorf("no frames: %v, %v", got, err)
	}
}
