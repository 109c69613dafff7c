package pair

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.IntRange(-2, 3), 0, 14).Draw(t, "labels")
		pairs, err := AllPairs(labels, 0)
		if err != nil {
			t.Fatal(err)
		}
		same, different := CountPairs(labels)
		seen := map[[2]int]bool{}
		for i, a := range pairs.First {
			b := pairs.Second[i]
			if a >= b || pairs.Same[i] != (labels[a] == labels[b]) || seen[[2]int{a, b}] {
				t.Fatalf("pair %d is of %d and %d, %v", i, a, b, pairs.Same[i])
			}
			seen[[2]int{a, b}] = true
			if pairs.Same[i] {
				same--
			} else {
				different--
			}
		}
		if n := len(labels); pairs.Len() != n*(n-1)/2 || same != 0 || different != 0 {
			t.Fatalf("%d pairs; counts are off by %d and %d", pairs.Len(), same, different)
		}
		triplets, err := AllTriplets(labels, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for a := range labels {
			for p := range labels {
				for n := range labels {
					if p != a && labels[p] == labels[a] && labels[n] != labels[a] {
						if triplets.Anchor[want] != a || triplets.Positive[want] != p || triplets.Negative[want] != n {
							t.Fatalf("triplet %d is not %d, %d, %d", want, a, p, n)
						}
						want++
					}
				}
			}
		}
		if triplets.Len() != want || CountTriplets(labels) != float64(want) {
			t.Fatalf("%d triplets, counted %v; want %d", triplets.Len(), CountTriplets(labels), want)
		}
	})
}

func TestAllErrors(t *testing.T) {
	labels := []int{0, 0, 0, 1, 1}
	_, err := AllPairs(labels, 9)
	wantError(t, err, "there are 10 pairs", "9")
	if _, err := AllPairs(labels, 10); err != nil {
		t.Error(err)
	}
	_, err = AllTriplets(labels, 17)
	wantError(t, err, "there are 18 triplets", "17")
	if _, err := AllTriplets(labels, 18); err != nil {
		t.Error(err)
	}
	_, err = AllTriplets(make([]int, 1<<20), 0)
	if err != nil {
		t.Errorf("no triplets: %v", err)
	}
	many := make([]int, 300_000)
	for i := range many {
		many[i] = i % 2
	}
	_, err = AllTriplets(many, 0)
	wantError(t, err, "6749955000000000 triplets")
}

func TestRandomPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := append(rapid.SliceOfN(rapid.IntRange(0, 3), 0, 12).Draw(t, "labels"), 0, 0, 1)
		n := rapid.IntRange(0, 40).Draw(t, "n")
		seed := rapid.Uint64().Draw(t, "seed")
		p, err := RandomPairs(labels, n, seeded(seed))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(len(labels)); err != nil {
			t.Fatal(err)
		}
		count := 0
		for i, a := range p.First {
			if b := p.Second[i]; a == b || p.Same[i] != (labels[a] == labels[b]) {
				t.Fatalf("pair %d is of %d and %d, %v", i, a, b, p.Same[i])
			}
			if p.Same[i] {
				count++
			}
		}
		if p.Len() != n || count != (n+1)/2 {
			t.Fatalf("%d pairs, %d of the same; want %d and half of it", p.Len(), count, n)
		}
		again, _ := RandomPairs(labels, n, seeded(seed))
		if !slices.Equal(again.First, p.First) || !slices.Equal(again.Second, p.Second) {
			t.Fatal("the same seed gave other pairs")
		}
		tr, err := RandomTriplets(labels, n, seeded(seed))
		if err != nil || tr.Check(len(labels)) != nil || tr.Len() != n {
			t.Fatal(err, tr.Check(len(labels)), tr.Len())
		}
		for i, a := range tr.Anchor {
			if p, q := tr.Positive[i], tr.Negative[i]; p == a || labels[p] != labels[a] || labels[q] == labels[a] {
				t.Fatalf("triplet %d is %d, %d, %d", i, a, p, q)
			}
		}
	})
}

