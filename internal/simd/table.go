package simd

// A table is the set of kernels of one level for one element type. It is the one
// place where plain Go and assembly meet: see tables32.
type table[T Float] struct {
	ops   [numOps]kernel[T]
	folds [numFolds]reduction[T]
	index func(x []T, v T) int // the first i with x[i] = v (or with x[i] NaN if v is), else -1

	softmax, logSoftmax, logSumExp func(dst, x []T, rows, cols int)
	expRows                        func(dst, top []T, sum []float64, x []T, rows, cols int)
	softRows                       func(dst, top []T, sum []float64, factor, x []T, rows, cols int)
	addRow                         func(dst, x, bias []T, rows, cols int)
	sumRows                        func(dst []float64, x []T, rows, cols int)

	distances func(dst, x, c, scratch []T, s distanceShape)

	maxPool, maxPoolGrad, avgPool, avgPoolGrad pooling[T]

	// For 2×2 windows that tile the image; the gradients overwrite.
	maxPool2, maxPool2Grad, avgPool2, avgPool2Grad pooling[T]

	points [numPoints]pointKernel[T]

	pairs   pairKernels[T]
	margins marginKernels[T]
	ctc     CTCKernels[T]
	ctcPath func(steps []byte, blanks, labels []float64, row []float32, skip []float64, blank float64)
	ctcSum  func(blanks, labels, row, into, enter, follows []float64, blank float64)
	scan    scanKernels
	bitScan bitScanKernel

	sgd  func(w, grad, m []T, k *sgdFactors[T])
	adam func(w, grad, m, v []T, k *adamFactors[T])
}

// plain returns the table of plain Go kernels.
func plain[T Float]() table[T] {
	return table[T]{
		ops: [numOps]kernel[T]{
			opExp: exp[T], opLog: log[T],
			opTanh: tanh[T], opSigmoid: sigmoid[T], opSoftplus: softplus[T], opSiLU: silu[T], opGELU: gelu[T], opGELUTanh: geluTanh[T], opErf: erf[T], opELU: elu[T],
			opTanhGrad: tanhGrad[T], opSigmoidGrad: sigmoidGrad[T], opSoftplusGrad: softplusGrad[T],
			opSiLUGrad: siluGrad[T], opGELUGrad: geluGrad[T],
			opReLU: relu[T], opLeakyReLU: leakyReLU[T], opReLUGrad: reluGrad[T], opLeakyReLUGrad: leakyReLUGrad[T],
			opSqrt: sqrt[T], opAbs: abs[T], opSquare: square[T], opNeg: neg[T], opHardSwish: hardSwish[T],
			opFloor: roundDown[T], opCeil: roundUp[T], opRound: round[T],
			opAdd: add[T], opSub: sub[T], opMul: mul[T], opDiv: div[T],
			opGreater: greater[T], opLesser: lesser[T], opAtLeast: atLeast[T], opAtMost: atMost[T],
			opSubFrom: subFrom[T], opDivScalar: divScalar[T], opDivInto: divInto[T],
			opScale: scale[T], opAddScalar: addScalar[T], opAXPY: axpy[T], opMulAdd: mulAdd[T],
			opFill: fill[T], opWeigh: weigh[T], opEMA: ema[T],
		},
		folds: [numFolds]reduction[T]{
			foldSum: sum[T], foldDot: dot[T], foldSumSquares: sumSquares[T], foldSumAbs: sumAbs[T],
			foldMax: maximum[T], foldMin: minimum[T], foldNonFinite: nonFinite[T],
		},
		index:   index[T],
		softmax: softmaxRows[T], logSoftmax: logSoftmaxRows[T], logSumExp: logSumExpRows[T],
		expRows: expRows[T], softRows: softRows[T], addRow: addRow[T], sumRows: sumRows[T],
		distances: distances[T],
		maxPool:   maxPool[T], maxPoolGrad: maxPoolGrad[T], avgPool: avgPool[T], avgPoolGrad: avgPoolGrad[T],
		maxPool2: maxPool[T], maxPool2Grad: maxPoolGrad[T], avgPool2: avgPool[T], avgPool2Grad: avgPoolGrad[T],
		points: plainPoints[T](),
		pairs:  plainPairs[T](), margins: plainMargins[T](), ctc: plainCTC[T](), ctcPath: ctcPath, ctcSum: ctcSum, scan: plainScan(), bitScan: bitScan,
		sgd: sgd[T], adam: adam[T],
	}
}

var table64 = plain[float64]()

// tableOf returns the kernels for T at the current level.
func tableOf[T Float]() *table[T] {
	if t, ok := any(&table64).(*table[T]); ok {
		return t
	}
	return any(&tables32[Current()]).(*table[T])
}
