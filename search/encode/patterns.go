package encode

import (
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
)

// The numbers of local binary patterns.
const (
	ringSize    = 8                         // pixels that a pixel is compared with
	uniform     = 2 + ringSize*(ringSize-1) // patterns whose ones are one run, or none, or all
	patternsDim = uniform + 1               // … and all others
	patternSets = 4                         // histograms: each of two thresholds, of the picture and of its half
)

// thresholds are how much brighter a neighbour must be than a pixel: a little darker still counts for the first, so that a plain area is all ones whatever the rounding, and for the second a plain area, and a
// weak texture, is all zeros.
var thresholds = [2]float32{-0.004, 0.02}

// ring are the places of the neighbours of a pixel, one after the other around it.
var ring = [ringSize][2]int{{-1, -1}, {-1, 0}, {-1, 1}, {0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}}

// kinds are the places of the histogram that patterns count for: 0 … 57 are the patterns whose ones, around the circle, are one run, in the order of their bits as a number; all others are 58.
var kinds = func() (all [1 << ringSize]uint8) {
	next := uint8(0)
	for p := range all {
		changes := 0
		for k := range ringSize {
			if p>>k&1 != p>>((k+1)%ringSize)&1 {
				changes++
			}
		}
		all[p] = uniform
		if changes <= 2 {
			all[p] = next
			next++
		}
	}
	return all
}()

// patterns writes the histograms of the local binary patterns of a picture's brightness: with neighbour k the bit 2^k, one where it is brighter than the pixel by a threshold; at the edge the
// nearest pixel is taken. First both thresholds on the picture, then both on its half, of the means of 2×2 pixels, which lies in small. Coordinates are roots of shares.
//
// Source: [ojala2002].
func patterns(dst, luma, small []float32, h, w int) {
	for i, part := range [2][]float32{luma, small} {
		if i == 1 {
			h, w = halve(small, luma, h, w)
		}
		for k, t := range thresholds {
			bins := dst[(i*len(thresholds)+k)*patternsDim:][:patternsDim]
			clear(bins)
			count(bins, part[:h*w], h, w, t)
			roots(bins, h*w)
		}
	}
}

// count adds the patterns of all pixels.
func count(bins, luma []float32, h, w int, threshold float32) {
	for y := range h {
		rows := [3][]float32{luma[max(y-1, 0)*w:][:w], luma[y*w:][:w], luma[min(y+1, h-1)*w:][:w]}
		for x := range w {
			columns := [3]int{max(x-1, 0), x, min(x+1, w-1)}
			least, p := rows[1][x]+threshold, 0
			for k, at := range ring {
				if rows[at[0]+1][columns[at[1]+1]] >= least {
					p |= 1 << k
				}
			}
			bins[kinds[p]]++
		}
	}
}

// halve writes the means of 2×2 pixels, without what is left over at the ends, and returns their number down and across.
func halve(dst, luma []float32, h, w int) (down, across int) {
	down, across = h/2, w/2
	for y := range down {
		above, below := luma[2*y*w:][:w], luma[(2*y+1)*w:][:w]
		for x := range across {
			dst[y*across+x] = (above[2*x] + above[2*x+1] + below[2*x] + below[2*x+1]) / 4
		}
	}
	return down, across
}

// exportPatterns adds what patterns does.
func (d descriptor) exportPatterns(g *export.Graph, luma export.Value) export.Value {
	small := g.Unary("AveragePool", luma, export.Ints("kernel_shape", 2, 2), export.Ints("strides", 2, 2))
	places, names := tensor.New(tensor.Float32, len(kinds)), tensor.New(tensor.Float32, 1, patternsDim, 1)
	for p, k := range kinds {
		places.Float32s()[p] = float32(k)
	}
	for k := range patternsDim {
		names.Float32s()[k] = float32(k)
	}
	var all []export.Value
	for i, part := range []export.Value{luma, small} {
		h, w := d.height>>i, d.width>>i
		for _, t := range thresholds {
			kind := g.Add("Gather", 4, []export.Value{g.Tensor("pattern_kinds", places), g.Cast(exportBits(g, part, h, w, t), format.Int64)}).As(format.Float)
			each := near(g, g.Unary("Abs", g.Binary("Sub", g.Reshape(kind, 0, 1, h*w), g.Tensor("patterns", names))))
			all = append(all, g.Unary("Sqrt", g.Reduce("ReduceMean", each)))
		}
	}
	return g.Concat(1, all...)
}

// exportBits adds the patterns of all pixels for a threshold, as numbers.
func exportBits(g *export.Graph, luma export.Value, h, w int, threshold float32) export.Value {
	least := g.Binary("Add", luma, g.Float(float64(threshold)))
	padded := g.Add("Pad", 4, []export.Value{luma, g.Ints(0, 0, 1, 1, 0, 0, 1, 1)}, export.Text("mode", "edge"))
	var bits []export.Value
	for k, at := range ring {
		neighbour := g.Slice(g.Slice(padded, 2, 1+at[0], 1+at[0]+h), 3, 1+at[1], 1+at[1]+w)
		bits = append(bits, g.Binary("Mul", g.Cast(g.Binary("GreaterOrEqual", neighbour, least), format.Float), g.Float(float64(int(1)<<k))))
	}
	return g.Add("Sum", 4, bits)
}
