package loss_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/loss"
)

// A pairwise is a loss over all pairs, with its definition written out.
type pairwise struct {
	name       string
	similarity bool
	// eval is ours, of a kind of measure.
	eval32 func(m distance.Measure, x []float32, d int, y []int, r []float32, ry []int, dx, dr []float32) (float64, loss.PairStats, error)
	eval64 func(m distance.Measure, x []float64, d int, y []int, r []float64, ry []int, dx, dr []float64) (float64, loss.PairStats, error)
	// anchor is the definition at one anchor: its values to the positives and to the
	// negatives; what is to be added, and how many terms that is. frozen are the values at
	// which weights that the gradient does not see are taken.
	anchor func(p, n, frozenP, frozenN []float64) (sum float64, terms int)
	over   loss.Over
	// pairs makes the loss, for pairs that are listed.
	pairs32 func(m distance.Measure) loss.OfPairs[float32]
	pairs64 func(m distance.Measure) loss.OfPairs[float64]
}

type pairLoss[T tensor.Float] interface {
	loss.OfReferences[T]
	loss.OfPairs[T]
}

// over makes an evaluation of a loss; refs that are nil are the anchors.
func over[T tensor.Float](l pairLoss[T], x []T, d int, y []int, r []T, ry []int, dx, dr []T) (float64, loss.PairStats, error) {
	if r == nil {
		v, err := l.Eval(x, d, y, dx)
		return v, l.Stats(), err
	}
	v, err := l.EvalAgainst(x, d, y, r, ry, dx, dr)
	return v, l.Stats(), err
}

func row(name string, similarity bool, o loss.Over, make32 func(distance.Measure) pairLoss[float32], make64 func(distance.Measure) pairLoss[float64],
	anchor func(p, n, fp, fn []float64) (float64, int),
) pairwise {
	return pairwise{
		name: name, similarity: similarity, over: o, anchor: anchor,
		eval32: func(m distance.Measure, x []float32, d int, y []int, r []float32, ry []int, dx, dr []float32) (float64, loss.PairStats, error) {
			return over(make32(m), x, d, y, r, ry, dx, dr)
		},
		eval64: func(m distance.Measure, x []float64, d int, y []int, r []float64, ry []int, dx, dr []float64) (float64, loss.PairStats, error) {
			return over(make64(m), x, d, y, r, ry, dx, dr)
		},
		pairs32: func(m distance.Measure) loss.OfPairs[float32] { return make32(m) },
		pairs64: func(m distance.Measure) loss.OfPairs[float64] { return make64(m) },
	}
}

func triplets[T tensor.Float](mining loss.Mining, soft bool, o loss.Over) func(distance.Measure) pairLoss[T] {
	return func(m distance.Measure) pairLoss[T] {
		return &loss.BatchTriplet[T]{Distance: m, Margin: 0.3, Mining: mining, Soft: soft, Over: o}
	}
}

func ntXent[T tensor.Float](m distance.Measure) pairLoss[T] {
	return &loss.NTXent[T]{Distance: m, Temperature: 0.5}
}

func supCon[T tensor.Float](m distance.Measure) pairLoss[T] {
	return &loss.SupCon[T]{Distance: m, Temperature: 0.5}
}

func multi[T tensor.Float](mine bool) func(distance.Measure) pairLoss[T] {
	return func(m distance.Measure) pairLoss[T] {
		l := loss.NewMultiSimilarity[T]()
		if mine {
			l = loss.NewMinedMultiSimilarity[T]()
		}
		l.Distance, l.Beta = m, 5
		return l
	}
}

func circle[T tensor.Float](m distance.Measure) pairLoss[T] {
	return &loss.Circle[T]{Distance: m, M: 0.3, Gamma: 4}
}

func plus(x float64) float64       { return max(x, 0) }
func logOnePlus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func hingeOrSoft(soft bool, ap, an float64) float64 {
	if soft {
		return logOnePlus(0.3 + ap - an)
	}
	return plus(0.3 + ap - an)
}

