// Package ctc works with the emissions of a network that was trained by connectionist
// temporal classification: it finds the labels that they mean, aligns them to known
// labels, and measures errors. The loss itself is loss.CTC.
//
// Emissions are log probabilities, T frames of C classes each, flat and frame by frame,
// whatever system made them. One class is the blank. An alignment gives each frame a
// class; its labels are what is left when repeats are merged and then blanks removed. The
// log probability of labels is that of all their alignments together.
//
//   - [Greedy] takes the likeliest class of each frame.
//   - [Decoder] is prefix beam search: the likeliest labels, under a language model, a
//     lexicon and hot words, all optional, whole or in chunks. The model is any
//     [LanguageModel]: package ngram\'s, or one of your own.
//   - [Edits] and [ErrorCount] compare with what was really said.
//
// Log probabilities may be −Inf, classes that are impossible; NaN and +Inf are errors that
// name frame and class. They need not add up to one: scores of any scale have the same
// order of labels if each frame's are shifted by a constant.
//
// Source: [graves2006].
package ctc
