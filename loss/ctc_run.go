package loss

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/trellis"
)

// ctcRun is one call of CTC: first all frames, in tasks of rows as they lie in memory, then a
// task for each sequence.
type ctcRun[T tensor.Float] struct {
	batch          *CTCBatch[T]
	grad           []T
	blank          int
	logits         bool
	zeroInfinity   bool
	from           []int     // where each sequence's targets begin
	factor         []float64 // of each sequence's gradient
	loss           []float64
	status         []CTCStatus
	top, rowFactor []T // of each row of logits: the maximum, the factor
	sum            []float64
	rows           int // in a task of frames
	workers        []ctcWorker[T]
}

// A ctcWorker is a worker's memory. Scores that float32 cannot tell apart go through wide.
type ctcWorker[T tensor.Float] struct {
	own     ctcPass[T, T]
	wide    ctcPass[T, float64]
	sure    ctcSure
	scratch []T
}

// ctcBlock is about how many scores a task of frames has.
const ctcBlock = 16 << 10

func (r *ctcRun[T]) start(l *CTC[T], b *CTCBatch[T], grad []T) {
	r.batch, r.grad, r.blank, r.logits, r.zeroInfinity = b, grad, l.Blank, l.Logits, l.ZeroInfinity
	r.from = scratch.Sized(r.from, b.Batch)
	r.factor = scratch.Sized(r.factor, b.Batch)
	r.loss = scratch.Sized(r.loss, b.Batch)
	r.status = scratch.Sized(r.status, b.Batch)
	at := 0
	for n, length := range b.TargetLengths {
		r.from[n] = at
		at += b.step(length)
	}
	if k := simd.Threads(); len(r.workers) < k {
		r.workers = append(r.workers, make([]ctcWorker[T], k-len(r.workers))...)
	}
}

func (r *ctcRun[T]) all() {
	b := r.batch
	rows := b.Frames * b.Batch
	r.rows = max(1, ctcBlock/b.Classes)
	if r.logits {
		r.top, r.rowFactor = scratch.Sized(r.top, rows), scratch.Sized(r.rowFactor, rows)
		r.sum = scratch.Sized(r.sum, rows)
	}
	if r.logits || r.grad != nil {
		simd.Run((rows+r.rows-1)/r.rows, (*ctcFrames[T])(r))
	}
	simd.Run(b.Batch, (*ctcSequences[T])(r))
	r.batch, r.grad = nil, nil
}

// ctcFrames readies rows of scores: their softmax, or zeros, goes to the gradient.
type ctcFrames[T tensor.Float] ctcRun[T]

func (r *ctcFrames[T]) Do(task, worker int) {
	b := r.batch
	lo := task * r.rows
	hi := min(lo+r.rows, b.Frames*b.Batch)
	if !r.logits {
		clear(r.grad[lo*b.Classes : hi*b.Classes])
		return
	}
	x := b.Scores[lo*b.Classes : hi*b.Classes]
	if r.grad == nil {
		w := &r.workers[worker]
		w.scratch = scratch.Sized(w.scratch, len(x))
		simd.ExpRows(w.scratch, r.top[lo:hi], r.sum[lo:hi], x, hi-lo, b.Classes)
		r.infinite(lo, hi)
		return
	}
	for row := lo; row < hi; row++ {
		n := row % b.Batch
		if b.BatchFirst {
			n = row / b.Frames
		}
		r.rowFactor[row] = T(r.factor[n])
	}
	simd.SoftRows(r.grad[lo*b.Classes:hi*b.Classes], r.top[lo:hi], r.sum[lo:hi], r.rowFactor[lo:hi], x, hi-lo, b.Classes)
	r.infinite(lo, hi)
}

// infinite sets the softmax of rows with one logit of +Inf to its limit: 1 there, 0 for the
// others. Of two there is no limit: the sum stays NaN.
func (r *ctcFrames[T]) infinite(lo, hi int) {
	for row := lo; row < hi; row++ {
		if !math.IsInf(float64(r.top[row]), 1) {
			continue
		}
		x := r.batch.Scores[row*r.batch.Classes:][:r.batch.Classes]
		at, one := -1, true
		for c, v := range x {
			switch {
			case v == r.top[row]:
				at, one = c, one && at < 0
			case v != v:
				one = false
			}
		}
		if !one {
			continue
		}
		r.sum[row] = 1
		if r.grad != nil {
			to := r.grad[row*r.batch.Classes:][:r.batch.Classes]
			clear(to)
			to[at] = r.rowFactor[row]
		}
	}
}

