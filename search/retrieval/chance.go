package retrieval

// Chance is what a random order of all other samples is expected to come to, as the mean over the samples whose label another one has. With N samples, and R others of a query's label,
//
//	precision@1  R / (N−1)
//	MAP@R        1/R · Σ R/(N−1) · (1 + (i−1)(R−1)/(N−2)) / i over i from 1 to R
//
// Both are NaN where no label comes twice.
func Chance(labels []int) (precision1, mapAtR float64) {
	count := map[int]int{}
	for _, y := range labels {
		count[y]++
	}
	others := float64(len(labels) - 1)
	queries := 0.0
	for _, y := range labels { // in order, so that the sums are the same each time
		r := float64(count[y] - 1)
		if r == 0 {
			continue
		}
		queries++
		precision1 += r / others
		sum := 0.0
		for i := 1.0; i <= r; i++ {
			more := 0.0
			if r > 1 {
				more = (i - 1) * (r - 1) / (others - 1)
			}
			sum += (1 + more) / i
		}
		mapAtR += sum / others
	}
	return precision1 / queries, mapAtR / queries
}
