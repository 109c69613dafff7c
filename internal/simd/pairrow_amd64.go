package simd

func pairsAVX2() pairKernels[float32] {
	return pairKernels[float32]{
		sums: pairSumsAVX2, gap: pairGapAVX2, cosine: cosineGradAVX2,
		squares: pairSquaresAVX2, abs: pairAbsAVX2,
		triplet2: triplet2GradAVX2, triplet1: triplet1GradAVX2,
	}
}

func pairsAVX512() pairKernels[float32] {
	return pairKernels[float32]{
		sums: pairSumsAVX512, gap: pairGapAVX512, cosine: cosineGradAVX512,
		squares: pairSquaresAVX512, abs: pairAbsAVX512,
		triplet2: triplet2GradAVX512, triplet1: triplet1GradAVX512,
	}
}
