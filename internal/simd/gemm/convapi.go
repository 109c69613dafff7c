package gemm

import (
	"fmt"

	"github.com/energo-ml/energo/internal/simd"
)

// Forward computes y[b, o] = Σ_c x[b, c] ⋆ w[o, c] + bias[o], where ⋆ is the
// cross-correlation that s describes, and with relu replaces negative results by 0.
//
// Shapes: y [Batch, OutC, OutH, OutW], x [Batch, InC, H, W], w [OutC, InC, KH, KW],
// bias [OutC] or nil. y must not overlap the others. A geometry that Validate refuses
// and a slice that is too short panic.
func Forward[T simd.Float](s *Conv2D, y, x, w, bias []T, relu bool) {
	s.check(len(y), len(x), len(w))
	if bias != nil && len(bias) < s.OutC {
		panic(fmt.Sprintf("gemm: bias has %d values for %d channels", len(bias), s.OutC))
	}
	c := s.withDefaults()
	j := take[T, slide[T]](&slides)
	j.engine = newEngine[T]()
	j.slideShape = slideShape{
		batch: c.Batch, inC: c.InC, h: c.H, w: c.W,
		outC: c.OutC, outH: c.OutH(), outW: c.OutW(), kernelH: c.KH, kernelW: c.KW,
		strideH: c.StrideH, strideW: c.StrideW, dilationH: c.DilationH, dilationW: c.DilationW,
		top: c.PadTop, left: c.PadLeft,
	}
	j.y, j.x, j.weights, j.bias, j.relu, j.add, j.adjoint = y, x, w, bias, relu, false, false
	j.start()
	give[T](&slides, j)
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
	j.y, j.x, j.weights, j.bias, j.relu, j.add, j.adjoint = dx, dy, w, nil, false, add, true
	j.start()
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