// TestRandomEven wants all partners to be about equally likely.
func TestPartners(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.IntRange(-2, 2), 1, 20).Draw(t, "labels")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		partners := NewPartners(labels)
		for a, y := range labels {
			same := 0
			for _, l := range labels {
				if l == y {
					same++
				}
			}
			if p, ok := partners.Positive(a, rng); ok != (same > 1) || ok && (p == a || labels[p] != y) {
				t.Fatalf("of %v, %d has the positive %d, %v", labels, a, p, ok)
			}
			if n, ok := partners.Negative(a, rng); ok != (same < len(labels)) || ok && labels[n] == y {
				t.Fatalf("of %v, %d has the negative %d, %v", labels, a, n, ok)
			}
		}
	})
}

func TestRandomEven(t *testing.T) {
	labels := []int{3, 1, 3, 2, 3, 1, 3, 9}
	const n = 40000
	tr, err := RandomTriplets(labels, n, seeded(1))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[[2]int]float64{}
	for i, a := range tr.Anchor {
		counts[[2]int{a, tr.Positive[i]}]++
		counts[[2]int{a, tr.Negative[i]}]++
	}
	s := sample[float32]{labels: labels}
	for a := range labels {
		positives, negatives := s.positives(a), s.negatives(a)
		if len(positives) == 0 {
			continue
		}
		for _, of := range [][]int{positives, negatives} {
			for _, b := range of {
				p := 1.0 / 6 / float64(len(of)) // six samples can be anchors
				if got := counts[[2]int{a, b}] / n; math.Abs(got-p) > 5*math.Sqrt(p/n) {
					t.Errorf("%d with %d has the share %v, want %v", a, b, got, p)
				}
			}
		}
	}
}

func TestRandomErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		labels []int
		n      int
		says   []string
	}{
		{"below 0", []int{0, 0, 1}, -1, []string{"n is -1"}},
		{"no positives", []int{0, 1, 2}, 1, []string{"comes twice"}},
		{"no negatives", []int{4, 4}, 1, []string{"one label alone, 4"}},
		{"nothing", nil, 1, []string{"comes twice"}},
	} {
		_, err := RandomPairs(c.labels, c.n, seeded(1))
		wantError(t, err, append(c.says, "RandomPairs")...)
		_, err = RandomTriplets(c.labels, c.n, seeded(1))
		wantError(t, err, append(c.says, "RandomTriplets")...)
	}
	_, err := RandomPairs([]int{0, 0, 1}, 1, nil)
	wantError(t, err, "rng is nil")
}

func TestPairsTriplets(t *testing.T) {
	p := Pairs{First: []int{0, 0, 2, 3, 4}, Second: []int{1, 2, 1, 0, 3}, Same: []bool{true, false, false, true, true}}
	got, err := p.Triplets(5, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := Triplets{Anchor: []int{0, 0, 1}, Positive: []int{1, 3, 0}, Negative: []int{2, 2, 2}}
	if !slices.Equal(got.Anchor, want.Anchor) || !slices.Equal(got.Positive, want.Positive) || !slices.Equal(got.Negative, want.Negative) {
		t.Errorf("%v, want %v", got, want)
	}
	_, err = p.Triplets(5, 2)
	wantError(t, err, "there are 3 triplets", "2")
	_, err = p.Triplets(4, 0)
	wantError(t, err, "First[4] is 4", "0 to 3")
}

func TestCheckErrors(t *testing.T) {
	one, two := []int{0}, []int{0, 1}
	for _, c := range []struct {
		check interface{ Check(samples int) error }
		says  string
	}{
		{&Pairs{two, one, []bool{true, true}}, "Second 1"},
		{&Pairs{two, two, []bool{true}}, "Same 1"},
		{&Pairs{one, []int{-1}, []bool{true}}, "Second[0] is -1"},
		{&Pairs{two, []int{1, 1}, []bool{true, true}}, "pair 1 is of sample 1 and itself"},
		{&Triplets{two, one, two}, "Positive 1"},
		{&Triplets{two, two, one}, "Negative 1"},
		{&Triplets{[]int{2}, one, one}, "Anchor[0] is 2"},
		{&Triplets{one, []int{2}, one}, "Positive[0] is 2"},
		{&Triplets{one, one, []int{2}}, "Negative[0] is 2"},
	} {
		wantError(t, c.check.Check(2), c.says)
	}
}
