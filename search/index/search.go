package index

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// How a search is cut, by sizes alone: a task is about taskBytes of codes, and its blocks are
// scanned stepBytes at a time for one group of queries after the other, so that they stay in
// a core's cache.
const (
	taskBytes  = 2 << 20
	stepBytes  = 128 << 10
	stepBlocks = 64
)

// The numbers of queries, and of rows that may be hits, which a search holds at once.
const (
	groupQueries = 256
	groupHits    = 1 << 20
	groupBits    = 64 << 23 // of the filters' bitmaps
	groupCells   = 4 << 20  // distances to cells
)

// Search returns the hits of each query.
func (x *Exact) Search(ctx context.Context, queries []Query) ([][]Hit, error) {
	if err := x.options.CheckTextQueries(queries); err != nil {
		return nil, err
	}
	v := x.views.acquire()
	if v == nil {
		return nil, ErrClosed
	}
	defer x.views.release(v)
	if slices.ContainsFunc(queries, func(q Query) bool { return q.Text != "" }) {
		return x.searchTexts(ctx, v, queries)
	}
	return x.searchVectors(ctx, v, queries)
}

// searchVectors is Search in a view, of queries without texts.
func (x *Exact) searchVectors(ctx context.Context, v *view, queries []Query) ([][]Hit, error) {
	s, _ := x.scans.Get().(*search)
	if s == nil {
		s = &search{}
	}
	defer x.scans.Put(s)
	hits := make([][]Hit, 0, len(queries))
	for len(queries) > 0 {
		n := groupOf(queries, v)
		group, err := s.run(ctx, x.options, v, &x.views.postings, queries[:n])
		if err != nil {
			return nil, err
		}
		hits = append(hits, group...)
		queries = queries[n:]
	}
	return hits, nil
}

// groupOf returns how many of the queries are searched for together.
func groupOf(queries []Query, v *view) int {
	all, cells := 0, 0
	for i := range v.parts {
		all += v.parts[i].rows
		cells += v.parts[i].bits.cells()
	}
	rows, bits := 0, 0
	for n, q := range queries {
		rows += q.K + q.Offset
		if !q.Filter.IsZero() {
			bits += all
		}
		if n == groupQueries || n > 0 && (rows > groupHits || bits > groupBits || n*cells > groupCells) {
			return n
		}
	}
	return len(queries)
}

// A search is one pass over a view for a group of queries. It is a simd.Job of tasks.
type search struct {
	Options
	ctx        context.Context
	view       *view
	before     []int // rows of the parts in front of each
	probes     []*probe
	passing    [][]bitmap   // of each query, of each part; nil: all pass
	some       []bitmap     // of each part, the rows that pass for any query; nil: all
	packed     []int32      // the queries for simd.Scan
	coded      []int        // parts that have bits
	rotation   *rotation    // of those
	byBits     []top        // of each query, of those
	bitQueries []bitQueries // of each of those
	best       []atomic.Uint64
	tasks      []task
	queries    []Query

	mu      sync.Mutex
	workers []*scanner
	err     error
	bad     atomic.Bool // err is set
}

// A task is some blocks of a part.
type task struct{ part, first, blocks int }

func (s *search) run(ctx context.Context, o Options, v *view, c *postingsCache, queries []Query) ([][]Hit, error) {
	s.Options, s.ctx, s.view, s.queries = o, ctx, v, queries
	s.err = ctx.Err()
	s.bad.Store(s.err != nil)
	s.prepare(c)
	s.cut()
	tasks := len(s.tasks)
	if len(s.coded) > 0 {
		tasks += len(queries)
	}
	simd.Run(tasks, s)
	hits := make([][]Hit, len(queries))
	for i, q := range queries {
		if s.err == nil {
			hits[i], s.err = s.collect(i, q)
		}
	}
	s.ctx, s.view, s.queries, s.some = nil, nil, nil, nil // kept by no pool
	clear(s.passing)
	return hits, s.err
}

