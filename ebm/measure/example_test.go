package measure_test

import (
	"fmt"

	"github.com/energo-ml/energo/ebm/measure"
)

// How well energies tell known samples from strange ones.
func Example() {
	known, strange := []float64{0.1, 0.4, 0.7}, []float64{0.6, 0.9, 1.3}
	fmt.Printf("AUROC %.3f\n", measure.AUROC(known, strange))
	fmt.Printf("median %.1f\n", measure.Quantile(measure.Sorted(known), 0.5))
	// Output:
	// AUROC 0.889
	// median 0.4
}
