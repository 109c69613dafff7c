// Package functional holds the loss functionals of energy-based learning.
//
// A functional never needs the energy surface itself. It needs the energy E⁺ of the
// correct answer and one statistic s of the energies of all answers: their minimum,
// the most offending incorrect answer's energy E⁻, or the free energy. So each is the
// name of a statistic and a formula q(E⁺, s) with its two derivatives, and those
// derivatives are what is pushed down and what is pushed up; the rest of learning is
// back-propagation. [Catalogue] has a row for each, [New] makes one by its name.
//
// Where the answers are K labels, [Labels] and [LabelEvaluator] give statistic, loss
// and derivatives for a batch in one pass. Other answer spaces implement
// energy.Answers, and every functional works on them as it is.
//
// The loss of a batch is the mean over its samples: it does not change when samples
// are permuted, or all of them repeated.
//
// # Familiar losses are compositions
//
// Many losses are one of these functionals over some energy and some set of answers.
//
//	loss                          functional      energies                      answers
//	cross-entropy                 NLL             −logits                       labels
//	multi-class SVM, Weston       MarginCost      −scores                       labels
//	multi-class SVM, Crammer      MarginCostMax   −scores                       labels
//	structured SVM                MarginCostMax   −scores                       structures, with their cost
//	structured perceptron         Perceptron      −scores                       structures
//	conditional random field      NLL             a chain's                     label sequences
//	CTC                           NLL             −log p, alignments latent     texts
//	triplet                       Hinge           distance to the anchor        positive, negative
//	triplet, soft margin          Log             distance to the anchor        positive, negative
//	batch-hard triplet            Hinge           distance to the anchor        its farthest positive, all negatives
//	margin ranking                Hinge           −score                        the better, the worse
//	contrastive (Siamese)         SquareSquare    distance                      a pair counts as E⁺ or as E⁻
//	InfoNCE, NT-Xent              NLL             −similarity/τ                 a positive, the batch's negatives
//	supervised contrastive        NLL             −similarity/τ                 the batch, each positive once correct
//	multi-class N-pair            NLL             −a·p                          the labels' positives
//	ArcFace                       NLL             −s·cos(θ + m·[correct])       labels
//	CosFace                       NLL             −s·(cos θ − m·[correct])      labels
//	ProxyNCA++                    NLL             squared distance/τ            the labels' proxies
//	logistic (binary)             Log, or NLL     ∓ logit/2                     two labels
//	regression, autoencoder       Energy          ‖G(x) − y‖²                   vectors
//	LVQ                           LVQ2, Delta     distance to the prototypes    labels
//
// Triplet loss for one anchor, say, is Hinge{Margin: m} with k = 2: the row holds the
// distances to the positive and to the negative, and the target is 0. The tests of package
// loss hold its losses against these functionals, value and gradient.
package functional