func pairwises() []pairwise {
	var all []pairwise
	for _, soft := range []bool{false, true} {
		for _, o := range []loss.Over{loss.OverActive, loss.OverAll} {
			if soft && o == loss.OverAll {
				continue // which would change nothing
			}
			all = append(all, row(fmt.Sprint("triplet/hard/", soft, o), false, o, triplets[float32](loss.HardTriplets, soft, o), triplets[float64](loss.HardTriplets, soft, o),
				func(p, n, _, _ []float64) (float64, int) {
					if len(p) == 0 || len(n) == 0 {
						return 0, 0
					}
					v := hingeOrSoft(soft, maxOf(p), minOf(n))
					if o == loss.OverActive && v == 0 {
						return 0, 0
					}
					return v, 1
				}))
			all = append(all, row(fmt.Sprint("triplet/semi/", soft, o), false, o, triplets[float32](loss.SemiHardOrFarthest, soft, o), triplets[float64](loss.SemiHardOrFarthest, soft, o),
				func(p, n, _, _ []float64) (sum float64, terms int) {
					if len(n) == 0 {
						return 0, 0
					}
					for _, ap := range p {
						an := math.Inf(1)
						for _, v := range n {
							if v > ap {
								an = min(an, v)
							}
						}
						if math.IsInf(an, 1) {
							an = maxOf(n)
						}
						v := hingeOrSoft(soft, ap, an)
						if o == loss.OverAll || v > 0 {
							sum, terms = sum+v, terms+1
						}
					}
					return sum, terms
				}))
			all = append(all, row(fmt.Sprint("triplet/all/", soft, o), false, o, triplets[float32](loss.AllTriplets, soft, o), triplets[float64](loss.AllTriplets, soft, o),
				func(p, n, _, _ []float64) (sum float64, terms int) {
					for _, ap := range p {
						for _, an := range n {
							v := hingeOrSoft(soft, ap, an)
							if o == loss.OverAll || v > 0 {
								sum, terms = sum+v, terms+1
							}
						}
					}
					return sum, terms
				}))
		}
	}
	all = append(all,
		row("nt_xent", true, loss.OverAll, ntXent[float32], ntXent[float64], func(p, n, _, _ []float64) (sum float64, terms int) {
			for _, ap := range p {
				below := math.Exp(2 * ap)
				for _, an := range n {
					below += math.Exp(2 * an)
				}
				sum, terms = sum-math.Log(math.Exp(2*ap)/below), terms+1
			}
			return sum, terms
		}),
		row("sup_con", true, loss.OverAll, supCon[float32], supCon[float64], func(p, n, _, _ []float64) (sum float64, terms int) {
			if len(p) == 0 {
				return 0, 0
			}
			below := 0.0
			for _, s := range append(append([]float64(nil), p...), n...) {
				below += math.Exp(2 * s)
			}
			for _, s := range p {
				sum -= math.Log(math.Exp(2*s)/below) / float64(len(p))
			}
			return sum, 1
		}),
		row("circle", true, loss.OverAll, circle[float32], circle[float64], func(p, n, fp, fn []float64) (float64, int) {
			if len(p) == 0 || len(n) == 0 {
				return 0, 0
			}
			var near, far float64
			for i, s := range p {
				near += math.Exp(-4 * plus(1.3-fp[i]) * (s - 0.7))
			}
			for i, s := range n {
				far += math.Exp(4 * plus(fn[i]+0.3) * (s - 0.3))
			}
			return math.Log1p(near * far), 1
		}),
	)
	for _, mine := range []bool{false, true} {
		all = append(all, row(fmt.Sprint("multi_similarity/", mine), true, loss.OverAll, multi[float32](mine), multi[float64](mine),
			func(p, n, fp, fn []float64) (float64, int) {
				var near, far float64
				for i, s := range p {
					if !mine || len(n) > 0 && fp[i]-0.1 < maxOf(fn) {
						near += math.Exp(-2 * (s - 0.5))
					}
				}
				for i, s := range n {
					if !mine || len(p) > 0 && fn[i]+0.1 > minOf(fp) {
						far += math.Exp(5 * (s - 0.5))
					}
				}
				return math.Log1p(near)/2 + math.Log1p(far)/5, 1
			}))
	}
	return all
}

