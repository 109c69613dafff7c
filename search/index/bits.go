package index

import (
	"math"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
)

// With storage bits, a segment also has a bit a coordinate, as in [gao2024]. From every vector, with cosine made as long as 1, the
// segment's mean is taken off, and what is left is rotated; rows are parted into cells, each about a center; a row has the
// signs of what its vector is beside its cell's center. Its distance to a query follows with an error that is known in the mean. With x the
// row and q the query, both less the mean and rotated, c the cell's center, r = ‖x − c‖, b the signs of x − c, D the number
// of coordinates and g = Σ|xᵢ − cᵢ|/(r√D) the cosine of the angle between b and x − c,
//
//	(x − c)·y ≈ r/(g√D) · Σ bᵢyᵢ   with a standard deviation of r‖y‖ √((1 − g²)/(g²(D − 1)))
//	‖x − q‖² = r² + ‖q − c‖² − 2 (x − c)·(q − c)
//	−x·q = −c·q − (x − c)·q
//
// A row's vector is looked at if its distance is small enough when bitConfidence standard deviations are taken off. So only a row
// is missed whose estimate is off by more. A cell is left out if none of its rows can be near enough, which is certain.
const bitConfidence = 2

// bitDim is how many bits a row has: coordinates and then zeros, up to whole bytes.
func bitDim(dim int) int { return (dim + 7) / 8 * 8 }

// noRow is at the places of a cell's last block that no row has.
const noRow = math.MaxUint32

// bitCodes are the bits of a slab's rows, cell by cell; those of a slab in memory have none.
type bitCodes struct {
	codes   []byte    // blocks, as simd.BitScan wants them
	scan    []float32 // the blocks' numbers
	rows    []uint32  // of each place in the blocks
	mean    []float32 // of the vectors
	centers []float32 // bitDim coordinates each, rotated
	radii   []float32 // how far a cell's rows are from its center, at most
	first   []uint32  // cell i has the blocks first[i] to first[i+1]
	places  []uint32  // of each row, in the blocks
}

func (b *bitCodes) cells() int { return len(b.radii) }

// valid tells whether the columns are those of rows, or none.
func (b *bitCodes) valid(o Options, rows int) bool {
	if len(b.rows) == 0 {
		return len(b.codes)+len(b.scan)+len(b.mean)+len(b.centers)+len(b.radii)+len(b.first)+len(b.places) == 0
	}
	blocks, dim, cells := len(b.rows)/simd.BitRows, bitDim(o.Dim), b.cells()
	if o.Storage != Bits || len(b.rows) != blocks*simd.BitRows || len(b.codes) != blocks*simd.BitRows*dim/8 ||
		len(b.scan) != blocks*simd.BitRows*simd.BitColumns || len(b.mean) != o.Dim || len(b.centers) != cells*dim ||
		len(b.first) != cells+1 || b.first[0] != 0 || int(b.first[cells]) != blocks {
		return false
	}
	for i := range cells {
		if b.first[i] > b.first[i+1] {
			return false
		}
	}
	n := 0
	for _, row := range b.rows {
		if row != noRow {
			n++
		}
	}
	for row, at := range b.places {
		if int64(at) >= int64(len(b.rows)) || int64(b.rows[at]) != int64(row) {
			return false
		}
	}
	return n == rows && len(b.places) == rows
}

// blocks returns the codes and the numbers of blocks.
func (b *bitCodes) blocks(first, end int) ([]byte, []float32) {
	size := len(b.codes) / (len(b.rows) / simd.BitRows)
	return b.codes[first*size : end*size], b.scan[first*simd.BitRows*simd.BitColumns : end*simd.BitRows*simd.BitColumns]
}

// centred writes a vector, with cosine made as long as 1, less the mean.
func centred(out []float32, metric distance.Kind, v, mean []float32) {
	size := 1.0
	if metric == distance.Cosine {
		size = length(v)
	}
	for i, x := range v {
		out[i] = float32(float64(x)/size - float64(mean[i]))
	}
}

