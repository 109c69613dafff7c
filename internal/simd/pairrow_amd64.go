package simd

func pairsAVX2() pairKernels[float32] {
	return pairKernels[float32]{
		sums: pairSumsAVX2, gap: pairGapAVX2, cosine: cosineGradAVX2,
		squares: pairSquaresAVX2, abs: pairAbsAVX2, powers: pairPowersAVX2,
		triplet2: triplet2GradAVX2, triplet1: triplet1GradAVX2, tripletP: tripletPGradAVX2,
	}
}

func pairsAVX512() pairKernels[float32] {
	return pairKernels[float32]{
		sums: pairSumsAVX512, gap: pairGapAVX512, cosine: cosineGradAVX512,
		squares: pairSquaresAVX512, abs: pairAbsAVX512, powers: pairPowersAVX512,
		triplet2: triplet2GradAVX512, triplet1: triplet1GradAVX512, tripletP: tripletPGradAVX512,
	}
}
