package lattice

import (
	"math"
	"math/big"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Solver computes over batches of chains. Its zero value is ready; it keeps its memory
// from call to call, and once warm only KBest and Counts allocate. It is not for several
// goroutines at once.
type Solver[T tensor.Float] struct {
	layout
	c       *Chains[T]
	task    task
	bounds  []int // first chain of each group, and the end
	workers []*workspace[T]
	groups  []group[T]
	weights []T     // exp(lowest − Pair), of a Pair that all share
	lowest  float64 // of that Pair
	span    float64 // … and the greatest less the lowest
	above   []T     // that Pair, less the lowest
	rowLow  []T     // the least of each row of that

	marginal []T    // of ExpectedCost
	doubtful []bool // chains that float32 is too narrow for
	wide     *wide  // for them

	// What run works on.
	energies     []float64
	unary, pair  []T // derivatives
	up, cost     []T
	paths        []int
	seeds        [][2]uint64 // of each chain's draws
	k            int
	best         [][]Path
	counts       []*big.Int
	derive, keep bool // compute derivatives; those of a shared Pair
}

// task is what a Solver is doing.
type task int

const (
	doFree task = iota
	doMarginals
	doMinima
	doSample
	doKBest
	doCount
)

// workspace is one worker's memory.
type workspace[T tensor.Float] struct {
	scaled scaled[T]
	logs   logs
	best   best[T]
	search search
	pcg    rand.PCG
	rng    *rand.Rand // draws from pcg
}

// group is a share of a batch, whose sums are kept apart: a fixed split, so that
// results do not depend on who does what.
type group[T tensor.Float] struct {
	outer  []T       // Σ α(i)·q(j), of which the weights make the sum of marginals
	direct []float64 // sums of marginals found in logarithms; empty for none
}

// maxGroups bounds the shares of a batch, and so its memory for a shared Pair.
const maxGroups = 16

// begin takes a batch in.
func (s *Solver[T]) begin(c *Chains[T]) error {
	if err := s.lay(c.Lengths, c.States, len(c.Unary), len(c.Pair)); err != nil {
		return err
	}
	if err := checkEnergies("Unary", c.Unary); err != nil {
		return err
	}
	if err := checkEnergies("Pair", c.Pair); err != nil {
		return err
	}
	s.c = c
	for len(s.workers) < simd.Threads() {
		w := new(workspace[T])
		w.rng = rand.New(&w.pcg)
		s.workers = append(s.workers, w)
	}
	s.split()
	return nil
}

// split cuts the batch into groups of about as many variables.
func (s *Solver[T]) split() {
	n := len(s.c.Lengths)
	groups := min(n, maxGroups)
	s.bounds = append(s.bounds[:0], 0)
	at := 0
	for g := 1; g < groups; g++ {
		for at < n-(groups-g) && s.chains[at+1]*groups <= g*len(s.vars) {
			at++
		}
		at = max(at, s.bounds[g-1]+1)
		s.bounds = append(s.bounds, at)
	}
	if groups > 0 {
		s.bounds = append(s.bounds, n)
	}
}

// run does a task for all chains.
func (s *Solver[T]) run(t task) {
	s.task = t
	simd.Run(len(s.bounds)-1, (*job[T])(s))
	s.c, s.energies, s.unary, s.pair, s.up, s.cost, s.paths = nil, nil, nil, nil, nil, nil, nil
	s.best, s.counts = nil, nil
}

// job is a Solver as workers see it: its tasks are the groups.
type job[T tensor.Float] Solver[T]

// Do implements [simd.Job].
func (j *job[T]) Do(g, worker int) {
	s := (*Solver[T])(j)
	w := s.workers[worker]
	for i := s.bounds[g]; i < s.bounds[g+1]; i++ {
		switch s.task {
		case doMinima:
			s.energies[i] = s.minimum(w, i)
		case doSample:
			s.sample(w, i)
		case doKBest:
			s.best[i] = s.kBest(w, i)
		case doCount:
			s.counts[i] = s.count(i)
		default:
			s.energies[i] = s.free(w, i, g)
		}
	}
}

// share takes the exponentials of a Pair that all share.
func (s *Solver[T]) share(pair []T) {
	s.weights = scratch.Sized(s.weights, len(pair))
	low := simd.Min(pair)
	s.lowest, s.span = float64(low), float64(simd.Max(pair))-float64(low)
	if math.IsInf(s.lowest, 1) {
		clear(s.weights)
		s.lowest, s.span = 0, math.Inf(1)
		return
	}
	for i, v := range pair {
		s.weights[i] = low - v
	}
	simd.Exp(s.weights, s.weights)
}
