//go:build !amd64

package gemm

import "unsafe"

// Without assembly the level is always Generic, so none of these is ever called.

func tileAVX512(t *tile) { panic("gemm: no AVX-512") }

func tileAVX2(t *tile) { panic("gemm: no AVX2") }

func tileRowsAVX512(t *tile) { panic("gemm: no AVX-512") }

func tileRowsAVX2(t *tile) { panic("gemm: no AVX2") }

func tilePairsAVX512(t *tile) { panic("gemm: no AVX-512") }

func tilePairsAVX2(t *tile) { panic("gemm: no AVX2") }

func sumsToBytesAVX512(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32) {
	panic("gemm: no AVX-512")
}

func sumsToBytesAVX2(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32) {
	panic("gemm: no AVX2")
}

func numbersToBytesAVX512(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32) {
	panic("gemm: no AVX-512")
}

func numbersToBytesAVX2(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32) {
	panic("gemm: no AVX2")
}

func transposeAVX512(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	panic("gemm: no AVX-512")
}

func transposeAVX2(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	panic("gemm: no AVX2")
}

func copyRowsAVX512(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	panic("gemm: no AVX-512")
}

func copyRowsAVX2(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	panic("gemm: no AVX2")
}

func sumRowsAVX512(dst, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	panic("gemm: no AVX-512")
}

func sumRowsAVX2(dst, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	panic("gemm: no AVX2")
}

func splitRowsAVX512(even, odd, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	panic("gemm: no AVX-512")
}

func splitRowsAVX2(even, odd, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	panic("gemm: no AVX2")
}

func tapsAVX512(y, x, at, w unsafe.Pointer, taps, n int, bias float32) { panic("gemm: no AVX-512") }

func tapsAVX2(y, x, at, w unsafe.Pointer, taps, n int, bias float32) { panic("gemm: no AVX2") }

func winogradIn2AVX512(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int) {
	panic("gemm: no AVX-512")
}

func winogradOut2AVX512(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int) {
	panic("gemm: no AVX-512")
}

func winogradIn2AVX2(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int) {
	panic("gemm: no AVX2")
}

func winogradOut2AVX2(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int) {
	panic("gemm: no AVX2")
}

func winogradIn4AVX512(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int) {
	panic("gemm: no AVX-512")
}

func winogradOut4AVX512(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int) {
	panic("gemm: no AVX-512")
}

func winogradIn4AVX2(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int) {
	panic("gemm: no AVX2")
}

func winogradOut4AVX2(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int) {
	panic("gemm: no AVX2")
}

func windowsAVX512(y, x, at, w, bias unsafe.Pointer, taps, n, step int, low, high float32) {
	panic("gemm: no AVX-512")
}

func maxWindowsAVX512(y, x, at unsafe.Pointer, taps, n, step int, least float32) {
	panic("gemm: no AVX-512")
}

func windowsAVX2(y, x, at, w, bias unsafe.Pointer, taps, n, step int, low, high float32) {
	panic("gemm: no AVX2")
}

func maxWindowsAVX2(y, x, at unsafe.Pointer, taps, n, step int, least float32) {
	panic("gemm: no AVX2")
}

func pixelsAVX512(y, x, w, bias, bounds unsafe.Pointer, steps, step, n int) {
	panic("gemm: no AVX-512")
}

func pixelsAVX2(y, x, w, bias, bounds unsafe.Pointer, steps, step, n int) {
	panic("gemm: no AVX2")
}
