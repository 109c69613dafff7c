package gemm

import (
	"fmt"
	"sync"

	"github.com/energo-ml/energo/internal/simd"
)

// Conv2D is the geometry of a two-dimensional convolution, in PyTorch's sense
// (a cross-correlation), of images [Batch, InC, H, W] with weights
// [OutC, InC, KH, KW] into [Batch, OutC, OutH, OutW], all row-major.
// A one-dimensional convolution is one with H and KH 1.
type Conv2D struct {
	Batch, InC, H, W     int
	OutC, KH, KW         int
	StrideH, StrideW     int // 0 means 1
	DilationH, DilationW int // 0 means 1
	PadTop, PadBottom    int // rows of zeros
	PadLeft, PadRight    int // columns of zeros
}

func orOne(n int) int {
	if n == 0 {
		return 1
	}
	return n
}

// OutH returns the height of the output.
func (s *Conv2D) OutH() int {
	return outSize(s.H+s.PadTop+s.PadBottom, s.KH, orOne(s.StrideH), orOne(s.DilationH))
}

// OutW returns the width of the output.
func (s *Conv2D) OutW() int {
	return outSize(s.W+s.PadLeft+s.PadRight, s.KW, orOne(s.StrideW), orOne(s.DilationW))
}

func outSize(padded, kernel, stride, dilation int) int {
	span := dilation*(kernel-1) + 1
	if padded < span {
		return 0
	}
	return (padded-span)/stride + 1
}

// Validate reports the first field that makes no convolution.
func (s *Conv2D) Validate() error {
	for _, f := range []struct {
		name       string
		value, min int
	}{
		{"Batch", s.Batch, 0},
		{"InC", s.InC, 1},
		{"H", s.H, 1},
		{"W", s.W, 1},
		{"OutC", s.OutC, 1},
		{"KH", s.KH, 1},
		{"KW", s.KW, 1},
		{"StrideH", s.StrideH, 0},
		{"StrideW", s.StrideW, 0},
		{"DilationH", s.DilationH, 0},
		{"DilationW", s.DilationW, 0},
		{"PadTop", s.PadTop, 0},
		{"PadBottom", s.PadBottom, 0},
		{"PadLeft", s.PadLeft, 0},
		{"PadRight", s.PadRight, 0},
	} {
		if f.value < f.min {
			return fmt.Errorf("gemm: Conv2D.%s is %d; it must be at least %d", f.name, f.value, f.min)
		}
	}
	if s.OutH() == 0 || s.OutW() == 0 {
		return fmt.Errorf("gemm: Conv2D's kernel of %d×%d with dilation %d×%d does not fit into the padded image of %d×%d",
			s.KH, s.KW, orOne(s.DilationH), orOne(s.DilationW), s.H+s.PadTop+s.PadBottom, s.W+s.PadLeft+s.PadRight)
	}
	return nil
}

// withDefaults returns s with its zero strides and dilations replaced by 1.
func (s *Conv2D) withDefaults() Conv2D {
	d := *s
	d.StrideH, d.StrideW = orOne(s.StrideH), orOne(s.StrideW)
	d.DilationH, d.DilationW = orOne(s.DilationH), orOne(s.DilationW)
	return d
}

// check panics if s is no convolution or a slice is too short for it; y has the shape of the output.
func (s *Conv2D) check(y, x, w int) { s.checkGroups(y, x, w, 1) }

// checkGroups is check for channels in groups.
func (s *Conv2D) checkGroups(y, x, w, groups int) {
	if err := s.Validate(); err != nil {
		panic(err.Error())
	}
	for _, f := range [...]struct {
		name       string
		have, want int
	}{
		{"output", y, s.Batch * s.OutC * s.OutH() * s.OutW()},
		{"input", x, s.Batch * s.InC * s.H * s.W},
		{"weight", w, s.OutC * s.InC / groups * s.KH * s.KW},
	} {
		if f.have < f.want {
			panic(fmt.Sprintf("gemm: the convolution's %s has %d values, not the %d that %+v needs", f.name, f.have, f.want, *s))
		}
	}
}

func (s *Conv2D) checkBias(have int, there bool) {
	if there && have < s.OutC {
		panic(fmt.Sprintf("gemm: bias has %d values for %d channels", have, s.OutC))
	}
}

// Forward computes y[b, o] = Σ_c x[b, c] ⋆ w[o, c] + bias[o], where ⋆ is the
// cross-correlation that s describes, and with relu replaces negative results by 0.
//
// Shapes: y [Batch, OutC, OutH, OutW], x [Batch, InC, H, W], w [OutC, InC, KH, KW],
// bias [OutC] or nil. y must not overlap the others. A geometry that Validate refuses
// and a slice that is too short panic.
func Forward[T simd.Float](s *Conv2D, y, x, w, bias []T, relu bool) {
	s.check(len(y), len(x), len(w))
	s.checkBias(len(bias), bias != nil)
	j := take[T, slide[T]](&slides)
	j.forward(s)
	j.y, j.x, j.weights, j.bias, j.relu = y, x, w, bias, relu
	j.start(nil)
	give[T](&slides, j)
}

