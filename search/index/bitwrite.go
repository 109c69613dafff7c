package index

import (
	"io"
	"math"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// A segment with bits has its vectors cell by cell, too, at the places of their bits: what a search reads of a cell lies
// together. Places without a row have zeros.

// How a bitEncoder cuts its work.
const (
	windowBytes = 16 << 20 // of the vectors that are written at once
	taskBlocks  = 8        // of the blocks whose bits one task makes
)

// A bitEncoder makes the vectors and the bits of rows that are merged.
type bitEncoder struct {
	*merge
	out      bitCodes
	rotation *rotation
	reading  []uint32  // the rows, in the order in which their vectors are read fastest
	cellOf   []uint32  // of each row
	cell     []uint32  // of each block
	radii    []float32 // of each block
	centers  []float32 // not rotated
	errs     []error   // of tasks
}

// encoder finds the rows' cells, and what place each row has.
func (m *merge) encoder() (*bitEncoder, error) {
	e := &bitEncoder{merge: m, rotation: newRotation(bitDim(m.Dim)), cellOf: make([]uint32, len(m.places))}
	e.setReading()
	sample, err := e.sample()
	if err != nil {
		return nil, err
	}
	c := newCells(sample, e.Dim, cellsOf(len(e.places)))
	if err := e.assign(c); err != nil {
		return nil, err
	}
	e.centers = c.centers
	e.arrange(len(c.centers) / e.Dim)
	e.turnCenters()
	return e, nil
}

func (e *bitEncoder) setReading() {
	moved := e.moved()
	e.reading = make([]uint32, 0, len(e.places))
	for i := range e.parts {
		p := &e.parts[i]
		n := p.rows
		if len(p.bits.rows) > 0 {
			n = len(p.bits.rows)
		}
		for at := range n {
			row := uint32(at)
			if len(p.bits.rows) > 0 {
				row = p.bits.rows[at]
			}
			if row != noRow && !p.dead.has(int(row)) {
				e.reading = append(e.reading, moved[i][row])
			}
		}
	}
}

// vectorOf is the vector of a row of the new slab.
func (e *bitEncoder) vectorOf(row uint32) ([]float32, error) {
	at := e.places[row]
	return e.parts[at.part].vector(int(at.row), nil)
}

// sample returns some rows' vectors less their mean, which becomes the slab's.
func (e *bitEncoder) sample() ([]float32, error) {
	step := max(1, len(e.reading)/(cellsOf(len(e.reading))*cellSample))
	out := make([]float32, (len(e.reading)+step-1)/step*e.Dim)
	zero, sum := make([]float32, e.Dim), make([]float64, e.Dim)
	n := 0
	for i := 0; i < len(e.reading); i += step {
		v, err := e.vectorOf(e.reading[i])
		if err != nil {
			return nil, err
		}
		row := out[n*e.Dim:][:e.Dim]
		centred(row, e.Metric, v, zero)
		for t, x := range row {
			sum[t] += float64(x)
		}
		n++
	}
	e.out.mean = make([]float32, e.Dim)
	for t, x := range sum {
		e.out.mean[t] = float32(x / float64(n))
	}
	for i := range n {
		for t, x := range e.out.mean {
			out[i*e.Dim+t] -= x
		}
	}
	return out, nil
}

// assign finds the rows' cells.
func (e *bitEncoder) assign(c *cells) error {
	e.errs = make([]error, (len(e.reading)+cellChunk-1)/cellChunk)
	eachChunk(len(e.reading), func(lo, hi int) {
		vectors, cells := make([]float32, (hi-lo)*e.Dim), make([]uint32, hi-lo)
		for i, row := range e.reading[lo:hi] {
			v, err := e.vectorOf(row)
			if err != nil {
				e.errs[lo/cellChunk] = err
				return
			}
			centred(vectors[i*e.Dim:][:e.Dim], e.Metric, v, e.out.mean)
		}
		c.nearest(vectors, cells)
		for i, row := range e.reading[lo:hi] {
			e.cellOf[row] = cells[i]
		}
	})
	return firstOf(e.errs)
}

// firstOf returns the first error of tasks.
func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// arrange gives every row its place: cells begin at a block.
func (e *bitEncoder) arrange(cells int) {
	next := make([]uint32, cells)
	for _, cell := range e.cellOf {
		next[cell]++
	}
	e.out.first, e.out.radii = make([]uint32, cells+1), make([]float32, cells)
	for i, n := range next {
		e.out.first[i+1] = e.out.first[i] + (n+simd.BitRows-1)/simd.BitRows
		next[i] = e.out.first[i] * simd.BitRows
		for range e.out.first[i+1] - e.out.first[i] {
			e.cell = append(e.cell, uint32(i))
		}
	}
	blocks := len(e.cell)
	e.radii = make([]float32, blocks)
	e.out.codes = make([]byte, blocks*simd.BitRows*e.rotation.dim/8)
	e.out.scan = make([]float32, blocks*simd.BitRows*simd.BitColumns)
	e.out.rows = make([]uint32, blocks*simd.BitRows)
	for i := range e.out.rows {
		e.out.rows[i] = noRow
	}
	e.out.places = make([]uint32, len(e.cellOf))
	for row, cell := range e.cellOf {
		e.out.places[row] = next[cell]
		e.out.rows[next[cell]] = uint32(row)
		next[cell]++
	}
}

// turnCenters makes the slab's centers, which are rotated.
func (e *bitEncoder) turnCenters() {
	n := len(e.centers) / e.Dim
	e.out.centers = make([]float32, n*e.rotation.dim)
	for i := range n {
		out := e.out.centers[i*e.rotation.dim:][:e.rotation.dim]
		copy(out, e.centers[i*e.Dim:][:e.Dim])
		e.rotation.apply(out)
	}
}

// vectors writes the column of vectors, and makes the bits of each meanwhile.
func (e *bitEncoder) vectors(w io.Writer) error {
	size := simd.BitRows * e.Dim
	most := max(taskBlocks, windowBytes/(4*size))
	window := make([]float32, min(most, len(e.cell))*size)
	for first := 0; first < len(e.cell); first += most {
		n := min(most, len(e.cell)-first)
		tasksOf := (n + taskBlocks - 1) / taskBlocks
		e.errs = make([]error, tasksOf)
		simd.Run(tasksOf, tasks(func(i int) {
			u := make([]float32, e.rotation.dim)
			for b := i * taskBlocks; b < min(n, (i+1)*taskBlocks) && e.errs[i] == nil; b++ {
				e.errs[i] = e.encodeBlock(first+b, window[b*size:][:size], u)
			}
		}))
		if err := firstOf(e.errs); err != nil {
			return err
		}
		if _, err := w.Write(bytesOf(window[:n*size])); err != nil {
			return err
		}
	}
	for b, cell := range e.cell {
		e.out.radii[cell] = max(e.out.radii[cell], e.radii[b])
	}
	return nil
}

// encodeBlock puts the vectors of a block's rows into out, and makes their bits and numbers. u is for a vector.
func (e *bitEncoder) encodeBlock(block int, out, u []float32) error {
	clear(out)
	dim := e.rotation.dim
	center := e.out.centers[int(e.cell[block])*dim:][:dim]
	codes, scan := e.out.blocks(block, block+1)
	for i, row := range e.out.rows[block*simd.BitRows:][:simd.BitRows] {
		if row == noRow {
			continue
		}
		v, err := e.vectorOf(row)
		if err != nil {
			return err
		}
		copy(out[i*e.Dim:][:e.Dim], v)
		clear(u[e.Dim:])
		centred(u[:e.Dim], e.Metric, v, e.out.mean)
		e.rotation.apply(u)
		for t, c := range center {
			u[t] -= c
		}
		radius := putBits(codes, scan, i, e.Metric, u, center)
		e.radii[block] = max(e.radii[block], radius)
	}
	return nil
}

// putBits writes row i of a block, whose x − c is u, and returns how far from the center it is at most.
func putBits(codes []byte, scan []float32, i int, metric distance.Kind, u, center []float32) float32 {
	for t := 0; t < len(u); t += 8 {
		var code uint32
		for j, x := range u[t:][:8] {
			code |= (^math.Float32bits(x) >> 31) << j
		}
		at, _ := simd.BitPlace(i, t)
		codes[at] = byte(code)
	}
	numbers, radius := bitNumbers(metric, u, center)
	for c, x := range numbers {
		scan[c*simd.BitRows+i] = x
	}
	return above(radius * (1 + 1e-6))
}

// sums writes the checksums of the vectors.
func (e *bitEncoder) sums(w io.Writer) error {
	out := make([]uint32, len(e.out.rows))
	for row, place := range e.out.places {
		at := e.merge.places[row]
		p := &e.parts[at.part]
		out[place] = p.slab.sums[p.at(int(at.row))]
	}
	for at, row := range e.out.rows {
		if row == noRow {
			out[at] = checksum(make([]float32, e.Dim))
		}
	}
	_, err := w.Write(bytesOf(out))
	return err
}

// columns writes the columns of bits.
func (b *bitCodes) columns(s *segmentWriter) {
	for _, column := range [][]byte{
		b.codes, bytesOf(b.scan), bytesOf(b.rows), bytesOf(b.mean), bytesOf(b.centers), bytesOf(b.radii), bytesOf(b.first), bytesOf(b.places),
	} {
		s.bytes(column)
	}
}
