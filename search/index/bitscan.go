package index

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// bitParts lists the parts that have bits, and makes what a query needs of them. Each query is one task there: which rows are
// looked at depends on what was seen before, and must not on the number of workers.
func (s *search) bitParts() {
	s.coded = s.coded[:0]
	for i := range s.view.parts {
		if len(s.view.parts[i].bits.rows) > 0 {
			s.coded = append(s.coded, i)
		}
	}
	if len(s.coded) > 0 && (s.rotation == nil || s.rotation.dim != bitDim(s.Dim)) {
		s.rotation = newRotation(bitDim(s.Dim))
	}
	for len(s.byBits) < len(s.queries) {
		s.byBits = append(s.byBits, top{})
	}
	for i := range s.queries {
		q := &s.queries[i]
		s.byBits[i].reset(q.K+q.Offset, q.within())
	}
	for len(s.bitQueries) < len(s.coded) {
		s.bitQueries = append(s.bitQueries, bitQueries{})
	}
	for i, part := range s.coded {
		s.bitQueries[i].prepare(s.probes, &s.view.parts[part].bits, s.rotation)
	}
}

// bitQueries are the queries as the bits of one part want them.
type bitQueries struct {
	probes []*bitProbe
	turned []float32
	far    []float32 // of each query, how far the cells are: ‖q − c‖², or with dot −c·q
}

// prepare makes them of all queries at once, so that the centers are read once.
func (q *bitQueries) prepare(probes []*probe, b *bitCodes, r *rotation) {
	n, cells := len(probes), b.cells()
	q.probes = make([]*bitProbe, n)
	q.turned, q.far = scratch.Sized(q.turned, n*r.dim), scratch.Sized(q.far, n*cells)
	simd.Run(n, tasks(func(i int) {
		probe := newBitProbe(b, r, probes[i], q.turned[i*r.dim:][:r.dim])
		q.probes[i] = probe
		if probe.metric == distance.Dot {
			for cell := range cells {
				q.far[i*cells+cell] = float32(-simd.Dot(probe.turned, b.centers[cell*r.dim:][:r.dim]))
			}
		}
	}))
	if n > 0 && probes[0].metric != distance.Dot {
		simd.SquaredDistances(q.far, q.turned, b.centers, n, cells, r.dim)
	}
}

// searchBits finds a query's hits in the parts that have bits.
func (w *scanner) searchBits(query int) {
	for i, part := range w.coded {
		passing, rows := bitmap(nil), 0
		if w.passing[query] != nil {
			passing = w.passing[query][part]
			rows = passing.count()
		}
		if passing != nil && rows < w.view.parts[part].rows/fewPass {
			for _, row := range passing.rows() {
				w.take(query, part, w.view.parts[part].at(row), row)
			}
			continue
		}
		w.searchCells(query, part, passing, &w.bitQueries[i])
	}
}

// fewPass: where less than this share of the rows, 1 in fewPass, passes a filter, all of them are looked at.
const fewPass = 200

// cellBlocks is how many blocks of a cell are scanned before what they had excludes others.
const cellBlocks = 4

// searchCells goes over cells: first the nearest, then those that can have nearer rows than were seen there.
func (w *scanner) searchCells(query, part int, passing bitmap, q *bitQueries) {
	b, t, probe := &w.view.parts[part].bits, &w.byBits[query], q.probes[query]
	nearest := w.order.measure(probe, b, q.far[query*b.cells():][:b.cells()])
	w.searchCell(query, part, passing, probe, nearest)
	w.order.sort(nearest, t.worst())
	for _, cell := range w.order.order {
		if w.order.least[cell] > t.worst() || w.stopped() {
			return // and so are all that follow
		}
		w.searchCell(query, part, passing, probe, cell)
	}
}

func (w *scanner) searchCell(query, part int, passing bitmap, probe *bitProbe, cell int) {
	b, t := &w.view.parts[part].bits, &w.byBits[query]
	for first, end := int(b.first[cell]), int(b.first[cell+1]); first < end; {
		n := min(cellBlocks, end-first)
		if len(t.rows) < t.k {
			n = 1 // nothing is known yet that would exclude a row
		}
		w.scanCell(query, part, passing, probe, float64(w.order.far[cell]), first, n)
		first += n
	}
}

// measure finds the least distances of the cells' rows, and returns the nearest cell.
func (c *cellOrder) measure(probe *bitProbe, b *bitCodes, far []float32) (nearest int) {
	c.far, c.least = far, scratch.Sized(c.least, len(far))
	for i, x := range far {
		c.least[i] = probe.reach(float64(x), float64(b.radii[i]))
	}
	return simd.ArgMin(far)
}

// sort puts the cells in order that can have rows within a distance, but for the nearest.
func (c *cellOrder) sort(nearest int, worst float64) {
	c.order = c.order[:0]
	for i, least := range c.least {
		if least <= worst && i != nearest {
			c.order = append(c.order, i)
		}
	}
	slices.SortFunc(c.order, func(i, j int) int {
		return cmp.Or(cmp.Compare(c.least[i], c.least[j]), cmp.Compare(c.far[i], c.far[j]), cmp.Compare(i, j))
	})
}

// scanCell looks at n blocks of a cell.
func (w *scanner) scanCell(query, part int, passing bitmap, probe *bitProbe, far float64, first, n int) {
	p, t := &w.view.parts[part], &w.byBits[query]
	codes, scan := p.bits.blocks(first, first+n)
	masks := scratch.Sized(w.bitMasks, n)
	w.bitMasks = masks
	limit := probe.limit(t.worst(), far)
	simd.BitScan(masks, codes, scan, probe.tables, &limit, len(probe.turned)/8)
	w.marked = w.marked[:0]
	for i, mask := range masks {
		for ; mask != 0; mask &= mask - 1 {
			at := (first+i)*simd.BitRows + bits.TrailingZeros32(mask)
			row := p.bits.rows[at]
			if row != noRow && !p.dead.has(int(row)) && (passing == nil || passing.has(int(row))) {
				w.marked = append(w.marked, uint32(at))
			}
		}
	}
	w.touch(p.slab)
	for _, at := range w.marked {
		w.take(query, part, int(at), int(p.bits.rows[at]))
	}
}

// touch reads a number of each cache line of the vectors that are marked. Nothing waits for one before it asks for the next, as
// computing the distances does: so the memory's latency passes once for several.
func (w *scanner) touch(s *slab) {
	const line = 16
	sum := float32(0)
	for _, at := range w.marked {
		v := s.vectors[int(at)*s.Dim:][:s.Dim]
		for t := 0; t < len(v); t += line {
			sum += v[t]
		}
	}
	w.touched = sum // else the reads would be left out
}

// take computes the distance of a row, whose vector is at a place.
func (w *scanner) take(query, part, at, row int) {
	v, err := w.view.parts[part].vectorAt(at, row)
	if err != nil {
		w.fail(err)
		return
	}
	t, probe := &w.byBits[query], w.probes[query]
	if !probe.beyond(v, t.worst()) {
		t.add(candidate{probe.distance(v), w.before[part] + row})
	}
}