// ctcSequences does a sequence a task.
type ctcSequences[T tensor.Float] ctcRun[T]

func (r *ctcSequences[T]) Do(n, worker int) {
	w := &r.workers[worker]
	logP, status := evalSequence(&w.own, (*ctcRun[T])(r), n)
	if status == trellis.Range {
		logP, status = evalSequence(&w.wide, (*ctcRun[T])(r), n)
	}
	switch status {
	case trellis.OK:
		r.loss[n], r.status[n] = 0-logP, CTCFine // not −0
		if r.sure(n) {
			r.loss[n] = evalSure(&w.sure, (*ctcRun[T])(r), n)
		}
		r.fill(n, r.batch.length(n), r.batch.Frames, 0)
	case trellis.Impossible:
		r.loss[n], r.status[n] = math.Inf(1), CTCImpossible
		if r.zeroInfinity {
			r.loss[n] = 0
		}
		r.fill(n, 0, r.batch.Frames, 0)
	default:
		r.loss[n], r.status[n] = math.NaN(), CTCNaN
		r.fill(n, 0, r.batch.length(n), T(math.NaN()))
		r.fill(n, r.batch.length(n), r.batch.Frames, 0)
	}
}

// sure reports whether sequence n's loss is one that evalSure must work out.
func (r *ctcSequences[T]) sure(n int) bool {
	return r.logits && r.loss[n] < sureLoss && r.batch.length(n)*(2*r.batch.TargetLengths[n]+1) <= sureStates
}

// fill overwrites the gradient of frames lo to hi-1 of a sequence.
func (r *ctcSequences[T]) fill(n, lo, hi int, v T) {
	if r.grad == nil {
		return
	}
	c := r.batch.Classes
	for t := lo; t < hi; t++ {
		row := r.batch.row(t, n)
		simd.Fill(r.grad[row*c:(row+1)*c], v)
	}
}

// A ctcPass is one sequence, its recursions in F.
type ctcPass[T, F tensor.Float] struct {
	run     trellis.CTC[F]
	x, grad []T // from the sequence's first frame on
	classes int
	stride  int // rows from a frame to the next
	labels  []int
	blank   int
	factor  float64

	// With logits, of the rows from the sequence's first on.
	top []T
	sum []float64

	spent  []T     // what a frame's shares take off its gradient
	tops   float64 // what was taken off log-probabilities, in all frames
	adding bool
}

// evalSequence returns the logarithm of the probability of sequence n's target, and adds its
// shares to the gradient.
func evalSequence[T, F tensor.Float](p *ctcPass[T, F], r *ctcRun[T], n int) (float64, trellis.Status) {
	b := r.batch
	frames, first := b.length(n), b.row(0, n)
	p.stride, p.classes, p.blank, p.factor = b.row(1, n)-first, b.Classes, r.blank, r.factor[n]
	p.labels = b.Targets[r.from[n] : r.from[n]+b.TargetLengths[n]]
	if frames > 0 {
		p.x = b.Scores[first*b.Classes:]
		if r.grad != nil {
			p.grad = r.grad[first*b.Classes:]
		}
		if r.logits {
			p.top, p.sum = r.top[first:], r.sum[first:]
		}
	}
	p.run.Most, p.tops, p.adding = 0, 0, true
	if r.logits {
		p.run.Most = mostLogit
	}
	logP, status := p.run.Forward(p.labels, frames, p)
	if status == trellis.OK {
		p.adding = false
		logP += p.tops - p.logSums(frames)
		if r.grad != nil {
			p.run.Backward(p)
		}
	}
	p.x, p.grad, p.labels, p.top, p.sum = nil, nil, nil, nil, nil
	return logP, status
}

