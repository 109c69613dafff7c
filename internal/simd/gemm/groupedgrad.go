package gemm

import "github.com/energo-ml/energo/internal/simd"

// The gradients of depthwise convolutions, by the canvas of type depthwise: under every tap,
// neighbours in the output are neighbours in one phase of the padded input.

// A depthwiseInput is the gradient by the input. A phase (i, j) of the padded input gets
//
//	Σ over taps of the phase w[tap] · dy[row − tap's row, column − tap's column]
//
// which is a sum of shifted copies of dy, whose rows lie as far apart as the phase's with zeros between.
// A task computes the planes of a channel of some images.
type depthwiseInput[T simd.Float] struct {
	depthwise[T]
	add         bool
	first, rows int   // of a phase, those that lie on the input
	front       int   // zeros before dy's first row
	canvas      int   // elements of a dy with the zeros about it
	order       []int // of the weights of a channel, by phases
	ends        []int // of the phases in order
	columns     []phaseColumns
	scratch     []inputScratch[T]
}

// phaseColumns are the columns of the input that a phase of columns has, a stride apart.
type phaseColumns struct{ first, from, count int } // the first one, where in the phase it is, and how many there are

type inputScratch[T simd.Float] struct {
	depthwisePlace[T]
	w     []T // of a channel, in order
	clean bool
}

var depthwiseInputs pool

func depthwiseInputGrad[T simd.Float](s *Conv2D, dx, dy, w []T, add bool) {
	j := take[T, depthwiseInput[T]](&depthwiseInputs)
	j.engine, j.conv = newEngine[T](), s.withDefaults()
	j.x, j.y, j.w, j.add = dx, dy, w, add
	j.plan()
	c := &j.conv
	j.first = c.PadTop / c.StrideH
	j.rows = max(0, min(j.phaseH, ceil(c.H+c.PadTop, c.StrideH))-j.first)
	j.front = (j.phaseH-j.outH)*j.phaseW + j.phaseW - j.outW
	j.canvas = j.front + j.phaseH*j.phaseW
	j.sortTaps()
	j.columns = j.columns[:0]
	for phase := range c.StrideW {
		w := (phase - c.PadLeft%c.StrideW + c.StrideW) % c.StrideW
		from := min((w+c.PadLeft)/c.StrideW, j.phaseW)
		j.columns = append(j.columns, phaseColumns{w, from, max(0, min(j.phaseW-from, ceil(c.W-w, c.StrideW)))})
	}
	j.scratch = reserve(j.scratch)
	for i := range j.scratch {
		j.scratch[i].clean = false
	}
	planes := c.Batch * c.InC
	work := len(j.order) * j.rows * j.phaseW
	j.step = max(1, min(ceil(j.alone/16, max(work, 1)), ceil(planes, minTasks)))
	j.do(ceil(planes, j.step), j, planes*work)
	j.x, j.y, j.w = nil, nil, nil
	give[T](&depthwiseInputs, j)
}

// sortTaps lists the taps of a channel's filters by phases, with where each begins to read.
func (j *depthwiseInput[T]) sortTaps() {
	c := &j.conv
	j.at, j.order, j.ends = j.at[:0], j.order[:0], j.ends[:0]
	for phase := range c.StrideH * c.StrideW {
		for i := range c.OutC / c.InC * c.KH * c.KW {
			h, w := i/c.KW%c.KH*c.DilationH, i%c.KW*c.DilationW
			if h%c.StrideH*c.StrideW+w%c.StrideW != phase {
				continue
			}
			from := i/c.KW/c.KH*j.canvas + j.front + (j.first-h/c.StrideH)*j.phaseW - w/c.StrideW
			j.at, j.order = append(j.at, from*size[T]()), append(j.order, i)
		}
		j.ends = append(j.ends, len(j.order))
	}
}

// Do computes a few planes.
func (j *depthwiseInput[T]) Do(task, worker int) {
	c := &j.conv
	s := of(j.scratch, worker)
	each, area := c.OutC/c.InC, j.outH*j.outW
	if n := each * j.canvas; !s.clean || len(s.x) != n {
		s.x = grow(s.x, n)
		clear(s.x)
		s.clean = true
	}
	s.w, s.y = grow(s.w, len(j.order)), grow(s.y, len(j.ends)*j.rows*j.phaseW)
	for plane := task * j.step; plane < min((task+1)*j.step, c.Batch*c.InC); plane++ {
		w := j.w[plane%c.InC*len(j.order):][:len(j.order)]
		for i, from := range j.order {
			s.w[i] = w[from]
		}
		for m := range each {
			dy := j.y[(plane*each+m)*area:][:area]
			s.touch(dy)
			j.copyBlock(s.x[m*j.canvas+j.front:], dy, j.phaseW, j.outW, j.outH, j.outW)
		}
		from, n := 0, j.rows*j.phaseW
		for phase, to := range j.ends {
			y := s.y[phase*n:][:n]
			if from == to || n == 0 {
				clear(y)
			} else {
				j.taps(at(y, 0), at(s.x, 0), j.at[from:to], s.w[from:to], n, 0)
			}
			from = to
		}
		j.deliver(j.x[plane*c.H*c.W:][:c.H*c.W], s.y)
	}
}

// deliver writes the phases to the plane dx, or adds them.
func (j *depthwiseInput[T]) deliver(dx, phases []T) {
	c := &j.conv
	for h := range c.H {
		row := dx[h*c.W:][:c.W]
		at := (h+c.PadTop)/c.StrideH - j.first
		switch {
		case at < j.rows:
			j.deliverRow(row, phases[(h+c.PadTop)%c.StrideH*c.StrideW*j.rows*j.phaseW+at*j.phaseW:])
		case !j.add:
			clear(row)
		}
	}
}

