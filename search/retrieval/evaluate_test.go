package retrieval

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// wantError holds an error to what it must say.
func wantError(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", says)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error %q does not say %q", err, s)
		}
	}
}

// rows draws n vectors of small whole numbers, so that squared distances are exact in
// float32 and ties are frequent.
func rows(t *rapid.T, what string, n, dim int) []float32 {
	x := make([]float32, n*dim)
	for i := range x {
		x[i] = float32(rapid.IntRange(-3, 3).Draw(t, what))
	}
	return x
}

// TestEvaluate compares every figure with its definition.
func TestEvaluate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, dim := rapid.IntRange(0, 30).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "dim")
		x := rows(t, "x", n, dim)
		labels := rapid.SliceOfN(rapid.IntRange(-2, 3), n, n).Draw(t, "labels")
		o := drawOptions(t)
		got, err := Evaluate(t.Context(), x, dim, labels, o)
		checkReport(t, got, err, byDefinition(x, labels, x, labels, dim, true, o))
	})
}

func TestAgainst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m, dim := rapid.IntRange(0, 12).Draw(t, "n"), rapid.IntRange(0, 30).Draw(t, "m"), rapid.IntRange(1, 3).Draw(t, "dim")
		q, g := rows(t, "queries", n, dim), rows(t, "gallery", m, dim)
		ql := rapid.SliceOfN(rapid.IntRange(-2, 3), n, n).Draw(t, "labels")
		gl := rapid.SliceOfN(rapid.IntRange(-2, 3), m, m).Draw(t, "gallery's labels")
		o := drawOptions(t)
		got, err := Against(t.Context(), q, ql, g, gl, dim, o)
		checkReport(t, got, err, byDefinition(q, ql, g, gl, dim, false, o))
	})
}

func drawOptions(t *rapid.T) Options {
	return Options{
		Distance: rapid.SampledFrom([]distance.Measure{{}, {Kind: distance.Squared}, {Kind: distance.Dot}, {Kind: distance.Lp, P: 1}}).Draw(t, "distance"),
		K:        rapid.SampledFrom([][]int{nil, {1}, {3, 1, 100}}).Draw(t, "k"),
		Mistakes: rapid.SampledFrom([]int{0, 2, 100}).Draw(t, "mistakes"),
	}
}

func checkReport(t *rapid.T, got *Report, err error, want *Report) {
	t.Helper()
	if want.Queries == 0 {
		if err == nil {
			t.Fatal("no error, and no query that counts")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("−want +got:\n%s", d)
	}
}

// byDefinition sorts the whole gallery for each query.
func byDefinition(queries []float32, queryLabels []int, gallery []float32, galleryLabels []int, dim int, among bool, o Options) *Report {
	r := &Report{Gallery: len(galleryLabels)}
	if o.K == nil {
		o.K = []int{1, 2, 4, 8, 10}
	}
	r.Recall = make([]Recall, len(o.K))
	for i, k := range o.K {
		r.Recall[i].K = k
	}
	classes := map[int]Class{}
	for q, label := range queryLabels {
		order, right := sorted(q, queries, gallery, dim, among, o.Distance), func(i int) bool { return galleryLabels[i] == label }
		n := 0 // R
		for _, i := range order {
			if right(i) {
				n++
			}
		}
		if n == 0 {
			r.LeftOut++
			continue
		}
		r.Queries++
		c := classes[label]
		c.Label, c.Queries = label, c.Queries+1
		first := slices.IndexFunc(order, right)
		if first == 0 {
			r.Precision1++
			c.Precision1++
		} else {
			r.Wrong++
			d := func(i int) float64 { return between(o.Distance, queries[q*dim:][:dim], gallery[i*dim:][:dim]) }
			r.Mistakes = append(r.Mistakes, Mistake{q, order[0], d(order[0]), order[first], d(order[first])})
		}
		classes[label] = c
		for i, k := range o.K {
			if first < k {
				r.Recall[i].Share++
			}
		}
		inR := 0.0
		for i := range order {
			if !right(order[i]) {
				continue
			}
			hits := 0.0
			for _, j := range order[:i+1] {
				if right(j) {
					hits++
				}
			}
			p := hits / float64(i+1)
			r.MAP += p / float64(n)
			if i < n {
				r.MAPAtR += p / float64(n)
				inR++
			}
		}
		r.RPrecision += inR / float64(n)
	}
	total := float64(max(r.Queries, 1))
	for _, v := range []*float64{&r.Precision1, &r.RPrecision, &r.MAP, &r.MAPAtR} {
		*v /= total
	}
	for i := range r.Recall {
		r.Recall[i].Share /= total
	}
	for _, c := range classes {
		c.Precision1 /= float64(c.Queries)
		r.Classes = append(r.Classes, c)
	}
	slices.SortFunc(r.Classes, func(a, b Class) int { return cmp.Compare(a.Label, b.Label) })
	slices.SortStableFunc(r.Mistakes, func(a, b Mistake) int {
		return cmp.Compare(b.RightDistance-b.Distance, a.RightDistance-a.Distance)
	})
	r.Mistakes = r.Mistakes[:min(o.Mistakes, len(r.Mistakes))]
	return r
}

// sorted returns the gallery but for the query itself, the nearest first, equals by index.
func sorted(q int, queries, gallery []float32, dim int, among bool, d distance.Measure) (order []int) {
	for i := range len(gallery) / dim {
		if !among || i != q {
			order = append(order, i)
		}
	}
	at := func(i int) float64 { return between(d, queries[q*dim:][:dim], gallery[i*dim:][:dim]) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at(a), at(b)) })
	return order
}