// bitNumbers are what simd.BitScan wants of a row whose x − c is u: r/(g√D), what of ‖x − q‖² does not depend on q − c or with dot
// 0, and the standard deviation for a ‖y‖ of 1; and r.
func bitNumbers(metric distance.Kind, u, c []float32) (numbers [simd.BitColumns]float32, r float64) {
	var squares, sum, ofCenter float64
	for i, x := range u {
		squares += float64(x) * float64(x)
		sum += math.Abs(float64(x))
		const sign = 1 << 31
		ofCenter += float64(math.Float32frombits(math.Float32bits(c[i]) ^ math.Float32bits(x)&sign))
	}
	if sum == 0 {
		return numbers, 0
	}
	d := float64(len(u))
	g := min(1, sum/math.Sqrt(d*squares))
	err := math.Sqrt(squares * (1 - float64(g*g)) / (g * g * (d - 1)))
	norm := squares + 2*squares/sum*ofCenter
	if metric == distance.Dot {
		norm = 0
	}
	return [simd.BitColumns]float32{float32(squares / sum), float32(norm), float32(err)}, math.Sqrt(squares)
}

// A bitProbe is a query as the bits of one slab want it.
type bitProbe struct {
	metric        distance.Kind
	turned        []float32 // q
	length        float64   // ‖q‖
	ofMean        float64   // with dot: the mean's product with the query
	tables        []byte
	scale, offset float64 // Σ bᵢqᵢ is about scale times the sum of the tables' entries, and offset
}

// newBitProbe writes the rotated query to turned.
func newBitProbe(b *bitCodes, r *rotation, p *probe, turned []float32) *bitProbe {
	out := &bitProbe{metric: p.metric, turned: turned, tables: make([]byte, r.dim/8*simd.BitTables)}
	clear(turned)
	for i, x := range p.exact {
		if p.metric == distance.Dot {
			out.ofMean += x * float64(b.mean[i])
		} else {
			x -= float64(b.mean[i])
		}
		out.turned[i] = float32(x)
		out.length += x * x
	}
	out.length = math.Sqrt(out.length)
	r.apply(out.turned)
	out.fill(out.turned)
	return out
}

// fill makes the tables. Entry m of four coordinates is the sum of them with the signs that m's bits say, in steps from the least.
func (b *bitProbe) fill(v []float32) {
	quarters := len(v) / 4
	most := float64(min(127, 65535/quarters))
	var widest, all float64
	for q := range quarters {
		sum := absolute(v[4*q:][:4])
		widest, all = max(widest, 2*sum), all+sum
	}
	if widest == 0 {
		return
	}
	b.scale = widest / most
	// Entries are rounded to whole steps; together they are off by a third of this in the mean.
	rounding := float64(b.scale * math.Sqrt(float64(quarters)))
	b.offset = rounding - all
	for q := range quarters {
		four := v[4*q:][:4]
		least := -absolute(four)
		for m := range 16 {
			var sum float64
			for t, x := range four {
				sum += float64(x) * float64(2*(m>>t&1)-1)
			}
			b.tables[16*q+m] = byte(math.RoundToEven((sum - least) / b.scale))
		}
	}
}

func absolute(v []float32) (sum float64) {
	for _, x := range v {
		sum += math.Abs(float64(x))
	}
	return sum
}

// A cellOrder is how far a slab's cells are from a query.
type cellOrder struct {
	far   []float32 // ‖q − c‖², or with dot −c·q
	least []float64 // the distance that no row of the cell is below
	order []int     // the cells to look at
}

// reach returns the least distance of a cell's rows.
func (b *bitProbe) reach(far, radius float64) float64 {
	const slack = 1e-5 // far is of float32
	if b.metric == distance.Dot {
		most := float64(radius * b.length)
		return far - most - b.ofMean - float64(slack*(math.Abs(far)+most))
	}
	d := max(0, float64((1-slack)*math.Sqrt(max(0, far)))-radius)
	if b.metric == distance.Cosine {
		return d * d / 2
	}
	return d
}

// limit returns which rows of a cell are looked at: all whose distance may be at most worst.
func (b *bitProbe) limit(worst, far float64) simd.BitLimit {
	if b.metric == distance.Dot {
		return simd.BitLimit{
			Scale: float32(-b.scale), Offset: float32(-b.offset),
			Limit: finite(worst + b.ofMean - far), Slope: float32(bitConfidence * b.length),
		}
	}
	square := worst * worst
	if b.metric == distance.Cosine {
		square = 2 * worst
	}
	return simd.BitLimit{
		Scale: float32(-2 * b.scale), Offset: float32(-2 * b.offset), Norm: 1,
		Limit: finite(square - far), Slope: float32(2 * bitConfidence * math.Sqrt(max(0, far))),
	}
}

// finite is x as a float32 that is not +Inf.
func finite(x float64) float32 { return float32(min(x, math.MaxFloat32)) }
