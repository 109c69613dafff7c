// Package pair chooses which samples a metric loss compares: pairs and triplets from labels,
// miners that look for those worth learning from, batches with several samples of each
// class, and a memory of the embeddings of batches before. What a miner chose is evaluated
// by loss.OfPairs and loss.OfTriplets.
//
// An anchor's positives are the other samples of its label, its negatives those of other
// labels; labels are any integers. Nearness is a [distance.Measure]: less is nearer. Miners work in
// T, over strips of the matrix of distances, and take equals in order of index: the same
// embeddings give the same triplets whatever the number of threads.
package pair
