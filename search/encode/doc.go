// Package encode opens the networks that turn pictures into vectors, in which similar pictures are near one another: what
// `energo train search` and `energo train siamese` train, and what searches by them embed their pictures with.
//
// Open reads a folder of weights and a card (CardFile) that says what the network takes and gives, so that a program
// needs neither the job that trained it nor its settings. NewNetwork makes an untrained network, and Network.Save such a folder.
package encode