func between(d distance.Measure, x, y []float32) float64 {
	var squares, dot, abs float64
	for i := range x {
		a, b := float64(x[i]), float64(y[i])
		squares += (a - b) * (a - b)
		dot += a * b
		abs += math.Abs(a - b)
	}
	switch d.Kind {
	case distance.Squared:
		return squares
	case distance.Dot:
		return -dot
	case distance.Lp:
		return abs
	}
	return math.Sqrt(squares)
}

// TestPaper has the worked examples of Musgrave's paper: ten right samples, of which the
// first ten neighbours are right at the places given.
func TestPaper(t *testing.T) {
	for _, c := range []struct {
		places               []int
		rPrecision, mapAtR   float64
		recallAt1, recallAt2 float64
	}{
		{[]int{1}, 0.1, 0.1, 1, 1},
		{[]int{1, 10}, 0.2, 0.12, 1, 1},
		{[]int{1, 2}, 0.2, 0.2, 1, 1},
		{[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 1, 1, 1, 1},
		{[]int{2}, 0.1, 0.05, 0, 1},
	} {
		gallery, labels := make([]float32, 100), make([]int, 100)
		for i := range gallery {
			gallery[i] = float32(i + 1)
		}
		for _, p := range c.places {
			labels[p-1] = 1
		}
		for i := range 10 - len(c.places) {
			labels[99-i] = 1
		}
		r, err := Against(t.Context(), []float32{0}, []int{1}, gallery, labels, 1, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []struct {
			name      string
			got, want float64
		}{
			{"R-precision", r.RPrecision, c.rPrecision},
			{"MAP@R", r.MAPAtR, c.mapAtR},
			{"recall@1", r.Recall[0].Share, c.recallAt1},
			{"recall@2", r.Recall[1].Share, c.recallAt2},
			{"precision@1", r.Precision1, c.recallAt1},
		} {
			if math.Abs(f.got-f.want) > 1e-12 {
				t.Errorf("right at %v: %s is %v, want %v", c.places, f.name, f.got, f.want)
			}
		}
	}
}

// TestEvaluateStrips compares a set that takes several strips, of real numbers, with a sort
// by float64: the two may differ only where neighbours are as near as float32 can tell.
func TestEvaluateStrips(t *testing.T) {
	const n, dim = 3000, 8
	x, labels := blobs(n, dim, 6, 1.5)
	for _, m := range []distance.Kind{distance.Euclidean, distance.Cosine, distance.Dot} {
		d := distance.Measure{Kind: m}
		ranked, err := rank(t.Context(), x, labels, x, labels, dim, true, d)
		if err != nil {
			t.Fatal(err)
		}
		queries, other, off := 0, 0, 0.0
		for q := 0; q < n; q += 61 {
			order := orderOf(q, x, dim, d)
			const right = n/6 - 1
			hits := 0.0
			for _, i := range order[:right] {
				if labels[i] == labels[q] {
					hits++
				}
			}
			off += math.Abs(hits/right - ranked[q].rPrecision)
			if order[0] != ranked[q].nearest {
				other++
			}
			queries++
		}
		if off/float64(queries) > 1e-5 || other > 0 {
			t.Errorf("%s: R-precision is off by %v in the mean, the nearest is another one %d times of %d", m, off/float64(queries), other, queries)
		}
	}
}

func orderOf(q int, x []float32, dim int, d distance.Measure) (order []int) {
	at := make([]float64, len(x)/dim)
	for i := range at {
		at[i] = distance.Between(d, x[q*dim:][:dim], x[i*dim:][:dim])
		if i != q {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	return order
}

// blobs makes normal clouds around random centres, each of them a class.
func blobs(n, dim, classes int, spread float64) (x []float32, labels []int) {
	rng := seeded(11)
	centres := make([]float64, classes*dim)
	for i := range centres {
		centres[i] = rng.NormFloat64()
	}
	for i := range n {
		c := i % classes
		labels = append(labels, c)
		for j := range dim {
			x = append(x, float32(centres[c*dim+j]+spread*rng.NormFloat64()))
		}
	}
	return x, labels
}

// TestEvaluateThreads wants the same report whatever the number of threads.
func TestEvaluateThreads(t *testing.T) {
	defer simd.SetThreads(0)
	x, labels := blobs(900, 5, 7, 1)
	var want *Report
	for threads := 1; threads < 6; threads += 2 {
		simd.SetThreads(threads)
		got, err := Evaluate(t.Context(), x, 5, labels, Options{Mistakes: 20, Rand: seeded(4)})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("with %d threads (−one +these):\n%s", threads, d)
		}
	}
	if want.Wrong == 0 || want.NMI == nil || *want.NMI < 0.1 || *want.NMI > 0.95 || len(want.Mistakes) != 20 {
		t.Errorf("%+v is no test", want)
	}
	if _, err := json.Marshal(want); err != nil {
		t.Error(err)
	}
}

func TestEvaluateErrors(t *testing.T) {
	x, labels := []float32{1, 2, 3, 4}, []int{0, 0, 1, 1}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name   string
		x      []float32
		dim    int
		labels []int
		o      Options
		says   []string
	}{
		{"dim", x, 0, labels, Options{}, []string{"dim is 0"}},
		{"labels", x, 2, labels, Options{}, []string{"labels has 4", "vectors has 4", "8"}},
		{"k", x, 1, labels, Options{K: []int{1, 0}}, []string{"k[1] is 0"}},
		{"mistakes", x, 1, labels, Options{Mistakes: -1}, []string{"mistakes is -1"}},
		{"metric", x, 1, labels, Options{Distance: distance.Measure{Kind: "far"}}, []string{"retrieval: ", "far"}},
		{"NaN", []float32{1, nan, 3, 4}, 1, labels, Options{}, []string{"vectors[1]", "NaN"}},
		{"alone", x, 1, []int{1, 2, 3, 4}, Options{}, []string{"none of 4 queries"}},
		{"none", nil, 1, nil, Options{}, []string{"none of 0 queries"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Evaluate(t.Context(), c.x, c.dim, c.labels, c.o)
			wantError(t, err, c.says...)
		})
	}
	_, err := Against(t.Context(), x, labels, []float32{1, nan}, []int{0, 0}, 1, Options{})
	wantError(t, err, "gallery[1]", "NaN")
	_, err = Against(t.Context(), x, labels, []float32{1}, []int{0, 0}, 1, Options{})
	wantError(t, err, "the gallery's labels has 2")
	_, err = Against(t.Context(), x, labels, nil, nil, 1, Options{})
	wantError(t, err, "none of 4 queries")
	_, err = Against(t.Context(), x, labels, x, labels, 1, Options{Rand: seeded(1)})
	wantError(t, err, "rand is set")
}

func TestKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float32().Draw(t, "a"), rapid.Float32().Draw(t, "b")
		i, j := rapid.IntRange(0, 1<<31).Draw(t, "i"), rapid.IntRange(0, 1<<31).Draw(t, "j")
		if got, want := cmp.Compare(key(a, i), key(b, j)), cmp.Or(cmp.Compare(a, b), cmp.Compare(i, j)); got != want {
			t.Fatalf("%v, %d against %v, %d: %d, want %d", a, i, b, j, got, want)
		}
		if d := ofKey(key(a, i)); d != a {
			t.Fatalf("the distance of the key of %v is %v", a, d)
		}
	})
	zero := float32(0)
	if key(-zero, 1) != key(zero, 1) {
		t.Error("−0 is not 0")
	}
}