// prepare makes the queries ready.
func (s *search) prepare(c *postingsCache) {
	n, pairs := len(s.queries), pairsOf(s.Dim)
	words := make([]int16, n*2*pairs)
	s.probes, s.passing = s.probes[:0], s.passing[:0]
	for i := range s.queries {
		q := &s.queries[i]
		s.probes = append(s.probes, newProbe(s.Metric, q.Vector, words[i*2*pairs:][:2*pairs]))
		s.passing = append(s.passing, s.view.passing(&q.Filter, c))
	}
	s.some = anyOf(s.passing)
	s.packed = scratch.Sized(s.packed, n*pairs)
	simd.PackScanQueries(s.packed, words, n, pairs)
	s.bitParts()
	if len(s.best) < n {
		s.best = make([]atomic.Uint64, n)
	}
	for i := range n {
		s.best[i].Store(math.Float64bits(s.queries[i].within()))
	}
	for _, w := range s.workers {
		w.reset(s)
	}
}

// within is how far a hit may be.
func (q *Query) within() float64 {
	if q.Within == nil {
		return math.Inf(1)
	}
	return *q.Within
}

// anyOf returns the rows of each part that pass for any query, nil if one lets all pass.
func anyOf(passing [][]bitmap) []bitmap {
	if len(passing) == 0 || slices.ContainsFunc(passing, func(b []bitmap) bool { return b == nil }) {
		return nil
	}
	if len(passing) == 1 {
		return passing[0]
	}
	out := make([]bitmap, len(passing[0]))
	for i := range out {
		out[i] = slices.Clone(passing[0][i])
		for _, other := range passing[1:] {
			out[i].or(other[i])
		}
	}
	return out
}

// cut makes the tasks.
func (s *search) cut() {
	s.tasks, s.before = s.tasks[:0], s.before[:0]
	rows := 0
	for i := range s.view.parts {
		p := &s.view.parts[i]
		s.before = append(s.before, rows)
		rows += p.rows
		if len(p.bits.rows) > 0 {
			continue // see bitParts
		}
		most := max(taskBytes/p.blockSize(), 1)
		for first := 0; first < p.blocks(); first += most {
			s.tasks = append(s.tasks, task{i, first, min(most, p.blocks()-first)})
		}
	}
}

func (s *search) Do(i, worker int) {
	if w := s.scanner(worker); i < len(s.tasks) {
		w.scan(s.tasks[i])
	} else {
		w.searchBits(i - len(s.tasks))
	}
}

// scanner returns what a worker of that number needs; how many there are can change at any time.
func (s *search) scanner(worker int) *scanner {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.workers) <= worker {
		w := &scanner{}
		w.reset(s)
		s.workers = append(s.workers, w)
	}
	return s.workers[worker]
}

func (s *search) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.bad.Swap(true) {
		s.err = err
	}
}

// lower tells all workers that a query has k rows within a distance.
func (s *search) lower(query int, distance float64) {
	b := &s.best[query]
	for {
		old := b.Load()
		if distance >= math.Float64frombits(old) || b.CompareAndSwap(old, math.Float64bits(distance)) {
			return
		}
	}
}

// collect makes a query's hits of what the workers found.
func (s *search) collect(query int, q Query) ([]Hit, error) {
	rows := slices.Clone(s.byBits[query].rows)
	for _, w := range s.workers {
		rows = append(rows, w.tops[query].rows...)
	}
	slices.SortFunc(rows, func(a, b candidate) int {
		if a.worse(b) {
			return 1
		}
		return -1 // no two are the same row
	})
	rows = rows[min(q.Offset, len(rows)):]
	hits := make([]Hit, min(q.K, len(rows)))
	for i := range hits {
		h, err := s.hit(rows[i])
		if err != nil {
			return nil, err
		}
		hits[i] = h
	}
	return hits, nil
}

func (s *search) hit(f candidate) (Hit, error) {
	i, ok := slices.BinarySearch(s.before, f.row)
	if !ok {
		i--
	}
	p, row := &s.view.parts[i], f.row-s.before[i]
	fields, err := p.fieldsOf(row)
	return Hit{ID: string(p.ids.at(row)), Distance: f.distance, Label: p.label(row), Fields: fields}, err
}

