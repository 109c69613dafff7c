package loss_test

import (
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

// A batched is a loss of a batch, its arguments bound but for those with a gradient.
type batched[T tensor.Float] struct {
	name string
	in   [][]T
	eval func(in, grad [][]T) (float64, error)
}

// batchedLosses are all of them on n samples of d coordinates, and c classes.
func batchedLosses[T tensor.Float](n, d, c int) (all []batched[T]) {
	r := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	rows := func(n int) []T {
		x := make([]T, n*d)
		for i := range x {
			x[i] = T(float32(r.NormFloat64()))
		}
		return x
	}
	labels := make([]int, n)
	for i := range labels {
		labels[i] = r.IntN(c)
	}
	x, other, points := rows(n), rows(n), rows(c)
	for name, l := range map[string]pairLoss[T]{
		"contrastive": loss.NewContrastive[T](), "batch_triplet": loss.NewBatchTriplet[T](), "nt_xent": loss.NewNTXent[T](),
		"semi_hard_or_farthest": &loss.BatchTriplet[T]{Margin: 1, Mining: loss.SemiHardOrFarthest}, "all": &loss.BatchTriplet[T]{Margin: 1, Mining: loss.AllTriplets},
		"sup_con": loss.NewSupCon[T](), "multi_similarity": loss.NewMultiSimilarity[T](), "circle": loss.NewCircle[T](),
	} {
		all = append(all,
			batched[T]{name, [][]T{x}, func(in, g [][]T) (float64, error) { return l.Eval(in[0], d, labels, g[0]) }},
			batched[T]{name + " against", [][]T{x, other}, func(in, g [][]T) (float64, error) {
				return l.EvalAgainst(in[0], d, labels, in[1], labels, g[0], g[1])
			}})
	}
	pairs := loss.NewNPairs[T]()
	all = append(all, batched[T]{"n_pairs", [][]T{x}, func(in, g [][]T) (float64, error) { return pairs.Eval(in[0], d, labels, g[0]) }})
	for name, l := range map[string]interface {
		Eval(x []T, d int, labels []int, points, dx, dPoints []T) (float64, error)
	}{
		"arcface": loss.NewArcFace[T](), "cosface": loss.NewCosFace[T](), "proxy_nca": loss.NewProxyNCA[T](),
		"proxy_nca++": loss.NewProxyNCAPlusPlus[T](), "proxy_anchor": loss.NewProxyAnchor[T](),
	} {
		all = append(all, batched[T]{name, [][]T{x, points}, func(in, g [][]T) (float64, error) { return l.Eval(in[0], d, labels, in[1], g[0], g[1]) }})
	}
	for name, l := range map[string]interface {
		Eval(x, y []T, d int, dx, dy []T) (float64, error)
	}{"vicreg": loss.NewVICReg[T](), "barlow_twins": loss.NewBarlowTwins[T]()} {
		all = append(all, batched[T]{name, [][]T{x, other}, func(in, g [][]T) (float64, error) { return l.Eval(in[0], in[1], d, g[0], g[1]) }})
	}
	return all
}

// gradients returns room for those of all arguments.
func (b batched[T]) gradients() (g [][]T) {
	for _, x := range b.in {
		g = append(g, make([]T, len(x)))
	}
	return g
}

// TestBatchAllocations: warm losses of batches allocate nothing.
func TestBatchAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, b := range batchedLosses[float32](70, 9, 6) {
		g := b.gradients()
		run := func() {
			if _, err := b.eval(b.in, g); err != nil {
				t.Fatal(b.name, err)
			}
		}
		run()
		if got := testing.AllocsPerRun(10, run); got > 0 {
			t.Errorf("%s: %v allocations a call", b.name, got)
		}
	}
}

// TestBatchGradientsAlone: each gradient is the same without the others, with the loss, and
// where it takes the place of its argument.
func TestBatchGradientsAlone(t *testing.T) {
	for _, b := range batchedLosses[float64](23, 4, 3) {
		want := b.gradients()
		value, err := b.eval(b.in, want)
		if err != nil {
			t.Fatal(b.name, err)
		}
		none := make([][]float64, len(b.in))
		if got, err := b.eval(b.in, none); got != value || err != nil {
			t.Errorf("%s: the loss is %v; without gradients %v, %v", b.name, value, got, err)
		}
		for i := range b.in {
			one := slices.Clone(none)
			one[i] = make([]float64, len(b.in[i]))
			if got, err := b.eval(b.in, one); got != value || err != nil || !slices.Equal(one[i], want[i]) {
				t.Errorf("%s: argument %d has another gradient if it is alone: %v, %v", b.name, i, got, err)
			}
		}
		var over [][]float64
		for _, x := range b.in {
			over = append(over, slices.Clone(x))
		}
		if got, err := b.eval(over, over); got != value || err != nil || !slices.EqualFunc(over, want, slices.Equal[[]float64]) {
			t.Errorf("%s: in place it has another gradient: %v, %v", b.name, got, err)
		}
	}
}

