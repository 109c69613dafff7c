// Package energo is the door to a library of loss functions and energy-based
// learning. A model gives each answer y to an input x an energy E(W, y, x), low where
// they fit; a loss functional says which energies to push down and which up.
//
// Where to find what:
//
//   - package functional: the loss functionals, over plain slices of label energies or
//     behind one small interface;
//   - package energy: energy functions over labels, and the interface for answers of
//     other kinds;
//   - packages nn, autodiff, optim, tensor: networks, their gradients, descent, and
//     weights in safetensors, named as PyTorch names them;
//   - package train: the loop with checkpoints, diagnosis and a guard;
//   - package recipe and the energo command: whole jobs.
//
// The examples of this package train a network of one's own, and save, load and serve it.
package energo
