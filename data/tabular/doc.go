// Package tabular has energies of the answers in tables: a network takes the features of a row (data.TableSchema) and gives
//
//	an energy for each class      of one class; the answer is that of the least energy
//	an energy for each class      of several classes, less that of its absence; those below 0 are in the answer
//	one energy                    of ranks; rows of low energy come first in their group
//	f(x), standardised            of numbers, with the energy (f(x) − y)²/2
//
// A Trainer records losses over rows, by a functional or by a loss of package loss, and measures a model. Model.Save writes the
// model into a folder that describes itself, and Open reads it without the training table:
//
//	table.json         the card: format number, network, columns and how they become features and answers
//	model.safetensors  the weights
package tabular
