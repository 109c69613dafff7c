package ctc

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// A record has what the confidence of a path's spans is made of: in each of their frames, what the states are worth of all pieces
// that spell some of the same text.
type record struct {
	span   []int32 // of each frame, or −1
	first  []int32 // of each span: the first of its pieces, and behind them their number
	pieces []int32 // pieces of the graph
	turned []int32 // of each piece: which one of the reversed graph it is
	values [2]states
	at     []int // of each span: the first of its values, a row of pieces a frame
	start  []int // of each span: its first frame
}

// set makes room for the spans of the aligner's path.
func (r *record) set(a *Aligner, spans []Span) {
	r.span = scratch.Sized(r.span, a.frames)
	for t := range r.span {
		r.span[t] = -1
	}
	r.first, r.pieces, r.at, r.start = append(r.first[:0], 0), r.pieces[:0], r.at[:0], r.start[:0]
	size := 0
	for i, s := range spans {
		for t := s.Start; t < s.End; t++ {
			r.span[t] = int32(i)
		}
		own := a.g.pieces[a.path.spelled[i]]
		for k := a.g.first[max(0, own.From-a.g.reach)]; k < a.g.first[own.To]; k++ {
			if a.g.pieces[k].To > own.From {
				r.pieces = append(r.pieces, k)
			}
		}
		r.at, r.start = append(r.at, size), append(r.start, s.Start)
		size += (s.End - s.Start) * (len(r.pieces) - int(r.first[i]))
		r.first = append(r.first, int32(len(r.pieces)))
	}
	r.turned = scratch.Sized(r.turned, len(a.g.pieces))
	for i, k := range a.back.of {
		r.turned[k] = int32(i)
	}
	r.values[0].resize(size)
	r.values[1].resize(size)
}

// note writes down the block's states of the span in frame t.
func (r *record) note(b *sumBlock, t int) {
	i := r.span[t]
	if i < 0 {
		return
	}
	side := 0
	if b.back {
		side = 1
	}
	pieces := r.pieces[r.first[i]:r.first[i+1]]
	at := r.at[i] + (t-r.start[i])*len(pieces)
	for j, k := range pieces {
		if b.back {
			k = r.turned[k]
		}
		if from := b.g.pieces[k].From; from >= b.lo && from < b.hi {
			r.values[side].set(at+j, b.labels.at(int(k)+1))
		}
	}
}

// confide fills in how sure the spans are: the share of a state is the product of both sums, which have the frame's score twice, in that
// over all paths.
func (r *record) confide(a *Aligner, spans []Span) {
	end := a.sums[0].end
	for i := range spans {
		s := &spans[i]
		pieces, at := r.pieces[r.first[i]:r.first[i+1]], r.at[i]
		for t := s.Start; t < s.End; t++ {
			top, _, _ := a.span(t)
			for _, k := range pieces {
				x, y := normal(r.values[0].at(at)), normal(r.values[1].at(at))
				at++
				if x.m == 0 || y.m == 0 {
					continue
				}
				score := float64(a.score(t, a.g.ids[k])) - float64(top)
				s.Confidence += math.Exp(math.Log(x.m*y.m/end.m) + float64(x.e+y.e-end.e)*math.Ln2 - score)
			}
		}
		s.Confidence = min(s.Confidence/float64(s.End-s.Start), 1)
	}
}
