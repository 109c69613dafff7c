package simd

func marginsAVX2() marginKernels[float32] {
	return marginKernels[float32]{
		multi1: multiMargin1AVX2, multi2: multiMargin2AVX2, multilabel: multilabelBy(multilabelMarginAVX2),
	}
}

func marginsAVX512() marginKernels[float32] {
	return marginKernels[float32]{
		multi1: multiMargin1AVX512, multi2: multiMargin2AVX512, multilabel: multilabelBy(multilabelMarginAVX512),
	}
}

// multilabelBy clears the slopes, which assembly adds to.
func multilabelBy(add multilabel[float32]) multilabel[float32] {
	return func(dx, x []float32, shifts, slopes []float64, scale float64) float64 {
		clear(slopes)
		return add(dx, x, shifts, slopes, scale)
	}
}
