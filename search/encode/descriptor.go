package encode

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// coarse are the bins of the colours of a quarter.
var coarse = binning{6, 2, 3}

// The numbers of a descriptor.
const (
	quarters      = 2 // of a side
	quartersDim   = quarters * quarters * 6 * 2 * 3
	orientations  = 8 // of half a turn
	cells         = 4 // of a side
	edgesDim      = orientations * cells * cells
	descriptorDim = histogramDim + quartersDim + edgesDim + patternSets*patternsDim
)

// descriptor is a layer without parameters from pictures [B, C, H, W] in [0, 1] to what can be said of them without training, [B, 652]: the coordinates of Histogram; histograms
// of the four quarters in the same form, together of length 1, with 6 hues, the saturations 0 and 1 and the values 0, ½ and 1; and histograms of edges. With g the differences of the brightness (the luma of Rec. 601) across a pixel, along both axes, and e the direction of an orientation,
//
//	a = max(0, |g·e| − |g| cos(π/8))
//
// is averaged over each of 4×4 cells; the roots of the averages are divided by their Euclidean length. A quarter's or an edge's place is
// ((row·2 + column)·6 + hue) … and (orientation·4 + row)·4 + column.
// The last are histograms of local binary patterns, as patterns has them.
// It passes no derivative to the pictures.
//
// Source: [dalal2005] for histograms of edges, [ojala2002] for patterns.
type descriptor struct{ channels, height, width int }

// Params implements nn.Module.
func (descriptor) Params() []*autodiff.Param { return nil }

// describing is what a descriptor does for the pictures of a batch: a task is one of them. It is an operation without a derivative.
type describing struct {
	dst, x, luma, half []float32
	c, h, w            int
}

// Backward implements autodiff.Op.
func (*describing) Backward(*autodiff.Var, []*autodiff.Var) {}

// Do implements simd.Job.
func (d *describing) Do(i, _ int) {
	n := d.h * d.w
	row, picture := d.dst[i*descriptorDim:][:descriptorDim], d.x[i*d.c*n:][:d.c*n]
	colours(row[:histogramDim], picture, d.c)
	luma := picture
	if d.c == 3 {
		luma = d.luma[i*n:][:n]
		for j := range luma {
			luma[j] = lumaRed*picture[j] + lumaGreen*picture[n+j] + lumaBlue*picture[2*n+j]
		}
	}
	d.quarters(row[histogramDim:][:quartersDim], picture)
	edges(row[histogramDim+quartersDim:][:edgesDim], luma, d.h, d.w)
	patterns(row[descriptorDim-patternSets*patternsDim:], luma, d.half[i*(n/4):][:n/4], d.h, d.w)
}

// quarters writes the roots of the histograms of a picture's quarters, divided by √4. What is left over at the ends counts for none.
func (d *describing) quarters(dst, picture []float32) {
	clear(dst)
	n, down, across := d.h*d.w, d.h/quarters, d.w/quarters
	r, g, b := picture[:n], picture[:n], picture[:n]
	if d.c == 3 {
		g, b = picture[n:2*n], picture[2*n:]
	}
	for y := range quarters * down {
		for x := range quarters * across {
			i, bins := y*d.w+x, dst[(y/down*quarters+x/across)*coarse.dim():]
			coarse.add(bins, r[i], g[i], b[i])
		}
	}
	roots(dst, quarters*quarters*down*across)
}

// Forward implements nn.Module.
func (descriptor) Forward(x *autodiff.Var) *autodiff.Var {
	s := x.Shape()
	out := x.Tape().Custom(nil, nil, s[0], descriptorDim)
	d, ok := out.Kept().(*describing)
	if !ok {
		d = new(describing)
		out.Keep(d)
	}
	d.dst, d.x, d.c, d.h, d.w = out.Value.Float32s(), x.Value.Float32s(), s[1], s[2], s[3]
	d.luma, d.half = scratch.Sized(d.luma, s[0]*s[2]*s[3]), scratch.Sized(d.half, s[0]*(s[2]*s[3]/4))
	simd.Run(s[0], d)
	return out
}

// The luma of Rec. 601.
const lumaRed, lumaGreen, lumaBlue = 0.299, 0.587, 0.114

// axes are the directions of the orientations.
var axes = func() (all [orientations][2]float32) {
	for k := range all {
		sin, cos := math.Sincos(math.Pi * float64(k) / orientations)
		all[k] = [2]float32{float32(cos), float32(sin)}
	}
	return all
}()

