package simd

//go:generate go -C _asm run . -group maths -out ../maths_amd64.s -stubs ../maths_amd64.go -pkg simd
//go:generate go -C _asm run . -group maps -out ../maps_amd64.s -stubs ../maps_amd64.go -pkg simd
//go:generate go -C _asm run . -group reduce -out ../reduce_amd64.s -stubs ../reduce_amd64.go -pkg simd
//go:generate go -C _asm run . -group distance -out ../distance_amd64.s -stubs ../distance_amd64.go -pkg simd
//go:generate go -C _asm run . -group pool -out ../pool_amd64.s -stubs ../pool_amd64.go -pkg simd
//go:generate go -C _asm run . -group rows -out ../rows_amd64.s -stubs ../rows_amd64.go -pkg simd
//go:generate go -C _asm run . -group regress -out ../regress_amd64.s -stubs ../regress_amd64.go -pkg simd
//go:generate go -C _asm run . -group binaryloss -out ../binaryloss_amd64.s -stubs ../binaryloss_amd64.go -pkg simd
//go:generate go -C _asm run . -group pairs -out ../pairs_amd64.s -stubs ../pairs_amd64.go -pkg simd
//go:generate go -C _asm run . -group margins -out ../margins_amd64.s -stubs ../margins_amd64.go -pkg simd
//go:generate go -C _asm run . -group xent -out ../xent_amd64.s -stubs ../xent_amd64.go -pkg simd
//go:generate go -C _asm run . -group ctc -out ../ctc_amd64.s -stubs ../ctc_amd64.go -pkg simd
//go:generate go -C _asm run . -group ctcpath -out ../ctcpath_amd64.s -stubs ../ctcpath_amd64.go -pkg simd
//go:generate go -C _asm run . -group ctcsum -out ../ctcsum_amd64.s -stubs ../ctcsum_amd64.go -pkg simd
//go:generate go -C _asm run . -group update -out ../update_amd64.s -stubs ../update_amd64.go -pkg simd
//go:generate go -C _asm run . -group scan -out ../scan_amd64.s -stubs ../scan_amd64.go -pkg simd
//go:generate go -C _asm run . -group bitscan -out ../bitscan_amd64.s -stubs ../bitscan_amd64.go -pkg simd

// tables32 holds the float32 kernels of each level.
var tables32 = [...]table[float32]{Generic: plain[float32](), AVX2: avx2(), AVX512: avx512()}

func avx2() table[float32] {
	t := plain[float32]()
	t.ops = [numOps]kernel[float32]{
		opExp: expAVX2, opLog: logAVX2,
		opTanh: tanhAVX2, opSigmoid: sigmoidAVX2, opSoftplus: softplusAVX2, opSiLU: siluAVX2, opGELU: geluAVX2, opGELUTanh: geluTanhAVX2, opErf: erfAVX2, opELU: eluAVX2,
		opTanhGrad: tanhGradAVX2, opSigmoidGrad: sigmoidGradAVX2, opSoftplusGrad: softplusGradAVX2,
		opSiLUGrad: siluGradAVX2, opGELUGrad: geluGradAVX2,
		opReLU: reluAVX2, opLeakyReLU: leakyReLUAVX2, opReLUGrad: reluGradAVX2, opLeakyReLUGrad: leakyReLUGradAVX2,
		opSqrt: sqrtAVX2, opAbs: absAVX2, opSquare: squareAVX2, opNeg: negAVX2, opHardSwish: hardSwishAVX2,
		opFloor: floorAVX2, opCeil: ceilAVX2, opRound: roundAVX2,
		opAdd: addAVX2, opSub: subAVX2, opMul: mulAVX2, opDiv: divAVX2,
		opGreater: greaterAVX2, opLesser: lesserAVX2, opAtLeast: atLeastAVX2, opAtMost: atMostAVX2,
		opSubFrom: subFromAVX2, opDivScalar: divScalarAVX2, opDivInto: divIntoAVX2,
		opScale: scaleAVX2, opAddScalar: addScalarAVX2, opAXPY: axpyAVX2, opMulAdd: mulAddAVX2,
		opFill: fillAVX2, opWeigh: weighAVX2, opEMA: emaAVX2,
	}
	t.folds = [numFolds]reduction[float32]{
		foldSum: sumAVX2, foldDot: dotAVX2, foldSumSquares: sumSquaresAVX2, foldSumAbs: sumAbsAVX2,
		foldMax: maxAVX2, foldMin: minAVX2, foldNonFinite: nonFiniteAVX2,
	}
	t.index = indexBy(indexAVX2)
	t.softmax, t.logSoftmax, t.logSumExp = softmaxRowsAVX2, logSoftmaxRowsAVX2, logSumExpRowsAVX2
	t.expRows, t.softRows, t.addRow, t.sumRows = expRowsAVX2, softRowsAVX2, addRowAVX2, sumRowsAVX2
	t.distances = distancesBy(distanceTileAVX2, distanceRowAVX2, 16)
	t.maxPool2, t.maxPool2Grad = halvingBy(maxPool2AVX2, false), halvingBy(maxPool2GradAVX2, true)
	t.avgPool2, t.avgPool2Grad = halvingBy(avgPool2AVX2, false), halvingBy(avgPool2GradAVX2, true)
	regressAVX2(&t.points)
	t.pairs, t.margins = pairsAVX2(), marginsAVX2()
	binaryAVX2(&t.points)
	t.ctc = CTCKernels[float32]{Lanes: 8, Emit: ctcEmitAVX2, Forward: ctcForwardAVX2, Backward: ctcBackwardAVX2}
	t.ctcPath = ctcPathAVX2
	t.ctcSum = ctcSumAVX2
	t.scan, t.bitScan = scanAVX2(), bitScanAVX2
	t.sgd = sgdBy(sgdPlainAVX2, sgdMomentumAVX2, sgdNesterovAVX2)
	t.adam = func(w, grad, m, v []float32, k *adamFactors[float32]) { adamAVX2(w, grad, m, v, &k.decay) }
	return t
}

