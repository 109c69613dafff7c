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
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// The losses of each kind.
var (
	_ loss.OfLabels[float32]     = (*loss.NPairs[float32])(nil)
	_ loss.OfReferences[float32] = (*loss.Contrastive[float32])(nil)
	_ loss.OfTriplets[float32]   = (*loss.BatchTriplet[float32])(nil)
	_ loss.OfTriplets[float32]   = (*loss.RowTriplets[float32])(nil)
	_ loss.OfPairs[float32]      = (*loss.RowPairs[float32])(nil)
	_ loss.OfClasses[float32]    = (*loss.ArcFace[float32])(nil)
	_ loss.OfClasses[float32]    = (*loss.CosFace[float32])(nil)
	_ loss.OfClasses[float32]    = (*loss.ProxyNCA[float32])(nil)
	_ loss.OfClasses[float32]    = (*loss.ProxyAnchor[float32])(nil)
	_ loss.OfViews[float32]      = (*loss.VICReg[float32])(nil)
	_ loss.OfViews[float32]      = (*loss.BarlowTwins[float32])(nil)
)

// gradientIs holds a gradient against central differences of the definition.
func gradientIs(t *testing.T, what string, x, dx []float64, value func() float64) {
	t.Helper()
	const h = 1e-6
	for i, d := range dx {
		v := x[i]
		x[i] = v + h
		high := value()
		x[i] = v - h
		low := value()
		x[i] = v
		if want := (high - low) / (2 * h); math.Abs(d-want) > 2e-5*max(1, math.Abs(want)) {
			t.Fatalf("%s: the derivative by embeddings[%d] is %v; differences say %v", what, i, d, want)
		}
	}
}

// sameIn32 holds the evaluation in float32 against that in float64; terms are of the size of unit.
func sameIn32(t *testing.T, what string, unit, v64 float64, dx []float64, v32 float64, dx32 []float32) {
	t.Helper()
	if math.Abs(v32-v64) > 2e-5*max(unit, math.Abs(v64)) {
		t.Fatalf("%s: the loss in float32 is %v, in float64 %v", what, v32, v64)
	}
	for i, d := range dx {
		if math.Abs(float64(dx32[i])-d) > 2e-5*max(unit, math.Abs(d)) {
			t.Fatalf("%s: derivative %d in float32 is %v, in float64 %v", what, i, dx32[i], d)
		}
	}
}

var listedMeasures = []distance.Measure{
	{Kind: distance.Euclidean},
	{Kind: distance.Squared},
	{Kind: distance.Cosine},
	{Kind: distance.Dot},
	{Kind: distance.Lp, P: 3},
	{Kind: distance.Euclidean, Normalize: true},
	{Kind: distance.Lp, P: 2},
}

// somePairs are n pairs of samples at random, some of them more than once.
func somePairs(r *rand.Rand, n, samples int) (p pair.Pairs) {
	for range n {
		a := r.IntN(samples)
		p.First, p.Second, p.Same = append(p.First, a), append(p.Second, (a+1+r.IntN(samples-1))%samples), append(p.Same, r.IntN(3) == 0)
	}
	return p
}

// orderedPairs are all pairs of different samples, either order of each.
func orderedPairs(labels []int) (p pair.Pairs) {
	for i, a := range labels {
		for j, b := range labels {
			if i != j {
				p.First, p.Second, p.Same = append(p.First, i), append(p.Second, j), append(p.Same, a == b)
			}
		}
	}
	return p
}

// listedValue is a loss by its definition, each anchor seeing the samples that it is paired with.
func (l pairwise) listedValue(m distance.Measure, x []float64, d int, p pair.Pairs, frozen *[][2][]float64) float64 {
	near, far := make([][]float64, len(x)/d), make([][]float64, len(x)/d)
	for i, a := range p.First {
		b := p.Second[i]
		v := measured(m, l.similarity, x[a*d:(a+1)*d], x[b*d:(b+1)*d])
		if p.Same[i] {
			near[a] = append(near[a], v)
		} else {
			far[a] = append(far[a], v)
		}
	}
	sum, terms := 0.0, 0
	for i := range near {
		if len(*frozen) == i {
			*frozen = append(*frozen, [2][]float64{near[i], far[i]})
		}
		v, k := l.anchor(near[i], far[i], (*frozen)[i][0], (*frozen)[i][1])
		sum, terms = sum+v, terms+k
	}
	return sum / float64(max(terms, 1))
}

