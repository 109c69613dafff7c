package simd

func binaryAVX2(all *[numPoints]pointKernel[float32]) {
	all[PointBCE] = pointBy(bceSumAVX2, bceEachAVX2, outA, outA|outB)
	all[PointBCELogits] = pointBy(bceLogitsSumAVX2, bceLogitsEachAVX2, outA, outA|outB)
	all[PointBCELogitsPos] = pointBy(bceLogitsPosSumAVX2, bceLogitsPosEachAVX2, outA, outA|outB)
	all[PointSoftMargin] = pointBy(softMarginSumAVX2, softMarginEachAVX2, outA, outA)
	all[PointHingeEmbedding] = pointBy(hingeEmbeddingSumAVX2, hingeEmbeddingEachAVX2, outA, outA)
	all[PointMarginRanking] = pointBy(marginRankingSumAVX2, marginRankingEachAVX2, outA|outB, outA|outB|outC)
}

func binaryAVX512(all *[numPoints]pointKernel[float32]) {
	all[PointBCE] = pointBy(bceSumAVX512, bceEachAVX512, outA, outA|outB)
	all[PointBCELogits] = pointBy(bceLogitsSumAVX512, bceLogitsEachAVX512, outA, outA|outB)
	all[PointBCELogitsPos] = pointBy(bceLogitsPosSumAVX512, bceLogitsPosEachAVX512, outA, outA|outB)
	all[PointSoftMargin] = pointBy(softMarginSumAVX512, softMarginEachAVX512, outA, outA)
	all[PointHingeEmbedding] = pointBy(hingeEmbeddingSumAVX512, hingeEmbeddingEachAVX512, outA, outA)
	all[PointMarginRanking] = pointBy(marginRankingSumAVX512, marginRankingEachAVX512, outA|outB, outA|outB|outC)
}
