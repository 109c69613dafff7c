// Package energo is the door to a library of loss functions and energy-based learning. A model gives each answer y to an input x an
// energy E(W, y, x), low where they fit; a loss functional says which energies to push down and which up.
//
// Below are the packages, from the ground up: each imports those of its own part and of the parts above it in this list alone.
//
// Networks:
//
//   - package engine/tensor: dense float32 and float64 arrays, safetensors, and PyTorch's files;
//   - packages engine/autodiff, engine/autodiff/gradcheck: the tape and its operations, and derivatives held
//     against finite differences;
//   - packages engine/nn, engine/optim: layers, optimisers and schedules, named as PyTorch names them;
//   - package engine/onnx: models in the ONNX format, run in pure Go;
//   - packages engine/onnx/format, engine/onnx/value, engine/onnx/op, engine/onnx/conformance: the structures of an ONNX file, the tensors
//     that pass along its graph, the operators, and the ONNX project's tests;
//   - package engine/onnx/surround: nodes before and behind a model's graph;
//   - packages engine/onnx/export, engine/onnx/export/exporttest: networks as such files, and the tests of those;
//   - package engine/onnx/huggingface: folders in the form of Hugging Face as such models.
//
// Losses:
//
//   - packages loss/distance, loss/pair: distances, and which samples a metric loss compares;
//   - package loss: PyTorch's losses, value and gradient in one pass over plain slices, losses over the pairs of a
//     batch, and a catalogue that evaluates them by name.
//
// Energies:
//
//   - package ebm/functional: the loss functionals, over plain slices of label energies or behind one small interface;
//   - packages ebm/energy, ebm/offender: energy functions over labels, the interface for answers of other kinds, and
//     the search for the most offending incorrect one;
//   - packages ebm/sampler, ebm/objective: chains over continuous or binary answers, and densities trained without
//     their partition function;
//   - packages ebm/measure, ebm/surface, ebm/watch: what a number is of and in which unit, films of energy surfaces, and energies of samples along training.
//
// Data and the loop:
//
//   - packages data, data/toy, data/tabular: readers of data sets, distributions over the plane, and models of the answers in tables;
//   - package train: the loop with checkpoints, diagnosis and a guard, and tasks over slices of one's own;
//   - package train/lesson: the tutorial's surfaces, trained a step at a time, to be watched and changed meanwhile.
//
// Sequences:
//
//   - packages seq/lattice, seq/answers: free energies, minima, marginals and draws of chains and graphs; chains and
//     alignments as answers that any functional trains;
//   - package seq/sentence: vectors of texts;
//   - packages seq/token, seq/ctc, seq/ngram, seq/audio: what the classes of a network trained by CTC mean, what it
//     says and when, language models of words, recordings;
//   - packages seq/text, seq/timedtext: transcripts as people write them, spelled by a model's tokens; subtitles and other
//     files of what is said when;
//   - packages seq/read, seq/read/readtest, seq/tag: networks that read strips and speech, one for tests, and taggers of words, opened by their cards.
//
// Search:
//
//   - packages search/retrieval, search/encode, search/classify: how well vectors find their like, encoders of pictures,
//     and classifiers of them;
//   - packages search/index, search/index/weaviate, search/index/pgvector, search/index/remote, search/index/indextest, search/lexical,
//     search/collection, search/vectors, search/bulk: vectors on
//     disk or on a server, the tests of such stores, collections of pictures in them, and large ones turned into vectors.
//
// Whole jobs:
//
//   - package catalogue: every loss and functional by name, a JSON line in and a JSON line out, and along one number;
//   - packages report, report/tensorboard: pages and pictures of a run, and runs for other programs;
//   - packages job, job/option, job/sweep, jobs: a training job as one description, its settings, many of them tried, and energo's own jobs;
//   - packages serve, serve/bearer, serve/wire, serve/openapi, serve/openai, serve/shelf, serve/internal/openapitest, serve/internal/pages: servers over HTTP, their clients' tokens, what
//     these send and are told, descriptions of that and tests by them, models by name, files of pages;
//   - packages serve/search, serve/inference, serve/predict, serve/embeddings, serve/speech, serve/studio, serve/studio/answer: search, networks, labels, vectors and speech, and the
//     page of runs by one;
//   - package serve/client: such servers asked from Go;
//   - package cmd/energo/cli: the command line, over energo's jobs or those of one's own program.
//
// The examples of this package train a network of one's own, by a functional or a loss, and a density; save, load, ask and serve them.
package energo
