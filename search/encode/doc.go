// Package encode opens the networks that turn pictures into vectors, in which similar pictures are near one another: what
// `energo train search` and `energo train siamese` train, and ONNX models that other systems trained; what searches by them embeds
// its pictures with them.
//
// Open reads a folder of weights and a card (CardFile) that says what the network takes and gives, so that a program
// needs neither the job that trained it nor its settings. NewNetwork makes an untrained network, and Network.Save such a folder.
// OpenImported reads an ONNX model, with a card beside it for what the model does not say; OpenAny takes either, and
// the name of Histogram, which needs no training.
package encode