// TestEvalPairs holds every loss over listed pairs against its definition, value and gradient, in both
// element types.
func TestEvalPairs(t *testing.T) {
	for _, l := range pairwises() {
		t.Run(l.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(11, uint64(len(l.name))))
			for i := range 4 * len(listedMeasures) {
				m := listedMeasures[i%len(listedMeasures)]
				n, d := 4+r.IntN(9), 1+r.IntN(6)
				x, p, what := spread(r, n*d), somePairs(r, 1+r.IntN(40), n), fmt.Sprintf("%+v", m)
				var frozen [][2][]float64
				want := l.listedValue(m, x, d, p, &frozen)
				dx := make([]float64, len(x))
				got, err := l.pairs64(m).EvalPairs(x, d, p, dx)
				if err != nil || math.Abs(got-want) > 1e-10*max(1, math.Abs(want)) {
					t.Fatalf("%s: the loss is %v, %v; by definition %v", what, got, err, want)
				}
				gradientIs(t, what, x, dx, func() float64 { return l.listedValue(m, x, d, p, &frozen) })
				dx32 := make([]float32, len(x))
				got32, err := l.pairs32(m).EvalPairs(narrow(x), d, p, dx32)
				if err != nil {
					t.Fatal(err)
				}
				sameIn32(t, what, 0.1, got, dx, got32, dx32)
			}
		})
	}
}

// TestContrastivePairs: two means over the listed pairs, added.
func TestContrastivePairs(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	for i := range 200 {
		l := &loss.Contrastive[float64]{
			Distance: listedMeasures[i/4%3], PosMargin: 0.1, NegMargin: 1.2, Power: 1 + i%2, Over: loss.Over(i / 2 % 2),
		}
		n, d := 3+r.IntN(6), 1+r.IntN(5)
		x, p := spread(r, n*d), somePairs(r, 1+r.IntN(30), n)
		value := func() float64 {
			var sum, count [2]float64
			for i, a := range p.First {
				b := p.Second[i]
				v := measured(l.Distance, false, x[a*d:(a+1)*d], x[b*d:(b+1)*d])
				k, v := 1, plus(l.NegMargin-v)
				if p.Same[i] {
					k, v = 0, plus(measured(l.Distance, false, x[a*d:(a+1)*d], x[b*d:(b+1)*d])-l.PosMargin)
				}
				sum[k] += math.Pow(v, float64(l.Power))
				if l.Over == loss.OverAll || v > 0 {
					count[k]++
				}
			}
			return sum[0]/max(count[0], 1) + sum[1]/max(count[1], 1)
		}
		what, dx := fmt.Sprintf("%+v", l.Distance), make([]float64, len(x))
		got, err := l.EvalPairs(x, d, p, dx)
		if want := value(); err != nil || math.Abs(got-want) > 1e-10*max(1, want) {
			t.Fatalf("%s: the loss is %v, %v; by definition %v", what, got, err, want)
		}
		gradientIs(t, what, x, dx, value)
	}
}

// TestEvalTriplets holds the triplet loss over listed triplets against its definition.
func TestEvalTriplets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 9))
	for i := range 40 * len(listedMeasures) {
		l := loss.BatchTriplet[float64]{Distance: listedMeasures[i%len(listedMeasures)], Margin: 0.3, Soft: i%3 == 0}
		if i%2 == 0 {
			l.Reduction = loss.Sum
		} else if !l.Soft {
			l.Over = loss.Over(i / 2 % 2)
		}
		n, d := 3+r.IntN(8), 1+r.IntN(6)
		x, triplets := spread(r, n*d), someTriplets(r, 1+r.IntN(40), n)
		value := func() float64 {
			sum, terms := 0.0, 0
			for i, a := range triplets.Anchor {
				at := func(j int) float64 { return measured(l.Distance, false, x[a*d:(a+1)*d], x[j*d:(j+1)*d]) }
				v := hingeOrSoft(l.Soft, at(triplets.Positive[i]), at(triplets.Negative[i]))
				sum += v
				if l.Over == loss.OverAll || v > 0 {
					terms++
				}
			}
			if l.Reduction == loss.Sum {
				return sum
			}
			return sum / float64(max(terms, 1))
		}
		what, dx := fmt.Sprintf("%+v soft %v", l.Distance, l.Soft), make([]float64, len(x))
		got, err := l.EvalTriplets(x, d, triplets, dx)
		if want := value(); err != nil || math.Abs(got-want) > 1e-10*max(1, want) {
			t.Fatalf("%s: the loss is %v, %v; by definition %v", what, got, err, want)
		}
		gradientIs(t, what, x, dx, value)
		narrowed := loss.BatchTriplet[float32]{Distance: l.Distance, Margin: l.Margin, Soft: l.Soft, Over: l.Over, Reduction: l.Reduction}
		dx32 := make([]float32, len(x))
		got32, err := narrowed.EvalTriplets(narrow(x), d, triplets, dx32)
		if err != nil {
			t.Fatal(err)
		}
		unit := 0.1
		if l.Reduction == loss.Sum {
			unit = 1
		}
		sameIn32(t, what, unit, got, dx, got32, dx32)
	}
}

