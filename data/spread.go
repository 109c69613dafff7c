package data

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Spread orders samples by their labels so that whatever number is taken from the front has the classes in their
// proportions; within a class the order is random.
func Spread(labels []int, rng *rand.Rand) []int {
	size, seen := map[int]int{}, map[int]int{}
	for _, y := range labels {
		size[y]++
	}
	order := rng.Perm(len(labels))
	key := make([]float64, len(labels))
	for _, i := range order {
		y := labels[i]
		key[i] = (float64(seen[y]) + 0.5) / float64(size[y])
		seen[y]++
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(key[a], key[b]) })
	return order
}
