// Package read opens the networks that read lines of handwriting and of speech: what `energo train strips` and
// `energo train speech` train, and `energo transcribe` and `energo align` use.
//
// Open reads a folder of weights and a card (CardFile) that says all that reading needs, so that a program needs
// neither the job that trained it nor its settings. A Reader turns files, or a stream of sound, into emissions, which package
// ctc makes text of, and says when words are said. An Emitter has the emissions of ONNX models and of
// another system's files, too, and aligns them to texts. NewNetwork, OpenBase (a network that begins with such a model), Batch and LearnTimes are for training; Save writes such a folder.
package read