// someTriplets are n triplets of samples at random. Their three samples differ.
func someTriplets(r *rand.Rand, n, samples int) (t pair.Triplets) {
	for range n {
		p := r.Perm(samples)
		t.Anchor, t.Positive, t.Negative = append(t.Anchor, p[0]), append(t.Positive, p[1]), append(t.Negative, p[2])
	}
	return t
}

// a listedBatch is samples of some labels.
func listedBatch(seed uint64, n, d int) (x []float64, y []int) {
	r := rand.New(rand.NewPCG(seed, 2))
	for range n {
		y = append(y, r.IntN(max(2, n/5)))
	}
	return spread(r, n*d), y
}

// TestAllListed: of all pairs or triplets of a batch, a loss is the batch's, with the same gradient.
func TestAllListed(t *testing.T) {
	for _, n := range []int{2, 9, 60} {
		const d = 7
		x, y := listedBatch(uint64(n), n, d)
		pairs := orderedPairs(y)
		triplets, err := pair.AllTriplets(y, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range listedMeasures {
			check := func(what string, l loss.OfLabels[float64], listed func(dx []float64) (float64, error)) {
				t.Helper()
				want, got := make([]float64, len(x)), make([]float64, len(x))
				v, err := l.Eval(x, d, y, want)
				if err != nil {
					t.Fatal(err)
				}
				stats := l.Stats()
				again, err := listed(got)
				if err != nil || math.Abs(again-v) > 1e-12*max(1, math.Abs(v)) || !near(got, want, 1e-11) {
					t.Errorf("%s %+v: the loss of the batch is %v, of what it lists %v, %v; or the gradients differ", what, m, v, again, err)
				}
				if s := l.Stats(); s.Terms != stats.Terms || s.Active != stats.Active {
					t.Errorf("%s %+v: the batch has %+v, what it lists %+v", what, m, stats, s)
				}
			}
			for _, l := range pairwises() {
				l := l.pairs64(m).(loss.OfReferences[float64])
				check(fmt.Sprintf("%T", l), l, func(dx []float64) (float64, error) { return l.(loss.OfPairs[float64]).EvalPairs(x, d, pairs, dx) })
			}
			for _, o := range []loss.Over{loss.OverActive, loss.OverAll} {
				c := &loss.Contrastive[float64]{Distance: m, PosMargin: 0.2, NegMargin: 1.5, Power: 2, Over: o}
				check("contrastive", c, func(dx []float64) (float64, error) { return c.EvalPairs(x, d, pairs, dx) })
				b := &loss.BatchTriplet[float64]{Distance: m, Margin: 0.5, Mining: loss.AllTriplets, Over: o}
				check("triplets", b, func(dx []float64) (float64, error) { return b.EvalTriplets(x, d, triplets, dx) })
			}
			soft := &loss.BatchTriplet[float64]{Distance: m, Mining: loss.AllTriplets, Soft: true}
			check("soft triplets", soft, func(dx []float64) (float64, error) { return soft.EvalTriplets(x, d, triplets, dx) })
		}
	}
}

// TestMinersFeedLosses: where a loss mines by itself, it is the loss of what package pair's miner of
// that rule chooses.
func TestMinersFeedLosses(t *testing.T) {
	const n, d = 40, 5
	x, y := listedBatch(3, n, d)
	var triplets pair.Triplets
	var pairs pair.Pairs
	mine := func(_ pair.Stats, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, l loss.OfLabels[float64], listed func(dx []float64) (float64, error)) {
		t.Helper()
		want, got := make([]float64, len(x)), make([]float64, len(x))
		v, err := l.Eval(x, d, y, want)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := listed(got); err != nil || v <= 0 || math.Abs(again-v) > 1e-12*v || !near(got, want, 1e-11) {
			t.Errorf("%s: the loss that mines is %v, of the miner's choice %v, %v; or the gradients differ", what, v, again, err)
		}
	}
	mine((&pair.BatchHard[float64]{}).Mine(&triplets, x, d, y))
	l := loss.NewBatchTriplet[float64]()
	check("hard", l, func(dx []float64) (float64, error) { return l.EvalTriplets(x, d, triplets, dx) })
	triplets.Pairs(&pairs)
	check("hard, as pairs", l, func(dx []float64) (float64, error) { return l.EvalPairs(x, d, pairs, dx) })

	mine((&pair.SemiHard[float64]{Margin: math.Inf(1), Farthest: true}).Mine(&triplets, x, d, y))
	l.Mining = loss.SemiHardOrFarthest
	check("semi-hard", l, func(dx []float64) (float64, error) { return l.EvalTriplets(x, d, triplets, dx) })

	mine((&pair.MultiSimilarity[float64]{Distance: distance.Measure{Kind: distance.Cosine}, Epsilon: 0.1}).Mine(&pairs, x, d, y))
	s := loss.NewMultiSimilarity[float64]()
	check("multi-similarity", loss.NewMinedMultiSimilarity[float64](), func(dx []float64) (float64, error) { return s.EvalPairs(x, d, pairs, dx) })
}

// TestRowLosses: losses of rows, by index, are those of the rows copied, whatever is copied at a time.
func TestRowLosses(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, d := range []int{3, 1 << 17} { // in one go, and two at a time
		const n, k = 4, 5
		x, triplets, pairs := spread(r, n*d), someTriplets(r, k, n), somePairs(r, k, n)
		rows := func(indices []int) (out []float64) {
			for _, i := range indices {
				out = append(out, x[i*d:(i+1)*d]...)
			}
			return out
		}
		check := func(what string, want float64, slopes map[*[]int][]float64, got float64, dx []float64, err error) {
			t.Helper()
			sum := make([]float64, len(x))
			for indices, slope := range slopes {
				for j, i := range *indices {
					for c := range d {
						sum[i*d+c] += slope[j*d+c]
					}
				}
			}
			if err != nil || math.Abs(got-want) > 1e-12*want || !near(dx, sum, 1e-14) {
				t.Errorf("%s, dim %d: the loss is %v, %v; of the rows it is %v; or the gradients differ", what, d, got, err, want)
			}
		}
		dx, da, dp, dn := make([]float64, len(x)), make([]float64, k*d), make([]float64, k*d), make([]float64, k*d)
		margin := loss.NewTripletMargin[float64]()
		want, err := margin.Eval(rows(triplets.Anchor), rows(triplets.Positive), rows(triplets.Negative), d, da, dp, dn)
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&loss.RowTriplets[float64]{Loss: margin}).EvalTriplets(x, d, triplets, dx)
		check("triplets", want, map[*[]int][]float64{&triplets.Anchor: da, &triplets.Positive: dp, &triplets.Negative: dn}, got, dx, err)

		var target []float64
		for _, same := range pairs.Same {
			target = append(target, map[bool]float64{true: 1, false: -1}[same])
		}
		cosine := &loss.CosineEmbedding[float64]{Margin: -0.5, Reduction: loss.Sum}
		if want, err = cosine.Eval(rows(pairs.First), rows(pairs.Second), target, d, da, dp); err != nil {
			t.Fatal(err)
		}
		got, err = (&loss.RowPairs[float64]{Loss: cosine, Reduction: loss.Sum}).EvalPairs(x, d, pairs, dx)
		check("pairs", want, map[*[]int][]float64{&pairs.First: da, &pairs.Second: dp}, got, dx, err)
	}
}

