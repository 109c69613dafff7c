package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// inMemory is an index without files or a writer, of one slab a batch, and after them one of all
// batches merged if merged is set.
func inMemory(t testing.TB, o Options, merged bool, batches ...[]Item) *Exact {
	t.Helper()
	var parts []part
	for _, b := range batches {
		parts = append(parts, part{newSlab(o, b), &deadSet{}})
	}
	if merged {
		all, err := mergeInMemory(o, parts)
		must(t, err)
		parts = []part{{all, &deadSet{}}}
	}
	x := &Exact{options: o}
	x.views.publish(newView(parts))
	return x
}

// TestSearchBruteForce: every metric and storage at every level, and every dimension up to 130,
// against distances by their definition.
func TestSearchBruteForce(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, dim := range []int{1, 2, 3, 8, 15, 31, 127} {
			for _, metric := range Metrics {
				for _, storage := range Storages {
					bruteForce(t, Options{Dim: dim, Metric: metric, Storage: storage})
				}
			}
		}
	})
	for dim := 1; dim <= 130; dim++ {
		bruteForce(t, Options{Dim: dim, Metric: Metrics[dim%3], Storage: Storages[dim/3%2]})
	}
	bruteForce(t, Options{Dim: 2049, Metric: distance.Euclidean, Storage: Float32})
}

func bruteForce(t *testing.T, o Options) {
	t.Helper()
	r := rng(uint64(o.Dim))
	m := &model{Options: o}
	var batches [][]Item
	for _, n := range []int{1, 18, 100} {
		batch := items(r, len(m.items), n, o.Dim)
		m.add(batch)
		batches = append(batches, batch)
	}
	queries := someQueries(r, m, 1+o.Dim%11)
	for _, merged := range []bool{false, true} {
		m.check(t, inMemory(t, o, merged, batches...), queries)
	}
}

// TestSearchManySteps: enough rows for several steps and tasks, and enough queries for several groups;
// the same bits come out of one worker and of many.
func TestSearchManySteps(t *testing.T) {
	o := Options{Dim: 300, Metric: distance.Euclidean, Storage: Float32}
	r := rng(3)
	m := &model{Options: o}
	m.items = items(r, 0, 5000, o.Dim)
	x := inMemory(t, o, false, m.items)
	queries := someQueries(r, m, groupQueries+5)
	for i := range queries {
		queries[i].K = min(queries[i].K, 10)
	}
	defer simd.SetThreads(0)
	var want string
	for _, threads := range []int{1, 2, 5} {
		simd.SetThreads(threads)
		hits, err := x.Search(context.Background(), queries)
		must(t, err)
		for _, i := range []int{0, 1, 2, 3, 100, groupQueries, groupQueries + 4} {
			m.checkHits(t, m.items, queries[i], hits[i])
		}
		if got := fmt.Sprint(hits); want == "" {
			want = got
		} else if got != want {
			t.Fatalf("%d threads give other hits", threads)
		}
	}
}

// TestSearchScales: vectors whose squares leave float32, or of which hardly a bit is left, and rows of
// very different lengths beside each other.
func TestSearchScales(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, scale := range []float64{1e17, 1e10, 1, 1e-15, 1e-30, 1e-40, 1e-44} {
			for _, metric := range Metrics {
				for _, storage := range Storages {
					o := Options{Dim: 7, Metric: metric, Storage: storage}
					r := rng(8)
					m := &model{Options: o, items: items(r, 0, 90, o.Dim)}
					for i := range m.items {
						by := scale * math.Pow(10, float64(-r.IntN(4)))
						for t := range m.items[i].Vector {
							m.items[i].Vector[t] = float32(float64(m.items[i].Vector[t]) * by)
						}
					}
					m.items = slices.DeleteFunc(m.items, func(it Item) bool { return o.CheckItems([]Item{it}) != nil })
					checkScales(t, m)
				}
			}
		}
	})
}

