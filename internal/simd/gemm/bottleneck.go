package gemm

import (
	"fmt"

	"github.com/energo-ml/energo/internal/simd"
)

// A Bottleneck is a depthwise convolution with convolutions by kernels of one element before and behind it, as networks for small machines have them:
//
//	u = Expand(x)     [Batch, Channels, H, W]; u = x where Expand is nil
//	v = Depthwise(u)  [Batch, Channels, OutH, OutW]
//	y = Project(v)    [Batch, OutC, OutH, OutW]; y = v where Project is nil
//
// u and v, which have several times as many elements as x and y, never come to memory: a part of them is computed at a time, and stays in a core's cache.
// Weights and biases must not change after the first Run. Run must not be called twice at a time.
type Bottleneck[T simd.Float] struct {
	Channels        int
	Expand, Project *Layer[T] // weights [Channels, InC] and [OutC, Channels]
	Depthwise       Layer[T]  // weights [Channels, KH, KW]

	level  simd.Level
	packed bool
	layers [3]packedLayer[T]
}

// A Layer is one of the convolutions of a Bottleneck.
type Layer[T simd.Float] struct {
	Weights, Bias []T // the bias may be nil
	// Finish changes the results, if it is there. That of the last layer gets parts of y. Those of the others must be functions of each element alone: they get u and v in any order, and at is
	// always 0.
	Finish Finisher[T]
}

// packedLayer is the weights of a layer in panels of output channels, each [terms, channels of a panel], and its bias, both with zeros for channels that are missing in the last panel.
type packedLayer[T simd.Float] struct{ weights, bias []T }

const (
	expandLayer = iota
	depthwiseLayer
	projectLayer
)

// Run computes y from x.
//
// s is the geometry of the depthwise convolution, but InC and OutC, which are the channels of x and y. Shapes: x [Batch, InC, H, W], y [Batch, OutC, OutH, OutW]. y must not overlap x.
// A geometry that Validate refuses, channels that do not agree and a slice that is too short panic.
func (b *Bottleneck[T]) Run(s *Conv2D, y, x []T) {
	b.check(s, len(y), len(x))
	if s.Batch == 0 {
		return
	}
	j := take[T, bottleneck[T]](&bottlenecks)
	j.engine, j.conv, j.Bottleneck, j.y, j.x = newEngine[T](), s.withDefaults(), b, y, x
	b.pack(j.engine, s)
	j.start()
	j.Bottleneck, j.y, j.x, j.finish = nil, nil, nil, [3]Finisher[T]{}
	give[T](&bottlenecks, j)
}

func (b *Bottleneck[T]) check(s *Conv2D, y, x int) {
	s.checkGroups(y, x, s.InC*s.OutC*s.KH*s.KW, 1)
	if b.Expand == nil && s.InC != b.Channels || b.Project == nil && s.OutC != b.Channels {
		panic(fmt.Sprintf("gemm: a bottleneck of %d channels gets %d and gives %d, without a layer between", b.Channels, s.InC, s.OutC))
	}
	check := func(name string, l *Layer[T], out, terms int) {
		if len(l.Weights) < out*terms || l.Bias != nil && len(l.Bias) < out {
			panic(fmt.Sprintf("gemm: the bottleneck's layer %s has %d weights and %d biases for %d channels of %d terms", name, len(l.Weights), len(l.Bias), out, terms))
		}
	}
	if b.Expand != nil {
		check("Expand", b.Expand, b.Channels, s.InC)
	}
	check("Depthwise", &b.Depthwise, b.Channels, s.KH*s.KW)
	if b.Project != nil {
		check("Project", b.Project, s.OutC, b.Channels)
	}
}

// pack arranges the weights for the kernels of e, once.
func (b *Bottleneck[T]) pack(e engine[T], s *Conv2D) {
	if b.packed && b.level == e.level {
		return
	}
	b.level, b.packed = e.level, true
	if b.Expand != nil {
		b.layers[expandLayer] = e.packLayer(b.Expand, b.Channels, s.InC, e.nr)
	}
	b.layers[depthwiseLayer] = e.packLayer(&b.Depthwise, b.Channels, s.KH*s.KW, e.lanes)
	if b.Project != nil {
		b.layers[projectLayer] = e.packLayer(b.Project, s.OutC, b.Channels, e.nr)
	}
}

