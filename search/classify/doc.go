// Package classify holds classifiers of pictures: networks that give the energy of each class for a picture, low where the class fits. The
// answer is the class of the least energy. They are what `energo train pictures` trains.
//
// Open reads a folder of weights and a card (CardFile) that says what the network takes and what the classes are, so that a program needs neither
// the job that trained it nor its data. New makes an untrained network, Begin one that begins with a model of another system, and Save such a folder.
package classify
