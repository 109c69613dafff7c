// Package lattice has the dynamic programs over sequences: free energies, minima,
// marginals, the k best paths, samples and counts of linear chains and of acyclic
// graphs, in time linear in their length.
//
// A path's energy is the sum of what it passes; low is good, and +Inf forbids. With E
// the energies of all paths,
//
//	free energy   F = −ln Σ exp(−E)      the log semiring, log zero being −Inf
//	minimum       min E                  the min-plus semiring (Viterbi)
//	marginals     ∂F/∂e of each energy e, the share of the paths through it
//
// [Chains] are sequences of variables, a batch of them in flat slices: tag sequences,
// factor graphs of chain form. [Graph] is a general lattice of arcs: alignments. Where
// no path is possible, F and the minimum are +Inf, the marginals 0, and paths are of
// −1: see [Impossible]. An empty chain has one path, of energy 0.
//
// Energies and costs are numbers from −1e28 to 1e28 in float32, from −1e298 to 1e298 in
// float64, of which no path's sum overflows; all others, but +Inf as an energy, are
// refused by index. At all of them the shares of a variable, and of a cut of a graph, sum to 1
// within 1e-5 in float32 and 1e-12 in float64. An energy that a step has in common hides
// nothing: a column of 1e18 leaves all other shares as they are. Beyond that, sums that decide
// between paths have 32 digits, those of Minima the digits of T.
//
// Results depend neither on the number of threads nor on what else is in
// a batch, but for sums over it.
package lattice

import "math"

// Impossible reports whether a free energy or a minimum is that of no path at all.
func Impossible(energy float64) bool { return math.IsInf(energy, 1) }
