package retrieval

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/energo-ml/energo/loss/distance"
)

// TestNMI compares with the definition by probabilities.
func TestNMI(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		a := rapid.SliceOfN(rapid.IntRange(-1, 4), n, n).Draw(t, "a")
		b := rapid.SliceOfN(rapid.IntRange(0, 5), n, n).Draw(t, "b")
		pa, pb, pab := map[int]float64{}, map[int]float64{}, map[[2]int]float64{}
		for i := range a {
			pa[a[i]] += 1 / float64(n)
			pb[b[i]] += 1 / float64(n)
			pab[[2]int{a[i], b[i]}] += 1 / float64(n)
		}
		var info, h float64
		for ab, p := range pab {
			info += p * math.Log(p/pa[ab[0]]/pb[ab[1]])
		}
		for _, of := range []map[int]float64{pa, pb} {
			for _, p := range of {
				h -= p * math.Log(p)
			}
		}
		want := 1.0
		if len(pa) > 1 || len(pb) > 1 {
			want = 2 * info / h
		}
		got, err := NMI(a, b)
		if err != nil || math.Abs(got-want) > 1e-9 {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		if back, _ := NMI(b, a); math.Abs(back-got) > 1e-12 {
			t.Fatalf("%v one way, %v the other", got, back)
		}
	})
	for _, c := range [][2][]int{{nil, nil}, {{1}, {1, 2}}} {
		_, err := NMI(c[0], c[1])
		wantError(t, err, "NMI")
	}
}

// TestKMeans wants clusters that are far apart to be found, and every vector to be with the
// nearest centre.
func TestKMeans(t *testing.T) {
	x, labels := blobs(500, 6, 5, 0.05)
	clusters, err := KMeans(t.Context(), x, 6, 5, seeded(2))
	if err != nil {
		t.Fatal(err)
	}
	if nmi, err := NMI(clusters, labels); err != nil || nmi != 1 {
		t.Errorf("NMI %v, %v; want 1", nmi, err)
	}
}

func TestKMeansSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, dim := rapid.IntRange(1, 25).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "dim")
		x := rows(t, "x", n, dim)
		k := rapid.IntRange(1, n).Draw(t, "k")
		seed := rapid.Uint64().Draw(t, "seed")
		clusters, err := KMeans(t.Context(), x, dim, k, seeded(seed))
		if err != nil {
			t.Fatal(err)
		}
		centres, counts := make([]float64, k*dim), make([]float64, k)
		for i, c := range clusters {
			counts[c]++
			for j := range dim {
				centres[c*dim+j] += float64(x[i*dim+j])
			}
		}
		far := func(i, c int) (d float64) {
			for j := range dim {
				r := float64(x[i*dim+j]) - centres[c*dim+j]/counts[c]
				d += r * r
			}
			return d
		}
		for i, own := range clusters {
			for c := range k {
				if counts[c] > 0 && far(i, c) < far(i, own)-1e-5 {
					t.Fatalf("vector %d is in cluster %d, at %v from its centre, but at %v from that of %d", i, own, far(i, own), far(i, c), c)
				}
			}
		}
		again, _ := KMeans(t.Context(), x, dim, k, seeded(seed))
		if !slices.Equal(again, clusters) {
			t.Fatal("the same seed gave other clusters")
		}
	})
}

// TestKMeansEqual wants equal vectors to be no trouble for any number of clusters.
func TestKMeansEqual(t *testing.T) {
	clusters, err := KMeans(t.Context(), make([]float32, 12), 2, 4, seeded(1))
	if err != nil || slices.Max(clusters) != 0 {
		t.Errorf("%v, %v", clusters, err)
	}
}

func TestKMeansErrors(t *testing.T) {
	x := []float32{1, 2, 3}
	for _, k := range []int{0, 4} {
		_, err := KMeans(t.Context(), x, 1, k, seeded(1))
		wantError(t, err, "k is", "from 1 to 3")
	}
	_, err := KMeans(t.Context(), x, 1, 2, nil)
	wantError(t, err, "rng is nil")
	_, err = KMeans(t.Context(), x, 2, 1, seeded(1))
	wantError(t, err, "retrieval: KMeans: vectors has 3")
}

// TestEvaluateClusters wants clusters of directions where the distance is of directions.
func TestEvaluateClusters(t *testing.T) {
	x, labels := blobs(300, 6, 5, 0.02)
	for i := range x {
		x[i] *= float32(1 + i/6%7*5)
	}
	for _, c := range []struct {
		measure distance.Measure
		one     bool
	}{{distance.Measure{Kind: distance.Cosine}, true}, {distance.Measure{Normalize: true}, true}, {distance.Measure{}, false}} {
		r, err := Evaluate(t.Context(), x, 6, labels, Options{Distance: c.measure, Rand: seeded(2)})
		if err != nil {
			t.Fatal(err)
		}
		if (*r.NMI == 1) != c.one {
			t.Errorf("%+v: NMI is %v", c.measure, *r.NMI)
		}
	}
	if r, err := Evaluate(t.Context(), x, 6, labels, Options{}); err != nil || r.NMI != nil {
		t.Errorf("NMI without a source of chance: %v", err)
	}
}