// packLayer brings weights [out, terms] into panels of width channels.
func (e engine[T]) packLayer(l *Layer[T], out, terms, width int) packedLayer[T] {
	padded := ceil(out, width) * width
	p := packedLayer[T]{grow([]T(nil), padded*terms), make([]T, padded)}
	for first := 0; first < out; first += width {
		e.transpose(at(p.weights, first*terms), at(l.Weights, first*terms), width, terms, min(out-first, width), width, terms)
	}
	if l.Bias != nil {
		copy(p.bias, l.Bias[:out])
	}
	return p
}

// A bottleneck is a run of a Bottleneck. A task computes v, group by group of its channels, at a band of rows of an image, and then y there. Of a group some rows of u at a time
// are brought onto a canvas on which a pixel is nr channels: a ring of rows, so that those under the next rows of v need not be computed again. v is in blocks of a vector of
// channels, each [pixels, lanes].
//
// Where there are too few bands for the workers, v is computed for whole images first, some groups in a task, and then y.
type bottleneck[T simd.Float] struct {
	engine[T]
	*Bottleneck[T]
	conv Conv2D
	y, x []T

	outH, outW     int
	columns        int   // of the canvas
	width          int   // columns of the image that lie on it
	strip, ring    int   // rows of v at a time, and of the canvas
	at             []int // where each tap reads, in bytes, for each row of the canvas that is the first one under a window
	together       bool  // rows of u are computed as one, for a row fills its last tile badly
	groups, blocks int   // panels and vectors of channels
	bands          int
	pixels         int   // of v in a band, at most
	runs           []run // of the sums over blocks
	finish         [3]Finisher[T]
	bounds         [3][2]T

	places []bottleneckPlace[T] // one a worker
	v      []T                  // of all images, where tasks share it
	filter bottleneckFilter[T]
	parts  int // of the groups, of an image each a task
	join   bottleneckProject[T]
	pieces int // of the tiles of pixels
}

// bottleneckPlace is a worker's scratch.
type bottleneckPlace[T simd.Float] struct {
	canvas  []T
	rows    []T // rows of u without gaps
	v       []T
	results []T // [pixels, nr]
	reader[T]
}

var bottlenecks pool

const (
	middleBytes = 384 << 10 // of v at a band, at most: as much as stays in a core's second cache
	ringBytes   = 24 << 10  // of a canvas, about: as much as stays in its first cache
	bandTasks   = 8         // bands of all images at least, where rows suffice
	leastBands  = 4         // with fewer of them tasks share v
	haloShare   = 6         // rows of u that are computed for two bands are at most this part of a band's
)

func (j *bottleneck[T]) start() {
	j.plan()
	j.places = reserve(j.places)
	work := j.conv.Batch * j.outH * j.outW * j.Channels * (len(j.at)/j.ring + 4)
	if j.Expand != nil {
		work += j.conv.Batch * j.conv.H * j.conv.W * j.Channels * j.conv.InC
	}
	if j.Project != nil {
		work += j.conv.Batch * j.outH * j.outW * j.Channels * j.conv.OutC
	}
	if j.conv.Batch*j.bands >= leastBands {
		j.do(j.conv.Batch*j.bands, j, work)
		return
	}
	j.bands, j.pixels = 1, j.outH*j.outW
	j.layRuns()
	j.parts = min(j.groups, ceil(minTasks, j.conv.Batch))
	j.filter.bottleneck, j.join.bottleneck = j, j
	if j.Project != nil {
		j.v = grow(j.v, j.conv.Batch*j.middle())
	}
	j.do(j.conv.Batch*j.parts, &j.filter, work)
	if j.Project != nil {
		panels := ceil(j.conv.OutC, j.nr)
		j.pieces = min(j.tiles(j.pixels), ceil(minTasks, j.conv.Batch*panels))
		j.do(j.conv.Batch*panels*j.pieces, &j.join, work)
	}
}

