package index

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// TestRotation keeps lengths and angles, and makes any vector's coordinates about as large as each other. Its values must not
// change: they are on disk.
func TestRotation(t *testing.T) {
	r := rng(1)
	for _, dim := range []int{1, 2, 8, 24, 96, 128, 200, 384, 1000} {
		rotate := newRotation(dim)
		a, b := normal(r, dim), make([]float32, dim)
		b[dim/2] = 3
		var dot, aa float64
		for i := range a {
			dot, aa = dot+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i])
		}
		rotate.apply(a)
		rotate.apply(b)
		var newDot, newAA, bb, top float64
		for i := range a {
			newDot, newAA, bb = newDot+float64(a[i])*float64(b[i]), newAA+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
			top = max(top, math.Abs(float64(b[i])))
		}
		near := func(x, y float64) bool { return math.Abs(x-y) <= 1e-5*math.Sqrt(aa)*3 }
		if !near(dot, newDot) || !near(math.Sqrt(aa), math.Sqrt(newAA)) || !near(3, math.Sqrt(bb)) {
			t.Errorf("%d: product %g became %g, square %g %g", dim, dot, newDot, aa, newAA)
		}
		if dim >= 96 && top > 3*5/math.Sqrt(float64(dim)) {
			t.Errorf("%d: a unit vector has a coordinate of %g of 3", dim, top)
		}
	}
	v := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	newRotation(12).apply(v)
	if got := fmt.Sprintf("%.4f", v); got != rotated {
		t.Errorf("a rotated vector is %s", got)
	}
}

// rotated is what the rotation made of 1 to 12 when bits were first written.
const rotated = "[9.1753 -13.2439 -13.7657 4.0088 -0.2189 3.2544 -4.0258 8.0944 3.8918 3.2986 -7.8823 -2.0797]"

// clustered are n vectors about centers, of which there are some.
func clustered(r *rand.Rand, n, centers, dim int, spread float64) [][]float32 {
	middle := make([][]float32, centers)
	for i := range middle {
		middle[i] = normal(r, dim)
	}
	out := make([][]float32, n)
	for i := range out {
		out[i] = normal(r, dim)
		c := middle[r.IntN(centers)]
		for t := range out[i] {
			out[i][t] = c[t] + 1 + float32(spread)*out[i][t]
		}
	}
	return out
}

// TestBits: by bits the ten nearest are found, but for a few of a thousand, by every metric and at every level; and their distances
// are exact.
func TestBits(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for i, metric := range Metrics {
			checkBits(t, Options{Dim: []int{61, 96, 70}[i], Metric: metric, Storage: Bits}, uint64(i))
		}
	})
}

func checkBits(t *testing.T, o Options, seed uint64) {
	t.Helper()
	const n, queries, k = 3000, 40, 10
	r := rng(seed)
	vectors := clustered(r, n+queries, 25, o.Dim, 0.7)
	all := make([]Item, n)
	for i := range all {
		all[i] = Item{ID: fmt.Sprint("id", i), Vector: vectors[i], Label: fmt.Sprint(i % 7)}
	}
	parts := []part{{newSlab(o, all[:1000]), (&deadSet{}).with([]int{3, 500})}, {newSlab(o, all[1000:]), &deadSet{}}}
	exact := &Exact{options: o}
	exact.views.publish(newView(slices.Clone(parts)))
	var b bytes.Buffer
	m := newMerge(o, parts)
	m.withBits = true
	must(t, m.write(&b))
	slab, err := parseSegment(b.Bytes(), o)
	must(t, err)
	if len(slab.bits.rows) < n-2 || slab.bits.cells() != 11 {
		t.Fatalf("%d places of %d cells", len(slab.bits.rows), slab.bits.cells())
	}
	coded := &Exact{options: o}
	coded.views.publish(newView([]part{{slab, &deadSet{}}}))
	var qs []Query
	within := 0.0
	for i := range queries {
		q := Query{Vector: vectors[n+i], K: k}
		switch i % 4 {
		case 1:
			q.Filter = Filter{Label: In("3", "5")}
		case 2:
			q.Offset = 5
			if i > 20 {
				q.Filter = Filter{ID: In("id7", "id500", "id77", "id1234")}
				q.Offset = 0
			}
		case 3:
			q.Within = &within
		}
		qs = append(qs, q)
	}
	first, err := exact.Search(context.Background(), qs[:1])
	must(t, err)
	within = first[0][k-1].Distance
	want, err := exact.Search(context.Background(), qs)
	must(t, err)
	got, err := coded.Search(context.Background(), qs)
	must(t, err)
	defer simd.SetThreads(0)
	for _, threads := range []int{1, 3} {
		simd.SetThreads(threads)
		again, err := coded.Search(context.Background(), qs)
		must(t, err)
		if fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("%v: %d threads give other hits", o, threads)
		}
	}
	hits, near := 0, 0
	for i := range want {
		of := map[string]float64{}
		for _, h := range want[i] {
			of[h.ID] = h.Distance
		}
		for _, h := range got[i] {
			if d, ok := of[h.ID]; ok {
				if near++; d != h.Distance {
					t.Errorf("%v: %s is at %g, by bits %g", o, h.ID, d, h.Distance)
				}
			}
		}
		hits += len(want[i])
	}
	if float64(near) < 0.98*float64(hits) || hits < 200 {
		t.Errorf("%v: %d of %d hits", o, near, hits)
	}
}