// TestBatchErrors: what cannot be taken is named, and nothing is written.
func TestBatchErrors(t *testing.T) {
	x, w, y := make([]float64, 6), make([]float64, 4), []int{0, 1, 0}
	for want, err := range map[string]error{
		"ArcFace: weight has 3 elements; it must have 4":                         second(loss.NewArcFace[float64]().Eval(x, 2, y, w[:3], nil, nil)),
		"ArcFace: the gradient by weight has 6 elements; it must have 4":         second(loss.NewArcFace[float64]().Eval(x, 2, y, w, nil, x)),
		"ArcFace: the gradient by embeddings has 4 elements; it must have 6":     second(loss.NewArcFace[float64]().Eval(x, 2, y, w, w, nil)),
		"CosFace: labels has 2 elements; it must have 3":                         second(loss.NewCosFace[float64]().Eval(x, 2, y[:2], w, nil, nil)),
		"CosFace: labels[1] is 1; it must be a class from 0 to 0":                second(loss.NewCosFace[float64]().Eval(x, 2, y, w[:2], nil, nil)),
		"CosFace: reduction is batchmean; it must be mean or sum":                second((&loss.CosFace[float64]{Scale: 1, Reduction: loss.BatchMean}).Eval(x, 2, y, w, nil, nil)),
		"ProxyNCA: proxies has 0 elements; it must have 2":                       second(loss.NewProxyNCA[float64]().Eval(x, 2, y, nil, nil, nil)),
		"ProxyNCA: dim is 0; it must be at least 1":                              second(loss.NewProxyNCA[float64]().Eval(x, 0, y, w, nil, nil)),
		"ProxyAnchor: the gradient by proxies has 3 elements; it must have 4":    second(loss.NewProxyAnchor[float64]().Eval(x, 2, y, w, nil, w[:3])),
		"ProxyAnchor: the gradient by embeddings has 4 elements; it must have 6": second(loss.NewProxyAnchor[float64]().Eval(x, 2, y, w, w, nil)),
		"VICReg: y has 4 elements; it must have 6":                               second(loss.NewVICReg[float64]().Eval(x, w, 2, nil, nil)),
		"VICReg: the gradient by y has 4 elements; it must have 6":               second(loss.NewVICReg[float64]().Eval(x, x, 2, nil, w)),
		"BarlowTwins: the number of rows is 1; it must be at least 2":            second(loss.NewBarlowTwins[float64]().Eval(x, x, 6, nil, nil)),
	} {
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("the error is %v; it should be %s", err, want)
		}
	}
	if slices.ContainsFunc(x, func(v float64) bool { return v != 0 }) {
		t.Error("something is written")
	}
}

// TestStripsAdd: where the references take two strips, the loss of all anchors is the sum of
// those of some anchors and of the others, whatever the number of workers.
func TestStripsAdd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	defer simd.SetThreads(0)
	const n, first, d, m = 9, 5, 2, 270_000
	r := rand.New(rand.NewPCG(5, 6))
	x, refs, y, ry := spread(r, n*d), spread(r, m*d), make([]int, n), make([]int, m)
	for i := range ry {
		ry[i] = r.IntN(m / 3)
	}
	copy(y, ry)
	l := &loss.Contrastive[float64]{NegMargin: 0.1, Power: 2, Reduction: loss.Sum}
	run := func(x []float64, y []int) (v float64, dx, dr []float64) {
		dx, dr = make([]float64, len(x)), make([]float64, len(refs))
		v, err := l.EvalAgainst(x, d, y, refs, ry, dx, dr)
		if err != nil {
			t.Fatal(err)
		}
		return v, dx, dr
	}
	simd.SetThreads(1)
	v, dx, dr := run(x, y)
	a, da, dra := run(x[:first*d], y[:first])
	b, db, drb := run(x[first*d:], y[first:])
	for i := range dra {
		dra[i] += drb[i]
	}
	if !(math.Abs(v-a-b) <= 1e-12*v) || !near(dx, append(da, db...), 1e-9) || !near(dr, dra, 1e-9) {
		t.Errorf("%v and %v add up to %v; or the gradients do not", a, b, v)
	}
	simd.SetThreads(5)
	if again, dx2, dr2 := run(x, y); again != v || !slices.Equal(dx, dx2) || !slices.Equal(dr, dr2) {
		t.Errorf("with 5 workers it has other bits")
	}
}

