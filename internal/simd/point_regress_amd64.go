package simd

func regressAVX2(all *[numPoints]pointKernel[float32]) {
	all[PointMSE] = pointBy(mseSumAVX2, mseEachAVX2, outA, outA|outB)
	all[PointL1] = pointBy(l1SumAVX2, l1EachAVX2, outA, outA|outB)
	all[PointHuber] = pointBy(huberSumAVX2, huberEachAVX2, outA, outA|outB)
	all[PointPoissonLog] = pointBy(poissonLogSumAVX2, poissonLogEachAVX2, outA, outA|outB)
	all[PointPoisson] = pointBy(poissonSumAVX2, poissonEachAVX2, outA, outA|outB)
	all[PointGaussian] = pointBy(gaussianSumAVX2, gaussianEachAVX2, outA|outC, outA|outB|outC)
	all[PointKLDiv] = pointBy(klDivSumAVX2, klDivEachAVX2, outA, outA|outB)
	all[PointKLDivLog] = pointBy(klDivLogSumAVX2, klDivLogEachAVX2, outA, outA|outB)
}

func regressAVX512(all *[numPoints]pointKernel[float32]) {
	all[PointMSE] = pointBy(mseSumAVX512, mseEachAVX512, outA, outA|outB)
	all[PointL1] = pointBy(l1SumAVX512, l1EachAVX512, outA, outA|outB)
	all[PointHuber] = pointBy(huberSumAVX512, huberEachAVX512, outA, outA|outB)
	all[PointPoissonLog] = pointBy(poissonLogSumAVX512, poissonLogEachAVX512, outA, outA|outB)
	all[PointPoisson] = pointBy(poissonSumAVX512, poissonEachAVX512, outA, outA|outB)
	all[PointGaussian] = pointBy(gaussianSumAVX512, gaussianEachAVX512, outA|outC, outA|outB|outC)
	all[PointKLDiv] = pointBy(klDivSumAVX512, klDivEachAVX512, outA, outA|outB)
	all[PointKLDivLog] = pointBy(klDivLogSumAVX512, klDivLogEachAVX512, outA, outA|outB)
}