// A Filter is the weights of a convolution in the orders that the kernels read, for many calls of ForwardPacked.
type Filter[T simd.Float] struct {
	// Exact asks for plain sums of products, which of small integers have no rounding errors. It must be set before Pack.
	Exact bool

	weights []T // as they came
	finite  bool
	engine  engine[T]
	forms   [formCount]form[T]
}

// A form is an order of the weights, which is made when it is first needed.
type form[T simd.Float] struct {
	once   sync.Once
	panels []T
}

const (
	slideForm = iota
	pointwiseForm
	winograd2Form
	winograd4Form
	formCount
)

// formOf tells how ForwardPacked computes a convolution: by the sizes of one image, so that batches of any size need the weights in the same form.
func (s *Conv2D) formOf() int {
	if s.pointwise() {
		return pointwiseForm
	}
	c := s.withDefaults()
	if c.KH != 3 || c.KW != 3 || c.StrideH != 1 || c.StrideW != 1 || c.DilationH != 1 || c.DilationW != 1 {
		return slideForm
	}
	h, w := c.OutH(), c.OutW()
	best, least := slideForm, s.cost(h*w, 9, 0)
	for _, form := range []int{winograd2Form, winograd4Form} {
		m := sideOf[form]
		parts := float64((m + 2) * (m + 2))
		if cost := s.cost(ceil(h, m)*ceil(w, m), parts, 9*parts); cost < least {
			best, least = form, cost
		}
	}
	return best
}

// cost is the time of a form in multiplications for each pair of channels, about: each block of results takes some multiplications, and moves of inputs and results that are worth
// moved multiplications of a channel. Weights that do not stay in a cache until the next run come from memory.
func (s *Conv2D) cost(blocks int, multiplications, moved float64) float64 {
	const (
		cached     = 1 << 14 // pairs of channels
		fromMemory = 18      // multiplications in the time in which an element comes from memory
	)
	cost := float64(blocks) * (multiplications + moved/float64(s.InC) + moved/float64(s.OutC))
	if s.InC*s.OutC > cached {
		cost += fromMemory * multiplications
	}
	return cost
}

// Pack fills f with the weights [OutC, InC, KH, KW] of s, which f keeps: they must not change.
// The filter is for s with any number and size of images.
func (f *Filter[T]) Pack(s *Conv2D, w []T) {
	f.weights, f.engine = w[:s.OutC*s.InC*s.KH*s.KW], newEngine[T]()
	f.finite = !simd.HasNonFinite(f.weights)
	f.panels(s, f.formOf(s))
}

func (f *Filter[T]) formOf(s *Conv2D) int {
	form := s.formOf()
	if sideOf[form] != 0 && (f.Exact || !f.finite) {
		return slideForm
	}
	return form
}

// panels gives the weights in a form.
func (f *Filter[T]) panels(s *Conv2D, kind int) []T {
	f.forms[kind].once.Do(func() { f.forms[kind].panels = f.arrange(s, kind) })
	return f.forms[kind].panels
}

func (f *Filter[T]) arrange(s *Conv2D, kind int) []T {
	switch kind {
	case pointwiseForm:
		panels := grow([]T(nil), s.OutC*s.InC)
		f.engine.packRowsOf(panels, f.weights, s.OutC, s.InC)
		return panels
	case winograd2Form, winograd4Form:
		return f.engine.winogradWeights(sideOf[kind], f.weights, s.OutC, s.InC)
	}
	j := take[T, slide[T]](&slides)
	defer give[T](&slides, j)
	j.forward(s)
	own := j.packed
	panels := grow([]T(nil), j.panelsLen())
	j.weights, j.packed = f.weights, panels
	j.packWeights()
	j.weights, j.packed = nil, own
	return panels
}

// sideOf is the results a side of a tile in the forms that have tiles.
var sideOf = [formCount]int{winograd2Form: 2, winograd4Form: 4}

// A Finisher changes results of a convolution as soon as they are there, and in a core's cache.
type Finisher[T simd.Float] interface {
	// Finish gets a part of the results, of one channel of one image, and where in all results it begins. It is called by several workers at a time, once for each result.
	Finish(y []T, at int)
}