// listedLosses evaluates each loss on pairs and triplets.
func listedLosses[T tensor.Float](d int, p pair.Pairs, triplets pair.Triplets) map[string]func(x, dx []T) (float64, error) {
	all := map[string]func(x, dx []T) (float64, error){}
	for name, l := range map[string]loss.OfPairs[T]{
		"contrastive": loss.NewContrastive[T](), "hard": loss.NewBatchTriplet[T](), "nt_xent": loss.NewNTXent[T](),
		"all": &loss.BatchTriplet[T]{Margin: 1, Mining: loss.AllTriplets}, "sup_con": loss.NewSupCon[T](),
		"multi_similarity": loss.NewMultiSimilarity[T](), "circle": loss.NewCircle[T](), "row pairs": &loss.RowPairs[T]{Loss: &loss.CosineEmbedding[T]{}},
		"dot": &loss.SupCon[T]{Distance: distance.Measure{Kind: distance.Dot}, Temperature: 1},
	} {
		all[name] = func(x, dx []T) (float64, error) { return l.EvalPairs(x, d, p, dx) }
	}
	for name, l := range map[string]loss.OfTriplets[T]{
		"triplets": loss.NewBatchTriplet[T](), "soft triplets": loss.NewSoftBatchTriplet[T](),
		"dot triplets": &loss.BatchTriplet[T]{Distance: distance.Measure{Kind: distance.Dot}, Margin: 1},
		"lp triplets":  &loss.BatchTriplet[T]{Distance: distance.Measure{Kind: distance.Lp, P: 1}, Margin: 1},
		"row triplets": &loss.RowTriplets[T]{Loss: loss.NewTripletMargin[T]()},
	} {
		all[name] = func(x, dx []T) (float64, error) { return l.EvalTriplets(x, d, triplets, dx) }
	}
	return all
}

