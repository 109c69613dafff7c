package search

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/retrieval"
	"github.com/energo-ml/energo/serve/wire"
)

// Bounds of maps.
const (
	defaultMap = 2000    // items, where none is asked for
	mostMap    = 5000    // items
	mapFloats  = 1 << 23 // coordinates of vectors: those of long ones have fewer items
	mapScan    = 200_000 // items that are looked at to draw from
	mapsKept   = 4
)

// mapped is an item and its place.
type mapped struct {
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
	links
	X float32 `json:"x"`
	Y float32 `json:"y"`
}

// mapAnswer has places from −1 to 1 along both axes.
type mapAnswer struct {
	Items []mapped `json:"items"`
	Of    int      `json:"of"`             // items that pass the filter and were looked at
	More  bool     `json:"more,omitempty"` // there are more, which were not looked at
}

// mapOf answers with a plane on which near items are near.
func (s *store) mapOf(w http.ResponseWriter, r *http.Request) error {
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"filter", "limit"}, nil)
	}
	if err != nil {
		return err
	}
	limit := defaultMap
	if text := params.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > mostMap {
			return wire.Invalid("limit", "limit is %q; it must be an integer from 1 to %d", text, mostMap)
		}
	}
	var f index.Filter
	if err := filterText(&f, params.Get("filter")); err != nil {
		return err
	}
	if err := s.checkFilter("filter", &f); err != nil {
		return err
	}
	answer, err := s.layOut(r.Context(), f, min(limit, max(mapFloats/s.limits.Dim, 1)))
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// layOut places at most limit items that pass a filter. One map is made at a time: its vectors and its work are large.
func (s *store) layOut(ctx context.Context, f index.Filter, limit int) (answer mapAnswer, err error) {
	if err := s.layouts.enter(ctx); err != nil {
		return answer, err
	}
	defer s.layouts.leave()
	d := sample{limit: limit}
	if err := s.sampleFrom(ctx, f, &d); err != nil {
		return answer, err
	}
	d.cut()
	answer = mapAnswer{Items: make([]mapped, len(d.items)), Of: d.seen, More: d.more}
	if len(d.items) == 0 {
		return answer, nil
	}
	slices.SortFunc(d.items, func(a, b sampled) int { return strings.Compare(a.ID, b.ID) })
	places, err := s.layouts.places(ctx, d.vectors(s.limits.Metric), s.limits.Dim)
	if err != nil {
		return answer, err
	}
	for i := range d.items {
		one := &d.items[i]
		answer.Items[i] = mapped{one.ID, one.Label, one.links, places[2*i], places[2*i+1]}
	}
	return answer, nil
}

// sampleFrom goes over the items that pass a filter.
func (s *store) sampleFrom(ctx context.Context, f index.Filter, d *sample) error {
	page := max(1, min(1000, (1<<20)/s.limits.Dim))
	for after := ""; ; {
		items, err := s.o.Index.List(ctx, f, after, page)
		if err != nil {
			return err
		}
		for i := range items {
			d.add(&items[i], s.linksOf(items[i].ID, items[i].Fields))
		}
		if len(items) < page {
			return nil
		}
		if d.seen >= mapScan {
			d.more = true
			return nil
		}
		after = items[len(items)-1].ID
	}
}

// sample keeps limit items of those that it is shown: those of the least hashes of their identifiers, which are a fair sample,
// and one that stays nearly the same when items come and go.
type sample struct {
	limit, seen int
	more        bool
	items       []sampled
}

type sampled struct {
	hash   uint64
	vector []float32
	ID     string
	Label  string
	links
}

func (d *sample) add(item *index.Item, l links) {
	d.seen++
	d.items = append(d.items, sampled{xxhash.Sum64String(item.ID), item.Vector, item.ID, item.Label, l})
	if len(d.items) >= 2*d.limit {
		d.cut()
	}
}

// cut leaves limit items.
func (d *sample) cut() {
	if len(d.items) > d.limit {
		slices.SortFunc(d.items, func(a, b sampled) int { return cmp.Or(cmp.Compare(a.hash, b.hash), strings.Compare(a.ID, b.ID)) })
		clear(d.items[d.limit:])
		d.items = d.items[:d.limit]
	}
}

// vectors are those of the items; of unit length for the cosine distance, so that Euclidean distances have its order.
func (d *sample) vectors(metric distance.Kind) []float32 {
	var all []float32
	for _, one := range d.items {
		all = append(all, one.vector...)
		if metric != distance.Cosine {
			continue
		}
		v, sum := all[len(all)-len(one.vector):], 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		for i := range v {
			v[i] = float32(float64(v[i]) / math.Sqrt(sum))
		}
	}
	return all
}

// layouts are those of the last vectors.
type layouts struct {
	making chan struct{} // one while a map is made, which the rest belongs to
	kept   []layout      // the last used last
}

// layout is where vectors of a hash are.
type layout struct {
	of     uint64
	places []float32
}

func newLayouts() *layouts { return &layouts{making: make(chan struct{}, 1)} }

func (m *layouts) enter(ctx context.Context) error {
	select {
	case m.making <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *layouts) leave() { <-m.making }

// places are those of vectors, laid out where they are not those of a map that is kept.
func (m *layouts) places(ctx context.Context, vectors []float32, dim int) ([]float32, error) {
	h, bytes := xxhash.New(), make([]byte, 4)
	for _, v := range vectors {
		binary.LittleEndian.PutUint32(bytes, math.Float32bits(v))
		_, _ = h.Write(bytes)
	}
	of := h.Sum64()
	for i, l := range m.kept {
		if l.of == of && 2*len(vectors) == dim*len(l.places) {
			m.kept = append(slices.Delete(m.kept, i, i+1), l)
			return l.places, nil
		}
	}
	places, err := retrieval.Layout(ctx, vectors, dim)
	if err != nil {
		return nil, err
	}
	fit(places)
	m.kept = append(m.kept[max(0, len(m.kept)-mapsKept+1):], layout{of, places})
	return places, nil
}

// fit moves and scales places into the square from −1 to 1. Half of a coordinate is its rank: places that lie close
// in few parts of the plane then fill more of it, and their order along both axes stays.
func fit(places []float32) {
	n := len(places) / 2
	for axis := range 2 {
		order := make([]int, n)
		for i := range order {
			order[i] = 2*i + axis
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(places[a], places[b]), cmp.Compare(a, b)) })
		lo, hi := places[order[0]], places[order[n-1]]
		for rank, at := range order {
			share := (places[at] - lo) / max(hi-lo, 1e-6)
			places[at] = share + (float32(rank)+.5)/float32(n) - 1
		}
	}
}