// sector is the cosine of the angle up to which an edge counts for an orientation.
var sector = float32(math.Cos(math.Pi / orientations))

// edges writes the histograms of edges of a picture's brightness.
func edges(dst, luma []float32, h, w int) {
	clear(dst)
	down, across := h/cells, w/cells // pixels of a cell; what is left over at the ends counts for none
	for y := range cells * down {
		above, row, below := luma[max(y-1, 0)*w:][:w], luma[y*w:][:w], luma[min(y+1, h-1)*w:][:w]
		for x := range cells * across {
			gx, gy := row[min(x+1, w-1)]-row[max(x-1, 0)], below[x]-above[x]
			length := float32(math.Sqrt(float64(gx)*float64(gx) + float64(gy)*float64(gy)))
			if length == 0 {
				continue
			}
			cell := y/down*cells + x/across
			for k, e := range axes {
				along := gx*e[0] + gy*e[1]
				if along < 0 {
					along = -along
				}
				if a := along - length*sector; a > 0 {
					dst[k*cells*cells+cell] += a
				}
			}
		}
	}
	sum := 0.0
	for i, v := range dst {
		dst[i] = float32(math.Sqrt(float64(v) / float64(down*across)))
		sum += float64(dst[i]) * float64(dst[i])
	}
	simd.Scale(dst, dst, float32(1/math.Sqrt(sum+leastNorm2)))
}

// Export implements export.Exporter.
func (d descriptor) Export(g *export.Graph, x export.Value) export.Value {
	r, green, b := x, x, x
	luma := x
	if d.channels == 3 {
		r, green, b = g.Slice(x, 1, 0, 1), g.Slice(x, 1, 1, 2), g.Slice(x, 1, 2, 3)
		weights := tensor.New(tensor.Float32, 1, 3, 1, 1)
		copy(weights.Float32s(), []float32{lumaRed, lumaGreen, lumaBlue})
		luma = g.Add("Conv", 4, []export.Value{x, g.Tensor("luma", weights)}, export.Ints("kernel_shape", 1, 1))
	}
	return g.Concat(1, d.exportColours(g, r, green, b), d.exportEdges(g, luma), d.exportPatterns(g, luma))
}

// exportColours adds what colours and quarters do.
func (d descriptor) exportColours(g *export.Graph, r, green, b export.Value) export.Value {
	v := g.Add("Max", 4, []export.Value{r, green, b})
	spread := g.Binary("Sub", v, g.Add("Min", 4, []export.Value{r, green, b}))
	s := g.Binary("Div", spread, g.Binary("Max", v, g.Float(leastBrightness)))
	divisor := g.Binary("Max", spread, g.Float(leastRange))
	side := func(x, y export.Value, turn float64) export.Value {
		return g.Binary("Add", g.Binary("Div", g.Binary("Sub", x, y), divisor), g.Float(turn))
	}
	choose := func(x, yes, no export.Value) export.Value {
		return g.Add("Where", 4, []export.Value{g.Binary("Equal", v, x), yes, no}).As(format.Float)
	}
	h := choose(r, side(green, b, 0), choose(green, side(b, r, 2), side(r, green, 4)))
	all := []export.Value{d.exportBins(g, fine, h, s, v, d.height, d.width)}
	down, across := d.height/quarters, d.width/quarters
	for row := range quarters {
		for column := range quarters {
			part := func(x export.Value) export.Value {
				return g.Slice(g.Slice(x, 2, row*down, (row+1)*down), 3, column*across, (column+1)*across)
			}
			bins := d.exportBins(g, coarse, part(h), part(s), part(v), down, across)
			all = append(all, g.Binary("Div", bins, g.Float(quarters)))
		}
	}
	return g.Concat(1, all...)
}

// exportBins adds the roots of the histogram of h·w pixels, whose hue is a number from −1 to 5.
func (d descriptor) exportBins(g *export.Graph, b binning, hue, saturation, value export.Value, height, width int) export.Value {
	pixels := height * width
	off := g.Unary("Abs", g.Binary("Sub", g.Binary("Mul", hue, g.Float(float64(b.hues)/6)), places(g, b.hues)))
	around := g.Unary("Abs", g.Binary("Sub", off, g.Float(float64(b.hues))))
	hues := g.Reshape(near(g, g.Binary("Min", off, around)), 0, b.hues, 1, pixels)
	both := g.Binary("Mul", hues, g.Reshape(bins(g, saturation, b.saturations), 0, 1, b.saturations, pixels))
	values := g.Transpose(g.Reshape(bins(g, value, b.values), 0, b.values, pixels), 0, 2, 1)
	share := g.Binary("Div", g.Binary("MatMul", g.Reshape(both, 0, b.hues*b.saturations, pixels), values), g.Float(float64(pixels)))
	return g.Reshape(g.Unary("Sqrt", share), 0, b.dim())
}

