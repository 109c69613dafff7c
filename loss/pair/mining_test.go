package pair

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// exact are the distances that are exact, or rightly rounded, of whole numbers.
var exact = []distance.Measure{{}, {Kind: distance.Squared}, {Kind: distance.Dot}, {Kind: distance.Lp, P: 1}}

func same(t *rapid.T, what string, got, want any) {
	t.Helper()
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s (−want +got):\n%s", what, d)
	}
}

// wantStats is what a miner must say of a batch's anchors.
func (s *sample[T]) wantStats(skipped, mined int) Stats {
	w := Stats{Anchors: len(s.labels), Skipped: skipped, Mined: mined}
	for a := range s.labels {
		if len(s.positives(a)) == 0 {
			w.NoPositive++
		}
		if len(s.negatives(a)) == 0 {
			w.NoNegative++
		}
	}
	return w
}

func bothTypes(t *testing.T, check32, check64 func(*rapid.T)) {
	t.Run("float32", func(t *testing.T) { rapid.Check(t, check32) })
	t.Run("float64", func(t *testing.T) { rapid.Check(t, check64) })
}

func TestBatchHard(t *testing.T) { bothTypes(t, checkBatchHard[float32], checkBatchHard[float64]) }

func checkBatchHard[T tensor.Float](t *rapid.T) {
	s := drawSample[T](t)
	m := BatchHard[T]{
		Distance: rapid.SampledFrom(exact).Draw(t, "distance"),
		Positive: rapid.SampledFrom([]Pick{"", Hardest, Easiest}).Draw(t, "positive"),
		Negative: rapid.SampledFrom([]Pick{"", Hardest, Easiest}).Draw(t, "negative"),
	}
	var want Triplets
	for a := range s.labels {
		p, n := s.positives(a), s.negatives(a)
		if len(p) > 0 && len(n) > 0 {
			want.add(a, s.extreme(m.Distance, a, p, m.Positive != Easiest), s.extreme(m.Distance, a, n, m.Negative == Easiest))
		}
	}
	got := Triplets{Anchor: []int{7}, Positive: []int{7}, Negative: []int{7}} // must be replaced
	stats, err := m.Mine(&got, s.x, s.dim, s.labels)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "triplets", got, want)
	same(t, "stats", stats, s.wantStats(0, want.Len()))
}

func TestSemiHard(t *testing.T) { bothTypes(t, checkSemiHard[float32], checkSemiHard[float64]) }

func checkSemiHard[T tensor.Float](t *rapid.T) {
	s := drawSample[T](t)
	m := SemiHard[T]{
		Distance: rapid.SampledFrom(exact).Draw(t, "distance"),
		Margin:   rapid.SampledFrom([]float64{0.5, 1, 3, math.Inf(1)}).Draw(t, "margin"),
		Farthest: rapid.Bool().Draw(t, "farthest"),
	}
	var want Triplets
	skipped := 0
	for a := range s.labels {
		negatives := s.negatives(a)
		for _, p := range s.positives(a) {
			if len(negatives) == 0 {
				continue
			}
			if n := s.semiHard(m.Distance, m.Margin, m.Farthest, a, p, negatives); n >= 0 {
				want.add(a, p, n)
			} else {
				skipped++
			}
		}
	}
	var got Triplets
	stats, err := m.Mine(&got, s.x, s.dim, s.labels)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "triplets", got, want)
	same(t, "stats", stats, s.wantStats(skipped, want.Len()))
}

func (s *sample[T]) semiHard(d distance.Measure, margin float64, farthest bool, a, p int, negatives []int) int {
	var farther, semi []int
	for _, n := range negatives {
		if gap := s.distance(d, a, n) - s.distance(d, a, p); gap > 0 {
			farther = append(farther, n)
			if gap < margin {
				semi = append(semi, n)
			}
		}
	}
	switch {
	case len(semi) > 0:
		return s.extreme(d, a, semi, false)
	case len(farther) == 0 && farthest:
		return s.extreme(d, a, negatives, true)
	}
	return -1
}

func TestTripletMargin(t *testing.T) {
	bothTypes(t, checkTripletMargin[float32], checkTripletMargin[float64])
}