// TestBitsPrune: most rows are excluded by their bits alone.
func TestBitsPrune(t *testing.T) {
	r := rng(2)
	o := Options{Dim: 128, Metric: distance.Euclidean, Storage: Bits}
	vectors := clustered(r, 5001, 50, o.Dim, 0.5)
	all := make([]Item, 5000)
	for i := range all {
		all[i] = Item{ID: fmt.Sprint("id", i), Vector: vectors[i]}
	}
	var b bytes.Buffer
	m := newMerge(o, []part{{newSlab(o, all), &deadSet{}}})
	m.withBits = true
	must(t, m.write(&b))
	slab, err := parseSegment(b.Bytes(), o)
	must(t, err)
	p := newProbe(o.Metric, vectors[5000], make([]int16, 2*pairsOf(o.Dim)))
	var q bitQueries
	q.prepare([]*probe{p}, &slab.bits, newRotation(o.Dim))
	bits := q.probes[0]
	var all10 []float64
	for row := range slab.rows {
		v, err := slab.vector(row, nil)
		must(t, err)
		all10 = append(all10, p.distance(v))
	}
	slices.Sort(all10)
	var order cellOrder
	order.measure(bits, &slab.bits, q.far)
	marked, cells := 0, 0
	for cell, far := range order.far {
		if order.least[cell] > all10[9] {
			continue
		}
		cells++
		limit := bits.limit(all10[9], float64(far))
		first, end := int(slab.bits.first[cell]), int(slab.bits.first[cell+1])
		masks := make([]uint32, end-first)
		codes, scan := slab.bits.blocks(first, end)
		simd.BitScan(masks, codes, scan, bits.tables, &limit, 16)
		for i, mask := range masks {
			for bit := range 32 {
				if mask>>bit&1 == 1 && slab.bits.rows[(first+i)*32+bit] != noRow {
					marked++
				}
			}
		}
	}
	if cells > slab.bits.cells()*3/4 {
		t.Errorf("%d of %d cells are looked at", cells, slab.bits.cells())
	}
	if marked < 10 || marked > 300 {
		t.Errorf("%d of 5000 rows are marked", marked)
	}
}

// TestBitsLife: an index with bits keeps them over changes, merges and openings, and files without them stay readable.
func TestBitsLife(t *testing.T) {
	t.Parallel()
	o := Options{Dim: 9, Metric: distance.Cosine, Storage: Bits}
	x, dir := create(t, o)
	m := &model{Options: o}
	for i := range 6 {
		batch := items(rng(uint64(i)), 20*i, 40, 9)
		must(t, x.Add(t.Context(), batch))
		m.add(batch)
		if i%2 == 1 {
			must(t, x.Compact())
		}
		gone := []string{fmt.Sprint("id", 7*i)}
		m.remove(gone)
		_, err := x.Delete(t.Context(), gone)
		must(t, err)
		if i == 4 {
			must(t, x.Close())
			x = open(t, dir)
		}
		m.checkItems(t, x)
	}
	must(t, x.Compact())
	names, err := filepath.Glob(filepath.Join(dir, "*.segment"))
	must(t, err)
	data, err := os.ReadFile(names[0])
	must(t, err)
	f, err := parseFooter(data, o)
	if err != nil || f.Version != 3 {
		t.Errorf("version %d, %v", f.Version, err)
	}
	m.check(t, x, []Query{{Vector: normal(rng(9), 9), K: 1000}}) // looks at all
	if f, err := parseFooter(segmentOf(t, Options{Dim: 3, Metric: distance.Dot, Storage: Int8}, 5), Options{Dim: 3, Metric: distance.Dot, Storage: Int8}); err != nil || f.Version != 1 {
		t.Errorf("without bits: version %d, %v", f.Version, err)
	}
}