// deliverRow writes or adds a row, whose columns are in phases that are j.rows·j.phaseW apart.
func (j *depthwiseInput[T]) deliverRow(row, phases []T) {
	stride := j.conv.StrideW
	done := 0 // columns that are written
	switch p := j.columns[0]; {
	case stride == 1 && j.add:
		simd.AddTo(row[:p.count], phases[p.from:][:p.count])
		return
	case stride == 1:
		done = copy(row, phases[p.from:][:p.count])
		clear(row[done:])
		return
	case stride == 2 && !j.add:
		done = j.interleave(row, phases)
	}
	if !j.add {
		clear(row[done:])
	}
	for phase, p := range j.columns {
		src := phases[phase*j.rows*j.phaseW+p.from:][:p.count]
		for k := ceil(max(done-p.first, 0), stride); k < p.count; k++ {
			row[p.first+k*stride] += src[k]
		}
	}
}

// interleave writes the columns of two phases, as far as both have some, and returns how many.
func (j *depthwiseInput[T]) interleave(row, phases []T) int {
	first := j.conv.PadLeft % 2 // the phase of column 0
	p, q := j.columns[first], j.columns[1-first]
	pairs := min(p.count, q.count)
	size := j.rows * j.phaseW
	even, odd := phases[first*size+p.from:][:pairs], phases[(1-first)*size+q.from:][:pairs]
	for i, v := range even {
		*(*[2]T)(row[2*i:]) = [2]T{v, odd[i]}
	}
	return 2 * pairs
}

// A depthwiseWeight is the gradient by the weights and the bias: under each tap the product of dy, its rows
// as far apart as the phase's with zeros between, with what the tap reads. A task has a channel in some of the images;
// the sums of the parts are added up in the parts' order.
type depthwiseWeight[T simd.Float] struct {
	depthwise[T]
	bias    bool
	parts   int       // of the images
	sums    []float64 // [parts, OutC, taps + 1]; the last is for the bias
	scratch []weightPlace[T]
}

type weightPlace[T simd.Float] struct {
	depthwisePlace[T]
	clean bool
}

var depthwiseWeights pool

func depthwiseWeightGrad[T simd.Float](s *Conv2D, dw, db, x, dy []T, add bool) {
	j := take[T, depthwiseWeight[T]](&depthwiseWeights)
	j.engine, j.conv = newEngine[T](), s.withDefaults()
	j.x, j.y, j.bias = x, dy, db != nil
	j.plan()
	c := &j.conv
	taps := len(j.at)
	j.parts = max(1, min(c.Batch, ceil(minTasks, c.InC)))
	if n := j.parts * c.OutC * (taps + 1); n <= cap(j.sums) {
		j.sums = j.sums[:n]
	} else {
		j.sums = make([]float64, n)
	}
	clear(j.sums)
	j.scratch = reserve(j.scratch)
	for i := range j.scratch {
		j.scratch[i].clean = false
	}
	j.do(j.parts*c.InC, j, c.Batch*c.OutC*j.stretch*(1+taps))
	whole := j.sums[:c.OutC*(taps+1)]
	for part := 1; part < j.parts; part++ {
		simd.AddTo(whole, j.sums[part*len(whole):][:len(whole)])
	}
	for ch := range c.OutC {
		sums := whole[ch*(taps+1):][:taps+1]
		put(dw[ch*taps:][:taps], sums, add)
		if db != nil {
			put(db[ch:][:1], sums[taps:], add)
		}
	}
	j.x, j.y = nil, nil
	give[T](&depthwiseWeights, j)
}

// put writes sums to x, or adds them.
func put[T simd.Float](x []T, sums []float64, add bool) {
	for i := range x {
		if add {
			x[i] += T(sums[i])
		} else {
			x[i] = T(sums[i])
		}
	}
}

// Do sums the images of a part for a channel.
func (j *depthwiseWeight[T]) Do(task, worker int) {
	c := &j.conv
	s := of(j.scratch, worker)
	each, area, taps := c.OutC/c.InC, j.outH*j.outW, len(j.at)
	if n := c.StrideH * c.StrideW * j.phaseH * j.phaseW; !s.clean || len(s.x) != n || len(s.y) != j.stretch {
		s.x, s.y = grow(s.x, n), grow(s.y, j.stretch)
		clear(s.x)
		clear(s.y)
		s.clean = true
	}
	channel := task % c.InC
	lo, hi := span(c.Batch, j.parts, task/c.InC)
	for image := lo; image < hi; image++ {
		plane := image*c.InC + channel
		x := j.x[plane*c.H*c.W:][:c.H*c.W]
		s.touch(x)
		j.draw(s.x, x)
		for m := range each {
			dy := j.y[(plane*each+m)*area:][:area]
			sums := j.sums[(task/c.InC*c.OutC+channel*each+m)*(taps+1):][:taps+1]
			if j.bias {
				sums[taps] += simd.Sum(dy)
			} else {
				s.touch(dy)
			}
			if j.phaseW != j.outW {
				j.copyBlock(s.y, dy, j.phaseW, j.outW, j.outH, j.outW)
				dy = s.y
			}
			for tap, from := range j.at {
				sums[tap] += simd.Dot(dy, s.x[from/size[T]():][:j.stretch])
			}
		}
	}
}