func checkTripletMargin[T tensor.Float](t *rapid.T) {
	s := drawSample[T](t)
	m := TripletMargin[T]{
		Distance: rapid.SampledFrom(exact).Draw(t, "distance"),
		Margin:   rapid.SampledFrom([]float64{0, 1, 3}).Draw(t, "margin"),
		Kind:     rapid.SampledFrom(append(Kinds, "")).Draw(t, "kind"),
	}
	if m.Kind == KindHard {
		m.Margin = 0
	}
	all, err := AllTriplets(s.labels, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want Triplets
	anchors, used := map[int]bool{}, map[int]bool{}
	for i, a := range all.Anchor {
		p, n := all.Positive[i], all.Negative[i]
		g := s.distance(m.Distance, a, n) - s.distance(m.Distance, a, p)
		keep := map[Kind]bool{
			"": g <= m.Margin, KindAll: g <= m.Margin, KindHard: g <= 0, KindSemiHard: 0 < g && g <= m.Margin, KindEasy: g > m.Margin,
		}[m.Kind]
		anchors[a] = true
		if keep {
			used[a] = true
			want.add(a, p, n)
		}
	}
	var got Triplets
	stats, err := m.Mine(&got, s.x, s.dim, s.labels)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "triplets", got, want)
	same(t, "stats", stats, s.wantStats(len(anchors)-len(used), want.Len()))

	if want.Len() > 1 {
		m.Limit = want.Len() - 1
		_, err := m.Mine(&got, s.x, s.dim, s.labels)
		if err == nil || err.Error() != fmt.Sprintf("pair: there are %d triplets of the kind to be mined; the limit is %d", want.Len(), m.Limit) {
			t.Fatalf("error %v", err)
		}
		if got.Len() != 0 {
			t.Fatalf("%d triplets with an error", got.Len())
		}
	}
}

func TestMultiSimilarity(t *testing.T) {
	bothTypes(t, checkMultiSimilarity[float32], checkMultiSimilarity[float64])
}

func checkMultiSimilarity[T tensor.Float](t *rapid.T) {
	s := drawSample[T](t)
	m := MultiSimilarity[T]{
		Distance: rapid.SampledFrom(exact).Draw(t, "distance"),
		Epsilon:  rapid.SampledFrom([]float64{0, 0.5, 2}).Draw(t, "epsilon"),
	}
	var want Pairs
	skipped := 0
	for a := range s.labels {
		p, n := s.positives(a), s.negatives(a)
		if len(p) == 0 || len(n) == 0 {
			continue
		}
		before := want.Len()
		for _, j := range slices.Sorted(slices.Values(slices.Concat(p, n))) {
			d := s.distance(m.Distance, a, j)
			if s.labels[j] == s.labels[a] {
				if d+m.Epsilon > s.distance(m.Distance, a, s.extreme(m.Distance, a, n, false)) {
					want.add(a, j, true)
				}
			} else if d-m.Epsilon < s.distance(m.Distance, a, s.extreme(m.Distance, a, p, true)) {
				want.add(a, j, false)
			}
		}
		if want.Len() == before {
			skipped++
		}
	}
	var got Pairs
	stats, err := m.Mine(&got, s.x, s.dim, s.labels)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "pairs", got, want)
	same(t, "stats", stats, s.wantStats(skipped, want.Len()))
}

// onCircle returns unit vectors at the angles given, in dim coordinates, of random lengths.
func onCircle(dim int, angles ...float64) []float64 {
	x := make([]float64, len(angles)*dim)
	for i, a := range angles {
		x[i*dim], x[i*dim+1] = float64(i+1)*math.Cos(a), float64(i+1)*math.Sin(a)
	}
	return x
}

// TestDistanceWeighted compares how often each negative is drawn with the inverse of the
// density of its distance.
func TestDistanceWeighted(t *testing.T) {
	angles := []float64{0, 0.1, 0.2, 0.4, 0.7, 1, 1.3, 1.5, 1.7, 3}
	labels := []int{0, 0, 1, 1, 1, 1, 1, 1, 1, 1}
	for _, dim := range []int{2, 3, 4, 7} {
		x := onCircle(dim, angles...)
		want, total := make([]float64, len(angles)), 0.0
		for j := 2; j < len(angles); j++ {
			if d := 2 * math.Sin(angles[j]/2); d < 1.4 {
				d = max(d, 0.5)
				q := math.Pow(d, float64(dim)-2) * math.Pow(1-d*d/4, (float64(dim)-3)/2)
				want[j] = 1 / q
				total += want[j]
			}
		}
		const draws = 8000
		var m DistanceWeighted[float64]
		var got Triplets
		seen, rng := make([]float64, len(angles)), seeded(3)
		for range draws {
			if _, err := m.Mine(&got, x, dim, labels, rng); err != nil {
				t.Fatal(err)
			}
			if got.Anchor[0] != 0 || got.Positive[0] != 1 {
				t.Fatalf("the first triplet is of %d and %d", got.Anchor[0], got.Positive[0])
			}
			seen[got.Negative[0]]++
		}
		for j, w := range want {
			p := w / total
			if sd := math.Sqrt(p * (1 - p) / draws); math.Abs(seen[j]/draws-p) > 5*sd {
				t.Errorf("dim %d: negative %d is drawn with the share %v, want %v ± %v", dim, j, seen[j]/draws, p, sd)
			}
		}
	}
}

