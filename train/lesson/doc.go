// Package lesson trains the small energy surfaces of the 2006 tutorial [lecun2006] a step at a time, so that they can be watched,
// changed and searched while they are trained.
//
// A [Lesson] is of one of two kinds:
//
//	E(x, y), answers y to inputs x   the set "parabola" or "pairs", trained by any functional
//	E(y₁, y₂), density exp(−E)/Z     the sets of toy.Names() or "points", trained by an objective
//
// [Lesson.Step] trains, [Lesson.Change] sets margin, temperature, step size or the functional itself anew between two steps, and [Lesson.Look]
// gives the surface on a grid with what the loss does to it: the answers that a search found, and ∂L/∂E at each place where it is not 0.
// A [Swarm] is chains of a sampler on the surface as it is.
//
// The same settings and the same calls give the same bits, whatever the number of cores is. A Lesson serves one goroutine.
package lesson
