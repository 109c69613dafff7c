// Package answers makes the answers to sequences a space that every functional works on:
// the paths of chains, and the texts or alignments of a network that gives each frame
// energies of classes.
//
// A functional takes the energy E⁺ of the correct answer and one statistic of the
// energies of all. [Chains] and [Alignments] compute both by dynamic programs, in two
// phases: Eval gives the numbers, in float64, and AddGrads the derivatives, once the
// functional's formula has said how hard to push. [Loss] joins a space and a functional.
//
//	statistic    chains                             alignments, Least          alignments, Sum
//	E⁺           the correct path                   best path of the text      −log Σ over its paths
//	Minimum      Viterbi's                          best path of all           refused
//	Offending    best path that leaves the correct  best path of other texts   refused
//	FreeEnergy   forward algorithm                  over all paths             the same, β = 1
//	Wrong        over all paths but the correct     over other texts' paths    the same, β = 1
//	CostMax      least E − C of the incorrect       least E − C, as Offending  refused
//	CostSum      refused                            refused                    refused
//
// What is refused is an error, *[NoStatistic], that says why; nothing takes its place.
//
// Where an incorrect answer ties with the correct one for the minimum, the incorrect one
// is the minimum and is pushed: all weights of a chain may begin at 0, where every path
// ties, and functional.Minimum of labels would push nothing then.
package answers
