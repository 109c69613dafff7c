package index

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// TestLimitIsABound: a row within the distance that a limit is made of is always marked, whatever
// the lengths of rows and query.
func TestLimitIsABound(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		r := rng(21)
		for range 3000 {
			o := Options{Dim: 1 + r.IntN(40), Metric: Metrics[r.IntN(3)], Storage: Storages[r.IntN(2)]}
			row, q := drawn(r, o.Dim), drawn(r, o.Dim)
			if r.IntN(2) == 0 { // near each other
				copy(q, row)
				q[r.IntN(o.Dim)] *= 1 + float32(r.NormFloat64())/float32(math.Pow(10, float64(r.IntN(9))))
			}
			batch := []Item{{ID: "a", Vector: row}}
			if o.CheckItems(batch) != nil || o.checkVector("q", q) != nil {
				continue
			}
			s := newSlab(o, batch)
			v, err := s.vector(0, make([]float32, o.Dim))
			must(t, err)
			words := make([]int16, 2*pairsOf(o.Dim))
			p := newProbe(o.Metric, q, words)
			if d := p.distance(v); marked(s, p, words, d) != 1 {
				t.Fatalf("%v: the row %v is at %g of %v, and not marked", o, v, d, q)
			}
		}
	})
}

// drawn is a vector of any length that an index takes, some of whose coordinates may be 0; or
// one that rounding takes nothing of, so that all depends on the room for the scan's own roundings.
func drawn(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	if r.IntN(2) == 0 {
		for i := range v {
			v[i] = float32(r.IntN(2*codeMost+1) - codeMost)
		}
		v[r.IntN(dim)] = codeMost
		return v
	}
	scale := math.Pow(10, 60*r.Float64()-43)
	for i := range v {
		if r.IntN(4) > 0 {
			v[i] = float32(r.NormFloat64() * scale)
		}
	}
	return v
}

// marked returns how many rows a scan leaves for a query whose k nearest are within a distance.
func marked(s *slab, p *probe, words []int16, distance float64) (n int) {
	pairs := pairsOf(s.Dim)
	packed, masks := make([]int32, pairs), make([]uint16, s.blocks())
	simd.PackScanQueries(packed, words, 1, pairs)
	simd.Scan(masks, s.codes, s.scan, packed, []simd.ScanLimit{p.limit(distance)}, pairs)
	for b, mask := range masks {
		rows := min(simd.ScanRows, s.rows-b*simd.ScanRows)
		n += bits.OnesCount16(mask & uint16(1<<rows-1))
	}
	return n
}

// TestScanLeavesFewRows: of vectors without any order, and of unit vectors in clusters as embeddings
// are, the codes leave few more than the hits.
func TestScanLeavesFewRows(t *testing.T) {
	const n, dim, k = 20000, 128, 10
	r := rng(31)
	gaussian, clustered := make([]Item, n), make([]Item, n)
	centres := items(r, 0, 100, dim)
	for i := range n {
		gaussian[i] = Item{ID: string(rune(0x10000 + i)), Vector: normal(r, dim)}
		clustered[i] = Item{ID: gaussian[i].ID, Vector: nearTo(r, centres[i%100].Vector)}
	}
	for name, c := range map[string]struct {
		Options
		items []Item
		query []float32
		most  int
	}{
		"Gaussian":       {Options{dim, distance.Euclidean, Float32, ""}, gaussian, normal(r, dim), 30},
		"clusters":       {Options{dim, distance.Cosine, Float32, ""}, clustered, nearTo(r, centres[7].Vector), 30},
		"int8 clusters":  {Options{dim, distance.Cosine, Int8, ""}, clustered, nearTo(r, centres[7].Vector), 15},
		"inner products": {Options{dim, distance.Dot, Float32, ""}, gaussian, normal(r, dim), 40},
	} {
		x := inMemory(t, c.Options, false, c.items)
		hits, err := x.Search(context.Background(), []Query{{Vector: c.query, K: k}})
		must(t, err)
		words := make([]int16, 2*pairsOf(dim))
		p := newProbe(c.Metric, c.query, words)
		got := marked(x.views.now.parts[0].slab, p, words, hits[0][k-1].Distance)
		t.Logf("%s: %d rows for %d hits", name, got, k)
		if got < k || got > c.most {
			t.Errorf("%s: a scan leaves %d rows for %d hits, want at most %d", name, got, k, c.most)
		}
	}
}

func nearTo(r *rand.Rand, centre []float32) []float32 {
	v := normal(r, len(centre))
	var squares float64
	for i := range v {
		v[i] = centre[i] + 0.3*v[i]
		squares += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(squares))
	}
	return v
}

// TestShortDirection: with cosine, int8 keeps the direction of vectors whose step has few digits.
func TestShortDirection(t *testing.T) {
	for top := float32(0x1p-143); top < 1e-30; top *= 1.37 {
		want := []float32{top, 0, -top / 2, top / 3}
		s := newSlab(Options{Dim: 4, Metric: distance.Cosine, Storage: Int8}, []Item{{ID: "a", Vector: want}})
		got, err := s.vector(0, make([]float32, 4))
		must(t, err)
		var dot float64
		for i := range want {
			dot += float64(want[i]) * float64(got[i])
		}
		if cosine := dot / length(want) / length(got); cosine < 0.9999 {
			t.Errorf("%g becomes %g: their cosine is %g", want, got, cosine)
		}
	}
}
