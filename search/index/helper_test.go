package index

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// atLevels runs f as a subtest at every level that this machine has.
func atLevels(t *testing.T, f func(t *testing.T)) {
	for l := simd.Generic; l <= simd.Best(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			defer simd.Use(simd.Use(l))
			f(t)
		})
	}
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes an index in a new folder, closed when the test ends.
func create(t testing.TB, o Options) (*Exact, string) {
	t.Helper()
	dir := t.TempDir()
	x, err := Create(dir, o)
	must(t, err)
	t.Cleanup(func() { x.Close() })
	return x, dir
}

func open(t testing.TB, dir string) *Exact {
	t.Helper()
	x, err := Open(dir)
	must(t, err)
	t.Cleanup(func() { x.Close() })
	return x
}

func normal(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// items returns n items with identifiers from first on, of three labels and some fields.
func items(r *rand.Rand, first, n, dim int) []Item {
	out := make([]Item, n)
	for i := range out {
		id := first + i
		out[i] = Item{ID: fmt.Sprint("id", id), Vector: normal(r, dim), Label: []string{"", "cat", "dog"}[id%3]}
		if id%2 == 0 {
			out[i].Fields = map[string]string{"parity": "even", "tens": fmt.Sprint(id / 10)}
		}
	}
	return out
}

// model is what an index should hold, in its order.
type model struct {
	Options
	items []Item
}

func (m *model) add(items []Item) {
	for _, it := range items {
		m.remove([]string{it.ID})
	}
	m.items = append(m.items, items...)
}

func (m *model) remove(ids []string) (n int) {
	before := len(m.items)
	m.items = slices.DeleteFunc(m.items, func(it Item) bool { return slices.Contains(ids, it.ID) })
	return before - len(m.items)
}

// distance is the metric by its definition.
func (m *model) distance(a, b []float32) float64 {
	var dot, aa, bb, diff float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot += x * y
		aa += x * x
		bb += y * y
		diff += (x - y) * (x - y)
	}
	switch m.Metric {
	case distance.Dot:
		return -dot
	case distance.Cosine:
		return 1 - dot/math.Sqrt(aa*bb)
	}
	return math.Sqrt(diff)
}

// lets is the definition of a filter, item by item.
func (f *Filter) lets(it Item) bool {
	for i := range f.And {
		if !f.And[i].lets(it) {
			return false
		}
	}
	some := f.Or == nil
	for i := range f.Or {
		some = some || f.Or[i].lets(it)
	}
	if !some || f.Not != nil && f.Not.lets(it) || !f.Label.keeps(it.Label) || !f.ID.keeps(it.ID) {
		return false
	}
	for key, c := range f.Fields {
		if value, ok := it.Fields[key]; !ok || !c.keeps(value) {
			return false
		}
	}
	return true
}

func (c Condition) keeps(text string) bool {
	if c.In != nil && !slices.Contains(c.In, text) || !strings.HasPrefix(text, c.Prefix) {
		return false
	}
	order := func(b *Bound) int {
		if !b.isNumber {
			return strings.Compare(text, b.text)
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return none
		}
		return cmp.Compare(x, b.number)
	}
	return (c.GT == nil || slices.Contains([]int{1}, order(c.GT))) && (c.GTE == nil || slices.Contains([]int{0, 1}, order(c.GTE))) &&
		(c.LT == nil || slices.Contains([]int{-1}, order(c.LT))) && (c.LTE == nil || slices.Contains([]int{-1, 0}, order(c.LTE)))
}

// none is the order of a text and a number.
const none = 7

// check compares the index with the model: everything there is, and the hits of the queries, whose
// distances may differ by roundings. Where the model's distances are as near as that, either
// order is right.
func (m *model) check(t testing.TB, x *Exact, queries []Query) {
	t.Helper()
	kept := m.checkItems(t, x)
	got, err := x.Search(context.Background(), queries)
	must(t, err)
	if len(got) != len(queries) {
		t.Fatalf("%d answers to %d queries", len(got), len(queries))
	}
	for i, q := range queries {
		m.checkHits(t, kept, q, got[i])
	}
}

// checkItems compares the items, and returns them with their vectors as they are stored.
func (m *model) checkItems(t testing.TB, x *Exact) []Item {
	t.Helper()
	info, err := x.Info(context.Background())
	must(t, err)
	want := Info{Kind: "exact", Dim: m.Dim, Len: len(m.items), Metric: m.Metric, Storage: m.Storage, Encoder: m.Encoder, Free: info.Free}
	info.FilterBytes = 0                 // which tests of filters look at
	if info.Dropped = ""; info != want { // which tests of logs look at
		t.Fatalf("info is %+v, want %+v", info, want)
	}
	var kept []Item
	for it, err := range x.Each(context.Background()) {
		must(t, err)
		kept = append(kept, it)
	}
	if len(kept) != len(m.items) {
		t.Fatalf("%d items, want %d", len(kept), len(m.items))
	}
	for i, it := range m.items {
		got, ok, err := x.Get(context.Background(), it.ID)
		must(t, err)
		if !ok {
			t.Fatalf("item %q is not there", it.ID)
		}
		for _, other := range []Item{got, kept[i]} {
			if other.ID != it.ID || other.Label != it.Label || fmt.Sprint(other.Fields) != fmt.Sprint(it.Fields) || !m.same(other.Vector, it.Vector) {
				t.Fatalf("item %d is %+v, want %+v", i, other, it)
			}
		}
	}
	return kept
}

// same compares a stored vector with the original.
func (m *model) same(got, want []float32) bool {
	if m.Storage != Int8 {
		return slices.Equal(got, want)
	}
	var top float64
	for _, v := range want {
		top = max(top, math.Abs(float64(v)))
	}
	for i := range want {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= top/127*0.5001) {
			return false
		}
	}
	return len(got) == len(want)
}

func (m *model) checkHits(t testing.TB, kept []Item, q Query, got []Hit) {
	t.Helper()
	type answer struct {
		Item
		distance float64
	}
	var want []answer
	for _, it := range kept {
		if d := m.distance(it.Vector, q.Vector); q.Filter.lets(it) && d <= q.within() {
			want = append(want, answer{it, d})
		}
	}
	slices.SortStableFunc(want, func(a, b answer) int {
		if a.distance < b.distance {
			return -1
		} else if a.distance > b.distance {
			return 1
		}
		return 0
	})
	want = want[min(q.Offset, len(want)):]
	if len(got) != min(q.K, len(want)) {
		t.Fatalf("%d hits, want %d", len(got), min(q.K, len(want)))
	}
	for i, h := range got {
		w := want[i]
		near := 1e-12 * (1 + math.Abs(w.distance))
		if h.ID != w.ID {
			// Another order, or another item at the end, is right only among equals.
			j := slices.IndexFunc(want, func(a answer) bool { return a.ID == h.ID })
			if j < 0 || math.Abs(want[j].distance-w.distance) > near || want[j].distance == w.distance {
				t.Fatalf("hit %d is %+v, want %q at %g", i, h, w.ID, w.distance)
			}
			w = want[j]
		}
		if !(math.Abs(h.Distance-w.distance) <= near) || h.Label != w.Label || fmt.Sprint(h.Fields) != fmt.Sprint(w.Fields) {
			t.Fatalf("hit %d is %+v, want %+v", i, h, w)
		}
	}
}
