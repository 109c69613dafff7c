// Package energo is the door to a library of loss functions and energy-based
// learning. A model gives each answer y to an input x an energy E(W, y, x), low where
// they fit; a loss functional says which energies to push down and which up.
//
// Where to find what:
//
//   - package functional: the loss functionals, over plain slices of label energies or
//     behind one small interface;
//   - package loss: PyTorch's losses, value and gradient in one pass over plain slices,
//     losses over the pairs of a batch, and a catalogue that evaluates them by name;
//   - package energy: energy functions over labels, and the interface for answers of
//     other kinds;
//   - package lattice: free energies, minima, marginals and draws of chains and graphs;
//   - package seq/answers: chains and alignments as answers that any functional trains;
//   - packages sampler, offender, objective: chains over continuous or binary answers, the
//     search for the most offending incorrect one, and densities trained without their
//     partition function;
//   - packages nn, autodiff, optim, tensor: networks, their gradients, descent, and
//     weights in safetensors, named as PyTorch names them;
//   - package seq/tag: taggers of words, trained by any functional of chains, saved and opened;
//   - packages ctc, ngram, audio, seq/read: what a network trained by CTC says and when,
//     language models of words, recordings, and networks that read strips and speech;
//   - packages search/distance, pair, retrieval, search/encode, index, index/weaviate, index/indextest, embed:
//     distances, which samples a metric loss compares, how well vectors find their like, encoders of
//     pictures, vectors on disk or on a server and the tests of such stores, and large
//     collections of pictures turned into vectors;
//   - packages data, data/tabular: readers of data sets, and models of the answers in tables;
//   - package train: the loop with checkpoints, diagnosis and a guard, and tasks over slices
//     of one's own;
//   - packages measure, surface, report: figures of results, films of energy surfaces, and
//     pages of a run;
//   - package serve: search over HTTP;
//   - packages job, job/option, jobs, jobs/command: a training job as one description, its
//     settings, energo's jobs, and its command line over jobs of one's own.
//
// The examples of this package train a network of one's own, by a functional or a loss,
// and a density; save, load, ask and serve them.
package energo