func maxOf(x []float64) float64 {
	m := math.Inf(-1)
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func minOf(x []float64) float64 {
	m := math.Inf(1)
	for _, v := range x {
		m = min(m, v)
	}
	return m
}

// measured is a measure's value by its definition, as a distance or as a similarity.
func measured(m distance.Measure, similarity bool, a, b []float64) float64 {
	na, nb := 1.0, 1.0
	if m.Normalize || m.Kind == distance.Cosine {
		na, nb = norm(a), norm(b)
	}
	var s, dot, p float64
	for i := range a {
		u, v := a[i]/na, b[i]/nb
		s, dot, p = s+(u-v)*(u-v), dot+u*v, p+math.Pow(math.Abs(u-v), m.P)
	}
	var d float64
	switch m.Kind {
	case distance.Euclidean:
		d = math.Sqrt(s)
	case distance.Squared:
		d = s
	case distance.Lp:
		d = math.Pow(p, 1/m.P)
	case distance.Cosine:
		d = 1 - dot
		if similarity {
			return dot
		}
	case distance.Dot:
		d = -dot
	}
	if similarity {
		return -d
	}
	return d
}

func norm(a []float64) float64 {
	s := 0.0
	for _, v := range a {
		s += v * v
	}
	return math.Sqrt(s)
}

// pairProblem is a batch, and references that may be the batch itself.
type pairProblem struct {
	x, r     []float64
	d        int
	y, ry    []int
	own      bool
	measure  distance.Measure
	loss     pairwise
	baseline [][2][]float64 // of each anchor: its values at the point of the gradient
}

// by definition.
func (q *pairProblem) value() float64 {
	sum, terms := 0.0, 0
	for i, y := range q.y {
		var p, n []float64
		for j, ry := range q.ry {
			if q.own && i == j {
				continue
			}
			v := measured(q.measure, q.loss.similarity, q.x[i*q.d:(i+1)*q.d], q.r[j*q.d:(j+1)*q.d])
			if ry == y {
				p = append(p, v)
			} else {
				n = append(n, v)
			}
		}
		if len(q.baseline) == i {
			q.baseline = append(q.baseline, [2][]float64{p, n})
		}
		v, k := q.loss.anchor(p, n, q.baseline[i][0], q.baseline[i][1])
		sum, terms = sum+v, terms+k
	}
	return sum / float64(max(terms, 1))
}

// slope is the derivative of value by one coordinate.
func (q *pairProblem) slope(at *float64) float64 {
	const h = 1e-6
	v := *at
	*at = v + h
	high := q.value()
	*at = v - h
	low := q.value()
	*at = v
	return (high - low) / (2 * h)
}

func pairProblems(r *rand.Rand, l pairwise) (all []*pairProblem) {
	measures := []distance.Measure{
		{Kind: distance.Euclidean},
		{Kind: distance.Squared},
		{Kind: distance.Cosine},
		{Kind: distance.Dot},
		{Kind: distance.Lp, P: 3},
		{Kind: distance.Euclidean, Normalize: true},
		{Kind: distance.Lp, P: 2},
	}
	for i, m := range measures {
		for _, own := range []bool{true, false} {
			n, d := 5+r.IntN(12), 1+r.IntN(7)
			q := &pairProblem{d: d, own: own, measure: m, loss: l}
			q.x = spread(r, n*d)
			for range n {
				q.y = append(q.y, r.IntN(2+i%3)-1)
			}
			q.r, q.ry = q.x, q.y
			if !own {
				k := 3 + r.IntN(9)
				q.r = spread(r, k*d)
				q.ry = nil
				for range k {
					q.ry = append(q.ry, r.IntN(4)-1)
				}
			}
			all = append(all, q)
		}
	}
	return all
}

func spread(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(r.NormFloat64() * 0.7))
	}
	return x
}

// TestPairwise holds every loss over pairs against its definition, value and gradient, in
// both element types.
func TestPairwise(t *testing.T) {
	for _, l := range pairwises() {
		t.Run(l.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, uint64(len(l.name))))
			for range 4 {
				for _, q := range pairProblems(r, l) {
					q.check(t)
				}
			}
		})
	}
}

