// Package energy holds energy functions E(W, y, x): low means that answer y fits
// input x.
//
// # Labels
//
// A [Labeler] gives the energies of K labels, [B, K]:
//
//	Head         E = G(x)_y               any network with K outputs
//	Code         E = ‖G(x) − c_y‖²        fixed or learned codes; the latter can collapse
//	Joint        E = H(G(x) + V·y)        the answer is an input too
//	NonNegative  log(1 + exp(E))          around another
//
// A training step records the energies, then the loss by a [LabelLoss], which is kept
// from step to step; [Loss] does it in one call. A [Predictor] gives the answer.
//
// # Other answers
//
// A functional asks for two things, E⁺ and a statistic of the energies of all
// answers; [Answers] gives them, each [B], as values of a tape. Whoever implements its
// two methods can use every functional:
//
//   - chains and alignments: the minimum is the Viterbi path's energy, the free energy
//     the forward recursion's, the most offending answer the second-best path, and
//     CostMax the cost-augmented Viterbi path's; derivatives are the path found or the
//     marginals. CostSum has no recursion, so Statistic returns an error for it.
//   - continuous answers: a search (package offender) finds the minimum, inside or outside
//     the ε-ball, and the statistic is E recorded at the answer found, which is held
//     fixed: by the envelope theorem its derivative by W is the minimum's. The free
//     energy is a log-sum-exp over a grid with its cell volume, or over samples.
//   - latent variables: E(x, y) is itself a minimum or a free energy over z.
//
// An implementation is made for one batch on one tape, holds what it needs of the model, and
// records on the tape only when asked. Where the kind of statistic is one that it cannot give,
// it returns an error that says so.
package energy
