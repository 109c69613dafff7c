package gemm

import (
	"fmt"

	"github.com/energo-ml/energo/internal/simd"
)

// Convolutions whose channels are in groups. Group g of G has the input's channels
// [g·InC/G, (g+1)·InC/G) and the output's [g·OutC/G, (g+1)·OutC/G), and is a convolution of
// its own; weights are [OutC, InC/G, KH, KW]. With G = InC, the depthwise case, each plane is
// convolved by kernels that are vectorised along its rows. Other groups are gathered from all
// images, one group after another, and are computed as one convolution each.
//
// With G = InC sums also run over the gaps between rows, where one factor is 0: an infinite or NaN
// element of the other factor may make more results NaN than those that it belongs to.

// ForwardGroups is Forward for channels in groups.
//
// Shapes: y [Batch, OutC, OutH, OutW], x [Batch, InC, H, W], w [OutC, InC/groups, KH, KW], bias [OutC]
// or nil. groups that do not divide InC and OutC panic, as do Forward's mistakes.
func ForwardGroups[T simd.Float](s *Conv2D, groups int, y, x, w, bias []T, relu bool) {
	if groups == 1 {
		Forward(s, y, x, w, bias, relu)
		return
	}
	s.checkWhole(groups, len(y), len(x), len(w))
	s.checkBias(len(bias), bias != nil)
	if groups == s.InC {
		var finish Finisher[T]
		if relu {
			finish = rectifier[T]{}
		}
		Depthwise(s, y, x, w, bias, finish)
		return
	}
	j := takeGroups[T](s, groups)
	for g := range groups {
		xs, ys := j.gather(&j.in, x, g, s.InC, s.H*s.W), j.room(&j.out, y, g, s.OutC, s.OutH()*s.OutW())
		var b []T
		if bias != nil {
			b = j.of(bias, g, s.OutC)
		}
		Forward(&j.one, ys, xs, j.of(w, g, s.filters(groups)), b, relu)
		j.scatter(y, ys, g, s.OutC, s.OutH()*s.OutW(), false)
	}
	give[T](&groupings, j)
}

// InputGradGroups is InputGrad for channels in groups.
//
// Shapes and panics are ForwardGroups's, with dx for x and dy for y.
func InputGradGroups[T simd.Float](s *Conv2D, groups int, dx, dy, w []T, add bool) {
	if groups == 1 {
		InputGrad(s, dx, dy, w, add)
		return
	}
	s.checkWhole(groups, len(dy), len(dx), len(w))
	if groups == s.InC {
		depthwiseInputGrad(s, dx, dy, w, add)
		return
	}
	j := takeGroups[T](s, groups)
	for g := range groups {
		dys, dxs := j.gather(&j.out, dy, g, s.OutC, s.OutH()*s.OutW()), j.room(&j.in, dx, g, s.InC, s.H*s.W)
		InputGrad(&j.one, dxs, dys, j.of(w, g, s.filters(groups)), add && s.Batch == 1)
		j.scatter(dx, dxs, g, s.InC, s.H*s.W, add)
	}
	give[T](&groupings, j)
}

// WeightGradGroups is WeightGrad for channels in groups.
//
// Shapes and panics are ForwardGroups's, with dw for w, dy for y and db for bias.
func WeightGradGroups[T simd.Float](s *Conv2D, groups int, dw, db, x, dy []T, add bool) {
	if groups == 1 {
		WeightGrad(s, dw, db, x, dy, add)
		return
	}
	s.checkWhole(groups, len(dy), len(x), len(dw))
	s.checkBias(len(db), db != nil)
	if groups == s.InC {
		depthwiseWeightGrad(s, dw, db, x, dy, add)
		return
	}
	j := takeGroups[T](s, groups)
	for g := range groups {
		xs, dys := j.gather(&j.in, x, g, s.InC, s.H*s.W), j.gather(&j.out, dy, g, s.OutC, s.OutH()*s.OutW())
		var b []T
		if db != nil {
			b = j.of(db, g, s.OutC)
		}
		WeightGrad(&j.one, j.of(dw, g, s.filters(groups)), b, xs, dys, add)
	}
	give[T](&groupings, j)
}

// checkWhole is checkGroups, and panics if groups does not divide the channels.
func (s *Conv2D) checkWhole(groups, y, x, w int) {
	if groups < 1 || s.InC%groups != 0 || s.OutC%groups != 0 {
		panic(fmt.Sprintf("gemm: %d groups of %d channels into %d; both must be multiples of the groups, which must be at least 1", groups, s.InC, s.OutC))
	}
	s.checkGroups(y, x, w, groups)
}

// filters is the number of weights.
func (s *Conv2D) filters(groups int) int { return s.OutC * s.InC / groups * s.KH * s.KW }

// A rectifier replaces negative results by 0.
type rectifier[T simd.Float] struct{}

func (rectifier[T]) Finish(y []T, _ int) { simd.ReLU(y, y) }

// A grouping brings the channels of a group together, of all images, and back.
type grouping[T simd.Float] struct {
	groups  int
	one     Conv2D // a group's convolution
	in, out []T    // a group's channels of all images
	move    groupCopy[T]
}

var groupings pool

func takeGroups[T simd.Float](s *Conv2D, groups int) *grouping[T] {
	j := take[T, grouping[T]](&groupings)
	j.groups, j.one = groups, *s
	j.one.InC, j.one.OutC = s.InC/groups, s.OutC/groups
	return j
}

// of returns group g's part of the first n elements of x, whose first axis is the channels.
func (j *grouping[T]) of(x []T, g, n int) []T { return x[n/j.groups*g:][:n/j.groups] }

// room returns where the channels of group g of x, which is [Batch, channels, area], can lie together:
// in x itself if there is one image, and else in scratch.
func (j *grouping[T]) room(scratch *[]T, x []T, g, channels, area int) []T {
	if j.one.Batch == 1 {
		return j.of(x, g, channels*area)
	}
	*scratch = grow(*scratch, j.one.Batch*channels/j.groups*area)
	return *scratch
}

// gather returns the channels of group g together.
func (j *grouping[T]) gather(scratch *[]T, x []T, g, channels, area int) []T {
	part := j.room(scratch, x, g, channels, area)
	j.copy(groupCopy[T]{whole: x, part: part, group: g, images: channels * area, gather: true})
	return part
}

// scatter brings the channels of group g back, or adds them.
func (j *grouping[T]) scatter(x, part []T, g, channels, area int, add bool) {
	j.copy(groupCopy[T]{whole: x, part: part, group: g, images: channels * area, add: add})
}

func (j *grouping[T]) copy(c groupCopy[T]) {
	if j.one.Batch == 1 {
		return // they lie together
	}
	c.size = c.images / j.groups
	j.move = c
	newEngine[T]().do(j.one.Batch, &j.move, 16*len(c.part))
	j.move = groupCopy[T]{}
}

// A groupCopy copies the channels of a group: a task copies those of an image.
type groupCopy[T simd.Float] struct {
	whole, part  []T
	group        int
	images, size int // elements of an image, and of its part in the group
	gather, add  bool
}

func (c *groupCopy[T]) Do(image, _ int) {
	whole, part := c.whole[image*c.images+c.group*c.size:][:c.size], c.part[image*c.size:][:c.size]
	switch {
	case c.gather:
		copy(part, whole)
	case c.add:
		simd.AddTo(whole, part)
	default:
		copy(whole, part)
	}
}
