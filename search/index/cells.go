package index

import (
	"io"
	"math"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// How cells are found: by a few steps of k-means on some rows for each.
const (
	cellSample = 64
	cellSteps  = 6
	cellLeast  = 256  // rows of a cell in the mean, at least
	bitChunk   = 1024 // rows at a time
)

// cellsOf is how many cells rows are parted into: about twice the square root.
func cellsOf(rows int) int { return max(1, rows/max(cellLeast, int(math.Sqrt(float64(rows))/2))) }

// A bitEncoder makes the bits of rows that are merged. It is a simd.Job of the rows of a chunk.
type bitEncoder struct {
	*merge
	out      bitCodes
	rotation *rotation
	dim      int      // bitDim
	cellOf   []uint32 // of each row
	place    []uint32 // of each row, in the blocks
	turned   []float32
	far      []float32
	errs     [bitChunk]error
	at       []int // the rows of the chunk
}

// writeBits writes the columns of bits, empty ones if there are to be none.
func (m *merge) writeBits(s *segmentWriter) {
	e := &bitEncoder{merge: m, dim: bitDim(m.Dim)}
	if m.hasBits() {
		if err := e.encode(); err != nil && s.err == nil {
			s.err = err
		}
	}
	for _, column := range [][]byte{
		e.out.codes, bytesOf(e.out.scan), bytesOf(e.out.rows), bytesOf(e.out.mean), bytesOf(e.out.centers), bytesOf(e.out.radii), bytesOf(e.out.first),
	} {
		s.column(func(w io.Writer) error {
			_, err := w.Write(column)
			return err
		})
	}
}

// encode makes the columns.
func (e *bitEncoder) encode() error {
	if err := e.average(); err != nil {
		return err
	}
	e.rotation = newRotation(e.dim)
	if err := e.findCells(); err != nil {
		return err
	}
	e.cellOf = make([]uint32, len(e.places))
	if err := e.chunks(1, func(rows []int, _ []float32) { e.assign(rows) }); err != nil {
		return err
	}
	e.arrange()
	return e.chunks(1, func(rows []int, _ []float32) {
		for i, row := range rows {
			e.put(row, e.turned[i*e.dim:][:e.dim])
		}
	})
}

// average finds the mean of the rows' vectors.
func (e *bitEncoder) average() error {
	sum := make([]float64, e.Dim)
	for _, at := range e.places {
		v, err := e.parts[at.part].vector(int(at.row), nil)
		if err != nil {
			return err
		}
		size := 1.0
		if e.Metric == distance.Cosine {
			size = length(v)
		}
		for i, x := range v {
			sum[i] += float64(x) / size
		}
	}
	e.out.mean = make([]float32, e.Dim)
	for i, x := range sum {
		e.out.mean[i] = float32(x / float64(len(e.places)))
	}
	return nil
}

// chunks turns every step-th row's vector, some at a time, and has them used.
func (e *bitEncoder) chunks(step int, use func(rows []int, turned []float32)) error {
	e.turned = make([]float32, bitChunk*e.dim)
	for row := 0; row < len(e.places); {
		e.at = e.at[:0]
		for ; row < len(e.places) && len(e.at) < bitChunk; row += step {
			e.at = append(e.at, row)
		}
		simd.Run(len(e.at), e)
		for _, err := range e.errs[:len(e.at)] {
			if err != nil {
				return err
			}
		}
		use(e.at, e.turned[:len(e.at)*e.dim])
	}
	return nil
}

// Do turns one row's vector.
func (e *bitEncoder) Do(i, _ int) {
	at := e.places[e.at[i]]
	v, err := e.parts[at.part].vector(int(at.row), nil)
	if e.errs[i] = err; err == nil {
		e.rotation.turn(e.turned[i*e.dim:][:e.dim], e.Metric, v, e.out.mean)
	}
}

// findCells sets the cells' centers.
func (e *bitEncoder) findCells() error {
	cells := cellsOf(len(e.places))
	e.out.centers = make([]float32, cells*e.dim)
	if cells == 1 {
		return nil // the mean is 0 by now
	}
	var sample []float32
	step := max(1, len(e.places)/(cells*cellSample))
	if err := e.chunks(step, func(_ []int, turned []float32) { sample = append(sample, turned...) }); err != nil {
		return err
	}
	n := len(sample) / e.dim
	for i := range cells {
		copy(e.out.centers[i*e.dim:][:e.dim], sample[i*n/cells*e.dim:])
	}
	for range cellSteps {
		sum, count := make([]float32, len(e.out.centers)), make([]float32, cells)
		for lo := 0; lo < n; lo += bitChunk {
			some := sample[lo*e.dim : min(lo+bitChunk, n)*e.dim]
			for i, cell := range e.nearest(some) {
				simd.AddTo(sum[cell*e.dim:][:e.dim], some[i*e.dim:][:e.dim])
				count[cell]++
			}
		}
		for i, n := range count {
			if n > 0 { // else it stays where it is
				for t := range e.dim {
					e.out.centers[i*e.dim+t] = sum[i*e.dim+t] / n
				}
			}
		}
	}
	return nil
}

// nearest returns the cells whose centers are nearest to some rows.
func (e *bitEncoder) nearest(turned []float32) []int {
	rows, cells := len(turned)/e.dim, len(e.out.centers)/e.dim
	if len(e.far) < bitChunk*cells {
		e.far = make([]float32, bitChunk*cells)
	}
	far := e.far[:rows*cells]
	simd.SquaredDistances(far, turned, e.out.centers, rows, cells, e.dim)
	out := make([]int, rows)
	for i := range out {
		out[i] = simd.ArgMin(far[i*cells:][:cells])
	}
	return out
}

func (e *bitEncoder) assign(rows []int) {
	for i, cell := range e.nearest(e.turned[:len(rows)*e.dim]) {
		e.cellOf[rows[i]] = uint32(cell)
	}
}

// arrange gives every row its place: cells begin at a block.
func (e *bitEncoder) arrange() {
	cells := len(e.out.centers) / e.dim
	next := make([]uint32, cells)
	for _, cell := range e.cellOf {
		next[cell]++
	}
	e.out.first, e.out.radii = make([]uint32, cells+1), make([]float32, cells)
	for i, n := range next {
		e.out.first[i+1] = e.out.first[i] + (n+simd.BitRows-1)/simd.BitRows
		next[i] = e.out.first[i] * simd.BitRows
	}
	blocks := int(e.out.first[cells])
	e.out.codes = make([]byte, blocks*simd.BitRows*e.dim/8)
	e.out.scan = make([]float32, blocks*simd.BitRows*simd.BitColumns)
	e.out.rows = make([]uint32, blocks*simd.BitRows)
	for i := range e.out.rows {
		e.out.rows[i] = noRow
	}
	e.place = make([]uint32, len(e.cellOf))
	for row, cell := range e.cellOf {
		e.place[row] = next[cell]
		e.out.rows[next[cell]] = uint32(row)
		next[cell]++
	}
}

// put writes a row's bits and numbers. u is its vector, turned.
func (e *bitEncoder) put(row int, u []float32) {
	cell, place := int(e.cellOf[row]), int(e.place[row])
	center := e.out.centers[cell*e.dim:][:e.dim]
	var squares float64
	for t := range u {
		u[t] -= center[t]
		squares += float64(u[t]) * float64(u[t])
	}
	e.out.radii[cell] = max(e.out.radii[cell], above(math.Sqrt(squares)*(1+1e-6)))
	codes, scan := e.out.blocks(place/simd.BitRows, place/simd.BitRows+1)
	for t, x := range u {
		if x >= 0 {
			at, bit := simd.BitPlace(place%simd.BitRows, t)
			codes[at] |= 1 << bit
		}
	}
	for c, x := range bitNumbers(e.Metric, u, center) {
		scan[c*simd.BitRows+place%simd.BitRows] = x
	}
}