// TestManyClasses: more classes than a strip has room for in one go are the softmax of all.
func TestManyClasses(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n, d, c = 9, 2, 300_000 // two strips
	r := rand.New(rand.NewPCG(1, 2))
	x, w, y := spread(r, n*d), spread(r, c*d), make([]int, n)
	for i := range y {
		y[i] = r.IntN(c)
	}
	want := 0.0
	for i, y := range y {
		sum := 0.0
		cos := func(j int) float64 { return math.Cos(math.Atan2(x[i*d+1], x[i*d]) - math.Atan2(w[j*d+1], w[j*d])) }
		for j := range c {
			sum += math.Exp(8 * (cos(j) - 1))
		}
		want += math.Log(sum) - 8*(cos(y)-1)
	}
	var l loss.CosFace[float64]
	l.Scale = 8
	dx, dw := make([]float64, n*d), make([]float64, c*d)
	got, err := l.Eval(x, d, y, w, dx, dw)
	if err != nil || math.Abs(got-want/n) > 1e-9 {
		t.Errorf("the loss is %v, %v; it should be %v", got, err, want/n)
	}
	arc := loss.ArcFace[float64]{Scale: 8}
	ax, aw := make([]float64, n*d), make([]float64, c*d)
	again, err := arc.Eval(x, d, y, w, ax, aw)
	if err != nil || math.Abs(got-again) > 1e-12 || !near(dx, ax, 1e-13) || !near(dw, aw, 1e-13) {
		t.Errorf("without margins the loss is %v by angles, %v by cosines; or the gradients differ: %v", again, got, err)
	}
	const h, last = 1e-6, n*d - 1 // of the second strip
	at := func(v float64) float64 { x[last] = v; s, _ := l.Eval(x, d, y, w, nil, nil); return s }
	v := x[last]
	if slope := (at(v+h) - at(v-h)) / (2 * h); math.Abs(slope-dx[last]) > 1e-7 {
		t.Errorf("the derivative by embeddings[%d] is %v; differences say %v", last, dx[last], slope)
	}
}

func near(a, b []float64, within float64) bool {
	for i := range a {
		if !(math.Abs(a[i]-b[i]) <= within) {
			return false
		}
	}
	return len(a) == len(b)
}

// TestWideViews: more pairs of columns than a strip has room for.
func TestWideViews(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n, d = 3, 1460 // two strips
	r := rand.New(rand.NewPCG(3, 4))
	x, y := spread(r, n*d), spread(r, n*d)
	for name, eval := range map[string]func(dx, dy []float64) (float64, error){
		"vicreg":       func(dx, dy []float64) (float64, error) { return loss.NewVICReg[float64]().Eval(x, y, d, dx, dy) },
		"barlow_twins": func(dx, dy []float64) (float64, error) { return loss.NewBarlowTwins[float64]().Eval(x, y, d, dx, dy) },
	} {
		dx, dy := make([]float64, n*d), make([]float64, n*d)
		got, err := eval(dx, dy)
		want := map[string]func() float64{"vicreg": func() float64 { return vicReg(x, y, n, d) }, "barlow_twins": func() float64 { return barlow(x, y, n, d) }}[name]()
		if err != nil || math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s: the loss is %v, %v; by its definition %v", name, got, err, want)
		}
		for i, s := range map[int]struct{ x, dx []float64 }{0: {x, dx}, d - 1: {x, dx}, 2*d - 1: {y, dy}} {
			const h = 1e-4
			v := s.x[i]
			s.x[i] = v + h
			high, _ := eval(nil, nil)
			s.x[i] = v - h
			low, _ := eval(nil, nil)
			s.x[i] = v
			if slope := (high - low) / (2 * h); math.Abs(slope-s.dx[i]) > 1e-5*max(1, math.Abs(slope)) {
				t.Errorf("%s: derivative %d is %v; differences say %v", name, i, s.dx[i], slope)
			}
		}
	}
}

// column returns one, less its mean.
func column(x []float64, n, d, j int) (c []float64) {
	mean := 0.0
	for i := range n {
		mean += x[i*d+j] / float64(n)
	}
	for i := range n {
		c = append(c, x[i*d+j]-mean)
	}
	return c
}

