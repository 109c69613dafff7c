package index

import (
	"math"
	"slices"
	"sync"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// How cells are found: by a few steps of k-means on some rows for each cell and for each group.
const (
	cellSample  = 64
	groupSample = 512
	cellSteps   = 6
	cellRefine  = 2    // steps of all cells at once
	cellLeast   = 256  // rows of a cell in the mean, at least
	cellMost    = 512  // and at most
	nearGroups  = 4    // groups in which a vector's nearest cell is looked for
	groupsLeast = 64   // cells, of which there are groups
	cellChunk   = 1024 // vectors at a time
)

// cellsOf is how many cells rows are parted into. Cells of many rows have several clusters, far from their center, and no search
// can leave them out; those of few take long to choose from.
func cellsOf(rows int) int {
	return max(1, rows/min(cellMost, max(cellLeast, int(math.Sqrt(float64(rows))/2))))
}

// cells are centers, in groups about centers of their own. A vector's cell is the nearest of those in the groups that are
// nearest to it, which takes a small part of the time that the nearest of all centers takes. It is not always that one: which rows
// a cell has is up to whoever makes it.
type cells struct {
	dim     int
	groups  []float32 // their centers
	first   []int     // group i has the cells first[i] to first[i+1]
	centers []float32
}

// newCells finds n cells by a sample of the vectors.
func newCells(sample []float32, dim, n int) *cells {
	c := &cells{dim: dim, first: []int{0, n}}
	if n < groupsLeast {
		c.groups = make([]float32, dim) // one
		c.centers = means(sample, dim, n)
		return c
	}
	groups := int(math.Sqrt(float64(n)))
	c.groups = means(thin(sample, dim, groups*groupSample), dim, groups)
	c.part(sample, n)
	for range cellRefine {
		at := make([]uint32, len(sample)/dim)
		eachChunk(len(at), func(lo, hi int) { c.nearest(sample[lo*dim:hi*dim], at[lo:hi]) })
		moveCenters(c.centers, sample, dim, at)
	}
	return c
}

// thin returns about n of a sample's vectors, or all if there are no more.
func thin(sample []float32, dim, n int) []float32 {
	rows := len(sample) / dim
	step := max(1, rows/n)
	if step == 1 {
		return sample
	}
	out := make([]float32, 0, (rows+step-1)/step*dim)
	for i := 0; i < rows; i += step {
		out = append(out, sample[i*dim:][:dim]...)
	}
	return out
}

// part finds n cells, in each group as many as its part of the sample makes.
func (c *cells) part(sample []float32, n int) {
	groups := len(c.groups) / c.dim
	at := nearestOf(c.groups, sample, c.dim)
	c.first = c.first[:1]
	of, count := make([]float32, 0, len(sample)), 0
	for g := range groups {
		of = of[:0]
		for i, group := range at {
			if int(group) == g {
				of = append(of, sample[i*c.dim:][:c.dim]...)
			}
		}
		count += len(of) / c.dim
		end := count * n / len(at)
		c.centers = append(c.centers, means(of, c.dim, end-c.first[g])...)
		c.first = append(c.first, end)
	}
}

// means returns n centers, by k-means.
func means(sample []float32, dim, n int) []float32 {
	rows := len(sample) / dim
	centers := make([]float32, n*dim)
	if n == 0 {
		return centers
	}
	for i := range n {
		copy(centers[i*dim:][:dim], sample[i*rows/n*dim:])
	}
	for range cellSteps {
		moveCenters(centers, sample, dim, nearestOf(centers, sample, dim))
	}
	return centers
}

// moveCenters puts centers where the means of their vectors are. One that has none stays where it is.
func moveCenters(centers, sample []float32, dim int, at []uint32) {
	sum, count := make([]float32, len(centers)), make([]float32, len(centers)/dim)
	for i, cell := range at {
		simd.AddTo(sum[int(cell)*dim:][:dim], sample[i*dim:][:dim])
		count[cell]++
	}
	for i, n := range count {
		if n > 0 {
			for t := range dim {
				centers[i*dim+t] = sum[i*dim+t] / n
			}
		}
	}
}

// nearestOf returns which center is nearest to each vector.
func nearestOf(centers, vectors []float32, dim int) []uint32 {
	n := len(centers) / dim
	at := make([]uint32, len(vectors)/dim)
	eachChunk(len(at), func(lo, hi int) {
		far := make([]float32, (hi-lo)*n)
		simd.SquaredDistances(far, vectors[lo*dim:hi*dim], centers, hi-lo, n, dim)
		for i := range hi - lo {
			at[lo+i] = uint32(simd.ArgMin(far[i*n:][:n]))
		}
	})
	return at
}

// eachChunk does something with cellChunk of n vectors after the other, several at a time.
func eachChunk(n int, do func(lo, hi int)) {
	simd.Run((n+cellChunk-1)/cellChunk, tasks(func(i int) { do(i*cellChunk, min(n, (i+1)*cellChunk)) }))
}

// tasks is a simd.Job.
type tasks func(task int)

func (t tasks) Do(task, _ int) { t(task) }

// nearCells is what cells.nearest needs.
type nearCells struct {
	far, some []float32
	of        [][]uint32 // of each group, the vectors that it is near to
	best      []float32
}

var nearPool = sync.Pool{New: func() any { return &nearCells{} }}

// nearest writes the cells of some vectors.
func (c *cells) nearest(vectors []float32, out []uint32) {
	w := nearPool.Get().(*nearCells)
	defer nearPool.Put(w)
	w.choose(c, vectors, len(out))
	w.best = scratch.Sized(w.best, len(out))
	for i := range out {
		out[i], w.best[i] = 0, float32(math.Inf(1))
	}
	for g, near := range w.of {
		cells := c.first[g+1] - c.first[g]
		if len(near) == 0 || cells == 0 {
			continue
		}
		w.some = slices.Grow(w.some[:0], len(near)*c.dim)
		for _, i := range near {
			w.some = append(w.some, vectors[int(i)*c.dim:][:c.dim]...)
		}
		w.far = scratch.Sized(w.far, len(near)*cells)
		simd.SquaredDistances(w.far, w.some, c.centers[c.first[g]*c.dim:c.first[g+1]*c.dim], len(near), cells, c.dim)
		for j, i := range near {
			far := w.far[j*cells:][:cells]
			if k := simd.ArgMin(far); far[k] < w.best[i] {
				out[i], w.best[i] = uint32(c.first[g]+k), far[k]
			}
		}
	}
}

// choose finds the groups that n vectors are nearest to.
func (w *nearCells) choose(c *cells, vectors []float32, n int) {
	groups := len(c.groups) / c.dim
	for len(w.of) < groups {
		w.of = append(w.of, nil)
	}
	w.of = w.of[:groups]
	for g := range w.of {
		w.of[g] = w.of[g][:0]
	}
	w.far = scratch.Sized(w.far, n*groups)
	simd.SquaredDistances(w.far, vectors, c.groups, n, groups, c.dim)
	for i := range n {
		far := w.far[i*groups:][:groups]
		for range min(nearGroups, groups) {
			g := simd.ArgMin(far)
			far[g] = math.MaxFloat32
			w.of[g] = append(w.of[g], uint32(i))
		}
	}
}