func avx512() table[float32] {
	t := plain[float32]()
	t.ops = [numOps]kernel[float32]{
		opExp: expAVX512, opLog: logAVX512,
		opTanh: tanhAVX512, opSigmoid: sigmoidAVX512, opSoftplus: softplusAVX512, opSiLU: siluAVX512, opGELU: geluAVX512, opGELUTanh: geluTanhAVX512, opErf: erfAVX512, opELU: eluAVX512,
		opTanhGrad: tanhGradAVX512, opSigmoidGrad: sigmoidGradAVX512, opSoftplusGrad: softplusGradAVX512,
		opSiLUGrad: siluGradAVX512, opGELUGrad: geluGradAVX512,
		opReLU: reluAVX512, opLeakyReLU: leakyReLUAVX512, opReLUGrad: reluGradAVX512, opLeakyReLUGrad: leakyReLUGradAVX512,
		opSqrt: sqrtAVX512, opAbs: absAVX512, opSquare: squareAVX512, opNeg: negAVX512, opHardSwish: hardSwishAVX512,
		opFloor: floorAVX512, opCeil: ceilAVX512, opRound: roundAVX512,
		opAdd: addAVX512, opSub: subAVX512, opMul: mulAVX512, opDiv: divAVX512,
		opGreater: greaterAVX512, opLesser: lesserAVX512, opAtLeast: atLeastAVX512, opAtMost: atMostAVX512,
		opSubFrom: subFromAVX512, opDivScalar: divScalarAVX512, opDivInto: divIntoAVX512,
		opScale: scaleAVX512, opAddScalar: addScalarAVX512, opAXPY: axpyAVX512, opMulAdd: mulAddAVX512,
		opFill: fillAVX512, opWeigh: weighAVX512, opEMA: emaAVX512,
	}
	t.folds = [numFolds]reduction[float32]{
		foldSum: sumAVX512, foldDot: dotAVX512, foldSumSquares: sumSquaresAVX512, foldSumAbs: sumAbsAVX512,
		foldMax: maxAVX512, foldMin: minAVX512, foldNonFinite: nonFiniteAVX512,
	}
	t.index = indexBy(indexAVX512)
	t.softmax, t.logSoftmax, t.logSumExp = softmaxRowsAVX512, logSoftmaxRowsAVX512, logSumExpRowsAVX512
	t.expRows, t.softRows, t.addRow, t.sumRows = expRowsAVX512, softRowsAVX512, addRowAVX512, sumRowsAVX512
	t.distances = distancesBy(distanceTileAVX512, distanceRowAVX512, 32)
	t.maxPool2, t.maxPool2Grad = halvingBy(maxPool2AVX512, false), halvingBy(maxPool2GradAVX512, true)
	t.avgPool2, t.avgPool2Grad = halvingBy(avgPool2AVX512, false), halvingBy(avgPool2GradAVX512, true)
	regressAVX512(&t.points)
	t.pairs, t.margins = pairsAVX512(), marginsAVX512()
	binaryAVX512(&t.points)
	t.ctc = CTCKernels[float32]{Lanes: 16, Emit: ctcEmitAVX512, Forward: ctcForwardAVX512, Backward: ctcBackwardAVX512}
	t.ctcPath = ctcPathAVX512
	t.ctcSum = ctcSumAVX512
	t.scan, t.bitScan = scanAVX512(), bitScanAVX2
	t.sgd = sgdBy(sgdPlainAVX512, sgdMomentumAVX512, sgdNesterovAVX512)
	t.adam = func(w, grad, m, v []float32, k *adamFactors[float32]) { adamAVX512(w, grad, m, v, &k.decay) }
	return t
}