func product(a, b []float64) (s float64) {
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func vicReg(x, y []float64, n, d int) (l float64) {
	for i := range x {
		l += 25 * (x[i] - y[i]) * (x[i] - y[i]) / float64(n*d)
	}
	for _, v := range [][]float64{x, y} {
		var all [][]float64
		for j := range d {
			all = append(all, column(v, n, d, j))
		}
		for j, a := range all {
			l += 12.5 * plus(1-math.Sqrt(product(a, a)/float64(n-1)+1e-4)) / float64(d)
			for k, b := range all {
				if c := product(a, b) / float64(n-1); j != k {
					l += c * c / float64(d)
				}
			}
		}
	}
	return l
}

func barlow(x, y []float64, n, d int) (l float64) {
	var all [2][][]float64
	for i, v := range [][]float64{x, y} {
		for j := range d {
			c := column(v, n, d, j)
			deviation := math.Sqrt(product(c, c)/float64(n) + 1e-5)
			for k := range c {
				c[k] /= deviation
			}
			all[i] = append(all[i], c)
		}
	}
	for j, a := range all[0] {
		for k, b := range all[1] {
			c := product(a, b) / float64(n)
			if j == k {
				l += (c - 1) * (c - 1)
			} else {
				l += 0.0051 * c * c
			}
		}
	}
	return l
}

// TestArcFaceTurn: the loss rises with the angle to the own weight all the way to π, past
// where θ + m is π, and its gradient stays finite at all angles, those too small for a
// cosine included.
func TestArcFaceTurn(t *testing.T) {
	for _, margin := range []float64{0.1, 0.5, 1.2} {
		t.Run(fmt.Sprint(margin), func(t *testing.T) {
			l := &loss.ArcFace[float64]{Margin: margin, Scale: 64}
			w := []float64{3, 0, 0, 0, 0, 2}
			last := 0.0
			for i := -60; i <= 200; i++ {
				angle := math.Pi * float64(i) / 200
				if i < 0 {
					angle = math.Pi / 200 * math.Pow(10, float64(i)/5) // down to 1e-14
				}
				x := []float64{math.Cos(angle) / 2, math.Sin(angle) / 2, 0}
				if i == 0 {
					continue // below
				}
				dx, dw := make([]float64, 3), make([]float64, 6)
				v, err := l.Eval(x, 3, []int{0}, w, dx, dw)
				if err != nil || !(v >= last) {
					t.Fatalf("at %v the loss is %v, %v; it was %v", angle, v, err, last)
				}
				last = v
				by := math.Sin(angle + margin)
				if angle > math.Pi-margin {
					by = math.Sin(angle)
				}
				// Away from the weight, by Scale·p·sin(θ + m), over the embedding's length.
				wrong := -math.Expm1(-v)
				along := -dx[0]*math.Sin(angle) + dx[1]*math.Cos(angle)
				if want := 2 * 64 * wrong * by; math.Abs(along-want) > 1e-9*max(1e-4, want) {
					t.Fatalf("at %v the derivative by the angle is %v; it should be %v", angle, along, want)
				}
			}
			dx, dw := make([]float64, 3), make([]float64, 6)
			if v, err := l.Eval([]float64{5, 0, 0}, 3, []int{0}, w, dx, dw); err != nil || math.IsNaN(v) || dx[0] != 0 || dx[1] != 0 || math.IsNaN(dx[2]+dw[0]+dw[5]) {
				t.Errorf("on its weight: %v, %v, gradients %v, %v", v, err, dx, dw)
			}
		})
	}
}

// TestLengthsDoNotMatter: losses of angles are the same, to the bit, for rows of any length,
// and their gradients are divided by it.
func TestLengthsDoNotMatter(t *testing.T) {
	for _, b := range batchedLosses[float32](19, 5, 4) {
		if !slices.Contains([]string{"nt_xent", "sup_con", "multi_similarity", "circle", "arcface", "cosface", "proxy_nca", "proxy_nca++", "proxy_anchor"}, b.name) {
			continue
		}
		want := b.gradients()
		value, err := b.eval(b.in, want)
		if err != nil {
			t.Fatal(b.name, err)
		}
		const by = 1 << 10
		var long [][]float32
		for _, x := range b.in {
			x = slices.Clone(x)
			simd.Scale(x, x, by)
			long = append(long, x)
		}
		grad := b.gradients()
		got, err := b.eval(long, grad)
		for _, g := range grad {
			simd.Scale(g, g, by)
		}
		if got != value || err != nil || !slices.EqualFunc(grad, want, slices.Equal[[]float32]) {
			t.Errorf("%s: %v, %v; of longer rows %v, or another gradient", b.name, value, err, got)
		}
	}
}

// TestBatchStats: what a batch of classes had to offer.
func TestBatchStats(t *testing.T) {
	l := loss.NewCosFace[float64]()
	if _, err := l.Eval([]float64{1, 0, 0, 1, 1, 1}, 2, []int{0, 1, 1}, []float64{1, 0, 0, 1, -1, 0}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Positives != 3 || s.Negatives != 6 || s.Terms != 3 || s.Active != 3 {
		t.Errorf("%+v; 3 samples have a class each, and two others", s)
	}
}