// ForwardPacked is Forward with weights that Pack has arranged, without ReLU; finish, if there is one, changes the results. The sums of a kernel of one element may be rounded
// otherwise, and kernels of 3×3 are computed by winograd where that is faster and all inputs are finite: results are as near to the exact ones, by the largest of them,
// as those of Forward times four. Inputs must be below 1/32 of the largest number there is.
func ForwardPacked[T simd.Float](s *Conv2D, y, x []T, f *Filter[T], bias []T, finish Finisher[T]) {
	e := newEngine[T]()
	if f.engine.level != e.level {
		Forward(s, y, x, f.weights, bias, false)
		if n := s.Batch * s.OutC * s.OutH() * s.OutW(); finish != nil && n > 0 {
			finish.Finish(y[:n], 0)
		}
		return
	}
	e = f.engine
	s.check(len(y), len(x), len(f.weights))
	s.checkBias(len(bias), bias != nil)
	kind := f.formOf(s)
	if sideOf[kind] != 0 && simd.HasNonFinite(x[:s.Batch*s.InC*s.H*s.W]) {
		kind = slideForm // the sums of a transform would make NaN of Inf, and bring it to results that have nothing to do with it
	}
	panels := f.panels(s, kind)
	switch kind {
	case pointwiseForm:
		j := take[T, pointwise[T]](&pointwises)
		j.engine, j.images, j.in, j.out, j.area = e, s.Batch, s.InC, s.OutC, s.H*s.W
		j.y, j.x, j.bias, j.panels = y, x, bias, panels
		j.finish, j.bounds = bounds(finish)
		j.start()
		j.y, j.x, j.bias, j.panels, j.finish = nil, nil, nil, nil, nil
		give[T](&pointwises, j)
	case winograd2Form, winograd4Form:
		j := take[T, winograd[T]](&winograds)
		j.engine, j.conv, j.m, j.n = e, s.withDefaults(), sideOf[kind], sideOf[kind]+2
		j.y, j.x, j.bias, j.weights, j.finish = y, x, bias, panels, finish
		j.start()
		j.y, j.x, j.bias, j.weights, j.finish = nil, nil, nil, nil, nil
		give[T](&winograds, j)
	default:
		j := take[T, slide[T]](&slides)
		j.forward(s)
		j.engine = e
		j.y, j.x, j.bias, j.relu, j.bounded = y, x, bias, false, true
		j.finish, j.bounds = bounds(finish)
		j.start(panels)
		j.finish = nil
		give[T](&slides, j)
	}
}

// InputGrad computes the gradient by the input, dx = Σ_o dy[b, o] ∗ w[o], the adjoint of
// Forward without bias in x; with add it is added to dx.
//
// Shapes and panics are Forward's, with dx for x and dy for y.
func InputGrad[T simd.Float](s *Conv2D, dx, dy, w []T, add bool) {
	s.check(len(dy), len(dx), len(w))
	c := s.withDefaults()
	e := newEngine[T]()
	if c.StrideH != 1 || c.StrideW != 1 || 4*c.InC <= e.lanes { // a slide would leave most lanes empty
		scatterInputGrad(e, c, dx, dy, w, add)
		return
	}
	j := take[T, slide[T]](&slides)
	j.engine = e
	j.slideShape = slideShape{
		batch: c.Batch, inC: c.OutC, h: c.OutH(), w: c.OutW(),
		outC: c.InC, outH: c.H, outW: c.W, kernelH: c.KH, kernelW: c.KW,
		strideH: 1, strideW: 1, dilationH: c.DilationH, dilationW: c.DilationW,
		top: c.DilationH*(c.KH-1) - c.PadTop, left: c.DilationW*(c.KW-1) - c.PadLeft,
	}
	j.y, j.x, j.weights, j.bias, j.relu, j.add, j.adjoint, j.bounded = dx, dy, w, nil, false, add, true, false
	j.start(nil)
	give[T](&slides, j)
}

// WeightGrad computes the gradients by the weights and by the bias,
//
//	dw[o, c, i, j] = Σ_b Σ_p dy[b, o, p] · x[b, c, p under tap (i, j)]
//	db[o] = Σ_b Σ_p dy[b, o, p]
//
// and with add adds them to dw and db. db may be nil.
// Shapes and panics are Forward's, with dw for w, dy for y and db for bias.
func WeightGrad[T simd.Float](s *Conv2D, dw, db, x, dy []T, add bool) {
	s.check(len(dy), len(x), len(dw))
	if db != nil && len(db) < s.OutC {
		panic(fmt.Sprintf("gemm: db has %d values for %d channels", len(db), s.OutC))
	}
	dw = dw[:s.OutC*s.InC*s.KH*s.KW]
	if db != nil {
		db = db[:s.OutC]
	}
	if s.Batch == 0 {
		if !add {
			clear(dw)
			clear(db)
		}
		return
	}
	g := take[T, weightGrad[T]](&weightGrads)
	g.engine = newEngine[T]()
	g.conv = s.withDefaults()
	g.dw, g.db, g.x, g.dy, g.add = dw, db, x, dy, add
	g.start()
	give[T](&weightGrads, g)
}