// mostLogit is how far a logit may be below its row's greatest in float32: the difference is rounded,
// where log-probabilities are taken as they are.
const mostLogit = 200

// logSums returns the logarithm of the product of the softmax's denominators.
func (p *ctcPass[T, F]) logSums(frames int) (sum float64) {
	if p.sum == nil {
		return 0
	}
	product := 1.0
	for t := range frames {
		product *= p.sum[t*p.stride]
		if product > 1e250 {
			sum, product = sum+math.Log(product), 1
		}
	}
	return sum + math.Log(product)
}

// Frame implements trellis.Source.
func (p *ctcPass[T, F]) Frame(scores []F, t int) bool {
	row := p.x[t*p.stride*p.classes:][:p.classes]
	labels := p.labels
	blank := &scores[len(labels)]
	scores = scores[:len(labels)]
	*blank = F(row[p.blank])
	if p.sum == nil {
		for i, c := range labels {
			scores[i] = F(row[c])
		}
		p.sharpen(scores, blank)
		return true
	}
	top := F(p.top[t*p.stride])
	*blank -= top
	for i, c := range labels {
		scores[i] = F(row[c]) - top
	}
	if math.IsInf(float64(top), 1) { // the difference of the likeliest is NaN, and its probability 1
		certain(blank)
		for i := range scores {
			certain(&scores[i])
		}
	}
	return !math.IsNaN(p.sum[t*p.stride])
}

func certain[F tensor.Float](score *F) {
	if *score != *score {
		*score = 0
	}
}

// sharp is the least log-probability that a frame is sure with.
const sharp = -0.25

// sharpen takes the greatest log-probability off those of a frame that is sure, so that it is 0, the logarithm of
// an exact 1: thousands of factors near 1, each rounded, would spoil a small loss. Other
// frames stay, since differences of large numbers are rounded, too.
func (p *ctcPass[T, F]) sharpen(scores []F, blank *F) {
	top := *blank
	if len(scores) > 0 {
		top = max(top, simd.Max(scores))
	}
	if !(top >= sharp && top <= -sharp) {
		return
	}
	*blank -= top
	for i := range scores {
		scores[i] -= top
	}
	if p.adding {
		p.tops += float64(top)
	}
}

// leastShare is what a share must be above to count: products of smaller ones would be subnormal, and each cost a
// hundred cycles.
const leastShare = 1e-30

// dense reports whether a frame's shares are collected before they go to the gradient at once: sequences
// side by side have rows far apart, often by a power of two, and single writes to such are slow.
func (p *ctcPass[T, F]) dense() bool { return p.stride > 1 && p.classes <= 4*len(p.labels) }

// Share implements trellis.Sink.
func (p *ctcPass[T, F]) Share(t int, labels []F, blanks, sum F) {
	row := p.grad[t*p.stride*p.classes:][:p.classes]
	f := F(p.factor) / sum
	to := row
	if p.dense() {
		p.spent = scratch.Sized(p.spent, p.classes)
		clear(p.spent)
		to = p.spent
	}
	to[p.blank] -= T(f * blanks)
	classes := p.labels[:len(labels)] // a copy: what is behind p might change with row
	for i, share := range labels {
		if share > leastShare {
			to[classes[i]] -= T(f * share)
		}
	}
	if p.dense() {
		simd.Add(row, row, to)
	}
	if p.sum != nil && p.sum[t*p.stride] < sureSum {
		p.settle(row, t)
	}
}

// sureSum is the softmax's denominator, 1 for the likeliest class and what the others add, under which
// a frame is sure.
const sureSum = 1.3

// settle works out anew what the likeliest class has of the gradient of a frame that is sure, if it is the
// blank or a target: its softmax less its share, both near 1, has few digits, but what the
// others have is exact, and all of a row add up to 0.
func (p *ctcPass[T, F]) settle(row []T, t int) {
	x, top := p.x[t*p.stride*p.classes:], p.top[t*p.stride]
	k := p.blank
	if x[k] != top {
		i := slices.IndexFunc(p.labels, func(c int) bool { return x[c] == top })
		if i < 0 {
			return
		}
		k = p.labels[i]
	}
	row[k] = 0
	row[k] = -T(simd.Sum(row))
}