// TestRankAnyDistances ranks by distances of all sizes, many of them equal or next to equal.
func TestRankAnyDistances(t *testing.T) {
	distances := rapid.OneOf(
		rapid.Float32Range(-math.MaxFloat32/2, math.MaxFloat32/2),
		rapid.Float32Range(1, 1+1e-6),
		rapid.Float32Range(0, 1e-44),
		rapid.SampledFrom([]float32{0, 1, math.SmallestNonzeroFloat32, -math.MaxFloat32 / 2, math.MaxFloat32 / 2}),
	)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		d := rapid.SliceOfN(distances, n, n).Draw(t, "distances")
		labels := rapid.SliceOfN(rapid.IntRange(0, 1), n, n).Draw(t, "labels")
		labels[0] = 0
		j := &rankJob{strip: d, rows: 1, ranked: make([]ranking, 1), scratch: make([]workspace, 1)}
		j.index([]int{0}, labels)
		j.Do(0, 0)

		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d[a], d[b]) })
		hits, ap := 0.0, 0.0
		first := slices.IndexFunc(order, func(i int) bool { return labels[i] == 0 })
		for rank, i := range order {
			if labels[i] == 0 {
				hits++
				ap += hits / float64(rank+1)
			}
		}
		r := j.ranked[0]
		if r.first != first+1 || r.right != order[first] || r.nearest != order[0] || math.Abs(r.ap-ap/hits) > 1e-12 {
			t.Fatalf("%+v; want the first of rank %d, %d; the nearest %d; average precision %v", r, first+1, order[first], order[0], ap/hits)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	for _, c := range []struct {
		name    string
		classes int
		spread  float64
	}{{"10 classes apart", 10, 0.5}, {"10 classes mixed", 10, 3}, {"1000 classes", 1000, 0.5}} {
		b.Run(c.name, func(b *testing.B) {
			x, labels := blobs(10000, 64, c.classes, c.spread)
			for b.Loop() {
				if _, err := Evaluate(b.Context(), x, 64, labels, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