// A scanner is what one worker of a search needs.
type scanner struct {
	*search
	tops     []top
	known    []float64 // each query's distance that limits is made of
	limits   []simd.ScanLimit
	masks    []uint16
	bitMasks []uint32
	marked   []uint32 // places of rows that bits do not exclude
	touched  float32
	order    cellOrder
	vector   []float32
	step     int // blocks at a time: few at first, when nothing is known that would exclude a row
}

func (w *scanner) reset(s *search) {
	w.search, w.step = s, 1
	for len(w.tops) < len(s.queries) {
		w.tops = append(w.tops, top{})
	}
	w.known, w.limits = w.known[:0], w.limits[:0]
	for i := range s.queries {
		q := &s.queries[i]
		w.tops[i].reset(q.K+q.Offset, q.within())
		w.known = append(w.known, q.within())
		w.limits = append(w.limits, s.probes[i].limit(q.within()))
	}
	w.vector = scratch.Sized(w.vector, s.Dim)
}

func (w *scanner) scan(t task) {
	p := &w.view.parts[t.part]
	most := max(1, min(stepBlocks, stepBytes/p.blockSize()))
	for first, end := t.first, t.first+t.blocks; first < end && !w.stopped(); {
		n := min(w.step, most, end-first)
		if w.some != nil {
			if first, n = nextRun(w.some[t.part], first, n, end); n == 0 {
				return
			}
		}
		w.scanBlocks(t.part, first, n)
		first += n
		w.step = min(2*w.step, stepBlocks)
	}
}

// stopped tells whether the search has failed, or must end.
func (w *scanner) stopped() bool {
	if err := w.ctx.Err(); err != nil && !w.bad.Load() {
		w.fail(err)
	}
	return w.bad.Load()
}

// gapBlocks is how many blocks without a row that passes are scanned rather than skipped: a call of the kernel costs
// about as much.
const gapBlocks = 2

// nextRun returns where the next block is that has a row in b, and how many blocks from there on, up to most, have some
// with few between.
func nextRun(b bitmap, first, most, end int) (at, n int) {
	for ; first < end && b.block(first) == 0; first++ {
	}
	for i := first; i < min(first+most, end) && i-first-n <= gapBlocks; i++ {
		if b.block(i) != 0 {
			n = i + 1 - first
		}
	}
	return first, n
}

// scanBlocks looks at n blocks of a part for all queries.
func (w *scanner) scanBlocks(part, first, n int) {
	p, queries := &w.view.parts[part], len(w.limits)
	w.sharpen()
	masks := scratch.Sized(w.masks, n*queries)
	w.masks = masks
	codes := p.codes[first*p.blockSize():][:n*p.blockSize()]
	scan := p.scan[first*simd.ScanRows*simd.ScanColumns:][:n*simd.ScanRows*simd.ScanColumns]
	simd.Scan(masks, codes, scan, w.packed[:queries*pairsOf(w.Dim)], w.limits, pairsOf(w.Dim))
	for b := range n {
		for query, mask := range masks[b*queries:][:queries] {
			if mask != 0 && w.passing[query] != nil {
				mask &= w.passing[query][part].block(first + b)
			}
			if mask != 0 {
				w.consider(part, (first+b)*simd.ScanRows, query, mask)
			}
		}
	}
}

// sharpen makes the limits of what is known by now.
func (w *scanner) sharpen() {
	for i := range w.known {
		if best := math.Float64frombits(w.best[i].Load()); best < w.known[i] {
			w.known[i] = best
			w.limits[i] = w.probes[i].limit(best)
		}
	}
}

// consider computes the distances of the rows of a block that were marked for a query.
func (w *scanner) consider(part, row, query int, mask uint16) {
	p, t, probe := &w.view.parts[part], &w.tops[query], w.probes[query]
	for ; mask != 0; mask &= mask - 1 {
		r := row + bits.TrailingZeros16(mask)
		if r >= p.rows || p.dead.has(r) {
			continue
		}
		v, err := p.vector(r, w.vector)
		if err != nil {
			w.fail(err)
			return
		}
		t.add(candidate{probe.distance(v), w.before[part] + r})
	}
	if worst := t.worst(); worst < w.known[query] {
		w.lower(query, worst)
	}
}