func (j *bottleneck[T]) plan() {
	c, z := &j.conv, size[T]()
	j.outH, j.outW = c.OutH(), c.OutW()
	j.columns = (j.outW-1)*c.StrideW + (c.KW-1)*c.DilationW + 1
	j.width = max(0, min(c.W, j.columns-c.PadLeft))
	j.groups, j.blocks = ceil(j.Channels, j.nr), ceil(j.Channels, j.lanes)
	span := (c.KH-1)*c.DilationH + 1
	row := j.columns * j.nr * z
	j.strip = min(j.outH, max(1, (ringBytes/row-span)/c.StrideH+1))
	j.ring = (j.strip-1)*c.StrideH + span
	j.at = j.at[:0]
	for first := range j.ring {
		for i := range c.KH {
			for k := range c.KW {
				j.at = append(j.at, ((first+i*c.DilationH)%j.ring*j.columns+k*c.DilationW)*j.nr*z)
			}
		}
	}
	j.together = j.width == c.W && ceil(c.W, j.mr)*j.mr > c.W+c.W/8
	rows := 1 // of v in a band, at least
	if j.Expand != nil {
		rows = max(1, ceil(haloShare*(span-c.StrideH), c.StrideH))
	}
	j.bands = max(ceil(bandTasks, c.Batch), ceil(j.blocks*j.lanes*j.outH*j.outW*z, middleBytes))
	j.bands = max(1, min(j.bands, j.outH/rows))
	j.pixels = ceil(j.outH, j.bands) * j.outW
	j.layRuns()
	for i, l := range [...]*Layer[T]{j.Expand, &j.Depthwise, j.Project} {
		if l != nil {
			j.finish[i], j.bounds[i] = bounds(l.Finish)
		}
	}
}

// layRuns lists the steps of a sum over v: a run for each block.
func (j *bottleneck[T]) layRuns() {
	j.runs = j.runs[:0]
	for i := range j.blocks {
		j.runs = append(j.runs, run{i * j.block() * size[T](), i * j.lanes * j.nr * size[T]()})
	}
}

// block is the elements of a block of v, and middle those of all blocks.
func (j *bottleneck[T]) block() int  { return j.pixels * j.lanes }
func (j *bottleneck[T]) middle() int { return j.blocks * j.block() }

// tiles is the number of tiles that pixels make.
func (j *bottleneck[T]) tiles(pixels int) int { return ceil(pixels, j.mrRows) }

// Do computes a band of an image.
func (j *bottleneck[T]) Do(task, worker int) {
	place := of(j.places, worker)
	image := task / j.bands
	lo, hi := span(j.outH, j.bands, task%j.bands)
	if j.Project != nil {
		place.v = grow(place.v, j.middle())
	}
	if j.Expand != nil {
		j.fetch(place, image, lo, hi, 0, j.conv.InC)
	}
	j.filterGroups(place, place.v, image, lo, hi, 0, j.groups)
	if j.Project == nil {
		return
	}
	for panel := range ceil(j.conv.OutC, j.nr) {
		j.project(place, place.v, image, lo, hi, panel, 0, j.tiles((hi-lo)*j.outW))
	}
}

// bottleneckFilter computes v: a task computes some groups of an image.
type bottleneckFilter[T simd.Float] struct{ *bottleneck[T] }

func (p *bottleneckFilter[T]) Do(task, worker int) {
	j := p.bottleneck
	image := task / j.parts
	first, last := span(j.groups, j.parts, task%j.parts)
	var v []T
	if j.Project != nil {
		v = j.v[image*j.middle():][:j.middle()]
	}
	j.filterGroups(of(j.places, worker), v, image, 0, j.outH, first, last)
}

// bottleneckProject computes y of v: a task computes a panel of output channels at some pixels of an image.
type bottleneckProject[T simd.Float] struct{ *bottleneck[T] }

func (p *bottleneckProject[T]) Do(task, worker int) {
	j := p.bottleneck
	panels := ceil(j.conv.OutC, j.nr)
	first, last := span(j.tiles(j.pixels), j.pieces, task%j.pieces)
	task /= j.pieces
	image := task / panels
	j.project(of(j.places, worker), j.v[image*j.middle():][:j.middle()], image, 0, j.outH, task%panels, first, last)
}