func (q *pairProblem) check(t *testing.T) {
	t.Helper()
	want := q.value()
	dx, dr := make([]float64, len(q.x)), make([]float64, len(q.r))
	refs := q.r
	if q.own {
		refs, dr = nil, nil
	}
	got, stats, err := q.loss.eval64(q.measure, q.x, q.d, q.y, refs, q.ry, dx, dr)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got-want) > 1e-10*max(1, math.Abs(want)) {
		t.Fatalf("%+v own %v: the loss is %v, by definition %v (%+v)", q.measure, q.own, got, want, stats)
	}
	for _, s := range []struct {
		x, dx []float64
		arg   string
	}{{q.x, dx, "embeddings"}, {q.r, dr, "references"}} {
		for i, d := range s.dx {
			if want := q.slope(&s.x[i]); math.Abs(d-want) > 1e-5*max(1, math.Abs(want)) {
				t.Fatalf("%+v own %v: the derivative by %s[%d] is %v; differences say %v", q.measure, q.own, s.arg, i, d, want)
			}
		}
	}
	dx32, dr32 := make([]float32, len(q.x)), make([]float32, len(q.r))
	var refs32 []float32
	if !q.own {
		refs32 = narrow(q.r)
	} else {
		dr32 = nil
	}
	got32, _, err := q.loss.eval32(q.measure, narrow(q.x), q.d, q.y, refs32, q.ry, dx32, dr32)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got32-got) > 2e-5*max(0.1, math.Abs(got)) {
		t.Fatalf("%+v own %v: the loss in float32 is %v, in float64 %v", q.measure, q.own, got32, got)
	}
	for i := range dx {
		if math.Abs(float64(dx32[i])-dx[i]) > 2e-5*max(0.1, math.Abs(dx[i])) {
			t.Fatalf("%+v own %v: the derivative in float32 is %v, in float64 %v", q.measure, q.own, dx32[i], dx[i])
		}
	}
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// TestContrastive holds the contrastive loss against its definition: two means, added.
func TestContrastive(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for i := range 200 {
		power, over := 1+i%2, loss.Over(i/2%2)
		q := &pairProblem{d: 1 + r.IntN(5), measure: distance.Measure{Kind: []distance.Kind{distance.Euclidean, distance.Squared, distance.Cosine, distance.Dot}[i/4%4]}}
		n := 2 + r.IntN(9)
		q.x = spread(r, n*q.d)
		for range n {
			q.y = append(q.y, r.IntN(3))
		}
		l := &loss.Contrastive[float64]{Distance: q.measure, PosMargin: 0.1, NegMargin: 1.2, Power: power, Over: over}
		if q.measure.Kind == distance.Dot && i%3 > 0 {
			l.PosMargin, l.NegMargin = -0.5, -0.2
		}
		dx := make([]float64, len(q.x))
		got, err := l.Eval(q.x, q.d, q.y, dx)
		if err != nil {
			t.Fatal(err)
		}
		value := func() float64 { return q.contrastive(l) }
		if want := value(); math.Abs(got-want) > 1e-10*max(1, want) {
			t.Fatalf("%v, power %d, over %v: the loss is %v, by definition %v", q.measure.Kind, power, over, got, want)
		}
		for k, d := range dx {
			const h = 1e-6
			v := q.x[k]
			q.x[k] = v + h
			high := value()
			q.x[k] = v - h
			low := value()
			q.x[k] = v
			if want := (high - low) / (2 * h); math.Abs(d-want) > 1e-4*max(1, math.Abs(want)) {
				t.Fatalf("%v, power %d, over %v: derivative %d is %v; differences say %v", q.measure.Kind, power, over, k, d, want)
			}
		}
	}
}

// contrastive is the definition.
func (q *pairProblem) contrastive(l *loss.Contrastive[float64]) float64 {
	var sum, count [2]float64 // of pairs of one label, of others
	for i, a := range q.y {
		for j, b := range q.y {
			if i == j {
				continue
			}
			d := measured(q.measure, false, q.x[i*q.d:(i+1)*q.d], q.x[j*q.d:(j+1)*q.d])
			k, v := 0, plus(d-l.PosMargin)
			if a != b {
				k, v = 1, plus(l.NegMargin-d)
			}
			sum[k] += math.Pow(v, float64(l.Power))
			if l.Over == loss.OverAll || v > 0 {
				count[k]++
			}
		}
	}
	return sum[0]/max(count[0], 1) + sum[1]/max(count[1], 1)
}

// TestPairsOutOfRange: what float32 does not hold is refused, or makes the loss NaN.
func TestPairsOutOfRange(t *testing.T) {
	x, y := []float32{1.5e19, -1.5e19, 1.5e19, -1.4e19}, []int{0, 0, 1, 1}
	for _, mining := range []loss.Mining{loss.HardTriplets, loss.SemiHardOrFarthest, loss.AllTriplets} {
		l := loss.NewBatchTriplet[float32]()
		l.Mining = mining
		dx := make([]float32, len(x))
		if v, err := l.Eval(x, 1, y, dx); err != nil || !math.IsNaN(v) || !math.IsNaN(float64(dx[0])) {
			t.Errorf("%v: distances that overflow give %v, %v, %v", mining, v, dx, err)
		}
	}
	for _, temperature := range []float64{1e-39, 1e40} {
		l := loss.NewNTXent[float32]()
		l.Temperature = temperature
		if _, err := l.Eval(x, 1, y, nil); err == nil {
			t.Errorf("temperature %v is taken", temperature)
		}
	}
}