// TestDistanceWeightedWide wants weights that span hundreds of orders of magnitude to stay numbers.
func TestDistanceWeightedWide(t *testing.T) {
	const n, dim = 60, 2048
	rng := seeded(4)
	x, labels := make([]float32, n*dim), make([]int, n)
	for i := range labels {
		labels[i] = i / 3
		for j := range dim {
			x[i*dim+j] = float32(rng.NormFloat64()) + float32(i%20)/4 // distances from small to 1.4 and beyond
		}
	}
	m := DistanceWeighted[float32]{Cutoff: 0.1, NonzeroLoss: 1.99}
	var got Triplets
	stats, err := m.Mine(&got, x, dim, labels, rng)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Skipped != 0 || got.Len() != 2*n {
		t.Errorf("%+v, want %d triplets", stats, 2*n)
	}
	for i := range got.Anchor {
		if labels[got.Anchor[i]] == labels[got.Negative[i]] {
			t.Errorf("triplet %d has a negative of its anchor's label", i)
		}
	}
}

// TestDistanceWeightedNone counts anchors all of whose negatives are beyond the cutoff.
func TestDistanceWeightedNone(t *testing.T) {
	x := onCircle(3, 0, 0.1, math.Pi, math.Pi+0.1)
	var m DistanceWeighted[float64]
	var got Triplets
	stats, err := m.Mine(&got, x, 3, []int{5, 5, 6, 6}, seeded(1))
	if want := (Stats{Anchors: 4, Skipped: 4}); err != nil || stats != want {
		t.Errorf("%+v, %v; want %+v", stats, err, want)
	}
}

func TestMiningErrors(t *testing.T) {
	x, labels := []float32{0, 1, 2, 3}, []int{0, 0, 1, 1}
	var tr Triplets
	var p Pairs
	rng := seeded(1)
	for _, c := range []struct {
		name string
		mine func() (Stats, error)
		says []string
	}{
		{"labels", func() (Stats, error) { return (&BatchHard[float32]{}).Mine(&tr, x, 1, labels[:3]) }, []string{"BatchHard", "labels has 3", "4"}},
		{"dim", func() (Stats, error) { return (&BatchHard[float32]{}).Mine(&tr, x, 0, labels) }, []string{"pair: BatchHard", "dim is 0"}},
		{"length", func() (Stats, error) { return (&BatchHard[float32]{}).Mine(&tr, x, 3, labels) }, []string{"embeddings has 4"}},
		{"NaN", func() (Stats, error) {
			return (&BatchHard[float32]{}).Mine(&tr, []float32{0, float32(math.NaN())}, 1, labels[:2])
		}, []string{"embeddings[1]", "NaN"}},
		{"pick", func() (Stats, error) { return (&BatchHard[float32]{Positive: "soft"}).Mine(&tr, x, 1, labels) }, []string{"positive", "soft"}},
		{"negative pick", func() (Stats, error) { return (&BatchHard[float32]{Negative: "soft"}).Mine(&tr, x, 1, labels) }, []string{"negative", "soft"}},
		{"margin 0", func() (Stats, error) { return (&SemiHard[float32]{}).Mine(&tr, x, 1, labels) }, []string{"SemiHard", "margin is 0"}},
		{"margin NaN", func() (Stats, error) { return (&SemiHard[float32]{Margin: math.NaN()}).Mine(&tr, x, 1, labels) }, []string{"margin is NaN"}},
		{"margin below 0", func() (Stats, error) { return (&TripletMargin[float32]{Margin: -1}).Mine(&tr, x, 1, labels) }, []string{"TripletMargin", "margin is -1"}},
		{"margin of hard", func() (Stats, error) {
			return (&TripletMargin[float32]{Margin: 1, Kind: KindHard}).Mine(&tr, x, 1, labels)
		}, []string{"margin is 1", "must be 0"}},
		{"kind", func() (Stats, error) { return (&TripletMargin[float32]{Kind: "odd"}).Mine(&tr, x, 1, labels) }, []string{"odd", "semi_hard"}},
		{"epsilon", func() (Stats, error) { return (&MultiSimilarity[float32]{Epsilon: -1}).Mine(&p, x, 1, labels) }, []string{"epsilon is -1"}},
		{"no rng", func() (Stats, error) { return (&DistanceWeighted[float32]{}).Mine(&tr, x, 2, labels[:2], nil) }, []string{"DistanceWeighted", "rng"}},
		{"dim 1", func() (Stats, error) { return (&DistanceWeighted[float32]{}).Mine(&tr, x, 1, labels, rng) }, []string{"dim is 1"}},
		{"cutoff", func() (Stats, error) {
			return (&DistanceWeighted[float32]{Cutoff: 2}).Mine(&tr, x, 2, labels[:2], rng)
		}, []string{"cutoff is 2"}},
		{"order of cutoffs", func() (Stats, error) {
			return (&DistanceWeighted[float32]{Cutoff: 1.5}).Mine(&tr, x, 2, labels[:2], rng)
		}, []string{"nonzeroLoss is 1.4", "1.5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.mine()
			wantError(t, err, c.says...)
		})
	}
}