// leastRange is what the range of a colour's numbers is taken for where it is 0.
const leastRange = 1e-12

// places adds the constant 0, 1 … of shape [1, n, 1, 1].
func places(g *export.Graph, n int) export.Value {
	t := tensor.New(tensor.Float32, 1, n, 1, 1)
	for i := range n {
		t.Float32s()[i] = float32(i)
	}
	return g.Tensor(fmt.Sprintf("places_%d", n), t)
}

// near is a bin's share of a pixel by the distance from its place.
func near(g *export.Graph, distance export.Value) export.Value {
	return g.Unary("Relu", g.Binary("Sub", g.Float(1), distance))
}

// bins shares a number of each pixel, from 0 to 1, out among n bins.
func bins(g *export.Graph, x export.Value, n int) export.Value {
	return near(g, g.Unary("Abs", g.Binary("Sub", g.Binary("Mul", x, g.Float(float64(n-1))), places(g, n))))
}

// exportEdges adds what edges does.
func (d descriptor) exportEdges(g *export.Graph, luma export.Value) export.Value {
	padded := g.Add("Pad", 4, []export.Value{luma, g.Ints(0, 0, 1, 1, 0, 0, 1, 1)}, export.Text("mode", "edge"))
	inner := func(x export.Value, axis int) export.Value { return g.Slice(x, axis, 1, -1) }
	difference := func(x export.Value, axis int) export.Value {
		return g.Binary("Sub", g.Slice(x, axis, 2, math.MaxInt64), g.Slice(x, axis, 0, -2))
	}
	gx, gy := difference(inner(padded, 2), 3), difference(inner(padded, 3), 2)
	length := g.Unary("Sqrt", g.Binary("Add", g.Binary("Mul", gx, gx), g.Binary("Mul", gy, gy)))
	short := g.Binary("Mul", length, g.Float(float64(sector)))
	var all []export.Value
	for _, e := range axes {
		along := g.Unary("Abs", g.Binary("Add", g.Binary("Mul", gx, g.Float(float64(e[0]))), g.Binary("Mul", gy, g.Float(float64(e[1])))))
		all = append(all, g.Unary("Relu", g.Binary("Sub", along, short)))
	}
	down, across := d.height/cells, d.width/cells
	means := g.Unary("AveragePool", g.Concat(1, all...), export.Ints("kernel_shape", down, across), export.Ints("strides", down, across))
	return unit(g, g.Reshape(g.Unary("Sqrt", means), 0, edgesDim))
}

// described is the network of large pictures: a linear layer over what the descriptor and a small residual network say of them.
type described struct {
	descriptor
	trunk nn.Module
	head  *nn.Linear
}

// trunkShare scales the first weights of what the residual network says, so that training begins with what the descriptor does.
const trunkShare = 0.1

func newDescribed(s Spec, rng *rand.Rand) *described {
	layers, width := Residual(s.Channels, s.Height, s.Width, rng)
	d := &described{descriptor: descriptor{s.Channels, s.Height, s.Width}, trunk: nn.Prefix("trunk", nn.NewSequential(layers...)), head: nn.Prefix("head", nn.NewLinear(descriptorDim+width, s.Dim, rng))}
	for i, v := range d.head.Weight.Value.Float32s() {
		if i%(descriptorDim+width) >= descriptorDim {
			d.head.Weight.Value.Float32s()[i] = trunkShare * v
		}
	}
	return d
}

// Params implements nn.Module.
func (d *described) Params() []*autodiff.Param { return append(d.trunk.Params(), d.head.Params()...) }

// Forward implements nn.Module.
func (d *described) Forward(x *autodiff.Var) *autodiff.Var {
	return d.head.Forward(autodiff.Concat(1, d.descriptor.Forward(x), d.trunk.Forward(x)))
}

// Export implements export.Exporter.
func (d *described) Export(g *export.Graph, x export.Value) export.Value {
	return g.Module(d.head, g.Concat(1, d.descriptor.Export(g, x), g.Module(d.trunk, x)))
}