// TestListedBatches: warm losses of pairs and triplets allocate nothing; they have the same bits whatever
// the number of workers, without the gradient, and where it takes the place of the embeddings.
func TestListedBatches(t *testing.T) {
	defer simd.SetThreads(0)
	const n, d = 70, 9
	wide, y := listedBatch(8, n, d)
	x := narrow(wide)
	triplets, err := pair.AllTriplets(y, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, eval := range listedLosses[float32](d, orderedPairs(y), triplets) {
		simd.SetThreads(1)
		want := make([]float32, len(x))
		v, err := eval(x, want)
		if err != nil || !(v > 0) || !slices.ContainsFunc(want, func(d float32) bool { return d != 0 }) {
			t.Fatalf("%s: the loss is %v, %v", name, v, err)
		}
		if again, err := eval(x, nil); again != v || err != nil {
			t.Errorf("%s: without a gradient it is %v, %v; with one %v", name, again, err, v)
		}
		simd.SetThreads(5)
		over := slices.Clone(x)
		if again, err := eval(over, over); again != v || err != nil || !slices.Equal(over, want) {
			t.Errorf("%s: with 5 workers, in place, it is %v, %v; with one %v, or the gradients differ", name, again, err, v)
		}
		simd.SetThreads(0)
		run := func() { _, _ = eval(x, want) }
		run()
		if got := testing.AllocsPerRun(10, run); got > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations a call", name, got)
		}
	}
}

// TestListedNothing: without pairs or triplets there is no loss and no gradient.
func TestListedNothing(t *testing.T) {
	for name, eval := range listedLosses[float64](2, pair.Pairs{}, pair.Triplets{}) {
		for _, x := range [][]float64{{1, 2, 3, 4}, nil} {
			dx := slices.Clone(x)
			if v, err := eval(x, dx); v != 0 || err != nil || slices.ContainsFunc(dx, func(d float64) bool { return d != 0 }) {
				t.Errorf("%s of %v: %v, %v, %v", name, x, v, dx, err)
			}
		}
	}
}

// TestListedNonFinite: numbers that are not finite, and values that overflow, make the loss NaN.
func TestListedNonFinite(t *testing.T) {
	pairs := pair.Pairs{First: []int{0, 0, 1}, Second: []int{1, 2, 2}, Same: []bool{true, false, false}}
	triplets := pair.Triplets{Anchor: []int{0, 1}, Positive: []int{1, 0}, Negative: []int{2, 2}}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, eval := range listedLosses[float32](2, pairs, triplets) {
		for what, x := range map[string][]float32{"NaN": {1, 2, 3, nan, 5, 6}, "infinity": {1, 2, inf, 4, 5, 6}} {
			dx := make([]float32, len(x))
			if v, err := eval(x, dx); !math.IsNaN(v) && !math.IsInf(v, 0) || err != nil {
				t.Errorf("%s with %s: %v, %v, %v", name, what, v, dx, err)
			} else if !strings.HasPrefix(name, "row") && slices.ContainsFunc(dx, func(d float32) bool { return d == d }) {
				t.Errorf("%s with %s: the gradient is %v", name, what, dx)
			}
		}
		if strings.HasPrefix(name, "dot") || strings.HasPrefix(name, "lp") {
			x := []float32{3e38, 3e38, -3e38, 3e38, 3e38, 3e38}
			if v, err := eval(x, make([]float32, len(x))); !math.IsNaN(v) || err != nil {
				t.Errorf("%s of great numbers: %v, %v", name, v, err)
			}
		}
	}
}