// TestMiningAllocates wants warm miners not to allocate.
func TestMiningAllocates(t *testing.T) {
	const n, dim = 96, 16
	rng := seeded(2)
	x, labels := make([]float32, n*dim), make([]int, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range labels {
		labels[i] = i / 4
	}
	var tr Triplets
	var p Pairs
	hard, semi := BatchHard[float32]{}, SemiHard[float32]{Margin: 1}
	margin, similar := TripletMargin[float32]{Margin: 0.1}, MultiSimilarity[float32]{Distance: distance.Measure{Kind: distance.Cosine}, Epsilon: 0.1}
	var weighted DistanceWeighted[float32]
	for name, mine := range map[string]func() (Stats, error){
		"BatchHard":        func() (Stats, error) { return hard.Mine(&tr, x, dim, labels) },
		"SemiHard":         func() (Stats, error) { return semi.Mine(&tr, x, dim, labels) },
		"TripletMargin":    func() (Stats, error) { return margin.Mine(&tr, x, dim, labels) },
		"MultiSimilarity":  func() (Stats, error) { return similar.Mine(&p, x, dim, labels) },
		"DistanceWeighted": func() (Stats, error) { return weighted.Mine(&tr, x, dim, labels, seededOnce) },
	} {
		run := func() {
			if stats, err := mine(); err != nil || stats.Mined == 0 {
				t.Fatal(stats, err)
			}
		}
		for range 3 { // a random miner's lists grow for a while
			run()
		}
		if a := testing.AllocsPerRun(20, run); a > 0 && !raceEnabled {
			t.Errorf("%s allocates %v times", name, a)
		}
	}
}

var seededOnce = seeded(6)

// TestSemiHardFaceNet is an example by hand: positives at 1 and 3, negatives at 2, 3.5 and 10.
func TestSemiHardFaceNet(t *testing.T) {
	x, labels := []float32{0, 1, 3, 2, 3.5, 10}, []int{0, 0, 0, 1, 1, 1}
	for _, c := range []struct {
		margin   float64
		farthest bool
		want     [][2]int // the anchor's positive and negative
	}{
		{1.5, false, [][2]int{{1, 3}, {2, 4}}}, // 2 is within 1.5 of 1, 3.5 of 3
		{1, false, [][2]int{{2, 4}}},           // 2 is at the margin's very end
		{0.5, true, nil},                       // farther ones exist, so the farthest is not taken
		{math.Inf(1), true, [][2]int{{1, 3}, {2, 4}}},
	} {
		m := SemiHard[float32]{Margin: c.margin, Farthest: c.farthest}
		var got Triplets
		if _, err := m.Mine(&got, x, 1, labels); err != nil {
			t.Fatal(err)
		}
		var of0 [][2]int
		for i, a := range got.Anchor {
			if a == 0 {
				of0 = append(of0, [2]int{got.Positive[i], got.Negative[i]})
			}
		}
		if !slices.EqualFunc(of0, c.want, func(a, b [2]int) bool { return cmp.Compare(a[0], b[0]) == 0 && a[1] == b[1] }) {
			t.Errorf("margin %v, farthest %v: %v, want %v", c.margin, c.farthest, of0, c.want)
		}
	}
}
