package simd

func regressAVX2(all *[numPoints]pointKernel[float32]) {
	all[PointMSE] = pointBy(mseSumAVX2, mseEachAVX2, outA, outA|outB)
}

func regressAVX512(all *[numPoints]pointKernel[float32]) {
	all[PointMSE] = pointBy(mseSumAVX512, mseEachAVX512, outA, outA|outB)
}
