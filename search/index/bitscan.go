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
}

// searchBits finds a query's hits in the parts that have bits.
func (w *scanner) searchBits(query int) {
	for _, part := range w.coded {
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
		w.searchCells(query, part, passing)
	}
}

// fewPass: where less than this share of the rows, 1 in fewPass, passes a filter, all of them are looked at.
const fewPass = 200

// cellBlocks is how many blocks of a cell are scanned before what they had excludes others.
const cellBlocks = 4

// searchCells goes over cells: first the nearest, then those that can have nearer rows than were seen there.
func (w *scanner) searchCells(query, part int, passing bitmap) {
	b, t := &w.view.parts[part].bits, &w.byBits[query]
	probe := newBitProbe(b, w.rotation, w.probes[query])
	nearest := w.order.measure(probe, b)
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

// measure finds how far the cells are, and returns the nearest.
func (c *cellOrder) measure(probe *bitProbe, b *bitCodes) (nearest int) {
	cells, dim := b.cells(), len(probe.turned)
	c.far, c.least = scratch.Sized(c.far, cells), scratch.Sized(c.least, cells)
	if probe.metric == distance.Dot {
		for i := range cells {
			c.far[i] = float32(-simd.Dot(probe.turned, b.centers[i*dim:][:dim]))
		}
	} else {
		simd.SquaredDistances(c.far, probe.turned, b.centers, 1, cells, dim)
	}
	for i := range cells {
		c.least[i] = probe.reach(float64(c.far[i]), float64(b.radii[i]))
	}
	return simd.ArgMin(c.far)
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
