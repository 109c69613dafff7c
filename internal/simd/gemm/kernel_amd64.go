package gemm

import "unsafe"

//go:generate go run -C _asm . -dir ..

//go:noescape
func tileAVX512(t *tile)

//go:noescape
func tileAVX2(t *tile)

//go:noescape
func tileRowsAVX512(t *tile)

//go:noescape
func tileRowsAVX2(t *tile)

//go:noescape
func sumsToBytesAVX512(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32)

//go:noescape
func sumsToBytesAVX2(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32)

//go:noescape
func numbersToBytesAVX512(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32)

//go:noescape
func numbersToBytesAVX2(dst, src unsafe.Pointer, n int, factor, low, high float32, zero int32)

//go:noescape
func tilePairsAVX512(t *tile)

//go:noescape
func tilePairsAVX2(t *tile)

// The steps of the copies are in bytes; width is at most one vector for transpose, two for copyRows and cols for sumRows and splitRows.

//go:noescape
func transposeAVX512(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int)

//go:noescape
func transposeAVX2(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int)

//go:noescape
func copyRowsAVX512(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int)

//go:noescape
func copyRowsAVX2(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int)

//go:noescape
func sumRowsAVX512(dst, src unsafe.Pointer, dstStep, srcStep, rows, cols int)

//go:noescape
func sumRowsAVX2(dst, src unsafe.Pointer, dstStep, srcStep, rows, cols int)

//go:noescape
func splitRowsAVX512(even, odd, src unsafe.Pointer, dstStep, srcStep, rows, cols int)

//go:noescape
func splitRowsAVX2(even, odd, src unsafe.Pointer, dstStep, srcStep, rows, cols int)

//go:noescape
func tapsAVX512(y, x, at, w unsafe.Pointer, taps, n int, bias float32)

//go:noescape
func tapsAVX2(y, x, at, w unsafe.Pointer, taps, n int, bias float32)

//go:noescape
func winogradIn2AVX512(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int)

//go:noescape
func winogradIn2AVX2(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int)

//go:noescape
func winogradOut2AVX512(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int)

//go:noescape
func winogradOut2AVX2(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int)

//go:noescape
func winogradIn4AVX512(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int)

//go:noescape
func winogradIn4AVX2(dst, src, spare unsafe.Pointer, tiles, srcRow, srcTile, dstTile, dstPart int)

//go:noescape
func winogradOut4AVX512(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int)

//go:noescape
func winogradOut4AVX2(dst, src, bias, spare unsafe.Pointer, tiles, srcTile, srcPart, dstTile, dstRow int)

//go:noescape
func windowsAVX512(y, x, at, w, bias unsafe.Pointer, taps, n, step int, low, high float32)

//go:noescape
func maxWindowsAVX512(y, x, at unsafe.Pointer, taps, n, step int, least float32)

//go:noescape
func windowsAVX2(y, x, at, w, bias unsafe.Pointer, taps, n, step int, low, high float32)

//go:noescape
func maxWindowsAVX2(y, x, at unsafe.Pointer, taps, n, step int, least float32)

//go:noescape
func pixelsAVX512(y, x, w, bias, bounds unsafe.Pointer, steps, step, n int)

//go:noescape
func pixelsAVX2(y, x, w, bias, bounds unsafe.Pointer, steps, step, n int)
