package simd

import (
	"fmt"

	"github.com/energo-ml/energo/internal/scratch"
)

// A distanceShape is the shape of one task of SquaredDistances: rows of x against n
// centres, all of d coordinates; rows of dst are stride elements apart.
type distanceShape struct {
	rows, n, d, stride int
}

// Rows of x and of c in one task of SquaredDistances.
const (
	distanceRows    = 1024
	distanceCentres = 64
)

// distanceWidth is the most centres that a kernel rearranges at a time.
const distanceWidth = 32

// SquaredDistances computes dst[i,j] = ‖xᵢ − cⱼ‖² = Σ_t (x[i,t] − c[j,t])² for the b rows
// of x and the k rows of c, each of d coordinates. The differences are squared
// themselves: expanding the square would cancel where xᵢ is near cⱼ.
func SquaredDistances[T Float](dst, x, c []T, b, k, d int) {
	if b < 0 || k < 0 || d < 0 || len(x) != b*d || len(c) != k*d || len(dst) != b*k {
		panic(fmt.Sprintf("simd: distances of %d points to %d centres of %d coordinates: x has %d elements, c %d, dst %d",
			b, k, d, len(x), len(c), len(dst)))
	}
	if b == 1 && k*d <= 8*lightChunk && k > 0 { // which needs no scratch
		tableOf[T]().distances(dst, x, c, nil, distanceShape{1, k, d, k})
		return
	}
	blocks := (k + distanceCentres - 1) / distanceCentres
	tasks := blocks * ((b + distanceRows - 1) / distanceRows)
	free := &jobsOf[T]().distances
	j := free.get()
	*j = distanceJob[T]{
		run: tableOf[T]().distances, dst: dst, x: x, c: c,
		scratch: scratch.Sized(j.scratch, Threads()*distanceWidth*d),
		b:       b, k: k, d: d, blocks: blocks,
	}
	if b*k*d <= 8*lightChunk {
		for t := range tasks {
			j.Do(t, 0)
		}
	} else {
		Run(tasks, j)
	}
	*j = distanceJob[T]{scratch: j.scratch}
	free.put(j)
}

// A distanceJob is cut into blocks of rows by blocks of centres.
type distanceJob[T Float] struct {
	run             func(dst, x, c, scratch []T, s distanceShape)
	dst, x, c       []T
	scratch         []T // distanceWidth·d elements a worker, to rearrange centres in
	b, k, d, blocks int
}

func (j *distanceJob[T]) Do(task, worker int) {
	row := task / j.blocks * distanceRows
	col := task % j.blocks * distanceCentres
	s := distanceShape{min(distanceRows, j.b-row), min(distanceCentres, j.k-col), j.d, j.k}
	scratch := j.scratch[worker*distanceWidth*j.d:][:distanceWidth*j.d]
	j.run(j.dst[row*j.k+col:], j.x[row*j.d:], j.c[col*j.d:], scratch, s)
}

func distances[T Float](dst, x, c, _ []T, s distanceShape) {
	for i := range s.rows {
		row := x[i*s.d : (i+1)*s.d]
		for j := range s.n {
			var total T
			for t, v := range c[j*s.d : (j+1)*s.d] {
				r := row[t] - v
				total += r * r
			}
			dst[i*s.stride+j] = total
		}
	}
}
