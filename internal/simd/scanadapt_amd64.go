package simd

import "golang.org/x/sys/cpu"

func scanAVX2() scanKernels {
	return scanKernels{scan1AVX2, scan2AVX2, scan4AVX2, scan8AVX2}
}

// scanAVX512 takes the machine's dot-product instructions where it has them: the sums are of
// whole numbers, so that results are the same.
func scanAVX512() scanKernels {
	if cpu.X86.HasAVX512VNNI {
		return scanKernels{scan1VNNI, scan2VNNI, scan4VNNI, scan8VNNI}
	}
	return scanKernels{scan1AVX512, scan2AVX512, scan4AVX512, scan8AVX512}
}
