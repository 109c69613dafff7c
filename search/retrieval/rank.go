package retrieval

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// A ranking is what a query's figures need of the order of the gallery. Right samples are
// those of the query's label.
type ranking struct {
	first                  int // rank of the nearest right sample, 1 if nothing is nearer; 0 if there is none
	nearest, right         int // the nearest sample, and the nearest right one
	rPrecision, mapAtR, ap float64
}

// rank ranks the gallery for each query.
//
// Only the right samples are sorted. The others are counted between them, which needs a
// pass over the gallery for all figures, whole average precision among them.
func rank(ctx context.Context, queries []float32, queryLabels []int, gallery []float32, galleryLabels []int, dim int, among bool, d distance.Measure) ([]ranking, error) {
	if d.Kind == "" || d.Kind == distance.Euclidean {
		d.Kind = distance.Squared // the same order, without the root's rounding
	}
	s := pair.Strips[float32]{X: "queries", Y: "gallery"}
	if among {
		s.X = "vectors"
	}
	if err := s.Set(d, queries, gallery, dim); err != nil {
		return nil, fmt.Errorf("retrieval: %w", err)
	}
	j := &rankJob{among: among, ranked: make([]ranking, len(queryLabels)), scratch: make([]workspace, simd.Threads())}
	j.index(queryLabels, galleryLabels)
	for lo, hi := 0, 0; lo < len(queryLabels); lo = hi {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		j.strip, hi = s.At(lo)
		j.lo, j.rows = lo, hi-lo
		simd.Run((j.rows+rankRows-1)/rankRows, j)
	}
	return j.ranked, nil
}

// rankRows is how many queries a task ranks.
const rankRows = 4

// A rankJob ranks the queries of a strip of distances.
type rankJob struct {
	among    bool    // query i is sample i of the gallery, and is not to find itself
	class    []int32 // of each sample of the gallery
	members  [][]int // the samples of each class, in order
	of       []int32 // the class of each query, −1 where the gallery has none
	lo, rows int     // the strip's queries
	strip    []float32
	ranked   []ranking
	scratch  []workspace // of each worker
}

// A workspace is a worker's memory.
type workspace struct {
	right  []uint64 // keys of the right samples, ascending
	wrong  []int32  // how many wrong samples come between right ones: wrong[i] before right[i], after right[i−1]
	bucket []int32  // how many right samples are in the buckets before
}

// index numbers the labels in the order of the gallery.
func (j *rankJob) index(queryLabels, galleryLabels []int) {
	number := map[int]int32{}
	j.class = make([]int32, len(galleryLabels))
	for i, l := range galleryLabels {
		c, ok := number[l]
		if !ok {
			c = int32(len(number))
			number[l] = c
			j.members = append(j.members, nil)
		}
		j.class[i] = c
		j.members[c] = append(j.members[c], i)
	}
	j.of = make([]int32, len(queryLabels))
	for i, l := range queryLabels {
		j.of[i] = -1
		if c, ok := number[l]; ok {
			j.of[i] = c
		}
	}
}

// Do ranks a few queries.
func (j *rankJob) Do(task, worker int) {
	for row := task * rankRows; row < min((task+1)*rankRows, j.rows); row++ {
		if j.of[j.lo+row] >= 0 {
			j.query(j.lo+row, j.strip[row*len(j.class):][:len(j.class)], &j.scratch[worker])
		}
	}
}

// query ranks the gallery for query q at distances d.
func (j *rankJob) query(q int, d []float32, s *workspace) {
	c := j.of[q]
	s.right = s.right[:0]
	for _, i := range j.members[c] {
		if !j.among || i != q {
			s.right = append(s.right, key(d[i], i))
		}
	}
	if len(s.right) == 0 {
		return
	}
	slices.Sort(s.right)
	nearest := min(s.right[0], s.count(d, j.class, c))
	r := s.figures()
	r.nearest, r.right = int(uint32(nearest)), int(uint32(s.right[0]))
	j.ranked[q] = r
}