// checkScales compares distances relatively: at such scales nearly all are as good as equal to check's.
func checkScales(t *testing.T, m *model) {
	t.Helper()
	x := inMemory(t, m.Options, false, m.items)
	q := Query{Vector: m.items[3].Vector, K: 5}
	hits, err := x.Search(context.Background(), []Query{q})
	must(t, err)
	var all []float64
	for it, err := range x.Each(context.Background()) {
		must(t, err)
		all = append(all, m.distance(it.Vector, q.Vector))
	}
	slices.Sort(all)
	size := math.Abs(all[0]) + math.Abs(all[len(all)-1])
	for i, h := range hits[0] {
		if !(math.Abs(h.Distance-all[i]) <= 1e-6*math.Abs(all[i])+1e-12*size) {
			t.Fatalf("%v, scale %g: hit %d has distance %g, want %g", m.Options, m.items[3].Vector[0], i, h.Distance, all[i])
		}
	}
}

// TestTies: among equals those that were added earlier come first, whoever found them.
func TestTies(t *testing.T) {
	for _, metric := range Metrics {
		o := Options{Dim: 5, Metric: metric, Storage: Float32}
		batch := items(rng(1), 0, 5000, o.Dim)
		for i := range batch {
			batch[i].Vector = batch[i%3].Vector
		}
		x := inMemory(t, o, false, batch[:70], batch[70:4000], batch[4000:])
		hits, err := x.Search(context.Background(), []Query{{Vector: batch[1].Vector, K: 1500}})
		must(t, err)
		if metric != distance.Dot && hits[0][0].Distance != 0 {
			t.Errorf("%s: a vector is %g from itself", metric, hits[0][0].Distance)
		}
		for i := 1; i < len(hits[0]); i++ {
			a, b := hits[0][i-1], hits[0][i]
			if a.Distance == b.Distance && number(a.ID) >= number(b.ID) {
				t.Fatalf("%s: %s comes before %s at the same distance", metric, a.ID, b.ID)
			}
		}
	}
}

func number(id string) (n int) {
	_, _ = fmt.Sscanf(id, "id%d", &n)
	return n
}

func TestSearchNothing(t *testing.T) {
	o := Options{Dim: 2, Metric: distance.Euclidean, Storage: Float32}
	for name, x := range map[string]*Exact{"empty": inMemory(t, o, false), "one": inMemory(t, o, false, items(rng(1), 0, 1, 2))} {
		hits, err := x.Search(context.Background(), []Query{
			{Vector: []float32{1, 2}, K: 3, Filter: Filter{Label: In("nothing")}},
			{Vector: []float32{1, 2}, K: 3, Filter: Filter{}.Except("id0")},
		})
		must(t, err)
		if len(hits) != 2 || hits[0] == nil || len(hits[0])+len(hits[1]) != 0 {
			t.Errorf("%s: hits %v, want two empty lists", name, hits)
		}
		hits, err = x.Search(context.Background(), nil)
		must(t, err)
		if len(hits) != 0 {
			t.Errorf("%s: %d answers to no query", name, len(hits))
		}
	}
}

func TestSearchCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x := inMemory(t, Options{Dim: 2, Metric: distance.Euclidean, Storage: Float32}, false, items(rng(1), 0, 100, 2))
	if _, err := x.Search(ctx, []Query{{Vector: []float32{1, 2}, K: 1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context was cancelled", err)
	}
}

// someQueries returns queries near and far, for few and for all, with filters and without.
func someQueries(r *rand.Rand, m *model, n int) []Query {
	out := make([]Query, n)
	for i := range out {
		q := Query{Vector: normal(r, m.Dim), K: 1 + r.IntN(12)}
		if len(m.items) > 0 && i%2 == 0 {
			copy(q.Vector, m.items[r.IntN(len(m.items))].Vector)
		}
		switch r.IntN(6) {
		case 0:
			q.K = 1000
			q.Offset = r.IntN(20)
		case 4:
			q.Filter = randomFilter(r, 3)
		case 5:
			within := m.distance(q.Vector, normal(r, m.Dim))
			q.Within = &within
		case 1:
			q.Filter.Label = In("dog", "bird", "")
		case 2:
			q.Filter.Fields = map[string]Condition{"parity": In("even"), "tens": In(fmt.Sprint(r.IntN(3)))}
		case 3:
			q.Filter = Filter{Label: In("cat")}.Except("id1", "id4", "nobody", "id7")
		}
		out[i] = q
	}
	return out
}
