package simd

import "testing"

// TestScanWithoutVNNI: a machine with the newer instructions also runs the kernels of those without.
func TestScanWithoutVNNI(t *testing.T) {
	if Best() < AVX512 {
		t.Skip("the machine has no AVX-512")
	}
	defer Use(Use(AVX512))
	table := &tables32[AVX512]
	defer func(k scanKernels) { table.scan = k }(table.scan)
	table.scan = scanKernels{scan1AVX512, scan2AVX512, scan4AVX512, scan8AVX512}
	for seed, queries := range []int{1, 2, 4, 7, 8, 23} {
		for blocks := 1; blocks < 5; blocks++ {
			checkScan(t, newScanCase(uint64(100*seed+blocks), blocks, queries, 1+7*seed))
		}
	}
}
