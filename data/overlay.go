package data

import "math/rand/v2"

// Overlay writes the picture of a sample to dst, with up to most−1 others laid over it that are drawn at random, the brighter at each
// pixel. It sets marks to 1 for the labels of those that are there, else to 0; a picture whose label is there already is left out.
//
// Shapes: dst has H·W elements, marks one for each label.
func (m *Images) Overlay(dst, marks []float32, sample, most int, rng *rand.Rand) {
	clear(marks)
	marks[m.Labels[sample]] = 1
	m.Batch(dst, []int{sample})
	for range rng.IntN(most) {
		other := rng.IntN(m.N)
		if marks[m.Labels[other]] == 1 {
			continue
		}
		marks[m.Labels[other]] = 1
		for i, p := range m.Image(other) {
			dst[i] = max(dst[i], scaled[p])
		}
	}
}
