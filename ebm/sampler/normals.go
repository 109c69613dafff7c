package sampler

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// noise draws many normal numbers on all cores. Runs of fixed length have streams of
// their own, so the numbers do not depend on who draws them.
type noise[T tensor.Float] struct {
	dst  []T
	seed [2]uint64
	pcg  []rand.PCG // of each worker
}

// noiseRun is the number of normals in one stream.
const noiseRun = 4 << 10

// fill sets dst to independent standard normal numbers.
func (g *noise[T]) fill(rng *rand.Rand, dst []T) {
	g.dst, g.seed = dst, [2]uint64{rng.Uint64(), rng.Uint64()}
	g.pcg = scratch.Sized(g.pcg, simd.Threads())
	simd.Run((len(dst)+noiseRun-1)/noiseRun, (*noiseJob[T])(g))
	g.dst = nil
}

// noiseJob hides Do, which the pool calls.
type noiseJob[T tensor.Float] noise[T]

func (g *noiseJob[T]) Do(task, worker int) {
	g.pcg[worker].Seed(g.seed[0], g.seed[1]+uint64(task))
	r := rand.New(&g.pcg[worker])
	lo := task * noiseRun
	for i := lo; i < min(lo+noiseRun, len(g.dst)); i++ {
		g.dst[i] = T(r.NormFloat64())
	}
}