// key orders samples by distance, and equals by index.
func key(d float32, i int) uint64 {
	if d == 0 {
		d = 0 // −0 is as near as 0
	}
	b := math.Float32bits(d)
	if b>>31 != 0 {
		b = ^b
	} else {
		b |= 1 << 31
	}
	return uint64(b)<<32 | uint64(uint32(i))
}

// ofKey is the inverse of key.
func ofKey(k uint64) float32 {
	b := uint32(k >> 32)
	if b>>31 != 0 {
		return math.Float32frombits(b &^ (1 << 31))
	}
	return math.Float32frombits(^b)
}

// count fills wrong and returns the key of the nearest wrong sample, if that is nearer than
// the farthest right one.
//
// A table of buckets of equal width tells about where a distance is among the right ones, so
// that few are left to be searched.
func (s *workspace) count(d []float32, class []int32, c int32) uint64 {
	n := len(s.right)
	near, far := ofKey(s.right[0]), ofKey(s.right[n-1])
	scale := s.fillBuckets(near, far)
	s.wrong = scratch.Sized(s.wrong, n)
	clear(s.wrong)
	nearest := uint64(math.MaxUint64)
	for i, v := range d {
		if v > far || class[i] == c {
			continue
		}
		k := key(v, i)
		nearest = min(nearest, k)
		if v < near {
			s.wrong[0]++
			continue
		}
		b := int((v - near) * scale)
		lo, hi := int(s.bucket[b]), int(s.bucket[b+1])
		for lo < hi {
			if m := (lo + hi) / 2; s.right[m] < k {
				lo = m + 1
			} else {
				hi = m
			}
		}
		if lo < n {
			s.wrong[lo]++
		}
	}
	return nearest
}

// fillBuckets notes where each bucket begins among the right samples, and returns the
// factor from a distance beyond near to its bucket.
func (s *workspace) fillBuckets(near, far float32) (scale float32) {
	n := len(s.right)
	scale = float32(n) / (far - near)
	if !(scale*(far-near) <= float32(2*n)) { // one distance alone, or so near that the factor overflows
		scale = 0
	}
	s.bucket = scratch.Sized(s.bucket, int((far-near)*scale)+2)
	clear(s.bucket)
	for _, k := range s.right {
		s.bucket[int((ofKey(k)-near)*scale)+1]++
	}
	for b := 1; b < len(s.bucket); b++ {
		s.bucket[b] += s.bucket[b-1]
	}
	return scale
}

// figures computes a query's figures from the wrong samples between the right ones.
func (s *workspace) figures() ranking {
	n := len(s.right)
	r := ranking{first: 1 + int(s.wrong[0])}
	before, inR := 0, 0
	for i, w := range s.wrong {
		before += int(w)
		at := i + 1
		precision := float64(at) / float64(at+before)
		r.ap += precision
		if at+before <= n {
			r.mapAtR += precision
			inR++
		}
	}
	r.rPrecision = float64(inR) / float64(n)
	r.mapAtR /= float64(n)
	r.ap /= float64(n)
	return r
}

// mistakes lists the hardest of the queries whose nearest sample is wrong.
func mistakes(ranked []ranking, queries, gallery []float32, dim int, o Options) []Mistake {
	if o.Mistakes == 0 {
		return nil
	}
	var all []Mistake
	for q, r := range ranked {
		if r.first > 1 {
			x := queries[q*dim:][:dim]
			all = append(all, Mistake{
				Query: q,
				Wrong: r.nearest, Distance: distance.Between(o.Distance, x, gallery[r.nearest*dim:][:dim]),
				Right: r.right, RightDistance: distance.Between(o.Distance, x, gallery[r.right*dim:][:dim]),
			})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].gap() > all[j].gap() })
	return all[:min(o.Mistakes, len(all))]
}

func (m *Mistake) gap() float64 { return m.RightDistance - m.Distance }
