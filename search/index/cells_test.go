package index

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// TestCells: there are as many as asked for, whatever the vectors, and by groups nearly every vector has the nearest.
func TestCells(t *testing.T) {
	const dim = 6
	r := rng(4)
	same := make([][]float32, 3000)
	for i := range same {
		same[i] = []float32{1, 2, 3, 4, 5, 6}
	}
	for name, vectors := range map[string][][]float32{"clusters": clustered(r, 9000, 40, dim, 0.4), "one point": same} {
		flat := slices.Concat(vectors...)
		for _, n := range []int{1, 5, groupsLeast, 150} {
			c := newCells(flat, dim, n)
			if len(c.centers) != n*dim || c.first[0] != 0 || c.first[len(c.first)-1] != n || len(c.first) != len(c.groups)/dim+1 {
				t.Fatalf("%s: %d centers instead of %d; groups begin at %v", name, len(c.centers)/dim, n, c.first)
			}
			cells := make([]uint32, len(vectors))
			c.nearest(flat, cells)
			right := 0
			for i, nearest := range nearestOf(c.centers, flat, dim) {
				if cells[i] == nearest {
					right++
				}
			}
			if right < len(vectors)*97/100 {
				t.Errorf("%s: %d of %d vectors have the nearest of %d cells", name, right, len(vectors), n)
			}
		}
	}
}

// TestBitsOfGroups: an index whose cells are in groups has every row at one place and finds the nearest.
func TestBitsOfGroups(t *testing.T) {
	o := Options{Dim: 8, Metric: distance.Euclidean, Storage: Bits}
	vectors := clustered(rng(5), groupsLeast*cellLeast+100, 30, o.Dim, 0.5)
	all := make([]Item, len(vectors))
	for i := range all {
		all[i] = Item{ID: fmt.Sprint(i), Vector: vectors[i]}
	}
	var b bytes.Buffer
	m := newMerge(o, []part{{newSlab(o, all), (&deadSet{}).with([]int{5, 77})}})
	m.withBits = true
	must(t, m.write(&b))
	slab, err := parseSegment(b.Bytes(), o)
	must(t, err)
	if slab.bits.cells() != groupsLeast {
		t.Fatalf("%d cells", slab.bits.cells())
	}
	slab.file = "a segment" // so that checksums are looked at
	x := &Exact{options: o}
	x.views.publish(newView([]part{{slab, &deadSet{}}}))
	for i := 0; i < len(all); i += 500 {
		hits, err := x.Search(t.Context(), []Query{{Vector: vectors[i], K: 1}})
		must(t, err)
		if h := hits[0][0]; h.ID != all[i].ID || h.Distance != 0 {
			t.Errorf("vector %d: the nearest is %+v", i, h)
		}
	}
	// Merged again, with rows that are gone, the vectors are the same.
	var again bytes.Buffer
	m = newMerge(o, []part{{slab, (&deadSet{}).with([]int{0, 9000})}, {newSlab(o, all[5:6]), &deadSet{}}})
	m.withBits = true
	must(t, m.write(&again))
	merged, err := parseSegment(again.Bytes(), o)
	must(t, err)
	merged.file = "a segment"
	for row := range merged.rows {
		it, err := merged.item(row)
		must(t, err)
		var i int
		if _, err := fmt.Sscan(it.ID, &i); err != nil || !slices.Equal(it.Vector, vectors[i]) {
			t.Fatalf("row %d is %+v", row, it)
		}
	}
	if merged.rows != len(all)-3 {
		t.Errorf("%d rows", merged.rows)
	}
}

// TestBeyond: no vector is taken for further than it is; one that is further by a hundredth is seen, unless all is so small that
// float32 has not its digits.
func TestBeyond(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		r := rng(6)
		for _, metric := range Metrics {
			for _, dim := range []int{1, 2, 7, 64, 130, 1000} {
				for _, size := range []float32{1e-30, 1e-22, 1e-3, 1, 1e15} {
					for round := range 20 {
						q, v := normal(r, dim), normal(r, dim)
						side := float32(2 - 4*(round%2)) // the same one as the query's, or the opposite
						for i := range v {
							q[i], v[i] = size*(q[i]+2), size*(v[i]+side)
						}
						checkBeyond(t, metric, q, v, size > 1e-10)
					}
				}
			}
		}
	})
}

func checkBeyond(t *testing.T, metric distance.Kind, q, v []float32, sees bool) {
	t.Helper()
	p := newProbe(metric, q, make([]int16, 2*pairsOf(len(q))))
	d, scale := p.distance(v), 1.0
	for _, worst := range []float64{d, d + 1e-7*math.Abs(d), math.Inf(1)} {
		if p.beyond(v, worst) {
			t.Fatalf("%s, %d coordinates: %g is taken for beyond %g", metric, len(q), d, worst)
		}
	}
	switch metric {
	case distance.Dot:
		scale = length(q) * length(v)
	case distance.Euclidean:
		scale = d
	}
	if near := d - 0.01*scale; sees && near > 0 && !p.beyond(v, near) {
		t.Errorf("%s, %d coordinates: %g is not taken for beyond %g", metric, len(q), d, near)
	}
}
