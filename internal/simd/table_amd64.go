package simd

//go:generate go -C _asm run . -group maths -out ../maths_amd64.s -stubs ../maths_amd64.go -pkg simd
//go:generate go -C _asm run . -group maps -out ../maps_amd64.s -stubs ../maps_amd64.go -pkg simd

// tables32 holds the float32 kernels of each level.
var tables32 = [...]table[float32]{Generic: plain[float32](), AVX2: avx2(), AVX512: avx512()}

func avx2() table[float32] {
	t := plain[float32]()
	t.ops = [numOps]kernel[float32]{
		opExp: expAVX2, opExpm1: expm1AVX2, opLog: logAVX2, opLog1p: log1pAVX2,
		opTanh: tanhAVX2, opSigmoid: sigmoidAVX2, opSoftplus: softplusAVX2, opSiLU: siluAVX2, opGELU: geluAVX2,
		opTanhGrad: tanhGradAVX2, opSigmoidGrad: sigmoidGradAVX2, opSoftplusGrad: softplusGradAVX2,
		opSiLUGrad: siluGradAVX2, opGELUGrad: geluGradAVX2,
		opReLU: reluAVX2, opLeakyReLU: leakyReLUAVX2, opReLUGrad: reluGradAVX2, opLeakyReLUGrad: leakyReLUGradAVX2,
		opSqrt: sqrtAVX2, opAbs: absAVX2, opSquare: squareAVX2, opNeg: negAVX2,
		opAdd: addAVX2, opSub: subAVX2, opMul: mulAVX2, opDiv: divAVX2,
		opScale: scaleAVX2, opAddScalar: addScalarAVX2, opAXPY: axpyAVX2, opMulAdd: mulAddAVX2,
		opFill: fillAVX2, opEMA: emaAVX2,
	}
	return t
}

func avx512() table[float32] {
	t := plain[float32]()
	t.ops = [numOps]kernel[float32]{
		opExp: expAVX512, opExpm1: expm1AVX512, opLog: logAVX512, opLog1p: log1pAVX512,
		opTanh: tanhAVX512, opSigmoid: sigmoidAVX512, opSoftplus: softplusAVX512, opSiLU: siluAVX512, opGELU: geluAVX512,
		opTanhGrad: tanhGradAVX512, opSigmoidGrad: sigmoidGradAVX512, opSoftplusGrad: softplusGradAVX512,
		opSiLUGrad: siluGradAVX512, opGELUGrad: geluGradAVX512,
		opReLU: reluAVX512, opLeakyReLU: leakyReLUAVX512, opReLUGrad: reluGradAVX512, opLeakyReLUGrad: leakyReLUGradAVX512,
		opSqrt: sqrtAVX512, opAbs: absAVX512, opSquare: squareAVX512, opNeg: negAVX512,
		opAdd: addAVX512, opSub: subAVX512, opMul: mulAVX512, opDiv: divAVX512,
		opScale: scaleAVX512, opAddScalar: addScalarAVX512, opAXPY: axpyAVX512, opMulAdd: mulAddAVX512,
		opFill: fillAVX512, opEMA: emaAVX512,
	}
	return t
}