// TestListedErrors: what cannot be taken is named, with its place, and nothing is written.
func TestListedErrors(t *testing.T) {
	x, dx := []float64{1, 2, 3, 4, 5, 6}, make([]float64, 6)
	good, triple := pair.Pairs{First: []int{0}, Second: []int{1}, Same: []bool{true}}, pair.Triplets{Anchor: []int{0}, Positive: []int{1}, Negative: []int{2}}
	contrastive, triplet := loss.NewContrastive[float64](), loss.NewBatchTriplet[float64]()
	rows, rowPairs := &loss.RowTriplets[float64]{Loss: &loss.TripletMargin[float64]{Margin: -1}}, &loss.RowPairs[float64]{Loss: &loss.CosineEmbedding[float64]{Margin: math.NaN()}}
	for want, err := range map[string]error{
		"loss: Contrastive: pair: Pairs: Second[1] is 3; it must be from 0 to 2":            second(contrastive.EvalPairs(x, 2, pair.Pairs{First: []int{0, 1}, Second: []int{1, 3}, Same: make([]bool, 2)}, dx)),
		"loss: Contrastive: pair: Pairs: pair 0 is of sample 1 and itself":                  second(contrastive.EvalPairs(x, 2, pair.Pairs{First: []int{1}, Second: []int{1}, Same: make([]bool, 1)}, dx)),
		"loss: Contrastive: the gradient by embeddings has 5 elements; it must have 6":      second(contrastive.EvalPairs(x, 2, good, dx[:5])),
		"loss: Contrastive: embeddings has 5 elements; it must have 6":                      second(contrastive.EvalPairs(x[:5], 2, good, dx)),
		"loss: BatchTriplet: pair: Triplets: Negative[0] is -1; it must be from 0 to 2":     second(triplet.EvalTriplets(x, 2, pair.Triplets{Anchor: []int{0}, Positive: []int{1}, Negative: []int{-1}}, dx)),
		"loss: BatchTriplet: dim is 0; it must be at least 1":                               second(triplet.EvalTriplets(x, 0, triple, dx)),
		"loss: BatchTriplet: margin is -1; it must be a number above 0":                     second((&loss.BatchTriplet[float64]{Margin: -1}).EvalTriplets(x, 2, triple, dx)),
		"loss: BatchTriplet: reduction is batchmean; it must be mean or sum":                second((&loss.BatchTriplet[float64]{Margin: 1, Reduction: loss.BatchMean}).EvalTriplets(x, 2, triple, dx)),
		"loss: RowTriplets: pair: Triplets: Anchor[0] is 3; it must be from 0 to 2":         second(rows.EvalTriplets(x, 2, pair.Triplets{Anchor: []int{3}, Positive: []int{1}, Negative: []int{1}}, dx)),
		"loss: TripletMargin: margin is -1; it must be a number above 0":                    second(rows.EvalTriplets(x, 2, triple, dx)),
		"loss: RowPairs: pair: Pairs: First[0] is 7; it must be from 0 to 2":                second(rowPairs.EvalPairs(x, 2, pair.Pairs{First: []int{7}, Second: []int{1}, Same: make([]bool, 1)}, dx)),
		"loss: CosineEmbedding: margin is NaN; it must be a finite number":                  second(rowPairs.EvalPairs(x, 2, good, dx)),
		"loss: RowPairs: reduction is batchmean; it must be mean or sum":                    second((&loss.RowPairs[float64]{Reduction: loss.BatchMean}).EvalPairs(x, 2, good, dx)),
		"loss: RowTriplets: pair: Triplets: Anchor has 1 elements, Positive 1, Negative 0;": second(rows.EvalTriplets(x, 2, pair.Triplets{Anchor: []int{0}, Positive: []int{1}}, dx)),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %v; it should be %s", err, want)
		}
	}
	if slices.ContainsFunc(dx, func(d float64) bool { return d != 0 }) {
		t.Error("something is written")
	}
}
